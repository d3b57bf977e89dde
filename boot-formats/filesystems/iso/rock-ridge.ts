/**
 * Rock Ridge: Unix names, modes, links and devices behind each directory record (IEEE P1282, RRIP 1.12), in the frame
 * of the System Use Sharing Protocol (IEEE P1281).
 */
import type { Volume } from "../../disk/byte-source.ts";
import { FormatError } from "../../errors.ts";
import { hex } from "../../fields.ts";
import { MAX_TARGET_BYTES, nameText } from "../file-system.ts";

/** Continuation areas that are followed for one record. */
const MAX_CONTINUATIONS = 64;
const NAME_LIMIT = 1024;

export interface RockRidge {
  name: string | undefined;
  posix: { mode: number; links: number; uid: number; gid: number; serial: number | undefined } | undefined;
  target: string | undefined;
  device: { major: number; minor: number } | undefined;
  mtime: number | undefined;
  /** Block of the directory that was moved elsewhere, for which this record stands. */
  childLink: number | undefined;
  /** Whether this directory was moved here, and is not to be listed. */
  relocated: boolean;
  /** Whether the content is compressed (zisofs). */
  compressed: boolean;
  /** Bytes to skip in all records' areas, told by the root's first. */
  skip: number | undefined;
}

interface Area {
  bytes: Uint8Array;
  /** Within the volume, for messages. */
  at: number;
}

/** Reads the entries behind a record, and those in continuation areas. */
export async function readRockRidge(volume: Volume, blockSize: number, area: Area): Promise<RockRidge> {
  const found: RockRidge = {
    name: undefined,
    posix: undefined,
    target: undefined,
    device: undefined,
    mtime: undefined,
    childLink: undefined,
    relocated: false,
    compressed: false,
    skip: undefined,
  };
  const parts: LinkParts = { pieces: [], bytes: 0, joined: true };
  const name = { bytes: [] as number[], used: false };
  let current: Area | undefined = area;
  for (let areas = 0; current; areas++) {
    if (areas > MAX_CONTINUATIONS) {
      throw new FormatError(`The Rock Ridge entries at ${hex(volume.at(area.at))} go on through too many blocks.`);
    }
    const next = parseArea(current, found, parts, name);
    current = next && {
      bytes: await volume.read(next.block * blockSize + next.offset, next.length, "Rock Ridge entries"),
      at: next.block * blockSize + next.offset,
    };
  }
  if (name.used) found.name = nameText(Uint8Array.from(name.bytes));
  if (parts.pieces.length > 0 || parts.bytes > 0) found.target = linkText(parts);
  return found;
}

interface LinkParts {
  pieces: string[];
  bytes: number;
  /** Whether the next component is a new one, not the continuation of the last. */
  joined: boolean;
}

interface Continuation {
  block: number;
  offset: number;
  length: number;
}

function parseArea(
  { bytes, at }: Area,
  found: RockRidge,
  link: LinkParts,
  name: { bytes: number[]; used: boolean },
): Continuation | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let next: Continuation | undefined;
  for (let entry = 0; entry + 4 <= bytes.length;) {
    const tag = String.fromCharCode(bytes[entry]!, bytes[entry + 1]!);
    const length = bytes[entry + 2]!;
    // Padding ends the area.
    if (length < 4) break;
    if (entry + length > bytes.length) {
      throw new FormatError(`The Rock Ridge entry "${printable(tag)}" at ${hex(at + entry)} is cut off.`);
    }
    const need = (least: number): boolean => length >= least;
    const u32 = (offset: number): number => view.getUint32(entry + offset, true);
    if (tag === "SP" && need(7)) found.skip = bytes[entry + 6]!;
    else if (tag === "CE" && need(28)) next = { block: u32(4), offset: u32(12), length: u32(20) };
    else if (tag === "ST") break;
    else if (tag === "NM" && need(5)) addName(bytes.subarray(entry + 4, entry + length), name);
    else if (tag === "PX" && need(36)) {
      const serial = need(44) ? u32(36) : undefined;
      found.posix = { mode: u32(4), links: u32(12), uid: u32(20), gid: u32(28), serial };
    } else if (tag === "PN" && need(20)) found.device = device(u32(4), u32(12));
    else if (tag === "SL" && need(5)) addLink(bytes.subarray(entry + 5, entry + length), link, at + entry);
    else if (tag === "TF" && need(5)) found.mtime = modified(bytes.subarray(entry + 4, entry + length)) ?? found.mtime;
    else if (tag === "CL" && need(12)) found.childLink = u32(4);
    else if (tag === "RE") found.relocated = true;
    else if (tag === "ZF") found.compressed = true;
    entry += length;
  }
  return next;
}

