/** Control registers, LMSW, CLTS, XCR0 and EFER: what may be written, and what follows (SDM vol. 3, 2.5). */
import { L, Ct, Ev } from "../../layout";
import { told, waitsFor } from "../catch";
import { event } from "../events";
import { raiseGP, raiseUD } from "../fault";
import { ldPhys } from "../mem";
import { flushSpace, flushTlb, switchSpace } from "../tlb";
import { Info, Op } from "../op";
import { R, RAX, RCX, RDX, W32, cpl, isCode64, isLong, isProtected, isRealOrVm86 } from "../state";
import { Attr } from "./descriptor";
import { Cr0, Cr4, Efer, refreshMode } from "./mode";
import { nativeSize, readRm16, writeReg, writeRm16 } from "./operand";
import { interruptsMayComeIn } from "./flag-control";

// @ts-ignore: decorator
@external("env", "readCr8")
declare function readCr8(): u32;
// @ts-ignore: decorator
@external("env", "writeCr8")
declare function writeCr8(value: u32): void;

const CR0_KNOWN: u64 = 0xe005003f;
const CR4_KNOWN: u64 = 0x3707fc;
/** Bits of physical addresses beyond the 40 that exist, in CR3. */
const CR3_RESERVED: u64 = 0x7fffff0000000000;
const NO_FLUSH: u64 = 0x8000000000000000;
/** XCR0's number for the debugger (Ct.CR_READ). */
const XCR0: u32 = 16;

export function readControlRegister(op: Op): void {
  const n = <u32>op.a >> 3;
  if (n != 0 && n != 2 && n != 3 && n != 4 && n != 8) raiseUD();
  if (cpl() != 0) raiseGP(0);
  const value = valueOf(n);
  writeReg(op.b, nativeSize(op.imm), value);
  if (waitsFor(Ct.CR_READ)) told(Ct.CR_READ, n, value);
}
function valueOf(n: u32): u64 {
  return n == 8 ? <u64>readCr8() : load<u64>(registerAt(n));
}
function registerAt(n: u32): usize {
  return n == 0 ? L.CR0 : n == 2 ? L.CR2 : n == 3 ? L.CR3 : L.CR4;
}

export function writeControlRegister(op: Op): void {
  const n = <u32>op.a >> 3;
  if (n != 0 && n != 2 && n != 3 && n != 4 && n != 8) raiseUD();
  if (cpl() != 0) raiseGP(0);
  const value = Info.code64(op.imm) ? R(op.b) : R(op.b) & 0xffffffff;
  const before = valueOf(n);
  if (n == 0) writeCr0(value);
  else if (n == 2) store<u64>(L.CR2, value);
  else if (n == 3) writeCr3(value);
  else if (n == 4) writeCr4(value);
  else {
    if (value >> 4) raiseGP(0);
    store<u64>(L.CR8, value);
    writeCr8(<u32>value);
    interruptsMayComeIn();
  }
  if (waitsFor(Ct.CR_WRITE)) told(Ct.CR_WRITE, n, before);
}

// ---------------------------------------------------------------- CR0
function writeCr0(value: u64): void {
  if (value >> 32) raiseGP(0);
  const old = load<u64>(L.CR0);
  const next = (value & CR0_KNOWN) | Cr0.ET;
  if (next & Cr0.PG && !(next & Cr0.PE)) raiseGP(0);
  if (next & Cr0.NW && !(next & Cr0.CD)) raiseGP(0);
  const cr4 = load<u64>(L.CR4);
  let efer = load<u64>(L.EFER);
  if (next & Cr0.PG && !(old & Cr0.PG)) {
    if (efer & Efer.LME) {
      if (!(cr4 & Cr4.PAE) || load<u32>(L.SEG_CS + L.SEG_ATTR) & Attr.LONG) raiseGP(0);
      // A 16-bit TSS cannot serve in long mode.
      if ((load<u32>(L.SEG_TR + L.SEG_ATTR) & 0x1d) == 1) raiseGP(0);
      efer |= Efer.LMA;
    } else if (cr4 & Cr4.PAE) loadPdptes(load<u64>(L.CR3));
  } else if (old & Cr0.PG && !(next & Cr0.PG)) {
    if (isCode64() || cr4 & Cr4.PCIDE) raiseGP(0);
    efer &= ~(<u64>Efer.LMA);
  }
  store<u64>(L.CR0, next);
  store<u64>(L.EFER, efer);
  // PE alone changes no translation: paging is off on both sides.
  if ((old ^ next) & (Cr0.PG | Cr0.WP)) flushTlb();
  refreshMode();
  if ((old ^ next) & (Cr0.PG | Cr0.PE)) event(Ev.CR0, next | (old << 32));
}

/** CLTS. */
export function clearTaskSwitched(): void {
  if (cpl() != 0) raiseGP(0);
  const before = load<u64>(L.CR0);
  store<u64>(L.CR0, before & ~(<u64>Cr0.TS));
  if (waitsFor(Ct.CR_WRITE)) told(Ct.CR_WRITE, 0, before);
}
/** LMSW: the lower four bits; PE can be set, not cleared. */
export function loadStatusWord(op: Op): void {
  if (cpl() != 0) raiseGP(0);
  const old = load<u64>(L.CR0);
  writeCr0((old & ~(<u64>14)) | (<u64>readRm16(op) & 15));
  if (waitsFor(Ct.CR_WRITE)) told(Ct.CR_WRITE, 0, old);
}
/** SMSW: a register gets the whole of CR0 in its size. */
export function storeStatusWord(op: Op): void {
  const cr0 = load<u64>(L.CR0);
  if (Info.isReg(op.imm)) writeReg(op.b, Info.osize(op.imm), cr0);
  else writeRm16(op, <u32>cr0);
}

