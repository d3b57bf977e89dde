/** Turns guest code into blocks of operations: fetching, prefixes, the block's end. The maps are in decode-map0.ts and decode-map1.ts. */
import { L, Key, Pm } from "../layout";
import { Op, SLOT } from "./op";
import { H } from "./handlers.gen";
import { Block, HEADER, codeLimit, fetchPhys } from "./blocks";
import { slots } from "./control";
import { raiseGP } from "./fault";
import { isCanonical } from "./mem";
import { decodeMap0 } from "./decode-map0";
import { optimise } from "./peephole";

// ---------------------------------------------------------------- the block being made
let blockRip: u64 = 0;
let blockLin: u64 = 0;
/** Position in the first page of the block's first byte, and of the next byte to fetch. */
let startPos: u32 = 0;
let pos: u32 = 0;
/** Pages in this memory that hold the code; 0 where there is no memory (all ones are read). */
let page1: u32 = 0;
let page2: u32 = 0;
let page2Phys: u32 = 0;
/** The instruction reaches into the second page. */
let crosses: bool = false;
/** Fetching stopped: the instruction reaches into the second page and is not the block's first. */
export let overrun: bool = false;
let cached: bool = false;
/** Instructions decoded so far; the position of the current one. */
let count: i32 = 0;
let instrPos: u32 = 0;
/** Where the next operation goes. */
let out: usize = 0;
/** Last operation of the previous instruction, when it may be fused with a branch; else 0. */
let fusible: usize = 0;
/** Operation whose displacement is relative to the end of the instruction, or 0. */
let ripRelative: usize = 0;

// ---------------------------------------------------------------- the instruction being decoded
/** 0 16-bit, 1 32-bit, 2 64-bit code. */
export let codeSize: u32 = 0;
/** Operand and address size, log2 of bytes. */
export let osize: u32 = 0;
export let asize: u32 = 0;
export let rex: u32 = 0;
/** 0 none, 2 F3, 3 F2. */
export let rep: u32 = 0;
export let has66: bool = false;
export let lock: bool = false;
/** Segment override, or 8 for none. */
export let segment: u32 = 0;

export function setOsize(v: u32): void {
  osize = v;
}
export function setRipRelative(op: usize): void {
  ripRelative = op;
}
export function setFusible(op: usize): void {
  fusible = op;
}
export function getFusible(): usize {
  return fusible;
}
export function dropOp(): void {
  out = fusible;
  fusible = 0;
}
export function nextOut(): usize {
  return out;
}
export function instructionLength(): u32 {
  return pos - instrPos;
}
/** RIP behind the instruction, as far as it has been fetched. */
export function nextRip(): u64 {
  return blockRip + (pos - startPos);
}
/** Offset behind the instruction from the block's RIP. */
export function nextOffset(): u32 {
  return pos - startPos;
}

// ---------------------------------------------------------------- fetching
// @ts-ignore: decorator
@inline
export function hostPage(phys: u32): u32 {
  const m = load<u32>(L.PAGE_MAP + ((<usize>phys >> 12) << 2));
  return m & Pm.READ ? m & ~4095 : 0;
}

/** Linear address of a fetch at RIP; raises #GP beyond the code segment's limit or at a non-canonical address. */
export function fetchLinear(rip: u64): u64 {
  if ((load<u32>(L.KEY) & Key.SIZE_MASK) == 2) {
    if (!isCanonical(rip)) raiseGP(0);
    return rip;
  }
  if (rip > <u64>load<u32>(L.SEG_CS + L.SEG_LIMIT)) raiseGP(0);
  return <u64>(<u32>rip + load<u32>(L.SEG_CS));
}

export function fetch8(): u32 {
  const p = pos++;
  if (p < 4096) return page1 ? load<u8>(page1 + p) : 0xff;
  if (!crosses) {
    if (count) {
      overrun = true;
      return 0;
    }
    let lin = (blockLin & ~(<u64>4095)) + 4096;
    if (codeSize != 2) lin = <u64><u32>lin;
    const phys = fetchPhys(lin);
    page2Phys = phys & ~4095;
    page2 = hostPage(phys);
    crosses = true;
  }
  return page2 ? load<u8>(page2 + (p & 4095)) : 0xff;
}
export function fetch16(): u32 {
  const v = fetch8();
  return v | (fetch8() << 8);
}
export function fetch32(): u32 {
  const v = fetch16();
  return v | (fetch16() << 16);
}
export function fetch64(): u64 {
  const v = <u64>fetch32();
  return v | (<u64>fetch32() << 32);
}
/** Immediate of operand size, at most 32 bits, sign-extended. */
export function fetchZ(): i32 {
  return osize == 1 ? <i32><i16>fetch16() : <i32>fetch32();
}
export function fetchS8(): i32 {
  return <i32><i8>fetch8();
}

