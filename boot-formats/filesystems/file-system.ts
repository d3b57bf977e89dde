/** What all file systems offer here: to be walked and read, a piece at a time, with the place of every byte. */
import type { Volume } from "../disk/byte-source.ts";
import { FormatError } from "../errors.ts";
import type { Field } from "../fields.ts";

export type FileType = "file" | "directory" | "symlink" | "character device" | "block device" | "fifo" | "socket";

export interface FileStat {
  type: FileType;
  /** Permission bits with set-user-id, set-group-id and sticky: 0 to 0o7777. */
  mode: number;
  uid: number;
  gid: number;
  /** Bytes. */
  size: number;
  /** Last change of the content: seconds since 1970, UTC (FAT keeps local time, which is taken for UTC). */
  mtime: number;
  /** Number of the inode, or what stands in for it: equal for the names of one file. */
  inode: number;
  links: number;
  /** Of device files. */
  device?: { major: number; minor: number };
}

/** A run of a file's bytes. */
export interface Run {
  /** Within the file. */
  offset: number;
  length: number;
  /** Within the volume; undefined where nothing is stored and zeros are read. */
  at: number | undefined;
}

export interface DirectoryEntry {
  /** As the directory has it; bytes that are no UTF-8 as \xNN. */
  name: string;
  /** Undefined where the directory does not say. */
  type: FileType | undefined;
  open(): Promise<FileNode>;
}

export interface FileNode {
  readonly stat: FileStat;
  /** Entries of a directory in its own order, without "." and "..". */
  list(): Promise<DirectoryEntry[]>;
  /** Where a symbolic link points. */
  target(): Promise<string>;
  /** Where bytes of the content lie, in order and without gaps, up to the end of the file. */
  runs(offset: number, length: number): AsyncIterable<Run> | Iterable<Run>;
}

export interface FileSystem {
  /** "ext4", "FAT16", "ISO 9660 with Rock Ridge". */
  readonly kind: string;
  readonly label: string;
  /** As Linux prints it; empty when there is none. */
  readonly uuid: string;
  /** Bytes. */
  readonly blockSize: number;
  readonly volume: Volume;
  /** Superblock, BIOS parameter block or volume descriptors; offsets count from the start of the disk. */
  readonly fields: Field[];
  /** What the reader of its files should know, one sentence each. */
  readonly problems: string[];
  root(): Promise<FileNode>;
}

/** A directory beyond this size is refused. */
export const MAX_DIRECTORY_BYTES = 128 * 1024 * 1024;
/** So is one with more entries. */
export const MAX_DIRECTORY_ENTRIES = 1_000_000;
/** Longest target of a symbolic link: PATH_MAX. */
export const MAX_TARGET_BYTES = 4096;
/** Symbolic links that are followed in one path, as in Linux. */
const MAX_LINKS = 40;
/** Deepest nesting that is walked. */
const MAX_DEPTH = 200;
/** Bytes in one piece of a stream. */
const PIECE = 1024 * 1024;

/** Bytes of a file, fewer at its end. */
export async function readRange(
  { volume }: FileSystem,
  file: FileNode,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  const end = Math.min(file.stat.size, offset + length);
  if (end <= offset) return new Uint8Array(0);
  const bytes = new Uint8Array(end - offset);
  for await (const run of file.runs(offset, end - offset)) {
    if (run.at === undefined) continue;
    bytes.set(await volume.read(run.at, run.length, `data of a file at its byte ${run.offset}`), run.offset - offset);
  }
  return bytes;
}

/** The whole content in pieces of at most 1 MiB. */
export async function* streamFile(system: FileSystem, file: FileNode): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < file.stat.size; offset += PIECE) yield await readRange(system, file, offset, PIECE);
}

