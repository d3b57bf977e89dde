/** Segment descriptors as they lie in the tables: finding, reading and taking them apart (SDM vol. 3, 3.4.5 and 3.5). */
import { L } from "../../layout";
import { raiseError } from "../fault";
import { loadSystem, storeSystem, systemLinear } from "./access";

/** Attribute bits as kept in SEG_ATTR (descriptor bits 40 to 55, without the limit's). */
export const enum Attr {
  TYPE = 0xf,
  ACCESSED = 1,
  /** Writable data, or readable code. */
  RW = 2,
  /** Expand-down data, or conforming code. */
  DOWN = 4,
  CODE = 8,
  S = 0x10,
  DPL = 0x60,
  P = 0x80,
  LONG = 0x2000,
  BIG = 0x4000,
  GRANULAR = 0x8000,
}

/** Types of system descriptors (SDM vol. 3, table 3-2). */
export const enum SysType {
  TSS16 = 1,
  LDT = 2,
  BUSY = 2,
  CALL16 = 4,
  TASK = 5,
  INT16 = 6,
  TRAP16 = 7,
  TSS32 = 9,
  CALL32 = 12,
  INT32 = 14,
  TRAP32 = 15,
}

/** 1 while an event from outside the program is being delivered: bit EXT of error codes. */
let external: u32 = 0;
export function setExternal(v: u32): void {
  external = v;
}
export function externalBit(): u32 {
  return external;
}

/** Error code that names a selector (SDM vol. 3, 6.13). */
export function selectorError(selector: u32): u32 {
  return (selector & 0xfffc) | external;
}

/** Raises `vector` with an error code that names `selector`. */
export function refuse(vector: u32, selector: u32): void {
  raiseError(vector, selectorError(selector));
}

// @ts-ignore: decorator
@inline
export function isNull(selector: u32): bool {
  return (selector & 0xfffc) == 0;
}

// ---------------------------------------------------------------- parts of a descriptor
export function attributes(d: u64): u32 {
  return <u32>(d >> 40) & 0xf0ff;
}
export function baseOf(d: u64): u32 {
  return (<u32>(d >> 16) & 0xffffff) | (<u32>(d >> 56) << 24);
}
/** Limit in bytes. */
export function limitOf(d: u64): u32 {
  const limit = (<u32>d & 0xffff) | (<u32>(d >> 32) & 0xf0000);
  return attributes(d) & Attr.GRANULAR ? (limit << 12) | 0xfff : limit;
}
export function dplOf(attr: u32): u32 {
  return (attr >> 5) & 3;
}
// @ts-ignore: decorator
@inline
export function isCode(attr: u32): bool {
  return (attr & (Attr.S | Attr.CODE)) == (Attr.S | Attr.CODE);
}
// @ts-ignore: decorator
@inline
export function isConforming(attr: u32): bool {
  return (attr & (Attr.S | Attr.CODE | Attr.DOWN)) == (Attr.S | Attr.CODE | Attr.DOWN);
}
/** Data that may be written (what a stack must be). */
export function isWritableData(attr: u32): bool {
  return (attr & (Attr.S | Attr.CODE | Attr.RW)) == (Attr.S | Attr.RW);
}
/** Data, or code that may be read. */
export function isReadable(attr: u32): bool {
  return (attr & Attr.S) != 0 && (!(attr & Attr.CODE) || (attr & Attr.RW) != 0);
}

/** Whether the bytes `first` to `last` (offsets) lie inside a segment. A limit of 4 GiB lets accesses wrap. */
export function withinLimit(attr: u32, limit: u32, first: u64, last: u64): bool {
  if ((attr & (Attr.S | Attr.CODE | Attr.DOWN)) == (Attr.S | Attr.DOWN)) {
    return first > <u64>limit && last <= (attr & Attr.BIG ? <u64>0xffffffff : <u64>0xffff);
  }
  return last <= <u64>limit;
}

// ---------------------------------------------------------------- tables
/** Whether `size` bytes of descriptor lie inside the table that the selector names. */
export function inTable(selector: u32, size: u32): bool {
  const last = (selector & 0xfff8) + size - 1;
  if (selector & 4) return !load<u32>(L.SEG_LDTR + L.SEG_NULL) && last <= load<u32>(L.SEG_LDTR + L.SEG_LIMIT);
  return last <= load<u32>(L.GDTR_LIMIT);
}
export function descriptorAddress(selector: u32): u64 {
  return systemLinear(load<u64>(selector & 4 ? L.SEG_LDTR : L.GDTR_BASE), selector & 0xfff8);
}

/** The descriptor; raises `vector` when the selector points outside its table. */
export function fetchDescriptor(selector: u32, vector: u32): u64 {
  if (!inTable(selector, 8)) refuse(vector, selector);
  return loadSystem<u64>(descriptorAddress(selector));
}
/** Upper half of a 16-byte descriptor (long mode); its type field must be 0. */
export function fetchUpper(selector: u32, vector: u32): u64 {
  if (!inTable(selector, 16)) refuse(vector, selector);
  const upper = loadSystem<u64>(descriptorAddress(selector) + 8);
  if ((upper >> 40) & 0x1f) refuse(vector, selector);
  return upper;
}

/** Sets the accessed bit in the table, and returns the descriptor with it. */
export function markAccessed(selector: u32, d: u64): u64 {
  if ((d >> 40) & Attr.ACCESSED) return d;
  storeSystem<u8>(descriptorAddress(selector) + 5, <u8>((d >> 40) | Attr.ACCESSED));
  return d | (<u64>Attr.ACCESSED << 40);
}
/** Changes the busy bit of a TSS descriptor in the GDT. */
export function markBusy(selector: u32, busy: bool): void {
  const at = descriptorAddress(selector) + 5;
  const type = <u32>loadSystem<u8>(at);
  storeSystem<u8>(at, <u8>(busy ? type | SysType.BUSY : type & ~SysType.BUSY));
}
