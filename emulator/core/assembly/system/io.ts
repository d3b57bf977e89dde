/** IN, OUT, INS and OUTS, and who may use which port (SDM vol. 1, chapter 18). */
import { L, Fl } from "../../layout";
import { raiseGP } from "../fault";
import { bulkSource, bulkTarget, guestTime, ldc, noteTime, probeWrite, stc, translate } from "../mem";
import { Access } from "../paging";
import { Info, Op } from "../op";
import { R, R16, R32, RAX, RCX, RDI, RDX, RSI, W, W16, W32, W8, isProtected, isVm86 } from "../state";
import { resumeLater } from "../integer/string";
import { elementsInPage, elementsInSegment, stringAddress } from "../integer/string-operand";
import { loadSystem, systemLinear } from "./access";
import { hasIoPrivilege } from "./flag-control";
import { linearOf } from "./segments";

// @ts-ignore: decorator
@external("env", "portRead")
declare function portRead(port: u32, size: u32): u32;
// @ts-ignore: decorator
@external("env", "portWrite")
declare function portWrite(port: u32, size: u32, value: u32): void;
/** Reads at most `count` elements of `size` bytes to an address of this memory, when nothing but data comes of it; how many. */
// @ts-ignore: decorator
@external("env", "portReadBlock")
declare function portReadBlock(port: u32, size: u32, address: usize, count: u32): u32;
// @ts-ignore: decorator
@external("env", "portWriteBlock")
declare function portWriteBlock(port: u32, size: u32, address: usize, count: u32): u32;

/** Raises #GP(0) unless IOPL or the TSS's bitmap permits `size` bytes of ports from `port`. */
function checkPort(port: u32, size: u32): void {
  if (!isProtected() || (!isVm86() && hasIoPrivilege())) return;
  const limit = load<u32>(L.SEG_TR + L.SEG_LIMIT);
  if (!(load<u32>(L.SEG_TR + L.SEG_ATTR) & 8) || limit < 103) raiseGP(0);
  const tss = load<u64>(L.SEG_TR);
  const at = <u32>loadSystem<u16>(systemLinear(tss, 102)) + (port >> 3);
  if (at + 1 > limit) raiseGP(0);
  const bits = <u32>loadSystem<u16>(systemLinear(tss, at)) >> (port & 7);
  if (bits & ((1 << size) - 1)) raiseGP(0);
}

function input(port: u32, size: u32): u32 {
  // Guests wait for a bit by millions of reads.
  if (load<u32>(L.PORT_HOLD) == port && size == 1 && guestTime() < load<f64>(L.PORT_HOLD_UNTIL)) return load<u32>(L.PORT_HOLD_VALUE);
  noteTime();
  return portRead(port, size);
}
function output(port: u32, size: u32, value: u32): void {
  noteTime();
  portWrite(port, size, value);
}

/** Bytes of the operand: even opcodes mean 1. */
function sizeOf(info: i32): u32 {
  if (!(Info.opcode(info) & 1)) return 1;
  return Info.osize(info) == 1 ? 2 : 4;
}

/** IN and OUT; `port` from the immediate or DX. */
export function execIn(op: Op, port: u32): void {
  const size = sizeOf(op.imm);
  checkPort(port, size);
  const value = input(port, size);
  if (size == 1) W8(RAX, <u8>value);
  else if (size == 2) W16(RAX, <u16>value);
  else W32(RAX, value);
}
export function execOut(op: Op, port: u32): void {
  const size = sizeOf(op.imm);
  checkPort(port, size);
  output(port, size, size == 1 ? R32(RAX) & 0xff : size == 2 ? R32(RAX) & 0xffff : R32(RAX));
}

// ---------------------------------------------------------------- string forms
function index(r: usize, asize: u32): u64 {
  return asize == 3 ? R(r) : asize == 2 ? <u64>R32(r) : <u64>R16(r);
}
function setIndex(r: usize, asize: u32, value: u64): void {
  if (asize == 3) W(r, value);
  else if (asize == 2) W32(r, <u32>value);
  else W16(r, <u16>value);
}
function step(r: usize, asize: u32, size: u32): void {
  const down = (load<u32>(L.EFLAGS) & Fl.DF) != 0;
  setIndex(r, asize, down ? index(r, asize) - size : index(r, asize) + size);
}

