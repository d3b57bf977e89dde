/** Superblock of ext2, ext3 and ext4 (kernel Documentation/filesystems/ext4/super.rst). */
import type { Volume } from "../../disk/byte-source.ts";
import { uuidText } from "../../disk/guid.ts";
import { FormatError } from "../../errors.ts";
import { FieldReader, hex, type Field, type FieldText } from "../../fields.ts";
import { nameText } from "../file-system.ts";
import { crc32c } from "./crc32c.ts";

export const SUPERBLOCK_AT = 1024;
const SUPERBLOCK_BYTES = 1024;
const MAGIC = 0xef53;
/** Log2 of the block size, less 10: 64 KiB at most. */
const MAX_LOG_BLOCK = 6;

const HAS_JOURNAL = 0x4;
const RECOVER = 0x4;
const META_BG = 0x10;
const BITS_64 = 0x80;
const CSUM_SEED = 0x2000;
const SPARSE_SUPER = 0x1;
const METADATA_CSUM = 0x400;
const SPARSE_SUPER2 = 0x200;

/** Names by bit. */
const COMPATIBLE = ["dir_prealloc", "imagic_inodes", "has_journal", "ext_attr", "resize_inode", "dir_index"];
const COMPATIBLE_MORE: Readonly<Record<number, string>> = { 9: "sparse_super2", 10: "fast_commit", 12: "orphan_file" };
const INCOMPATIBLE: Readonly<Record<number, string>> = {
  0: "compression",
  1: "filetype",
  2: "needs_recovery",
  3: "journal_dev",
  4: "meta_bg",
  6: "extent",
  7: "64bit",
  8: "mmp",
  9: "flex_bg",
  10: "ea_inode",
  12: "dirdata",
  13: "metadata_csum_seed",
  14: "large_dir",
  15: "inline_data",
  16: "encrypt",
  17: "casefold",
};
const READ_ONLY: Readonly<Record<number, string>> = {
  0: "sparse_super",
  1: "large_file",
  3: "huge_file",
  4: "uninit_bg",
  5: "dir_nlink",
  6: "extra_isize",
  8: "quota",
  9: "bigalloc",
  10: "metadata_csum",
  12: "read-only",
  13: "project",
  15: "verity",
  16: "orphan_present",
};
/** What this reader cannot do without. */
const REFUSED = [0, 3, 12];
/** What ext2 and ext3 know of the features that a reader must know, and that a writer must know. */
const EXT3_INCOMPATIBLE = 0x16;
const EXT3_READ_ONLY = 0x7;

export interface Superblock {
  kind: "ext2" | "ext3" | "ext4";
  blockSize: number;
  blocks: number;
  inodes: number;
  blocksPerGroup: number;
  inodesPerGroup: number;
  firstDataBlock: number;
  inodeSize: number;
  descriptorSize: number;
  /** Whether directory entries carry a type. */
  fileType: boolean;
  metaGroups: boolean;
  firstMetaGroup: number;
  /** Whether a group begins with a copy of superblock and descriptors. */
  hasSuperblock(group: number): boolean;
  /** Start value of the inodes' checksums, if they have some. */
  checksumSeed: number | undefined;
  label: string;
  uuid: string;
  field: Field;
  problems: string[];
}

function featureText(raw: number, names: Readonly<Record<number, string>>): string {
  const set: string[] = [];
  for (let bit = 0; bit < 32; bit++) {
    if ((raw >>> bit) & 1) set.push(names[bit] ?? `bit ${bit}`);
  }
  return set.length === 0 ? "none" : set.join(", ");
}

export function isExtSuperblock(bytes: Uint8Array): boolean {
  return bytes.length >= SUPERBLOCK_BYTES && bytes[56] === 0x53 && bytes[57] === 0xef;
}

function seconds(raw: number): FieldText {
  return { value: raw === 0 ? "never" : new Date(raw * 1000).toISOString() };
}

