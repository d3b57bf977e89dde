/**
 * Linear memory: the software TLB, and accesses through it. Fast when an entry's tag equals the page of the access's
 * last byte; anything else (miss, page crossing, device, watched or code page, alignment check) is slow.
 * A tag with SLOW_TAG set is a valid translation that still has to go the slow way.
 */
import { L, Pm, Pi, Fl, Vec, Stat } from "../layout";
import { raiseError, raise } from "./fault";
import { H } from "./handlers.gen";
import { Op, Info, ea } from "./op";
import { g32, isCode64 } from "./state";
import { walk, Access } from "./paging";
import { entry, takeEntry, TlbEntry, SLOW_TAG } from "./tlb";
import { codeWritten } from "./blocks";
import { stopAfterCurrent } from "./control";
import { checkWatch, checkDebugRegisters, watchedPage } from "./watch";

// @ts-ignore: decorator
@external("env", "mmioRead")
declare function mmioRead(phys: u32, size: i32): u32;
// @ts-ignore: decorator
@external("env", "mmioWrite")
declare function mmioWrite(phys: u32, size: i32, value: u32): void;

// @ts-ignore: decorator
@inline const NO_PORT: u32 = 0xffffffff;

/** Page of the last byte, so that a crossing access never matches. */
// @ts-ignore: decorator
@inline
function lastPage<T>(lin: u64): u64 {
  return (lin + (sizeof<T>() - 1)) & ~(<u64>4095);
}

// ---------------------------------------------------------------- accesses with the rights of the running code

/** Loads for a hot operation: stores CUR_OP only on the slow way. */
// @ts-ignore: decorator
@inline
export function ld<T>(lin: u64, op: Op): T {
  const e = entry(lin);
  if (e.rtag == lastPage<T>(lin)) return load<T>(<usize>lin + e.addend);
  store<u32>(L.CUR_OP, changetype<u32>(op));
  return ldSlow<T>(lin);
}
// @ts-ignore: decorator
@inline
export function st<T>(lin: u64, v: T, op: Op): void {
  const e = entry(lin);
  if (e.wtag == lastPage<T>(lin)) {
    store<T>(<usize>lin + e.addend, v);
    return;
  }
  store<u32>(L.CUR_OP, changetype<u32>(op));
  stSlow<T>(lin, v);
}
/** Address in this memory of a read-modify-write operand on the fast way, or 0. Does not set CUR_OP. */
// @ts-ignore: decorator
@inline
export function fastRmw<T>(lin: u64): usize {
  const e = entry(lin);
  return e.wtag == lastPage<T>(lin) ? <usize>(<u32>lin + e.addend) : 0;
}

/** The same for reading: address in this memory when the byte's page is fast, or 0. */
export function fastRead(lin: u64): usize {
  const e = entry(lin);
  return e.rtag == (lin & ~(<u64>4095)) ? <usize>(<u32>lin + e.addend) : 0;
}

/** Loads for a cold operation (CUR_OP is set by the dispatcher). */
export function ldc<T>(lin: u64): T {
  const e = entry(lin);
  if (e.rtag == lastPage<T>(lin)) return load<T>(<usize>lin + e.addend);
  return ldSlow<T>(lin);
}
export function stc<T>(lin: u64, v: T): void {
  const e = entry(lin);
  if (e.wtag == lastPage<T>(lin)) {
    store<T>(<usize>lin + e.addend, v);
    return;
  }
  stSlow<T>(lin, v);
}

/** Raises the fault that a write of `size` bytes would raise, and makes the translation ready; nothing is written. */
export function probeWrite(lin: u64, size: u32): void {
  lin = wrap(lin);
  checkCanonical(lin, size);
  // Larger ones are made of parts, each with an alignment of its own.
  if (size <= 8) checkAlignment(lin, size);
  translate(lin, Access.WRITE);
  const last = wrap(lin + size - 1);
  if ((lin ^ last) & ~(<u64>4095)) translate(last & ~(<u64>4095), Access.WRITE);
}
export function probeRead(lin: u64, size: u32): void {
  lin = wrap(lin);
  checkCanonical(lin, size);
  translate(lin, 0);
  const last = wrap(lin + size - 1);
  if ((lin ^ last) & ~(<u64>4095)) translate(last & ~(<u64>4095), 0);
}