// ---------------------------------------------------------------- emitting
/** Appends a one-slot operation. */
export function emit(h: u32, a: u32, b: u32, x: u32, s: u32, disp: i32, imm: i32): Op {
  const op = changetype<Op>(out);
  op.h = <u16>h;
  op.a = <u8>a;
  op.b = <u8>b;
  op.x = <u8>x;
  op.s = <u8>s;
  op.rem = <u8>count;
  op.off = <u8>(instrPos - startPos);
  op.disp = disp;
  op.imm = imm;
  out += slots(h) * SLOT;
  return op;
}

/** Whether a branch from this block to `target` may be linked: both lie in the same page, so mapping and rights agree. */
export function linkable(target: u64): u32 {
  if (!cached || crosses) return 1;
  const base = codeSize == 2 ? 0 : <u64>load<u32>(L.SEG_CS);
  return ((target + base) ^ blockLin) & ~(<u64>4095) ? 1 : 0;
}
/** Fills a terminator's second slot. */
export function setTargets(op: Op, target: u64): void {
  op.imm64 = target;
  const fall = nextRip();
  op.disp = <i32>nextOffset();
  store<u32>(changetype<usize>(op) + 24, linkable(target));
  store<u32>(changetype<usize>(op) + 28, linkable(fall));
}

/** Decodes prefixes and one instruction; true when it ends the block. */
function decodeInstruction(): bool {
  rex = 0;
  rep = 0;
  has66 = false;
  lock = false;
  segment = 8;
  let has67 = false;
  let opcode: u32;
  while (true) {
    opcode = fetch8();
    if (pos - instrPos > 15 || overrun) return true;
    if (opcode == 0x66) has66 = true;
    else if (opcode == 0x67) has67 = true;
    else if (opcode == 0xf0) lock = true;
    else if (opcode == 0xf2) rep = 3;
    else if (opcode == 0xf3) rep = 2;
    else if ((opcode & 0xe7) == 0x26) {
      // ES CS SS DS: without effect in 64-bit mode, and they do not undo FS or GS there.
      if (codeSize != 2) segment = (opcode >> 3) & 3;
    } else if (opcode == 0x64 || opcode == 0x65) segment = opcode & 7;
    else if (codeSize == 2 && (opcode & 0xf0) == 0x40) {
      rex = opcode;
      continue;
    } else break;
    // A REX prefix counts only right before the opcode.
    rex = 0;
  }
  if (codeSize == 2) {
    osize = rex & 8 ? 3 : has66 ? 1 : 2;
    asize = has67 ? 2 : 3;
  } else {
    osize = (codeSize == 1) != has66 ? 2 : 1;
    asize = (codeSize == 1) != has67 ? 2 : 1;
  }
  return decodeMap0(opcode);
}

