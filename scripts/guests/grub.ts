/**
 * GRUB for BIOS on disk images, as grub-install leaves it: boot.img in the first sector, core.img behind it or in a BIOS
 * boot partition, modules and configuration in /boot/grub. Written by offsets, so that neither root nor a loop device
 * is needed (GRUB manual, "BIOS installation" and "GRUB image files"; layout of the patched fields:
 * include/grub/i386/pc/boot.h and include/grub/offsets.h).
 */
import { copyFile, mkdir, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { tool } from "./tools.ts";

const SECTOR = 512;
/** In boot.img: LBA of core.img's first sector, 64 bits. */
const KERNEL_SECTOR = 0x5c;
/** In boot.img: a jump that trusts any drive number in DL; two NOPs let only hard disks' stand. */
const DRIVE_CHECK = 0x66;
/** From here to the signature the first sector belongs to the partition table. */
const DISK_SIGNATURE = 0x1b8;
const BOOT_SIGNATURE = 0x1fe;
/** In core.img's first sector, at its end: where the rest lies (LBA: 64 bits, sectors: 16, segment: 16). */
const BLOCK_LIST = 0x1f4;

export interface GrubPlace {
  /** LBA of core.img: 1 in the gap behind an MBR, else the start of the BIOS boot partition. */
  coreSector: number;
  /** Sectors there are for it. */
  coreSectors: number;
  /** Partition of /boot/grub, as GRUB names it: "msdos1", "gpt2". */
  partition: string;
  /** Modules in core.img: enough to read that partition. */
  modules: readonly string[];
}

/** Puts modules and grub.cfg into `<root>/boot/grub`. `images` is the folder i386-pc of the package grub-pc-bin. */
export async function writeGrubDirectory(root: string, images: string, configuration: string): Promise<void> {
  const modules = join(root, "boot", "grub", "i386-pc");
  await mkdir(modules, { recursive: true });
  for (const file of await readdir(images)) {
    if (/\.(mod|lst)$/.test(file)) await copyFile(join(images, file), join(modules, file));
  }
  await writeFile(join(root, "boot", "grub", "grub.cfg"), configuration);
}

/** Writes GRUB's boot sector and core image into a partitioned disk image. */
export async function embedGrub(disk: string, images: string, place: GrubPlace, scratch: string): Promise<void> {
  const corePath = join(scratch, "core.img");
  const prefix = `(,${place.partition})/boot/grub`;
  const modules = ["biosdisk", ...place.modules];
  await tool("grub-mkimage", ["-O", "i386-pc", "-d", images, "-p", prefix, "-o", corePath, ...modules]);
  const core = await readFile(corePath);
  await rm(corePath);
  const sectors = Math.ceil(core.length / SECTOR);
  if (sectors > place.coreSectors) {
    throw new RangeError(`GRUB's core image takes ${sectors} sectors, but the disk has ${place.coreSectors} for it.`);
  }
  core.writeBigUInt64LE(BigInt(place.coreSector + 1), BLOCK_LIST);
  core.writeUInt16LE(sectors - 1, BLOCK_LIST + 8);
  const boot = await readFile(join(images, "boot.img"));
  boot.writeBigUInt64LE(BigInt(place.coreSector), KERNEL_SECTOR);
  boot.writeUInt16LE(0x9090, DRIVE_CHECK);
  const file = await open(disk, "r+");
  try {
    await file.read(boot, DISK_SIGNATURE, BOOT_SIGNATURE - DISK_SIGNATURE, DISK_SIGNATURE);
    await file.write(boot, 0, SECTOR, 0);
    await file.write(core, 0, core.length, place.coreSector * SECTOR);
  } finally {
    await file.close();
  }
}
