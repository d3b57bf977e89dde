/** Exceptions, interrupts and debug traps: how they nest, and what they push. The way through the gate is in delivery.ts. */
import { L, Ct, Ev, Exit, Fl, Vec } from "../../layout";
import { catchBefore, told, waitsFor } from "../catch";
import { event } from "../events";
import { raiseGP } from "../fault";
import { curOp, icount, icountAt, isRealOrVm86, isVm86, opRip, rip, setRip } from "../state";
import { recheck } from "../control";
import { forgetWatchHit } from "../watch";
import { deliver } from "./delivery";
import { setExternal } from "./descriptor";
import { refreshMode } from "./mode";

const NONE: u32 = 0xffffffff;

/** Divide error and the segment exceptions (SDM vol. 3, table 6-4). */
function isContributory(vector: u32): bool {
  return vector == Vec.DE || (vector >= <u32>Vec.TS && vector <= <u32>Vec.GP);
}

/** The exception that results when `second` arises while `first` is delivered; NONE for shutdown. */
function combine(first: u32, second: u32): u32 {
  const serious = isContributory(second) || second == Vec.PF;
  if (first == Vec.DF) return serious ? NONE : second;
  if (isContributory(first) && isContributory(second)) return Vec.DF;
  if (first == Vec.PF && serious) return Vec.DF;
  return second;
}

/** No instruction is executing: a fault from here on belongs to RIP, with nothing to give back. */
function betweenInstructions(): void {
  store<u64>(L.REGS + L.REG_BLOCK_RIP, rip());
  store<u32>(L.CUR_OP, L.NULL_OP);
}

/**
 * Puts the machine right before the instruction whose exception has just unwound the core (EXC_VECTOR, EXC_ERROR,
 * EXC_HAS_ERROR), and tells which vector is to be delivered for it; 0xffffffff: none, the processor shuts down.
 */
export function settleFault(): u32 {
  const op = curOp();
  setRip(opRip(op));
  store<i32>(L.BUDGET, load<i32>(L.BUDGET) + <i32>op.rem);
  betweenInstructions();
  store<u32>(L.STACK_ACCESS, 0);
  store<u32>(L.HALTED, 0);
  // An instruction that faults is no data breakpoint's hit, and no watchpoint's.
  store<u32>(L.PENDING_DB, 0);
  forgetWatchHit();
  refreshMode();
  const vector = load<u32>(L.EXC_VECTOR);
  const first = load<u32>(L.DELIVERING);
  return first == NONE ? vector : combine(first, vector);
}

/** Delivers an exception behind `settleFault`, which gave its vector. When that unwinds, both are to be called again. */
export function deliverFault(vector: u32): void {
  if (vector == NONE) {
    shutDown();
    return;
  }
  if (vector == Vec.DF) {
    store<u32>(L.EXC_ERROR, 0);
    store<u32>(L.EXC_HAS_ERROR, 1);
  }
  store<u32>(L.DELIVERING, vector);
  setExternal(1);
  if (vector == Vec.DB) store<u64>(L.DR + 56, load<u64>(L.DR + 56) & ~(<u64>0x2000));
  // RF keeps the instruction's breakpoints from firing again when it is restarted; a double fault is an abort.
  const rf: u32 = vector == Vec.DB || vector == Vec.DF ? 0 : Fl.RF;
  deliver(vector, false, load<u32>(L.EXC_HAS_ERROR) != 0, load<u32>(L.EXC_ERROR), rip(), rf);
  delivered();
}

function delivered(): void {
  setExternal(0);
  store<u32>(L.DELIVERING, NONE);
}

function shutDown(): void {
  delivered();
  store<u32>(L.HALTED, 2);
  store<u32>(L.EXIT, Exit.SHUTDOWN);
}

/** Delivers an external interrupt between instructions. */
export function deliverInterrupt(vector: u32): void {
  betweenInstructions();
  store<u32>(L.HALTED, 0);
  setExternal(1);
  deliver(vector, false, false, 0, rip(), 0);
  delivered();
}

// ---------------------------------------------------------------- debug traps
/** Raises #DB behind the instruction just retired; `bits` go into DR6. */
function debugTrap(bits: u32): void {
  betweenInstructions();
  if (waitsFor(Ct.TRAP)) told(Ct.TRAP, Vec.DB, bits);
  store<u64>(L.DR + 48, load<u64>(L.DR + 48) | <u64>bits);
  store<u64>(L.DR + 56, load<u64>(L.DR + 56) & ~(<u64>0x2000));
  store<u32>(L.HALTED, 0);
  setExternal(1);
  store<u32>(L.DELIVERING, Vec.DB);
  deliver(Vec.DB, false, false, 0, rip(), 0);
  delivered();
}
/** icount behind the software interrupt executed last: it clears TF on its way, so no trap follows it. */
let noTrapAt: u64 = 0xffffffffffffffff;

/** The trap after an instruction that started with EFLAGS.TF set. Data breakpoints that it hit are reported with it. */
export function singleStepTrap(): void {
  if (icount() == noTrapAt) return;
  const bits = load<u32>(L.PENDING_DB) | 0x4000;
  store<u32>(L.PENDING_DB, 0);
  debugTrap(bits);
}
/** The trap for what L.PENDING_DB holds. */
export function raisePendingDebug(): void {
  const bits = load<u32>(L.PENDING_DB);
  store<u32>(L.PENDING_DB, 0);
  if (bits) debugTrap(bits);
}

// ---------------------------------------------------------------- software interrupts
/** INT n: gate privilege is checked, and virtual-8086 mode needs IOPL 3. */
export function softwareInterrupt(vector: u32): void {
  if (isVm86() && (load<u32>(L.EFLAGS) & Fl.IOPL) != Fl.IOPL) raiseGP(0);
  catchInterrupt(vector);
  if (isRealOrVm86()) event(Ev.INT, vector);
  enter(vector);
}
/** INT3 and INTO: as INT n, but not sensitive to IOPL. */
export function trap(vector: u32): void {
  catchInterrupt(vector);
  enter(vector);
}
function enter(vector: u32): void {
  deliver(vector, true, false, 0, rip(), 0);
  noTrapAt = icountAt(curOp()) + 1;
}
/** INT1: a debug trap that no gate privilege stops and DR6 does not tell. */
export function icebreakpoint(): void {
  catchInterrupt(Vec.DB);
  setExternal(1);
  deliver(Vec.DB, false, false, 0, rip(), 0);
  delivered();
}

function catchInterrupt(vector: u32): void {
  if (waitsFor(Ct.INT) && load<u8>(L.CATCH_VECTORS + vector)) catchBefore(Ct.INT, vector);
}

/** HLT, at privilege 0. */
export function halt(): void {
  if (waitsFor(Ct.HLT)) catchBefore(Ct.HLT, 0);
  store<u32>(L.HALTED, 1);
  recheck();
}
