/** BIOS parameter block of FAT12, FAT16 and FAT32 (Microsoft, "FAT: General Overview of On-Disk Format", 1.03). */
import { readBootCode } from "../../disk/boot-code.ts";
import type { Volume } from "../../disk/byte-source.ts";
import { FormatError } from "../../errors.ts";
import { FieldReader, hex, type Field } from "../../fields.ts";

const SECTOR = 512;
const ENTRY_BYTES = 32;
/** From so many clusters on it is not FAT12 any more, and not FAT16: the number alone decides. */
const FAT16_CLUSTERS = 4085;
const MAX_FAT32_CLUSTERS = 0x0ffffff5;

export interface FatGeometry {
  kind: "FAT12" | "FAT16" | "FAT32";
  clusterSize: number;
  /** Clusters there are; their numbers begin at 2. */
  clusters: number;
  /** Places within the volume. */
  fatAt: number;
  dataAt: number;
  /** Of FAT12 and FAT16, else 0. */
  rootAt: number;
  rootBytes: number;
  /** Of FAT32, else 0. */
  rootCluster: number;
  /** As the boot sector has it; the root directory may know better. */
  label: string;
  uuid: string;
  field: Field;
}

/** Whether a boot sector can be FAT's: what Linux checks before it tries. */
export function isFatBootSector(bytes: Uint8Array): boolean {
  if (bytes.length < SECTOR) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, SECTOR);
  const sectorSize = view.getUint16(11, true);
  const perCluster = bytes[13]!;
  const media = bytes[21]!;
  return (
    (bytes[0] === 0xeb || bytes[0] === 0xe9) &&
    sectorSize >= 512 &&
    sectorSize <= 4096 &&
    isPowerOfTwo(sectorSize) &&
    isPowerOfTwo(perCluster) &&
    view.getUint16(14, true) > 0 &&
    bytes[16]! > 0 &&
    (media === 0xf0 || media >= 0xf8)
  );
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && (value & (value - 1)) === 0;
}