/** @throws FormatError when the file has more than `limit` bytes */
export async function readWhole(system: FileSystem, file: FileNode, limit: number): Promise<Uint8Array> {
  const { size } = file.stat;
  if (size > limit) throw new FormatError(`The file has ${size} bytes: at most ${limit} were expected.`);
  return readRange(system, file, 0, size);
}

/**
 * Finds a file by its path from the root. Symbolic links on the way are followed, one at its end if `followLast`; ".."
 * and links never leave the file system.
 * @returns undefined when there is no such file
 * @throws FormatError when links go in circles, or a directory is damaged
 */
export async function findFile(system: FileSystem, path: string, followLast = true): Promise<FileNode | undefined> {
  const root = await system.root();
  let stack: FileNode[] = [root];
  const names = splitPath(path).reverse();
  let links = 0;
  for (let name = names.pop(); name !== undefined; name = names.pop()) {
    const here = stack[stack.length - 1]!;
    if (name === "..") {
      if (stack.length > 1) stack.pop();
      continue;
    }
    if (here.stat.type !== "directory") return undefined;
    const wanted = name;
    const entry = (await here.list()).find((candidate) => candidate.name === wanted);
    if (!entry) return undefined;
    const node = await entry.open();
    if (node.stat.type !== "symlink" || (names.length === 0 && !followLast)) {
      stack.push(node);
      continue;
    }
    if (++links > MAX_LINKS) throw new FormatError(`The path ${path} leads through more than ${MAX_LINKS} links.`);
    const target = await node.target();
    if (target.startsWith("/")) stack = [root];
    names.push(...splitPath(target).reverse());
  }
  return stack[stack.length - 1];
}

function splitPath(path: string): string[] {
  return path.split("/").filter((name) => name !== "" && name !== ".");
}

export interface WalkedFile {
  /** From the root, without a leading slash; empty for the root itself. */
  path: string;
  node: FileNode;
}

/**
 * All files, each directory before its content.
 * @throws FormatError when directories nest deeper than 200, or one is reached in two ways
 */
export async function* walkFiles(system: FileSystem): AsyncGenerator<WalkedFile> {
  yield* walkBelow(await system.root(), "", 0, new Set());
}

/** `seen` has the inodes of all directories so far: without it, a few that name each other make a walk without end. */
async function* walkBelow(node: FileNode, path: string, depth: number, seen: Set<number>): AsyncGenerator<WalkedFile> {
  yield { path, node };
  const { type, inode } = node.stat;
  if (type !== "directory") return;
  if (seen.has(inode)) throw new FormatError(`The directory /${path} is found a second time: it was expected once.`);
  if (depth >= MAX_DEPTH) throw new FormatError(`Directories nest deeper than ${MAX_DEPTH} at /${path}.`);
  seen.add(inode);
  for (const entry of await node.list()) {
    yield* walkBelow(await entry.open(), path === "" ? entry.name : `${path}/${entry.name}`, depth + 1, seen);
  }
}

/** A name or link target as text: UTF-8, and each byte that is none as \xNN, so that nothing gets lost. */
export function nameText(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return Array.from(bytes, (byte) =>
      byte < 0x80 ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`,
    ).join("");
  }
}

/**
 * Name of a directory entry as it may be used in a path: slashes and zeros, which no system allows, are spelt out.
 * @returns undefined for names that mean the directory itself or the one above
 */
export function entryName(name: string): string | undefined {
  if (name === "" || name === "." || name === "..") return undefined;
  return name.replaceAll("/", "\\x2f").replaceAll("\0", "\\x00");
}

/** Type of a file from the upper four bits of its Unix mode; undefined for what no system makes. */
export function modeType(mode: number): FileType | undefined {
  return MODE_TYPES[(mode >>> 12) & 0xf];
}

const MODE_TYPES: Readonly<Record<number, FileType>> = {
  0x1: "fifo",
  0x2: "character device",
  0x4: "directory",
  0x6: "block device",
  0x8: "file",
  0xa: "symlink",
  0xc: "socket",
};
