/** The run loop between blocks: interrupts, traps, limits. */
import { L, At, Ct, Exit, Fl } from "../layout";
import { rip, icount } from "./state";
import { interpret } from "./hot.gen";
import { lookup, limited, flushBlocks } from "./blocks";
import { unpatch } from "./control";
import { stateChanged, told, waitsFor } from "./catch";
import { trace } from "./trace";
import { takeWatchHit } from "./watch";
import { deliverInterrupt, singleStepTrap, raisePendingDebug } from "./system/interrupt";

/** Vector of the interrupt that the board's controllers present, and acknowledged by this call. */
// @ts-ignore: decorator
@external("env", "acknowledge")
declare function acknowledge(): u32;

/** Puts the rest of the budget aside, so that the run ends behind one instruction. */
function limitToOne(): void {
  const rest = load<i32>(L.BUDGET) - 1;
  store<u64>(L.TARGET, load<u64>(L.TARGET) - <i64>rest);
  store<i32>(L.BUDGET, 1);
}

/** One instruction. */
function single(): i32 {
  limitToOne();
  const block = limited(rip(), 1);
  if (load<u32>(L.TRACE)) trace(block);
  return interpret(block);
}

/**
 * Runs until the budget is used up or something stops it (enum Exit). Faults leave by the host (`env.unwind`), which
 * calls `deliverFault` and then `run` again.
 */
export function run(): i32 {
  unpatch();
  while (true) {
    const watch = takeWatchHit();
    const asked = load<u32>(L.ATTENTION);
    store<u32>(L.ATTENTION, 0);
    if (load<u32>(L.FLUSH_PENDING)) flushBlocks();
    if (load<u32>(L.PENDING_DB)) raisePendingDebug();
    if (watch >= 0) return watch;
    if (load<u32>(L.CATCH_STATE) && stateChanged()) return Exit.STATE;
    if (load<u32>(L.HALTED) == 2) return Exit.SHUTDOWN;
    if (asked & At.HOST) return Exit.ATTENTION;
    const shadow = load<u64>(L.SHADOW_ICOUNT) == icount();
    if (!shadow) {
      if (load<u32>(L.NMI) && !load<u32>(L.NMI_BLOCKED)) {
        store<u32>(L.NMI, 0);
        store<u32>(L.NMI_BLOCKED, 1);
        store<u32>(L.HALTED, 0);
        if (waitsFor(Ct.NMI)) told(Ct.NMI, 2, 0);
        deliverInterrupt(2);
      } else if (load<u32>(L.INTR) && load<u32>(L.EFLAGS) & Fl.IF) {
        const vector = acknowledge();
        if (vector < 256) {
          store<u32>(L.HALTED, 0);
          deliverInterrupt(vector);
        }
        continue;
      }
    }
    if (load<u32>(L.HALTED)) return Exit.HALT;
    if (load<i32>(L.BUDGET) <= 0) return Exit.BUDGET;
    let why: i32;
    if (load<u32>(L.EFLAGS) & Fl.TF) {
      why = single();
      if (why == Exit.BREAKPOINT) return why;
      // MOV SS and POP SS hold the trap off.
      if (load<u64>(L.SHADOW_ICOUNT) != icount()) singleStepTrap();
    } else if ((shadow && (load<u32>(L.INTR) || load<u32>(L.NMI))) || load<u32>(L.CATCH_STATE) || load<u32>(L.TRACE)) {
      why = single();
    } else {
      why = interpret(lookup(rip()));
      // A block that does not fit: run what does.
      const left = load<i32>(L.BUDGET);
      if (why == Exit.BUDGET && left > 0 && !load<u32>(L.ATTENTION) && !load<u32>(L.WATCH_HIT) && !load<u32>(L.PENDING_DB) && left < 60) {
        why = interpret(limited(rip(), left));
      }
    }
    if (why != Exit.BUDGET) return why;
  }
}
