/**
 * Writes archives in the "newc" cpio format of initramfs (kernel Documentation/driver-api/early-userspace/
 * buffer-format.rst): ASCII headers of thirteen 8-digit hex fields, names and data padded to 4 bytes, a TRAILER!!!
 * entry at the end. Equal entries give equal bytes: nothing comes from the host or the clock.
 */
import { FormatError } from "./errors.ts";
import { MAX_NAME_BYTES, TRAILER } from "./initramfs/cpio-header.ts";
import { S_IFCHR, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "./initramfs/mode.ts";

const HEADER_BYTES = 110;
const MAX_FIELD = 0xffff_ffff;

/** What an entry's header says, beside the size of its content. */
export interface CpioMetadata {
  /** Relative to the root, without a leading slash. */
  path: string;
  /** File type and permission bits, as `st_mode`. */
  mode: number;
  /** Owner and group; root unless given. */
  uid?: number;
  gid?: number;
  /** Seconds since 1970; 0 unless given, so that archives are reproducible. */
  mtime?: number;
  /** Device number of a device node. */
  rdev?: { major: number; minor: number };
  /** Number of links; 2 for folders and 1 for all else unless given. Hard links are counted. */
  nlink?: number;
  /** Entries with the same name here are hard links of one file; one of them has the content. */
  hardLink?: string;
}

export interface CpioEntry extends CpioMetadata {
  /** Content of a file, target of a symbolic link, empty otherwise. */
  data: Uint8Array;
}

/** An entry whose content is made when its turn comes. */
export interface CpioSource extends CpioMetadata {
  /** Bytes of content. */
  size: number;
  /** Called once; must give exactly `size` bytes. Not called for a size of 0. */
  read: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

const NOTHING = new Uint8Array(0);
const encoder = new TextEncoder();

export function cpioFile(path: string, content: Uint8Array | string, permissions = 0o644): CpioEntry {
  const data = typeof content === "string" ? encoder.encode(content) : content;
  return { path, mode: S_IFREG | permissions, data };
}

export function cpioDirectory(path: string, permissions = 0o755): CpioEntry {
  return { path, mode: S_IFDIR | permissions, data: NOTHING };
}

export function cpioSymlink(path: string, target: string): CpioEntry {
  return { path, mode: S_IFLNK | 0o777, data: encoder.encode(target) };
}

export function cpioCharDevice(path: string, major: number, minor: number, permissions = 0o600): CpioEntry {
  return { path, mode: S_IFCHR | permissions, data: NOTHING, rdev: { major, minor } };
}

const padding = (length: number): Uint8Array => new Uint8Array(-length & 3);

/** Numbers the files of an archive: hard links share theirs, and all know how many they are. */
class Inodes {
  private readonly links = new Map<string, { ino: number; count: number }>();
  private last = 0;

  constructor(entries: readonly CpioMetadata[]) {
    for (const { hardLink } of entries) {
      if (hardLink === undefined) continue;
      const known = this.links.get(hardLink);
      if (known) known.count++;
      else this.links.set(hardLink, { ino: 0, count: 1 });
    }
  }

  of(entry: CpioMetadata): { ino: number; nlink: number } {
    const link = entry.hardLink === undefined ? undefined : this.links.get(entry.hardLink);
    if (link) {
      link.ino ||= ++this.last;
      return { ino: link.ino, nlink: link.count };
    }
    return { ino: ++this.last, nlink: entry.nlink ?? ((entry.mode & S_IFMT) === S_IFDIR ? 2 : 1) };
  }
}

/** Header and name, padded. Throws FormatError when the name or a number has no room. */
function header(entry: CpioMetadata, size: number, { ino, nlink }: { ino: number; nlink: number }): Uint8Array {
  const name = encoder.encode(`${entry.path}\0`);
  if (name.length > MAX_NAME_BYTES) {
    throw new FormatError(`The path ${entry.path.slice(0, 60)}… is too long: at most ${MAX_NAME_BYTES - 1} bytes.`);
  }
  if (name.indexOf(0) !== name.length - 1) throw new FormatError(`The path of an entry has a zero byte in it.`);
  const { major, minor } = entry.rdev ?? { major: 0, minor: 0 };
  const time = Math.floor(entry.mtime ?? 0);
  const fields = [
    ino,
    entry.mode,
    entry.uid ?? 0,
    entry.gid ?? 0,
    nlink,
    time,
    size,
    0,
    0,
    major,
    minor,
    name.length,
    0,
  ];
  const text = fields.map((field) => {
    if (!(field >= 0 && field <= MAX_FIELD)) {
      throw new FormatError(`A number of ${entry.path} does not fit into its header: ${field}.`);
    }
    return field.toString(16).toUpperCase().padStart(8, "0");
  });
  const length = HEADER_BYTES + name.length;
  const bytes = new Uint8Array(length + padding(length).length);
  encoder.encodeInto(`070701${text.join("")}`, bytes);
  bytes.set(name, HEADER_BYTES);
  return bytes;
}

const trailer = (): Uint8Array => header({ path: TRAILER, mode: 0 }, 0, { ino: 0, nlink: 1 });

/** An archive of these entries in this order. */
export function writeCpio(entries: readonly CpioEntry[]): Uint8Array {
  const inodes = new Inodes(entries);
  const parts = entries.flatMap((entry) => [
    header(entry, entry.data.length, inodes.of(entry)),
    entry.data,
    padding(entry.data.length),
  ]);
  parts.push(trailer());
  const archive = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    archive.set(part, at);
    at += part.length;
  }
  return archive;
}

/** The same piece by piece, with the contents read one after the other. */
export async function* streamCpio(entries: readonly CpioSource[]): AsyncGenerator<Uint8Array, void> {
  const inodes = new Inodes(entries);
  for (const entry of entries) {
    yield header(entry, entry.size, inodes.of(entry));
    if (entry.size === 0) continue;
    let written = 0;
    for await (const piece of entry.read()) {
      written += piece.length;
      if (written > entry.size) break;
      yield piece;
    }
    if (written !== entry.size) {
      throw new FormatError(`The size of ${entry.path} changed while it was read: it was ${entry.size} bytes.`);
    }
    yield padding(entry.size);
  }
  yield trailer();
}
