/** IRET in every mode (SDM vol. 2, IRET). */
import { L, Fl, Vec } from "../../layout";
import { raiseGP } from "../fault";
import { getFlags, setFlags } from "../flags";
import { Info, Op } from "../op";
import { cpl, isCode64, isLong, isProtected, isVm86, setRip } from "../state";
import { attributes, Attr, dplOf, fetchDescriptor, isCode, isConforming, isNull, markAccessed, refuse } from "./descriptor";
import { interruptsMayComeIn } from "./flag-control";
import { refreshMode } from "./mode";
import { checkStack, setNull, setReal, setSegment, setVm86 } from "./segments";
import { moveStack, peek, setStackPointer } from "./stack";
import { returnToTask } from "./task";
import { checkCodeSize, checkOffset, dropPrivileged, enterCode, is64 } from "./transfer";
import { breakpointAt } from "./debug-registers";

const COMMON: u32 = Fl.ARITH | Fl.TF | Fl.DF | Fl.NT;
const WIDE: u32 = Fl.RF | Fl.AC | Fl.ID;

export function execIret(op: Op): void {
  const size = <u32>Info.osize(op.imm);
  if (!isProtected()) iretReal(size, Fl.IOPL | Fl.IF);
  else if (isVm86()) {
    if ((load<u32>(L.EFLAGS) & Fl.IOPL) != Fl.IOPL) raiseGP(0);
    iretReal(size, Fl.IF);
  } else iretProtected(size);
  store<u32>(L.NMI_BLOCKED, 0);
  interruptsMayComeIn();
}

/** Real and virtual-8086 mode. `more`: flags besides the common ones that may change. */
function iretReal(size: u32, more: u32): void {
  const bytes = <u64>1 << size;
  const ip = peek(size, 0);
  const cs = <u32>peek(size, bytes);
  const flags = <u32>peek(size, 2 * bytes);
  if (ip > <u64>load<u32>(L.SEG_CS + L.SEG_LIMIT)) raiseGP(0);
  moveStack(3 * bytes);
  setReal(1, cs & 0xffff);
  setRip(ip);
  replaceFlags(flags, COMMON | more | (size == 2 ? WIDE : 0), ip);
  refreshMode();
}

/** Sets the flags in `mask` from the popped image. RF survives only if it has a breakpoint to suppress at the target. */
function replaceFlags(image: u32, mask: u32, target: u64): void {
  let flags = (getFlags() & ~mask) | (image & mask);
  if (flags & Fl.RF && !breakpointAt(target)) flags &= ~Fl.RF;
  setFlags(flags);
}

function iretProtected(size: u32): void {
  if (load<u32>(L.EFLAGS) & Fl.NT) {
    if (isLong()) raiseGP(0);
    returnToTask();
    return;
  }
  const bytes = <u64>1 << size;
  const ip = peek(size, 0);
  const cs = <u32>peek(size, bytes) & 0xffff;
  const flags = <u32>peek(size, 2 * bytes);
  const old = cpl();
  if (size == 2 && flags & Fl.VM && old == 0 && !isLong()) {
    iretToVm86(<u32>ip, cs, flags);
    return;
  }
  if (isNull(cs)) raiseGP(0);
  let d = fetchDescriptor(cs, Vec.GP);
  const attr = attributes(d);
  const level = cs & 3;
  if (!isCode(attr) || level < old || (isConforming(attr) ? dplOf(attr) > level : dplOf(attr) != level)) refuse(Vec.GP, cs);
  if (!(attr & Attr.P)) refuse(Vec.NP, cs);
  checkCodeSize(cs, d);

  const outer = level > old;
  const popsStack = outer || isCode64();
  let ss: u32 = 0;
  let sp: u64 = 0;
  let stack: u64 = 0;
  if (popsStack) {
    sp = peek(size, 3 * bytes);
    ss = <u32>peek(size, 4 * bytes) & 0xffff;
    if (isNull(ss)) {
      if (!is64(d) || level == 3) raiseGP(0);
    } else stack = checkStack(ss, level, Vec.GP);
  }
  checkOffset(d, ip);
  if (popsStack && !isNull(ss)) stack = markAccessed(ss, stack);
  d = markAccessed(cs, d);

  let mask: u32 = COMMON | (size >= 2 ? WIDE : 0);
  if (old <= ((load<u32>(L.EFLAGS) >> 12) & 3)) mask |= Fl.IF;
  if (old == 0) mask |= Fl.IOPL | (size >= 2 ? Fl.VIF | Fl.VIP : 0);
  if (!popsStack) moveStack(3 * bytes);
  enterCode(cs, d, level, ip);
  if (popsStack) {
    if (isNull(ss)) setNull(2, ss);
    else setSegment(2, ss, stack);
    refreshMode();
    setStackPointer(sp);
    if (outer) dropPrivileged(level);
  }
  replaceFlags(flags, mask, ip);
  refreshMode();
}

/** From privilege 0 of protected mode into virtual-8086 mode. */
function iretToVm86(ip: u32, cs: u32, flags: u32): void {
  const sp = peek(2, 12);
  const ss = <u32>peek(2, 16);
  const es = <u32>peek(2, 20);
  const ds = <u32>peek(2, 24);
  const fs = <u32>peek(2, 28);
  const gs = <u32>peek(2, 32);
  if (ip > 0xffff) raiseGP(0);
  replaceFlags(flags, COMMON | WIDE | Fl.IF | Fl.IOPL | Fl.VM | Fl.VIF | Fl.VIP, <u64>ip);
  setVm86(0, es);
  setVm86(1, cs);
  setVm86(2, ss);
  setVm86(3, ds);
  setVm86(4, fs);
  setVm86(5, gs);
  store<u32>(L.CPL, 3);
  refreshMode();
  setRip(<u64>ip);
  // The whole ESP is loaded, though virtual-8086 code uses its lower half only.
  store<u64>(L.REGS + 32, sp);
}
