/**
 * Headers of cpio entries in the three ASCII formats: "newc" and "crc" (kernel Documentation/driver-api/early-userspace/
 * buffer-format.rst), which the kernel reads, and "odc" (POSIX.1-1997, pax "cpio"), which it refuses.
 */
import { FormatError } from "../errors.ts";
import type { Field } from "../fields.ts";
import { describeMode } from "./mode.ts";

export type CpioFormat = "newc" | "crc" | "odc";

/** PATH_MAX: the kernel takes no longer names, nor targets of symbolic links. */
export const MAX_NAME_BYTES = 4096;
export const TRAILER = "TRAILER!!!";
export const MAGIC_BYTES = 6;

export interface CpioHeader {
  format: CpioFormat;
  /** Bytes of the header without the name. */
  size: number;
  ino: number;
  /** File type and permission bits, as `st_mode`. */
  mode: number;
  uid: number;
  gid: number;
  nlink: number;
  /** Seconds since 1970. */
  mtime: number;
  /** Bytes of content. */
  dataSize: number;
  /** Device that the file lay on when the archive was made. */
  dev: Device;
  /** Device that a device node stands for. */
  rdev: Device;
  /** Bytes of the name, its terminating zero included. */
  nameSize: number;
  /** Sum of all bytes of the content, modulo 2^32; 0 except in "crc". */
  checksum: number;
}

export interface Device {
  major: number;
  minor: number;
}

interface Column {
  name: string;
  digits: number;
  note: string;
}

const NEW_COLUMNS: readonly Column[] = [
  { name: "c_ino", digits: 8, note: "inode number: entries that share it and the device are hard links of one file" },
  { name: "c_mode", digits: 8, note: "file type and permissions" },
  { name: "c_uid", digits: 8, note: "owner" },
  { name: "c_gid", digits: 8, note: "group" },
  { name: "c_nlink", digits: 8, note: "number of hard links" },
  { name: "c_mtime", digits: 8, note: "time of last change, seconds since 1970" },
  { name: "c_filesize", digits: 8, note: "bytes of content; 0 for all but one of several hard links" },
  { name: "c_maj", digits: 8, note: "major number of the device that the file lay on" },
  { name: "c_min", digits: 8, note: "minor number of that device" },
  { name: "c_rmaj", digits: 8, note: "major number of the device that a device node stands for" },
  { name: "c_rmin", digits: 8, note: "minor number of that device" },
  { name: "c_namesize", digits: 8, note: "bytes of the name, its terminating zero included" },
  { name: "c_chksum", digits: 8, note: "sum of all bytes of the content in the crc format, else 0" },
];

const OLD_COLUMNS: readonly Column[] = [
  { name: "c_dev", digits: 6, note: "device that the file lay on" },
  { name: "c_ino", digits: 6, note: "inode number: entries that share it and the device are hard links of one file" },
  { name: "c_mode", digits: 6, note: "file type and permissions" },
  { name: "c_uid", digits: 6, note: "owner" },
  { name: "c_gid", digits: 6, note: "group" },
  { name: "c_nlink", digits: 6, note: "number of hard links" },
  { name: "c_rdev", digits: 6, note: "device that a device node stands for" },
  { name: "c_mtime", digits: 11, note: "time of last change, seconds since 1970" },
  { name: "c_namesize", digits: 6, note: "bytes of the name, its terminating zero included" },
  { name: "c_filesize", digits: 11, note: "bytes of content" },
];

const MAGICS: Readonly<Record<string, CpioFormat>> = { "070701": "newc", "070702": "crc", "070707": "odc" };
const HEADER_BYTES: Readonly<Record<CpioFormat, number>> = { newc: 110, crc: 110, odc: 76 };

const ascii = (bytes: Uint8Array): string => String.fromCharCode(...bytes);

/** The format that six bytes announce, undefined when they are no cpio magic. */
export function cpioFormat(magic: Uint8Array): CpioFormat | undefined {
  return MAGICS[ascii(magic.subarray(0, MAGIC_BYTES))];
}

