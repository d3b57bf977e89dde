/**
 * Delivery of an event (exception, interrupt, software interrupt) through the IVT or IDT, in every mode (SDM vol. 3,
 * chapter 6). Everything is checked and the frame written before a register changes; a fault on the way unwinds and
 * leaves the old state.
 */
import { L, Fl, Vec } from "../../layout";
import { raiseError, raiseGP } from "../fault";
import { getFlags } from "../flags";
import { isCanonical, ldc } from "../mem";
import { R, RSP, cpl, isLong, isProtected, isVm86, setRip } from "../state";
import { loadSystem, systemLinear } from "./access";
import {
  Attr, SysType, attributes, dplOf, externalBit, fetchDescriptor, isCode, isConforming, isNull, limitOf, markAccessed, refuse,
} from "./descriptor";
import { commitPointer, onCurrent, onDescriptor, onFlat, put } from "./frame";
import { refreshMode } from "./mode";
import { checkStack, selectorOf, setNull, setReal, setSegment } from "./segments";
import { switchTask, pushTaskError, TaskSwitch } from "./task";
import { enterCode, tssPointer, tssPointer64, tssStackSelector } from "./transfer";

/** Error code that names an IDT entry. */
function idtError(vector: u32): u32 {
  return vector * 8 + 2 + externalBit();
}

/**
 * Delivers `vector`. `software`: an INT instruction (gate DPL is checked). `ripPushed` and `rf` (Fl.RF or 0) go into
 * the frame. `error` counts when `hasError`.
 */
export function deliver(vector: u32, software: bool, hasError: bool, error: u32, ripPushed: u64, rf: u32): void {
  if (!isProtected()) deliverReal(vector, ripPushed);
  else if (isLong()) deliverLong(vector, software, hasError, error, ripPushed, rf);
  else deliverProtected(vector, software, hasError, error, ripPushed, rf);
}

/** Clears flags as every delivery does; `disable`: IF too. */
function clearFlags(disable: bool, others: u32): void {
  store<u32>(L.EFLAGS, load<u32>(L.EFLAGS) & ~(Fl.TF | Fl.RF | others | (disable ? Fl.IF : 0)));
}

// ---------------------------------------------------------------- real mode
function deliverReal(vector: u32, ripPushed: u64): void {
  const at = vector * 4;
  if (at + 3 > load<u32>(L.IDTR_LIMIT)) raiseGP(idtError(vector));
  const entry = ldc<u32>(<u64>(<u32>load<u64>(L.IDTR_BASE) + at));
  onCurrent(0, true);
  put(1, <u64>getFlags());
  put(1, <u64>selectorOf(1));
  put(1, ripPushed);
  commitPointer();
  clearFlags(true, Fl.AC);
  setReal(1, entry >> 16);
  setRip(<u64>(entry & 0xffff));
  refreshMode();
}

// ---------------------------------------------------------------- long mode
function deliverLong(vector: u32, software: bool, hasError: bool, error: u32, ripPushed: u64, rf: u32): void {
  const at = vector * 16;
  if (at + 15 > load<u32>(L.IDTR_LIMIT)) raiseGP(idtError(vector));
  const low = loadSystem<u64>(load<u64>(L.IDTR_BASE) + at);
  const high = loadSystem<u64>(load<u64>(L.IDTR_BASE) + at + 8);
  const gate = attributes(low);
  const type = gate & 0x1f;
  if (type != SysType.INT32 && type != SysType.TRAP32) raiseGP(idtError(vector));
  if (software && dplOf(gate) < cpl()) raiseGP(idtError(vector));
  if (!(gate & Attr.P)) raiseError(Vec.NP, idtError(vector));
  const selector = <u32>(low >> 16) & 0xffff;
  let d = checkHandler(selector);
  if ((attributes(d) & (Attr.LONG | Attr.BIG)) != Attr.LONG) refuse(Vec.GP, selector);
  const level = isConforming(attributes(d)) ? cpl() : dplOf(attributes(d));
  const ist = <u32>(low >> 32) & 7;
  const inner = level < cpl();
  let sp: u64;
  if (ist) sp = tssPointer64(ist + 3);
  else if (inner) sp = tssPointer64(level);
  else sp = R(RSP);
  const offset = (low & 0xffff) | ((low >> 32) & 0xffff0000) | (high << 32);
  if (!isCanonical(offset)) raiseGP(externalBit());
  d = markAccessed(selector, d);
  onFlat(sp & ~(<u64>15), level, externalBit());
  put(3, <u64>selectorOf(2));
  put(3, R(RSP));
  put(3, <u64>(getFlags() | rf));
  put(3, <u64>selectorOf(1));
  put(3, ripPushed);
  if (hasError) put(3, <u64>error);
  commitPointer();
  if (inner) setNull(2, level);
  clearFlags(type == SysType.INT32, Fl.NT | Fl.VM);
  enterCode(selector, d, level, offset);
}

