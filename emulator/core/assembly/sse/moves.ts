/** Moves between registers and memory, inserts and extracts (SDM vol. 2). */
import { L } from "../../layout";
import { Op, Info } from "../op";
import { stc, probeWrite, wrap } from "../mem";
import { R, W, W32, RDI } from "../state";
import { linearOf } from "../system/segments";
import { Form } from "./forms";
import {
  xmm, setXmm, mm, setMm, enterMmx, low, high, pair, zext, store128, operandAddress, xmmSource, mmSource, generalSource,
} from "./operands";

/** Writes a general register: 64 bits with REX.W, else 32. */
function setGeneral(op: Op, r: usize, v: u64): void {
  if (Info.rexW(op.imm)) W(r, v);
  else W32(r, <u32>v);
}
/** The low `bytes` (4 or 8) of `s` over those of `d`. */
// @ts-ignore: decorator
@inline
function mergeLow(d: v128, s: v128, single: bool): v128 {
  return single ? i32x4.shuffle(s, d, 0, 5, 6, 7) : i64x2.shuffle(s, d, 0, 3);
}

/** 0F 10, 28, 6F, E7 and kin: loads of XMM registers; a scalar one from memory clears the rest. */
export function loadXmm(op: Op, form: u32): void {
  const s = xmmSource(op, form);
  const bytes = form & Form.BYTES;
  setXmm(op.a, bytes == 16 || !Info.isReg(op.imm) ? s : mergeLow(xmm(op.a), s, bytes == 4));
}
/** 0F 11, 29, 2B, 7F and kin: stores of XMM registers. */
export function storeXmm(op: Op, form: u32): void {
  const v = xmm(op.a);
  const bytes = form & Form.BYTES;
  if (Info.isReg(op.imm)) {
    setXmm(op.b, bytes == 16 ? v : mergeLow(xmm(op.b), v, bytes == 4));
    return;
  }
  const lin = operandAddress(op, form);
  if (bytes == 16) store128(lin, v);
  else if (bytes == 8) stc<u64>(lin, low(v));
  else stc<u32>(lin, <u32>low(v));
}

/** 0F 12: MOVLPS, MOVLPD, MOVHLPS, MOVSLDUP, MOVDDUP. */
export function moveLow(op: Op, form: u32): void {
  const s = xmmSource(op, form);
  switch (Info.prefix(op.imm)) {
    case 2: setXmm(op.a, i32x4.shuffle(s, s, 0, 0, 2, 2)); break;
    case 3: setXmm(op.a, i64x2.splat(<i64>low(s))); break;
    default: setXmm(op.a, pair(Info.isReg(op.imm) ? high(s) : low(s), high(xmm(op.a)))); break;
  }
}
/** 0F 16: MOVHPS, MOVHPD, MOVLHPS, MOVSHDUP. */
export function moveHigh(op: Op, form: u32): void {
  const s = xmmSource(op, form);
  if (Info.prefix(op.imm) == 2) setXmm(op.a, i32x4.shuffle(s, s, 1, 1, 3, 3));
  else setXmm(op.a, pair(low(xmm(op.a)), low(s)));
}
/** 0F 13 and 17. */
export function storeHalf(op: Op, form: u32): void {
  const v = xmm(op.a);
  stc<u64>(operandAddress(op, form), Info.opcode(op.imm) == 0x13 ? low(v) : high(v));
}

/** 0F 50 (MOVMSKPS, MOVMSKPD) and D7 (PMOVMSKB). */
export function moveMask(op: Op, form: u32): void {
  let mask: u32;
  if (form & Form.MMX) {
    mask = <u32>i8x16.bitmask(zext(mm(op.b)));
    enterMmx();
  } else if (Info.opcode(op.imm) == 0xd7) mask = <u32>i8x16.bitmask(xmm(op.b));
  else mask = <u32>(Info.prefix(op.imm) ? i64x2.bitmask(xmm(op.b)) : i32x4.bitmask(xmm(op.b)));
  W32(op.a, mask);
}

