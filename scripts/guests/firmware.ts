/** Firmware from Debian packages, in the cache. */
import { copyFile, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Firmware } from "../../emulator/machine/api.ts";
import { cachedDirectory } from "./cache.ts";
import { unpackPackage } from "./debian.ts";

const BIOS = "bios-256k.bin";
const VGA_BIOS = "vgabios-stdvga.bin";

export interface SeabiosFiles {
  /** The BIOS, 256 KiB. */
  bios: string;
  /** The VGA BIOS for the board's adapter. */
  vgaBios: string;
}

/** SeaBIOS and its VGA BIOS as Debian builds them. */
export async function seabiosFiles(): Promise<SeabiosFiles> {
  const directory = await cachedDirectory("seabios", async (target) => {
    const root = await unpackPackage("seabios", target);
    for (const file of [BIOS, VGA_BIOS]) await copyFile(join(root, "usr/share/seabios", file), join(target, file));
    await rm(root, { recursive: true });
  });
  return { bios: join(directory, BIOS), vgaBios: join(directory, VGA_BIOS) };
}

/** The same, for a machine. */
export async function seabios(): Promise<Firmware> {
  const { bios, vgaBios } = await seabiosFiles();
  return { name: "SeaBIOS", bios: await readFile(bios), vgaRom: await readFile(vgaBios) };
}
