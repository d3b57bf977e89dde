/** Far JMP, CALL and RET: direct, through call gates, and to tasks (SDM vol. 3, 5.8; vol. 2, CALL). */
import { L, Vec } from "../../layout";
import { raiseError, raiseGP } from "../fault";
import { isCanonical, ldc } from "../mem";
import { Info, Op, ea } from "../op";
import { R, RSP, cpl, isCode64, isLong, isRealOrVm86, rip, setRip } from "../state";
import {
  Attr, SysType, attributes, dplOf, fetchDescriptor, fetchUpper, isCode, isConforming, isNull, limitOf, markAccessed, refuse,
} from "./descriptor";
import { commitPointer, onCurrent, onDescriptor, onFlat, put } from "./frame";
import { refreshMode } from "./mode";
import { loadSized } from "./operand";
import { checkStack, selectorOf, setNull, setReal, setSegment } from "./segments";
import { moveStack, peek, poke, setStackPointer } from "./stack";
import { TaskSwitch, switchTask } from "./task";
import { checkCodeSize, checkOffset, dropPrivileged, enterCode, is64, tssPointer, tssPointer64, tssStackSelector } from "./transfer";
import { interruptsMayComeIn } from "./flag-control";

/** JMP FAR and CALL FAR with the pointer in the instruction. */
export function execFarDirect(op: Op, call: bool): void {
  transfer(op, <u32>op.imm2, <u64>op.imm64 & (Info.osize(op.imm) == 1 ? 0xffff : 0xffffffff), call);
}
/** With the pointer in memory: offset of operand size (32 bits at most, as AMD has it), then the selector. */
export function execFarIndirect(op: Op, call: bool): void {
  const size = min<u32>(Info.osize(op.imm), 2);
  const lin = ea(op);
  const offset = loadSized(lin, size);
  const next = lin + (<u64>1 << size);
  const selector = <u32>ldc<u16>(isCode64() ? next : <u64><u32>next);
  transfer(op, selector, offset, call);
}

function transfer(op: Op, selector: u32, offset: u64, call: bool): void {
  const size = <u32>Info.osize(op.imm);
  if (isRealOrVm86()) {
    if (offset > <u64>load<u32>(L.SEG_CS + L.SEG_LIMIT)) raiseGP(0);
    if (call) pushReturn(size);
    setReal(1, selector);
    setRip(offset);
    refreshMode();
    return;
  }
  if (isNull(selector)) raiseGP(0);
  const d = fetchDescriptor(selector, Vec.GP);
  const attr = attributes(d);
  if (attr & Attr.S) toCode(selector, d, offset, size, call);
  else toSystem(selector, d, call);
}

/** Pushes CS and the return address, committing RSP last. */
function pushReturn(size: u32): void {
  const bytes = <u64>1 << size;
  poke(size, bytes, <u64>selectorOf(1));
  poke(size, 2 * bytes, rip());
  moveStack(-2 * <i64>bytes);
}

function toCode(selector: u32, d: u64, offset: u64, size: u32, call: bool): void {
  const attr = attributes(d);
  if (!isCode(attr)) refuse(Vec.GP, selector);
  if (isConforming(attr) ? dplOf(attr) > cpl() : (selector & 3) > cpl() || dplOf(attr) != cpl()) refuse(Vec.GP, selector);
  checkCodeSize(selector, d);
  if (!(attr & Attr.P)) refuse(Vec.NP, selector);
  checkOffset(d, offset);
  const marked = markAccessed(selector, d);
  if (call) pushReturn(size);
  enterCode(selector, marked, cpl(), offset);
}

/** Call gates, task gates and available TSS, outside long mode. */
function isLegacyTarget(type: u32): bool {
  return type == SysType.TSS16 || type == SysType.TSS32 || type == SysType.TASK || type == SysType.CALL16 || type == SysType.CALL32;
}

/** Call gates, task gates, TSS. */
function toSystem(selector: u32, d: u64, call: bool): void {
  const attr = attributes(d);
  const type = attr & 0x1f;
  const known = isLong() ? type == SysType.CALL32 : isLegacyTarget(type);
  if (!known || dplOf(attr) < cpl() || dplOf(attr) < (selector & 3)) refuse(Vec.GP, selector);
  if (isLong()) fetchUpper(selector, Vec.GP);
  if (!(attr & Attr.P)) refuse(Vec.NP, selector);
  if (type == SysType.CALL32 || type == SysType.CALL16) throughGate(selector, d, call);
  else toTask(selector, d, call);
}

function toTask(selector: u32, d: u64, call: bool): void {
  let tss = selector;
  let target = d;
  if ((attributes(d) & 0x1f) == SysType.TASK) {
    tss = <u32>(d >> 16) & 0xffff;
    if (tss & 4) refuse(Vec.GP, tss);
    target = fetchDescriptor(tss, Vec.GP);
    if ((attributes(target) & 0x17) != SysType.TSS16) refuse(Vec.GP, tss);
    if (!(attributes(target) & Attr.P)) refuse(Vec.NP, tss);
  } else if (selector & 4) refuse(Vec.GP, selector);
  switchTask(tss, target, call ? TaskSwitch.CALL : TaskSwitch.JUMP, rip(), 0);
  interruptsMayComeIn();
}

