/** The stack in force: implicit pushes and pops, whose width comes from the mode and SS.B. Sizes are log2 of bytes. */
import { L, Key } from "../../layout";
import { ldc, stc } from "../mem";
import { R, RSP, W, W16, W32, isCode64, key } from "../state";
import { linearOf } from "./segments";

/** Mask of the bits of RSP that the stack uses. */
export function stackMask(): u64 {
  if (isCode64()) return 0xffffffffffffffff;
  return key() & Key.STACK32 ? 0xffffffff : 0xffff;
}
/** Writes the part of RSP that the stack uses. */
export function setStackPointer(sp: u64): void {
  if (isCode64()) W(RSP, sp);
  else if (key() & Key.STACK32) W32(RSP, <u32>sp);
  else W16(RSP, <u16>sp);
}

/** Value on the stack `offset` bytes above its top, zero-extended. */
export function peek(size: u32, offset: u64): u64 {
  const lin = linearOf(2, (R(RSP) + offset) & stackMask(), <u32>1 << size, false);
  store<u32>(L.STACK_ACCESS, 1);
  let v: u64;
  if (size == 3) v = ldc<u64>(lin);
  else if (size == 2) v = <u64>ldc<u32>(lin);
  else v = <u64>ldc<u16>(lin);
  store<u32>(L.STACK_ACCESS, 0);
  return v;
}
/** Writes `offset` bytes below the top, without moving RSP. */
export function poke(size: u32, offset: u64, value: u64): void {
  const lin = linearOf(2, (R(RSP) - offset) & stackMask(), <u32>1 << size, true);
  store<u32>(L.STACK_ACCESS, 1);
  if (size == 3) stc<u64>(lin, value);
  else if (size == 2) stc<u32>(lin, <u32>value);
  else stc<u16>(lin, <u16>value);
  store<u32>(L.STACK_ACCESS, 0);
}
/** Moves RSP up by that many bytes (down when negative), within the stack's width. */
export function moveStack(bytes: i64): void {
  setStackPointer((R(RSP) + <u64>bytes) & stackMask());
}

export function push(size: u32, value: u64): void {
  const bytes = <u64>1 << size;
  poke(size, bytes, value);
  moveStack(-(<i64>bytes));
}
export function pop(size: u32): u64 {
  const v = peek(size, 0);
  moveStack(<i64>1 << size);
  return v;
}
