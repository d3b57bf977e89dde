/**
 * Lazy arithmetic flags. An operation leaves its kind (with the operand size) and two sign-extended values; the flags
 * are made of them when somebody asks. Sign extension keeps unsigned order, so one comparison serves all sizes.
 */
import { L, Cc, Fl } from "../layout";
import { mulHighSigned } from "./wide-multiply";

// @ts-ignore: decorator
@inline
export function setLazy(kind: u32, a: i64, r: i64): void {
  store<u32>(L.CC_OP, kind);
  store<i64>(L.CC_A, a);
  store<i64>(L.CC_R, r);
}
/** ZF, SF, PF from `r`; CF, AF, OF given at their EFLAGS positions. */
// @ts-ignore: decorator
@inline
export function setResult(bits: u32, r: i64): void {
  store<u32>(L.CC_OP, Cc.RESULT);
  store<i64>(L.CC_A, <i64>bits);
  store<i64>(L.CC_R, r);
}
/** Sets all six from an EFLAGS image. */
// @ts-ignore: decorator
@inline
export function setArith(bits: u32): void {
  store<u32>(L.CC_OP, Cc.FLAGS);
  store<i64>(L.CC_R, <i64>(bits & Fl.ARITH));
}

/** The second operand of an addition or subtraction, from the two values kept. */
function operandB(kind: u32, a: i64, r: i64): i64 {
  const shift = <i64>(64 - (8 << (kind & 3)));
  let b: i64;
  switch (kind & ~3) {
    case Cc.ADD: b = r - a; break;
    case Cc.ADC: b = r - a - 1; break;
    case Cc.SUB: b = a - r; break;
    default: b = a - r - 1; break;
  }
  return (b << shift) >> shift;
}

export function getCF(): bool {
  return carry(load<u32>(L.CC_OP), load<i64>(L.CC_A), load<i64>(L.CC_R));
}
/** CF of lazy flags. */
export function carry(kind: u32, a: i64, r: i64): bool {
  switch ((kind >> 2) & 15) {
    case 0: return <bool>((kind == Cc.FLAGS ? r : a) & 1);
    case Cc.ADD >> 2: return <u64>r < <u64>a;
    case Cc.ADC >> 2: return <u64>r <= <u64>a;
    case Cc.SUB >> 2: return <u64>r > <u64>a;
    case Cc.SBB >> 2: return <u64>r >= <u64>a;
    case Cc.INC >> 2: case Cc.DEC >> 2: return <bool>(a & 1);
    case Cc.SHL >> 2: {
      const bits: u32 = 8 << (kind & 3), n = kind >> Cc.COUNT_SHIFT;
      return n <= bits ? <bool>((a >> (bits - n)) & 1) : false;
    }
    case Cc.SHR >> 2: case Cc.SAR >> 2: return <bool>((a >> ((kind >> Cc.COUNT_SHIFT) - 1)) & 1);
    case Cc.IMUL32 >> 2: return a != r;
    default: return mulHighSigned(a, load<i64>(L.CC_B)) != r >> 63;
  }
}
export function getOF(): bool {
  return overflow(load<u32>(L.CC_OP), load<i64>(L.CC_A), load<i64>(L.CC_R));
}
/** OF of lazy flags; of shifts it is exact for every count, as AMD has it. */
export function overflow(kind: u32, a: i64, r: i64): bool {
  switch ((kind >> 2) & 15) {
    case 0: return ((kind == Cc.FLAGS ? r : a) & Fl.OF) != 0;
    case Cc.ADD >> 2: case Cc.ADC >> 2: return ((a ^ r) & (operandB(kind, a, r) ^ r)) < 0;
    case Cc.SUB >> 2: case Cc.SBB >> 2: return ((a ^ operandB(kind, a, r)) & (a ^ r)) < 0;
    case Cc.INC >> 2: return r == <i64>-1 << ((8 << (kind & 3)) - 1);
    case Cc.DEC >> 2: return r == ~(<i64>-1 << ((8 << (kind & 3)) - 1));
    case Cc.SHL >> 2: return carry(kind, a, r) != r < 0;
    case Cc.SHR >> 2: {
      // For a count of 1 the operand's sign; the processor computes it as the top two bits of the result differing.
      const top = (r >> ((8 << (kind & 3)) - 2)) & 3;
      return top == 1 || top == 2;
    }
    case Cc.SAR >> 2: return false;
    default: return carry(kind, a, r);
  }
}
function getAF(): bool {
  const kind = load<u32>(L.CC_OP);
  const a = load<i64>(L.CC_A);
  const r = load<i64>(L.CC_R);
  switch ((kind >> 2) & 15) {
    case 0: return ((kind == Cc.FLAGS ? r : a) & Fl.AF) != 0;
    case Cc.ADD >> 2: case Cc.ADC >> 2: case Cc.SUB >> 2: case Cc.SBB >> 2: return ((a ^ operandB(kind, a, r) ^ r) & 0x10) != 0;
    case Cc.INC >> 2: return (r & 15) == 0;
    case Cc.DEC >> 2: return (r & 15) == 15;
    default: return false;
  }
}
// @ts-ignore: decorator
@inline
export function getZF(): bool {
  return load<u32>(L.CC_OP) == Cc.FLAGS ? (load<i64>(L.CC_R) & Fl.ZF) != 0 : load<i64>(L.CC_R) == 0;
}
// @ts-ignore: decorator
@inline
export function getSF(): bool {
  return load<u32>(L.CC_OP) == Cc.FLAGS ? (load<i64>(L.CC_R) & Fl.SF) != 0 : load<i64>(L.CC_R) < 0;
}
export function getPF(): bool {
  const r = load<i64>(L.CC_R);
  return load<u32>(L.CC_OP) == Cc.FLAGS ? (r & Fl.PF) != 0 : !(popcnt<u32>(<u32>r & 255) & 1);
}

