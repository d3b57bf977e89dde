/** Finds the built-in firmware, loader and demo: beside the bundle in a package, in dist/ when the sources run directly. */
import type { DiskImage } from "../disks/disk-image.ts";
import { memoryDisk } from "../disks/memory-disk.ts";
import type { Firmware } from "../machine/api.ts";
import type { LoaderImages } from "./compose.ts";

/** The built-in BIOS. Rejects with one sentence when it has not been built. */
export async function builtinFirmware(): Promise<Firmware> {
  return { name: "builtin", bios: await image("bios.bin") };
}

/** Both stages of the built-in boot loader. */
export async function loaderImages(): Promise<LoaderImages> {
  const [mbr, stage2] = await Promise.all([image("mbr.bin"), image("stage2.bin")]);
  return { mbr, stage2 };
}

/** The disk of the built-in demonstration: its boot sector and its kernel with a user program. */
export async function demoDisk(): Promise<DiskImage> {
  return memoryDisk(await image("demo.img"));
}

async function image(name: string): Promise<Uint8Array> {
  const here = import.meta.url;
  const places = [new URL(`./firmware/${name}`, here), new URL(`../../dist/firmware/${name}`, here)];
  if (!here.startsWith("file:")) return new Uint8Array(await (await fetch(places[0]!)).arrayBuffer());
  const { readFile } = await import("node:fs/promises");
  for (const place of places) {
    const bytes = await readFile(place).catch(() => undefined);
    // A copy: the caller may not change what others read.
    if (bytes) return new Uint8Array(bytes);
  }
  throw new Error(`firmware/${name} is missing beside the program; run \`npm run build\`.`);
}
