/**
 * The registers that gdb sees, in its order. One set of 64-bit registers serves all modes: gdb asks for the target
 * description once, and a `g` reply of another length later is what breaks it at mode switches under other emulators.
 */
import { GPR_NAMES } from "../../emulator/machine/api.ts";
import type { CpuState, SegmentName } from "../../emulator/machine/api.ts";
import { isSegmentedMode, linearIp, linearSp } from "../registers.ts";

export type Feature = "core" | "sse" | "segments" | "system";

/** A register by the name of BootMachine.writeRegister, and its new value. */
export type RegisterWrite = readonly [name: string, value: bigint];

export interface GdbRegister {
  name: string;
  feature: Feature;
  bits: 32 | 64 | 80 | 128;
  /** A type of gdb's or of the description. */
  type: string;
  group?: "general" | "float" | "vector" | "system";
  read(cpu: CpuState): bigint;
  /** What to write for a value; left out for registers that cannot be written. Throws RangeError with one sentence. */
  write?(value: bigint, cpu: CpuState): RegisterWrite[];
}

/** gdb's order of the general registers (gdb/amd64-tdep.h). */
const GENERAL = ["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp"] as const;
const NUMBERED = ["r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"] as const;
const SEGMENTS = ["cs", "ss", "ds", "es", "fs", "gs"] as const;
const KERNEL_GS_BASE = 0xc0000102;

const same =
  (name: string) =>
  (value: bigint): RegisterWrite[] => [[name, value]];

function general(name: (typeof GENERAL)[number] | (typeof NUMBERED)[number]): GdbRegister {
  const index = GPR_NAMES.indexOf(name);
  const type = name === "rsp" || name === "rbp" ? "data_ptr" : "int64";
  return { name, feature: "core", bits: 64, type, read: ({ gpr }) => gpr[index] ?? 0n, write: same(name) };
}

const rip: GdbRegister = {
  name: "rip",
  feature: "core",
  bits: 64,
  type: "code_ptr",
  read: linearIp,
  write: (value, cpu) => [["rip", offsetInCode(value, cpu)]],
};

/** The RIP with which the next instruction is the one at a linear address, CS left as it is. */
function offsetInCode(linear: bigint, cpu: CpuState): bigint {
  if (cpu.mode === "long") return linear;
  const offset = BigInt.asUintN(32, linear - cpu.segments.cs.base);
  if (linear >> 32n || offset > BigInt(cpu.segments.cs.limit)) {
    throw new RangeError(`The code segment (base 0x${cpu.segments.cs.base.toString(16)}) does not reach that address.`);
  }
  return offset;
}

/** In real and virtual-8086 mode a segment's base follows from its selector, as MOV to it would set it. */
function writeSelector(name: SegmentName, value: bigint, cpu: CpuState): RegisterWrite[] {
  const follows = isSegmentedMode(cpu.mode);
  return [[`${name}.selector`, value], ...(follows ? [[`${name}.base`, value * 16n] as const] : [])];
}

const segment = (name: (typeof SEGMENTS)[number]): GdbRegister => ({
  name,
  feature: "core",
  bits: 32,
  type: "int32",
  read: ({ segments }) => BigInt(segments[name].selector),
  write: (value, cpu) => writeSelector(name, value, cpu),
});

const fpuControl = (name: string, read: (fpu: CpuState["fpu"]) => bigint, register?: string): GdbRegister => ({
  name,
  feature: "core",
  bits: 32,
  type: "int",
  group: "float",
  read: ({ fpu }) => read(fpu),
  ...(register === undefined ? {} : { write: same(register) }),
});

const EXPONENT = 0x7fff;
const INTEGER_BIT = 1n << 63n;

/** The full tag word, two bits a physical register (SDM vol. 1, 8.1.7), out of what FXSAVE keeps of it. */
function fullTag({ st, sw, tag }: CpuState["fpu"]): bigint {
  const top = (sw >> 11) & 7;
  let word = 0;
  st.forEach(({ mantissa, signExponent }, index) => {
    const physical = (top + index) & 7;
    const exponent = signExponent & EXPONENT;
    const special = exponent === EXPONENT || (mantissa & INTEGER_BIT) === 0n;
    const used = special ? (exponent === 0 && mantissa === 0n ? 1 : 2) : 0;
    word |= ((tag >> physical) & 1 ? used : 3) << (physical * 2);
  });
  return BigInt(word);
}

