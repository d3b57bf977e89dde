/** Hardware task switching with 16-bit and 32-bit TSS (SDM vol. 3, chapter 7). Not available in long mode. */
import { L, Ct, Fl, Vec } from "../../layout";
import { told, waitsFor } from "../catch";
import { raiseGP } from "../fault";
import { getFlags, setFlags } from "../flags";
import { R, W, curOp, rip, setRip } from "../state";
import { loadSystem, probeSystem, storeSystem, systemLinear } from "./access";
import { recheck } from "../control";
import {
  Attr, SysType, attributes, baseOf, dplOf, externalBit, fetchDescriptor, isCode, isConforming, isNull, limitOf, markAccessed, markBusy,
  refuse,
} from "./descriptor";
import { Cr0, refreshMode } from "./mode";
import { checkData, checkStack, selectorOf, setNull, setSegment, setVm86 } from "./segments";
import { loadPageRoot } from "./control-registers";
import { commitPointer, onCurrent, put } from "./frame";

export const enum TaskSwitch {
  JUMP = 0,
  /** CALL and events: the new task is nested. */
  CALL = 1,
  IRET = 2,
}

// Offsets in a 32-bit TSS.
const enum Tss32 {
  LINK = 0,
  CR3 = 28,
  EIP = 32,
  EFLAGS = 36,
  EAX = 40,
  ES = 72,
  LDT = 96,
  TRAP = 100,
}
// Offsets in a 16-bit TSS.
const enum Tss16 {
  IP = 14,
  FLAGS = 16,
  AX = 18,
  ES = 34,
  LDT = 42,
}

function at(tss: u64, offset: u32): u64 {
  return systemLinear(tss, offset);
}

/** Saves the running task into its TSS; nothing faults any more (it has been probed). */
function saveTask(tss: u64, wide: bool, returnRip: u64, flags: u32): void {
  if (wide) {
    storeSystem<u32>(at(tss, Tss32.EIP), <u32>returnRip);
    storeSystem<u32>(at(tss, Tss32.EFLAGS), flags);
    for (let r: u32 = 0; r < 8; r++) storeSystem<u32>(at(tss, Tss32.EAX + r * 4), <u32>R(r * 8));
    for (let s: u32 = 0; s < 6; s++) storeSystem<u16>(at(tss, Tss32.ES + s * 4), <u16>selectorOf(s));
  } else {
    storeSystem<u16>(at(tss, Tss16.IP), <u16>returnRip);
    storeSystem<u16>(at(tss, Tss16.FLAGS), <u16>flags);
    for (let r: u32 = 0; r < 8; r++) storeSystem<u16>(at(tss, Tss16.AX + r * 2), <u16>R(r * 8));
    for (let s: u32 = 0; s < 4; s++) storeSystem<u16>(at(tss, Tss16.ES + s * 2), <u16>selectorOf(s));
  }
}

/** Bytes of a TSS that the processor reads or writes in a switch. */
function tssSize(wide: bool): u32 {
  return wide ? 104 : 44;
}

/**
 * Switches to the task whose TSS descriptor is `d`. The caller has checked type, presence and privilege. `returnRip`
 * and the flags (with `rf`) are what the old task resumes with.
 */
export function switchTask(selector: u32, d: u64, kind: TaskSwitch, returnRip: u64, rf: u32): void {
  const attr = attributes(d);
  const wide = (attr & 8) != 0;
  if (limitOf(d) < (wide ? <u32>103 : <u32>43)) refuse(Vec.TS, selector);
  const tss = <u64>baseOf(d);
  const oldTss = load<u64>(L.SEG_TR);
  const oldWide = (load<u32>(L.SEG_TR + L.SEG_ATTR) & 8) != 0;
  const oldSelector = selectorOf(7);
  probeSystem(oldTss, tssSize(oldWide));
  probeSystem(tss, tssSize(wide));
  let flags = getFlags() | rf;

  // The new task's state, read before anything changes.
  let ip: u32, newFlags: u32, ldt: u32;
  if (wide) {
    ip = loadSystem<u32>(at(tss, Tss32.EIP));
    newFlags = loadSystem<u32>(at(tss, Tss32.EFLAGS));
    ldt = <u32>loadSystem<u16>(at(tss, Tss32.LDT));
  } else {
    ip = <u32>loadSystem<u16>(at(tss, Tss16.IP));
    newFlags = <u32>loadSystem<u16>(at(tss, Tss16.FLAGS));
    ldt = <u32>loadSystem<u16>(at(tss, Tss16.LDT));
  }

  if (kind != TaskSwitch.CALL) markBusy(oldSelector, false);
  if (kind == TaskSwitch.IRET) flags &= ~Fl.NT;
  saveTask(oldTss, oldWide, returnRip, flags);
  if (kind == TaskSwitch.CALL) {
    storeSystem<u16>(tss, <u16>oldSelector);
    newFlags |= Fl.NT;
  }
  if (kind != TaskSwitch.IRET) markBusy(selector, true);
  setSegment(7, selector, d | (<u64>SysType.BUSY << 40));
  store<u64>(L.CR0, load<u64>(L.CR0) | Cr0.TS);
  if (wide && load<u64>(L.CR0) & Cr0.PG) {
    const before = load<u64>(L.CR3);
    loadPageRoot(<u64>loadSystem<u32>(at(tss, Tss32.CR3)));
    if (waitsFor(Ct.CR_WRITE)) told(Ct.CR_WRITE, 3, before);
  }

  // From here on faults belong to the new task.
  setRip(<u64>ip);
  setFlags((newFlags & 0x3f7fd7) | 2);
  for (let r: u32 = 0; r < 8; r++) {
    W(r * 8, wide ? <u64>loadSystem<u32>(at(tss, Tss32.EAX + r * 4)) : <u64>(0xffff0000 | <u32>loadSystem<u16>(at(tss, Tss16.AX + r * 2))));
  }
  settleTask(tss, wide, ldt, newFlags, ip);
  if (wide && loadSystem<u16>(at(tss, Tss32.TRAP)) & 1) {
    store<u32>(L.PENDING_DB, load<u32>(L.PENDING_DB) | 0x8000);
    recheck();
  }
}

