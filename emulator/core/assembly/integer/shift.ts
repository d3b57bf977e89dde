/** Shifts and rotates of every size, double shifts. Counts are masked to 5 bits, 6 for 64-bit operands. */
import { Op, Info } from "../op";
import { R8, RCX } from "../state";
import { arithFlags, setArith, setResult, getCF } from "../flags";
import { getReg, readRmForWrite, writeRm, unsigned, signed } from "./operand";

/** Group 2: C0 C1 (immediate), D0 D1 (one; the decoder gives an immediate 1), D2 D3 (CL). */
export function shiftGroup(op: Op, opcode: i32): void {
  const size = opcode & 1 ? Info.osize(op.imm) : 0;
  const a = readRmForWrite(op, size);
  const count = ((opcode & 0xfe) == 0xd2 ? <i32>R8(RCX) : <i32>op.imm64) & (size == 3 ? 63 : 31);
  if (count == 0) {
    // Nothing changes, but a 32-bit register's upper half is cleared, and memory is written with its own value.
    writeRm(op, size, a);
    return;
  }
  writeRm(op, size, shift(Info.reg(op.imm), size, a, count));
}

function shift(kind: i32, size: i32, a: i64, count: i32): i64 {
  const bits = 8 << size;
  const u = unsigned(a, size);
  switch (kind) {
    case 0: return rotateLeft(size, u, count);
    case 1: return rotateRight(size, u, count);
    case 2: return rotateThroughCarry(size, u, count % (bits + 1), bits);
    case 3: {
      // Right by n is left by bits+1-n; OF is that of the right rotate: the two highest bits of the result differ.
      const n = count % (bits + 1);
      const r = rotateThroughCarry(size, u, n == 0 ? 0 : bits + 1 - n, bits);
      const v = unsigned(r, size);
      const overflow = <u32>((v >> (bits - 1)) ^ (v >> (bits - 2))) & 1;
      setArith((arithFlags() & ~0x800) | (overflow << 11));
      return r;
    }
    case 5: {
      const r = count >= bits ? 0 : u >> count;
      const c = count > bits ? 0 : <u32>((u >> (count - 1)) & 1);
      const v = <u32>(r >> (bits - 2)) & 3;
      setResult(c | (v == 1 || v == 2 ? 0x800 : 0), signed(r, size));
      return <i64>r;
    }
    case 7: {
      const n = count >= bits ? bits - 1 : count;
      const r = a >> n;
      setResult(count > bits - 1 ? <u32>(a < 0 ? 1 : 0) : <u32>((a >> (count - 1)) & 1), r);
      return r;
    }
    default: {
      const r = count >= bits ? 0 : signed(a << count, size);
      const c = count > bits ? 0 : <u32>((u >> (bits - count)) & 1);
      setResult(c | ((c ^ (r < 0 ? 1 : 0)) << 11), r);
      return r;
    }
  }
}

function rotateLeft(size: i32, u: u64, count: i32): i64 {
  const bits = 8 << size;
  const n = count & (bits - 1);
  const r = n ? (u << n) | (u >> (bits - n)) : u;
  const c = <u32>r & 1;
  const top = <u32>(r >> (bits - 1)) & 1;
  setArith((arithFlags() & ~0x801) | c | ((c ^ top) << 11));
  return <i64>r;
}
function rotateRight(size: i32, u: u64, count: i32): i64 {
  const bits = 8 << size;
  const n = count & (bits - 1);
  const r = n ? (u >> n) | (u << (bits - n)) : u;
  const c = <u32>(r >> (bits - 1)) & 1;
  setArith((arithFlags() & ~0x801) | c | ((c ^ (<u32>(r >> (bits - 2)) & 1)) << 11));
  return <i64>r;
}
/** RCL by n (0 to bits): rotates carry and operand as one. */
function rotateThroughCarry(size: i32, u: u64, n: i32, bits: i32): i64 {
  let c: u64 = getCF() ? 1 : 0;
  let r = u;
  if (n) {
    const out = (u >> (bits - n)) & 1;
    r = n == 64 ? 0 : u << n;
    r |= c << (n - 1);
    if (n > 1) r |= u >> (bits + 1 - n);
    c = out;
  }
  r = unsigned(r, size);
  const top = (r >> (bits - 1)) & 1;
  setArith((arithFlags() & ~0x801) | <u32>c | (<u32>(c ^ top) << 11));
  return <i64>r;
}

/** SHLD and SHRD. */
export function doubleShift(op: Op, right: bool, byCl: bool): void {
  const size = Info.osize(op.imm);
  const bits = 8 << size;
  const a = unsigned(readRmForWrite(op, size), size);
  const b = unsigned(getReg(op.a, size), size);
  const n = (byCl ? <i32>R8(RCX) : <i32>op.imm64) & (size == 3 ? 63 : 31);
  if (n == 0) {
    writeRm(op, size, a);
    return;
  }
  let r: u64;
  let c: u32;
  if (n > bits) {
    // 16-bit operands and counts above 16: undefined in the manuals. AMD goes on with `b` again, and no bit of `a` is left.
    const m = n - bits;
    r = right ? (b >> m) | (b << (bits - m)) : (b << m) | (b >> (bits - m));
    c = 0;
  } else if (right) {
    r = (n == bits ? 0 : a >> n) | (b << (bits - n));
    c = <u32>(a >> (n - 1)) & 1;
  } else {
    r = (n == bits ? 0 : a << n) | (b >> (bits - n));
    c = <u32>(a >> (bits - n)) & 1;
  }
  const result = signed(r, size);
  const top = <u32>((r >> (bits - 1)) & 1);
  // A left shift by 16 and more compares bits of `a` only, too.
  const overflow = right ? top ^ (<u32>(r >> (bits - 2)) & 1) : n < bits ? top ^ c : c;
  writeRm(op, size, result);
  setResult(c | (overflow << 11), result);
}
