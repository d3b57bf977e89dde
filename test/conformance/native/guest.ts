/**
 * The surroundings in which cases run in the core: page tables, descriptor tables and handlers, such as Linux has them
 * around a user program.
 */
import { Core, type CoreHost } from "../../../emulator/core/core.ts";
import { L } from "../../../emulator/core/layout.ts";
import {
  CODE,
  CODE_SIZE,
  CS16,
  CS32,
  CS64,
  DATA,
  DATA_SIZE,
  DS,
  DS16,
  FS_BASE,
  GS_BASE,
  READ_ONLY,
  WRITABLE,
  type Mode,
} from "./case.ts";

const PAGE = 0x1000;
/** Physical addresses. */
const PML4 = 0x1000;
const PDPT = 0x2000;
const PD = 0x3000;
const PT_CODE = 0x4000;
const PT_DATA = 0x5000;
const PT_SYSTEM = 0x6000;
const PDPT_SYSTEM = 0x7000;
const PD_SYSTEM = 0x8000;
export const CODE_PHYSICAL = 0x10000;
export const DATA_PHYSICAL = 0x20000;
const SYSTEM_PHYSICAL = 0x30000;
/** Linear addresses of the supervisor's pages, in the upper half as a kernel's: descriptor tables and TSS, handlers, stack. */
const SYSTEM = 0xffff800000000000n;
const GDT = SYSTEM;
const LDT = SYSTEM + 0x200n;
const TSS = SYSTEM + 0x300n;
const TSS_LIMIT = 0x67;
const IDT = SYSTEM + 0x400n;
export const HANDLERS = SYSTEM + 0x1000n;
const STACK_TOP = SYSTEM + 0x3000n;
export const STACK_TOP_PHYSICAL = SYSTEM_PHYSICAL + 3 * PAGE;

const PRESENT = 1n;
const WRITE = 2n;
const USER = 4n;
const NO_EXECUTE = 1n << 63n;

/** Attribute bits 40 to 55 of a descriptor. */
const CODE64_ATTRIBUTES = 0xa0fb;
const CODE32_ATTRIBUTES = 0xc0fb;
const DATA_ATTRIBUTES = 0xc0f3;
const CODE16_ATTRIBUTES = 0x00fb;
const DATA16_ATTRIBUTES = 0x00f3;

function unreachable(): never {
  throw new Error("user-mode code reached a device");
}
const HOST: CoreHost = {
  readPort: unreachable,
  writePort: unreachable,
  readMmio: () => 0xffffffff,
  writeMmio: () => undefined,
  acknowledge: () => 256,
  readApicBase: () => 0n,
  writeApicBase: () => true,
  readCr8: () => 0,
  writeCr8: () => undefined,
  codeNotify: () => undefined,
  bootEvent: () => undefined,
  ferr: () => undefined,
};

function descriptor(base: number, limit: number, attributes: number): bigint {
  const [b, l, a] = [BigInt(base), BigInt(limit), BigInt(attributes)];
  return (l & 0xffffn) | ((b & 0xffffffn) << 16n) | (a << 40n) | ((l >> 16n) << 48n) | ((b >> 24n) << 56n);
}