/**
 * For many elements inside one page: address in this memory of the lowest byte `low`, when reading them goes unnoticed,
 * else 0. Raises the fault that the first element, `size` bytes at `lin`, would raise.
 */
export function bulkSource(low: u64, lin: u64, size: u32): usize {
  const page = low & ~(<u64>4095);
  const e = entry(low);
  if (e.rtag != page) {
    probeRead(lin, size);
    if (e.rtag != page) return 0;
  }
  return <usize>(<u32>low + e.addend);
}
/** The same for writing `bytes` bytes from `low` on. They are taken as written. */
export function bulkTarget(low: u64, lin: u64, size: u32, bytes: u32): usize {
  const page = low & ~(<u64>4095);
  const e = entry(low);
  if (e.wtag != page) {
    probeWrite(lin, size);
    if (e.wtag != page) return besideCode(e, low, bytes);
  }
  return <usize>(<u32>low + e.addend);
}
/** Memory whose writes are slow for no other reason than code somewhere else in the page, else 0. */
function besideCode(e: TlbEntry, low: u64, bytes: u32): usize {
  const phys = physOf(e, low);
  const m = load<u32>(L.PAGE_MAP + ((<usize>phys >> 12) << 2));
  if (!(m & Pm.WRITE) || !mayBeFast(e, low) || holdsCode(phys, bytes)) return 0;
  touched(phys, bytes);
  return <usize>((m & ~4095) + (phys & 4095));
}

// ---------------------------------------------------------------- accesses with given rights (tables, other stacks)

/** Runs with supervisor rights (implicit accesses: descriptor tables, TSS); SMAP applies whatever EFLAGS.AC. */
export function ldSys<T>(lin: u64): T {
  return ldAs<T>(lin, false);
}
export function stSys<T>(lin: u64, v: T): void {
  stAs<T>(lin, v, false);
}
/** Load with user (true) or supervisor rights. A fault leaves TLB_BASE to be refreshed by its delivery. */
export function ldAs<T>(lin: u64, user: bool): T {
  const saved = load<u32>(L.TLB_BASE);
  store<u32>(L.TLB_BASE, user ? L.TLB + L.TLB_SET : L.TLB);
  const v = ldc<T>(lin);
  store<u32>(L.TLB_BASE, saved);
  return v;
}
export function stAs<T>(lin: u64, v: T, user: bool): void {
  const saved = load<u32>(L.TLB_BASE);
  store<u32>(L.TLB_BASE, user ? L.TLB + L.TLB_SET : L.TLB);
  stc<T>(lin, v);
  store<u32>(L.TLB_BASE, saved);
}

// ---------------------------------------------------------------- physical memory (no paging, no rights)

