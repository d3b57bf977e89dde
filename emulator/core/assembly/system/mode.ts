/** What follows from the mode: the decoder's KEY, the TLB set in force; and the state after power-on. */
import { L, Ev, Fl, Key } from "../../layout";
import { event } from "../events";
import { recheck } from "../control";
import { flushTlb } from "../tlb";
import { Attr } from "./descriptor";
import { resetMsrs } from "./msr";

export const enum Cr0 {
  PE = 1,
  MP = 2,
  EM = 4,
  TS = 8,
  ET = 0x10,
  NE = 0x20,
  WP = 0x10000,
  AM = 0x40000,
  NW = 0x20000000,
  CD = 0x40000000,
  PG = 0x80000000,
}
export const enum Cr4 {
  TSD = 4,
  DE = 8,
  PSE = 0x10,
  PAE = 0x20,
  MCE = 0x40,
  PGE = 0x80,
  PCE = 0x100,
  OSFXSR = 0x200,
  OSXMMEXCPT = 0x400,
  FSGSBASE = 0x10000,
  PCIDE = 0x20000,
  OSXSAVE = 0x40000,
  SMEP = 0x100000,
  SMAP = 0x200000,
}
export const enum Efer {
  SCE = 1,
  LME = 0x100,
  LMA = 0x400,
  NXE = 0x800,
  AUTOIBRS = 0x200000,
}

/** What of KEY is the mode of the processor. */
const MODE_BITS: u32 = Key.SIZE_MASK | Key.REAL | Key.LONG;

/** How many neighbours of its hash a code segment may lie at. */
const PROBES: u32 = 8;

/** Number of a code segment (base and limit): what is decoded for one is not found from another. */
function segmentNumber(base: u64, limit: u32): u32 {
  const hash = (<u32>base >> 4) ^ (<u32>base >> 16) ^ (limit >> 12);
  for (let probe: u32 = 0; probe < PROBES; probe++) {
    const index = (hash + probe) & (L.CODE_SEGMENTS_COUNT - 1);
    const at = L.CODE_SEGMENTS + (<usize>index << 4);
    if (!load<u32>(at + 12)) {
      store<u64>(at, base);
      store<u32>(at + 8, limit);
      store<u32>(at + 12, 1);
      return index;
    }
    if (load<u64>(at) == base && load<u32>(at + 8) == limit) return index;
  }
  // No room: forget all segments, and all blocks, which carry their numbers, before the next one runs.
  memory.fill(L.CODE_SEGMENTS, 0, L.CODE_SEGMENTS_COUNT << 4);
  store<u32>(L.FLUSH_PENDING, 1);
  recheck();
  return segmentNumber(base, limit);
}

/** Whether a data segment register covers all 4 GiB from 0 on, writable. */
function isFlat(index: u32): bool {
  const at: usize = L.SEG + <usize>index * L.SEG_SIZE;
  return load<u64>(at) == 0 && load<u32>(at + L.SEG_LIMIT) == 0xffffffff && (load<u32>(at + L.SEG_ATTR) & 0x9e) == 0x92 && !load<u32>(at + L.SEG_NULL);
}

/** To be called whenever CR0, CR4, EFER, CS, SS, DS, ES, CPL or EFLAGS.VM/AC changed. */
export function refreshMode(): void {
  const cr0 = <u32>load<u64>(L.CR0);
  const flags = load<u32>(L.EFLAGS);
  const cs = load<u32>(L.SEG_CS + L.SEG_ATTR);
  const user = load<u32>(L.CPL) == 3;
  const long = (load<u64>(L.EFER) & Efer.LMA) != 0;
  let key: u32 = 0;
  if (long && cs & Attr.LONG) key = 2;
  else {
    if (cs & Attr.BIG) key = 1;
    if (load<u32>(L.SEG_SS + L.SEG_ATTR) & Attr.BIG) key |= Key.STACK32;
    if (key & 1 && !long && cr0 & Cr0.PE && !(flags & Fl.VM) && isFlat(0) && isFlat(2) && isFlat(3)) key |= Key.FLAT;
    key |= segmentNumber(load<u64>(L.SEG_CS), load<u32>(L.SEG_CS + L.SEG_LIMIT)) << Key.SEGMENT_SHIFT;
  }
  if (user) key |= Key.USER;
  if (long) key |= Key.LONG;
  if (!(cr0 & Cr0.PE) || flags & Fl.VM) key |= Key.REAL;
  const before = load<u32>(L.KEY);
  store<u32>(L.KEY, key);

  let set: u32 = 0;
  if (user) set = cr0 & Cr0.AM && flags & Fl.AC ? 3 : 1;
  else if (flags & Fl.AC && load<u64>(L.CR4) & Cr4.SMAP) set = 2;
  store<u32>(L.TLB_BASE, L.TLB + set * L.TLB_SET);
  if ((before ^ key) & MODE_BITS) event(Ev.MODE, key & MODE_BITS);
}

