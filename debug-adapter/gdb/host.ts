/** What the gdb server needs of whoever owns the machine: a debug session (session-host.ts) or the command line (run-host.ts). */
import type { Breakpoint, StopResult, Target, Watchpoint } from "../target.ts";

/** All methods that answer a promise reject with an Error of one sentence. */
export interface GdbHost {
  readonly target: Pick<Target, "cpu" | "readMemory" | "writeMemory" | "writeRegister">;
  /** Whether the machine runs, whoever let it. */
  readonly running: boolean;
  /** gdb's own break- and watchpoints, beside those of others; they replace the ones before. */
  setBreakpoints(list: readonly Breakpoint[]): Promise<void>;
  setWatchpoints(list: readonly Watchpoint[]): Promise<void>;
  /** Lets the machine go; GdbServer.stopped or .ended follows. Throws when it cannot move. */
  resume(how: "continue" | "step"): void;
  /** Makes a running machine stop soon. */
  interrupt(): Promise<void>;
  /** gdb has let go of the machine. */
  detached(): void;
  /** gdb wants the machine to end; GdbServer.ended need not follow. */
  kill(): Promise<void>;
  /** Powers the machine off and on again, to stand at its first instruction. */
  reset?(): Promise<void>;
  /** A command of the debug console, for `monitor`. */
  console(command: string): Promise<string>;
}

/** A stop as gdb is told of it. */
export interface GdbStop {
  /** By gdb's own numbers (include/gdb/signals.def). */
  signal: number;
  /** `watch:…;` and the like. */
  reason: string;
  /** What gdb cannot know by the signal, as a line for its console. */
  text?: string;
}

const enum Signal {
  INT = 2,
  ILL = 4,
  TRAP = 5,
  ABRT = 6,
  SEGV = 11,
  TERM = 15,
}

/** How gdb is told of a stop that is none of its break- and watchpoints. */
export function plainStop(stop: StopResult): GdbStop {
  const trap = (text?: string): GdbStop => ({ signal: Signal.TRAP, reason: "", ...(text ? { text } : {}) });
  switch (stop.reason) {
    case "step":
    case "breakpoint":
    case "watchpoint":
    case "catch":
      return trap();
    case "pause":
      return { signal: Signal.INT, reason: "" };
    case "phase":
      return trap(`phase ${stop.phase.name} begins at instruction ${stop.phase.icount}`);
    case "event":
      return trap(stop.event.text);
    case "halted":
      return { signal: Signal.TERM, reason: "", text: "the processor is halted with interrupts off" };
    case "poweroff":
      return { signal: Signal.TERM, reason: "", text: "the guest powered the machine off" };
    case "reboot":
      return { signal: Signal.TERM, reason: "", text: `the guest asked for a reset (${stop.cause})` };
    case "tripleFault":
      return { signal: Signal.SEGV, reason: "", text: `triple fault: ${stop.detail}` };
    case "panic":
      return { signal: Signal.ABRT, reason: "", text: `kernel panic: ${stop.message}` };
    case "unemulated":
      return { signal: Signal.ILL, reason: "", text: stop.message };
  }
}
