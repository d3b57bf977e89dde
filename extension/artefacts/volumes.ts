/** The file systems of a disk: on its partitions, or on the whole of it. */
import { Volume, type ByteSource } from "../../boot-formats/disk/byte-source.ts";
import { partitionVolume, readLayout, type DiskLayout } from "../../boot-formats/disk/disk-layout.ts";
import type { Partition } from "../../boot-formats/disk/partition.ts";
import { openExt } from "../../boot-formats/filesystems/ext/ext.ts";
import { isExtSuperblock, SUPERBLOCK_AT } from "../../boot-formats/filesystems/ext/superblock.ts";
import { isFatBootSector } from "../../boot-formats/filesystems/fat/boot-sector.ts";
import { openFat } from "../../boot-formats/filesystems/fat/fat.ts";
import type { FileSystem } from "../../boot-formats/filesystems/file-system.ts";
import { openIso } from "../../boot-formats/filesystems/iso/iso.ts";

const CD_DESCRIPTOR = 32 * 1024;

/**
 * The file system of a volume; undefined when it is none of those that can be read.
 * @throws FormatError when it is one, but damaged
 */
export async function openFileSystem(volume: Volume): Promise<FileSystem | undefined> {
  const has = async (at: number, length: number, test: (bytes: Uint8Array) => boolean): Promise<boolean> =>
    volume.has(at, length) && test(await volume.read(at, length, "the start of a file system"));
  const isCd = (bytes: Uint8Array): boolean => String.fromCharCode(...bytes.subarray(1, 6)) === "CD001";
  if (await has(CD_DESCRIPTOR, 6, isCd)) return openIso(volume);
  if (await has(SUPERBLOCK_AT, 1024, isExtSuperblock)) return openExt(volume);
  if (await has(0, 512, isFatBootSector)) return openFat(volume);
  return undefined;
}

/** A part of a disk that may have a file system. */
export interface DiskVolume {
  /** Undefined for the whole disk. */
  partition: Partition | undefined;
  volume: Volume;
}

export interface Disk {
  whole: Volume;
  layout: DiskLayout;
  /** The whole disk first where it has a file system of its own, then the partitions. */
  volumes: DiskVolume[];
  isCd: boolean;
}

/** @throws FormatError when the disk is shorter than a sector */
export async function readDisk(source: ByteSource): Promise<Disk> {
  const whole = Volume.whole(source);
  const layout = await readLayout(whole);
  const isCd =
    whole.has(CD_DESCRIPTOR, 6) &&
    String.fromCharCode(...(await whole.read(CD_DESCRIPTOR + 1, 5, "a volume descriptor"))) === "CD001";
  const partitions = layout.partitions
    .filter(({ kind, sectors }) => kind !== "extended" && sectors > 0)
    .map((partition) => ({ partition, volume: partitionVolume(whole, layout, partition) }));
  const own = isCd || partitions.length === 0 ? [{ partition: undefined, volume: whole }] : [];
  return { whole, layout, volumes: [...own, ...partitions], isCd };
}
