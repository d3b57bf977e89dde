/**
 * Iterations of REP MOVS, CMPS, STOS, LODS and SCAS in bulk: as many as lie inside one page of plain memory at either
 * end, upwards or downwards. What it does is what the iterations one by one would have done; where something could
 * notice (a device, a watched page, code that is overwritten, an element across pages) it leaves them to be done so.
 */
import { L } from "../../layout";
import { Op, Info } from "../op";
import { R, R8, R16, R32, RAX, RSI, RDI } from "../state";
import { bulkSource, bulkTarget } from "../mem";
import { getReg } from "./operand";
import { cmp } from "../alu";
import { Kind, elementsInPage, elementsInSegment, stringAddress } from "./string-operand";

/** How many of at most `most` iterations were done; 0: one is to be done by itself. Flags are set for compares. */
export function bulkIterations(op: Op, kind: i32, size: i32, most: u64, down: bool): u64 {
  const segment = Info.segment(op.imm);
  const reads = kind == Kind.MOVS || kind == Kind.CMPS || kind == Kind.LODS;
  let k = most;
  // What a segment refuses is raised by the iteration itself, in its order.
  if (reads) k = min<u64>(k, elementsInSegment(op, segment, RSI, size, false, down));
  if (kind != Kind.LODS) k = min<u64>(k, elementsInSegment(op, 0, RDI, size, kind == Kind.MOVS || kind == Kind.STOS, down));
  if (k < 2) return 0;
  const from = reads ? stringAddress(op, segment, RSI, size, false) : 0;
  const to = kind != Kind.LODS ? stringAddress(op, 0, RDI, size, false) : 0;
  if (reads) k = min<u64>(k, elementsInPage(from, size, down));
  if (kind != Kind.LODS) k = min<u64>(k, elementsInPage(to, size, down));
  if (k < 2) return 0;
  switch (kind) {
    case Kind.MOVS: return copy(from, to, size, k, down);
    case Kind.STOS: return fill(to, size, k, down);
    case Kind.LODS: return loadLast(from, size, k, down);
    case Kind.SCAS: return scan(op, to, size, k, down);
    default: return compare(op, from, to, size, k, down);
  }
}

/** Lowest address of `k` elements whose first one is at `at`. */
// @ts-ignore: decorator
@inline
function lowest(at: u64, size: i32, k: u64, down: bool): u64 {
  return down ? at - ((k - 1) << size) : at;
}

function copy(from: u64, to: u64, size: i32, k: u64, down: bool): u64 {
  const bytes = <usize>k << size;
  const low = lowest(from, size, k, down);
  // Either end may fault, the source first, at its first element.
  const source = bulkSource(low, from, 1 << size);
  if (!source) return 0;
  const target = bulkTarget(lowest(to, size, k, down), to, 1 << size, <u32>bytes);
  if (!target) return 0;
  // An overlap that the elements run into repeats what they have just written; any other memory.copy does right.
  if (down ? target < source && target + bytes > source : target > source && target < source + bytes) {
    repeat(source, target, size, bytes, down);
  } else memory.copy(target, source, bytes);
  return k;
}

/** Element by element. */
function repeat(source: usize, target: usize, size: i32, bytes: usize, down: bool): void {
  switch (size) {
    case 0: repeatSized<u8>(source, target, bytes, down); break;
    case 1: repeatSized<u16>(source, target, bytes, down); break;
    case 2: repeatSized<u32>(source, target, bytes, down); break;
    default: repeatSized<u64>(source, target, bytes, down); break;
  }
}
// @ts-ignore: decorator
@inline
function repeatSized<T>(source: usize, target: usize, bytes: usize, down: bool): void {
  if (down) {
    for (let i = bytes; i > 0;) {
      i -= sizeof<T>();
      store<T>(target + i, load<T>(source + i));
    }
  } else {
    for (let i: usize = 0; i < bytes; i += sizeof<T>()) store<T>(target + i, load<T>(source + i));
  }
}