/** INS and OUTS. An iteration of a REP form counts as one instruction; the form runs as far as the budget goes. */
export function execString(op: Op, isInput: bool): void {
  const info = op.imm;
  const asize = <u32>Info.asize(info);
  const repeated = Info.prefix(info) >= 2;
  if (repeated && index(RCX, asize) == 0) return;
  const size = sizeOf(info);
  const port = R32(RDX) & 0xffff;
  checkPort(port, size);
  if (repeated) repeat(op, port, size, isInput);
  else once(op, port, size, isInput);
}

function once(op: Op, port: u32, size: u32, isInput: bool): void {
  const asize = <u32>Info.asize(op.imm);
  if (isInput) {
    const lin = linearOf(0, index(RDI, asize), size, true);
    probeWrite(lin, size);
    store<u32>(L.INS_PHYS, translate(lin, Access.WRITE).phys | (<u32>lin & 4095));
    const value = input(port, size);
    store<u32>(L.INS_PHYS, 0xffffffff);
    if (size == 1) stc<u8>(lin, <u8>value);
    else if (size == 2) stc<u16>(lin, <u16>value);
    else stc<u32>(lin, value);
    step(RDI, asize, size);
  } else {
    const lin = linearOf(Info.segment(op.imm), index(RSI, asize), size, false);
    output(port, size, size == 1 ? <u32>ldc<u8>(lin) : size == 2 ? <u32>ldc<u16>(lin) : ldc<u32>(lin));
    step(RSI, asize, size);
  }
}

function repeat(op: Op, port: u32, size: u32, isInput: bool): void {
  const asize = <u32>Info.asize(op.imm);
  const down = (load<u32>(L.EFLAGS) & Fl.DF) != 0;
  let left = index(RCX, asize);
  while (true) {
    const allowed = <i64>load<i32>(L.BUDGET) + 1;
    let k: u64 = down || allowed < 2 ? 0 : block(op, port, size, isInput, min<u64>(left, <u64>allowed));
    if (k == 0) {
      once(op, port, size, isInput);
      k = 1;
    } else {
      const r = isInput ? RDI : RSI;
      setIndex(r, asize, index(r, asize) + k * size);
    }
    left -= k;
    setIndex(RCX, asize, left);
    store<i32>(L.BUDGET, load<i32>(L.BUDGET) - <i32>k);
    if (left == 0) break;
    if (load<i32>(L.BUDGET) < 0 || load<u32>(L.ATTENTION) || load<u32>(L.WATCH_HIT) || load<u32>(L.PENDING_DB)) {
      resumeLater(op);
      break;
    }
  }
  store<i32>(L.BUDGET, load<i32>(L.BUDGET) + 1);
}

/** Iterations that the device takes as one, between plain memory inside one page and its port; 0: one is to be done by itself. */
function block(op: Op, port: u32, size: u32, isInput: bool, most: u64): u64 {
  const log: i32 = size == 4 ? 2 : <i32>size - 1;
  const segment = isInput ? 0 : <u32>Info.segment(op.imm);
  const r = isInput ? RDI : RSI;
  let k = min<u64>(most, elementsInSegment(op, segment, r, log, isInput, false));
  if (k < 2) return 0;
  const lin = stringAddress(op, segment, r, log, isInput);
  k = min<u64>(k, elementsInPage(lin, log, false));
  if (k < 2) return 0;
  if (!isInput) {
    const source = bulkSource(lin, lin, size);
    if (source) noteTime();
    return source ? portWriteBlock(port, size, source, <u32>k) : 0;
  }
  const target = bulkTarget(lin, lin, size, <u32>k * size);
  if (!target) return 0;
  store<u32>(L.INS_PHYS, translate(lin, Access.WRITE).phys | (<u32>lin & 4095));
  noteTime();
  const done = portReadBlock(port, size, target, <u32>k);
  store<u32>(L.INS_PHYS, 0xffffffff);
  return done;
}