/** 0F 6E: MOVD and MOVQ from a general register or memory. */
export function moveFromGeneral(op: Op, form: u32): void {
  const v = generalSource(op, form);
  if (form & Form.MMX) setMm(op.a, v);
  else setXmm(op.a, zext(v));
}
/** 0F 7E: MOVD and MOVQ to a general register or memory. */
export function moveToGeneral(op: Op, form: u32): void {
  storeGeneral(op, form, form & Form.MMX ? mm(op.a) : low(xmm(op.a)));
  if (form & Form.MMX) enterMmx();
}
function storeGeneral(op: Op, form: u32, v: u64): void {
  if (Info.isReg(op.imm)) setGeneral(op, op.b, v);
  else if (Info.rexW(op.imm)) stc<u64>(operandAddress(op, form), v);
  else stc<u32>(operandAddress(op, form), <u32>v);
}

/** F3 0F 7E: MOVQ to an XMM register; the upper half becomes zero. */
export function loadQuad(op: Op, form: u32): void {
  setXmm(op.a, zext(low(xmmSource(op, form))));
}
/** 66 0F D6: MOVQ from an XMM register. */
export function storeQuad(op: Op, form: u32): void {
  const v = low(xmm(op.a));
  if (Info.isReg(op.imm)) setXmm(op.b, zext(v));
  else stc<u64>(operandAddress(op, form), v);
}
/** 0F 6F without a prefix. */
export function loadMm(op: Op, form: u32): void {
  setMm(op.a, mmSource(op, form));
}
/** 0F 7F and E7 without a prefix. */
export function storeMm(op: Op, form: u32): void {
  const v = mm(op.a);
  if (Info.isReg(op.imm)) {
    setMm(op.b, v);
    return;
  }
  stc<u64>(operandAddress(op, form), v);
  enterMmx();
}
/** F3 and F2 0F D6: MOVQ2DQ and MOVDQ2Q. */
export function moveBetweenUnits(op: Op): void {
  if (Info.prefix(op.imm) == 2) {
    setXmm(op.a, zext(mm(op.b)));
    enterMmx();
  } else setMm(op.a, low(xmm(op.b)));
}
/** 0F C3: MOVNTI. */
export function storeGeneralDirect(op: Op, form: u32): void {
  const lin = operandAddress(op, form);
  if (Info.rexW(op.imm)) stc<u64>(lin, load<u64>(L.REGS + <usize>op.a));
  else stc<u32>(lin, load<u32>(L.REGS + <usize>op.a));
}

/**
 * 0F F7: MASKMOVQ and MASKMOVDQU: the bytes of `a` whose mask byte in `b` is negative go to DS:rDI. As on AMD's processors
 * all bytes must be writable, whatever the mask, and MASKMOVQ is in MMX state before it faults.
 */
export function maskedStore(op: Op, form: u32): void {
  const mmx = (form & Form.MMX) != 0;
  const bytes: u32 = mmx ? 8 : 16;
  const value = mmx ? zext(mm(op.a)) : xmm(op.a);
  const mask = mmx ? <u32>i8x16.bitmask(zext(mm(op.b))) : <u32>i8x16.bitmask(xmm(op.b));
  if (mmx) enterMmx();
  const asize = Info.asize(op.imm);
  const offset = asize == 3 ? R(RDI) : asize == 2 ? R(RDI) & 0xffffffff : R(RDI) & 0xffff;
  // MASKMOVDQU is two accesses, each with checks of its own.
  const segment = Info.segment(op.imm);
  const first = linearOf(segment, offset, 8, true);
  probeWrite(first, 8);
  if (!mmx) {
    const second = linearOf(segment, offset + 8, 8, true);
    probeWrite(second, 8);
  }
  for (let i: u32 = 0; i < bytes; i++) {
    const half = i < 8 ? low(value) : high(value);
    if ((mask >> i) & 1) stc<u8>(wrap(first + i), <u8>(half >> <u64>((i & 7) << 3)));
  }
}

