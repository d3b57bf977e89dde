/**
 * The processor's state in one piece of memory, for the way to another thread: as an object of some hundred values it
 * would take longer to clone than an instruction takes to step.
 */
import { GPR_NAMES, SEGMENT_NAMES, type CpuMode, type CpuState, type Segment, type SegmentName } from "./api.ts";
import { MSR_NAMES } from "./msrs.ts";

const MODES: readonly CpuMode[] = ["real", "vm86", "protected16", "protected32", "compat16", "compat32", "long"];
const DEBUG_REGISTERS = 6;
const STACK_REGISTERS = 8;
const XMM_REGISTERS = 16;
const XMM_BYTES = 16;

/** Takes each value and gives it back, or gives the one that was taken at this place. */
interface Passage {
  word(value: bigint): bigint;
  /** 0 to 2^32 - 1. */
  number(value: number): number;
}

/** Everything but the bytes of XMM registers, always in the same order. */
function pass(cpu: CpuState, by: Passage): void {
  cpu.mode = MODES[by.number(MODES.indexOf(cpu.mode))]!;
  cpu.icount = by.word(cpu.icount);
  cpu.time = by.word(cpu.time);
  cpu.cpl = by.number(cpu.cpl);
  cpu.halted = by.number(Number(cpu.halted)) !== 0;
  words(cpu.gpr, by);
  cpu.rip = by.word(cpu.rip);
  cpu.rflags = by.word(cpu.rflags);
  for (const name of SEGMENT_NAMES) {
    const segment = cpu.segments[name];
    segment.selector = by.number(segment.selector);
    segment.base = by.word(segment.base);
    segment.limit = by.number(segment.limit);
    segment.attributes = by.number(segment.attributes);
    segment.unusable = by.number(Number(segment.unusable)) !== 0;
  }
  for (const table of [cpu.gdtr, cpu.idtr]) {
    table.base = by.word(table.base);
    table.limit = by.number(table.limit);
  }
  cpu.cr0 = by.word(cpu.cr0);
  cpu.cr2 = by.word(cpu.cr2);
  cpu.cr3 = by.word(cpu.cr3);
  cpu.cr4 = by.word(cpu.cr4);
  cpu.cr8 = by.word(cpu.cr8);
  cpu.efer = by.word(cpu.efer);
  cpu.xcr0 = by.word(cpu.xcr0);
  words(cpu.dr, by);
  const { fpu } = cpu;
  fpu.cw = by.number(fpu.cw);
  fpu.sw = by.number(fpu.sw);
  fpu.tag = by.number(fpu.tag);
  fpu.opcode = by.number(fpu.opcode);
  fpu.ip = by.word(fpu.ip);
  fpu.dp = by.word(fpu.dp);
  for (const register of fpu.st) {
    register.mantissa = by.word(register.mantissa);
    register.signExponent = by.number(register.signExponent);
  }
  cpu.mxcsr = by.number(cpu.mxcsr);
  for (const msr of cpu.msrs) msr.value = by.word(msr.value);
}

function words(list: bigint[], by: Passage): void {
  for (let i = 0; i < list.length; i++) list[i] = by.word(list[i]!);
}

/** A processor in which everything is 0. */
function blank(xmm: Uint8Array): CpuState {
  const segments = {} as Record<SegmentName, Segment>;
  for (const name of SEGMENT_NAMES)
    segments[name] = { selector: 0, base: 0n, limit: 0, attributes: 0, unusable: false };
  const zeros = (count: number): bigint[] => new Array<bigint>(count).fill(0n);
  return {
    mode: "real",
    icount: 0n,
    time: 0n,
    cpl: 0,
    gpr: zeros(GPR_NAMES.length),
    rip: 0n,
    rflags: 0n,
    segments,
    gdtr: { base: 0n, limit: 0 },
    idtr: { base: 0n, limit: 0 },
    cr0: 0n,
    cr2: 0n,
    cr3: 0n,
    cr4: 0n,
    cr8: 0n,
    efer: 0n,
    xcr0: 0n,
    dr: zeros(DEBUG_REGISTERS),
    fpu: {
      cw: 0,
      sw: 0,
      tag: 0,
      opcode: 0,
      ip: 0n,
      dp: 0n,
      st: Array.from({ length: STACK_REGISTERS }, () => ({ mantissa: 0n, signExponent: 0 })),
    },
    mxcsr: 0,
    xmm: Array.from({ length: XMM_REGISTERS }, (_, i) => xmm.subarray(i * XMM_BYTES, (i + 1) * XMM_BYTES)),
    msrs: MSR_NAMES.map(([index, name]) => ({ index, name, value: 0n })),
    halted: false,
  };
}

/** How many values of each kind there are. */
const COUNT = (() => {
  const count = { words: 0, numbers: 0 };
  pass(blank(new Uint8Array(XMM_REGISTERS * XMM_BYTES)), {
    word: (value) => (count.words++, value),
    number: (value) => (count.numbers++, value),
  });
  return count;
})();
const NUMBERS_AT = COUNT.words * 8;
const XMM_AT = NUMBERS_AT + COUNT.numbers * 4;

/** As `unpackCpu` takes it. */
export function packCpu(cpu: CpuState): ArrayBuffer {
  const packed = new ArrayBuffer(XMM_AT + XMM_REGISTERS * XMM_BYTES);
  const wordsOf = new BigUint64Array(packed, 0, COUNT.words);
  const numbersOf = new Uint32Array(packed, NUMBERS_AT, COUNT.numbers);
  let word = 0;
  let number = 0;
  pass(cpu, {
    word: (value) => (wordsOf[word++] = value),
    number: (value) => (numbersOf[number++] = value),
  });
  cpu.xmm.forEach((bytes, i) => new Uint8Array(packed, XMM_AT + i * XMM_BYTES, XMM_BYTES).set(bytes));
  return packed;
}

export function unpackCpu(packed: ArrayBuffer): CpuState {
  const wordsOf = new BigUint64Array(packed, 0, COUNT.words);
  const numbersOf = new Uint32Array(packed, NUMBERS_AT, COUNT.numbers);
  let word = 0;
  let number = 0;
  const cpu = blank(new Uint8Array(packed, XMM_AT));
  pass(cpu, { word: () => wordsOf[word++]!, number: () => numbersOf[number++]! });
  return cpu;
}
