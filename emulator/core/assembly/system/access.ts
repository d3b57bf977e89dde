/**
 * Accesses that an instruction or an event makes on the processor's behalf (descriptor tables, TSS, stacks of another
 * privilege level), with rights of their own. In long mode they use 64-bit addresses even while compatibility-mode code
 * runs. A fault leaves TLB_BASE and KEY to be refreshed by its delivery.
 */
import { L, Key } from "../../layout";
import { ldc, stc, probeWrite } from "../mem";
import { isLong } from "../state";

function enter(user: bool): void {
  store<u32>(L.TLB_BASE, user ? L.TLB + L.TLB_SET : L.TLB);
  if (isLong()) store<u32>(L.KEY, (load<u32>(L.KEY) & ~Key.SIZE_MASK) | 2);
}

function leave(base: u32, key: u32): void {
  store<u32>(L.TLB_BASE, base);
  store<u32>(L.KEY, key);
}

/** Load with user or supervisor rights; SMAP applies whatever EFLAGS.AC. */
export function loadAs<T>(lin: u64, user: bool): T {
  const base = load<u32>(L.TLB_BASE);
  const key = load<u32>(L.KEY);
  enter(user);
  const v = ldc<T>(lin);
  leave(base, key);
  return v;
}

export function storeAs<T>(lin: u64, v: T, user: bool): void {
  const base = load<u32>(L.TLB_BASE);
  const key = load<u32>(L.KEY);
  enter(user);
  stc<T>(lin, v);
  leave(base, key);
}

export function loadSystem<T>(lin: u64): T {
  return loadAs<T>(lin, false);
}

export function storeSystem<T>(lin: u64, v: T): void {
  storeAs<T>(lin, v, false);
}

/** Raises the fault that a supervisor write of `size` bytes would raise. */
export function probeSystem(lin: u64, size: u32): void {
  const base = load<u32>(L.TLB_BASE);
  const key = load<u32>(L.KEY);
  enter(false);
  probeWrite(lin, size);
  leave(base, key);
}

/** Linear address in a system table: 64 bits wide in long mode, else it wraps at 4 GiB. */
export function systemLinear(base: u64, offset: u32): u64 {
  const lin = base + offset;
  return isLong() ? lin : <u64><u32>lin;
}
