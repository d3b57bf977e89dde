/** Instructions D8…DF on registers only. */
import { Fl, L } from "../../layout";
import { W16, RAX } from "../state";
import { setArith, condition } from "../flags";
import {
  Sw,
  INDEFINITE_SE,
  INDEFINITE_M,
  commitStatus,
  flag,
  free,
  fpuInit,
  isEmpty,
  isStopped,
  pop,
  push,
  raised,
  resultM,
  resultSe,
  setResult,
  setSt,
  setTop,
  stM,
  stSe,
  stackOverflow,
  stackUnderflow,
  statusWord,
  top,
} from "./registers";
import { isDenormal, isInfinite, isNan, isUnsupported, isZero } from "./classify";
import { add, mul, div, sqrt, compare, Order } from "./arithmetic";
import { extract, exponentM, exponentSe, partialRemainder, roundToInteger, scale } from "./parts";
import { loadConstant } from "./constants";
import { logarithm, logarithmPlusOne, exponentialMinusOne } from "./logarithm";
import { arctangent, cosine, sine, sineAndCosine, tangent, secondSe, secondM } from "./trigonometry";

/** ST(i) = ST(0) op the operand, then pops. `op` is the instruction's /digit: ADD MUL – – SUB SUBR DIV DIVR. */
export function arithmeticTo(i: u32, op: i32, se: u32, m: u64, pops: i32): void {
  if (isEmpty(0)) stackUnderflow();
  else {
    const aSe = stSe(0);
    const aM = stM(0);
    switch (op) {
      case 0: add(aSe, aM, se, m, 0); break;
      case 1: mul(aSe, aM, se, m); break;
      case 4: add(aSe, aM, se, m, 1); break;
      case 5: add(se, m, aSe, aM, 1); break;
      case 6: div(aSe, aM, se, m); break;
      default: div(se, m, aSe, aM); break;
    }
  }
  finishTo(i, pops);
}

/** Commits the result to ST(i) and pops, unless an unmasked exception forbids it. */
function finishTo(i: u32, pops: i32): void {
  const stopped = isStopped();
  commitStatus(Sw.C1);
  if (stopped) return;
  setSt(i, resultSe, resultM);
  if (pops) pop();
}

/** Compares ST(0) with the operand into C3 C2 C0, then pops. */
export function compareWith(se: u32, m: u64, quiet: bool, pops: i32): void {
  let order: u32 = Order.UNORDERED;
  if (isEmpty(0)) stackUnderflow();
  else order = compare(stSe(0), stM(0), se, m, quiet);
  finishCompare(order, pops);
}
function compareRegister(i: u32, quiet: bool, pops: i32): void {
  let order: u32 = Order.UNORDERED;
  if (isEmpty(0) || isEmpty(i)) stackUnderflow();
  else order = compare(stSe(0), stM(0), stSe(i), stM(i), quiet);
  finishCompare(order, pops);
}
function finishCompare(order: u32, pops: i32): void {
  // An unmasked exception keeps the operands, but the condition codes are set all the same.
  const stopped = isStopped();
  flag(order);
  commitStatus(Sw.CONDITION);
  if (stopped) return;
  for (; pops; pops--) pop();
}

/** FCOMI, FUCOMI and their popping forms: the outcome goes to ZF, PF, CF. */
function compareToFlags(i: u32, quiet: bool, pops: i32): void {
  let order: u32 = Order.UNORDERED;
  if (isEmpty(0) || isEmpty(i)) stackUnderflow();
  else order = compare(stSe(0), stM(0), stSe(i), stM(i), quiet);
  const stopped = isStopped();
  commitStatus(raised & Sw.SF ? Sw.C1 : 0);
  setArith((order & Sw.C0 ? Fl.CF : 0) | (order & Sw.C2 ? Fl.PF : 0) | (order & Sw.C3 ? Fl.ZF : 0));
  if (pops && !stopped) pop();
}

