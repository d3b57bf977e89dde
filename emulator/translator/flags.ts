/** Conditions on lazy flags (emulator/core/layout.ts, enum Cc), with as little code as the kind permits. */
import { Cc } from "../core/layout.ts";
import { type Emitter, Kind, type Size } from "./emitter.ts";
import { Helper, V } from "./locals.ts";
import { W } from "./wasm.ts";

/** Conditions without their lowest bit, which negates (SDM vol. 2, appendix B.1.4). */
const enum Test {
  O,
  B,
  Z,
  BE,
  S,
  P,
  L,
  LE,
}
const FAMILY_MASK = 0x3c;

/** CF of shifts by a constant: one bit of the operand. */
function shiftedOut(e: Emitter, kind: number): void {
  const family = (kind & FAMILY_MASK) as Cc;
  const count = kind >> Cc.COUNT_SHIFT;
  const bits = 8 << (kind & 3);
  if (family === Cc.SHL && count > bits) {
    e.i32(0);
    return;
  }
  e.get(V.FLAGS_A);
  e.i64(family === Cc.SHL ? bits - count : count - 1);
  e.op(W.I64_SHR_U);
  e.op(W.WRAP);
  e.i32(1);
  e.op(W.I32_AND);
}

/** Pushes CF as i32 when the kind tells how. */
function carry(e: Emitter): boolean {
  const compare = (code: W): true => {
    e.get(V.FLAGS_R);
    e.get(V.FLAGS_A);
    e.op(code);
    return true;
  };
  const { kind } = e;
  if (kind === (Kind.UNKNOWN as number)) return false;
  if (kind === (Kind.LOGIC as number)) {
    e.i32(0);
    return true;
  }
  if (kind < 0) {
    const add = kind < (Kind.SUB_CARRY as number);
    compare(add ? W.I64_LT_U : W.I64_GT_U);
    compare(W.I64_EQ);
    e.get(V.KIND);
    e.i32(add ? Cc.ADD + (kind - Kind.ADD_CARRY) : Cc.SUB + (kind - Kind.SUB_CARRY));
    e.op(W.I32_NE);
    e.op(W.I32_AND);
    e.op(W.I32_OR);
    return true;
  }
  switch ((kind & FAMILY_MASK) as Cc) {
    case Cc.FLAGS:
    case Cc.INC:
    case Cc.DEC:
      e.get(kind === (Cc.FLAGS as number) ? V.FLAGS_R : V.FLAGS_A);
      e.op(W.WRAP);
      e.i32(1);
      e.op(W.I32_AND);
      return true;
    case Cc.ADD:
      return compare(W.I64_LT_U);
    case Cc.ADC:
      return compare(W.I64_LE_U);
    case Cc.SUB:
      return compare(W.I64_GT_U);
    case Cc.SBB:
      return compare(W.I64_GE_U);
    case Cc.SHL:
    case Cc.SHR:
    case Cc.SAR:
      shiftedOut(e, kind);
      return true;
    case Cc.RESULT:
    case Cc.IMUL32:
    case Cc.IMUL64:
    default:
      return false;
  }
}

/** Pushes SF != OF of a comparison or logical operation. */
function less(e: Emitter): boolean {
  const { kind } = e;
  if (kind === (Kind.LOGIC as number)) {
    e.get(V.FLAGS_R);
    e.i64(0);
    e.op(W.I64_LT_S);
    return true;
  }
  if (kind < 0 || (kind & FAMILY_MASK) !== (Cc.SUB as number)) return false;
  // The subtrahend is their difference, in the operand's size.
  e.get(V.FLAGS_A);
  e.get(V.FLAGS_A);
  e.get(V.FLAGS_R);
  e.op(W.I64_SUB);
  signExtend(e, (kind & 3) as Size);
  e.op(W.I64_LT_S);
  return true;
}

export function signExtend(e: Emitter, size: Size): void {
  if (size === 0) e.op(W.I64_EXTEND8_S);
  else if (size === 1) e.op(W.I64_EXTEND16_S);
  else if (size === 2) e.op(W.I64_EXTEND32_S);
}

/** Pushes ZF; the kind is known and not FLAGS. */
function zero(e: Emitter): void {
  e.get(V.FLAGS_R);
  e.op(W.I64_EQZ);
}

/** Pushes a condition (0 to 15) as i32, 0 or 1. */
export function condition(e: Emitter, number: number): void {
  const { kind } = e;
  const known = kind !== (Kind.UNKNOWN as number) && kind !== (Cc.FLAGS as number);
  let done = false;
  switch ((number >> 1) as Test) {
    case Test.B:
      done = carry(e);
      break;
    case Test.Z:
      if ((done = known)) zero(e);
      break;
    case Test.BE:
      if ((done = known && carry(e))) {
        zero(e);
        e.op(W.I32_OR);
      }
      break;
    case Test.S:
      if ((done = known)) {
        e.get(V.FLAGS_R);
        e.i64(0);
        e.op(W.I64_LT_S);
      }
      break;
    case Test.L:
      done = less(e);
      break;
    case Test.LE:
      if ((done = less(e))) {
        zero(e);
        e.op(W.I32_OR);
      }
      break;
    case Test.O:
    case Test.P:
      break;
  }
  if (!done) {
    e.i32(number);
    e.get(V.KIND);
    e.get(V.FLAGS_A);
    e.get(V.FLAGS_R);
    e.call(Helper.CONDITION);
  } else if (number & 1) e.op(W.I32_EQZ);
}

/** Pushes CF as i32, 0 or 1. */
export function carryFlag(e: Emitter): void {
  if (e.kind !== (Kind.UNKNOWN as number)) {
    condition(e, Test.B << 1);
    return;
  }
  // INC and DEC, which count loops, find the carry where the one before them kept it.
  e.get(V.KIND);
  e.i32(Cc.INC);
  e.op(W.I32_SUB);
  e.i32(8);
  e.op(W.I32_LT_U);
  e.openValue(W.IF);
  e.get(V.FLAGS_A);
  e.op(W.WRAP);
  e.op(W.ELSE);
  condition(e, Test.B << 1);
  e.close();
}

/** Replaces some arithmetic flags (`mask`, as in EFLAGS) by what `bits` leaves on the stack (an i32). */
export function replaceFlags(e: Emitter, mask: number, bits: () => void): void {
  bits();
  e.get(V.KIND);
  e.get(V.FLAGS_A);
  e.get(V.FLAGS_R);
  e.call(Helper.ARITH);
  e.i32(~mask);
  e.op(W.I32_AND);
  e.op(W.I32_OR);
  e.op(W.EXTEND_U);
  e.set(V.FLAGS_R);
  e.setKind(Cc.FLAGS);
}
