/** What ends a run early: stops behind the running instruction, and attention. */
import { L, At } from "../layout";
import { Op, SLOT } from "./op";
import { H } from "./handlers.gen";

/** Makes the next block's entry fail, keeping icount. */
function exhaustBudget(): void {
  const left = load<i32>(L.BUDGET);
  store<u64>(L.TARGET, load<u64>(L.TARGET) - <i64>left);
  store<i32>(L.BUDGET, 0);
}

/** Interrupts, traps or the mode must be looked at before the next instruction. For terminators and the host. */
export function recheck(): void {
  store<u32>(L.ATTENTION, load<u32>(L.ATTENTION) | At.RECHECK);
  exhaustBudget();
}

/** The host wants `run` to return before the next instruction. */
export function attention(): void {
  store<u32>(L.ATTENTION, load<u32>(L.ATTENTION) | At.HOST);
  exhaustBudget();
}

/** Operations with the second slot have the higher handler numbers. */
// @ts-ignore: decorator
@inline
export function slots(h: u32): usize {
  return h >= <u32>H.FIRST_WIDE ? 2 : 1;
}

/** Ends the run behind the executing instruction (CUR_OP), wherever in its block it stands. */
export function stopAfterCurrent(): void {
  const op = changetype<Op>(load<u32>(L.CUR_OP));
  if (load<u32>(L.PATCHED_OP)) return;
  if (changetype<usize>(op) == L.NULL_OP) {
    // A fetch or a delivery between instructions.
    recheck();
    return;
  }
  const rem = op.rem;
  let next = op;
  while (next.rem == rem) {
    if (next.h >= <u16>H.FIRST_TERMINATOR) {
      // It ends its block: the next block's entry is the stop.
      recheck();
      return;
    }
    next = changetype<Op>(changetype<usize>(next) + slots(next.h) * SLOT);
  }
  store<u32>(L.PATCHED_OP, changetype<u32>(next));
  store<u32>(L.PATCHED_HANDLER, next.h);
  next.h = <u16>H.STOP;
}

/** Puts the operation back that a stop had replaced. */
export function unpatch(): void {
  const at = load<u32>(L.PATCHED_OP);
  if (!at) return;
  changetype<Op>(at).h = <u16>load<u32>(L.PATCHED_HANDLER);
  store<u32>(L.PATCHED_OP, 0);
}

