/** What far transfers have in common: checks of a target code segment, and putting it in force. */
import { L, Vec } from "../../layout";
import { raiseError, raiseGP } from "../fault";
import { isCanonical } from "../mem";
import { isLong, setRip } from "../state";
import { Attr, attributes, externalBit, isConforming, limitOf, refuse } from "./descriptor";
import { refreshMode } from "./mode";
import { segAt, setNull, setSegment } from "./segments";
import { systemLinear, loadSystem } from "./access";

/** Raises #GP(0) when `offset` is outside the code segment that `d` describes, or not canonical in a 64-bit one. */
export function checkOffset(d: u64, offset: u64): void {
  if (isLong() && attributes(d) & Attr.LONG) {
    if (!isCanonical(offset)) raiseGP(externalBit());
  } else if (offset > <u64>limitOf(d)) raiseGP(externalBit());
}
/** In long mode a code segment may not be both 64-bit and 32-bit. */
export function checkCodeSize(selector: u32, d: u64): void {
  if (isLong() && (attributes(d) & (Attr.LONG | Attr.BIG)) == (Attr.LONG | Attr.BIG)) refuse(Vec.GP, selector);
}
export function is64(d: u64): bool {
  return isLong() && (attributes(d) & Attr.LONG) != 0;
}

/** Puts a checked code segment and privilege in force. Its accessed bit must be set already. */
export function enterCode(selector: u32, d: u64, level: u32, offset: u64): void {
  setSegment(1, (selector & 0xfffc) | level, d);
  store<u32>(L.CPL, level);
  setRip(is64(d) ? offset : <u64><u32>offset);
  refreshMode();
}
/** After a transfer to less privilege, data segments that the new code may not use become null. */
export function dropPrivileged(level: u32): void {
  for (let i: u32 = 0; i < 6; i++) {
    if (i == 1 || i == 2) continue;
    const at = segAt(i);
    const attr = load<u32>(at, L.SEG_ATTR);
    if (!load<u32>(at, L.SEG_NULL) && ((attr >> 5) & 3) < level && !isConforming(attr)) setNull(i, 0);
  }
  refreshMode();
}

// ---------------------------------------------------------------- stacks in the TSS
function checkTss(last: u32): void {
  if (last > load<u32>(L.SEG_TR + L.SEG_LIMIT)) {
    raiseError(Vec.TS, (<u32>load<u16>(L.SEG_TR + L.SEG_SELECTOR) & 0xfffc) | externalBit());
  }
}
/** RSP0…2 (slot 0 to 2) or IST1…7 (slot 4 to 10) of the 64-bit TSS. */
export function tssPointer64(slot: u32): u64 {
  const offset = 4 + slot * 8;
  checkTss(offset + 7);
  return loadSystem<u64>(systemLinear(load<u64>(L.SEG_TR), offset));
}
/** Selector of the stack segment for privilege `level`; tssPointer gives its pointer. */
export function tssStackSelector(level: u32): u32 {
  const wide = load<u32>(L.SEG_TR + L.SEG_ATTR) & 8;
  const offset = wide ? level * 8 + 8 : level * 4 + 4;
  checkTss(offset + 1);
  return <u32>loadSystem<u16>(systemLinear(load<u64>(L.SEG_TR), offset));
}
export function tssPointer(level: u32): u64 {
  if (load<u32>(L.SEG_TR + L.SEG_ATTR) & 8) return <u64>loadSystem<u32>(systemLinear(load<u64>(L.SEG_TR), level * 8 + 4));
  return <u64>loadSystem<u16>(systemLinear(load<u64>(L.SEG_TR), level * 4 + 2));
}
