/** Segment registers: loading them in every mode, and linear addresses through them (SDM vol. 3, chapters 3 and 5). */
import { L, Vec } from "../../layout";
import { raiseError, raiseGP } from "../fault";
import { cpl, isCode64, isRealOrVm86, isVm86 } from "../state";
import {
  Attr, attributes, baseOf, dplOf, externalBit, fetchDescriptor, isConforming, isNull, isReadable, isWritableData, limitOf,
  markAccessed, refuse, withinLimit,
} from "./descriptor";
import { refreshMode } from "./mode";

// @ts-ignore: decorator
@inline
export function segAt(index: u32): usize {
  return L.SEG + <usize>index * L.SEG_SIZE;
}
export function selectorOf(index: u32): u32 {
  return <u32>load<u16>(segAt(index), L.SEG_SELECTOR);
}

// ---------------------------------------------------------------- the hidden part
/** Fills a segment register from a descriptor that has been checked. */
export function setSegment(index: u32, selector: u32, d: u64): void {
  const at = segAt(index);
  store<u64>(at, <u64>baseOf(d));
  store<u32>(at, limitOf(d), L.SEG_LIMIT);
  store<u32>(at, attributes(d), L.SEG_ATTR);
  store<u16>(at, <u16>selector, L.SEG_SELECTOR);
  store<u32>(at, 0, L.SEG_NULL);
}
/** Loads a null selector: unusable outside 64-bit mode, base 0 (CPUID 80000021h, null selector clears base). */
export function setNull(index: u32, selector: u32): void {
  const at = segAt(index);
  store<u64>(at, 0);
  store<u32>(at, 0, L.SEG_LIMIT);
  store<u32>(at, 0, L.SEG_ATTR);
  store<u16>(at, <u16>selector, L.SEG_SELECTOR);
  store<u32>(at, 1, L.SEG_NULL);
}
/** A load in real mode changes selector and base only: limit and attributes stay ("unreal mode"). */
export function setReal(index: u32, selector: u32): void {
  const at = segAt(index);
  store<u64>(at, <u64>selector << 4);
  store<u16>(at, <u16>selector, L.SEG_SELECTOR);
  store<u32>(at, 0, L.SEG_NULL);
  if (isVm86()) setVm86Attributes(at);
}
function setVm86Attributes(at: usize): void {
  store<u32>(at, 0xffff, L.SEG_LIMIT);
  store<u32>(at, 0xf3, L.SEG_ATTR);
}
/** All of a virtual-8086 segment. */
export function setVm86(index: u32, selector: u32): void {
  const at = segAt(index);
  store<u64>(at, <u64>(selector & 0xffff) << 4);
  store<u16>(at, <u16>selector, L.SEG_SELECTOR);
  store<u32>(at, 0, L.SEG_NULL);
  setVm86Attributes(at);
}
/** Flat segments as SYSCALL and its relatives load them, without a look at any table. */
export function setFlat(index: u32, selector: u32, attr: u32): void {
  const at = segAt(index);
  store<u64>(at, 0);
  store<u32>(at, 0xffffffff, L.SEG_LIMIT);
  store<u32>(at, attr, L.SEG_ATTR);
  store<u16>(at, <u16>selector, L.SEG_SELECTOR);
  store<u32>(at, 0, L.SEG_NULL);
}

// ---------------------------------------------------------------- loads by instructions
/** MOV, POP or LxS to ES, SS, DS, FS or GS in any mode. */
export function loadSegment(index: u32, selector: u32): void {
  if (isRealOrVm86()) setReal(index, selector);
  else if (index == 2) loadStack(selector);
  else loadData(index, selector);
  if (index < 4) refreshMode();
}

function loadData(index: u32, selector: u32): void {
  if (isNull(selector)) {
    setNull(index, selector);
    return;
  }
  const d = checkData(selector, Vec.GP);
  setSegment(index, selector, markAccessed(selector, d));
}
/** Checks a selector for DS, ES, FS or GS at the current privilege; `vector` is #GP, or #TS in a task switch. */
export function checkData(selector: u32, vector: u32): u64 {
  const d = fetchDescriptor(selector, vector);
  const attr = attributes(d);
  if (!isReadable(attr)) refuse(vector, selector);
  if (!isConforming(attr) && dplOf(attr) < max<u32>(cpl(), selector & 3)) refuse(vector, selector);
  if (!(attr & Attr.P)) refuse(Vec.NP, selector);
  return d;
}
function loadStack(selector: u32): void {
  if (isNull(selector)) {
    if (!isCode64() || cpl() == 3) raiseGP(externalBit());
    setNull(2, selector);
    return;
  }
  const d = checkStack(selector, cpl(), Vec.GP);
  setSegment(2, selector, markAccessed(selector, d));
}
/** Checks a non-null selector for SS at privilege `level`; `vector` is #GP, or #TS when it comes from a TSS. */
export function checkStack(selector: u32, level: u32, vector: u32): u64 {
  const d = fetchDescriptor(selector, vector);
  const attr = attributes(d);
  if ((selector & 3) != level || dplOf(attr) != level || !isWritableData(attr)) refuse(vector, selector);
  if (!(attr & Attr.P)) refuse(Vec.SS, selector);
  return d;
}

// ---------------------------------------------------------------- linear addresses
/**
 * Linear address of an access of `size` bytes (0: no access, no check) at `offset` in segment `seg` (0 to 5: ES CS SS
 * DS FS GS). Outside 64-bit mode checks presence, type and limit: #SS(0) for the stack segment, else #GP(0). In 64-bit
 * mode only FS and GS have a base, and the access itself checks for canonical form.
 */
export function linearOf(seg: u32, offset: u64, size: u32, write: bool): u64 {
  const at = segAt(seg);
  if (isCode64()) return seg >= 4 ? load<u64>(at) + offset : offset;
  if (size) {
    const limit = load<u32>(at, L.SEG_LIMIT);
    const attr = load<u32>(at, L.SEG_ATTR);
    let ok: bool;
    if (isRealOrVm86()) ok = offset + size - 1 <= <u64>limit;
    else {
      ok =
        !load<u32>(at, L.SEG_NULL) &&
        (write ? isWritableData(attr) : isReadable(attr)) &&
        withinLimit(attr, limit, offset, offset + size - 1);
    }
    if (!ok) raiseError(seg == 2 ? Vec.SS : Vec.GP, 0);
  }
  return <u64>(<u32>load<u64>(at) + <u32>offset);
}