/** The six arithmetic flags at their EFLAGS positions. */
export function arithFlags(): u32 {
  if (load<u32>(L.CC_OP) == Cc.FLAGS) return load<u32>(L.CC_R);
  return (
    <u32>getCF() | (<u32>getPF() << 2) | (<u32>getAF() << 4) | (<u32>getZF() << 6) | (<u32>getSF() << 7) | (<u32>getOF() << 11)
  );
}
/** The six arithmetic flags of lazy flags that need not be the machine's: for translated code. */
export function arithOf(kind: u32, a: i64, r: i64): u32 {
  setLazy(kind, a, r);
  return arithFlags();
}
/** The whole EFLAGS image. */
export function getFlags(): u32 {
  return load<u32>(L.EFLAGS) | arithFlags();
}
/** Sets all of EFLAGS as given, without any check; bit 1 is always set. */
export function setFlags(v: u32): void {
  store<u32>(L.EFLAGS, (v & ~Fl.ARITH) | 2);
  setArith(v);
}

/** Condition `n` of Jcc, SETcc, CMOVcc; a constant `n` folds. */
// @ts-ignore: decorator
@inline
export function cond(n: i32): bool {
  let r = false;
  switch (n >> 1) {
    case 0: r = getOF(); break;
    case 1: r = getCF(); break;
    case 2: r = getZF(); break;
    case 3: r = getZF() || getCF(); break;
    case 4: r = getSF(); break;
    case 5: r = getPF(); break;
    case 6: r = getSF() != getOF(); break;
    default: r = getZF() || getSF() != getOF(); break;
  }
  return n & 1 ? !r : r;
}
/** Condition `n` of lazy flags that need not be the machine's: for translated code. */
export function conditionOf(n: i32, kind: u32, a: i64, r: i64): i32 {
  const zero = kind == Cc.FLAGS ? (r & Fl.ZF) != 0 : r == 0;
  const sign = kind == Cc.FLAGS ? (r & Fl.SF) != 0 : r < 0;
  let yes = false;
  switch ((n >> 1) & 7) {
    case 0: yes = overflow(kind, a, r); break;
    case 1: yes = carry(kind, a, r); break;
    case 2: yes = zero; break;
    case 3: yes = zero || carry(kind, a, r); break;
    case 4: yes = sign; break;
    case 5: yes = kind == Cc.FLAGS ? (r & Fl.PF) != 0 : !(popcnt<u32>(<u32>r & 255) & 1); break;
    case 6: yes = sign != overflow(kind, a, r); break;
    default: yes = zero || sign != overflow(kind, a, r); break;
  }
  return n & 1 ? <i32>!yes : <i32>yes;
}
/** The same for a condition known at run time. */
export function condition(n: i32): bool {
  let r = false;
  switch ((n >> 1) & 7) {
    case 0: r = getOF(); break;
    case 1: r = getCF(); break;
    case 2: r = getZF(); break;
    case 3: r = getZF() || getCF(); break;
    case 4: r = getSF(); break;
    case 5: r = getPF(); break;
    case 6: r = getSF() != getOF(); break;
    default: r = getZF() || getSF() != getOF(); break;
  }
  return n & 1 ? !r : r;
}
