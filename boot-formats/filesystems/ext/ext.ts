/** ext2, ext3 and ext4, read-only (kernel Documentation/filesystems/ext4, directory.rst for directories). */
import type { Volume } from "../../disk/byte-source.ts";
import { FormatError } from "../../errors.ts";
import type { Field } from "../../fields.ts";
import {
  entryName,
  MAX_DIRECTORY_BYTES,
  MAX_DIRECTORY_ENTRIES,
  MAX_TARGET_BYTES,
  modeType,
  nameText,
  readRange,
  type DirectoryEntry,
  type FileNode,
  type FileStat,
  type FileSystem,
  type FileType,
  type Run,
} from "../file-system.ts";
import { mapBlocks } from "./block-map.ts";
import { BLOCK_BYTES, ENCRYPTED, EXTENTS, readInode, type Inode } from "./inode.ts";
import { readSuperblock, type Superblock } from "./superblock.ts";

const ROOT_INODE = 2;
/** Of a directory kept in its inode: the parent's number stands for "." and "..". */
const INLINE_PARENT_BYTES = 4;

const ENTRY_TYPES: readonly (FileType | undefined)[] = [
  undefined,
  "file",
  "directory",
  "character device",
  "block device",
  "fifo",
  "socket",
  "symlink",
];

class ExtFileSystem implements FileSystem {
  readonly kind: string;
  readonly label: string;
  readonly uuid: string;
  readonly blockSize: number;
  readonly fields: Field[];
  readonly problems: string[];

  constructor(
    readonly volume: Volume,
    readonly superblock: Superblock,
  ) {
    this.kind = superblock.kind;
    this.label = superblock.label;
    this.uuid = superblock.uuid;
    this.blockSize = superblock.blockSize;
    this.fields = [superblock.field];
    this.problems = [...superblock.problems];
  }

  root(): Promise<FileNode> {
    return this.open(ROOT_INODE);
  }

  async open(number: number): Promise<FileNode> {
    const inode = await readInode(this.volume, this.superblock, number);
    if (inode.problem !== undefined) throw new FormatError(inode.problem);
    return new ExtNode(this, inode, toStat(inode));
  }
}

function toStat(inode: Inode): FileStat {
  const type = modeType(inode.mode);
  if (type === undefined) {
    const mode = inode.mode.toString(8);
    throw new FormatError(`Inode ${inode.number} has the mode 0${mode}, which no kind of file has.`);
  }
  const isDevice = type === "character device" || type === "block device";
  return {
    type,
    mode: inode.mode & 0o7777,
    uid: inode.uid,
    gid: inode.gid,
    size: inode.size,
    mtime: inode.mtime,
    inode: inode.number,
    links: inode.links,
    ...(isDevice ? { device: deviceNumber(inode.block) } : {}),
  };
}

/** The first word holds the old 16-bit number, or zero and the second word the new 32-bit one. */
function deviceNumber(block: Uint8Array): { major: number; minor: number } {
  const view = new DataView(block.buffer, block.byteOffset, block.length);
  const old = view.getUint32(0, true);
  if (old !== 0) return { major: (old >>> 8) & 0xff, minor: old & 0xff };
  const device = view.getUint32(4, true);
  return { major: (device >>> 8) & 0xfff, minor: (device & 0xff) | ((device >>> 12) & 0xfff00) };
}

class ExtNode implements FileNode {
  constructor(
    private readonly system: ExtFileSystem,
    private readonly inode: Inode,
    readonly stat: FileStat,
  ) {}

  async list(): Promise<DirectoryEntry[]> {
    const { number, size, inline } = this.inode;
    if (this.stat.type !== "directory") throw new FormatError(`Inode ${number} is no directory.`);
    this.refuseEncrypted();
    const entries: DirectoryEntry[] = [];
    if (inline) {
      for (const [index, part] of inline.parts.entries()) {
        const skip = index === 0 ? INLINE_PARENT_BYTES : 0;
        const bytes = await this.system.volume.read(part.at, part.length, `the directory in inode ${number}`);
        this.parse(bytes.subarray(skip), entries);
      }
      return entries;
    }
    if (size > MAX_DIRECTORY_BYTES) {
      throw new FormatError(`The directory in inode ${number} has ${size} bytes: at most 2^27 were expected.`);
    }
    const { blockSize } = this.system;
    for (let offset = 0; offset < size; offset += blockSize) {
      this.parse(await readRange(this.system, this, offset, blockSize), entries);
    }
    return entries;
  }

