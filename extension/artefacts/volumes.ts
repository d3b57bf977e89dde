/** The parts of a disk that may have a file system: its partitions, or the whole of it. */
import { Volume, type ByteSource } from "../../boot-formats/disk/byte-source.ts";
import { partitionVolume, readLayout, type DiskLayout } from "../../boot-formats/disk/disk-layout.ts";
import type { Partition } from "../../boot-formats/disk/partition.ts";
import { identifyContent } from "../../boot-formats/filesystems/open.ts";

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
  const isCd = (await identifyContent(whole))?.name === "ISO 9660";
  const partitions = layout.partitions
    .filter(({ kind, sectors }) => kind !== "extended" && sectors > 0)
    .map((partition) => ({ partition, volume: partitionVolume(whole, layout, partition) }));
  const own = isCd || partitions.length === 0 ? [{ partition: undefined, volume: whole }] : [];
  return { whole, layout, volumes: [...own, ...partitions], isCd };
}