function throughGate(gateSelector: u32, gate: u64, call: bool): void {
  const selector = <u32>(gate >> 16) & 0xffff;
  if (isNull(selector)) raiseGP(0);
  const d = fetchDescriptor(selector, Vec.GP);
  const attr = attributes(d);
  if (!isCode(attr) || dplOf(attr) > cpl()) refuse(Vec.GP, selector);
  if (isLong() && (attr & (Attr.LONG | Attr.BIG)) != Attr.LONG) refuse(Vec.GP, selector);
  const level = isConforming(attr) ? cpl() : dplOf(attr);
  if (!call && level != cpl()) refuse(Vec.GP, selector);
  if (!(attr & Attr.P)) refuse(Vec.NP, selector);
  const wide = (attributes(gate) & 8) != 0;
  let offset = wide ? (gate & 0xffff) | ((gate >> 32) & 0xffff0000) : gate & 0xffff;
  if (isLong()) {
    offset |= fetchUpper(gateSelector, Vec.GP) << 32;
    if (!isCanonical(offset)) raiseGP(0);
    gateLong(selector, d, level, offset, call);
  } else gateLegacy(selector, d, level, offset, call, wide ? 2 : 1, <u32>(gate >> 32) & 31);
}

function gateLong(selector: u32, d: u64, level: u32, offset: u64, call: bool): void {
  const inner = level < cpl();
  const sp = inner ? tssPointer64(level) : R(RSP);
  const marked = markAccessed(selector, d);
  if (call) {
    onFlat(sp, level, 0);
    if (inner) {
      put(3, <u64>selectorOf(2));
      put(3, R(RSP));
    }
    put(3, <u64>selectorOf(1));
    put(3, rip());
    commitPointer();
    if (inner) setNull(2, level);
  }
  enterCode(selector, marked, level, offset);
}

function gateLegacy(selector: u32, d: u64, level: u32, offset: u64, call: bool, size: u32, count: u32): void {
  if (offset > <u64>limitOf(d)) raiseGP(0);
  if (level < cpl()) {
    const ss = tssStackSelector(level);
    const sp = tssPointer(level);
    if (isNull(ss)) raiseError(Vec.TS, 0);
    const stack = markAccessed(ss, checkStack(ss, level, Vec.TS));
    const marked = markAccessed(selector, d);
    onDescriptor(stack, sp, level, ss & 0xfffc);
    put(size, <u64>selectorOf(2));
    put(size, R(RSP));
    for (let i = count; i > 0; i--) put(size, peek(size, <u64>(i - 1) << size));
    put(size, <u64>selectorOf(1));
    put(size, rip());
    setSegment(2, ss, stack);
    commitPointer();
    enterCode(selector, marked, level, offset);
    return;
  }
  const marked = markAccessed(selector, d);
  if (call) {
    onCurrent(0, false);
    put(size, <u64>selectorOf(1));
    put(size, rip());
    commitPointer();
  }
  enterCode(selector, marked, level, offset);
}

/** RETF, releasing `release` bytes of parameters. */
export function execFarReturn(op: Op, release: u32): void {
  const size = <u32>Info.osize(op.imm);
  const bytes = <u64>1 << size;
  const offset = peek(size, 0);
  const cs = <u32>peek(size, bytes) & 0xffff;
  if (isRealOrVm86()) {
    if (offset > <u64>load<u32>(L.SEG_CS + L.SEG_LIMIT)) raiseGP(0);
    moveStack(2 * bytes + release);
    setReal(1, cs);
    setRip(offset);
    refreshMode();
    return;
  }
  const level = cs & 3;
  if (isNull(cs)) raiseGP(0);
  const d = fetchDescriptor(cs, Vec.GP);
  const attr = attributes(d);
  if (!isCode(attr) || level < cpl() || (isConforming(attr) ? dplOf(attr) > level : dplOf(attr) != level)) refuse(Vec.GP, cs);
  checkCodeSize(cs, d);
  if (!(attr & Attr.P)) refuse(Vec.NP, cs);
  if (level == cpl()) {
    checkOffset(d, offset);
    const marked = markAccessed(cs, d);
    moveStack(2 * bytes + release);
    enterCode(cs, marked, level, offset);
    return;
  }
  const sp = peek(size, 2 * bytes + release);
  const ss = <u32>peek(size, 3 * bytes + release) & 0xffff;
  let stack: u64 = 0;
  if (isNull(ss)) {
    if (!is64(d) || level == 3) raiseGP(0);
  } else stack = checkStack(ss, level, Vec.GP);
  checkOffset(d, offset);
  if (!isNull(ss)) stack = markAccessed(ss, stack);
  const marked = markAccessed(cs, d);
  enterCode(cs, marked, level, offset);
  if (isNull(ss)) setNull(2, ss);
  else setSegment(2, ss, stack);
  refreshMode();
  setStackPointer(sp);
  moveStack(release);
  dropPrivileged(level);
}