function fill(to: u64, size: i32, k: u64, down: bool): u64 {
  const target = bulkTarget(lowest(to, size, k, down), to, 1 << size, <u32>k << size);
  if (!target) return 0;
  const count = <usize>k;
  switch (size) {
    case 0: memory.fill(target, R8(RAX), count); break;
    case 1: {
      const v = R16(RAX);
      for (let i: usize = 0; i < count; i++) store<u16>(target + (i << 1), v);
      break;
    }
    case 2: {
      const v = R32(RAX);
      if (v == 0) memory.fill(target, 0, count << 2);
      else for (let i: usize = 0; i < count; i++) store<u32>(target + (i << 2), v);
      break;
    }
    default: {
      const v = R(RAX);
      if (v == 0) memory.fill(target, 0, count << 3);
      else for (let i: usize = 0; i < count; i++) store<u64>(target + (i << 3), v);
      break;
    }
  }
  return k;
}

/** LODS: only the last element is seen. */
function loadLast(from: u64, size: i32, k: u64, down: bool): u64 {
  const source = bulkSource(lowest(from, size, k, down), from, 1 << size);
  if (!source) return 0;
  const last = down ? source : source + (<usize>(k - 1) << size);
  switch (size) {
    case 0: store<u8>(L.REGS, load<u8>(last)); break;
    case 1: store<u16>(L.REGS, load<u16>(last)); break;
    case 2: store<u64>(L.REGS, <u64>load<u32>(last)); break;
    default: store<u64>(L.REGS, load<u64>(last)); break;
  }
  return k;
}

/** Whether a REP form of a compare ends at an element that is equal: REPNE does (prefix 3). */
// @ts-ignore: decorator
@inline
function endsAtEqual(op: Op): bool {
  return Info.prefix(op.imm) == 3;
}

/** Up to and with the element that ends it. */
function scan(op: Op, to: u64, size: i32, k: u64, down: bool): u64 {
  const low = bulkSource(lowest(to, size, k, down), to, 1 << size);
  if (!low) return 0;
  const first = down ? low + (<usize>(k - 1) << size) : low;
  const a = getReg(RAX, size);
  const equal = endsAtEqual(op);
  switch (size) {
    case 0: return scanSized<i8>(first, a, k, down, equal);
    case 1: return scanSized<i16>(first, a, k, down, equal);
    case 2: return scanSized<i32>(first, a, k, down, equal);
    default: return scanSized<i64>(first, a, k, down, equal);
  }
}
// @ts-ignore: decorator
@inline
function scanSized<T>(first: usize, a: i64, k: u64, down: bool, equal: bool): u64 {
  const step: usize = down ? -sizeof<T>() : sizeof<T>();
  let at = first;
  let done: u64 = 1;
  while (done < k && (<i64>load<T>(at) == a) != equal) {
    at += step;
    done++;
  }
  cmp<T>(<T>a, load<T>(at));
  return done;
}

function compare(op: Op, from: u64, to: u64, size: i32, k: u64, down: bool): u64 {
  // The second operand is read first (string.ts).
  const lowB = bulkSource(lowest(to, size, k, down), to, 1 << size);
  if (!lowB) return 0;
  const lowA = bulkSource(lowest(from, size, k, down), from, 1 << size);
  if (!lowA) return 0;
  const skip = down ? <usize>(k - 1) << size : 0;
  const equal = endsAtEqual(op);
  switch (size) {
    case 0: return compareSized<i8>(lowA + skip, lowB + skip, k, down, equal);
    case 1: return compareSized<i16>(lowA + skip, lowB + skip, k, down, equal);
    case 2: return compareSized<i32>(lowA + skip, lowB + skip, k, down, equal);
    default: return compareSized<i64>(lowA + skip, lowB + skip, k, down, equal);
  }
}
// @ts-ignore: decorator
@inline
function compareSized<T>(a: usize, b: usize, k: u64, down: bool, equal: bool): u64 {
  const step: usize = down ? -sizeof<T>() : sizeof<T>();
  let done: u64 = 1;
  while (done < k && (load<T>(a) == load<T>(b)) != equal) {
    a += step;
    b += step;
    done++;
  }
  cmp<T>(load<T>(a), load<T>(b));
  return done;
}
