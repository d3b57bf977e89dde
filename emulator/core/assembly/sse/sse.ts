/** MMX and SSE to SSE4.2: from a decoded operation to what carries it out. */
import { L, Fl } from "../../layout";
import { Op, Info } from "../op";
import { raiseGP, raiseUD } from "../fault";
import { W, W32 } from "../state";
import { setArith } from "../flags";
import { Form, formOf } from "./forms";
import {
  xmm, setXmm, mm, setMm, enterMmx, low, zext, xmmSource, mmSource, generalSource, checkAvailable,
} from "./operands";
import {
  packed0F, packed0F38, shift, shiftBytes, shuffleDwords, shuffleLowWords, shuffleHighWords, shuffleSingles,
  shuffleDoubles, alignRight, groupDifferences, blend, blendVariable,
} from "./packed";
import {
  arithmetic, squareRoots, compares, rounds, ordered, horizontal, addSubtract, dotSingles, dotDoubles, convertPi2Ps,
  convertDq2Ps, convertDq2Pd, convertPs2Dq, convertPs2Pi, convertPd2Dq, convertToGeneral, convertFromGeneral,
  convertPrecision,
} from "./lanes";
import {
  loadXmm, storeXmm, moveLow, moveHigh, storeHalf, moveMask, moveFromGeneral, moveToGeneral, loadQuad, storeQuad, loadMm,
  storeMm, moveBetweenUnits, storeGeneralDirect, maskedStore, insertWord, extractWord, extractElement, insertElement,
  insertSingle,
} from "./moves";
import { approximate } from "./approximate";
import { execStrings } from "./strings";
import { execCrc32 } from "./crc32";

export { sseAccess, sseExists } from "./forms";

/** Raises what comes before an instruction looks at its operand's segment: #UD, #NM, #MF, and #GP for its alignment. */
export function checkSseReady(info: i32, lin: u32): void {
  const form = formOf(info);
  if (!form || Info.lock(info)) raiseUD();
  checkAvailable(form);
  if (form & Form.ALIGNED && lin & 15) raiseGP(0);
}

/** Executes the MMX or SSE instruction of a cold operation; raises #UD for an encoding that does not exist. */
export function execSse(op: Op): void {
  const info = op.imm;
  const form = formOf(info);
  if (!form || Info.lock(info)) raiseUD();
  checkAvailable(form);
  switch (Info.map(info)) {
    case 1: exec0F(op, form); break;
    case 2: exec0F38(op, form); break;
    default: exec0F3A(op, form); break;
  }
}

