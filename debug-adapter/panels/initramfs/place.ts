/** What a byte of an initramfs in memory belongs to. */
import type { Initramfs, InitramfsEntry } from "../../../boot-formats/initramfs/archive.ts";
import type { InitramfsAtResponse } from "../../protocol.ts";
import { touches } from "./pages.ts";
import type { Reading } from "./reading.ts";

type Place = Omit<InitramfsAtResponse, "physical">;

/** @param byte counted from the beginning of the initramfs */
export function placeInInitramfs({ index, overwritten }: Reading, byte: number): Place {
  const place = placeIn(index, byte);
  if (!touches(overwritten, byte, 1)) return place;
  return { ...place, text: `${place.text} That was so when it was loaded: memory holds something else by now.` };
}

function placeIn({ segments, entries }: Initramfs, byte: number): Place {
  const segment = segments.findIndex(({ file }) => byte >= file.start && byte < file.end);
  const one = segments[segment];
  if (one === undefined)
    return { text: `Byte ${byte} of the initramfs lies in none of its segments: zeros between or behind them.` };
  const offset = byte - one.file.start;
  const named = `segment ${segment} (${one.name})`;
  if (one.compression !== undefined) {
    const text = `Byte ${offset} of the ${one.compression} data of ${named}. Its files lie in the decompressed data, not in memory.`;
    return { text, segment, offset };
  }
  if (one.image) return { text: `Byte ${offset} of ${named}, an image of a file system.`, segment, offset };
  const at = entries.findLastIndex((entry) => entry.segment === segment && entry.headerRange.start <= offset);
  const trailer = one.archives.some((archive) => archive.trailer !== undefined && offset >= archive.trailer.start);
  const entry = entries[at];
  if (trailer || entry === undefined) {
    return { text: `Byte ${offset} of ${named}: the end of its archive.`, segment, offset };
  }
  const { part, within, words } = partOf(entry, offset);
  return { text: `${words} of ${entry.path}, in ${named}.`, segment, offset: within, entry: at, part };
}

function partOf(
  entry: InitramfsEntry,
  offset: number,
): { part: NonNullable<Place["part"]>; within: number; words: string } {
  const inHeader = offset - entry.headerRange.start;
  const { size, dataSize, dataRange } = entry;
  if (inHeader < size) return { part: "header", within: inHeader, words: `Byte ${inHeader} of the header` };
  if (offset < entry.headerRange.end) {
    return { part: "name", within: inHeader - size, words: `Byte ${inHeader - size} of the name` };
  }
  if (offset >= dataRange.start && offset < dataRange.end) {
    const within = offset - dataRange.start;
    return { part: "content", within, words: `Byte ${within} of the ${dataSize} bytes of content` };
  }
  const isBehind = offset >= dataRange.end;
  const within = offset - (isBehind ? dataRange.end : entry.headerRange.end);
  return { part: "padding", within, words: `Padding behind the ${isBehind ? "content" : "name"}` };
}
