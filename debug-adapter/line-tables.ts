/** Reads the tables of source lines: of the built-in firmware, loader and demo, and of the user's own ELF files. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { FormatError } from "../boot-formats/errors.ts";
import { SourceLines, readSourceLines, sourceLinesOfElf } from "../boot-formats/source-lines.ts";
import { readBootFile } from "../emulator/machine/boot-files.ts";
import type { SymbolFile } from "./launch.ts";
import type { SourceModule } from "./sources.ts";

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
