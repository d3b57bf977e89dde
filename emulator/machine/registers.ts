/** The processor's registers as plain values, and writing them by name. */
import type { Core } from "../core/core.ts";
import { L } from "../core/layout.ts";
import { GPR_NAMES, SEGMENT_NAMES, type CpuMode, type CpuState, type Segment, type SegmentName } from "./api.ts";
import { MSR_NAMES } from "./msrs.ts";

const U64 = 0xffffffffffffffffn;
/** Where 64-bit registers with a name of their own lie. */
const PLAIN: Record<string, number> = {
  rip: L.RIP,
  cr2: L.CR2,
  "gdtr.base": L.GDTR_BASE,
  "idtr.base": L.IDTR_BASE,
};
/** Bits that CR4 can hold: the features that CPUID reports. */
const CR4_BITS = 0x3707fcn;
const EFER_BITS = 0x200d01n;

/** Reads the processor; its task priority (`tpr`, 8 bits) lives in the local APIC. */
export function readCpu(core: Core, tpr: number): CpuState {
  const { u32, u64, u8 } = core;
  const at64 = (address: number): bigint => u64[address / 8]!;
  const at32 = (address: number): number => u32[address / 4]!;
  const segments = {} as Record<SegmentName, Segment>;
  SEGMENT_NAMES.forEach((name, i) => {
    const at = L.SEG + i * L.SEG_SIZE;
    segments[name] = {
      base: at64(at + L.SEG_BASE),
      limit: at32(at + L.SEG_LIMIT),
      attributes: at32(at + L.SEG_ATTR) & 0xffff,
      selector: at32(at + L.SEG_SELECTOR) & 0xffff,
      unusable: at32(at + L.SEG_NULL) !== 0,
    };
  });
  const top = (at32(L.FPU_SW) >> 11) & 7;
  const icount = core.icount;
  // One buffer for all: it goes to another thread at each stop.
  const xmm = u8.slice(L.XMM, L.XMM + 16 * 16);
  return {
    mode: modeOf(core),
    icount: BigInt(icount),
    time: BigInt(icount) + at64(L.SKEW),
    cpl: at32(L.CPL),
    gpr: GPR_NAMES.map((_name, i) => at64(L.REGS + i * 8)),
    rip: at64(L.RIP),
    rflags: BigInt(core.exports.getFlags() >>> 0),
    segments,
    gdtr: { base: at64(L.GDTR_BASE), limit: at32(L.GDTR_LIMIT) },
    idtr: { base: at64(L.IDTR_BASE), limit: at32(L.IDTR_LIMIT) },
    cr0: at64(L.CR0),
    cr2: at64(L.CR2),
    cr3: at64(L.CR3),
    cr4: at64(L.CR4),
    cr8: BigInt(tpr >> 4),
    efer: at64(L.EFER),
    xcr0: at64(L.XCR0),
    dr: [0, 1, 2, 3, 6, 7].map((i) => at64(L.DR + i * 8)),
    fpu: {
      cw: at32(L.FPU_CW) & 0xffff,
      sw: at32(L.FPU_SW) & 0xffff,
      tag: at32(L.FPU_TAG) & 0xff,
      opcode: at32(L.FPU_OPCODE) & 0x7ff,
      ip: at64(L.FPU_IP),
      dp: at64(L.FPU_DP),
      st: Array.from({ length: 8 }, (_value, i) => {
        const at = L.FPU_REGS + ((top + i) & 7) * 16;
        return { mantissa: at64(at), signExponent: at32(at + 8) & 0xffff };
      }),
    },
    mxcsr: at32(L.MXCSR),
    xmm: Array.from({ length: 16 }, (_value, i) => xmm.subarray(i * 16, i * 16 + 16)),
    msrs: MSR_NAMES.map(([index, name]) => ({ index, name, value: BigInt.asUintN(64, core.exports.peekMsr(index)) })),
    halted: at32(L.HALTED) !== 0,
  };
}

/** The mode that the processor is in. */
export function modeOf(core: Core): CpuMode {
  const cr0 = core.u64[L.CR0 / 8]!;
  if (!(cr0 & 1n)) return "real";
  if (core.u32[L.EFLAGS / 4]! & 0x20000) return "vm86";
  // Descriptor bits 21 (L) and 22 (D), as attributes hold bits 8 to 23.
  const attributes = core.u32[(L.SEG_CS + L.SEG_ATTR) / 4]!;
  const wide = (attributes & 0x4000) !== 0;
  if (!(core.u64[L.EFER / 8]! & 0x400n)) return wide ? "protected32" : "protected16";
  if (attributes & 0x2000) return "long";
  return wide ? "compat32" : "compat16";
}