/** Makes a block of at most `limit` instructions; `keep`: it goes into the cache, so its branches may be linked. */
export function decodeBlock(block: Block, rip: u64, limit: i32, keep: bool): void {
  blockRip = rip;
  blockLin = fetchLinear(rip);
  const phys = fetchPhys(blockLin);
  page1 = hostPage(phys);
  startPos = phys & 4095;
  pos = startPos;
  crosses = false;
  cached = keep;
  count = 0;
  out = changetype<usize>(block) + HEADER;
  fusible = 0;
  codeSize = load<u32>(L.KEY) & Key.SIZE_MASK;
  let ended = false;
  while (!ended) {
    if (count == limit || pos >= 4096 || pos - startPos > 220) break;
    instrPos = pos;
    const before = out;
    const wasFusible = fusible;
    emitBreaks();
    if (out != before) fusible = 0;
    overrun = false;
    ripRelative = 0;
    ended = decodeInstruction();
    if (overrun) {
      // Begins in this page, ends in the next: a block of its own.
      out = before;
      fusible = wasFusible;
      pos = instrPos;
      ended = false;
      break;
    }
    if (pos - instrPos > 15 || beyondLimit()) {
      out = before;
      emitBreaks();
      ripRelative = 0;
      emitCold(H.INTEGER_END, 0x3ff, 0);
      ended = true;
    }
    if (ripRelative) {
      const op = changetype<Op>(ripRelative);
      if (op.h == H.EA_ABS) op.imm64 += nextRip();
      else op.disp += <i32>nextOffset();
    }
    if (fusible && fusible < before) fusible = 0;
    count++;
    if (crosses) break;
  }
  if (!ended) {
    instrPos = pos;
    const op = emit(H.END, 0, 0, 0, 0, 0, 0);
    setTargets(op, codeSize == 2 ? nextRip() : codeSize == 1 ? <u64><u32>nextRip() : nextRip());
  }
  block.rip = rip;
  block.key = load<u32>(L.KEY);
  block.n = count;
  block.length = pos - startPos;
  block.crosses = crosses ? 1 : 0;
  block.phys2 = page2Phys;
  for (let p = changetype<usize>(block) + HEADER; p < out; ) {
    const op = changetype<Op>(p);
    op.rem = <u8>(count - op.rem);
    p += slots(op.h) * SLOT;
  }
  // A throw-away block runs once.
  if (keep) optimise(changetype<usize>(block) + HEADER, out);
  block.end = <u32>out;
}

/** The instruction's last byte lies beyond the code segment's limit. */
function beyondLimit(): bool {
  return codeSize != 2 && nextRip() - 1 > <u64>load<u32>(L.SEG_CS + L.SEG_LIMIT);
}

/** A cold operation with `info` bits as given, completed by the instruction's prefixes; modrm fields are the caller's. */
export function emitCold(h: u32, info: i32, imm64: i64): Op {
  const prefix = rep ? rep : has66 ? 1 : 0;
  const op = emit(
    h, 0, 0, L.REG_ZERO, 0, 0,
    info | (prefix << 10) | (rex & 8 ? 0x2000 : 0) | (rex ? 0x4000 : 0) | (lock ? 0x8000 : 0) | (osize << 16) | (asize << 18) |
      (has66 ? 0x20000000 : 0) | (codeSize == 2 ? 0x40000000 : 0),
  );
  op.imm64 = imm64;
  op.imm2 = 0;
  op.len = <u8>(pos - instrPos);
  return op;
}

// ---------------------------------------------------------------- breakpoints
/** Puts BREAK operations before the instruction at the current position where somebody wants to stop. */
function emitBreaks(): void {
  const dr7 = <u32>load<u64>(L.DR + 56);
  const breaks = load<u32>(L.BREAKPOINTS);
  if (!breaks && !(dr7 & 0xff)) return;
  let lin = blockLin + (pos - startPos);
  if (codeSize != 2) lin = <u64><u32>lin;
  const phys = <u64>((fetchPhys(blockLin) & ~4095) | (pos & 4095));
  for (let i: u32 = 0; i < breaks; i++) {
    const at = L.BREAKPOINTS + 16 + <usize>i * 16;
    if (load<u64>(at) == (load<u32>(at + 8) ? lin : phys)) {
      emit(H.BREAK, 0, 0, 0, 0, 0, 0);
      break;
    }
  }
  let hits: u32 = 0;
  for (let i: u32 = 0; i < 4; i++) {
    if (dr7 & (3 << (i * 2)) && !((dr7 >> (16 + i * 4)) & 3) && load<u64>(L.DR + i * 8) == lin) hits |= 1 << i;
  }
  if (hits) emit(H.DR_BREAK, 0, 0, 0, 0, 0, hits);
}

/** For tests: length of the instruction at `bytes` (16 bytes in this memory) in code of size `mode`, 0 when undefined. */
export function decodedLength(bytes: u32, mode: u32): u32 {
  blockRip = 0;
  blockLin = 0;
  page1 = bytes;
  startPos = 0;
  pos = 0;
  instrPos = 0;
  crosses = false;
  cached = false;
  overrun = false;
  count = 0;
  fusible = 0;
  ripRelative = 0;
  codeSize = mode;
  out = L.SCRATCH_BLOCK + HEADER;
  const first = out;
  decodeInstruction();
  const op = changetype<Op>(first);
  if (pos - instrPos > 15 || (op.h == H.SYSTEM && (op.imm & 0x3ff) == 0x10b && op.imm2 == 1)) return 0;
  return pos;
}