// ---------------------------------------------------------------- inserts and extracts

/** `v` with the element of 1 << log2 bytes at `index` replaced. */
function insert(d: v128, v: u64, index: u32, log2: u32): v128 {
  const bits = <u64>8 << <u64>log2;
  const mask = bits == 64 ? <u64>-1 : ((<u64>1) << bits) - 1;
  const perHalf: u32 = 8 >> log2;
  const shift = <u64>(index & (perHalf - 1)) * bits;
  const clear = ~(mask << shift);
  const put = (v & mask) << shift;
  return index < perHalf ? pair((low(d) & clear) | put, high(d)) : pair(low(d), (high(d) & clear) | put);
}
function extract(s: v128, index: u32, log2: u32): u64 {
  const bits = <u64>8 << <u64>log2;
  const perHalf: u32 = 8 >> log2;
  const v = (index < perHalf ? low(s) : high(s)) >> (<u64>(index & (perHalf - 1)) * bits);
  return bits == 64 ? v : v & (((<u64>1) << bits) - 1);
}

/** 0F C4: PINSRW. */
export function insertWord(op: Op, form: u32): void {
  const v = generalSource(op, form);
  const index = <u32>op.imm64;
  if (form & Form.MMX) setMm(op.a, low(insert(zext(mm(op.a)), v, index & 3, 1)));
  else setXmm(op.a, insert(xmm(op.a), v, index & 7, 1));
}
/** 0F C5: PEXTRW to a register. */
export function extractWord(op: Op, form: u32): void {
  const index = <u32>op.imm64;
  if (form & Form.MMX) {
    W32(op.a, <u32>extract(zext(mm(op.b)), index & 3, 1));
    enterMmx();
  } else W32(op.a, <u32>extract(xmm(op.b), index & 7, 1));
}

/** 0F3A 14 to 17: PEXTRB, PEXTRW, PEXTRD and PEXTRQ, EXTRACTPS. */
export function extractElement(op: Op, form: u32): void {
  const opcode = Info.opcode(op.imm);
  const log2: u32 = opcode == 0x14 ? 0 : opcode == 0x15 ? 1 : opcode == 0x16 && Info.rexW(op.imm) ? 3 : 2;
  const v = extract(xmm(op.a), <u32>op.imm64 & ((16 >> log2) - 1), log2);
  if (Info.isReg(op.imm)) {
    W(op.b, v);
    return;
  }
  const lin = operandAddress(op, form);
  switch (log2) {
    case 0: stc<u8>(lin, <u8>v); break;
    case 1: stc<u16>(lin, <u16>v); break;
    case 2: stc<u32>(lin, <u32>v); break;
    default: stc<u64>(lin, v); break;
  }
}
/** 0F3A 20 and 22: PINSRB, PINSRD and PINSRQ. */
export function insertElement(op: Op, form: u32): void {
  const log2: u32 = Info.opcode(op.imm) == 0x20 ? 0 : Info.rexW(op.imm) ? 3 : 2;
  const v = generalSource(op, form);
  setXmm(op.a, insert(xmm(op.a), v, <u32>op.imm64 & ((16 >> log2) - 1), log2));
}
/** 0F3A 21: INSERTPS: one single moved into place, and the elements named by bits 0 to 3 cleared. */
export function insertSingle(op: Op, form: u32): void {
  const s = xmmSource(op, form);
  const immediate = <u32>op.imm64;
  const v = extract(s, Info.isReg(op.imm) ? (immediate >> 6) & 3 : 0, 2);
  let r = insert(xmm(op.a), v, (immediate >> 4) & 3, 2);
  for (let i: u32 = 0; i < 4; i++) {
    if ((immediate >> i) & 1) r = insert(r, 0, i, 2);
  }
  setXmm(op.a, r);
}