/** All ones where there is no memory. */
export function ldPhys<T>(phys: u64): T {
  if (phys >> 32) return <T>-1;
  const p = <u32>phys & load<u32>(L.A20_MASK);
  const m = load<u32>(L.PAGE_MAP + ((<usize>p >> 12) << 2));
  if (!(m & Pm.READ)) return <T>-1;
  return load<T>(<usize>((m & ~4095) + (p & 4095)));
}
/** For page table entries: aligned, so never across pages. */
export function stPhys<T>(phys: u64, v: T): void {
  if (phys >> 32) return;
  const p = <u32>phys & load<u32>(L.A20_MASK);
  const m = load<u32>(L.PAGE_MAP + ((<usize>p >> 12) << 2));
  if (!(m & Pm.WRITE)) return;
  touched(p, sizeof<T>());
  store<T>(<usize>((m & ~4095) + (p & 4095)), v);
}
/** Whether code lies in a physical range inside one page, or within 64 bytes of it. */
function holdsCode(phys: u32, size: u32): bool {
  const first = <u64>((phys & 4095) >> 6);
  const last = <u64>(((phys & 4095) + size - 1) >> 6);
  const pieces = (u64.MAX_VALUE >> (63 - (last - first))) << first;
  return (load<u64>(L.PAGE_INFO + ((<usize>phys >> 12) << 4) + 8) & pieces) != 0;
}
/** Marks a physical range inside one page dirty, and drops code decoded from it. */
export function touched(phys: u32, size: u32): void {
  const info = L.PAGE_INFO + ((<usize>phys >> 12) << 4);
  store<u32>(info + 4, load<u32>(info + 4) | Pi.DIRTY);
  if (load<u32>(info)) writtenBesideCode(phys, size);
}
/** Stacks and variables next to code are written over and over: whether code lies there is found out once. */
function writtenBesideCode(phys: u32, size: u32): void {
  const known = L.DATA_STORES + (<usize>((phys ^ (phys >> 12)) & (L.DATA_STORES_COUNT - 1)) << 4);
  const info = L.PAGE_INFO + ((<usize>phys >> 12) << 4);
  // Blocks only vanish from a page until a new one comes first.
  const arena = load<u32>(L.STATS + Stat.ARENA_FLUSHES);
  if (load<u32>(known) == phys && load<u32>(known + 4) == size && load<u32>(known + 8) == load<u32>(info) && load<u32>(known + 12) == arena) return;
  codeWritten(phys, size);
  store<u32>(known, phys);
  store<u32>(known + 4, size);
  store<u32>(known + 8, load<u32>(info));
  store<u32>(known + 12, arena);
}

// ---------------------------------------------------------------- the slow way

/** In 64-bit mode an address is canonical or faults; elsewhere it wraps at 4 GiB. */
// @ts-ignore: decorator
@inline
export function wrap(lin: u64): u64 {
  return isCode64() ? lin : <u64><u32>lin;
}
// @ts-ignore: decorator
@inline
export function isCanonical(lin: u64): bool {
  return <i64>(lin << 16) >> 16 == <i64>lin;
}
function checkCanonical(lin: u64, size: u32): void {
  if (!isCode64()) return;
  if (!isCanonical(lin) || !isCanonical(lin + size - 1)) canonicalFault();
}
/** #SS when the operand is addressed by RSP or RBP, else #GP (SDM vol. 3, 6.15). */
function canonicalFault(): void {
  const op = changetype<Op>(load<u32>(L.CUR_OP));
  const cold = op.h == H.INTEGER || op.h == H.SSE || op.h == H.X87 || op.h == H.INTEGER_END || op.h == H.SYSTEM;
  // With a register as rm operand the access is an implied one, and not by RSP or RBP.
  const onStack = (op.b == 32 || op.b == 40) && !(cold && Info.isReg(op.imm));
  raiseError(load<u32>(L.STACK_ACCESS) || onStack ? Vec.SS : Vec.GP, 0);
}

/** The entry that translates `lin` for the access, filled if need be; raises #PF. */
export function translate(lin: u64, access: u32): TlbEntry {
  const e = entry(lin);
  const page = lin & ~(<u64>4095);
  const tag = access & Access.WRITE ? e.wtag : access & Access.EXEC ? e.xtag : e.rtag;
  if ((tag & ~SLOW_TAG) == page) return e;
  return fill(lin, access);
}