const system = (name: string, type: string, read: (cpu: CpuState) => bigint, register?: string): GdbRegister => ({
  name,
  feature: "system",
  bits: 64,
  type,
  group: "system",
  read,
  ...(register === undefined ? {} : { write: same(register) }),
});

const base = (name: SegmentName, feature: Feature): GdbRegister => ({
  ...system(`${name}_base`, "int64", ({ segments }) => segments[name].base, `${name}.base`),
  feature,
});

const xmmValue = (bytes: Uint8Array | undefined): bigint =>
  (bytes ?? new Uint8Array()).reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);

/** In the order of their numbers. */
export const GDB_REGISTERS: readonly GdbRegister[] = [
  ...GENERAL.map(general),
  ...NUMBERED.map(general),
  rip,
  {
    name: "eflags",
    feature: "core",
    bits: 32,
    type: "i386_eflags",
    read: ({ rflags }) => rflags,
    write: same("rflags"),
  },
  ...SEGMENTS.map(segment),
  ...Array.from({ length: 8 }, (_value, index): GdbRegister => ({
    name: `st${index}`,
    feature: "core",
    bits: 80,
    type: "i387_ext",
    group: "float",
    read: ({ fpu }) => {
      const { mantissa, signExponent } = fpu.st[index] ?? { mantissa: 0n, signExponent: 0 };
      return (BigInt(signExponent) << 64n) | mantissa;
    },
    // One that is written is in use.
    write: (value, { fpu: { sw, tag } }) => [
      [`st${index}.mantissa`, BigInt.asUintN(64, value)],
      [`st${index}.exponent`, value >> 64n],
      ["fpu.tag", BigInt(tag | (1 << (((sw >> 11) + index) & 7)))],
    ],
  })),
  fpuControl("fctrl", ({ cw }) => BigInt(cw), "fpu.cw"),
  fpuControl("fstat", ({ sw }) => BigInt(sw), "fpu.sw"),
  fpuControl("ftag", fullTag),
  fpuControl("fiseg", ({ ip }) => (ip >> 32n) & 0xffffn),
  fpuControl("fioff", ({ ip }) => ip),
  fpuControl("foseg", ({ dp }) => (dp >> 32n) & 0xffffn),
  fpuControl("fooff", ({ dp }) => dp),
  fpuControl("fop", ({ opcode }) => BigInt(opcode)),
  ...Array.from({ length: 16 }, (_value, index): GdbRegister => ({
    name: `xmm${index}`,
    feature: "sse",
    bits: 128,
    type: "vec128",
    read: ({ xmm }) => xmmValue(xmm[index]),
    write: (value) => [
      [`xmm${index}.low`, BigInt.asUintN(64, value)],
      [`xmm${index}.high`, value >> 64n],
    ],
  })),
  {
    name: "mxcsr",
    feature: "sse",
    bits: 32,
    type: "i386_mxcsr",
    group: "vector",
    read: (cpu) => BigInt(cpu.mxcsr),
    write: same("mxcsr"),
  },
  base("fs", "segments"),
  base("gs", "segments"),
  system(
    "k_gs_base",
    "int64",
    ({ msrs }) => msrs.find(({ index }) => index === KERNEL_GS_BASE)?.value ?? 0n,
    `msr:0x${KERNEL_GS_BASE.toString(16)}`,
  ),
  system("cr0", "cr0_flags", ({ cr0 }) => cr0, "cr0"),
  system("cr2", "int64", ({ cr2 }) => cr2, "cr2"),
  system("cr3", "int64", ({ cr3 }) => cr3, "cr3"),
  system("cr4", "cr4_flags", ({ cr4 }) => cr4, "cr4"),
  system("cr8", "int64", ({ cr8 }) => cr8, "cr8"),
  system("efer", "efer_flags", ({ efer }) => efer, "efer"),
  base("cs", "system"),
  base("ss", "system"),
  base("ds", "system"),
  base("es", "system"),
  // gdb's $rip is a linear address and its $rsp is not: these are the other two.
  system("ip_offset", "int64", ({ rip: offset }) => offset, "rip"),
  system("sp_linear", "data_ptr", linearSp),
  system("gdtr_base", "int64", ({ gdtr }) => gdtr.base, "gdtr.base"),
  system("idtr_base", "int64", ({ idtr }) => idtr.base, "idtr.base"),
];