function exec0F(op: Op, form: u32): void {
  const opcode = Info.opcode(op.imm);
  const prefix = Info.prefix(op.imm);
  switch (opcode) {
    case 0x10:
    case 0x28:
    case 0xf0:
      loadXmm(op, form);
      break;
    case 0x11:
    case 0x29:
    case 0x2b:
      storeXmm(op, form);
      break;
    case 0x12: moveLow(op, form); break;
    case 0x13:
    case 0x17:
      storeHalf(op, form);
      break;
    case 0x14:
    case 0x15:
      unpack(op, form, (prefix ? 0x6c : 0x62) + (opcode == 0x14 ? 0 : prefix ? 1 : 8));
      break;
    case 0x16: moveHigh(op, form); break;
    case 0x2a: fromInteger(op, form); break;
    case 0x2c:
    case 0x2d:
      toInteger(op, form);
      break;
    case 0x2e:
    case 0x2f:
      setArith(ordered(prefix == 1, low(xmm(op.a)), low(xmmSource(op, form)), opcode == 0x2f));
      break;
    case 0x50:
    case 0xd7:
      moveMask(op, form);
      break;
    case 0x51: setXmm(op.a, squareRoots(prefix, xmm(op.a), xmmSource(op, form))); break;
    case 0x52:
    case 0x53:
      setXmm(op.a, approximate(opcode == 0x52, prefix == 2, xmm(op.a), xmmSource(op, form)));
      break;
    case 0x54: unpack(op, form, 0xdb); break;
    case 0x55: unpack(op, form, 0xdf); break;
    case 0x56: unpack(op, form, 0xeb); break;
    case 0x57: unpack(op, form, 0xef); break;
    case 0x58:
    case 0x59:
    case 0x5c:
    case 0x5d:
    case 0x5e:
    case 0x5f:
      setXmm(op.a, arithmetic(opcode, prefix, xmm(op.a), xmmSource(op, form)));
      break;
    case 0x5a: setXmm(op.a, convertPrecision(prefix, xmm(op.a), xmmSource(op, form))); break;
    case 0x5b: {
      const s = xmmSource(op, form);
      setXmm(op.a, prefix ? convertPs2Dq(s, prefix == 2) : convertDq2Ps(s));
      break;
    }
    case 0x6e: moveFromGeneral(op, form); break;
    case 0x6f:
      if (prefix) loadXmm(op, form);
      else loadMm(op, form);
      break;
    case 0x70: shuffle(op, form); break;
    case 0x71:
    case 0x72:
    case 0x73:
      shiftImmediate(op, form);
      break;
    case 0x77:
      enterMmx();
      store<u32>(L.FPU_TAG, 0);
      break;
    case 0x7c:
    case 0x7d:
      setXmm(op.a, horizontal(opcode, prefix == 1, xmm(op.a), xmmSource(op, form)));
      break;
    case 0x7e:
      if (prefix == 2) loadQuad(op, form);
      else moveToGeneral(op, form);
      break;
    case 0x7f:
    case 0xe7:
      if (prefix) storeXmm(op, form);
      else storeMm(op, form);
      break;
    case 0xc2: setXmm(op.a, compares(prefix, xmm(op.a), xmmSource(op, form), <i32>op.imm64)); break;
    case 0xc3: storeGeneralDirect(op, form); break;
    case 0xc4: insertWord(op, form); break;
    case 0xc5: extractWord(op, form); break;
    case 0xc6: {
      const s = xmmSource(op, form);
      const fields = <u64>op.imm64;
      setXmm(op.a, prefix ? shuffleDoubles(xmm(op.a), s, fields) : shuffleSingles(xmm(op.a), s, fields));
      break;
    }
    case 0xd0: setXmm(op.a, addSubtract(prefix == 1, xmm(op.a), xmmSource(op, form))); break;
    case 0xd6:
      if (prefix == 1) storeQuad(op, form);
      else moveBetweenUnits(op);
      break;
    case 0xe6: {
      const s = xmmSource(op, form);
      setXmm(op.a, prefix == 2 ? convertDq2Pd(s) : zext(convertPd2Dq(s, prefix == 1)));
      break;
    }
    case 0xf7: maskedStore(op, form); break;
    default:
      if (form & Form.MMX) {
        const s = zext(mmSource(op, form));
        setMm(op.a, low(packed0F(opcode, zext(mm(op.a)), s, true)));
      } else unpack(op, form, opcode);
      break;
  }
}

/** A packed operation of two XMM registers, named by the opcode of its integer form. */
function unpack(op: Op, form: u32, opcode: i32): void {
  const s = xmmSource(op, form);
  setXmm(op.a, packed0F(opcode, xmm(op.a), s, false));
}

/** 0F 2A: CVTPI2PS, CVTPI2PD, CVTSI2SS, CVTSI2SD. */
function fromInteger(op: Op, form: u32): void {
  const prefix = Info.prefix(op.imm);
  if (prefix >= 2) {
    const v = generalSource(op, form);
    const r = convertFromGeneral(prefix == 3, Info.rexW(op.imm) ? <i64>v : <i64><i32>v);
    const d = xmm(op.a);
    setXmm(op.a, prefix == 3 ? i64x2.replace_lane(d, 0, <i64>r) : i32x4.replace_lane(d, 0, <i32>r));
    return;
  }
  const v = mmSource(op, form);
  // MMX state is entered even if #XM follows.
  if (form & Form.MMX) enterMmx();
  if (prefix) setXmm(op.a, convertDq2Pd(zext(v)));
  else setXmm(op.a, i64x2.replace_lane(xmm(op.a), 0, <i64>convertPi2Ps(v)));
}

/** 0F 2C (truncating) and 2D: CVTPS2PI, CVTPD2PI, CVTSS2SI, CVTSD2SI and the CVTT ones. */
function toInteger(op: Op, form: u32): void {
  const prefix = Info.prefix(op.imm);
  const truncate = Info.opcode(op.imm) == 0x2c;
  const s = xmmSource(op, form);
  if (prefix < 2) {
    // MMX state is entered even if #XM follows.
    enterMmx();
    setMm(op.a, prefix ? convertPd2Dq(s, truncate) : convertPs2Pi(low(s), truncate));
  } else if (Info.rexW(op.imm)) W(op.a, convertToGeneral(prefix == 3, low(s), 64, truncate));
  else W32(op.a, <u32>convertToGeneral(prefix == 3, low(s), 32, truncate));
}

