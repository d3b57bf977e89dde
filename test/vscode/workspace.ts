/** The folder that the tests open: a real kernel and initramfs with a launch.json, and beside them what must be refused. */
import { copyFile, mkdir, open, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { busyboxInitramfs, cloudKernel } from "../../scripts/guests/guests.ts";
import { makeGuestFolder, type GuestFolder } from "../../scripts/workbench/folder.ts";

export const ROOT = path.resolve(import.meta.dirname, "../..");
export const BUILD = path.join(ROOT, "build", "vscode");
export const SCREENSHOTS = process.env["BOOTSCOPE_SCREENSHOTS"] ?? path.join(ROOT, "build", "screenshots");

export async function makeWorkspace(name: string): Promise<GuestFolder> {
  const folder = path.join(BUILD, name);
  await rm(folder, { recursive: true, force: true });
  const guest = { kernel: (await cloudKernel()).vmlinuz, initrd: await busyboxInitramfs() };
  const made = await makeGuestFolder(folder, guest, { boot: "direct" });
  const bad = path.join(folder, "bad");
  await mkdir(bad);
  const image = Buffer.alloc(8192);
  image.write("ARM\x64", 0x38, "latin1");
  await writeFile(path.join(bad, "arm64-Image"), image);
  await writeFile(path.join(bad, "cut-off"), await firstBytes(guest.kernel, 1 << 20));
  await writeFile(path.join(bad, "huge-initrd"), Buffer.alloc(64 << 20));
  return made;
}

/** A folder with a kernel and an initramfs, and nothing else. */
export async function makeBareFolder(name: string): Promise<string> {
  const folder = path.join(BUILD, name);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const kernel = (await cloudKernel()).vmlinuz;
  const initrd = await busyboxInitramfs();
  for (const file of [kernel, initrd]) await copyFile(file, path.join(folder, path.basename(file)));
  return folder;
}

async function firstBytes(file: string, length: number): Promise<Buffer> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
