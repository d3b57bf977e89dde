/** Why the machine stopped, in the protocol's words and in the user's. */
import { describe, hex, inSpace } from "./address.ts";
import { eventText } from "./boot-events.ts";
import { caughtText } from "./exceptions.ts";
import { phaseDescription, phaseLabel } from "./phases.ts";
import type { Caught, StopResult } from "./target.ts";

export interface StopDescription {
  /** `reason` of the stopped event. */
  reason: string;
  /** One line: "Paused on …" in the call stack. */
  description: string;
  /** Details for exceptions. */
  text?: string;
  /** What was caught, in a few words. */
  name?: string;
  /** The guest can't run on from here. */
  final: boolean;
}

/** @param instruction what is caught when it is a single instruction: "HLT" */
export function describeStop(stop: StopResult, instruction?: string): StopDescription {
  switch (stop.reason) {
    case "step":
      return { reason: "step", description: "Paused on step", final: false };
    case "pause":
      return { reason: "pause", description: "Paused", final: false };
    case "breakpoint":
      return {
        reason: "instruction breakpoint",
        description: `Paused on breakpoint at ${describe(inSpace(stop.space, stop.address))}`,
        final: false,
      };
    case "watchpoint":
      return {
        reason: "data breakpoint",
        description: `Paused on ${stop.access} at ${hex(stop.address)}`,
        final: false,
      };
    case "catch": {
      const { kind } = stop.caught;
      const { name, text } = caughtText(stop.caught, instruction);
      if (kind === "exception") return exception(name, text, false);
      return { reason: CATCH_REASONS[kind], description: `Paused: ${text}`, name, final: false };
    }
    case "phase":
      return {
        reason: "phase",
        description: `Paused at phase ${phaseLabel(stop.phase.name)}`,
        text: `${phaseDescription(stop.phase.name)}, instruction ${stop.phase.icount}`,
        final: false,
      };
    case "event":
      return {
        reason: "event",
        description: `Paused at event: ${eventText(stop.event)}`,
        text: `instruction ${stop.event.icount}`,
        final: false,
      };
    case "halted":
      return exception("Halted", "The processor is halted with interrupts off: nothing can wake it.", false);
    case "poweroff":
      return exception("Powered off", "The guest powered the machine off.", true);
    case "reboot":
      return exception("Reboot", `The guest asked for a reset (${stop.cause}).`, true);
    case "tripleFault":
      return exception("Triple fault", stop.detail, true);
    case "panic":
      return exception("Kernel panic", stop.message, false);
    case "unemulated":
      return exception("Not emulated", stop.message, false);
  }
}

/** `reason` of the stopped event for what is no exception. */
const CATCH_REASONS: Readonly<Record<Exclude<Caught["kind"], "exception">, string>> = {
  interrupt: "interrupt",
  softwareInterrupt: "interrupt",
  instruction: "instruction",
  port: "port",
  msr: "data breakpoint",
  control: "data breakpoint",
  register: "data breakpoint",
};

const exception = (name: string, text: string, final: boolean): StopDescription => ({
  reason: "exception",
  description: name,
  text,
  final,
});
