/** guests/lines.s as a kernel that carries its source lines. */
import { execFileSync } from "node:child_process";
import path from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { readFile } from "node:fs/promises";
import { temporaryFolder } from "./fixture.ts";

export interface LinesKernel {
  file: string;
  source: string;
  /** Number of the line with a text. */
  line(text: string): number;
}

export async function linesKernel(t: TestContext): Promise<LinesKernel> {
  const source = fileURLToPath(new URL("guests/lines.s", import.meta.url));
  const folder = await temporaryFolder(t);
  const run = (command: string, ...args: string[]): void => void execFileSync(command, args, { cwd: folder });
  run("as", "--64", "-g", "-o", "lines.o", source);
  run("ld", "-Ttext=0x1000000", "-z", "noseparate-code", "-o", "lines.elf", "lines.o");
  const lines = (await readFile(source, "utf8")).split("\n").map((line) => line.trim());
  return {
    file: path.join(folder, "lines.elf"),
    source,
    line: (text) => {
      const index = lines.indexOf(text);
      if (index < 0) throw new Error(`lines.s has no line "${text}".`);
      return index + 1;
    },
  };
}