export function headerBytes(format: CpioFormat): number {
  return HEADER_BYTES[format];
}

/** Columns with the numbers that stand in them; throws FormatError unless all are digits. */
function readColumns(format: CpioFormat, bytes: Uint8Array, where: string): Map<string, number> {
  const base = format === "odc" ? 8 : 16;
  const digits = format === "odc" ? /^[0-7]+$/ : /^[0-9a-fA-F]+$/;
  const values = new Map<string, number>();
  let at = MAGIC_BYTES;
  for (const column of format === "odc" ? OLD_COLUMNS : NEW_COLUMNS) {
    const text = ascii(bytes.subarray(at, at + column.digits));
    if (!digits.test(text)) {
      throw new FormatError(
        `Bad cpio header at ${where}: ${column.name} must be ${base === 8 ? "octal" : "hexadecimal"} digits.`,
      );
    }
    values.set(column.name, parseInt(text, base));
    at += column.digits;
  }
  return values;
}

const oldDevice = (number: number): Device => ({ major: number >>> 8, minor: number & 0xff });

/**
 * Decodes the header that begins `bytes`, all of it. `where` names its place for messages. Throws FormatError when it
 * is no header, or announces a name that no kernel takes.
 */
export function parseCpioHeader(bytes: Uint8Array, where: string): CpioHeader {
  const format = cpioFormat(bytes);
  if (!format) throw new FormatError(`No cpio header at ${where}: the magic 070701 ("newc") was expected.`);
  const values = readColumns(format, bytes, where);
  const value = (name: string): number => values.get(name) ?? 0;
  const nameSize = value("c_namesize");
  if (nameSize < 1 || nameSize > MAX_NAME_BYTES) {
    throw new FormatError(
      `Bad cpio header at ${where}: a name of ${nameSize} bytes, 1 to ${MAX_NAME_BYTES} were expected.`,
    );
  }
  const old = format === "odc";
  return {
    format,
    size: HEADER_BYTES[format],
    ino: value("c_ino"),
    mode: value("c_mode"),
    uid: value("c_uid"),
    gid: value("c_gid"),
    nlink: value("c_nlink"),
    mtime: value("c_mtime"),
    dataSize: value("c_filesize"),
    dev: old ? oldDevice(value("c_dev")) : { major: value("c_maj"), minor: value("c_min") },
    rdev: old ? oldDevice(value("c_rdev")) : { major: value("c_rmaj"), minor: value("c_rmin") },
    nameSize,
    checksum: format === "crc" ? value("c_chksum") : 0,
  };
}

/** Every field of the header that begins `bytes`, name included; `base` is its offset in what is being shown. */
export function cpioHeaderFields(bytes: Uint8Array, base: number): Field[] {
  const where = `byte ${base}`;
  const header = parseCpioHeader(bytes, where);
  const values = readColumns(header.format, bytes, where);
  const fields: Field[] = [
    {
      name: "c_magic",
      offset: base,
      length: MAGIC_BYTES,
      value: ascii(bytes.subarray(0, MAGIC_BYTES)),
      note: header.format,
    },
  ];
  let at = MAGIC_BYTES;
  for (const column of header.format === "odc" ? OLD_COLUMNS : NEW_COLUMNS) {
    const raw = values.get(column.name) ?? 0;
    fields.push({
      name: column.name,
      offset: base + at,
      length: column.digits,
      value: columnText(column.name, raw),
      raw,
      note: column.note,
    });
    at += column.digits;
  }
  const name = bytes.subarray(header.size, header.size + header.nameSize - 1);
  fields.push({
    name: "name",
    offset: base + header.size,
    length: header.nameSize,
    value: new TextDecoder().decode(name),
    note: "path of the entry, with a terminating zero",
  });
  return fields;
}

function columnText(name: string, raw: number): string {
  if (name === "c_mode") return describeMode(raw);
  if (name === "c_mtime") return `${raw} (${new Date(raw * 1000).toISOString()})`;
  return String(raw);
}
