/**
 * Lazy arithmetic flags. An operation leaves its kind (with the operand size) and two sign-extended values; the flags
 * are made of them when somebody asks. Sign extension keeps unsigned order, so one comparison serves all sizes.
 */
import { L, Cc, Fl } from "../layout";

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
  const kind = load<u32>(L.CC_OP);
  const a = load<u64>(L.CC_A);
  const r = load<u64>(L.CC_R);
  switch (kind >> 2) {
    case 0: return <bool>((kind == Cc.FLAGS ? r : a) & 1);
    case Cc.ADD >> 2: return r < a;
    case Cc.ADC >> 2: return r <= a;
    case Cc.SUB >> 2: return r > a;
    default: return r >= a;
  }
}
export function getOF(): bool {
  const kind = load<u32>(L.CC_OP);
  const a = load<i64>(L.CC_A);
  const r = load<i64>(L.CC_R);
  if (kind < 4) return ((kind == Cc.FLAGS ? r : a) & Fl.OF) != 0;
  const b = operandB(kind, a, r);
  return (kind >= <u32>Cc.SUB ? (a ^ b) & (a ^ r) : (a ^ r) & (b ^ r)) < 0;
}
function getAF(): bool {
  const kind = load<u32>(L.CC_OP);
  const a = load<i64>(L.CC_A);
  const r = load<i64>(L.CC_R);
  if (kind < 4) return ((kind == Cc.FLAGS ? r : a) & Fl.AF) != 0;
  return ((a ^ operandB(kind, a, r) ^ r) & 0x10) != 0;
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