/** @throws FormatError when there is no superblock, or one that no file system can have */
export async function readSuperblock(volume: Volume): Promise<Superblock> {
  const bytes = await volume.read(SUPERBLOCK_AT, SUPERBLOCK_BYTES, "the superblock");
  const place = `the superblock at ${hex(volume.at(SUPERBLOCK_AT))}`;
  const reader = new FieldReader(bytes, volume.at(SUPERBLOCK_AT), place);
  const magic = reader.u16("s_magic", 56, (raw) => ({ value: hex(raw, 4), note: "0xEF53 for ext2, ext3 and ext4." }));
  if (magic.raw !== MAGIC) throw new FormatError(`In ${place} the magic is ${magic.value}: 0xEF53 was expected.`);

  const revision = reader.u32("s_rev_level", 76, { note: "0: inodes of 128 bytes and no features; 1: as told here." });
  const dynamic = revision.raw >= 1;
  const inodes = reader.u32("s_inodes_count", 0);
  const blocksLow = reader.u32("s_blocks_count_lo", 4);
  const firstDataBlock = reader.u32("s_first_data_block", 20, { note: "Block in which group 0 begins." });
  const logBlock = reader.u32("s_log_block_size", 24, (raw) => ({
    value: raw > MAX_LOG_BLOCK ? String(raw) : `${1024 << raw} bytes`,
    note: "A block has 1024 * 2^n bytes.",
  }));
  const blocksPerGroup = reader.u32("s_blocks_per_group", 32);
  const inodesPerGroup = reader.u32("s_inodes_per_group", 40);
  const inodeSize = reader.u16("s_inode_size", 88, { note: "Bytes of an inode in the inode table." });
  const compatible = reader.u32("s_feature_compat", 92, (raw) => ({
    value: featureText(raw, { ...COMPATIBLE, ...COMPATIBLE_MORE }),
    note: "Features that others may ignore.",
  }));
  const incompatible = reader.u32("s_feature_incompat", 96, (raw) => ({
    value: featureText(raw, INCOMPATIBLE),
    note: "Features that every reader must know.",
  }));
  const readOnly = reader.u32("s_feature_ro_compat", 100, (raw) => ({
    value: featureText(raw, READ_ONLY),
    note: "Features that every writer must know.",
  }));
  const uuid = uuidText(bytes.subarray(104, 120));
  const label = nameText(untilZero(bytes.subarray(120, 136)));
  const descriptorSize = reader.u16("s_desc_size", 254, { note: "Bytes of a group descriptor, when 64bit is set." });
  const firstMetaGroup = reader.u32("s_first_meta_bg", 260);
  const blocksHigh = reader.u32("s_blocks_count_hi", 336);
  const seedField = reader.u32("s_checksum_seed", 624, (raw) => ({ value: hex(raw, 8) }));
  const checksum = reader.u32("s_checksum", 1020, (raw) => ({ value: hex(raw, 8) }));
  const incompat = dynamic ? incompatible.raw : 0;
  const roCompat = dynamic ? readOnly.raw : 0;
  const compat = dynamic ? compatible.raw : 0;
  const checksummed = (roCompat & METADATA_CSUM) !== 0;
  if (checksummed) {
    const expected = crc32c(bytes.subarray(0, 1020));
    if (expected !== checksum.raw) {
      checksum.problem = `The checksum is ${checksum.value}, but the bytes give ${hex(expected, 8)}.`;
    }
  }

  refuse(incompat, place);
  const wide = (incompat & BITS_64) !== 0;
  const superblock = {
    blockSize: 1024 << Math.min(logBlock.raw, MAX_LOG_BLOCK),
    blocks: blocksLow.raw + (wide ? blocksHigh.raw * 2 ** 32 : 0),
    inodes: inodes.raw,
    blocksPerGroup: blocksPerGroup.raw,
    inodesPerGroup: inodesPerGroup.raw,
    firstDataBlock: firstDataBlock.raw,
    inodeSize: dynamic ? inodeSize.raw : 128,
    descriptorSize: wide ? descriptorSize.raw : 32,
  };
  checkGeometry(superblock, logBlock.raw, place);
  const problems: string[] = [];
  if ((incompat & RECOVER) !== 0) {
    problems.push("The journal holds changes that are not in place yet: files may be older than they ought to be.");
  }
  if (superblock.blocks * superblock.blockSize > volume.size) {
    problems.push(
      `The file system has ${superblock.blocks} blocks of ${superblock.blockSize} bytes, but ${volume.name} ends at ${hex(volume.size)}.`,
    );
  }
  const backups = [reader.u32("s_backup_bgs[0]", 588).raw, reader.u32("s_backup_bgs[1]", 592).raw];
  const sparse2 = (compat & SPARSE_SUPER2) !== 0;
  const children = [
    inodes,
    blocksLow,
    reader.u32("s_r_blocks_count_lo", 8, { note: "Blocks kept for the superuser." }),
    reader.u32("s_free_blocks_count_lo", 12),
    reader.u32("s_free_inodes_count", 16),
    firstDataBlock,
    logBlock,
    blocksPerGroup,
    inodesPerGroup,
    reader.u32("s_mtime", 44, seconds),
    reader.u32("s_wtime", 48, seconds),
    reader.u16("s_mnt_count", 52, { note: "Mounts since the last check." }),
    magic,
    reader.u16("s_state", 58, (raw) => ({ value: (raw & 1) !== 0 ? "cleanly unmounted" : hex(raw), note: "" })),
    reader.u32("s_lastcheck", 64, seconds),
    revision,
    reader.u32("s_first_ino", 84, { note: "First inode that is not reserved." }),
    inodeSize,
    compatible,
    incompatible,
    readOnly,
    reader.blob("s_uuid", 104, 16, { value: uuid, note: "Name of the file system: root=UUID=." }),
    reader.text("s_volume_name", 120, 16, { value: label, note: "Label." }),
    reader.text("s_last_mounted", 136, 64, { note: "Where it was mounted last." }),
    reader.u32("s_journal_inum", 224, { note: "Inode of the journal." }),
    descriptorSize,
    firstMetaGroup,
    reader.u32("s_mkfs_time", 264, seconds),
    blocksHigh,
    seedField,
    checksum,
  ];
  return {
    ...superblock,
    kind: kindOf(compat, incompat, roCompat),
    fileType: (incompat & 0x2) !== 0,
    metaGroups: (incompat & META_BG) !== 0,
    firstMetaGroup: firstMetaGroup.raw,
    hasSuperblock: (group) =>
      sparse2
        ? group === 0 || backups.includes(group)
        : (roCompat & SPARSE_SUPER) === 0 || group <= 1 || [3, 5, 7].some((base) => isPower(group, base)),
    checksumSeed: checksummed
      ? (incompat & CSUM_SEED) !== 0
        ? seedField.raw
        : crc32c(bytes.subarray(104, 120))
      : undefined,
    label,
    uuid,
    field: reader.group("superblock", 0, SUPERBLOCK_BYTES, label === "" ? uuid : `${label} (${uuid})`, children),
    problems,
  };
}