/** Checks a gate's code segment: #GP or #NP. */
function checkHandler(selector: u32): u64 {
  if (isNull(selector)) raiseGP(externalBit());
  const d = fetchDescriptor(selector, Vec.GP);
  const attr = attributes(d);
  if (!isCode(attr) || dplOf(attr) > cpl()) refuse(Vec.GP, selector);
  if (!(attr & Attr.P)) refuse(Vec.NP, selector);
  return d;
}

// ---------------------------------------------------------------- legacy protected mode and virtual-8086 mode
function deliverProtected(vector: u32, software: bool, hasError: bool, error: u32, ripPushed: u64, rf: u32): void {
  const at = vector * 8;
  if (at + 7 > load<u32>(L.IDTR_LIMIT)) raiseGP(idtError(vector));
  const low = loadSystem<u64>(systemLinear(load<u64>(L.IDTR_BASE), at));
  const gate = attributes(low);
  const type = gate & 0x1f;
  if (type != SysType.TASK && (type & 0x16) != 6) raiseGP(idtError(vector));
  if (software && dplOf(gate) < cpl()) raiseGP(idtError(vector));
  if (!(gate & Attr.P)) raiseError(Vec.NP, idtError(vector));
  const selector = <u32>(low >> 16) & 0xffff;
  if (type == SysType.TASK) {
    throughTask(selector, hasError, error, ripPushed, rf);
    return;
  }
  // 2 for a 32-bit gate, 1 for a 16-bit one.
  const size: u32 = type & 8 ? 2 : 1;
  let d = checkHandler(selector);
  const level = isConforming(attributes(d)) ? cpl() : dplOf(attributes(d));
  if (isVm86() && level != 0) refuse(Vec.GP, selector);
  const offset = size == 2 ? (low & 0xffff) | ((low >> 32) & 0xffff0000) : low & 0xffff;
  const vm = isVm86();
  if (level < cpl()) {
    const ss = tssStackSelector(level);
    const sp = tssPointer(level);
    if (isNull(ss)) raiseError(Vec.TS, externalBit());
    let stack = checkStack(ss, level, Vec.TS);
    if (offset > <u64>limitOf(d)) raiseGP(externalBit());
    stack = markAccessed(ss, stack);
    d = markAccessed(selector, d);
    onDescriptor(stack, sp, level, (ss & 0xfffc) | externalBit());
    if (vm) {
      put(size, <u64>selectorOf(5));
      put(size, <u64>selectorOf(4));
      put(size, <u64>selectorOf(3));
      put(size, <u64>selectorOf(0));
    }
    put(size, <u64>selectorOf(2));
    put(size, R(RSP));
    putReturn(size, hasError, error, ripPushed, rf);
    setSegment(2, ss, stack);
    commitPointer();
    if (vm) {
      setNull(0, 0);
      setNull(3, 0);
      setNull(4, 0);
      setNull(5, 0);
    }
  } else {
    if (offset > <u64>limitOf(d)) raiseGP(externalBit());
    d = markAccessed(selector, d);
    onCurrent(externalBit(), false);
    putReturn(size, hasError, error, ripPushed, rf);
    commitPointer();
  }
  clearFlags((type & 1) == 0, Fl.NT | Fl.VM);
  enterCode(selector, d, level, offset);
}

function putReturn(size: u32, hasError: bool, error: u32, ripPushed: u64, rf: u32): void {
  put(size, <u64>(getFlags() | rf));
  put(size, <u64>selectorOf(1));
  put(size, ripPushed);
  if (hasError) put(size, <u64>error);
}

/** A task gate: the error code goes onto the new task's stack. */
function throughTask(selector: u32, hasError: bool, error: u32, ripPushed: u64, rf: u32): void {
  if (selector & 4) refuse(Vec.GP, selector);
  const d = fetchDescriptor(selector, Vec.GP);
  const attr = attributes(d);
  if ((attr & 0x17) != SysType.TSS16) refuse(Vec.GP, selector);
  if (!(attr & Attr.P)) refuse(Vec.NP, selector);
  switchTask(selector, d, TaskSwitch.CALL, ripPushed, rf);
  if (hasError) pushTaskError(attr & 8 ? 2 : 1, error);
}
