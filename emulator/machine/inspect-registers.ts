/** Registers by name, as expressions read them: out of a whole CpuState, or one by one on the machine's own thread. */
import type { Core } from "../core/core.ts";
import { L } from "../core/layout.ts";
import type { BootMachine, CpuState, PhaseName, SegmentName } from "./api.ts";
import { GPR_NAMES, PHASE_NAMES, SEGMENT_NAMES } from "./api.ts";
import type { Readers } from "./inspect-expression.ts";
import { CPU_MODES } from "./inspect-expression.ts";
import { readMsr } from "./inspect-msrs.ts";
import { modeOf } from "./registers.ts";
import { readMemory } from "./worker-memory.ts";

export const DR_NAMES = ["dr0", "dr1", "dr2", "dr3", "dr6", "dr7"] as const;

const isSegment = (name: string): name is SegmentName => (SEGMENT_NAMES as readonly string[]).includes(name);
const indexOf = (list: readonly string[], name: string): number => list.indexOf(name);

/** A whole register by the names of `Readers`; undefined when there is none of that name. */
export function registerOf(cpu: CpuState, name: string): bigint | undefined {
  const gpr = indexOf(GPR_NAMES, name);
  if (gpr >= 0) return cpu.gpr[gpr];
  const dr = indexOf(DR_NAMES, name);
  if (dr >= 0) return cpu.dr[dr];
  switch (name) {
    case "rip":
    case "rflags":
    case "cr0":
    case "cr2":
    case "cr3":
    case "cr4":
    case "cr8":
    case "efer":
    case "xcr0":
    case "icount":
    case "time":
      return cpu[name];
    case "cpl":
      return BigInt(cpu.cpl);
    case "mxcsr":
      return BigInt(cpu.mxcsr);
    case "mode":
      return BigInt(CPU_MODES.indexOf(cpu.mode));
  }
  const [head = "", field = ""] = name.split(".");
  if (isSegment(head)) return segmentOf(cpu, head, field);
  if (head === "gdtr" || head === "idtr") {
    return field === "base" ? cpu[head].base : field === "limit" ? BigInt(cpu[head].limit) : undefined;
  }
  if (head === "fpu") return fpuOf(cpu.fpu, field);
  const numbered = /^(xmm|st)(1?[0-9])$/.exec(head);
  if (numbered === null) return undefined;
  return numbered[1] === "xmm" ? xmmOf(cpu.xmm[Number(numbered[2])], field) : stOf(cpu, Number(numbered[2]), field);
}

function segmentOf(cpu: CpuState, name: SegmentName, field: string): bigint | undefined {
  const segment = cpu.segments[name];
  if (field === "base") return segment.base;
  return field === "selector" || field === "limit" || field === "attributes" ? BigInt(segment[field]) : undefined;
}

function fpuOf(fpu: CpuState["fpu"], field: string): bigint | undefined {
  if (field === "ip" || field === "dp") return fpu[field];
  return field === "cw" || field === "sw" || field === "tag" || field === "opcode" ? BigInt(fpu[field]) : undefined;
}

function xmmOf(bytes: Uint8Array | undefined, half: string): bigint | undefined {
  if (bytes === undefined || (half !== "low" && half !== "high")) return undefined;
  return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(half === "low" ? 0 : 8, true);
}

function stOf(cpu: CpuState, index: number, field: string): bigint | undefined {
  const register = cpu.fpu.st[index];
  if (register === undefined) return undefined;
  if (field === "mantissa") return register.mantissa;
  return field === "exponent" ? BigInt(register.signExponent) : undefined;
}

/** Place of a phase in the order of the boot. */
export const phaseNumber = (name: PhaseName): bigint => BigInt(PHASE_NAMES.indexOf(name));

/** What reading on the machine's own thread needs. */
export type InspectedMachine = Pick<
  BootMachine,
  "icount" | "phases" | "cpu" | "walk" | "readPhysical" | "writePhysical"
> & {
  readonly core: Core;
  linearOfRip(rip: bigint): bigint;
};

/** 64-bit fields of the core that hold a register just so. */
const PLAIN = new Map<string, number>([
  ...GPR_NAMES.map((name, index): [string, number] => [name, L.REGS + index * 8]),
  ...SEGMENT_NAMES.map((name, index): [string, number] => [`${name}.base`, L.SEG + index * L.SEG_SIZE + L.SEG_BASE]),
  ["rip", L.RIP],
  ["cr0", L.CR0],
  ["cr2", L.CR2],
  ["cr3", L.CR3],
  ["cr4", L.CR4],
  ["efer", L.EFER],
]);

/**
 * Readers for a condition that is met often, on the thread that owns the machine, which stands. Commonly used registers
 * are read alone; the others come out of a CpuState that is made at most once until `fresh` is called, as it must be
 * whenever the machine has moved.
 */
export function machineReaders(machine: InspectedMachine): Readers & { fresh(): void } {
  const { core } = machine;
  let cpu: CpuState | undefined;
  return {
    fresh() {
      cpu = undefined;
    },
    register(name) {
      const plain = PLAIN.get(name);
      if (plain !== undefined) return core.u64[plain / 8];
      switch (name) {
        case "icount":
          return machine.icount;
        case "rflags":
          return BigInt(core.exports.getFlags() >>> 0);
        case "cpl":
          return BigInt(core.u32[L.CPL / 4] ?? 0);
        case "mode":
          return BigInt(CPU_MODES.indexOf(modeOf(core)));
        case "phase": {
          const phase = machine.phases.at(-1);
          return phase === undefined ? undefined : phaseNumber(phase.name);
        }
        default:
          return registerOf((cpu ??= machine.cpu()), name);
      }
    },
    msr: (index) => readMsr(core, index),
    memory: (space, address, length) => readMemory(machine, space, address, length),
  };
}