// ---------------------------------------------------------------- CR3
function writeCr3(value: u64): void {
  const pcid = (load<u64>(L.CR4) & Cr4.PCIDE) != 0;
  if (isLong()) {
    if (value & (pcid ? CR3_RESERVED : CR3_RESERVED | NO_FLUSH)) raiseGP(0);
  } else value &= 0xffffffff;
  if (!pcid) {
    loadPageRoot(value);
    return;
  }
  const next = value & ~NO_FLUSH;
  switchSpace(<u32>load<u64>(L.CR3) & 0xfff, <u32>next & 0xfff, (value & NO_FLUSH) != 0);
  store<u64>(L.CR3, next);
  event(Ev.CR3, next);
}
/** Loads CR3 (without PCIDs), with the PDPTEs in PAE mode (#GP for reserved bits), and drops all translations but global ones. */
export function loadPageRoot(value: u64): void {
  if (load<u64>(L.CR0) & Cr0.PG && load<u64>(L.CR4) & Cr4.PAE && !isLong()) loadPdptes(value);
  store<u64>(L.CR3, value);
  flushSpace();
  event(Ev.CR3, value);
}
function loadPdptes(cr3: u64): void {
  const table = cr3 & 0xffffffe0;
  for (let i: u64 = 0; i < 4; i++) {
    const entry = ldPhys<u64>(table + i * 8);
    if (entry & 1 && entry & 0xffffff00000001e6) raiseGP(0);
  }
  for (let i: u64 = 0; i < 4; i++) store<u64>(L.PDPTE + <usize>i * 8, ldPhys<u64>(table + i * 8));
}

// ---------------------------------------------------------------- CR4
function writeCr4(value: u64): void {
  if (value & ~CR4_KNOWN) raiseGP(0);
  const old = load<u64>(L.CR4);
  if (isLong() && !(value & Cr4.PAE)) raiseGP(0);
  if (value & Cr4.PCIDE && !(old & Cr4.PCIDE) && (!isLong() || load<u64>(L.CR3) & 0xfff)) raiseGP(0);
  const changed = old ^ value;
  const paging: u64 = Cr4.PSE | Cr4.PAE | Cr4.PGE | Cr4.PCIDE | Cr4.SMEP | Cr4.SMAP;
  if (value & Cr4.PAE && load<u64>(L.CR0) & Cr0.PG && !isLong() && changed & (Cr4.PSE | Cr4.PAE | Cr4.PGE | Cr4.SMEP)) {
    loadPdptes(load<u64>(L.CR3));
  }
  store<u64>(L.CR4, value);
  if (changed & paging) flushTlb();
  refreshMode();
  if (changed) event(Ev.CR4, value);
}

// ---------------------------------------------------------------- EFER and XCR0
export function writeEfer(value: u64): void {
  const known: u64 = Efer.SCE | Efer.LME | Efer.LMA | Efer.NXE | Efer.AUTOIBRS;
  if (value & ~known) raiseGP(0);
  const old = load<u64>(L.EFER);
  if ((old ^ value) & Efer.LME && load<u64>(L.CR0) & Cr0.PG) raiseGP(0);
  store<u64>(L.EFER, (value & ~(<u64>Efer.LMA)) | (old & Efer.LMA));
  if ((old ^ value) & Efer.NXE) flushTlb();
  if (old != load<u64>(L.EFER)) event(Ev.EFER, load<u64>(L.EFER));
}

/** XGETBV and XSETBV: XCR0 holds x87 (always) and SSE. */
export function readXcr(): void {
  if (!(load<u64>(L.CR4) & Cr4.OSXSAVE)) raiseUD();
  if (<u32>R(RCX)) raiseGP(0);
  W32(RAX, <u32>load<u64>(L.XCR0));
  W32(RDX, 0);
  if (waitsFor(Ct.CR_READ)) told(Ct.CR_READ, XCR0, load<u64>(L.XCR0));
}
export function writeXcr(): void {
  if (!(load<u64>(L.CR4) & Cr4.OSXSAVE)) raiseUD();
  if (cpl() != 0 || <u32>R(RCX) || <u32>R(RDX)) raiseGP(0);
  const value = <u32>R(RAX);
  if (!(value & 1) || value & ~3) raiseGP(0);
  const before = load<u64>(L.XCR0);
  store<u64>(L.XCR0, <u64>value);
  if (waitsFor(Ct.CR_WRITE)) told(Ct.CR_WRITE, XCR0, before);
}

// ---------------------------------------------------------------- FSGSBASE
/** RD/WR FS/GS BASE; `form` is ModRM.reg: 0 RDFSBASE, 1 RDGSBASE, 2 WRFSBASE, 3 WRGSBASE. */
export function accessSegmentBase(op: Op, form: u32): void {
  if (!isCode64() || !(load<u64>(L.CR4) & Cr4.FSGSBASE)) raiseUD();
  const at: usize = form & 1 ? L.SEG_GS : L.SEG_FS;
  const wide = Info.rexW(op.imm);
  if (form < 2) {
    writeReg(op.b, wide ? 3 : 2, load<u64>(at));
    return;
  }
  const value = wide ? R(op.b) : R(op.b) & 0xffffffff;
  if (<i64>(value << 16) >> 16 != <i64>value) raiseGP(0);
  store<u64>(at, value);
}

/** Raises #UD where descriptors do not exist: real and virtual-8086 mode. */
export function requireProtected(): void {
  if (!isProtected() || isRealOrVm86()) raiseUD();
}
