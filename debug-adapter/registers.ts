/** The processor's registers by name, read out of a CpuState. */
import { GPR_NAMES, SEGMENT_NAMES } from "../emulator/machine/api.ts";
import type { CpuMode, CpuState, SegmentName } from "../emulator/machine/api.ts";
import { registerOf } from "../emulator/machine/inspect-registers.ts";

export const CONTROL_NAMES = ["cr0", "cr2", "cr3", "cr4", "cr8", "efer", "xcr0"] as const;

const MODE_LABELS: Record<CpuMode, string> = {
  real: "real mode",
  vm86: "virtual-8086 mode",
  protected16: "16-bit protected mode",
  protected32: "32-bit protected mode",
  compat16: "16-bit compatibility mode",
  compat32: "32-bit compatibility mode",
  long: "64-bit long mode",
};

export const modeLabel = (mode: CpuMode): string => MODE_LABELS[mode];

export type CodeBits = 16 | 32 | 64;

/** Size of the code that the processor executes. */
export function codeBits(mode: CpuMode): CodeBits {
  if (mode === "long") return 64;
  return mode === "protected32" || mode === "compat32" ? 32 : 16;
}

/** Real or virtual-8086 mode, where a segment's base is its selector × 16. */
export const isSegmentedMode = (mode: CpuMode): boolean => mode === "real" || mode === "vm86";

/** Linear address of an offset in a segment as the processor would form it now (data segment bases are 0 in long mode, but for FS and GS). */
export function segmentLinear(cpu: CpuState, segment: SegmentName, offset: bigint): bigint {
  if (cpu.mode === "long") {
    const base = segment === "fs" || segment === "gs" ? cpu.segments[segment].base : 0n;
    return BigInt.asUintN(64, base + offset);
  }
  return BigInt.asUintN(32, cpu.segments[segment].base + offset);
}

/** Linear address of the next instruction. */
export const linearIp = (cpu: CpuState): bigint => segmentLinear(cpu, "cs", cpu.rip);

/** Stack pointer at the width that the stack segment has. */
export function stackPointer(cpu: CpuState): bigint {
  const rsp = cpu.gpr[4] ?? 0n;
  if (cpu.mode === "long") return rsp;
  // Attribute bit 14 is descriptor bit 22, B: a 32-bit stack.
  return BigInt.asUintN(cpu.segments.ss.attributes & 0x4000 ? 32 : 16, rsp);
}

/** Linear address of the top of the stack. */
export const linearSp = (cpu: CpuState): bigint => segmentLinear(cpu, "ss", stackPointer(cpu));

/** What "view memory" of a register shows: what a stack or base pointer points at through SS, others as linear addresses. */
export function registerMemory(cpu: CpuState, name: string, value: bigint): bigint {
  if (!isSegmentedMode(cpu.mode)) return value;
  if (name === "rsp" || name === "rbp") return segmentLinear(cpu, "ss", value & 0xffffn);
  return value;
}

export interface PartOfRegister {
  register: string;
  shift: number;
  bits: number;
}

const PARTS = new Map<string, PartOfRegister>();
GPR_NAMES.forEach((register, index) => {
  PARTS.set(register, { register, shift: 0, bits: 64 });
  if (index >= 8) {
    PARTS.set(register + "d", { register, shift: 0, bits: 32 });
    PARTS.set(register + "w", { register, shift: 0, bits: 16 });
    PARTS.set(register + "b", { register, shift: 0, bits: 8 });
    return;
  }
  const word = register.slice(1);
  PARTS.set("e" + word, { register, shift: 0, bits: 32 });
  PARTS.set(word, { register, shift: 0, bits: 16 });
  PARTS.set((index < 4 ? word.charAt(0) : word) + "l", { register, shift: 0, bits: 8 });
  if (index < 4) PARTS.set(word.charAt(0) + "h", { register, shift: 8, bits: 8 });
});
PARTS.set("eip", { register: "rip", shift: 0, bits: 32 });
PARTS.set("ip", { register: "rip", shift: 0, bits: 16 });
PARTS.set("pc", { register: "rip", shift: 0, bits: 64 });
PARTS.set("sp", { register: "rsp", shift: 0, bits: 16 });
PARTS.set("eflags", { register: "rflags", shift: 0, bits: 32 });
PARTS.set("flags", { register: "rflags", shift: 0, bits: 16 });

/** The full register behind a name such as "eax", "r9b" or "ah"; the name itself when it is no part of another. */
export function partOfRegister(name: string): PartOfRegister {
  return PARTS.get(name) ?? { register: name, shift: 0, bits: 64 };
}

/** The names of general registers, RIP and RFLAGS in all their widths. */
export const partNames = (): string[] => [...PARTS.keys()];

/** The narrower names of a register, widest first. */
export const partsOf = (register: string): [string, PartOfRegister][] =>
  [...PARTS]
    .filter(([, part]) => part.register === register && part.bits < 64)
    .sort(([, a], [, b]) => b.bits - a.bits || b.shift - a.shift);

const isSegmentName = (name: string): boolean => (SEGMENT_NAMES as readonly string[]).includes(name);

/** Value of a register by the names of BootMachine.writeRegister and the usual short ones; undefined when there is none. */
export function readRegister(cpu: CpuState, name: string): bigint | undefined {
  const part = partOfRegister(name.toLowerCase());
  const value = registerOf(cpu, writableName(part.register));
  return value === undefined ? undefined : BigInt.asUintN(part.bits, value >> BigInt(part.shift));
}

/** The name that BootMachine.writeRegister takes for a full register: "cs" is "cs.selector". */
export const writableName = (name: string): string => (isSegmentName(name) ? `${name}.selector` : name);
