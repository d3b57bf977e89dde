/** Bit tests, scans, counts, byte swap, and the decimal adjustments. */
import { Vec } from "../../layout";
import { Op, Info, ea } from "../op";
import { R, R8, R16, W16, W8, RAX } from "../state";
import { arithFlags, setArith, setResult, getCF } from "../flags";
import { setCarry } from "../hot";
import { raise } from "../fault";
import { probeWrite } from "../mem";
import { getReg, setReg, readRm, loadSized, storeSized, shiftedAddress, unsigned } from "./operand";

/** BT BTS BTR BTC (kind 0 to 3). With a register offset and a memory operand the bit may lie far outside the operand. */
export function bitOp(op: Op, kind: i32, immediate: bool): void {
  const size = Info.osize(op.imm);
  const bits = 8 << size;
  const offset = immediate ? op.imm64 : getReg(op.a, size);
  const bit = offset & <i64>(bits - 1);
  const mask = <i64>1 << bit;
  let lin: u64 = 0;
  let v: i64;
  const memory = !Info.isReg(op.imm);
  if (memory) {
    lin = immediate ? ea(op) : shiftedAddress(op, (offset >> (3 + size)) << size, size, kind != 0);
    if (kind) probeWrite(lin, 1 << size);
    v = loadSized(lin, size);
  } else v = getReg(op.b, size);
  const c = (v & mask) != 0;
  switch (kind) {
    case 1: v |= mask; break;
    case 2: v &= ~mask; break;
    case 3: v ^= mask; break;
  }
  if (kind) {
    if (memory) storeSized(lin, size, v);
    else setReg(op.b, size, v);
  }
  setCarry(c ? 1 : 0);
}
/** BSF and BSR: destination unchanged for 0 (as AMD documents). */
export function bitScan(op: Op, reverse: bool): void {
  const size = Info.osize(op.imm);
  const v = unsigned(readRm(op, size), size);
  if (v == 0) {
    setArith(arithFlags() | 0x40);
    return;
  }
  setReg(op.a, size, reverse ? 63 - clz<u64>(v) : ctz<u64>(v));
  setArith(arithFlags() & ~0x40);
}
export function populationCount(op: Op): void {
  const size = Info.osize(op.imm);
  const v = unsigned(readRm(op, size), size);
  setReg(op.a, size, popcnt<u64>(v));
  setArith(v ? 0 : 0x40);
}

// ---- decimal adjustments (SDM vol. 2)
export function daa(subtract: bool): void {
  const al = <u32>R8(RAX);
  const flags = arithFlags();
  let r = al;
  let c: u32 = 0;
  let a: u32 = 0;
  if ((al & 15) > 9 || flags & 0x10) {
    r = subtract ? r - 6 : r + 6;
    c = (flags & 1) | (subtract ? (al < 6 ? 1 : 0) : r > 255 ? 1 : 0);
    a = 0x10;
  }
  if (al > 0x99 || flags & 1) {
    r = subtract ? r - 0x60 : r + 0x60;
    c = 1;
  }
  W8(RAX, <u8>r);
  setResult(c | a, <i64><i8>r);
}
export function aaa(subtract: bool): void {
  const flags = arithFlags();
  let ax = <u32>R16(RAX);
  let out: u32 = 0;
  if ((ax & 15) > 9 || flags & 0x10) {
    ax = subtract ? ax - 0x106 : ax + 0x106;
    out = 0x11;
  }
  ax = (ax & 0xff00) | (ax & 15);
  W16(RAX, <u16>ax);
  setResult(out, <i64><i8>ax);
}
export function aam(base: u32): void {
  if (base == 0) raise(Vec.DE);
  const al = <u32>R8(RAX);
  W16(RAX, <u16>(((al / base) << 8) | al % base));
  setResult(0, <i64><i8>(al % base));
}
export function aad(base: u32): void {
  const ax = <u32>R16(RAX);
  const r = ((ax >> 8) * base + (ax & 255)) & 255;
  W16(RAX, <u16>r);
  setResult(0, <i64><i8>r);
}
/** SALC (undocumented): AL = CF ? FF : 0. */
export function salc(): void {
  W8(RAX, getCF() ? 0xff : 0);
}
/** SAHF: SF ZF AF PF CF from AH. */
export function sahf(): void {
  setArith((arithFlags() & 0x800) | (<u32>(R(RAX) >> 8) & 0xd5));
}
export function lahf(): void {
  W8(RAX + 1, <u8>(arithFlags() | 2));
}
