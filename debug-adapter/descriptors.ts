/** Segment and gate descriptors in words (Intel SDM vol. 3, 3.4.5, 5.8 and 6.11). */
import type { Segment } from "../emulator/machine/api.ts";
import { hex } from "./address.ts";

/** System segments and gates by type (Intel SDM vol. 3, table 3-2). */
export const SYSTEM_TYPES: Readonly<Record<number, string>> = {
  1: "16-bit TSS (available)",
  2: "LDT",
  3: "16-bit TSS (busy)",
  4: "16-bit call gate",
  5: "task gate",
  6: "16-bit interrupt gate",
  7: "16-bit trap gate",
  9: "TSS (available)",
  11: "TSS (busy)",
  12: "call gate",
  14: "interrupt gate",
  15: "trap gate",
};

/** `attributes` are descriptor bits 40 to 55 (bits 8 to 23 of the upper half). */
export function describeAttributes(attributes: number): string {
  const type = attributes & 15;
  const dpl = `DPL ${(attributes >> 5) & 3}`;
  const present = attributes & 0x80 ? "" : ", not present";
  if (!(attributes & 0x10)) return `${SYSTEM_TYPES[type] ?? `system type ${type}`}, ${dpl}${present}`;
  if (type & 8) {
    const bits = attributes & 0x2000 ? "64-bit" : attributes & 0x4000 ? "32-bit" : "16-bit";
    return `${bits} code${type & 2 ? ", readable" : ""}${type & 4 ? ", conforming" : ""}, ${dpl}${present}`;
  }
  const bits = attributes & 0x4000 ? "32-bit" : "16-bit";
  return `${bits} data${type & 2 ? ", writable" : ""}${type & 4 ? ", expand-down" : ""}, ${dpl}${present}`;
}

export function describeSegment(segment: Segment): string {
  const selector = hex(segment.selector, 4);
  if (segment.unusable) return `${selector} (null)`;
  return `${selector} base ${hex(segment.base)} limit ${hex(segment.limit)} ${describeAttributes(segment.attributes)}`;
}

export interface Descriptor {
  /** "0x08" for a selector, "14" for a vector. */
  name: string;
  text: string;
}

/** One entry of a descriptor table as a number: 8 bytes, or 16 for what is wider in long mode. */
export interface Entry {
  /** Its first byte in the table: the selector without TI and RPL, in a GDT or LDT. */
  offset: number;
  bytes: 8 | 16;
  value: bigint;
}

const u64At = (bytes: Uint8Array, offset: number): bigint =>
  new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(offset, true);

/** All whole entries of a GDT or LDT; in long mode system descriptors take two slots. */
export function segmentEntries(bytes: Uint8Array, longMode: boolean): Entry[] {
  const result: Entry[] = [];
  for (let offset = 0; offset + 8 <= bytes.length;) {
    const low = u64At(bytes, offset);
    const isWide = longMode && low !== 0n && (low & 0x100000000000n) === 0n && offset + 16 <= bytes.length;
    const value = isWide ? low | (u64At(bytes, offset + 8) << 64n) : low;
    result.push({ offset, bytes: isWide ? 16 : 8, value });
    offset += isWide ? 16 : 8;
  }
  return result;
}

/** All whole gates of an IDT, 8 bytes each, 16 in long mode. */
export function gateEntries(bytes: Uint8Array, longMode: boolean): Entry[] {
  const size = longMode ? 16 : 8;
  return Array.from({ length: Math.min(256, Math.floor(bytes.length / size)) }, (_, vector) => {
    const offset = vector * size;
    const low = u64At(bytes, offset);
    return { offset, bytes: size, value: longMode ? low | (u64At(bytes, offset + 8) << 64n) : low };
  });
}

/** What a segment register would load of a descriptor. */
export interface SegmentParts {
  base: bigint;
  /** Of the last byte, after G. */
  limit: number;
  /** Bits 8 to 23 of the upper half, without those of the limit. */
  attributes: number;
}

