/** What a client can tick to stop at: phases and events of the boot, and the ends that a boot can come to. */
import type { DebugProtocol } from "@vscode/debugprotocol";
import { PHASE_NAMES } from "../emulator/machine/api.ts";
import type { EventFilter, PhaseName } from "../emulator/machine/api.ts";
import { phaseDescription, phaseLabel } from "./phases.ts";

const PHASE_FILTER = "phase:";
const EVENT_FILTER = "event:";

/** Events that have a box of their own; `stopAt` of the launch configuration knows more (events.ts). */
const EVENTS: readonly [event: EventFilter, label: string, when: string][] = [
  ["a20", "A20 gate", "when the A20 gate is opened or closed"],
  ["protected-mode", "Protected mode", "behind the instruction that sets CR0.PE"],
  ["real-mode", "Back to real mode", "behind the instruction that clears CR0.PE"],
  ["paging", "Paging on", "behind the instruction that sets CR0.PG"],
  ["long-mode", "Long mode", "behind the instruction that makes long mode active (EFER.LMA)"],
  ["mode", "Mode change", "when the size of code changes: 16, 32 or 64 bits"],
  ["gdt", "GDT load", "behind LGDT"],
  ["idt", "IDT load", "behind LIDT"],
  ["cr3", "CR3 load", "behind a load of CR3"],
  ["int10h", "BIOS call INT 10h (video)", "at the first instruction of the handler"],
  ["int13h", "BIOS call INT 13h (disks)", "at the first instruction of the handler"],
  ["int15h", "BIOS call INT 15h (system)", "at the first instruction of the handler"],
  ["int16h", "BIOS call INT 16h (keyboard)", "at the first instruction of the handler"],
  ["int19h", "BIOS call INT 19h (boot)", "at the first instruction of the handler"],
  ["device", "First use of a device", "when a device is used for the first time"],
  ["disk", "Disk transfer", "when bytes of a disk have reached memory"],
  ["screen", "Screen mode", "when the screen changes its mode"],
];

/** Filters of setExceptionBreakpoints. */
export const EXCEPTION_FILTERS: readonly DebugProtocol.ExceptionBreakpointsFilter[] = [
  ...PHASE_NAMES.map((name) => ({
    filter: PHASE_FILTER + name,
    label: `Phase: ${phaseLabel(name)}`,
    description: `Stop before the ${phaseDescription(name)}.`,
  })),
  ...EVENTS.map(([event, label, when]) => ({
    filter: EVENT_FILTER + event,
    label: `Event: ${label}`,
    description: `Stop ${when}.`,
  })),
  {
    filter: "tripleFault",
    label: "Triple fault",
    description: "Stop where a triple fault would reset the processor; the session ends there when this is off.",
    default: true,
  },
  {
    filter: "panic",
    label: "Kernel panic",
    description: "Stop when the kernel prints a panic; it goes on when this is off.",
    default: true,
  },
];

export interface ExceptionFilters {
  phases: PhaseName[];
  events: EventFilter[];
  tripleFault: boolean;
  panic: boolean;
}

/** Reads the filters that a client has switched on; an unknown one is an error. */
export function readFilters(filters: readonly string[]): ExceptionFilters {
  const unknown = filters.find((name) => !EXCEPTION_FILTERS.some(({ filter }) => filter === name));
  if (unknown !== undefined) throw new Error(`There is no exception filter "${unknown}".`);
  return {
    phases: PHASE_NAMES.filter((name) => filters.includes(PHASE_FILTER + name)),
    events: EVENTS.map(([event]) => event).filter((event) => filters.includes(EVENT_FILTER + event)),
    tripleFault: filters.includes("tripleFault"),
    panic: filters.includes("panic"),
  };
}
