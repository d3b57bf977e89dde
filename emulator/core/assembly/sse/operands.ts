/** Registers and memory operands of MMX and SSE instructions, and whether the unit may be used at all. */
import { L, Vec } from "../../layout";
import { Op, Info, ea } from "../op";
import { checkOperand, ldc, stc, fastRead, fastRmw, probeRead, probeWrite, wrap } from "../mem";
import { raise, raiseGP, raiseUD } from "../fault";
import { R, R32 } from "../state";
import { Form, operandBytes } from "./forms";

// ---- XMM registers; `r` is the operand's offset in the general register file, as in Op
// @ts-ignore: decorator
@inline export function xmmAddress(r: usize): usize { return L.XMM + (r << 1); }
// @ts-ignore: decorator
@inline export function xmm(r: usize): v128 { return v128.load(xmmAddress(r)); }
// @ts-ignore: decorator
@inline export function setXmm(r: usize, v: v128): void { v128.store(xmmAddress(r), v); }

// ---- MMX registers: mantissas of the physical x87 registers; REX does not extend their numbers
// @ts-ignore: decorator
@inline function mmAddress(r: usize): usize { return L.FPU_REGS + ((r & 56) << 1); }
// @ts-ignore: decorator
@inline export function mm(r: usize): u64 { return load<u64>(mmAddress(r)); }
/** Writes a register, with the x87 exponent field that this leaves, and enters MMX state. */
export function setMm(r: usize, v: u64): void {
  const at = mmAddress(r);
  store<u64>(at, v);
  store<u16>(at + 8, 0xffff);
  enterMmx();
}
/** Any MMX instruction but EMMS: TOP = 0, all registers in use (SDM vol. 1, 9.5.1). */
export function enterMmx(): void {
  store<u32>(L.FPU_SW, load<u32>(L.FPU_SW) & ~0x3800);
  store<u32>(L.FPU_TAG, 0xff);
}

// ---- values
// @ts-ignore: decorator
@inline export function low(v: v128): u64 { return <u64>i64x2.extract_lane(v, 0); }
// @ts-ignore: decorator
@inline export function high(v: v128): u64 { return <u64>i64x2.extract_lane(v, 1); }
// @ts-ignore: decorator
@inline
export function pair(lo: u64, hi: u64): v128 {
  return i64x2.replace_lane(i64x2.splat(<i64>lo), 1, <i64>hi);
}
/** The value with zeros above. */
// @ts-ignore: decorator
@inline
export function zext(lo: u64): v128 {
  return i64x2.replace_lane(i64x2.splat(0), 0, <i64>lo);
}

// ---- 16 bytes of memory; where they cross into another page, that one must be accessible before anything happens
export function load128(lin: u64): v128 {
  const crosses = (lin & 4095) > 4080;
  if (!crosses) {
    const at = fastRead(lin);
    if (at) return v128.load(at);
  }
  checkOperand(lin, 16, 16);
  if (crosses) probeRead(lin, 16);
  const lo = ldc<u64>(lin);
  return pair(lo, ldc<u64>(wrap(lin + 8)));
}
export function store128(lin: u64, v: v128): void {
  const at = fastRmw<v128>(lin);
  if (at) {
    v128.store(at, v);
    return;
  }
  checkOperand(lin, 16, 16);
  if ((lin & 4095) > 4080) probeWrite(lin, 16);
  stc<u64>(lin, low(v));
  stc<u64>(wrap(lin + 8), high(v));
}

// ---- operands
/** Linear address of the memory operand, its alignment checked where the form asks for it. */
export function operandAddress(op: Op, form: u32): u64 {
  const lin = ea(op);
  if (form & Form.ALIGNED && lin & 15) raiseGP(0);
  return lin;
}
/** The memory operand, with zeros above its size. */
function memorySource(op: Op, form: u32): v128 {
  const lin = operandAddress(op, form);
  switch (operandBytes(op.imm, form)) {
    case 1: return zext(<u64>ldc<u8>(lin));
    case 2: return zext(<u64>ldc<u16>(lin));
    case 4: return zext(<u64>ldc<u32>(lin));
    case 8: return zext(ldc<u64>(lin));
    default: return load128(lin);
  }
}
/** The rm operand: a whole XMM register, or the form's memory operand with zeros above. */
export function xmmSource(op: Op, form: u32): v128 {
  return Info.isReg(op.imm) ? xmm(op.b) : memorySource(op, form);
}
/** The rm operand: an MMX register, or the form's memory operand. */
export function mmSource(op: Op, form: u32): u64 {
  return Info.isReg(op.imm) ? mm(op.b) : low(memorySource(op, form));
}
/** The rm operand: a general register (64 bits with REX.W, else 32), or the form's memory operand. */
export function generalSource(op: Op, form: u32): u64 {
  if (!Info.isReg(op.imm)) return low(memorySource(op, form));
  return Info.rexW(op.imm) ? R(op.b) : <u64>R32(op.b);
}

/** Raises what CR0 and CR4 ask for: #UD, #NM, or #MF for a pending x87 exception (SDM vol. 3, 2.5, 12.1 and 13.1). */
export function checkAvailable(form: u32): void {
  if (!(form & (Form.XMM | Form.MMX))) return;
  const cr0 = load<u32>(L.CR0);
  if (cr0 & 4) raiseUD();
  if (form & Form.XMM && !(load<u32>(L.CR4) & 0x200)) raiseUD();
  if (cr0 & 8) raise(Vec.NM);
  if (form & Form.MMX && load<u32>(L.FPU_SW) & 0x80 && cr0 & 0x20) raise(Vec.MF);
}