export function execRegisterForm(opcode: i32, reg: i32, rm: u32): void {
  switch (opcode) {
    case 0:
      arithmeticForm(0, reg, rm, 0);
      break;
    case 1:
      if (reg < 4) moveForm(reg, rm);
      else if (reg == 4) examineForm(rm);
      else if (reg == 5) constantForm(rm);
      else if (reg == 6) functionForm(rm);
      else functionForm(rm + 8);
      break;
    case 2:
      if (reg < 4) conditionalMove(rm, reg, false);
      else compareRegister(1, true, 2);
      break;
    case 3:
      if (reg < 4) conditionalMove(rm, reg, true);
      else if (reg == 4) controlForm(rm);
      else compareToFlags(rm, reg == 5, 0);
      break;
    case 4:
      arithmeticForm(rm, reg, rm, 0);
      break;
    case 5:
      if (reg == 0) release(rm, false);
      else if (reg == 1) exchange(rm);
      else if (reg < 4) copyTo(rm, reg == 3);
      else compareRegister(rm, true, reg - 4);
      break;
    case 6:
      if (reg == 2) compareRegister(rm, false, 1);
      else if (reg == 3) compareRegister(1, false, 2);
      else arithmeticForm(rm, reg, rm, 1);
      break;
    default:
      if (reg == 0) release(rm, true);
      else if (reg == 1) exchange(rm);
      else if (reg < 4) copyTo(rm, true);
      else if (reg == 4) W16(RAX, <u16>statusWord());
      else compareToFlags(rm, reg == 5, 1);
      break;
  }
}

function arithmeticForm(destination: u32, reg: i32, rm: u32, pops: i32): void {
  if (reg == 2 || reg == 3) compareRegister(rm, false, reg - 2);
  else if (isEmpty(rm)) {
    stackUnderflow();
    finishTo(destination, pops);
  } else arithmeticTo(destination, reg, stSe(rm), stM(rm), pops);
}

/** FLD ST(i), FXCH, FNOP, and FSTP by its second name, which pops an empty register without a stack fault. */
function moveForm(reg: i32, i: u32): void {
  if (reg == 1) exchange(i);
  else if (reg == 3) {
    if (isEmpty(0)) {
      commitStatus(Sw.C1);
      pop();
    } else copyTo(i, true);
  } else if (reg == 0) {
    if (isEmpty(i)) stackUnderflow();
    else if (!isEmpty(7)) stackOverflow();
    else setResult(stSe(i), stM(i));
    finishPush();
  }
}
function finishPush(): void {
  const stopped = isStopped();
  commitStatus(Sw.C1);
  if (!stopped) push(resultSe, resultM);
}

function exchange(i: u32): void {
  if (isEmpty(0) || isEmpty(i)) stackUnderflow();
  const stopped = isStopped();
  commitStatus(Sw.C1);
  if (stopped) return;
  const aSe = isEmpty(0) ? INDEFINITE_SE : stSe(0);
  const aM = isEmpty(0) ? INDEFINITE_M : stM(0);
  const bSe = isEmpty(i) ? INDEFINITE_SE : stSe(i);
  const bM = isEmpty(i) ? INDEFINITE_M : stM(i);
  setSt(0, bSe, bM);
  setSt(i, aSe, aM);
}

/** FST ST(i), FSTP ST(i). */
function copyTo(i: u32, pops: bool): void {
  if (isEmpty(0)) stackUnderflow();
  else setResult(stSe(0), stM(0));
  finishTo(i, pops ? 1 : 0);
}

/** FFREE, FFREEP. */
function release(i: u32, pops: bool): void {
  free(i);
  commitStatus(Sw.C1);
  if (pops) pop();
}

/** FCMOVcc: B, E, BE, U, or their opposites. */
function conditionalMove(i: u32, test: i32, opposite: bool): void {
  if (isEmpty(0) || isEmpty(i)) stackUnderflow();
  else {
    // Condition numbers of Jcc: B 2, E 4, BE 6, P 10.
    const number = test == 3 ? 10 : test * 2 + 2;
    const from: u32 = condition(number + <i32>opposite) ? i : 0;
    setResult(stSe(from), stM(from));
  }
  const stopped = isStopped();
  commitStatus(raised & Sw.SF ? Sw.C1 : 0);
  if (!stopped) setSt(0, resultSe, resultM);
}

/** FCHS, FABS, FTST, FXAM. */
function examineForm(rm: u32): void {
  const se = stSe(0);
  const m = stM(0);
  if (rm < 2) {
    if (isEmpty(0)) stackUnderflow();
    else setResult(rm == 0 ? se ^ 0x8000 : se & 0x7fff, m);
    finishTo(0, 0);
  } else if (rm == 4) compareWith(0, 0, false, 0);
  else {
    let conditions: u32 = se & 0x8000 ? Sw.C1 : 0;
    if (isEmpty(0)) conditions |= Sw.C3 | Sw.C0;
    else if (isUnsupported(se, m)) conditions |= 0;
    else if (isNan(se, m)) conditions |= Sw.C0;
    else if (isInfinite(se, m)) conditions |= Sw.C2 | Sw.C0;
    else if (isZero(se, m)) conditions |= Sw.C3;
    else if (isDenormal(se, m)) conditions |= Sw.C3 | Sw.C2;
    else conditions |= Sw.C2;
    flag(conditions);
    commitStatus(Sw.CONDITION);
  }
}

