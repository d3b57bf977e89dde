/**
 * MOVS CMPS STOS LODS SCAS. An iteration of a REP form counts as one instruction; the form ends its block and runs as
 * far as the budget goes, then RIP stays at it. Registers are committed iteration by iteration, so a fault is precise.
 * Copies and fills inside fast pages run in bulk.
 */
import { L, Fl } from "../../layout";
import { Op, Info } from "../op";
import { R, R8, R16, R32, RAX, RCX, RSI, RDI, setRip, opRip } from "../state";
import { fastRead, fastRmw, probeWrite } from "../mem";
import { linearOf } from "../system/segments";
import { aluSized } from "./arithmetic";
import { getReg, setReg, loadSized, storeSized } from "./operand";

const enum Kind {
  MOVS = 0xa4,
  CMPS = 0xa6,
  STOS = 0xaa,
  LODS = 0xac,
  SCAS = 0xae,
}

function masked(v: u64, asize: i32): u64 {
  return asize == 3 ? v : asize == 2 ? <u64><u32>v : <u64><u16>v;
}
/** Linear address of a string operand. */
function address(op: Op, segment: u32, r: usize, size: i32, write: bool): u64 {
  const offset = masked(R(r), Info.asize(op.imm));
  if (Info.code64(op.imm)) return segment == 4 ? offset + load<u64>(L.SEG_FS) : segment == 5 ? offset + load<u64>(L.SEG_GS) : offset;
  return linearOf(segment, offset, 1 << size, write);
}
function advance(op: Op, r: usize, by: i64): void {
  setReg(r, Info.asize(op.imm), R(r) + by);
}

/** One iteration; flags for compares. */
function once(op: Op, kind: i32, size: i32, step: i64): void {
  const seg = Info.segment(op.imm);
  switch (kind) {
    case Kind.MOVS: {
      const v = loadSized(address(op, seg, RSI, size, false), size);
      storeSized(address(op, 0, RDI, size, true), size, v);
      advance(op, RSI, step);
      advance(op, RDI, step);
      break;
    }
    case Kind.CMPS: {
      // AMD reads the second operand first: it decides which of two page faults comes.
      const b = loadSized(address(op, 0, RDI, size, false), size);
      const a = loadSized(address(op, seg, RSI, size, false), size);
      aluSized(7, size, a, b);
      advance(op, RSI, step);
      advance(op, RDI, step);
      break;
    }
    case Kind.STOS:
      storeSized(address(op, 0, RDI, size, true), size, R(RAX));
      advance(op, RDI, step);
      break;
    case Kind.LODS:
      setReg(RAX, size, loadSized(address(op, seg, RSI, size, false), size));
      advance(op, RSI, step);
      break;
    default: {
      const b = loadSized(address(op, 0, RDI, size, false), size);
      aluSized(7, size, getReg(RAX, size), b);
      advance(op, RDI, step);
      break;
    }
  }
}

/** A string instruction, `opcode` A4 to AF. */
export function stringOp(op: Op, opcode: i32): void {
  const kind = opcode & 0xfe;
  const size = opcode & 1 ? Info.osize(op.imm) : 0;
  const step: i64 = load<u32>(L.EFLAGS) & Fl.DF ? -(1 << size) : 1 << size;
  const rep = Info.prefix(op.imm);
  if (rep < 2) {
    once(op, kind, size, step);
    return;
  }
  const asize = Info.asize(op.imm);
  let left = masked(R(RCX), asize);
  if (left == 0) return;
  const compares = kind == Kind.CMPS || kind == Kind.SCAS;
  const single = (load<u32>(L.EFLAGS) & Fl.TF) != 0;
  while (true) {
    const allowed = single ? 1 : <i64>load<i32>(L.BUDGET) + 1;
    let k: u64 = 0;
    if (!compares && step > 0 && allowed > 1) k = bulk(op, kind, size, left < <u64>allowed ? left : <u64>allowed);
    if (k == 0) {
      once(op, kind, size, step);
      k = 1;
    } else {
      if (kind != Kind.STOS) advance(op, RSI, <i64>(k << size));
      if (kind != Kind.LODS) advance(op, RDI, <i64>(k << size));
    }
    left -= k;
    setReg(RCX, asize, left);
    store<i32>(L.BUDGET, load<i32>(L.BUDGET) - <i32>k);
    if (left == 0) break;
    // REPE goes on while equal, REPNE while not.
    if (compares && (load<i64>(L.CC_R) == 0) != (rep == 2)) break;
    if (load<i32>(L.BUDGET) < 0 || single || load<u32>(L.ATTENTION) || load<u32>(L.WATCH_HIT) || load<u32>(L.PENDING_DB)) {
      const rip = opRip(op);
      setRip(rip);
      // To go on is no new arrival: a breakpoint here has been passed already.
      store<u64>(L.NOBREAK_RIP, rip);
      store<u64>(L.NOBREAK_ICOUNT, load<u64>(L.TARGET) - <i64>(load<i32>(L.BUDGET) + 1));
      break;
    }
  }
  store<i32>(L.BUDGET, load<i32>(L.BUDGET) + 1);
}

