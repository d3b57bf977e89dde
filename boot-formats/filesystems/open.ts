/** Tells what a volume holds by its signatures, and opens the file systems that can be read here. */
import type { Volume } from "../disk/byte-source.ts";
import { FormatError } from "../errors.ts";
import { FieldReader, hex, type Field } from "../fields.ts";
import { openExt } from "./ext/ext.ts";
import { isExtSuperblock, SUPERBLOCK_AT } from "./ext/superblock.ts";
import { isFatBootSector } from "./fat/boot-sector.ts";
import { openFat } from "./fat/fat.ts";
import type { FileSystem } from "./file-system.ts";
import { openIso } from "./iso/iso.ts";
import { isIsoDescriptor, ISO_SECTOR } from "./iso/volume-descriptor.ts";

export interface VolumeContent {
  /** "ext2/3/4", "FAT", "ISO 9660", "NTFS", "Linux swap" and so on. */
  name: string;
  /** Whether `openFileSystem` can open it. */
  readable: boolean;
  /** What is known of contents that are not opened. */
  fields: Field[];
}

const ISO_DESCRIPTOR_AT = 16 * ISO_SECTOR;

/** Contents that are only named: bytes at a place. */
const SIGNATURES: readonly (readonly [name: string, at: number, bytes: string])[] = [
  ["exFAT", 3, "EXFAT   "],
  ["XFS", 0, "XFSB"],
  ["Btrfs", 0x10040, "_BHRfS_M"],
  ["F2FS", 1024, "\x10\x20\xf5\xf2"],
  ["SquashFS", 0, "hsqs"],
  ["EROFS", 1024, "\xe2\xe1\xf5\xe0"],
  ["cramfs", 0, "\x45\x3d\xcd\x28"],
  ["romfs", 0, "-rom1fs-"],
  ["LUKS (encrypted)", 0, "LUKS\xba\xbe"],
  ["LVM physical volume", 512, "LABELONE"],
  ["Linux swap", 4096 - 10, "SWAPSPACE2"],
  ["BitLocker (encrypted)", 3, "-FVE-FS-"],
  ["UDF", ISO_DESCRIPTOR_AT + 1, "NSR0"],
  // In its first sector: MOV DI to the sector's own block list.
  ["GRUB's core image", 8, "\x5e\xbf\xf4\x81\x66\x8b\x2d"],
];

async function matches(volume: Volume, at: number, signature: string): Promise<boolean> {
  if (!volume.has(at, signature.length)) return false;
  const bytes = await volume.read(at, signature.length, "a signature");
  return bytes.every((byte, index) => byte === signature.charCodeAt(index));
}

/** Names the content; undefined for what is unknown. */
export async function identifyContent(volume: Volume): Promise<VolumeContent | undefined> {
  const has = async (at: number, length: number, test: (bytes: Uint8Array) => boolean): Promise<boolean> =>
    volume.has(at, length) && test(await volume.read(at, length, "a signature"));
  const readable = (name: string): VolumeContent => ({ name, readable: true, fields: [] });
  if (await has(SUPERBLOCK_AT, 1024, isExtSuperblock)) return readable("ext2/3/4");
  if (await has(ISO_DESCRIPTOR_AT, 7, isIsoDescriptor)) return readable("ISO 9660");
  if (await matches(volume, 3, "NTFS    "))
    return { name: "NTFS", readable: false, fields: [await ntfsFields(volume)] };
  if (await has(0, 512, isFatBootSector)) return readable("FAT");
  for (const [name, at, signature] of SIGNATURES) {
    if (await matches(volume, at, signature)) return { name, readable: false, fields: [] };
  }
  return undefined;
}

async function ntfsFields(volume: Volume): Promise<Field> {
  const reader = new FieldReader(await volume.read(0, 512, "the boot sector"), volume.at(0), "the boot sector");
  return reader.group("boot sector", 0, 512, "NTFS", [
    reader.blob("jump", 0, 3),
    reader.text("oem_id", 3, 8),
    reader.u16("bytes_per_sector", 11),
    reader.u8("sectors_per_cluster", 13),
    reader.u64("total_sectors", 40),
    reader.u64("mft_cluster", 48, { note: "First cluster of the master file table." }),
    reader.u64("volume_serial_number", 72, (raw) => ({ value: hex(raw, 16) })),
    reader.u16("boot_signature", 510, (raw) => ({ value: raw === 0xaa55 ? "55 AA" : hex(raw, 4) })),
  ]);
}

/** @throws FormatError when the content is unknown, not read here, or damaged */
export async function openFileSystem(volume: Volume): Promise<FileSystem> {
  const content = await identifyContent(volume);
  const where = `${volume.name} at ${hex(volume.start)}`;
  if (!content) throw new FormatError(`In ${where} no file system was recognised: ext2/3/4, FAT or ISO 9660 is read.`);
  if (!content.readable) throw new FormatError(`In ${where} is ${content.name}: ext2/3/4, FAT or ISO 9660 is read.`);
  if (content.name === "FAT") return openFat(volume);
  return content.name === "ISO 9660" ? openIso(volume) : openExt(volume);
}
