/** Addresses on the current stack without moving its pointer. */
import { L, Key } from "../../layout";
import { R, RSP, isCode64 } from "../state";
import { linearOf } from "../system/segments";
import { loadSized, storeSized } from "./operand";

/** Width of the stack pointer, log2 of bytes. */
export function stackSize(): i32 {
  return isCode64() ? 3 : load<u32>(L.KEY) & Key.STACK32 ? 2 : 1;
}
/** Linear address of `size` bytes at stack pointer + delta, checked against SS. */
export function stackAddress(delta: i64, size: u32, write: bool): u64 {
  const offset = R(RSP) + delta;
  if (isCode64()) return offset;
  return linearOf(2, stackSize() == 2 ? <u64><u32>offset : <u64><u16>offset, size, write);
}
/** Value at stack pointer + delta. */
export function peek(size: i32, delta: i64): i64 {
  const lin = stackAddress(delta, 1 << size, false);
  store<u32>(L.STACK_ACCESS, 1);
  const v = loadSized(lin, size);
  store<u32>(L.STACK_ACCESS, 0);
  return v;
}
/** Writes at stack pointer + delta. */
export function poke(size: i32, delta: i64, value: i64): void {
  const lin = stackAddress(delta, 1 << size, true);
  store<u32>(L.STACK_ACCESS, 1);
  storeSized(lin, size, value);
  store<u32>(L.STACK_ACCESS, 0);
}
