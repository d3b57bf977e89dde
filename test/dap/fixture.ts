/** What the tests of this folder share: files to boot in a folder that goes away, and clients that end with the test. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TestContext } from "node:test";
import { Client } from "./client.ts";

export async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "bootscope-dap-"));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

/** Writes a kernel into a file of its own. */
export async function kernelFile(t: TestContext, bytes: Uint8Array): Promise<string> {
  const file = path.join(await temporaryFolder(t), "vmlinux");
  await writeFile(file, bytes);
  return file;
}

export function client(t: TestContext): Client {
  const one = new Client();
  t.after(() => one.kill());
  return one;
}
