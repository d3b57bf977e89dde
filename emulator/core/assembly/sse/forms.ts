/**
 * Every instruction form of MMX and SSE to SSE4.2, keyed by opcode map, mandatory prefix and opcode: what it takes as
 * its ModRM.rm operand, and which unit it needs (SDM vol. 2, appendix A).
 */
import { Info } from "../op";

/** Properties of a form. The lowest five bits are the size of the memory operand in bytes. */
export namespace Form {
  // @ts-ignore: decorator
  @inline export const BYTES: u32 = 0x1f;
  /** The memory operand is written (and not read). */
  // @ts-ignore: decorator
  @inline export const WRITE: u32 = 0x20;
  /** The memory operand must be aligned to 16 bytes. */
  // @ts-ignore: decorator
  @inline export const ALIGNED: u32 = 0x40;
  /** The operand may be memory. */
  // @ts-ignore: decorator
  @inline export const MEM: u32 = 0x80;
  /** The operand may be a register. */
  // @ts-ignore: decorator
  @inline export const REG: u32 = 0x100;
  /** MMX registers are used: all the rules of x87 state apply. */
  // @ts-ignore: decorator
  @inline export const MMX: u32 = 0x200;
  /** XMM registers are used. */
  // @ts-ignore: decorator
  @inline export const XMM: u32 = 0x400;
  /** REX.W makes the memory operand 8 bytes. */
  // @ts-ignore: decorator
  @inline export const WIDE: u32 = 0x800;
  /** The memory operand has the operand size. */
  // @ts-ignore: decorator
  @inline export const OSIZE: u32 = 0x1000;
}

// Shapes of forms, in the notation of the SDM: xmm/m128 and so on.
// @ts-ignore: decorator
@inline const RM: u32 = Form.REG | Form.MEM;
// @ts-ignore: decorator
@inline const X128: u32 = Form.XMM | RM | Form.ALIGNED | 16;
// @ts-ignore: decorator
@inline const X128U: u32 = Form.XMM | RM | 16;
// @ts-ignore: decorator
@inline const X64: u32 = Form.XMM | RM | 8;
// @ts-ignore: decorator
@inline const X32: u32 = Form.XMM | RM | 4;
// @ts-ignore: decorator
@inline const X16: u32 = Form.XMM | RM | 2;
// @ts-ignore: decorator
@inline const X8: u32 = Form.XMM | RM | 1;
// @ts-ignore: decorator
@inline const XREG: u32 = Form.XMM | Form.REG;
// @ts-ignore: decorator
@inline const XRM32: u32 = X32 | Form.WIDE;
// @ts-ignore: decorator
@inline const M64: u32 = Form.MMX | RM | 8;
// @ts-ignore: decorator
@inline const M32: u32 = Form.MMX | RM | 4;
// @ts-ignore: decorator
@inline const MREG: u32 = Form.MMX | Form.REG;
// @ts-ignore: decorator
@inline const MRM32: u32 = M32 | Form.WIDE;

// Mandatory prefixes, as in Info.prefix.
// @ts-ignore: decorator
@inline const NONE: u32 = 0;
// @ts-ignore: decorator
@inline const P66: u32 = 1;
// @ts-ignore: decorator
@inline const PF3: u32 = 2;
// @ts-ignore: decorator
@inline const PF2: u32 = 3;

const TABLE = memory.data(3 * 4 * 256 * 2, 16);

function set(map: u32, prefix: u32, first: u32, last: u32, form: u32): void {
  for (let opcode = first; opcode <= last; opcode++) {
    store<u16>(TABLE + ((((map - 1) << 10) | (prefix << 8) | opcode) << 1), <u16>form);
  }
}
/** A form of map 0F. */
function one(prefix: u32, opcode: u32, form: u32): void {
  set(1, prefix, opcode, opcode, form);
}
/** Packed single, packed double, scalar single, scalar double. */
function arithmetic(opcode: u32): void {
  one(NONE, opcode, X128);
  one(P66, opcode, X128);
  one(PF3, opcode, X32);
  one(PF2, opcode, X64);
}
/** Packed single and packed double. */
function packedFloat(first: u32, last: u32): void {
  set(1, NONE, first, last, X128);
  set(1, P66, first, last, X128);
}
/** MMX without a prefix, XMM with 66. */
function packedInteger(map: u32, first: u32, last: u32): void {
  set(map, NONE, first, last, M64);
  set(map, P66, first, last, X128);
}

