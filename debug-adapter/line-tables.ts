/** Reads the tables of source lines: of the built-in firmware, loader and demo, and of the user's own ELF files. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { elfSymbols } from "../boot-formats/elf-symbols.ts";
import { isElf } from "../boot-formats/elf.ts";
import { FormatError } from "../boot-formats/errors.ts";
import { isListing, parseListing } from "../boot-formats/listing.ts";
import { SourceLines, readSourceLines, sourceLinesOfElf } from "../boot-formats/source-lines.ts";
import type { SymbolEntry } from "../boot-formats/symbol-table.ts";
import { isSystemMap, parseSystemMap } from "../boot-formats/system-map.ts";
import { readBootFile } from "../emulator/machine/boot-files.ts";
import type { SourceMap, SymbolFile } from "./launch.ts";
import { listingFiles, localPath } from "./source-paths.ts";
import type { SourceModule } from "./sources.ts";
import type { SymbolList } from "./symbols.ts";

let builtin: readonly SourceModule[] | undefined;

/** What Bootscope brings along, with the sources beside it; nothing when it was built without. Read when first asked for. */
export function builtinSources(): readonly SourceModule[] {
  return (builtin ??= readBuiltin());
}

function readBuiltin(): readonly SourceModule[] {
  // Beside the bundle in a package, in dist/ when the sources run directly.
  for (const place of ["./firmware/", "../dist/firmware/"]) {
    const folder = fileURLToPath(new URL(place, import.meta.url));
    try {
      const text = readFileSync(path.join(folder, "lines.json"), "utf8");
      return readSourceLines(text, (file) => path.join(folder, "src", file));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  return [];
}

/** What a file tells: lines and symbols of an ELF file or a listing, or a list of addresses. Rejects with one sentence. */
export async function readSymbols(
  { file, offset }: SymbolFile,
  sourceMap: SourceMap,
): Promise<{ module: SourceModule } | { list: SymbolList }> {
  const bytes = await readBootFile("symbol file", file);
  try {
    if (isSystemMap(bytes)) return { list: { file, symbols: parseSystemMap(bytes), offset } };
    if (isListing(bytes)) {
      const listing = parseListing(bytes);
      const { files, rows } = await listingFiles(listing, path.resolve(file), sourceMap);
      const { code, symbols } = listing;
      return { module: new SourceLines({ bases: [Number(offset)], files, rows, code, symbols }) };
    }
    if (isElf(bytes)) {
      const symbols = elfSymbols(bytes);
      // A kernel moves itself, so that its file's addresses say little about physical ones.
      if (isLinux(symbols)) return { list: { file, symbols, offset } };
    }
    const data = sourceLinesOfElf(bytes, [Number(offset)]);
    const files = data.files.map((one) => localPath(one, path.dirname(file), sourceMap));
    return { module: new SourceLines({ ...data, files }) };
  } catch (error) {
    if (error instanceof FormatError) throw new Error(`The symbol file "${file}" cannot be used: ${error.message}`);
    throw error;
  }
}

const isLinux = (symbols: readonly SymbolEntry[]): boolean =>
  ["start_kernel", "linux_banner"].every((wanted) => symbols.some(({ name }) => name === wanted));