/** Writes a register; throws RangeError with one sentence when the hardware could not hold the value. */
export function writeRegister(core: Core, name: string, value: bigint): void {
  if (value < 0n || value > U64) throw new RangeError(`${name}: ${value} does not fit into 64 bits.`);
  const set64 = (address: number): void => {
    core.u64[address / 8] = value;
  };
  const gpr = (GPR_NAMES as readonly string[]).indexOf(name);
  const segment = /^(es|cs|ss|ds|fs|gs|ldtr|tr)\.(selector|base|limit|attributes)$/.exec(name);
  const msr = /^msr:(0x[0-9a-f]+|\d+)$/i.exec(name);
  const xmm = /^xmm(\d+)(?:\.(low|high))?$/.exec(name);
  const st = /^st([0-7])\.(mantissa|exponent)$/.exec(name);
  const dr = /^dr([0-367])$/.exec(name);
  if (gpr >= 0) set64(L.REGS + gpr * 8);
  else if (PLAIN[name] !== undefined) set64(PLAIN[name]);
  else if (name === "rflags") {
    if (value & ~0x3f7fd7n) throw new RangeError("rflags: reserved bits must stay 0.");
    core.exports.setFlags(Number(value));
  } else if (name === "cr0") {
    if ((value & 0x80000000n && !(value & 1n)) || (value & 0x20000000n && !(value & 0x40000000n)) || value >> 32n) {
      throw new RangeError("cr0: PG needs PE, NW needs CD, and bits 32 to 63 must be 0.");
    }
    set64(L.CR0);
  } else if (name === "cr3") {
    if (value >> 40n) throw new RangeError("cr3: physical addresses have 40 bits here.");
    set64(L.CR3);
  } else if (name === "cr4") {
    if (value & ~CR4_BITS) throw new RangeError(`cr4: bits ${hex(value & ~CR4_BITS)} are reserved on this processor.`);
    set64(L.CR4);
  } else if (name === "efer") {
    if (value & ~EFER_BITS)
      throw new RangeError(`efer: bits ${hex(value & ~EFER_BITS)} are reserved on this processor.`);
    set64(L.EFER);
  } else if (name === "gdtr.limit" || name === "idtr.limit") {
    core.u32[(name === "gdtr.limit" ? L.GDTR_LIMIT : L.IDTR_LIMIT) / 4] = narrow(name, value, 16);
  } else if (name === "mxcsr") {
    if (value & ~0xffffn) throw new RangeError("mxcsr: bits 16 to 31 are reserved.");
    core.u32[L.MXCSR / 4] = Number(value);
  } else if (name === "fpu.cw" || name === "fpu.sw") {
    core.u32[(name === "fpu.cw" ? L.FPU_CW : L.FPU_SW) / 4] = narrow(name, value, 16);
  } else if (name === "fpu.tag") {
    core.u32[L.FPU_TAG / 4] = narrow(name, value, 8);
  } else if (st) {
    const at = L.FPU_REGS + ((((core.u32[L.FPU_SW / 4]! >> 11) & 7) + Number(st[1])) & 7) * 16;
    if (st[2] === "mantissa") set64(at);
    else core.u32[at / 4 + 2] = narrow(name, value, 16);
  } else if (name === "xcr0") {
    if (!(value & 1n) || value & ~3n) throw new RangeError("xcr0: x87 must be 1, and only x87 and SSE exist here.");
    set64(L.XCR0);
  } else if (dr) {
    set64(L.DR + Number(dr[1]) * 8);
    core.exports.debugRegistersChanged();
  } else if (segment) writeSegment(core, segment[1] as SegmentName, segment[2]!, value);
  else if (xmm && Number(xmm[1]) < 16) set64(L.XMM + Number(xmm[1]) * 16 + (xmm[2] === "high" ? 8 : 0));
  else if (msr) {
    if (!core.writeMsr(Number(msr[1]), value)) {
      throw new RangeError(`${name}: there is no such register, or it cannot hold ${hex(value)}.`);
    }
  } else throw new RangeError(`${name}: no register of that name can be written.`);
  core.exports.refreshMode();
  core.exports.flushTlb();
}

function writeSegment(core: Core, name: SegmentName, field: string, value: bigint): void {
  const at = L.SEG + SEGMENT_NAMES.indexOf(name) * L.SEG_SIZE;
  if (field === "base") core.u64[(at + L.SEG_BASE) / 8] = value;
  else if (field === "limit") core.u32[(at + L.SEG_LIMIT) / 4] = narrow(`${name}.limit`, value, 32);
  else if (field === "attributes") {
    core.u32[(at + L.SEG_ATTR) / 4] = narrow(`${name}.attributes`, value, 16);
    // Only what a null selector leaves behind is not present.
    core.u32[(at + L.SEG_NULL) / 4] = value & 0x80n ? 0 : 1;
  } else core.u32[(at + L.SEG_SELECTOR) / 4] = narrow(`${name}.selector`, value, 16);
}

function narrow(name: string, value: bigint, bits: number): number {
  if (value >> BigInt(bits)) throw new RangeError(`${name}: ${hex(value)} does not fit into ${bits} bits.`);
  return Number(value);
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}
