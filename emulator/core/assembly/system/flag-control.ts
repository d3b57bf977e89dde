/** PUSHF, POPF, CLI, STI: flags and who may change them (SDM vol. 3, 2.3). */
import { L, Fl } from "../../layout";
import { recheck } from "../control";
import { raiseGP } from "../fault";
import { getFlags, setFlags } from "../flags";
import { Op } from "../op";
import { cpl, icountAt, isProtected, isVm86 } from "../state";
import { refreshMode } from "./mode";
import { stackSize } from "./operand";
import { peek, moveStack, push } from "./stack";

function iopl(): u32 {
  return (load<u32>(L.EFLAGS) >> 12) & 3;
}
/** Whether the running code may do what IOPL governs (CLI, STI, port access without the bitmap). */
export function hasIoPrivilege(): bool {
  return cpl() <= iopl();
}

/** After IF or TF may have become 1: makes the run loop look, if there is something to see. */
export function interruptsMayComeIn(): void {
  const flags = load<u32>(L.EFLAGS);
  if (flags & Fl.TF || (flags & Fl.IF && load<u32>(L.INTR)) || load<u32>(L.NMI)) recheck();
}
/** Interrupts stay away until the next instruction has retired; of several such instructions in a row only the first counts. */
export function castShadow(op: Op): void {
  const now = icountAt(op);
  if (load<u64>(L.SHADOW_ICOUNT) != now) store<u64>(L.SHADOW_ICOUNT, now + 1);
  interruptsMayComeIn();
}

export function execPushf(op: Op): void {
  if (isVm86() && iopl() < 3) raiseGP(0);
  push(stackSize(op.imm), <u64>(getFlags() & ~(Fl.RF | Fl.VM)));
}

export function execPopf(op: Op): void {
  if (isVm86() && iopl() < 3) raiseGP(0);
  const size = stackSize(op.imm);
  const image = <u32>peek(size, 0);
  let mask: u32 = Fl.ARITH | Fl.TF | Fl.DF | Fl.NT;
  if (size >= 2) mask |= Fl.AC | Fl.ID;
  if (!isProtected()) mask |= Fl.IF | Fl.IOPL;
  else if (isVm86()) mask |= Fl.IF;
  else {
    if (hasIoPrivilege()) mask |= Fl.IF;
    if (cpl() == 0) mask |= Fl.IOPL;
  }
  moveStack(<i64>1 << size);
  const old = getFlags();
  setFlags(((old & ~mask) | (image & mask)) & ~Fl.RF);
  if ((old ^ image) & Fl.AC) refreshMode();
  interruptsMayComeIn();
}

export function execCli(): void {
  if (isProtected() && !hasIoPrivilege()) raiseGP(0);
  store<u32>(L.EFLAGS, load<u32>(L.EFLAGS) & ~Fl.IF);
}

export function execSti(op: Op): void {
  if (isProtected() && !hasIoPrivilege()) raiseGP(0);
  const flags = load<u32>(L.EFLAGS);
  if (flags & Fl.IF) return;
  store<u32>(L.EFLAGS, flags | Fl.IF);
  // STI holds interrupts off, but not the single-step trap, whose handler outlasts the shadow.
  if (flags & Fl.TF) interruptsMayComeIn();
  else castShadow(op);
}

/** CLAC and STAC: privilege 0 with SMAP known. */
export function setAlignmentCheck(on: bool): void {
  const flags = load<u32>(L.EFLAGS);
  store<u32>(L.EFLAGS, on ? flags | Fl.AC : flags & ~Fl.AC);
  refreshMode();
}
