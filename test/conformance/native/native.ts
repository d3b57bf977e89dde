/** Builds harness.c with the C compiler of this machine, and runs batches of cases by it. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { decodeOutcomes, encodeBatch, type Outcome, type TestCase } from "./case.ts";

const SOURCE = fileURLToPath(new URL("harness.c", import.meta.url));

/** Path of the compiled harness, built when the source has changed. Throws with the compiler's message. */
export function buildHarness(): string {
  const cache = join(process.env["BOOTSCOPE_CACHE"] ?? join(homedir(), ".cache", "bootscope"), "conformance");
  const version = createHash("sha256").update(readFileSync(SOURCE)).digest("hex").slice(0, 16);
  const path = join(cache, `harness-${version}`);
  if (existsSync(path)) return path;
  mkdirSync(cache, { recursive: true });
  const temporary = `${path}.${process.pid}`;
  const compiler = process.env["CC"] ?? "gcc";
  const done = spawnSync(compiler, ["-O2", "-Wall", "-Wextra", "-Werror", "-mfsgsbase", "-o", temporary, SOURCE]);
  if (done.error) throw new Error(`${compiler}: ${done.error.message}; the native conformance test needs a C compiler`);
  if (done.status !== 0) throw new Error(`${compiler} failed on harness.c: ${done.stderr.toString()}`);
  renameSync(temporary, path);
  return path;
}

/** Outcomes of the cases on this processor. `image` is the data area before each case. */
export function runNative(harness: string, image: Uint8Array, cases: readonly TestCase[]): Outcome[] {
  const done = spawnSync(harness, { input: encodeBatch(image, cases), maxBuffer: 1 << 30 });
  if (done.error) throw done.error;
  if (done.status !== 0) {
    throw new Error(`the native harness ended with ${done.signal ?? done.status}: ${done.stderr.toString()}`);
  }
  const { buffer, byteOffset, length } = done.stdout;
  return decodeOutcomes(new Uint8Array(buffer, byteOffset, length), cases.length);
}