function refuse(incompatible: number, place: string): void {
  for (let bit = 0; bit < 32; bit++) {
    if (((incompatible >>> bit) & 1) === 0 || (bit in INCOMPATIBLE && !REFUSED.includes(bit))) continue;
    const name = INCOMPATIBLE[bit] ?? `bit ${bit}`;
    throw new FormatError(`In ${place} the feature "${name}" is set, without which this cannot be read.`);
  }
}

type Geometry = Pick<
  Superblock,
  | "blockSize"
  | "blocks"
  | "inodes"
  | "blocksPerGroup"
  | "inodesPerGroup"
  | "firstDataBlock"
  | "inodeSize"
  | "descriptorSize"
>;

function checkGeometry(of: Geometry, logBlock: number, place: string): void {
  const wrong = (what: string, value: number, expected: string): never => {
    throw new FormatError(`In ${place} ${what} is ${value}: ${expected} was expected.`);
  };
  if (logBlock > MAX_LOG_BLOCK) wrong("s_log_block_size", logBlock, `at most ${MAX_LOG_BLOCK}`);
  if (of.blocksPerGroup === 0) wrong("s_blocks_per_group", 0, "more than 0");
  const most = of.blockSize * 8;
  if (of.inodesPerGroup === 0 || of.inodesPerGroup > most) {
    wrong("s_inodes_per_group", of.inodesPerGroup, `1 to ${most}`);
  }
  if (of.inodeSize < 128 || of.inodeSize > of.blockSize || !isPower(of.inodeSize, 2)) {
    wrong("s_inode_size", of.inodeSize, `a power of two from 128 to ${of.blockSize}`);
  }
  if (of.descriptorSize < 32 || of.descriptorSize > of.blockSize || !isPower(of.descriptorSize, 2)) {
    wrong("s_desc_size", of.descriptorSize, `a power of two from 32 to ${of.blockSize}`);
  }
  if (of.firstDataBlock > 1) wrong("s_first_data_block", of.firstDataBlock, "0 or 1");
}

function isPower(value: number, base: number): boolean {
  let power = 1;
  while (power < value) power *= base;
  return power === value;
}

/** As blkid tells them apart: by features that the older kind does not know, then by the journal. */
function kindOf(compatible: number, incompatible: number, readOnly: number): Superblock["kind"] {
  if ((incompatible & ~EXT3_INCOMPATIBLE) !== 0 || (readOnly & ~EXT3_READ_ONLY) !== 0) return "ext4";
  return (compatible & HAS_JOURNAL) !== 0 ? "ext3" : "ext2";
}

function untilZero(bytes: Uint8Array): Uint8Array {
  const end = bytes.indexOf(0);
  return end < 0 ? bytes : bytes.subarray(0, end);
}
