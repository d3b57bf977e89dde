/** Reads the tables of source lines: of the built-in firmware, loader and demo, and of the user's own ELF files. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { FormatError } from "../boot-formats/errors.ts";
import { SourceLines, readSourceLines, sourceLinesOfElf } from "../boot-formats/source-lines.ts";
import { readBootFile } from "../emulator/machine/boot-files.ts";
import type { SymbolFile } from "./launch.ts";
import type { SourceModule } from "./sources.ts";

/** What Bootscope brings along, with the sources beside it; nothing when it was built without. */
export async function builtinSources(): Promise<SourceModule[]> {
  // Beside the bundle in a package, in dist/ when the sources run directly.
  for (const place of ["./firmware/", "../dist/firmware/"]) {
    const folder = fileURLToPath(new URL(place, import.meta.url));
    const text = await readFile(path.join(folder, "lines.json"), "utf8").catch(() => undefined);
    if (text !== undefined) return readSourceLines(text, (file) => path.join(folder, "src", file));
  }
  return [];
}

/** The lines of an ELF file; its sources are looked for from its folder on. Rejects with one sentence. */
export async function readSymbols({ file, offset }: SymbolFile): Promise<SourceModule> {
  const bytes = await readBootFile("symbol file", file);
  try {
    const data = sourceLinesOfElf(bytes, [Number(offset)]);
    return new SourceLines({ ...data, files: data.files.map((one) => path.resolve(path.dirname(file), one)) });
  } catch (error) {
    if (error instanceof FormatError) throw new Error(`The symbol file "${file}" cannot be used: ${error.message}`);
    throw error;
  }
}