  /** Reads the entries of one block: those of an index are hidden in one that spans them and names no inode. */
  private parse(bytes: Uint8Array, entries: DirectoryEntry[]): void {
    const { system, inode } = this;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at + 8 <= bytes.length;) {
      const number = view.getUint32(at, true);
      const length = entryLength(view.getUint16(at + 4, true), system.blockSize);
      const { fileType } = system.superblock;
      const nameLength = fileType ? view.getUint8(at + 6) : view.getUint16(at + 6, true);
      if (length < 8 || at + length > bytes.length || length % 4 !== 0) {
        throw new FormatError(`The directory in inode ${inode.number} is damaged: an entry has ${length} bytes.`);
      }
      if (number !== 0 && nameLength > 0) {
        if (nameLength + 8 > length) {
          throw new FormatError(`The directory in inode ${inode.number} is damaged: a name leaves its entry.`);
        }
        const name = entryName(nameText(bytes.subarray(at + 8, at + 8 + nameLength)));
        if (name !== undefined) {
          if (entries.length >= MAX_DIRECTORY_ENTRIES) {
            throw new FormatError(`The directory in inode ${inode.number} has more than a million entries.`);
          }
          const type = fileType ? ENTRY_TYPES[view.getUint8(at + 7)] : undefined;
          entries.push({ name, type, open: () => system.open(number) });
        }
      }
      at += length;
    }
  }

  async target(): Promise<string> {
    const { number, size } = this.inode;
    if (this.stat.type !== "symlink") throw new FormatError(`Inode ${number} is no symbolic link.`);
    this.refuseEncrypted();
    if (size > MAX_TARGET_BYTES) {
      throw new FormatError(
        `The link in inode ${number} has ${size} bytes: at most ${MAX_TARGET_BYTES} were expected.`,
      );
    }
    return nameText(await readRange(this.system, this, 0, size));
  }

  async *runs(offset: number, length: number): AsyncGenerator<Run> {
    this.refuseEncrypted();
    const end = Math.min(this.inode.size, offset + length);
    const inline = this.inlineParts();
    if (inline) {
      yield* inlineRuns(inline, offset, end);
      return;
    }
    const { volume, blockSize } = this.system;
    for (let at = offset; at < end;) {
      const logical = Math.floor(at / blockSize);
      const { block, count } = await mapBlocks(volume, blockSize, this.inode, logical);
      const stop = Math.min(end, (logical + count) * blockSize);
      const place = block === undefined ? undefined : block * blockSize + (at - logical * blockSize);
      yield { offset: at, length: stop - at, at: place };
      at = stop;
    }
  }

  /** Short targets of links stand in the inode in place of the block map. */
  private inlineParts(): { at: number; length: number }[] | undefined {
    const { inline, flags, size, blockAt } = this.inode;
    if (inline) return inline.parts;
    const short = this.stat.type === "symlink" && size < BLOCK_BYTES && (flags & EXTENTS) === 0;
    return short ? [{ at: blockAt, length: size }] : undefined;
  }

  private refuseEncrypted(): void {
    if ((this.inode.flags & ENCRYPTED) === 0) return;
    throw new FormatError(`Inode ${this.inode.number} is encrypted: neither names nor content can be read.`);
  }
}

function* inlineRuns(parts: readonly { at: number; length: number }[], offset: number, end: number): Generator<Run> {
  let start = 0;
  for (const part of parts) {
    const from = Math.max(start, offset);
    const to = Math.min(start + part.length, end);
    if (from < to) yield { offset: from, length: to - from, at: part.at + (from - start) };
    start += part.length;
  }
  const from = Math.max(start, offset);
  if (from < end) yield { offset: from, length: end - from, at: undefined };
}

/** Lengths of 64 KiB do not fit into 16 bits: two spare bits, or 0 and 65535, say them. */
function entryLength(raw: number, blockSize: number): number {
  if (blockSize < 65536) return raw;
  if (raw === 0 || raw === 65535) return blockSize;
  return (raw & 65532) | ((raw & 3) << 16);
}

/** @throws FormatError when the volume holds no ext file system that can be read */
export async function openExt(volume: Volume): Promise<FileSystem> {
  return new ExtFileSystem(volume, await readSuperblock(volume));
}