function printable(tag: string): string {
  return tag.replace(/[^ -~]/g, "?");
}

function addName(entry: Uint8Array, name: { bytes: number[]; used: boolean }): void {
  // Flags for "." and "..": those records have their meaning by themselves.
  if ((entry[0]! & 0x06) !== 0 || name.bytes.length > NAME_LIMIT) return;
  name.used = true;
  name.bytes.push(...entry.subarray(1));
}

/** Components of a link's target: text, or flags for the current directory, the parent and the root. */
function addLink(components: Uint8Array, link: LinkParts, at: number): void {
  for (let place = 0; place + 2 <= components.length;) {
    const flags = components[place]!;
    const length = components[place + 1]!;
    if (place + 2 + length > components.length) throw new FormatError(`The link at ${hex(at)} is cut off.`);
    const text = nameText(components.subarray(place + 2, place + 2 + length));
    const value = flags & 0x02 ? "." : flags & 0x04 ? ".." : flags & 0x08 ? "" : text;
    link.bytes += length + 1;
    if (link.bytes > MAX_TARGET_BYTES) {
      throw new FormatError(`The link at ${hex(at)} is longer than ${MAX_TARGET_BYTES} bytes.`);
    }
    if (link.joined) link.pieces.push(value);
    else link.pieces.push(`${link.pieces.pop() ?? ""}${value}`);
    link.joined = (flags & 0x01) === 0;
    place += 2 + length;
  }
}

function linkText({ pieces }: LinkParts): string {
  return pieces.length === 1 && pieces[0] === "" ? "/" : pieces.join("/");
}

/** Writers put either the old split into both words, or all of it into the lower one. */
function device(high: number, low: number): { major: number; minor: number } {
  if ((low & ~0xff) === 0 && high !== 0) return { major: high, minor: low };
  return { major: (low >>> 8) & 0xfff, minor: (low & 0xff) | ((low >>> 12) & 0xfff00) };
}

/** Time stamps stand in the order of their flags: made, modified, accessed and so on. */
function modified(entry: Uint8Array): number | undefined {
  const flags = entry[0]!;
  if ((flags & 0x02) === 0) return undefined;
  const long = (flags & 0x80) !== 0;
  const size = long ? 17 : 7;
  const at = 1 + ((flags & 0x01) !== 0 ? size : 0);
  if (at + size > entry.length) return undefined;
  const stamp = entry.subarray(at, at + size);
  return long ? longTime(stamp) : shortTime(stamp);
}

/** Seven bytes: years since 1900, month to second, and the zone in quarters of an hour. */
export function shortTime(stamp: Uint8Array): number {
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0, zone = 0] = stamp;
  const offset = ((zone << 24) >> 24) * 15 * 60;
  return Date.UTC(1900 + year, month - 1, day, hour, minute, second) / 1000 - offset;
}

function longTime(stamp: Uint8Array): number {
  const digits = String.fromCharCode(...stamp.subarray(0, 16));
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)/.exec(digits);
  if (!parts) return 0;
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = parts.slice(1).map(Number);
  return Date.UTC(year, month - 1, day, hour, minute, second) / 1000 - ((stamp[16]! << 24) >> 24) * 15 * 60;
}
