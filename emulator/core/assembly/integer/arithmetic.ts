/** Addition and logic of every size, compare-exchange, multiplication and division. */
import { Vec } from "../../layout";
import { Op, Info, ea } from "../op";
import { R, W, RAX, RCX, RDX, RBX } from "../state";
import * as alu from "../alu";
import { mulFlags } from "../alu";
import { mulHigh, mulHighSigned } from "../wide-multiply";
import { arithFlags, setArith } from "../flags";
import { ldc, stc, probeWrite } from "../mem";
import { raise, raiseGP } from "../fault";
import { getReg, setReg, readRm, readRmForWrite, writeRm, unsigned, signed } from "./operand";

// @ts-ignore: decorator
@inline
function typed<T>(kind: i32, a: i64, b: i64): i64 {
  switch (kind) {
    case 0: return <i64>alu.add<T>(<T>a, <T>b);
    case 1: return <i64>alu.or<T>(<T>a, <T>b);
    case 2: return <i64>alu.adc<T>(<T>a, <T>b);
    case 3: return <i64>alu.sbb<T>(<T>a, <T>b);
    case 4: return <i64>alu.and<T>(<T>a, <T>b);
    case 6: return <i64>alu.xor<T>(<T>a, <T>b);
    default: return <i64>alu.sub<T>(<T>a, <T>b);
  }
}
/** ADD OR ADC SBB AND SUB XOR CMP by their number in the encoding. */
export function aluSized(kind: i32, size: i32, a: i64, b: i64): i64 {
  switch (size) {
    case 0: return typed<i8>(kind, a, b);
    case 1: return typed<i16>(kind, a, b);
    case 2: return typed<i32>(kind, a, b);
    default: return typed<i64>(kind, a, b);
  }
}

/** Opcodes 00 to 3D: form 0 Eb,Gb 1 Ev,Gv 2 Gb,Eb 3 Gv,Ev 4 AL,Ib 5 eAX,Iz. */
export function aluOpcode(op: Op, opcode: i32): void {
  const kind = opcode >> 3;
  const form = opcode & 7;
  const size = form & 1 ? Info.osize(op.imm) : 0;
  if (form >= 4) {
    const r = aluSized(kind, size, getReg(RAX, size), op.imm64);
    if (kind != 7) setReg(RAX, size, r);
  } else if (form >= 2) {
    const b = readRm(op, size);
    const r = aluSized(kind, size, getReg(op.a, size), b);
    if (kind != 7) setReg(op.a, size, r);
  } else toRm(op, kind, size, getReg(op.a, size));
}
/** Group 1, opcodes 80 to 83. */
export function aluGroup(op: Op, opcode: i32): void {
  toRm(op, Info.reg(op.imm), opcode & 1 ? Info.osize(op.imm) : 0, op.imm64);
}
function toRm(op: Op, kind: i32, size: i32, b: i64): void {
  if (kind == 7) {
    aluSized(kind, size, readRm(op, size), b);
    return;
  }
  const a = readRmForWrite(op, size);
  writeRm(op, size, aluSized(kind, size, a, b));
}
export function testSized(size: i32, a: i64, b: i64): void {
  aluSized(4, size, a, b);
}

/** Group 3 (F6, F7): TEST NOT NEG MUL IMUL DIV IDIV. */
export function group3(op: Op, opcode: i32): void {
  const size = opcode & 1 ? Info.osize(op.imm) : 0;
  switch (Info.reg(op.imm)) {
    case 0: case 1: testSized(size, readRm(op, size), op.imm64); break;
    case 2: writeRm(op, size, ~readRmForWrite(op, size)); break;
    case 3: writeRm(op, size, aluSized(5, size, 0, readRmForWrite(op, size))); break;
    case 4: multiply(size, readRm(op, size)); break;
    case 5: multiplySigned(size, readRm(op, size)); break;
    case 6: divide(size, readRm(op, size)); break;
    default: divideSigned(size, readRm(op, size)); break;
  }
}
/** INC and DEC (FE, FF, and 40 to 4F outside 64-bit mode). */
export function incDec(size: i32, down: bool, a: i64): i64 {
  switch (size) {
    case 0: return <i64>(down ? alu.dec<i8>(<i8>a) : alu.inc<i8>(<i8>a));
    case 1: return <i64>(down ? alu.dec<i16>(<i16>a) : alu.inc<i16>(<i16>a));
    case 2: return <i64>(down ? alu.dec<i32>(<i32>a) : alu.inc<i32>(<i32>a));
    default: return down ? alu.dec<i64>(a) : alu.inc<i64>(a);
  }
}
export function incDecRm(op: Op, size: i32): void {
  const a = readRmForWrite(op, size);
  writeRm(op, size, incDec(size, Info.reg(op.imm) == 1, a));
}

function multiply(size: i32, v: i64): void {
  if (size == 3) {
    const a = R(RAX);
    const high = mulHigh(a, v);
    W(RAX, a * v);
    W(RDX, high);
    mulFlags(high != 0, a * v);
    return;
  }
  const p = unsigned(getReg(RAX, size), size) * unsigned(v, size);
  const high = p >> (8 << size);
  storeProduct(size, p);
  mulFlags(high != 0, signed(p, size));
}
function multiplySigned(size: i32, v: i64): void {
  if (size == 3) {
    const a = <i64>R(RAX);
    const low = a * v;
    const high = mulHighSigned(a, v);
    W(RAX, low);
    W(RDX, high);
    mulFlags(high != low >> 63, low);
    return;
  }
  const p = getReg(RAX, size) * v;
  storeProduct(size, p);
  mulFlags(signed(p, size) != p, signed(p, size));
}
function storeProduct(size: i32, p: i64): void {
  if (size == 0) setReg(RAX, 1, p);
  else {
    setReg(RAX, size, p);
    setReg(RDX, size, p >> (8 << size));
  }
}
/** IMUL r, r/m and IMUL r, r/m, imm. */
export function multiplyTo(op: Op, size: i32, a: i64, b: i64): void {
  let r = a * b;
  let overflow: bool;
  if (size == 3) overflow = mulHighSigned(a, b) != r >> 63;
  else {
    const cut = signed(r, size);
    overflow = cut != r;
    r = cut;
  }
  setReg(op.a, size, r);
  mulFlags(overflow, r);
}

