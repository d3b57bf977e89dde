/** Operands of string instructions: which they are, and where. */
import { L, Key } from "../../layout";
import { Op, Info } from "../op";
import { R, isRealOrVm86 } from "../state";
import { Attr, isReadable, isWritableData } from "../system/descriptor";
import { linearOf } from "../system/segments";

/** String instructions by their opcodes (the form for bytes). */
export const enum Kind {
  MOVS = 0xa4,
  CMPS = 0xa6,
  STOS = 0xaa,
  LODS = 0xac,
  SCAS = 0xae,
}

/** From here on an access may leave the 4 GiB, and the limit decides. */
// @ts-ignore: decorator
@inline const LAST_PAGE: u64 = 0xfffff000;

/** A register as wide as addresses are (log2 of bytes). */
export function masked(v: u64, asize: i32): u64 {
  return asize == 3 ? v : asize == 2 ? <u64><u32>v : <u64><u16>v;
}

/** Linear address of the element of 2^`size` bytes that an index register points to; raises what its segment refuses. */
export function stringAddress(op: Op, segment: u32, r: usize, size: i32, write: bool): u64 {
  const offset = masked(R(r), Info.asize(op.imm));
  if (load<u32>(L.KEY) & Key.FLAT && segment != 1 && segment < 4 && offset < LAST_PAGE) return offset;
  if (Info.code64(op.imm)) return segment == 4 ? offset + load<u64>(L.SEG_FS) : segment == 5 ? offset + load<u64>(L.SEG_GS) : offset;
  return linearOf(segment, offset, 1 << size, write);
}

/** Whole elements from `lin` on inside its page. */
export function elementsInPage(lin: u64, size: i32, down: bool): u64 {
  const offset = lin & 4095;
  if (!down) return (4096 - offset) >> size;
  return offset + (1 << size) > 4096 ? 0 : (offset >> size) + 1;
}

/** Elements that the segment permits (outside 64-bit mode), up to the wrap of the address size. */
export function elementsInSegment(op: Op, segment: u32, r: usize, size: i32, write: bool, down: bool): u64 {
  const asize = Info.asize(op.imm);
  const offset = masked(R(r), asize);
  if (asize == 3) return u64.MAX_VALUE;
  let end: u64 = asize == 1 ? 0x10000 : 0x100000000;
  if (!Info.code64(op.imm)) {
    const at: usize = L.SEG + <usize>segment * L.SEG_SIZE;
    if (!isRealOrVm86()) {
      const attr = load<u32>(at, L.SEG_ATTR);
      // A segment that expands down has its offsets behind the limit: those go one by one.
      if (load<u32>(at, L.SEG_NULL) || !(write ? isWritableData(attr) : isReadable(attr)) || (attr & (Attr.CODE | Attr.DOWN)) == Attr.DOWN) return 0;
    }
    end = min<u64>(end, <u64>load<u32>(at, L.SEG_LIMIT) + 1);
  }
  if (offset >= end) return 0;
  if (!down) return (end - offset) >> size;
  return offset + (1 << size) > end ? 0 : (offset >> size) + 1;
}
