/** The phases of the boot and the ends a boot can come to, as exception filters and as words. */
import type { DebugProtocol } from "@vscode/debugprotocol";
import type { Phase, PhaseName } from "../emulator/machine/api.ts";
import { hex } from "./address.ts";
import type { WirePhase } from "./protocol.ts";

/** In the order in which a boot passes them. */
export const PHASE_NAMES: readonly PhaseName[] = ["decompressor", "kernel", "init"];

const LABELS: Record<PhaseName, string> = {
  decompressor: "Decompressor",
  kernel: "Kernel",
  init: "Init",
};

const DESCRIPTIONS: Record<PhaseName, string> = {
  decompressor: "first instruction of the bzImage's decompressor",
  kernel: "first instruction of the decompressed kernel (startup_64)",
  init: "first instruction in ring 3 (process 1)",
};

export const phaseLabel = (name: PhaseName): string => LABELS[name];
export const phaseDescription = (name: PhaseName): string => DESCRIPTIONS[name];

export const isPhaseName = (name: unknown): name is PhaseName => PHASE_NAMES.includes(name as PhaseName);

const PHASE_FILTER = "phase:";

/** Filters of setExceptionBreakpoints. */
export const EXCEPTION_FILTERS: readonly DebugProtocol.ExceptionBreakpointsFilter[] = [
  ...PHASE_NAMES.map((name) => ({
    filter: PHASE_FILTER + name,
    label: `Phase: ${LABELS[name]}`,
    description: `Stop before the ${DESCRIPTIONS[name]}.`,
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
  tripleFault: boolean;
  panic: boolean;
}

/** Reads the filters that a client has switched on; an unknown one is an error. */
export function readFilters(filters: readonly string[]): ExceptionFilters {
  const unknown = filters.find((name) => !EXCEPTION_FILTERS.some(({ filter }) => filter === name));
  if (unknown !== undefined) throw new Error(`There is no exception filter "${unknown}".`);
  return {
    phases: PHASE_NAMES.filter((name) => filters.includes(PHASE_FILTER + name)),
    tripleFault: filters.includes("tripleFault"),
    panic: filters.includes("panic"),
  };
}

/** All phases in order, those reached with their icount. */
export function wirePhases(reached: readonly Phase[]): WirePhase[] {
  return PHASE_NAMES.map((name) => {
    const phase = reached.find((one) => one.name === name);
    return { name, label: LABELS[name], ...(phase === undefined ? {} : { icount: hex(phase.icount) }) };
  });
}