function buildTables(core: Core): void {
  const view = new DataView(core.ram.buffer, core.ram.byteOffset, core.ram.byteLength);
  const put = (at: number, value: bigint): void => view.setBigUint64(at, value, true);
  put(PML4, BigInt(PDPT) | PRESENT | WRITE | USER);
  put(PDPT, BigInt(PD) | PRESENT | WRITE | USER);
  for (const [linear, table] of [
    [CODE, PT_CODE],
    [DATA, PT_DATA],
  ] as const) {
    put(PD + (linear >>> 21) * 8, BigInt(table) | PRESENT | WRITE | USER);
  }
  put(PML4 + 256 * 8, BigInt(PDPT_SYSTEM) | PRESENT | WRITE);
  put(PDPT_SYSTEM, BigInt(PD_SYSTEM) | PRESENT | WRITE);
  put(PD_SYSTEM, BigInt(PT_SYSTEM) | PRESENT | WRITE);
  for (let at = 0; at < CODE_SIZE; at += PAGE)
    put(PT_CODE + (at / PAGE) * 8, BigInt(CODE_PHYSICAL + at) | PRESENT | USER);
  for (let at = 0; at < DATA_SIZE; at += PAGE) {
    const rights = at < WRITABLE ? PRESENT | WRITE | USER : at === READ_ONLY ? PRESENT | USER : 0n;
    put(PT_DATA + (at / PAGE) * 8, rights === 0n ? 0n : BigInt(DATA_PHYSICAL + at) | rights | NO_EXECUTE);
  }
  for (let at = 0; at < 3 * PAGE; at += PAGE)
    put(PT_SYSTEM + (at / PAGE) * 8, BigInt(SYSTEM_PHYSICAL + at) | PRESENT | WRITE);

  const system = (linear: bigint): number => Number(linear - SYSTEM) + SYSTEM_PHYSICAL;
  const gdt = (selector: number, value: bigint): void => put(system(GDT) + (selector & ~7), value);
  gdt(0x10, descriptor(0, 0xfffff, 0xa09b));
  gdt(0x18, descriptor(0, 0xfffff, 0xc093));
  gdt(CS32, descriptor(0, 0xfffff, CODE32_ATTRIBUTES));
  gdt(DS, descriptor(0, 0xfffff, DATA_ATTRIBUTES));
  gdt(CS64, descriptor(0, 0xfffff, CODE64_ATTRIBUTES));
  put(system(LDT) + (CS16 & ~7), descriptor(CODE, CODE_SIZE - 1, CODE16_ATTRIBUTES));
  put(system(LDT) + (DS16 & ~7), descriptor(DATA, DATA_SIZE - 1, DATA16_ATTRIBUTES));
  put(system(TSS) + 4, STACK_TOP);
  // No I/O permission bitmap inside the limit.
  view.setUint16(system(TSS) + 0x66, TSS_LIMIT + 1, true);
  // Each handler is one HLT. INT3 and INTO may be called by user code, nothing else.
  for (let vector = 0; vector < 32; vector++) {
    const handler = HANDLERS + BigInt(vector);
    const attributes = vector === 3 || vector === 4 ? 0xeen : 0x8en;
    put(
      system(IDT) + vector * 16,
      (handler & 0xffffn) | (0x10n << 16n) | (attributes << 40n) | (((handler >> 16n) & 0xffffn) << 48n),
    );
    put(system(IDT) + vector * 16 + 8, handler >> 32n);
    view.setUint8(system(HANDLERS) + vector, 0xf4);
  }
}

function setSegment(
  core: Core,
  at: number,
  selector: number,
  base: number | bigint,
  limit: number,
  attributes: number,
): void {
  core.u64[(at + L.SEG_BASE) / 8] = BigInt(base);
  core.u32[(at + L.SEG_LIMIT) / 4] = limit;
  core.u32[(at + L.SEG_ATTR) / 4] = attributes;
  core.u32[(at + L.SEG_SELECTOR) / 4] = selector;
  core.u32[(at + L.SEG_NULL) / 4] = (selector & ~3) === 0 ? 1 : 0;
}

/** A core with the tables built, and system registers as Linux sets them; segments are still to be entered. */
export async function createGuest(): Promise<Core> {
  const core = await Core.create(1, HOST);
  buildTables(core);
  core.setNumber64(L.CR0, 0x80050033); // PG AM WP NE ET MP PE
  core.setNumber64(L.CR3, PML4);
  core.setNumber64(L.CR4, 0x506e0); // OSXSAVE FSGSBASE OSXMMEXCPT OSFXSR PGE MCE PAE
  core.setNumber64(L.XCR0, 3);
  core.setNumber64(L.EFER, 0xd01); // NXE LMA LME SCE
  core.u64[L.GDTR_BASE / 8] = GDT;
  core.u32[L.GDTR_LIMIT / 4] = 0x7f;
  core.u64[L.IDTR_BASE / 8] = IDT;
  core.u32[L.IDTR_LIMIT / 4] = 32 * 16 - 1;
  setSegment(core, L.SEG_TR, 0x40, TSS, TSS_LIMIT, 0x008b);
  return core;
}

/** User segments for code of a size. The core's mode is refreshed by the caller. */
export function enterUser(core: Core, mode: Mode): void {
  const attributes = mode === 2 ? CODE64_ATTRIBUTES : mode === 1 ? CODE32_ATTRIBUTES : CODE16_ATTRIBUTES;
  if (mode === 0) setSegment(core, L.SEG_CS, CS16, CODE, CODE_SIZE - 1, attributes);
  else setSegment(core, L.SEG_CS, mode === 2 ? CS64 : CS32, 0, 0xffffffff, attributes);
  for (const segment of [L.SEG_ES, L.SEG_SS, L.SEG_DS]) {
    if (mode === 0) setSegment(core, segment, DS16, DATA, DATA_SIZE - 1, DATA16_ATTRIBUTES);
    else setSegment(core, segment, DS, 0, 0xffffffff, DATA_ATTRIBUTES);
  }
  // Linux gives a process a local descriptor table when it asks for one.
  if (mode === 0) setSegment(core, L.SEG_LDTR, 0x50, LDT, 15, 0x0082);
  else setSegment(core, L.SEG_LDTR, 0, 0, 0, 0);
  setSegment(core, L.SEG_FS, 0, FS_BASE, 0, 0);
  setSegment(core, L.SEG_GS, 0, GS_BASE, 0, 0);
  core.u32[L.CPL / 4] = 3;
}
