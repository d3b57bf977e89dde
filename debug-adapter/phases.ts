/** The phases of the boot as words, and in the order of a boot. */
import { PHASE_NAMES } from "../emulator/machine/api.ts";
import type { Phase, PhaseName } from "../emulator/machine/api.ts";
import { hex } from "./address.ts";
import type { WirePhase } from "./protocol.ts";

const LABELS: Record<PhaseName, string> = {
  bios: "BIOS",
  bootloader: "Boot loader",
  setup: "Kernel setup",
  decompressor: "Decompressor",
  kernel: "Kernel",
  init: "Init",
};

const DESCRIPTIONS: Record<PhaseName, string> = {
  bios: "first instruction after power-on (the reset vector)",
  bootloader: "first instruction of the boot sector at 0x7c00",
  setup: "first instruction of the kernel's real-mode setup code",
  decompressor: "first instruction of the bzImage's decompressor",
  kernel: "first instruction of the decompressed kernel (startup_64)",
  init: "first instruction in ring 3 (process 1)",
};

export const phaseLabel = (name: PhaseName): string => LABELS[name];
export const phaseDescription = (name: PhaseName): string => DESCRIPTIONS[name];

export const isPhaseName = (name: unknown): name is PhaseName => PHASE_NAMES.includes(name as PhaseName);

/** All phases in order, those reached with their icount. */
export function wirePhases(reached: readonly Phase[]): WirePhase[] {
  return PHASE_NAMES.map((name) => {
    const phase = reached.find((one) => one.name === name);
    return { name, label: LABELS[name], ...(phase === undefined ? {} : { icount: hex(phase.icount) }) };
  });
}
