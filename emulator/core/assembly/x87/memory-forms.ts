/** Instructions D8…DF with a memory operand. */
import { L } from "../../layout";
import { ldc, stc, checkOperand, probeRead, probeWrite } from "../mem";
import {
  Sw,
  INDEFINITE_SE,
  INDEFINITE_M,
  commitStatus,
  isEmpty,
  isStopped,
  setResult,
  stM,
  stSe,
  pop,
  push,
  raised,
  resultM,
  resultSe,
  stackOverflow,
  stackUnderflow,
  statusWord,
  updateSummary,
  fpuInit,
} from "./registers";
import { settleOne, checkDenormals, noteMemoryDenormal } from "./classify";
import {
  loadDecimal,
  loadExtended,
  loadInteger64,
  loadOperand,
  loadedM,
  loadedSe,
  storeDecimal,
  storeExtended,
  storeInteger,
  storeReal,
} from "./memory";
import { environmentSize, loadAll, loadEnvironment, storeAll, storeEnvironment } from "./environment";
import { arithmeticTo, compareWith } from "./register-forms";

export function execMemoryForm(opcode: i32, reg: i32, lin: u64, wide: bool): void {
  if (!(opcode & 1)) {
    loadOperand(lin, opcode >> 1);
    if (reg == 2 || reg == 3) compareWith(loadedSe, loadedM, false, reg - 2);
    else arithmeticTo(0, reg, loadedSe, loadedM, 0);
    noteMemoryDenormal(false);
    return;
  }
  if (opcode == 1 && reg >= 4) {
    control(reg, lin, wide);
    return;
  }
  if (opcode == 5 && reg >= 4) {
    stateForm(reg, lin, wide);
    return;
  }
  if (reg == 0) {
    loadOperand(lin, opcode >> 1);
    pushOperand(opcode == 1 || opcode == 5);
  } else if (reg == 4) {
    loadDecimal(lin);
    pushOperand(false);
  } else if (reg == 5) {
    if (opcode == 3) loadExtended(lin);
    else loadInteger64(lin);
    pushOperand(false);
  } else storeTop(opcode, reg, lin);
}

/** Pushes the loaded value. Shorter real formats answer signaling NaNs and denormals; others raise nothing. */
function pushOperand(checked: bool): void {
  if (!isEmpty(7)) stackOverflow();
  else if (!checked || !settleOne(loadedSe, loadedM)) {
    setResult(loadedSe, loadedM);
    if (checked) checkDenormals(loadedSe, loadedM, 0, 0);
  }
  noteMemoryDenormal(false);
  // An unmasked denormal operand is loaded all the same, as AMD's processors do.
  const stopped = raised & Sw.IE && isStopped();
  commitStatus(Sw.C1);
  if (!stopped) push(resultSe, resultM);
}

/** FST, FSTP, FIST, FISTP, FISTTP and FBSTP. */
function storeTop(opcode: i32, reg: i32, lin: u64): void {
  let se = stSe(0);
  let m = stM(0);
  let stored = true;
  // An unmasked exception keeps the value from being stored, but not the operand from faulting.
  if ((load<u32>(L.FPU_CW) & Sw.EXCEPTIONS) != Sw.EXCEPTIONS) probeStore(opcode, reg, lin);
  const empty = isEmpty(0);
  if (empty) {
    stackUnderflow();
    se = INDEFINITE_SE;
    m = INDEFINITE_M;
  }
  if (isStopped()) stored = false;
  else if (opcode == 1) stored = storeReal(lin, se, m, 24);
  else if (opcode == 5 && reg != 1) stored = storeReal(lin, se, m, 53);
  else if (opcode == 7 && reg == 6) stored = storeDecimal(lin, se, m);
  else if (opcode == 3 && reg == 7) storeExtended(lin, se, m);
  else {
    const size: u32 = opcode == 3 ? 4 : opcode == 5 || reg == 7 ? 8 : 2;
    stored = storeInteger(lin, se, m, size, reg == 1);
  }
  commitStatus(Sw.C1);
  if (stored && reg != 2) pop();
}

/** Raises the fault that storing the top would raise. */
function probeStore(opcode: i32, reg: i32, lin: u64): void {
  const extended = (opcode == 3 && reg == 7) || (opcode == 7 && reg == 6);
  const short = opcode == 1 || (opcode == 3 && reg < 4);
  const size: u32 = extended ? 10 : short ? 4 : opcode == 7 && reg < 4 ? 2 : 8;
  checkOperand(lin, size, min<u32>(size, 8));
  probeWrite(lin, size);
}

/** FLDENV, FLDCW, FNSTENV, FNSTCW. */
function control(reg: i32, lin: u64, wide: bool): void {
  switch (reg) {
    case 4:
      checkOperand(lin, environmentSize(wide), wide ? 4 : 2);
      probeRead(lin, environmentSize(wide));
      loadEnvironment(lin, wide);
      break;
    case 5:
      store<u32>(L.FPU_CW, (<u32>ldc<u16>(lin) & 0x1f3f) | 0x40);
      updateSummary();
      break;
    case 6:
      checkOperand(lin, environmentSize(wide), wide ? 4 : 2);
      probeWrite(lin, environmentSize(wide));
      storeEnvironment(lin, wide);
      store<u32>(L.FPU_CW, load<u32>(L.FPU_CW) | Sw.EXCEPTIONS);
      updateSummary();
      break;
    default:
      stc<u16>(lin, <u16>load<u32>(L.FPU_CW));
      break;
  }
}

/** FRSTOR, FNSAVE, FNSTSW. */
function stateForm(reg: i32, lin: u64, wide: bool): void {
  switch (reg) {
    case 4:
      loadAll(lin, wide);
      break;
    case 6:
      storeAll(lin, wide);
      fpuInit();
      break;
    default:
      stc<u16>(lin, <u16>statusWord());
      break;
  }
}
