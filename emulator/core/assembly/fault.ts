/**
 * Exceptions. A fault stores what is to be raised and unwinds to the host by a call that throws; the host then calls
 * `deliverFault` (system/interrupt.ts). Nothing of the faulting instruction may have been committed before.
 */
import { L, Vec } from "../layout";

/** Throws in the host; never returns. */
// @ts-ignore: decorator
@external("env", "unwind")
declare function unwind(): void;

/** Raises an exception without an error code at the executing operation (CUR_OP). */
export function raise(vector: u32): void {
  store<u32>(L.EXC_VECTOR, vector);
  store<u32>(L.EXC_ERROR, 0);
  store<u32>(L.EXC_HAS_ERROR, 0);
  unwind();
}

/** Raises an exception with an error code (DF, TS, NP, SS, GP, PF, AC). */
export function raiseError(vector: u32, error: u32): void {
  store<u32>(L.EXC_VECTOR, vector);
  store<u32>(L.EXC_ERROR, error);
  store<u32>(L.EXC_HAS_ERROR, 1);
  unwind();
}

export function raiseUD(): void {
  raise(Vec.UD);
}

/** General protection with a selector or 0. */
export function raiseGP(error: u32): void {
  raiseError(Vec.GP, error);
}