/** 0F 70: PSHUFW, PSHUFD, PSHUFHW, PSHUFLW. */
function shuffle(op: Op, form: u32): void {
  const fields = <u64>op.imm64;
  if (form & Form.MMX) {
    setMm(op.a, low(shuffleLowWords(zext(mmSource(op, form)), fields)));
    return;
  }
  const s = xmmSource(op, form);
  switch (Info.prefix(op.imm)) {
    case 1: setXmm(op.a, shuffleDwords(s, fields)); break;
    case 2: setXmm(op.a, shuffleHighWords(s, fields)); break;
    default: setXmm(op.a, shuffleLowWords(s, fields)); break;
  }
}

/** 0F 71 to 73: shifts of the rm register by an immediate. */
function shiftImmediate(op: Op, form: u32): void {
  const opcode = Info.opcode(op.imm);
  const reg = Info.reg(op.imm);
  const by = <u64>op.imm64 & 0xff;
  // The forms that shift by a register: D1 to D3 right, E1 and E2 arithmetic, F1 to F3 left.
  const same = (reg == 2 ? 0xd0 : reg == 4 ? 0xe0 : 0xf0) | (opcode & 3);
  if (form & Form.MMX) setMm(op.b, low(shift(same, zext(mm(op.b)), by)));
  else if (reg & 1) setXmm(op.b, shiftBytes(xmm(op.b), <i32>min<u64>(by, 16), reg == 3));
  else setXmm(op.b, shift(same, xmm(op.b), by));
}

function exec0F38(op: Op, form: u32): void {
  const opcode = Info.opcode(op.imm);
  if (opcode >= 0xf0) {
    execCrc32(op);
    return;
  }
  if (form & Form.MMX) {
    const s = zext(mmSource(op, form));
    setMm(op.a, low(packed0F38(opcode, zext(mm(op.a)), s, true)));
    return;
  }
  const s = xmmSource(op, form);
  const d = xmm(op.a);
  switch (opcode) {
    case 0x10: setXmm(op.a, blendVariable(d, s, xmm(0), 0)); break;
    case 0x14: setXmm(op.a, blendVariable(d, s, xmm(0), 2)); break;
    case 0x15: setXmm(op.a, blendVariable(d, s, xmm(0), 3)); break;
    case 0x17:
      setArith((v128.any_true(v128.and(s, d)) ? 0 : Fl.ZF) | (v128.any_true(v128.andnot(s, d)) ? 0 : Fl.CF));
      break;
    default: setXmm(op.a, packed0F38(opcode, d, s, false)); break;
  }
}

function exec0F3A(op: Op, form: u32): void {
  const opcode = Info.opcode(op.imm);
  if (opcode >= 0x60) {
    execStrings(op, form);
    return;
  }
  if (opcode >= 0x14 && opcode <= 0x17) {
    extractElement(op, form);
    return;
  }
  if (opcode == 0x20 || opcode == 0x22) {
    insertElement(op, form);
    return;
  }
  if (opcode == 0x21) {
    insertSingle(op, form);
    return;
  }
  const immediate = <u32>op.imm64 & 0xff;
  if (form & Form.MMX) {
    // The bytes of both operands in one register, moved right.
    const s = mmSource(op, form);
    const both = i64x2.replace_lane(zext(s), 1, <i64>mm(op.a));
    setMm(op.a, immediate < 16 ? low(shiftBytes(both, immediate, true)) : 0);
    return;
  }
  const s = xmmSource(op, form);
  const d = xmm(op.a);
  let r: v128;
  switch (opcode) {
    case 0x08:
    case 0x09:
    case 0x0a:
    case 0x0b:
      // Packed single, packed double, scalar single, scalar double, as the prefixes of map 0F.
      r = rounds(opcode & 3, d, s, immediate);
      break;
    case 0x0c: r = blend(d, s, immediate, 2); break;
    case 0x0d: r = blend(d, s, immediate, 3); break;
    case 0x0e: r = blend(d, s, immediate, 1); break;
    case 0x0f: r = alignRight(d, s, immediate); break;
    case 0x40: r = dotSingles(d, s, immediate); break;
    case 0x41: r = dotDoubles(d, s, immediate); break;
    default: r = groupDifferences(d, s, immediate); break;
  }
  setXmm(op.a, r);
}
