/**
 * The "newc" cpio format of initramfs archives (kernel Documentation/driver-api/early-userspace/buffer-format.rst):
 * ASCII headers of thirteen 8-digit hex fields, names and data padded to 4 bytes, a TRAILER!!! entry at the end.
 */
import { FormatError } from "./errors.ts";

const HEADER_BYTES = 110;
const TRAILER = "TRAILER!!!";
/** PATH_MAX: the kernel takes no longer names. */
const MAX_NAME_BYTES = 4096;
const MAX_ENTRIES = 1_000_000;

/** File types as they stand in `st_mode`. */
export const S_IFMT = 0o170000;
export const S_IFREG = 0o100000;
export const S_IFDIR = 0o040000;
export const S_IFLNK = 0o120000;
export const S_IFCHR = 0o020000;

export interface CpioEntry {
  /** Relative to the root, without a leading slash. */
  path: string;
  /** File type and permission bits, as `st_mode`. */
  mode: number;
  /** Content of a file, target of a symbolic link, empty otherwise. */
  data: Uint8Array;
  /** Device number of a device node. */
  rdev?: { major: number; minor: number };
  /** Seconds since 1970; 0 unless given, so that archives are reproducible. */
  mtime?: number;
}

export interface CpioReadEntry extends CpioEntry {
  uid: number;
  gid: number;
  nlink: number;
  ino: number;
  mtime: number;
  rdev: { major: number; minor: number };
  /** Bytes of the header, name included, and of the data, within the archive. */
  headerRange: { start: number; end: number };
  dataRange: { start: number; end: number };
}

const NOTHING = new Uint8Array(0);

export function cpioFile(path: string, content: Uint8Array | string, permissions = 0o644): CpioEntry {
  const data = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return { path, mode: S_IFREG | permissions, data };
}

export function cpioDirectory(path: string, permissions = 0o755): CpioEntry {
  return { path, mode: S_IFDIR | permissions, data: NOTHING };
}

export function cpioSymlink(path: string, target: string): CpioEntry {
  return { path, mode: S_IFLNK | 0o777, data: new TextEncoder().encode(target) };
}

export function cpioCharDevice(path: string, major: number, minor: number, permissions = 0o600): CpioEntry {
  return { path, mode: S_IFCHR | permissions, data: NOTHING, rdev: { major, minor } };
}

const padded = (length: number): number => (length + 3) & ~3;

/** An archive of these entries in this order, all owned by root. Equal entries give equal bytes. */
export function writeCpio(entries: readonly CpioEntry[]): Uint8Array {
  const encoder = new TextEncoder();
  const trailer: CpioEntry = { path: TRAILER, mode: 0, data: NOTHING };
  const parts = [...entries, trailer].map((entry) => ({ entry, name: encoder.encode(entry.path + "\0") }));
  const size = parts.reduce((sum, p) => sum + padded(HEADER_BYTES + p.name.length) + padded(p.entry.data.length), 0);
  const archive = new Uint8Array(size);
  let at = 0;
  for (const [index, { entry, name }] of parts.entries()) {
    if (name.length > MAX_NAME_BYTES) throw new FormatError(`Cpio: the name ${entry.path.slice(0, 60)}… is too long.`);
    const isTrailer = entry === trailer;
    const nlink = (entry.mode & S_IFMT) === S_IFDIR ? 2 : 1;
    const fields = [
      isTrailer ? 0 : index + 1,
      entry.mode,
      0,
      0,
      nlink,
      entry.mtime ?? 0,
      entry.data.length,
      0,
      0,
      entry.rdev?.major ?? 0,
      entry.rdev?.minor ?? 0,
      name.length,
      0,
    ];
    const header = "070701" + fields.map((f) => f.toString(16).toUpperCase().padStart(8, "0")).join("");
    archive.set(encoder.encode(header), at);
    archive.set(name, at + HEADER_BYTES);
    at += padded(HEADER_BYTES + name.length);
    archive.set(entry.data, at);
    at += padded(entry.data.length);
  }
  return archive;
}

/**
 * The entries of one archive, up to its trailer; data are views into `bytes`. What follows the trailer (another
 * archive may) begins at `end`.
 */
export function readCpio(bytes: Uint8Array, start = 0): { entries: CpioReadEntry[]; end: number } {
  const decoder = new TextDecoder();
  const entries: CpioReadEntry[] = [];
  let at = start;
  for (;;) {
    if (entries.length >= MAX_ENTRIES) throw new FormatError(`Cpio: more than ${MAX_ENTRIES} entries.`);
    const where = `at byte ${at}`;
    if (at + HEADER_BYTES > bytes.length) {
      throw new FormatError(`Cpio archive is truncated ${where}: a header or the ${TRAILER} entry was expected.`);
    }
    const header = decoder.decode(bytes.subarray(at, at + HEADER_BYTES));
    if (!/^07070[12]/.test(header)) {
      throw new FormatError(`No cpio header ${where}: the magic 070701 ("newc") was expected.`);
    }
    if (!/^[0-9a-fA-F]{104}$/.test(header.slice(6))) {
      throw new FormatError(`Bad cpio header ${where}: its fields must be hexadecimal digits.`);
    }
    const field = (index: number): number => parseInt(header.slice(6 + index * 8, 14 + index * 8), 16);
    const nameSize = field(11);
    const dataSize = field(6);
    if (nameSize < 1 || nameSize > MAX_NAME_BYTES) {
      throw new FormatError(`Bad cpio header ${where}: a name of ${nameSize} bytes, 1 to ${MAX_NAME_BYTES} expected.`);
    }
    // Padding counts from the start of the archive, which itself is 4-byte aligned.
    const dataStart = start + padded(at - start + HEADER_BYTES + nameSize);
    const dataEnd = dataStart + dataSize;
    if (dataEnd > bytes.length) {
      throw new FormatError(
        `Cpio archive is truncated ${where}: an entry of ${dataSize} bytes reaches beyond its end.`,
      );
    }
    const path = decoder.decode(bytes.subarray(at + HEADER_BYTES, at + HEADER_BYTES + nameSize - 1));
    const next = Math.min(start + padded(dataEnd - start), bytes.length);
    if (path === TRAILER) return { entries, end: next };
    entries.push({
      path,
      ino: field(0),
      mode: field(1),
      uid: field(2),
      gid: field(3),
      nlink: field(4),
      mtime: field(5),
      rdev: { major: field(9), minor: field(10) },
      data: bytes.subarray(dataStart, dataEnd),
      headerRange: { start: at, end: at + HEADER_BYTES + nameSize },
      dataRange: { start: dataStart, end: dataEnd },
    });
    at = next;
  }
}