/** Walks and fills the entry in force for `lin`. */
export function fill(lin: u64, access: u32): TlbEntry {
  store<u64>(L.STATS + Stat.TLB_FILLS, load<u64>(L.STATS + Stat.TLB_FILLS) + 1);
  const set = load<u32>(L.TLB_BASE);
  const user = set == L.TLB + L.TLB_SET || set == L.TLB + 3 * L.TLB_SET;
  if (user) access |= Access.USER;
  else if (set == L.TLB + 2 * L.TLB_SET) access |= Access.SMAP_LIFTED;
  const phys = walk(lin, access);
  const page = lin & ~(<u64>4095);
  const e = entry(lin);
  const ppage = <u32>phys & ~4095;
  const beyond = (phys >> 32) != 0;
  takeEntry(e, page, ppage, load<u32>(L.WALK_GLOBAL) != 0);
  const m = beyond ? 0 : load<u32>(L.PAGE_MAP + ((<usize>ppage >> 12) << 2));
  const info = L.PAGE_INFO + ((<usize>ppage >> 12) << 4);
  const flags = load<u32>(info + 4);
  e.addend = (m & ~4095) - <u32>page;
  let slow: u64 = set == L.TLB + 3 * L.TLB_SET || watchedPage(page, ppage) || debugPage(page) ? SLOW_TAG : 0;
  if (access & Access.EXEC) e.xtag = page;
  else {
    e.rtag = page | slow | (m & Pm.READ ? 0 : SLOW_TAG);
    if (access & Access.WRITE) {
      if (!(m & Pm.WRITE) || load<u32>(info) != 0) slow = SLOW_TAG;
      else store<u32>(info + 4, flags | Pi.DIRTY);
      e.wtag = page | slow;
    }
  }
  if (beyond) {
    // Nothing lies there, and phys cannot hold it: device reads of an address that no device claims.
    e.phys = 0xfffff000;
    e.rtag |= SLOW_TAG;
    e.wtag |= SLOW_TAG;
  }
  return e;
}

/** Whether an enabled data breakpoint of the debug registers lies in this linear page. */
function debugPage(page: u64): bool {
  const dr7 = <u32>load<u64>(L.DR + 56);
  if (!(dr7 & 0xff)) return false;
  for (let i: u32 = 0; i < 4; i++) {
    if (dr7 & (3 << (i * 2)) && (dr7 >> (16 + i * 4)) & 3) {
      if (((load<u64>(L.DR + i * 8) ^ page) & ~(<u64>4095)) == 0) return true;
    }
  }
  return false;
}

/** Physical address for a byte access. */
// @ts-ignore: decorator
@inline
function physOf(e: TlbEntry, lin: u64): u32 {
  return e.phys | (<u32>lin & 4095);
}

/** What an access checks before any translation: canonical form, and the alignment (a power of two) where #AC is asked for. */
export function checkOperand(lin: u64, size: u32, alignment: u32): void {
  checkCanonical(lin, size);
  checkAlignment(lin, alignment);
}
function checkAlignment(lin: u64, size: u32): void {
  if (load<u32>(L.TLB_BASE) == L.TLB + 3 * L.TLB_SET && lin & (size - 1)) raiseError(Vec.AC, 0);
}

function observe(lin: u64, phys: u32, size: u32, write: bool): void {
  if (load<u32>(L.WATCHPOINTS)) checkWatch(lin, phys, size, write);
  if (<u32>load<u64>(L.DR + 56) & 0xff) checkDebugRegisters(lin, size, write);
}

export function ldSlow<T>(lin: u64): T {
  lin = wrap(lin);
  checkCanonical(lin, sizeof<T>());
  checkAlignment(lin, sizeof<T>());
  const last = wrap(lin + sizeof<T>() - 1);
  if ((lin ^ last) & ~(<u64>4095)) {
    // Both pages must be readable before anything is observed.
    translate(lin, 0);
    translate(last & ~(<u64>4095), 0);
    let v: u64 = 0;
    for (let i: u64 = 0; i < sizeof<T>(); i++) v |= <u64>ldSlow<u8>(wrap(lin + i)) << (8 * i);
    return fromBits<T>(v);
  }
  const e = translate(lin, 0);
  if (!(e.rtag & SLOW_TAG)) return load<T>(<usize>(<u32>lin + e.addend));
  const phys = physOf(e, lin);
  observe(lin, phys, sizeof<T>(), false);
  const m = load<u32>(L.PAGE_MAP + ((<usize>phys >> 12) << 2));
  if (m & Pm.READ) return load<T>(<usize>((m & ~4095) + (phys & 4095)));
  return deviceLoad<T>(phys);
}

