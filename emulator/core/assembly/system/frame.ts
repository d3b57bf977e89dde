/**
 * A stack that is written before it comes into force: the frame of an event or of a call through a gate. Registers
 * change only when all of it has been written.
 */
import { L, Vec } from "../../layout";
import { raiseError } from "../fault";
import { isCanonical } from "../mem";
import { R, RSP, W, W16, W32, isLong } from "../state";
import { storeAs } from "./access";
import { Attr, attributes, baseOf, limitOf, withinLimit } from "./descriptor";

let base: u64 = 0;
let limit: u32 = 0;
let attr: u32 = 0;
let mask: u64 = 0;
let sp: u64 = 0;
let user: bool = false;
let code: u32 = 0;
let real: bool = false;

function widthFrom(attributes: u32): u64 {
  return attributes & Attr.BIG ? 0xffffffff : 0xffff;
}
/** The stack in force outside 64-bit mode. `error` is the code of a #SS. */
export function onCurrent(error: u32, isReal: bool): void {
  base = load<u64>(L.SEG_SS);
  limit = load<u32>(L.SEG_SS + L.SEG_LIMIT);
  attr = load<u32>(L.SEG_SS + L.SEG_ATTR);
  mask = widthFrom(attr);
  sp = R(RSP);
  user = load<u32>(L.CPL) == 3;
  code = error;
  real = isReal;
}
/** A stack segment given by its descriptor, at privilege `level`. */
export function onDescriptor(d: u64, pointer: u64, level: u32, error: u32): void {
  base = <u64>baseOf(d);
  limit = limitOf(d);
  attr = attributes(d);
  mask = widthFrom(attr);
  sp = pointer;
  user = level == 3;
  code = error;
  real = false;
}
/** A 64-bit stack. */
export function onFlat(pointer: u64, level: u32, error: u32): void {
  base = 0;
  mask = 0xffffffffffffffff;
  sp = pointer;
  user = level == 3;
  code = error;
}

/** Pushes `value`; `size` is log2 of bytes. Raises #SS, or #PF with the stack's rights. */
export function put(size: u32, value: u64): void {
  const bytes = <u64>1 << size;
  const next = (sp - bytes) & mask;
  let lin = next;
  if (mask == 0xffffffffffffffff) {
    if (!isCanonical(next) || !isCanonical(next + bytes - 1)) raiseError(Vec.SS, code);
  } else {
    const last = next + bytes - 1;
    if (real ? last > <u64>limit && limit != 0xffffffff : !withinLimit(attr, limit, next, last)) raiseError(Vec.SS, code);
    lin = <u64><u32>(base + next);
  }
  if (size == 3) storeAs<u64>(lin, value, user);
  else if (size == 2) storeAs<u32>(lin, <u32>value, user);
  else storeAs<u16>(lin, <u16>value, user);
  sp = (sp & ~mask) | next;
}
/** Puts the frame's stack pointer in force, in the width of its stack. */
export function commitPointer(): void {
  if (isLong() && mask == 0xffffffffffffffff) W(RSP, sp);
  else if (mask == 0xffff) W16(RSP, <u16>sp);
  else W32(RSP, <u32>sp);
}