export function segmentParts({ value }: Pick<Entry, "value">): SegmentParts {
  const attributes = Number((value >> 40n) & 0xf0ffn);
  const limit = (value & 0xffffn) | ((value >> 32n) & 0xf0000n);
  const base = ((value >> 16n) & 0xffffffn) | ((value >> 32n) & 0xff000000n) | (((value >> 64n) & 0xffffffffn) << 32n);
  return { base, limit: Number(attributes & 0x8000 ? (limit << 12n) | 0xfffn : limit), attributes };
}

/** Gates that lie in a GDT or LDT: call gates and task gates. */
const GATES: ReadonlySet<number> = new Set([4, 5, 12]);

export const isGate = (attributes: number): boolean => !(attributes & 0x10) && GATES.has(attributes & 15);

export function segmentText(entry: Entry): string {
  const { base, limit, attributes } = segmentParts(entry);
  if (isGate(attributes)) return gateText(entry, entry.bytes === 16);
  return `base ${hex(base)} limit ${hex(limit)} ${describeAttributes(attributes)}`;
}

export interface GateParts {
  selector: number;
  offset: bigint;
  /** Stack of the TSS's interrupt stack table, 0 for none. */
  ist: number;
  /** Type, DPL and P, as in a segment's attributes. */
  attributes: number;
}

export function gateParts({ value }: Pick<Entry, "value">, longMode: boolean): GateParts {
  return {
    selector: Number((value >> 16n) & 0xffffn),
    offset: (value & 0xffffn) | ((value >> 32n) & 0xffff0000n) | (((value >> 64n) & 0xffffffffn) << 32n),
    ist: longMode ? Number((value >> 32n) & 7n) : 0,
    attributes: Number((value >> 40n) & 0xffn),
  };
}

export function gateText(entry: Entry, longMode: boolean): string {
  const { selector, offset, ist, attributes } = gateParts(entry, longMode);
  return `${hex(selector, 4)}:${hex(offset)} ${describeAttributes(attributes)}${ist ? `, IST ${ist}` : ""}`;
}

/** The entries of a GDT or LDT that are not empty. */
export const decodeGdt = (bytes: Uint8Array, longMode: boolean): Descriptor[] =>
  segmentEntries(bytes, longMode)
    .filter(({ value }) => value !== 0n)
    .map((entry) => ({ name: hex(entry.offset, 4), text: segmentText(entry) }));

/** The gates of an IDT that are not empty. */
export const decodeIdt = (bytes: Uint8Array, longMode: boolean): Descriptor[] =>
  gateEntries(bytes, longMode).flatMap((entry, vector) => {
    if (entry.value === 0n) return [];
    const text = gateText(entry, longMode);
    const exception = VECTORS[vector];
    return [{ name: `${vector}`, text: exception === undefined ? text : `${text} (${exception})` }];
  });

/** "f000:e987" of a far pointer. */
export const farText = (pointer: number): string => {
  const four = (value: number): string => value.toString(16).padStart(4, "0");
  return `${four(pointer >>> 16)}:${four(pointer & 0xffff)}`;
};

/** The real-mode interrupt table: 256 far pointers at 0. */
export function decodeIvt(bytes: Uint8Array): Descriptor[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: Math.min(256, Math.floor(bytes.length / 4)) }, (_, vector) => vector).flatMap(
    (vector) => {
      const pointer = view.getUint32(vector * 4, true);
      return pointer === 0 ? [] : [{ name: hex(vector, 2), text: farText(pointer) }];
    },
  );
}

/** Exceptions by vector (Intel SDM vol. 3, table 6-1). */
export const VECTORS: Readonly<Record<number, string>> = {
  0: "#DE",
  1: "#DB",
  2: "NMI",
  3: "#BP",
  4: "#OF",
  5: "#BR",
  6: "#UD",
  7: "#NM",
  8: "#DF",
  10: "#TS",
  11: "#NP",
  12: "#SS",
  13: "#GP",
  14: "#PF",
  16: "#MF",
  17: "#AC",
  18: "#MC",
  19: "#XM",
  20: "#VE",
  21: "#CP",
};