/** MOVS, STOS, upwards, inside one fast page each: how many of at most `most` iterations were done (0: do one by hand). */
function bulk(op: Op, kind: i32, size: i32, most: u64): u64 {
  if (kind == Kind.LODS) return 0;
  const asize = Info.asize(op.imm);
  const seg = Info.segment(op.imm);
  // The source's segment is checked first.
  const from = kind == Kind.MOVS ? address(op, seg, RSI, size, false) : 0;
  const to = address(op, 0, RDI, size, true);
  let k = min<u64>((4096 - (to & 4095)) >> size, most);
  if (!Info.code64(op.imm)) k = min<u64>(k, room(0, masked(R(RDI), asize), size, asize));
  if (kind == Kind.STOS) {
    if (k < 2) return 0;
    let p = fastRmw<u8>(to);
    if (!p) {
      probeWrite(to, 1 << size);
      p = fastRmw<u8>(to);
      if (!p) return 0;
    }
    fillSized(p, size, <usize>k);
    return k;
  }
  k = min<u64>(k, (4096 - (from & 4095)) >> size);
  if (!Info.code64(op.imm)) k = min<u64>(k, room(seg, masked(R(RSI), asize), size, asize));
  if (k < 2) return 0;
  const source = fastRead(from);
  if (!source) return 0;
  let target = fastRmw<u8>(to);
  if (!target) {
    probeWrite(to, 1 << size);
    target = fastRmw<u8>(to);
    if (!target) return 0;
  }
  const bytes = <usize>k << size;
  // An overlapping copy upwards repeats what it has just written: not what memory.copy does.
  if (target > source && target < source + bytes) return 0;
  memory.copy(target, source, bytes);
  return k;
}

/** Elements up to the segment's limit and the wrap of the address size. */
function room(segment: u32, offset: u64, size: i32, asize: i32): u64 {
  const at = L.SEG + <usize>segment * L.SEG_SIZE;
  const end = min<u64>(asize == 1 ? 0x10000 : 0x100000000, <u64>load<u32>(at + L.SEG_LIMIT) + 1);
  return offset < end ? (end - offset) >> size : 0;
}

function fillSized(p: usize, size: i32, count: usize): void {
  switch (size) {
    case 0: memory.fill(p, R8(RAX), count); break;
    case 1: {
      const v = R16(RAX);
      for (let i: usize = 0; i < count; i++) store<u16>(p + (i << 1), v);
      break;
    }
    case 2: {
      const v = R32(RAX);
      if (v == 0) memory.fill(p, 0, count << 2);
      else for (let i: usize = 0; i < count; i++) store<u32>(p + (i << 2), v);
      break;
    }
    default: {
      const v = R(RAX);
      if (v == 0) memory.fill(p, 0, count << 3);
      else for (let i: usize = 0; i < count; i++) store<u64>(p + (i << 3), v);
      break;
    }
  }
}

/** XLAT: AL from the table at (E)BX + AL. */
export function xlat(op: Op): void {
  const asize = Info.asize(op.imm);
  const seg = Info.segment(op.imm);
  const offset = masked(R(24) + <u64>R8(RAX), asize);
  let lin: u64;
  if (Info.code64(op.imm)) lin = seg == 4 ? offset + load<u64>(L.SEG_FS) : seg == 5 ? offset + load<u64>(L.SEG_GS) : offset;
  else lin = linearOf(seg, offset, 1, false);
  setReg(RAX, 0, loadSized(lin, 0));
}