function divide(size: i32, v: i64): void {
  const d = unsigned(v, size);
  if (d == 0) raise(Vec.DE);
  if (size == 3) {
    divide128(d);
    return;
  }
  const shift = 8 << size;
  const n = size == 0 ? <u64>(<u16>R(RAX)) : unsigned(getReg(RAX, size), size) | (unsigned(getReg(RDX, size), size) << shift);
  const q = n / d;
  if (q >> shift) raise(Vec.DE);
  storeQuotient(size, q, n % d);
}
function divideSigned(size: i32, v: i64): void {
  if (v == 0) raise(Vec.DE);
  if (size == 3) {
    divide128Signed(v);
    return;
  }
  const n = size == 0 ? <i64>(<i16>R(RAX)) : size == 1 ? <i64>(<i32>(<u32><u16>R(RAX) | (<u32>R(RDX) << 16))) : <i64>(<u64><u32>R(RAX) | (R(RDX) << 32));
  // The one quotient that 64 bits do not hold.
  if (v == -1 && n == i64.MIN_VALUE) raise(Vec.DE);
  const q = n / v;
  if (signed(q, size) != q) raise(Vec.DE);
  storeQuotient(size, q, n % v);
}
function storeQuotient(size: i32, q: i64, r: i64): void {
  if (size == 0) setReg(RAX, 1, (q & 0xff) | ((r & 0xff) << 8));
  else {
    setReg(RAX, size, q);
    setReg(RDX, size, r);
  }
}

let remainder: u64 = 0;
/** Quotient of high:low by d, where high < d; leaves `remainder`. Long division, 64 steps unless the high half is 0. */
function divideWide(high: u64, low: u64, d: u64): u64 {
  if (high == 0) {
    remainder = low % d;
    return low / d;
  }
  let r = high;
  let q: u64 = 0;
  for (let i = 63; i >= 0; i--) {
    const top = r >> 63;
    r = (r << 1) | ((low >> i) & 1);
    q <<= 1;
    if (top || r >= d) {
      r -= d;
      q |= 1;
    }
  }
  remainder = r;
  return q;
}
function divide128(d: u64): void {
  const high = R(RDX);
  if (high >= d) raise(Vec.DE);
  const q = divideWide(high, R(RAX), d);
  W(RAX, q);
  W(RDX, remainder);
}
function divide128Signed(v: i64): void {
  let high = R(RDX);
  let low = R(RAX);
  const negative = <i64>high < 0;
  if (negative) {
    low = 0 - low;
    high = ~high + (low == 0 ? 1 : 0);
  }
  const d = v < 0 ? <u64>(0 - v) : <u64>v;
  if (high >= d) raise(Vec.DE);
  const q = divideWide(high, low, d);
  const flip = negative != v < 0;
  if (flip ? q > 0x8000000000000000 : q > 0x7fffffffffffffff) raise(Vec.DE);
  W(RAX, flip ? 0 - q : q);
  W(RDX, negative ? 0 - remainder : remainder);
}

export function xadd(op: Op, size: i32): void {
  const a = readRmForWrite(op, size);
  const b = getReg(op.a, size);
  const sum = aluSized(0, size, a, b);
  if (Info.isReg(op.imm)) {
    setReg(op.a, size, a);
    setReg(op.b, size, sum);
  } else {
    writeRm(op, size, sum);
    setReg(op.a, size, a);
  }
}
/** The destination is written in any case (with its own value when unequal), as the processor does. */
export function cmpxchg(op: Op, size: i32): void {
  const a = readRmForWrite(op, size);
  const acc = getReg(RAX, size);
  aluSized(5, size, acc, a);
  if (acc == a) writeRm(op, size, getReg(op.a, size));
  else {
    if (!Info.isReg(op.imm)) writeRm(op, size, a);
    setReg(RAX, size, a);
  }
}
/** CMPXCHG8B and CMPXCHG16B; only ZF changes. */
export function cmpxchgPair(op: Op): void {
  const lin = ea(op);
  const wide = Info.rexW(op.imm);
  if (wide && lin & 15) raiseGP(0);
  probeWrite(lin, wide ? 16 : 8);
  const flags = arithFlags() & ~0x40;
  if (wide) {
    const low = ldc<u64>(lin), high = ldc<u64>(lin + 8);
    if (low == R(RAX) && high == R(RDX)) {
      stc<u64>(lin, R(RBX));
      stc<u64>(lin + 8, R(RCX));
      setArith(flags | 0x40);
    } else {
      stc<u64>(lin, low);
      stc<u64>(lin + 8, high);
      W(RAX, low);
      W(RDX, high);
      setArith(flags);
    }
    return;
  }
  const v = ldc<u64>(lin);
  if (v == (<u64><u32>R(RAX) | (R(RDX) << 32))) {
    stc<u64>(lin, <u64><u32>R(RBX) | (R(RCX) << 32));
    setArith(flags | 0x40);
  } else {
    stc<u64>(lin, v);
    W(RAX, v & 0xffffffff);
    W(RDX, v >> 32);
    setArith(flags);
  }
}
