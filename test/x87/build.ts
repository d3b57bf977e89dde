/** Builds what these tests run: the native program, and the floating-point unit as a module. In a temporary folder. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import asc from "assemblyscript/asc";

const here = import.meta.dirname;
const root = path.resolve(here, "../..");

/** The floating-point unit alone. It exists in memory only, since the project's own type check knows no AssemblyScript. */
const ENTRY = "x87-alone.ts";
const ENTRY_TEXT = `
import { execX87, x87Access, x87TagWord, x87SetTagWord, fpuInit } from "./emulator/core/assembly/x87/x87";
import { Op } from "./emulator/core/assembly/op";
import { getFlags } from "./emulator/core/assembly/flags";

export { x87Access, x87TagWord, x87SetTagWord, fpuInit, getFlags };

export function exec(at: u32): void {
  execX87(changetype<Op>(<usize>at));
}
`;

/** Compiles the unit with the memory and tables it works on. */
export async function buildModule(): Promise<WebAssembly.Module> {
  const folder = mkdtempSync(path.join(os.tmpdir(), "bootscope-x87-"));
  const out = path.join(folder, "x87.wasm");
  const options = "--runtime stub -O3 --noAssert --importMemory --memoryBase 65536 --initialMemory 64 --enable simd";
  const messages: string[] = [];
  try {
    const { error } = await asc.main(
      [ENTRY, "--baseDir", root, "-o", path.relative(root, out), ...options.split(" ")],
      {
        stderr: { write: (chunk: string | Uint8Array) => messages.push(Buffer.from(chunk).toString()) },
        readFile: (name, baseDir) =>
          name === ENTRY ? ENTRY_TEXT : readFile(path.resolve(baseDir, name), "utf8").catch(() => null),
      },
    );
    if (error) throw new Error(`asc: ${error.message}\n${messages.join("")}`);
    return new WebAssembly.Module(readFileSync(out));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Why this machine cannot serve as the reference, or false. */
export function whyNoReference(): string | false {
  if (process.platform !== "linux" || process.arch !== "x64") return "needs Linux on x86-64";
  if (!/^vendor_id\s*:\s*AuthenticAMD/m.test(readFileSync("/proc/cpuinfo", "utf8"))) {
    return "the core does as AMD's processors do, and this one is another's";
  }
  return spawnSync("gcc", ["--version"]).status === 0 ? false : "needs gcc";
}

export interface Native {
  run(cases: Uint8Array): Uint8Array;
  remove(): void;
}

export function buildNative(): Native {
  const folder = mkdtempSync(path.join(os.tmpdir(), "bootscope-x87-"));
  const program = path.join(folder, "native");
  execFileSync("gcc", [
    "-O1",
    "-mno-red-zone",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-o",
    program,
    path.join(here, "native.c"),
  ]);
  return {
    run(cases) {
      const { status, stdout, stderr } = spawnSync(program, { input: cases, maxBuffer: cases.length * 2 + 4096 });
      if (status !== 0) throw new Error(`The native program ended with ${String(status)}: ${stderr.toString()}`);
      return stdout;
    },
    remove() {
      rmSync(folder, { recursive: true });
    },
  };
}