function fillMoves(): void {
  one(NONE, 0x10, X128U);
  one(P66, 0x10, X128U);
  one(PF3, 0x10, X32);
  one(PF2, 0x10, X64);
  one(NONE, 0x11, X128U | Form.WRITE);
  one(P66, 0x11, X128U | Form.WRITE);
  one(PF3, 0x11, X32 | Form.WRITE);
  one(PF2, 0x11, X64 | Form.WRITE);
  one(NONE, 0x12, X64);
  one(P66, 0x12, X64 & ~Form.REG);
  one(PF3, 0x12, X128);
  one(PF2, 0x12, X64);
  set(1, NONE, 0x13, 0x13, (X64 & ~Form.REG) | Form.WRITE);
  set(1, P66, 0x13, 0x13, (X64 & ~Form.REG) | Form.WRITE);
  packedFloat(0x14, 0x15);
  one(NONE, 0x16, X64);
  one(P66, 0x16, X64 & ~Form.REG);
  one(PF3, 0x16, X128);
  set(1, NONE, 0x17, 0x17, (X64 & ~Form.REG) | Form.WRITE);
  set(1, P66, 0x17, 0x17, (X64 & ~Form.REG) | Form.WRITE);
  packedFloat(0x28, 0x28);
  one(NONE, 0x29, X128 | Form.WRITE);
  one(P66, 0x29, X128 | Form.WRITE);
  one(NONE, 0x2b, (X128 & ~Form.REG) | Form.WRITE);
  one(P66, 0x2b, (X128 & ~Form.REG) | Form.WRITE);
  one(NONE, 0x50, XREG);
  one(P66, 0x50, XREG);
  one(NONE, 0x6e, MRM32);
  one(P66, 0x6e, XRM32);
  one(NONE, 0x6f, M64);
  one(P66, 0x6f, X128);
  one(PF3, 0x6f, X128U);
  one(NONE, 0x77, Form.MMX | RM);
  one(NONE, 0x7e, MRM32 | Form.WRITE);
  one(P66, 0x7e, XRM32 | Form.WRITE);
  one(PF3, 0x7e, X64);
  one(NONE, 0x7f, M64 | Form.WRITE);
  one(P66, 0x7f, X128 | Form.WRITE);
  one(PF3, 0x7f, X128U | Form.WRITE);
  one(NONE, 0xc3, Form.MEM | Form.WRITE | Form.WIDE | 4);
  one(NONE, 0xc4, Form.MMX | RM | 2);
  one(P66, 0xc4, X16);
  one(NONE, 0xc5, MREG);
  one(P66, 0xc5, XREG);
  one(P66, 0xd6, X64 | Form.WRITE);
  one(PF3, 0xd6, MREG | XREG);
  one(PF2, 0xd6, MREG | XREG);
  one(NONE, 0xd7, MREG);
  one(P66, 0xd7, XREG);
  one(NONE, 0xe7, (M64 & ~Form.REG) | Form.WRITE);
  one(P66, 0xe7, (X128 & ~Form.REG) | Form.WRITE);
  one(PF2, 0xf0, X128U & ~Form.REG);
  one(NONE, 0xf7, MREG);
  one(P66, 0xf7, XREG);
}

function fillFloat(): void {
  one(NONE, 0x2a, M64 | Form.XMM);
  one(P66, 0x2a, M64 | Form.XMM);
  one(PF3, 0x2a, XRM32);
  one(PF2, 0x2a, XRM32);
  for (let opcode: u32 = 0x2c; opcode <= 0x2d; opcode++) {
    one(NONE, opcode, X64 | Form.MMX);
    one(P66, opcode, X128 | Form.MMX);
    one(PF3, opcode, X32);
    one(PF2, opcode, X64);
  }
  set(1, NONE, 0x2e, 0x2f, X32);
  set(1, P66, 0x2e, 0x2f, X64);
  arithmetic(0x51);
  set(1, NONE, 0x52, 0x53, X128);
  set(1, PF3, 0x52, 0x53, X32);
  packedFloat(0x54, 0x57);
  arithmetic(0x58);
  arithmetic(0x59);
  one(NONE, 0x5a, X64);
  one(P66, 0x5a, X128);
  one(PF3, 0x5a, X32);
  one(PF2, 0x5a, X64);
  packedFloat(0x5b, 0x5b);
  one(PF3, 0x5b, X128);
  for (let opcode: u32 = 0x5c; opcode <= 0x5f; opcode++) arithmetic(opcode);
  set(1, P66, 0x7c, 0x7d, X128);
  set(1, PF2, 0x7c, 0x7d, X128);
  arithmetic(0xc2);
  packedFloat(0xc6, 0xc6);
  one(P66, 0xd0, X128);
  one(PF2, 0xd0, X128);
  one(P66, 0xe6, X128);
  one(PF3, 0xe6, X64);
  one(PF2, 0xe6, X128);
}