function constantForm(rm: u32): void {
  if (!isEmpty(7)) stackOverflow();
  else loadConstant(rm);
  finishPush();
}

/** FENI, FDISI, FSETPM (no effect since the 387), FNCLEX, FNINIT. */
function controlForm(rm: u32): void {
  if (rm == 2) {
    store<u32>(L.FPU_SW, statusWord() & ~(Sw.EXCEPTIONS | Sw.SF | Sw.ES | Sw.BUSY));
  } else if (rm == 3) fpuInit();
}

/** D9 F0…FF. */
function functionForm(n: u32): void {
  switch (n) {
    case 6:
    case 7:
      setTop(n == 6 ? top() - 1 : top() + 1);
      commitStatus(Sw.C1);
      return;
    case 2:
    case 4:
    case 11:
      pushingForm(n);
      return;
    case 1:
    case 3:
    case 9:
      // y in ST(1) and x in ST(0) become one value.
      if (isEmpty(0) || isEmpty(1)) stackUnderflow();
      else if (n == 1) logarithm(stSe(1), stM(1), stSe(0), stM(0));
      else if (n == 3) arctangent(stSe(1), stM(1), stSe(0), stM(0));
      else logarithmPlusOne(stSe(1), stM(1), stSe(0), stM(0));
      finishTo(1, 1);
      return;
    case 5:
    case 8:
      remainderForm(n == 5);
      return;
    case 13:
      if (isEmpty(0) || isEmpty(1)) stackUnderflow();
      else scale(stSe(0), stM(0), stSe(1), stM(1));
      finishTo(0, 0);
      return;
    default:
      break;
  }
  if (isEmpty(0)) stackUnderflow();
  else if (n == 0) exponentialMinusOne(stSe(0), stM(0));
  else if (n == 10) sqrt(stSe(0), stM(0));
  else if (n == 12) roundToInteger(stSe(0), stM(0));
  else if (n == 14) sine(stSe(0), stM(0));
  else cosine(stSe(0), stM(0));
  finishWith(n >= 14 ? Sw.C1 | Sw.C2 : Sw.C1);
}
function remainderForm(nearest: bool): void {
  let divided = false;
  if (isEmpty(0) || isEmpty(1)) stackUnderflow();
  else divided = partialRemainder(stSe(0), stM(0), stSe(1), stM(1), nearest);
  finishWith(divided ? Sw.CONDITION : Sw.C1 | Sw.C2);
}
function finishWith(conditions: u32): void {
  const stopped = isStopped();
  commitStatus(conditions);
  if (!stopped) setSt(0, resultSe, resultM);
}

/** FPTAN, FXTRACT, FSINCOS: one value becomes two, the second pushed. */
function pushingForm(n: u32): void {
  let lowerSe = INDEFINITE_SE;
  let lowerM = INDEFINITE_M;
  let upperSe = INDEFINITE_SE;
  let upperM = INDEFINITE_M;
  if (isEmpty(0)) stackUnderflow();
  else if (!isEmpty(7)) stackOverflow();
  else {
    const se = stSe(0);
    const m = stM(0);
    if (n == 2) {
      tangent(se, m);
      lowerSe = resultSe;
      lowerM = resultM;
      upperSe = secondSe;
      upperM = secondM;
    } else if (n == 4) {
      extract(se, m);
      lowerSe = exponentSe;
      lowerM = exponentM;
      upperSe = resultSe;
      upperM = resultM;
    } else {
      sineAndCosine(se, m);
      lowerSe = resultSe;
      lowerM = resultM;
      upperSe = secondSe;
      upperM = secondM;
    }
  }
  const stopped = isStopped();
  commitStatus(n == 4 ? Sw.C1 : Sw.C1 | Sw.C2);
  if (stopped || raised & Sw.C2) return;
  setSt(0, lowerSe, lowerM);
  push(upperSe, upperM);
}
