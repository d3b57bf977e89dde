/** Where the sources are that debug information names. */
import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import type { Listing, ListingRow } from "../boot-formats/listing.ts";
import type { SourceMap } from "./launch.ts";

/** A source of assembly is smaller; what is larger is not looked at. */
const MAX_SOURCE = 16 << 20;
/** Endings of a NASM source whose listing is named like it. */
const NASM_ENDINGS = [".asm", ".nasm", ".s", ".S", ".inc"];
/** Of the lines that a listing has of a source, so many must stand in it. */
const MUST_AGREE = 0.9;

/** The path of a source on this machine: relative names count from `folder`; the longest beginning that is mapped counts. */
export function localPath(name: string, folder: string, sourceMap: SourceMap): string {
  const found = sourceMap
    .filter(([from]) => name === from || name.startsWith(from.endsWith("/") || from === "" ? from : `${from}/`))
    .sort(([a], [b]) => b.length - a.length)[0];
  if (found === undefined) return path.resolve(folder, name);
  const [from, to] = found;
  return path.resolve(folder, path.join(to, name.slice(from.length)));
}

/**
 * The files of a listing's rows. A source counts if it is there and has the lines that the listing shows; else the listing
 * itself is what can be stepped through.
 */
export async function listingFiles(
  listing: Listing,
  file: string,
  sourceMap: SourceMap,
): Promise<{ files: string[]; rows: ListingRow[] }> {
  const folder = path.dirname(file);
  const own = listing.files.length;
  const known = await Promise.all(
    listing.files.map(async (name, index) => {
      const rows = listing.rows.filter((row) => row.file === index);
      const names =
        name === "" ? NASM_ENDINGS.map((ending) => path.basename(file, path.extname(file)) + ending) : [name];
      for (const one of names) {
        const place = localPath(one, folder, sourceMap);
        if (place !== path.resolve(file) && (await agrees(place, rows))) return place;
      }
      return undefined;
    }),
  );
  return {
    files: [...known.map((place) => place ?? file), file],
    rows: listing.rows.map((row) =>
      known[row.file] === undefined ? { ...row, file: own, line: row.listingLine } : row,
    ),
  };
}

/** Whether a source has the lines of a listing, which may cut them off. */
async function agrees(file: string, rows: readonly ListingRow[]): Promise<boolean> {
  const size = await stat(file).then(
    (found) => (found.isFile() ? found.size : Infinity),
    () => Infinity,
  );
  if (size > MAX_SOURCE) return false;
  const lines = (await readFile(file, "utf8")).split(/\r?\n/).map(plain);
  const shown = rows.filter(({ text }) => text !== undefined);
  const same = shown.filter(({ line, text = "" }) => lines[line - 1]?.startsWith(plain(text)) === true).length;
  return same >= shown.length * MUST_AGREE;
}

const plain = (text: string): string => text.trim().replace(/\s+/g, " ");