/** @throws FormatError when the sector is not FAT's, or its numbers contradict each other */
export async function readFatBootSector(volume: Volume): Promise<FatGeometry> {
  const bytes = await volume.read(0, SECTOR, "the boot sector");
  const place = `the boot sector at ${hex(volume.at(0))}`;
  if (!isFatBootSector(bytes)) throw new FormatError(`No FAT file system has ${place}.`);
  const reader = new FieldReader(bytes, volume.at(0), place);
  const sectorSize = reader.u16("bytes_per_sector", 11);
  const perCluster = reader.u8("sectors_per_cluster", 13, { note: "A cluster is what a file is made of." });
  const reserved = reader.u16("reserved_sectors", 14, { note: "Sectors before the first FAT: boot code." });
  const fats = reader.u8("number_of_fats", 16, { note: "The file allocation table, and its copies." });
  const rootEntries = reader.u16("root_entries", 17, { note: "Entries of the root directory; 0 with FAT32." });
  const small = reader.u16("total_sectors_16", 19, { note: "Sectors of the volume, if they fit." });
  const fatSmall = reader.u16("sectors_per_fat_16", 22, { note: "0 with FAT32." });
  const large = reader.u32("total_sectors_32", 32, { note: "Sectors of the volume." });
  const is32 = fatSmall.raw === 0;
  const fatLarge = reader.u32("sectors_per_fat_32", 36);
  const rootCluster = reader.u32("root_cluster", 44, { note: "First cluster of the root directory." });

  const fatSectors = is32 ? fatLarge.raw : fatSmall.raw;
  const total = small.raw !== 0 ? small.raw : large.raw;
  const rootAt = (reserved.raw + fats.raw * fatSectors) * sectorSize.raw;
  const rootBytes = Math.ceil((rootEntries.raw * ENTRY_BYTES) / sectorSize.raw) * sectorSize.raw;
  const dataAt = rootAt + rootBytes;
  const dataSectors = total - dataAt / sectorSize.raw;
  if (fatSectors === 0 || dataSectors < 1) {
    throw new FormatError(
      `In ${place} the volume has ${total} sectors, but ${dataAt / sectorSize.raw} are taken before the first cluster.`,
    );
  }
  const clusters = Math.floor(dataSectors / perCluster.raw);
  const kind = is32 ? "FAT32" : clusters < FAT16_CLUSTERS ? "FAT12" : "FAT16";
  const bits = { FAT12: 12, FAT16: 16, FAT32: 32 }[kind];
  const capacity = Math.floor((fatSectors * sectorSize.raw * 8) / bits) - 2;
  if (clusters > MAX_FAT32_CLUSTERS || clusters > capacity) {
    throw new FormatError(`In ${place} the volume has ${clusters} clusters, but the FAT has room for ${capacity}.`);
  }

  const tail = is32 ? 64 : 36;
  const extended = bytes[tail + 2] === 0x29;
  const serial = reader.u32("volume_id", tail + 3, (raw) => ({
    value: serialText(raw),
    note: "Name of the volume: root=UUID=.",
  }));
  const label = reader.text("volume_label", tail + 7, 11);
  const code = readBootCode(reader);
  const codeAt = tail + 26;
  const children = [
    reader.blob("jump", 0, 3, { note: "Jump over the parameter block to the boot code." }),
    reader.text("oem_name", 3, 8, { note: "Program that made the volume." }),
    sectorSize,
    perCluster,
    reserved,
    fats,
    rootEntries,
    small,
    reader.u8("media", 21, (raw) => ({ value: hex(raw, 2), note: "0xF8 for disks, 0xF0 for diskettes." })),
    fatSmall,
    reader.u16("sectors_per_track", 24),
    reader.u16("heads", 26),
    reader.u32("hidden_sectors", 28, { note: "Sectors before the volume on the disk: its partition's start." }),
    large,
    ...(is32 ? fat32Fields(reader, fatLarge, rootCluster) : []),
    reader.u8("drive_number", tail, (raw) => ({ value: hex(raw, 2) })),
    reader.u8("extended_signature", tail + 2, (raw) => ({
      value: hex(raw, 2),
      note: "0x29: serial number, label and type follow.",
    })),
    ...(extended ? [serial, label, reader.text("file_system_type", tail + 18, 8, { note: "A hint only." })] : []),
    reader.blob("boot_code", codeAt, 510 - codeAt, { value: code?.name ?? "unknown" }),
    reader.u16("boot_signature", 510, (raw) => ({ value: raw === 0xaa55 ? "55 AA" : hex(raw, 4) })),
  ];
  return {
    kind,
    clusterSize: sectorSize.raw * perCluster.raw,
    clusters,
    fatAt: reserved.raw * sectorSize.raw,
    dataAt,
    rootAt: is32 ? 0 : rootAt,
    rootBytes: is32 ? 0 : rootEntries.raw * ENTRY_BYTES,
    rootCluster: is32 ? rootCluster.raw : 0,
    label: extended && label.value !== "NO NAME" ? label.value : "",
    uuid: extended ? serial.value : "",
    field: reader.group("boot sector", 0, SECTOR, `${kind}, ${clusters} clusters`, children),
  };
}

function fat32Fields(reader: FieldReader, fatSectors: Field, rootCluster: Field): Field[] {
  return [
    fatSectors,
    reader.u16("flags", 40, { note: "Which FAT is in use, when they are not copies." }),
    reader.u16("version", 42),
    rootCluster,
    reader.u16("info_sector", 48, { note: "Sector with the count of free clusters." }),
    reader.u16("backup_boot_sector", 50),
  ];
}

function serialText(raw: number): string {
  const digits = raw.toString(16).toUpperCase().padStart(8, "0");
  return `${digits.slice(0, 4)}-${digits.slice(4)}`;
}
