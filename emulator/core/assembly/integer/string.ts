/**
 * MOVS CMPS STOS LODS SCAS. An iteration of a REP form counts as one instruction; the form ends its block and runs as
 * far as the budget goes, then RIP stays at it. Registers are committed before the next iteration, so a fault is precise.
 */
import { L, Fl } from "../../layout";
import { Op, Info } from "../op";
import { R, R8, RAX, RBX, RCX, RSI, RDI, setRip, opRip } from "../state";
import { linearOf } from "../system/segments";
import { cmp } from "../alu";
import { ldc, stc } from "../mem";
import { setReg, loadSized } from "./operand";
import { bulkIterations } from "./string-bulk";
import { Kind, masked, stringAddress } from "./string-operand";

function advance(op: Op, r: usize, by: i64): void {
  setReg(r, Info.asize(op.imm), R(r) + by);
}

/** One iteration; flags for compares. */
function once(op: Op, kind: i32, size: i32): void {
  switch (size) {
    case 0: onceSized<i8>(op, kind); break;
    case 1: onceSized<i16>(op, kind); break;
    case 2: onceSized<i32>(op, kind); break;
    default: onceSized<i64>(op, kind); break;
  }
}
// @ts-ignore: decorator
@inline
function onceSized<T>(op: Op, kind: i32): void {
  // alignof is the logarithm of a type's size.
  const size = <i32>alignof<T>();
  const seg = Info.segment(op.imm);
  const step: i64 = load<u32>(L.EFLAGS) & Fl.DF ? -<i64>sizeof<T>() : <i64>sizeof<T>();
  switch (kind) {
    case Kind.MOVS: {
      const v = ldc<T>(stringAddress(op, seg, RSI, size, false));
      stc<T>(stringAddress(op, 0, RDI, size, true), v);
      advance(op, RSI, step);
      advance(op, RDI, step);
      break;
    }
    case Kind.CMPS: {
      // AMD reads the second operand first: it decides which of two page faults comes.
      const b = ldc<T>(stringAddress(op, 0, RDI, size, false));
      const a = ldc<T>(stringAddress(op, seg, RSI, size, false));
      cmp<T>(a, b);
      advance(op, RSI, step);
      advance(op, RDI, step);
      break;
    }
    case Kind.STOS:
      stc<T>(stringAddress(op, 0, RDI, size, true), load<T>(RAX, L.REGS));
      advance(op, RDI, step);
      break;
    case Kind.LODS:
      setReg(RAX, size, <i64>ldc<T>(stringAddress(op, seg, RSI, size, false)));
      advance(op, RSI, step);
      break;
    default: {
      const b = ldc<T>(stringAddress(op, 0, RDI, size, false));
      cmp<T>(load<T>(RAX, L.REGS), b);
      advance(op, RDI, step);
      break;
    }
  }
}

/** A string instruction, `opcode` A4 to AF. */
export function stringOp(op: Op, opcode: i32): void {
  const kind = opcode & 0xfe;
  const size = opcode & 1 ? Info.osize(op.imm) : 0;
  const rep = Info.prefix(op.imm);
  if (rep < 2) {
    once(op, kind, size);
    return;
  }
  const step: i64 = load<u32>(L.EFLAGS) & Fl.DF ? -(<i64>1 << size) : <i64>1 << size;
  const asize = Info.asize(op.imm);
  let left = masked(R(RCX), asize);
  if (left == 0) return;
  const compares = kind == Kind.CMPS || kind == Kind.SCAS;
  const single = (load<u32>(L.EFLAGS) & Fl.TF) != 0;
  while (true) {
    const allowed = single ? 1 : <i64>load<i32>(L.BUDGET) + 1;
    let k = allowed > 1 ? bulkIterations(op, kind, size, min<u64>(left, <u64>allowed), step < 0) : 0;
    if (k == 0) {
      once(op, kind, size);
      k = 1;
    } else {
      if (kind != Kind.STOS && kind != Kind.SCAS) advance(op, RSI, <i64>k * step);
      if (kind != Kind.LODS) advance(op, RDI, <i64>k * step);
    }
    left -= k;
    setReg(RCX, asize, left);
    store<i32>(L.BUDGET, load<i32>(L.BUDGET) - <i32>k);
    if (left == 0) break;
    // REPE goes on while equal, REPNE while not.
    if (compares && (load<i64>(L.CC_R) == 0) != (rep == 2)) break;
    if (load<i32>(L.BUDGET) < 0 || single || load<u32>(L.ATTENTION) || load<u32>(L.WATCH_HIT) || load<u32>(L.PENDING_DB)) {
      resumeLater(op);
      break;
    }
  }
  store<i32>(L.BUDGET, load<i32>(L.BUDGET) + 1);
}

/** Leaves a REP form that has iterations left; its BUDGET is one too low still. */
export function resumeLater(op: Op): void {
  const rip = opRip(op);
  setRip(rip);
  // To go on is no new arrival: a breakpoint here has been passed already.
  store<u64>(L.NOBREAK_RIP, rip);
  store<u64>(L.NOBREAK_ICOUNT, load<u64>(L.TARGET) - <i64>(load<i32>(L.BUDGET) + 1));
}

/** XLAT: AL from the table at (E)BX + AL. */
export function xlat(op: Op): void {
  const asize = Info.asize(op.imm);
  const seg = Info.segment(op.imm);
  const offset = masked(R(RBX) + <u64>R8(RAX), asize);
  let lin: u64;
  if (Info.code64(op.imm)) lin = seg == 4 ? offset + load<u64>(L.SEG_FS) : seg == 5 ? offset + load<u64>(L.SEG_GS) : offset;
  else lin = linearOf(seg, offset, 1, false);
  setReg(RAX, 0, loadSized(lin, 0));
}