function tssSelector(tss: u64, wide: bool, index: u32): u32 {
  if (wide) return <u32>loadSystem<u16>(at(tss, Tss32.ES + index * 4));
  return index < 4 ? <u32>loadSystem<u16>(at(tss, Tss16.ES + index * 2)) : 0;
}

/** A fault while the new task's segments are loaded is raised at its first instruction. */
function belongsToNewTask(ip: u32): void {
  store<u32>(L.CUR_OP, L.NULL_OP);
  store<u64>(L.REGS + L.REG_BLOCK_RIP, <u64>ip);
}

/** Loads LDTR and the segment registers of the task that has just become the current one. */
function settleTask(tss: u64, wide: bool, ldt: u32, flags: u32, ip: u32): void {
  const op = curOp();
  const blockRip = load<u64>(L.REGS + L.REG_BLOCK_RIP);
  // Give the unretired rest of the block back now, should the rest fault: its operation is not the current one then.
  const rest = <i32>op.rem;
  store<i32>(L.BUDGET, load<i32>(L.BUDGET) + rest);
  belongsToNewTask(ip);
  const cs = tssSelector(tss, wide, 1);
  for (let i: u32 = 0; i < 6; i++) setNull(i, tssSelector(tss, wide, i));
  setNull(6, ldt);
  // Until stack and code are there, a fault gets its stack from the TSS.
  store<u32>(L.CPL, 3);
  refreshMode();
  if (!isNull(ldt)) {
    if (ldt & 4) refuse(Vec.TS, ldt);
    const d = fetchDescriptor(ldt, Vec.TS);
    if ((attributes(d) & 0x1f) != SysType.LDT || !(attributes(d) & Attr.P)) refuse(Vec.TS, ldt);
    setSegment(6, ldt, d);
  }
  if (flags & Fl.VM) {
    for (let i: u32 = 0; i < 6; i++) setVm86(i, tssSelector(tss, wide, i));
    refreshMode();
  } else {
    loadTaskStack(tssSelector(tss, wide, 2), cs & 3);
    loadTaskCode(cs);
    store<u32>(L.CPL, cs & 3);
    refreshMode();
    for (let i: u32 = 0; i < 6; i++) {
      if (i == 1 || i == 2) continue;
      const selector = tssSelector(tss, wide, i);
      if (isNull(selector)) continue;
      setSegment(i, selector, markAccessed(selector, checkData(selector, Vec.TS)));
    }
    refreshMode();
  }
  if (<u64>ip > <u64>load<u32>(L.SEG_CS + L.SEG_LIMIT)) raiseGP(externalBit());
  store<i32>(L.BUDGET, load<i32>(L.BUDGET) - rest);
  store<u32>(L.CUR_OP, changetype<u32>(op));
  store<u64>(L.REGS + L.REG_BLOCK_RIP, blockRip);
}

function loadTaskStack(selector: u32, level: u32): void {
  if (isNull(selector)) refuse(Vec.TS, selector);
  const d = checkStack(selector, level, Vec.TS);
  setSegment(2, selector, markAccessed(selector, d));
}
function loadTaskCode(selector: u32): void {
  if (isNull(selector)) refuse(Vec.TS, selector);
  const d = fetchDescriptor(selector, Vec.TS);
  const attr = attributes(d);
  if (!isCode(attr)) refuse(Vec.TS, selector);
  if (isConforming(attr) ? dplOf(attr) > (selector & 3) : dplOf(attr) != (selector & 3)) refuse(Vec.TS, selector);
  if (!(attr & Attr.P)) refuse(Vec.NP, selector);
  setSegment(1, selector, markAccessed(selector, d));
}

/** Pushes an exception's error code onto the new task's stack; `size` is log2 of bytes. */
export function pushTaskError(size: u32, error: u32): void {
  belongsToNewTask(<u32>rip());
  onCurrent(externalBit(), false);
  put(size, <u64>error);
  commitPointer();
}

/** IRET with NT set: back to the task that the link field names. */
export function returnToTask(): void {
  const link = <u32>loadSystem<u16>(load<u64>(L.SEG_TR));
  if (link & 4) refuse(Vec.TS, link);
  const d = fetchDescriptor(link, Vec.TS);
  const attr = attributes(d);
  if ((attr & 0x17) != (SysType.TSS16 | SysType.BUSY)) refuse(Vec.TS, link);
  if (!(attr & Attr.P)) refuse(Vec.NP, link);
  switchTask(link, d, TaskSwitch.IRET, rip(), 0);
}
