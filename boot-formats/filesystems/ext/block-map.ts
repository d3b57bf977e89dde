/** From blocks of a file to blocks of the volume (kernel Documentation/filesystems/ext4/ifork.rst). */
import type { Volume } from "../../disk/byte-source.ts";
import { FormatError } from "../../errors.ts";
import { EXTENTS, type Inode } from "./inode.ts";

export interface MappedBlocks {
  /** First block within the volume; undefined for blocks that are not stored. */
  block: number | undefined;
  /** How many follow each other, the first included; at least 1. */
  count: number;
}

const EXTENT_MAGIC = 0xf30a;
/** Header and entries alike. */
const ENTRY_BYTES = 12;
const MAX_DEPTH = 5;
/** Lengths beyond this mark blocks that are reserved but not written yet: they read as zeros. */
const MAX_WRITTEN = 32768;
/** Blocks of a file are counted with 32 bits. */
const END = 2 ** 32;
const DIRECT = 12;

/** @throws FormatError when the map is damaged, or ends before that block */
export async function mapBlocks(
  volume: Volume,
  blockSize: number,
  inode: Inode,
  logical: number,
): Promise<MappedBlocks> {
  if (logical >= END) throw new FormatError(`Inode ${inode.number} has no block ${logical}: at most 2^32 can be.`);
  return (inode.flags & EXTENTS) !== 0
    ? mapExtents(volume, blockSize, inode, logical)
    : mapPointers(volume, blockSize, inode, logical);
}

async function mapExtents(volume: Volume, blockSize: number, inode: Inode, logical: number): Promise<MappedBlocks> {
  let node = inode.block;
  let limit = END;
  let expectedDepth: number | undefined;
  for (;;) {
    const view = new DataView(node.buffer, node.byteOffset, node.length);
    const entries = view.getUint16(2, true);
    const depth = view.getUint16(6, true);
    const wrong =
      view.getUint16(0, true) !== EXTENT_MAGIC ||
      (entries + 1) * ENTRY_BYTES > node.length ||
      depth > MAX_DEPTH ||
      (expectedDepth !== undefined && depth !== expectedDepth);
    if (wrong) throw new FormatError(`The extent tree of inode ${inode.number} is damaged before block ${logical}.`);
    const index = lastAtOrBefore(view, entries, logical);
    const next = index + 1 < entries ? view.getUint32((index + 2) * ENTRY_BYTES, true) : END;
    limit = Math.min(limit, Math.max(next, logical + 1));
    if (index < 0) return { block: undefined, count: limit - logical };
    const entry = (index + 1) * ENTRY_BYTES;
    const first = view.getUint32(entry, true);
    if (depth === 0) {
      const length = view.getUint16(entry + 4, true);
      const written = length <= MAX_WRITTEN;
      const end = Math.min(first + (written ? length : length - MAX_WRITTEN), limit);
      if (logical >= end) return { block: undefined, count: limit - logical };
      const start = view.getUint16(entry + 6, true) * 2 ** 32 + view.getUint32(entry + 8, true);
      return { block: written ? start + (logical - first) : undefined, count: end - logical };
    }
    const child = view.getUint16(entry + 8, true) * 2 ** 32 + view.getUint32(entry + 4, true);
    node = await volume.read(child * blockSize, blockSize, `the extent tree of inode ${inode.number}`);
    expectedDepth = depth - 1;
  }
}

/** Index of the last entry whose first block is not beyond `logical`; -1 if there is none. Entries are sorted. */
function lastAtOrBefore(view: DataView, entries: number, logical: number): number {
  let low = 0;
  let high = entries;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (view.getUint32((middle + 1) * ENTRY_BYTES, true) <= logical) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Twelve pointers to blocks, then one each to blocks of pointers, of pointers to those, and of pointers to these. */
async function mapPointers(volume: Volume, blockSize: number, inode: Inode, logical: number): Promise<MappedBlocks> {
  const perBlock = blockSize / 4;
  if (logical < DIRECT) return countPointers(inode.block, logical, DIRECT);
  let rest = logical - DIRECT;
  let span = perBlock;
  let level = 1;
  while (rest >= span) {
    rest -= span;
    span *= perBlock;
    if (++level > 3) throw new FormatError(`Inode ${inode.number} has no block ${logical}: its map ends before.`);
  }
  let pointer = new DataView(inode.block.buffer, inode.block.byteOffset).getUint32((DIRECT - 1 + level) * 4, true);
  for (; ; level--) {
    if (pointer === 0) return { block: undefined, count: span - rest };
    const bytes = await volume.read(pointer * blockSize, blockSize, `the block map of inode ${inode.number}`);
    if (level === 1) return countPointers(bytes, rest, perBlock);
    span /= perBlock;
    const index = Math.floor(rest / span);
    rest -= index * span;
    pointer = new DataView(bytes.buffer, bytes.byteOffset).getUint32(index * 4, true);
  }
}

/** Takes pointers together that follow each other, or that are all empty. */
function countPointers(bytes: Uint8Array, index: number, end: number): MappedBlocks {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const first = view.getUint32(index * 4, true);
  let count = 1;
  while (index + count < end && view.getUint32((index + count) * 4, true) === (first === 0 ? 0 : first + count)) {
    count++;
  }
  return { block: first === 0 ? undefined : first, count };
}