function resetSegment(at: usize, selector: u32, base: u64, attr: u32): void {
  store<u64>(at, base);
  store<u32>(at, 0xffff, L.SEG_LIMIT);
  store<u32>(at, attr, L.SEG_ATTR);
  store<u16>(at, <u16>selector, L.SEG_SELECTOR);
  store<u32>(at, 0, L.SEG_NULL);
}

/** State of registers after power-on or RESET (SDM vol. 3, table 9-1). Counters of time are left alone. */
export function resetCpu(): void {
  for (let r: usize = 0; r < 16; r++) store<u64>(L.REGS + r * 8, 0);
  store<u64>(L.REGS + L.REG_ZERO, 0);
  // RDX: family, model and stepping, as in CPUID leaf 1.
  store<u64>(L.REGS + 16, 0xa00f11);
  store<u64>(L.RIP, 0xfff0);
  store<u32>(L.EFLAGS, 2);
  store<u32>(L.CC_OP, 0);
  store<u64>(L.CC_A, 0);
  store<u64>(L.CC_R, 0);
  store<u32>(L.CPL, 0);
  store<u64>(L.CR0, 0x60000010);
  store<u64>(L.CR2, 0);
  store<u64>(L.CR3, 0);
  store<u64>(L.CR4, 0);
  store<u64>(L.CR8, 0);
  store<u64>(L.EFER, 0);
  store<u64>(L.XCR0, 1);
  for (let i: usize = 0; i < 4; i++) {
    store<u64>(L.DR + i * 8, 0);
    store<u64>(L.PDPTE + i * 8, 0);
  }
  store<u64>(L.DR + 48, 0xffff0ff0);
  store<u64>(L.DR + 56, 0x400);
  for (let i: usize = 0; i < 6; i++) resetSegment(L.SEG + i * L.SEG_SIZE, 0, 0, 0x93);
  resetSegment(L.SEG_CS, 0xf000, 0xffff0000, 0x9b);
  resetSegment(L.SEG_LDTR, 0, 0, 0x82);
  resetSegment(L.SEG_TR, 0, 0, 0x8b);
  store<u64>(L.GDTR_BASE, 0);
  store<u32>(L.GDTR_LIMIT, 0xffff);
  store<u64>(L.IDTR_BASE, 0);
  store<u32>(L.IDTR_LIMIT, 0xffff);
  resetMsrs();
  // x87 and SSE: as after power-on (FCW 0040h, all tags empty is FNINIT's; RESET leaves zeros that count as in use).
  memory.fill(L.FPU_REGS, 0, L.SCRATCH - L.FPU_REGS);
  store<u32>(L.FPU_CW, 0x40);
  store<u32>(L.FPU_TAG, 0xff);
  store<u32>(L.MXCSR, 0x1f80);
  store<u32>(L.HALTED, 0);
  store<u32>(L.NMI, 0);
  store<u32>(L.NMI_BLOCKED, 0);
  store<u64>(L.SHADOW_ICOUNT, 0xffffffffffffffff);
  store<u32>(L.DELIVERING, 0xffffffff);
  store<u32>(L.PENDING_DB, 0);
  store<u32>(L.STACK_ACCESS, 0);
  flushTlb();
  refreshMode();
}
