/** Inodes and group descriptors (kernel Documentation/filesystems/ext4/inodes.rst, group_descr.rst, attributes.rst). */
import type { Volume } from "../../disk/byte-source.ts";
import { FormatError } from "../../errors.ts";
import { hex } from "../../fields.ts";
import { modeType } from "../file-system.ts";
import { crc32c } from "./crc32c.ts";
import type { Superblock } from "./superblock.ts";

export const ENCRYPTED = 0x800;
export const EXTENTS = 0x80000;
const INLINE_DATA = 0x10000000;

/** i_block: block map, extent tree, link target or the start of inline data. */
const BLOCK_AT = 40;
export const BLOCK_BYTES = 60;
const CLASSIC_BYTES = 128;
const ATTRIBUTES_MAGIC = 0xea020000;
/** Index of the prefix "system." in attributes' names. */
const SYSTEM_PREFIX = 7;
/** Largest file: 2^32 blocks of 64 KiB. */
const MAX_SIZE = 2 ** 48;

export interface InlineData {
  /** Places within the volume, in the order of the content. */
  parts: { at: number; length: number }[];
}

export interface Inode {
  number: number;
  /** With the type in the upper four bits. */
  mode: number;
  uid: number;
  gid: number;
  size: number;
  mtime: number;
  links: number;
  flags: number;
  block: Uint8Array;
  /** Place of `block` within the volume. */
  blockAt: number;
  /** The content itself, when it is kept in the inode. */
  inline: InlineData | undefined;
  /** What was wrong with the checksum, if anything. */
  problem: string | undefined;
}

/** Place of a group's descriptor: with meta_bg, descriptors lie in the first group of those that they describe. */
function descriptorPlace(superblock: Superblock, group: number): number {
  const { blockSize, descriptorSize, firstDataBlock, blocksPerGroup } = superblock;
  const perBlock = Math.floor(blockSize / descriptorSize);
  const index = Math.floor(group / perBlock);
  const within = (group % perBlock) * descriptorSize;
  const superblockBlock = blockSize === 1024 ? 1 : 0;
  if (!superblock.metaGroups || index < superblock.firstMetaGroup) {
    return (superblockBlock + 1 + index) * blockSize + within;
  }
  const first = index * perBlock;
  let skip = superblock.hasSuperblock(first) ? 1 : 0;
  // With blocks of 1 KiB the superblock is block 1 even where group 0 begins at block 0.
  if (blockSize === 1024 && index === 0 && firstDataBlock === 0) skip++;
  return (firstDataBlock + first * blocksPerGroup + skip) * blockSize + within;
}

async function inodeTable(volume: Volume, superblock: Superblock, group: number): Promise<number> {
  const { descriptorSize, blockSize } = superblock;
  const what = `the descriptor of block group ${group}`;
  const bytes = await volume.read(descriptorPlace(superblock, group), descriptorSize, what);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const high = descriptorSize >= 64 ? view.getUint32(40, true) : 0;
  const block = high * 2 ** 32 + view.getUint32(8, true);
  if (block === 0) throw new FormatError(`In ${what} the inode table lies at block 0.`);
  return block * blockSize;
}

/** @throws FormatError when the number, the place or the size is impossible */
export async function readInode(volume: Volume, superblock: Superblock, number: number): Promise<Inode> {
  if (number < 1 || number > superblock.inodes) {
    throw new FormatError(`There is no inode ${number}: 1 to ${superblock.inodes} were expected.`);
  }
  const index = (number - 1) % superblock.inodesPerGroup;
  const group = (number - 1 - index) / superblock.inodesPerGroup;
  const at = (await inodeTable(volume, superblock, group)) + index * superblock.inodeSize;
  const bytes = await volume.read(at, superblock.inodeSize, `inode ${number}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const u16 = (offset: number): number => view.getUint16(offset, true);
  const u32 = (offset: number): number => view.getUint32(offset, true);
  // Directories once kept another number there.
  const size = u32(4) + (modeType(u16(0)) === "directory" ? 0 : u32(108) * 2 ** 32);
  if (size > MAX_SIZE) {
    throw new FormatError(`Inode ${number} at ${hex(volume.at(at))} says ${size} bytes: at most 2^48 were expected.`);
  }
  const extra = superblock.inodeSize > CLASSIC_BYTES ? u16(128) : 0;
  const end = Math.min(CLASSIC_BYTES + extra, superblock.inodeSize);
  // Two more bits of the seconds, so that time goes on beyond 2038.
  const epoch = end >= 140 ? u32(136) & 3 : 0;
  const flags = u32(32);
  return {
    number,
    mode: u16(0),
    uid: u16(2) + u16(120) * 0x10000,
    gid: u16(24) + u16(122) * 0x10000,
    size,
    mtime: view.getInt32(16, true) + epoch * 2 ** 32,
    links: u16(26),
    flags,
    block: bytes.subarray(BLOCK_AT, BLOCK_AT + BLOCK_BYTES),
    blockAt: at + BLOCK_AT,
    inline: (flags & INLINE_DATA) !== 0 ? inlineData(view, at, end, number) : undefined,
    problem: checksumProblem(superblock, bytes, end, number),
  };
}

/** Checksum over file system, inode number, generation and the inode with the checksum's own bytes zero. */
function checksumProblem(superblock: Superblock, bytes: Uint8Array, end: number, number: number): string | undefined {
  if (superblock.checksumSeed === undefined) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const wide = end >= 132;
  const stored = view.getUint16(124, true) + (wide ? view.getUint16(130, true) * 0x10000 : 0);
  const copy = bytes.slice();
  copy.fill(0, 124, 126);
  if (wide) copy.fill(0, 130, 132);
  const head = new Uint8Array(8);
  new DataView(head.buffer).setUint32(0, number, true);
  head.set(bytes.subarray(100, 104), 4);
  const sum = crc32c(copy, crc32c(head, superblock.checksumSeed));
  const expected = wide ? sum : sum & 0xffff;
  if (stored === expected) return undefined;
  return `The checksum of inode ${number} is ${hex(stored)}, but its bytes give ${hex(expected)}.`;
}

/** Inline data begins in i_block and goes on in the attribute "system.data" within the inode. */
function inlineData(view: DataView, at: number, end: number, number: number): InlineData {
  const parts = [{ at: at + BLOCK_AT, length: BLOCK_BYTES }];
  const wrong = (what: string): never => {
    throw new FormatError(`The attributes of inode ${number} are damaged: ${what}.`);
  };
  if (end + 4 > view.byteLength || view.getUint32(end, true) !== ATTRIBUTES_MAGIC) return { parts };
  const first = end + 4;
  for (let entry = first; entry + 4 <= view.byteLength && view.getUint32(entry, true) !== 0;) {
    if (entry + 16 > view.byteLength) wrong("an entry is cut off");
    const nameLength = view.getUint8(entry);
    if (entry + 16 + nameLength > view.byteLength) wrong("a name is cut off");
    const name = new Uint8Array(view.buffer, view.byteOffset + entry + 16, nameLength);
    if (view.getUint8(entry + 1) === SYSTEM_PREFIX && String.fromCharCode(...name) === "data") {
      const value = first + view.getUint16(entry + 2, true);
      const length = view.getUint32(entry + 8, true);
      if (value + length > view.byteLength) wrong('the value of "system.data" is cut off');
      if (length > 0) parts.push({ at: at + value, length });
    }
    entry += 16 + ((nameLength + 3) & ~3);
  }
  return { parts };
}
