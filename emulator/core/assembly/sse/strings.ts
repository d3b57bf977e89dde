/** PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM (SDM vol. 2, 4.1). */
import { L, Fl } from "../../layout";
import { Op, Info } from "../op";
import { R, R32, W32, RAX, RCX, RDX } from "../state";
import { setArith } from "../flags";
import { low, high, pair, zext, xmm, xmmSource } from "./operands";

/** Element `i` of the pair of halves, sign-extended when the control byte says signed; words when it says words. */
function element(lo: u64, hi: u64, i: i32, control: i32): i32 {
  if (control & 1) {
    const word = <u32>((i < 4 ? lo : hi) >> <u64>((i & 3) << 4)) & 0xffff;
    return control & 2 ? <i32><i16>word : word;
  }
  const byte = <u32>((i < 8 ? lo : hi) >> <u64>((i & 7) << 3)) & 0xff;
  return control & 2 ? <i32><i8>byte : byte;
}
/** Elements before the first zero. */
function implicitLength(lo: u64, hi: u64, control: i32, count: i32): i32 {
  let n = 0;
  while (n < count && element(lo, hi, n, control)) n++;
  return n;
}
/** Length from RAX or RDX: its absolute value, at most `count`. */
function explicitLength(r: usize, wide: bool, count: i32): i32 {
  const v = wide ? <i64>R(r) : <i64><i32>R32(r);
  return v > -count && v < count ? <i32>(v < 0 ? -v : v) : count;
}

/** A bit for each element of `b`: what the aggregation says about it against `a`. */
function aggregate(a: v128, aLength: i32, b: v128, bLength: i32, control: i32, count: i32): u32 {
  const alo = low(a);
  const ahi = high(a);
  const blo = low(b);
  const bhi = high(b);
  let bits: u32 = 0;
  for (let j = 0; j < count; j++) {
    let hit = false;
    switch ((control >> 2) & 3) {
      case 0: // equal any
        for (let i = 0; i < aLength && j < bLength; i++) {
          if (element(alo, ahi, i, control) == element(blo, bhi, j, control)) hit = true;
        }
        break;
      case 1: // ranges
        for (let i = 0; i + 1 < aLength && j < bLength; i += 2) {
          const v = element(blo, bhi, j, control);
          if (v >= element(alo, ahi, i, control) && v <= element(alo, ahi, i + 1, control)) hit = true;
        }
        break;
      case 2: // equal each
        if (j >= aLength || j >= bLength) hit = j >= aLength && j >= bLength;
        else hit = element(alo, ahi, j, control) == element(blo, bhi, j, control);
        break;
      default: // equal ordered
        hit = true;
        for (let i = 0; i < aLength && i + j < count; i++) {
          if (i + j >= bLength || element(alo, ahi, i, control) != element(blo, bhi, i + j, control)) hit = false;
        }
        break;
    }
    if (hit) bits |= <u32>1 << j;
  }
  return bits;
}

/** Elements of ones where the bits are set. */
function expand(bits: u32, words: bool): v128 {
  let lo: u64 = 0;
  let hi: u64 = 0;
  for (let i: u32 = 0; i < 8; i++) {
    const shift = <u64>(i << 3);
    if ((bits >> (words ? i >> 1 : i)) & 1) lo |= <u64>0xff << shift;
    if ((bits >> (words ? 4 + (i >> 1) : 8 + i)) & 1) hi |= <u64>0xff << shift;
  }
  return pair(lo, hi);
}

/** Opcodes 0F3A 60 to 63: bit 0 asks for an index, bit 1 for implicit lengths. */
export function execStrings(op: Op, form: u32): void {
  const opcode = Info.opcode(op.imm);
  const control = <i32>op.imm64 & 0xff;
  const count = control & 1 ? 8 : 16;
  const all: u32 = (<u32>1 << count) - 1;
  const b = xmmSource(op, form);
  const a = xmm(op.a);
  let aLength: i32;
  let bLength: i32;
  if (opcode & 2) {
    aLength = implicitLength(low(a), high(a), control, count);
    bLength = implicitLength(low(b), high(b), control, count);
  } else {
    aLength = explicitLength(RAX, Info.rexW(op.imm), count);
    bLength = explicitLength(RDX, Info.rexW(op.imm), count);
  }
  let bits = aggregate(a, aLength, b, bLength, control, count);
  if (control & 0x10) bits ^= control & 0x20 ? (<u32>1 << bLength) - 1 : all;
  if (opcode & 1) {
    const index = !bits ? count : control & 0x40 ? 31 - clz<u32>(bits) : ctz<u32>(bits);
    W32(RCX, index);
  } else v128.store(L.XMM, control & 0x40 ? expand(bits, (control & 1) != 0) : zext(bits));
  setArith(
    (bits ? Fl.CF : 0) | (bLength < count ? Fl.ZF : 0) | (aLength < count ? Fl.SF : 0) | (bits & 1 ? Fl.OF : 0),
  );
}