function fillInteger(): void {
  set(1, NONE, 0x60, 0x62, M32);
  set(1, P66, 0x60, 0x62, X128);
  packedInteger(1, 0x63, 0x6b);
  set(1, P66, 0x6c, 0x6d, X128);
  packedInteger(1, 0x70, 0x70);
  one(PF3, 0x70, X128);
  one(PF2, 0x70, X128);
  set(1, NONE, 0x71, 0x73, MREG);
  set(1, P66, 0x71, 0x73, XREG);
  packedInteger(1, 0x74, 0x76);
  packedInteger(1, 0xd1, 0xd5);
  packedInteger(1, 0xd8, 0xe5);
  packedInteger(1, 0xe8, 0xef);
  packedInteger(1, 0xf1, 0xf6);
  packedInteger(1, 0xf8, 0xfe);
}

function fill0F38(): void {
  packedInteger(2, 0x00, 0x0b);
  set(2, P66, 0x10, 0x10, X128);
  set(2, P66, 0x14, 0x15, X128);
  set(2, P66, 0x17, 0x17, X128);
  packedInteger(2, 0x1c, 0x1e);
  for (let opcode: u32 = 0x20; opcode <= 0x30; opcode += 0x10) {
    set(2, P66, opcode, opcode, X64);
    set(2, P66, opcode + 1, opcode + 1, X32);
    set(2, P66, opcode + 2, opcode + 2, X16);
    set(2, P66, opcode + 3, opcode + 3, X64);
    set(2, P66, opcode + 4, opcode + 4, X32);
    set(2, P66, opcode + 5, opcode + 5, X64);
  }
  set(2, P66, 0x28, 0x29, X128);
  set(2, P66, 0x2a, 0x2a, X128 & ~Form.REG);
  set(2, P66, 0x2b, 0x2b, X128);
  set(2, P66, 0x37, 0x41, X128);
  set(2, PF2, 0xf0, 0xf0, RM | 1);
  set(2, PF2, 0xf1, 0xf1, RM | Form.OSIZE);
}

function fill0F3A(): void {
  set(3, P66, 0x08, 0x09, X128);
  set(3, P66, 0x0a, 0x0a, X32);
  set(3, P66, 0x0b, 0x0b, X64);
  set(3, P66, 0x0c, 0x0e, X128);
  packedInteger(3, 0x0f, 0x0f);
  set(3, P66, 0x14, 0x14, X8 | Form.WRITE);
  set(3, P66, 0x15, 0x15, X16 | Form.WRITE);
  set(3, P66, 0x16, 0x16, XRM32 | Form.WRITE);
  set(3, P66, 0x17, 0x17, X32 | Form.WRITE);
  set(3, P66, 0x20, 0x20, X8);
  set(3, P66, 0x21, 0x21, X32);
  set(3, P66, 0x22, 0x22, XRM32);
  set(3, P66, 0x40, 0x42, X128);
  set(3, P66, 0x60, 0x63, X128U);
}

fillMoves();
fillFloat();
fillInteger();
fill0F38();
fill0F3A();

/** The form that `info` names, or 0 when there is none, or none with this kind of operand. */
export function formOf(info: i32): u32 {
  const map = Info.map(info);
  if (!map) return 0;
  const opcode = Info.opcode(info);
  let form = <u32>load<u16>(TABLE + (<usize>(((map - 1) << 10) | (Info.prefix(info) << 8) | opcode) << 1));
  if (!(form & (Info.isReg(info) ? Form.REG : Form.MEM))) return 0;
  if (map == 1 && opcode >= 0x71 && opcode <= 0x73 && !shiftExists(info)) return 0;
  // CVTPI2PS and CVTPI2PD from memory leave the x87 state alone.
  if (map == 1 && opcode == 0x2a && !Info.isReg(info)) form &= ~Form.MMX;
  return form;
}

/** Shifts by an immediate: ModRM.reg says which (SDM vol. 2, table A-6, groups 12 to 14). */
function shiftExists(info: i32): bool {
  const reg = Info.reg(info);
  if (Info.opcode(info) != 0x73) return reg == 2 || reg == 4 || reg == 6;
  return reg == 2 || reg == 6 || ((reg == 3 || reg == 7) && Info.prefix(info) == 1);
}

/** Size of the memory operand in bytes. */
export function operandBytes(info: i32, form: u32): u32 {
  if (form & Form.OSIZE) return <u32>1 << Info.osize(info);
  if (form & Form.WIDE && Info.rexW(info)) return 8;
  return form & Form.BYTES;
}

/** Whether there is such an instruction. */
export function sseExists(info: i32): bool {
  return formOf(info) != 0;
}

/** Memory operand of the form: size in bytes, and bit 8 when it is written; 0 when the form does not exist. */
export function sseAccess(info: i32): i32 {
  const form = formOf(info);
  if (!form) return 0;
  return operandBytes(info, form) | (form & Form.WRITE ? 0x100 : 0);
}
