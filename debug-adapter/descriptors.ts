/** Segment and gate descriptors in words (Intel SDM vol. 3, 3.4.5, 5.8 and 6.11). */
import type { Segment } from "../emulator/machine/api.ts";
import { hex } from "./address.ts";

const SYSTEM_TYPES: Readonly<Record<number, string>> = {
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

const u64At = (bytes: Uint8Array, offset: number): bigint =>
  new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(offset, true);

/** The entries of a GDT or LDT that are not empty; in long mode system descriptors take two slots. */
export function decodeGdt(bytes: Uint8Array, longMode: boolean): Descriptor[] {
  const result: Descriptor[] = [];
  for (let offset = 0; offset + 8 <= bytes.length; offset += 8) {
    const low = u64At(bytes, offset);
    if (low === 0n) continue;
    const attributes = Number((low >> 40n) & 0xffffn) & 0xf0ff;
    let base = ((low >> 16n) & 0xffffffn) | ((low >> 32n) & 0xff000000n);
    const name = hex(offset, 4);
    if (longMode && !(attributes & 0x10) && offset + 16 <= bytes.length) {
      base |= (u64At(bytes, offset + 8) & 0xffffffffn) << 32n;
      offset += 8;
    }
    const limit = (low & 0xffffn) | ((low >> 32n) & 0xf0000n);
    const bytesLimit = attributes & 0x8000 ? (limit << 12n) | 0xfffn : limit;
    result.push({ name, text: `base ${hex(base)} limit ${hex(bytesLimit)} ${describeAttributes(attributes)}` });
  }
  return result;
}

/** The gates of an IDT (8 bytes each, 16 in long mode) that are not empty. */
export function decodeIdt(bytes: Uint8Array, longMode: boolean): Descriptor[] {
  const size = longMode ? 16 : 8;
  const result: Descriptor[] = [];
  for (let vector = 0; vector < 256 && (vector + 1) * size <= bytes.length; vector++) {
    const low = u64At(bytes, vector * size);
    const high = longMode ? u64At(bytes, vector * size + 8) : 0n;
    if (low === 0n && high === 0n) continue;
    const offset = (low & 0xffffn) | ((low >> 32n) & 0xffff0000n) | ((high & 0xffffffffn) << 32n);
    const selector = (low >> 16n) & 0xffffn;
    const ist = longMode ? Number((low >> 32n) & 7n) : 0;
    const attributes = Number((low >> 40n) & 0xffn);
    const text = `${hex(selector, 4)}:${hex(offset)} ${describeAttributes(attributes)}${ist ? `, IST ${ist}` : ""}`;
    result.push({ name: `${vector}`, text: VECTORS[vector] === undefined ? text : `${text} (${VECTORS[vector]})` });
  }
  return result;
}

/** The real-mode interrupt table: 256 far pointers at 0. */
export function decodeIvt(bytes: Uint8Array): Descriptor[] {
  const result: Descriptor[] = [];
  for (let vector = 0; vector < 256 && (vector + 1) * 4 <= bytes.length; vector++) {
    const [b0 = 0, b1 = 0, b2 = 0, b3 = 0] = bytes.subarray(vector * 4, vector * 4 + 4);
    if ((b0 | b1 | b2 | b3) === 0) continue;
    const four = (value: number): string => value.toString(16).padStart(4, "0");
    result.push({ name: hex(vector, 2), text: `${four(b2 | (b3 << 8))}:${four(b0 | (b1 << 8))}` });
  }
  return result;
}

const VECTORS: Readonly<Record<number, string>> = {
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
};
