/** Relative branches, and comparisons fused with the branch behind them. */
import { L } from "../layout";
import { Op } from "./op";
import { H } from "./handlers.gen";
import { codeSize, osize, lock, overrun, fetch16, fetch32, fetchS8, emit, emitCold, setTargets, getFusible, nextRip, dropOp } from "./decode";
import { undefinedOpcode } from "./decode-cold";
import { flatStack } from "./decode-moves";

const RSP8: u32 = 32;

/** Target of a relative branch: IP is cut to the operand size outside 64-bit mode. */
function branchTarget(rel: i32): u64 {
  const t = nextRip() + <i64>rel;
  if (osize == 1) return t & 0xffff;
  return codeSize == 2 ? t : <u64><u32>t;
}
export function fetchRelative(): i32 {
  return osize == 1 ? <i32><i16>fetch16() : <i32>fetch32();
}
/** Whether a branch may be hot: outside 64-bit mode the target must lie inside the segment, or it faults at the branch. */
function plainTarget(target: u64): bool {
  return codeSize == 2 ? osize != 1 && <i64>(target << 16) >> 16 == <i64>target : target <= <u64>load<u32>(L.SEG_CS + L.SEG_LIMIT);
}

export function conditionalBranch(c: u32, rel: i32, opcode: u32): bool {
  const target = branchTarget(rel);
  if (lock) return undefinedOpcode();
  if (!plainTarget(target)) {
    emitCold(H.INTEGER_END, opcode, target);
    return true;
  }
  // A branch that reaches into the next page is decoded again on its own: what stands before it must stay.
  const fused = overrun ? 0 : fuse(c);
  const op = fused ? changetype<Op>(fused) : emit(H.JCC0 + c, 0, 0, 0, 0, 0, 0);
  setTargets(op, target);
  return true;
}

/** Place of a condition among those of the fused compares, or -1. */
function compareCondition(c: u32): i32 {
  if (c >= 2 && c <= 7) return c - 2;
  if (c >= 12) return c - 6;
  return -1;
}
/** Turns a preceding register compare or test into a compare-and-branch; its address, or 0. */
function fuse(c: u32): usize {
  const at = getFusible();
  if (!at) return 0;
  const op = changetype<Op>(at);
  const h = op.h;
  let fusedHandler: i32 = -1;
  const k = compareCondition(c);
  if (h == H.CMP_rr64 && k >= 0) fusedHandler = H.CMPJ_rr64_2 + k;
  else if (h == H.CMP_ri64 && k >= 0) fusedHandler = H.CMPJ_ri64_2 + k;
  else if (h == H.CMP_rr32 && k >= 0) fusedHandler = H.CMPJ_rr32_2 + k;
  else if (h == H.CMP_ri32 && k >= 0) fusedHandler = H.CMPJ_ri32_2 + k;
  else {
    const t = c == 4 ? 0 : c == 5 ? 1 : c == 8 ? 2 : c == 9 ? 3 : -1;
    if (t >= 0) {
      if (h == H.TEST_rr64) fusedHandler = H.TESTJ_rr64_4 + t;
      else if (h == H.TEST_rr32) fusedHandler = H.TESTJ_rr32_4 + t;
      else if (h == H.TEST_rr8) fusedHandler = H.TESTJ_rr8_4 + t;
    }
  }
  if (fusedHandler < 0) return 0;
  const a = op.a, b = op.b, imm = op.imm, index = op.rem, off = op.off;
  dropOp();
  const f = emit(fusedHandler, a, b, 0, 0, 0, imm);
  f.rem = index;
  f.off = off;
  return at;
}

export function jump(rel: i32, opcode: u32): bool {
  const target = branchTarget(rel);
  if (lock) return undefinedOpcode();
  if (!plainTarget(target)) emitCold(H.INTEGER_END, opcode, target);
  else setTargets(emit(H.JMP, 0, 0, 0, 0, 0, 0), target);
  return true;
}
export function call(rel: i32): bool {
  const target = branchTarget(rel);
  if (lock) return undefinedOpcode();
  if (codeSize == 2 && plainTarget(target)) setTargets(emit(H.CALL64, 0, RSP8, 0, 0, 0, 0), target);
  else if (flatStack()) setTargets(emit(H.CALL32, 0, RSP8, 0, 0, 0, 0), target);
  else emitCold(H.INTEGER_END, 0xe8, target);
  return true;
}

export function loopBranch(opcode: u32): bool {
  const rel = fetchS8();
  const target = branchTarget(rel);
  if (lock) return undefinedOpcode();
  emitCold(H.INTEGER_END, opcode, target);
  return true;
}
