/**
 * What a client can tick to stop at: the ends that a boot can come to, its phases, processor exceptions, interrupts and
 * single instructions, and events of the boot. The order is that of the boxes in the client.
 */
import type { DebugProtocol } from "@vscode/debugprotocol";
import { PHASE_NAMES } from "../emulator/machine/api.ts";
import type { Catch, EventFilter, PhaseName } from "../emulator/machine/api.ts";
import { BY_INSTRUCTION, EXCEPTIONS, hasErrorCode } from "./exceptions.ts";
import { phaseDescription, phaseLabel } from "./phases.ts";

/** A catch, before a condition is put on it. */
export type PlainCatch = Catch extends infer C ? (C extends Catch ? Omit<C, "condition"> : never) : never;

/** What is behind a box. */
export type FilterAim =
  | { kind: "tripleFault" | "panic" }
  | { kind: "phase"; phase: PhaseName }
  | { kind: "event"; event: EventFilter }
  | { kind: "catch"; catches: readonly PlainCatch[] };

interface Filter {
  wire: DebugProtocol.ExceptionBreakpointsFilter;
  aim: FilterAim;
}

/** Events that have a box of their own; `stopAt` of the launch configuration knows more (boot-events.ts). */
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

const caught = (
  filter: string,
  label: string,
  description: string,
  conditionDescription: string,
  ...catches: PlainCatch[]
): Filter => ({
  wire: { filter, label, description, supportsCondition: true, conditionDescription },
  aim: { kind: "catch", catches },
});

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

const exceptionFilter = ({ vector, mnemonic, name }: (typeof EXCEPTIONS)[number]): Filter =>
  caught(
    `exception:${mnemonic.slice(1).toLowerCase()}`,
    `${mnemonic} ${capital(name)}`,
    `Stop before a ${mnemonic} (${name}, vector ${vector}) is delivered.`,
    vector === 14
      ? "$error & 2 (a write), $error & 4 (by user code)"
      : hasErrorCode(vector)
        ? "$error == 0x10, $cpl == 3"
        : "$cpl == 3, cs:ip > 0x7c00",
    { kind: "exception", vectors: [vector] },
    ...(BY_INSTRUCTION.has(vector) ? [{ kind: "softwareInterrupt" as const, vectors: [vector] }] : []),
  );

const FILTERS: readonly Filter[] = [
  {
    wire: {
      filter: "tripleFault",
      label: "Triple fault",
      description: "Stop where a triple fault would reset the processor; the session ends there when this is off.",
      default: true,
    },
    aim: { kind: "tripleFault" },
  },
  {
    wire: {
      filter: "panic",
      label: "Kernel panic",
      description: "Stop when the kernel prints a panic; it goes on when this is off.",
      default: true,
    },
    aim: { kind: "panic" },
  },
  ...PHASE_NAMES.map((phase): Filter => ({
    wire: {
      filter: `phase:${phase}`,
      label: `Phase: ${phaseLabel(phase)}`,
      description: `Stop before the ${phaseDescription(phase)}.`,
    },
    aim: { kind: "phase", phase },
  })),
  caught(
    "exception",
    "Any CPU exception",
    "Stop before any exception of the processor is delivered.",
    "$vector == 13 && $error != 0",
    { kind: "exception" },
    { kind: "softwareInterrupt", vectors: [...BY_INSTRUCTION] },
  ),
  ...EXCEPTIONS.map(exceptionFilter),
  caught(
    "interrupt",
    "Hardware interrupt",
    "Stop at the first instruction of the handler of an interrupt from outside the processor.",
    "$vector == 0x20",
    { kind: "interrupt" },
  ),
  caught(
    "softwareInterrupt",
    "INT n",
    "Stop before INT n, INT3, INTO and INT1, in any mode.",
    "$vector == 0x13 && ah == 0x42",
    { kind: "softwareInterrupt" },
  ),
  caught(
    "port",
    "I/O port access",
    "Stop behind IN, OUT, INS and OUTS.",
    "$port == 0x3f8, $port >= 0x1f0 && $port <= 0x1f7",
    { kind: "port", first: 0, last: 0xffff, access: "readWrite" },
  ),
  caught("hlt", "HLT", "Stop before HLT.", "flags.if == 0", { kind: "instruction", instruction: "hlt" }),
  caught(
    "magic",
    "Magic breakpoint XCHG BX,BX",
    "Stop before XCHG BX,BX, the magic breakpoint of other emulators.",
    "ax == 1",
    { kind: "instruction", instruction: "magic" },
  ),
  caught("syscall", "SYSCALL, SYSENTER", "Stop before a system call by SYSCALL or SYSENTER.", "rax == 59", {
    kind: "instruction",
    instruction: "syscall",
  }),
  ...EVENTS.map(([event, label, when]): Filter => ({
    wire: {
      filter: `event:${event}`,
      label: `Event: ${label}`,
      description: `Stop ${when}.`,
      supportsCondition: true,
      conditionDescription: event.startsWith("int") ? "ah == 0x42" : '$phase == "bootloader"',
    },
    aim: { kind: "event", event },
  })),
];

/** Filters of setExceptionBreakpoints. */
export const EXCEPTION_FILTERS: readonly DebugProtocol.ExceptionBreakpointsFilter[] = FILTERS.map(({ wire }) => wire);

/** What is behind a filter's name, and whether it takes a condition. Throws with one sentence on any other name. */
export function filterNamed(name: string): { aim: FilterAim; conditional: boolean; label: string } {
  const found = FILTERS.find(({ wire }) => wire.filter === name);
  if (found === undefined) throw new Error(`There is no exception filter "${name}".`);
  return { aim: found.aim, conditional: found.wire.supportsCondition === true, label: found.wire.label };
}
