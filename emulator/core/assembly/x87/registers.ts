/**
 * The register stack of the floating-point unit, its status, and how exceptions are recorded.
 * A register is a significand (u64) with an explicit integer bit, and a word of sign and exponent ("se" in this folder).
 * SDM vol. 1, chapter 8.
 */
import { L } from "../../layout";
import { stopAfterCurrent } from "../control";
import { noteTime } from "../mem";

/** Bits of the status word (and, for the lower six, of the control word's masks). */
export const enum Sw {
  IE = 1,
  DE = 2,
  ZE = 4,
  OE = 8,
  UE = 0x10,
  PE = 0x20,
  /** Stack fault. */
  SF = 0x40,
  /** An unmasked exception is pending. */
  ES = 0x80,
  C0 = 0x100,
  C1 = 0x200,
  C2 = 0x400,
  TOP = 0x3800,
  C3 = 0x4000,
  BUSY = 0x8000,
  EXCEPTIONS = 0x3f,
  CONDITION = 0x4700,
}

/** Rounding control. */
export const enum Rc {
  NEAREST = 0,
  DOWN = 1,
  UP = 2,
  ZERO = 3,
}

// @ts-ignore: decorator
@inline export const INTEGER_BIT: u64 = 0x8000000000000000;
// @ts-ignore: decorator
@inline export const QUIET_BIT: u64 = 0x4000000000000000;
/** The real indefinite, the masked answer to an invalid operation. */
// @ts-ignore: decorator
@inline export const INDEFINITE_SE: u32 = 0xffff;
// @ts-ignore: decorator
@inline export const INDEFINITE_M: u64 = 0xc000000000000000;
// @ts-ignore: decorator
@inline export const BIAS: i32 = 16383;

// @ts-ignore: decorator
@external("env", "ferr")
declare function ferr(): void;

/** Exceptions, SF and condition codes of the executing instruction, not yet in the status word. */
export let raised: u32 = 0;
/** The value that the executing instruction made. */
export let resultSe: u32 = 0;
export let resultM: u64 = 0;

// @ts-ignore: decorator
@inline export function begin(): void { raised = 0; }
// @ts-ignore: decorator
@inline export function flag(bits: u32): void { raised |= bits; }
// @ts-ignore: decorator
@inline export function unflag(bits: u32): void { raised &= ~bits; }
// @ts-ignore: decorator
@inline
export function setResult(se: u32, m: u64): void {
  resultSe = se;
  resultM = m;
}

// @ts-ignore: decorator
@inline export function controlWord(): u32 { return load<u32>(L.FPU_CW); }
// @ts-ignore: decorator
@inline export function statusWord(): u32 { return load<u32>(L.FPU_SW); }
// @ts-ignore: decorator
@inline export function rounding(): u32 { return (load<u32>(L.FPU_CW) >> 10) & 3; }
// @ts-ignore: decorator
@inline export function isMasked(bit: u32): bool { return (load<u32>(L.FPU_CW) & bit) != 0; }
// @ts-ignore: decorator
@inline export function top(): u32 { return (load<u32>(L.FPU_SW) >> 11) & 7; }
export function setTop(v: u32): void {
  store<u32>(L.FPU_SW, (load<u32>(L.FPU_SW) & ~Sw.TOP) | ((v & 7) << 11));
}

/** Address of ST(i). */
// @ts-ignore: decorator
@inline function address(i: u32): usize { return L.FPU_REGS + (<usize>((top() + i) & 7) << 4); }
// @ts-ignore: decorator
@inline export function stM(i: u32): u64 { return load<u64>(address(i)); }
// @ts-ignore: decorator
@inline export function stSe(i: u32): u32 { return load<u16>(address(i), 8); }
// @ts-ignore: decorator
@inline
export function isEmpty(i: u32): bool {
  return ((load<u32>(L.FPU_TAG) >> ((top() + i) & 7)) & 1) == 0;
}
/** Writes ST(i) and marks it in use. */
export function setSt(i: u32, se: u32, m: u64): void {
  const at = address(i);
  store<u64>(at, m);
  store<u16>(at, <u16>se, 8);
  store<u32>(L.FPU_TAG, load<u32>(L.FPU_TAG) | (1 << ((top() + i) & 7)));
}
export function free(i: u32): void {
  store<u32>(L.FPU_TAG, load<u32>(L.FPU_TAG) & ~(1 << ((top() + i) & 7)));
}
export function pop(): void {
  free(0);
  setTop(top() + 1);
}
/** Pushes a value; the caller has seen that ST(7) is empty, or answers an overflow. */
export function push(se: u32, m: u64): void {
  setTop(top() - 1);
  setSt(0, se, m);
}

