/** Descriptor tables and looking at descriptors: SGDT … LTR, LAR, LSL, VERR, VERW, ARPL. */
import { L, Ev, Fl, Vec } from "../../layout";
import { event } from "../events";
import { raiseGP } from "../fault";
import { arithFlags, setArith } from "../flags";
import { isCanonical, ldc, probeWrite, stc } from "../mem";
import { Info, Op, ea } from "../op";
import { R16, W16, cpl, isCode64, isLong } from "../state";
import { loadSystem } from "./access";
import {
  Attr, SysType, attributes, descriptorAddress, dplOf, fetchDescriptor, fetchUpper, inTable, isConforming, isNull, isWritableData, limitOf,
  isReadable, markBusy, refuse,
} from "./descriptor";
import { shiftedAddress } from "../integer/operand";
import { requireProtected } from "./control-registers";
import { readRm16, writeReg, writeRm16 } from "./operand";
import { selectorOf, setNull, setSegment } from "./segments";

function after(lin: u64, bytes: u64): u64 {
  return isCode64() ? lin + bytes : <u64><u32>(lin + bytes);
}

/** SGDT and SIDT: limit, then base of 4 bytes, or 8 in 64-bit code. */
export function storeTable(op: Op, baseAt: usize, limitAt: usize): void {
  const lin = ea(op);
  const wide = Info.code64(op.imm);
  probeWrite(lin, wide ? 10 : 6);
  stc<u16>(lin, <u16>load<u32>(limitAt));
  if (wide) stc<u64>(after(lin, 2), load<u64>(baseAt));
  else stc<u32>(after(lin, 2), load<u32>(baseAt));
}
/** LGDT and LIDT: with a 16-bit operand size only 24 bits of the base count. */
export function loadTable(op: Op, baseAt: usize, limitAt: usize): void {
  if (cpl() != 0) raiseGP(0);
  const lin = ea(op);
  const limit = <u32>ldc<u16>(lin);
  let base: u64;
  if (Info.code64(op.imm)) {
    base = ldc<u64>(after(lin, 2));
    if (!isCanonical(base)) raiseGP(0);
  } else {
    base = <u64>ldc<u32>(after(lin, 2));
    if (Info.osize(op.imm) == 1) base &= 0xffffff;
  }
  store<u64>(baseAt, base);
  store<u32>(limitAt, limit);
  event(baseAt == L.GDTR_BASE ? Ev.GDT : Ev.IDT, base);
}

/** SLDT and STR; `index` 6 or 7. */
export function storeSelector(op: Op, index: u32): void {
  requireProtected();
  writeRm16(op, selectorOf(index));
}

/** Upper half of the base in a 16-byte descriptor, as LLDT and LTR have them in long mode. */
function wideBase(selector: u32): u64 {
  return fetchUpper(selector, Vec.GP) << 32;
}
export function execLldt(op: Op): void {
  requireProtected();
  if (cpl() != 0) raiseGP(0);
  const selector = readRm16(op);
  if (isNull(selector)) {
    setNull(6, selector);
    return;
  }
  if (selector & 4) refuse(Vec.GP, selector);
  const d = fetchDescriptor(selector, Vec.GP);
  const upper = isLong() ? wideBase(selector) : 0;
  if ((attributes(d) & 0x1f) != SysType.LDT) refuse(Vec.GP, selector);
  if (!(attributes(d) & Attr.P)) refuse(Vec.NP, selector);
  enterSystem(6, selector, d, upper);
}
export function execLtr(op: Op): void {
  requireProtected();
  if (cpl() != 0) raiseGP(0);
  const selector = readRm16(op);
  if (isNull(selector)) raiseGP(0);
  if (selector & 4) refuse(Vec.GP, selector);
  const d = fetchDescriptor(selector, Vec.GP);
  const upper = isLong() ? wideBase(selector) : 0;
  const type = attributes(d) & 0x1f;
  if (type != SysType.TSS32 && (isLong() || type != SysType.TSS16)) refuse(Vec.GP, selector);
  if (!(attributes(d) & Attr.P)) refuse(Vec.NP, selector);
  checkBase(selector, d, upper);
  markBusy(selector, true);
  enterSystem(7, selector, d | (<u64>SysType.BUSY << 40), upper);
}
function checkBase(selector: u32, d: u64, upper: u64): void {
  if (!isCanonical(upper | <u64>(<u32>(d >> 32) & 0xff000000))) refuse(Vec.GP, selector);
}
function enterSystem(index: u32, selector: u32, d: u64, upper: u64): void {
  checkBase(selector, d, upper);
  setSegment(index, selector, d);
  const at = L.SEG + index * L.SEG_SIZE;
  store<u64>(at, load<u64>(at) | upper);
}

// ---------------------------------------------------------------- LAR, LSL, VERR, VERW
function setZero(on: bool): void {
  setArith((arithFlags() & ~Fl.ZF) | (on ? Fl.ZF : 0));
}
/** The descriptor if it may be looked at with the current privilege, else 0. Null and table ends are no faults here. */
function visible(selector: u32): u64 {
  if (isNull(selector) || !inTable(selector, 8)) return 0;
  const d = loadSystem<u64>(descriptorAddress(selector));
  const attr = attributes(d);
  if (isConforming(attr)) return d;
  return dplOf(attr) < max<u32>(cpl(), selector & 3) ? 0 : d;
}

export function execLar(op: Op): void {
  requireProtected();
  const selector = readRm16(op);
  const d = visible(selector);
  const attr = attributes(d);
  let ok = d != 0;
  if (ok && !(attr & Attr.S)) {
    const type = attr & 15;
    if (isLong()) ok = type == SysType.LDT || type == SysType.TSS32 || type == 11 || type == SysType.CALL32;
    else ok = type == 1 || type == 2 || type == 3 || type == 4 || type == 5 || type == 9 || type == 11 || type == 12;
  }
  if (ok) writeReg(op.a, Info.osize(op.imm), (d >> 32) & 0xffff00);
  setZero(ok);
}
export function execLsl(op: Op): void {
  requireProtected();
  const selector = readRm16(op);
  const d = visible(selector);
  const attr = attributes(d);
  let ok = d != 0;
  if (ok && !(attr & Attr.S)) {
    const type = attr & 15;
    ok = type == SysType.LDT || type == SysType.TSS32 || type == 11 || (!isLong() && (type == 1 || type == 3));
  }
  if (ok) writeReg(op.a, Info.osize(op.imm), <u64>limitOf(d));
  setZero(ok);
}
export function execVerify(op: Op, write: bool): void {
  requireProtected();
  const d = visible(readRm16(op));
  const attr = attributes(d);
  setZero(d != 0 && (write ? isWritableData(attr) : isReadable(attr)));
}

/** ARPL: raises RPL of the destination to the source's. */
export function execArpl(op: Op): void {
  requireProtected();
  const info = op.imm;
  const selector = readRm16(op);
  const source = <u32>R16(op.a) & 3;
  const raise = (selector & 3) < source;
  if (raise) {
    const next = <u16>((selector & ~3) | source);
    if (Info.isReg(info)) W16(op.b, next);
    // Written only when it changes, so a read-only operand is no fault before (AMD).
    else stc<u16>(shiftedAddress(op, 0, 1, true), next);
  }
  setZero(raise);
}