export function stSlow<T>(lin: u64, v: T): void {
  lin = wrap(lin);
  checkCanonical(lin, sizeof<T>());
  checkAlignment(lin, sizeof<T>());
  const last = wrap(lin + sizeof<T>() - 1);
  if ((lin ^ last) & ~(<u64>4095)) {
    translate(lin, Access.WRITE);
    translate(last & ~(<u64>4095), Access.WRITE);
    const bits = toBits<T>(v);
    for (let i: u64 = 0; i < sizeof<T>(); i++) stSlow<u8>(wrap(lin + i), <u8>(bits >> (8 * i)));
    return;
  }
  const e = translate(lin, Access.WRITE);
  if (!(e.wtag & SLOW_TAG)) {
    store<T>(<usize>(<u32>lin + e.addend), v);
    return;
  }
  store<u64>(L.STATS + Stat.SLOW_STORES, load<u64>(L.STATS + Stat.SLOW_STORES) + 1);
  const phys = physOf(e, lin);
  observe(lin, phys, sizeof<T>(), true);
  const m = load<u32>(L.PAGE_MAP + ((<usize>phys >> 12) << 2));
  if (m & Pm.WRITE) {
    const at = <usize>((m & ~4095) + (phys & 4095));
    // Loaders write the same number into an instruction before each call of the BIOS.
    if (toBits<T>(load<T>(at)) != toBits<T>(v)) {
      touched(phys, sizeof<T>());
      store<T>(at, v);
    }
    refreshWriteTag(e, phys);
  } else deviceStore<T>(phys, v);
}

/** Once a page holds no code any more, its writes may be fast again. */
function refreshWriteTag(e: TlbEntry, phys: u32): void {
  const info = L.PAGE_INFO + ((<usize>phys >> 12) << 4);
  if (!load<u32>(info) && mayBeFast(e, e.wtag)) e.wtag &= ~SLOW_TAG;
}
/** Whether nothing but code makes the writes of the page at `lin` slow. */
function mayBeFast(e: TlbEntry, lin: u64): bool {
  const page = lin & ~(<u64>4095);
  return load<u32>(L.TLB_BASE) != L.TLB + 3 * L.TLB_SET && !watchedPage(page, e.phys) && !debugPage(page);
}

/** The host may have asked for attention (an interrupt line moved): honour it right after this instruction. */
function afterDevice(): void {
  if (g32(L.ATTENTION)) stopAfterCurrent();
}

function deviceLoad<T>(phys: u32): T {
  noteTime();
  let v: u64;
  if (sizeof<T>() == 8) v = <u64>mmioRead(phys, 4) | (<u64>mmioRead(phys + 4, 4) << 32);
  else v = <u64>mmioRead(phys, sizeof<T>());
  afterDevice();
  return fromBits<T>(v);
}
function deviceStore<T>(phys: u32, value: T): void {
  noteTime();
  const bits = toBits<T>(value);
  if (sizeof<T>() == 8) {
    mmioWrite(phys, 4, <u32>bits);
    mmioWrite(phys + 4, 4, <u32>(bits >> 32));
  } else mmioWrite(phys, sizeof<T>(), <u32>bits);
  afterDevice();
}

/** Guest time at the executing operation, nanoseconds. */
export function guestTime(): f64 {
  const op = changetype<Op>(load<u32>(L.CUR_OP));
  return <f64>(load<u64>(L.TARGET) - <i64>load<i32>(L.BUDGET) - <u64>op.rem + load<u64>(L.SKEW));
}
/** The same told to the host's devices, one of which is about to be asked. */
export function noteTime(): void {
  store<f64>(L.NOW, guestTime());
  store<u32>(L.PORT_HOLD, NO_PORT);
}

// @ts-ignore: decorator
@inline
function fromBits<T>(v: u64): T {
  if (isFloat<T>()) return sizeof<T>() == 8 ? <T>reinterpret<f64>(v) : <T>reinterpret<f32>(<u32>v);
  return <T>v;
}
// @ts-ignore: decorator
@inline
function toBits<T>(v: T): u64 {
  if (isFloat<T>()) return sizeof<T>() == 8 ? reinterpret<u64>(<f64>v) : <u64>reinterpret<u32>(<f32>v);
  return <u64>v;
}