/** Records a read of an empty register; the result becomes the indefinite. */
export function stackUnderflow(): void {
  raised = Sw.IE | Sw.SF;
  setResult(INDEFINITE_SE, INDEFINITE_M);
}
/** Records a push onto a full register; C1 tells it from an underflow. */
export function stackOverflow(): void {
  raised = Sw.IE | Sw.SF | Sw.C1;
  setResult(INDEFINITE_SE, INDEFINITE_M);
}
export function invalid(): void {
  raised |= Sw.IE;
  setResult(INDEFINITE_SE, INDEFINITE_M);
}
/** Records a denormal operand; true when that is unmasked, and so ends the instruction. */
export function denormal(): bool {
  raised |= Sw.DE;
  return !isMasked(Sw.DE);
}

/** True when an unmasked exception of the executing instruction keeps it from giving a result. */
// @ts-ignore: decorator
@inline
export function isStopped(): bool {
  return (raised & ~load<u32>(L.FPU_CW) & (Sw.IE | Sw.DE | Sw.ZE)) != 0;
}

/** Moves `raised` into the status word, replacing the condition codes in `conditions`. */
export function commitStatus(conditions: u32): void {
  store<u32>(L.FPU_SW, (load<u32>(L.FPU_SW) & ~conditions) | raised);
  if (raised & Sw.EXCEPTIONS) updateSummary();
}

/**
 * Makes ES and B follow from the flags and masks. With CR0.NE clear a newly pending exception is told to the outside
 * (FERR#, which a PC wires to IRQ 13).
 */
export function updateSummary(): void {
  const sw = load<u32>(L.FPU_SW);
  if (sw & ~load<u32>(L.FPU_CW) & Sw.EXCEPTIONS) {
    store<u32>(L.FPU_SW, sw | Sw.ES | Sw.BUSY);
    if (!(sw & Sw.ES) && !(load<u64>(L.CR0) & 0x20)) {
      noteTime();
      ferr();
      if (load<u32>(L.ATTENTION)) stopAfterCurrent();
    }
  } else store<u32>(L.FPU_SW, sw & ~(Sw.ES | Sw.BUSY));
}

/** State after FNINIT. The registers keep their bits. */
export function fpuInit(): void {
  store<u32>(L.FPU_CW, 0x37f);
  store<u32>(L.FPU_SW, 0);
  store<u32>(L.FPU_TAG, 0);
  store<u32>(L.FPU_OPCODE, 0);
  store<u64>(L.FPU_IP, 0);
  store<u64>(L.FPU_DP, 0);
  store<u32>(L.FPU_CS, 0);
  store<u32>(L.FPU_DS, 0);
}

/** The full tag word, two bits a register: 0 valid, 1 zero, 2 special, 3 empty. */
export function x87TagWord(): u32 {
  let word: u32 = 0;
  for (let i: u32 = 0; i < 8; i++) {
    const at = L.FPU_REGS + (<usize>i << 4);
    const m = load<u64>(at);
    const exponent = <u32>load<u16>(at, 8) & 0x7fff;
    let tag: u32 = 0;
    if (!((load<u32>(L.FPU_TAG) >> i) & 1)) tag = 3;
    else if (exponent == 0 && m == 0) tag = 1;
    else if (exponent == 0 || exponent == 0x7fff || !(m & INTEGER_BIT)) tag = 2;
    word |= tag << (i * 2);
  }
  return word;
}
/** Of a full tag word only "empty" matters: the other tags follow from the registers. */
export function x87SetTagWord(v: u32): void {
  let tags: u32 = 0;
  for (let i: u32 = 0; i < 8; i++) {
    if (((v >> (i * 2)) & 3) != 3) tags |= 1 << i;
  }
  store<u32>(L.FPU_TAG, tags);
}
