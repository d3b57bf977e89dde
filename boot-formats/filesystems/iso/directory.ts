/** Directory records (ECMA-119, 9.1). */
import type { Volume } from "../../disk/byte-source.ts";
import { FormatError } from "../../errors.ts";
import { hex } from "../../fields.ts";
import { MAX_DIRECTORY_BYTES, MAX_DIRECTORY_ENTRIES } from "../file-system.ts";
import { ISO_SECTOR } from "./volume-descriptor.ts";

const HEAD_BYTES = 33;
const FLAG_DIRECTORY = 0x02;
const FLAG_ASSOCIATED = 0x04;
const FLAG_MORE = 0x80;
/** Extents of one file: a file of 4 TiB has a thousand. */
const MAX_EXTENTS = 65536;

export interface Extent {
  /** Block within the volume. */
  block: number;
  bytes: number;
}

export interface DirectoryRecord {
  /** Place within the volume. */
  at: number;
  identifier: Uint8Array;
  directory: boolean;
  /** In the order of the content. */
  extents: Extent[];
  /** Bytes in all. */
  size: number;
  /** Seven bytes of the recording time. */
  time: Uint8Array;
  /** What stands behind the identifier: Rock Ridge. */
  systemUse: Uint8Array;
  systemUseAt: number;
}

/** One record as it stands; a file in several extents has one for each. */
export function parseRecord(bytes: Uint8Array, at: number): DirectoryRecord {
  const nameLength = bytes[32] ?? 0;
  if (bytes.length < HEAD_BYTES + 1 || HEAD_BYTES + nameLength > bytes.length) {
    throw new FormatError(`The directory record at ${hex(at)} has ${bytes.length} bytes, too few for its name.`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const size = view.getUint32(10, true);
  // The name is padded to an even place.
  const systemUse = Math.min(bytes.length, HEAD_BYTES + nameLength + (nameLength % 2 === 0 ? 1 : 0));
  return {
    at,
    identifier: bytes.subarray(HEAD_BYTES, HEAD_BYTES + nameLength),
    directory: (bytes[25]! & FLAG_DIRECTORY) !== 0,
    extents: [{ block: view.getUint32(2, true) + bytes[1]!, bytes: size }],
    size,
    time: bytes.subarray(18, 25),
    systemUse: bytes.subarray(systemUse),
    systemUseAt: at + systemUse,
  };
}

/** All records of a directory, those of one file put together. */
export async function readRecords(volume: Volume, blockSize: number, extent: Extent): Promise<DirectoryRecord[]> {
  const at = extent.block * blockSize;
  if (extent.bytes > MAX_DIRECTORY_BYTES) {
    throw new FormatError(
      `The directory at ${hex(volume.at(at))} has ${extent.bytes} bytes: at most 2^27 were expected.`,
    );
  }
  const records: DirectoryRecord[] = [];
  let open: DirectoryRecord | undefined;
  for (let sector = 0; sector < extent.bytes; sector += ISO_SECTOR) {
    const length = Math.min(ISO_SECTOR, extent.bytes - sector);
    const bytes = await volume.read(at + sector, length, "a directory");
    // A record never crosses the end of a sector; zeros fill it up.
    for (let place = 0; place < length && bytes[place] !== 0; place += bytes[place]!) {
      const end = place + bytes[place]!;
      if (end > length)
        throw new FormatError(`The directory record at ${hex(volume.at(at + sector + place))} is cut off.`);
      const record = parseRecord(bytes.slice(place, end), at + sector + place);
      const flags = bytes[place + 25]!;
      if ((flags & FLAG_ASSOCIATED) !== 0) continue;
      if (open) {
        if (open.extents.length >= MAX_EXTENTS)
          throw new FormatError(`A file lies in more than ${MAX_EXTENTS} extents.`);
        open.extents.push(...record.extents);
        open.size += record.size;
      } else {
        if (records.length >= MAX_DIRECTORY_ENTRIES) {
          throw new FormatError(`The directory at ${hex(volume.at(at))} has more than a million entries.`);
        }
        records.push(record);
      }
      open = (flags & FLAG_MORE) !== 0 ? (open ?? record) : undefined;
    }
  }
  return records;
}
