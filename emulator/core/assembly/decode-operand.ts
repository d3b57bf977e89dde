/** ModRM, SIB and displacement; the EA operation that an address may need. */
import { Key, L } from "../layout";
import { Op } from "./op";
import { H } from "./handlers.gen";
import { key } from "./state";
import { codeSize, asize, rex, segment, fetch8, fetch16, fetch32, emit, setRipRelative, nextOut } from "./decode";

/** ModRM.mod is 3. */
export let isReg: bool = false;
/** ModRM.reg and rm with REX applied, and without. */
export let reg: u32 = 0;
export let rm: u32 = 0;
export let regRaw: u32 = 0;
export let rmRaw: u32 = 0;
/** The whole ModRM byte. */
export let modrm: u32 = 0;

// Parts of the address as decoded.
let base: u32 = 0;
let index: u32 = 0;
let scale: u32 = 0;
let disp: i32 = 0;
let relative: bool = false;
/** Segment that the addressing form implies: 2 SS or 3 DS. */
let implied: u32 = 3;

const SI: u32 = 48, DI: u32 = 56, BX: u32 = 24, BP: u32 = 40;

export function fetchModRM(): void {
  const b = fetch8();
  modrm = b;
  regRaw = (b >> 3) & 7;
  rmRaw = b & 7;
  reg = regRaw | ((rex & 4) << 1);
  isReg = b >= 0xc0;
  rm = rmRaw | ((rex & 1) << 3);
  if (!isReg) {
    if (asize == 1) address16(b >> 6);
    else address32(b >> 6);
  }
}

function address16(mod: u32): void {
  scale = 0;
  relative = false;
  implied = 3;
  index = L.REG_ZERO;
  switch (rmRaw) {
    case 0: base = BX; index = SI; break;
    case 1: base = BX; index = DI; break;
    case 2: base = BP; index = SI; implied = 2; break;
    case 3: base = BP; index = DI; implied = 2; break;
    case 4: base = SI; break;
    case 5: base = DI; break;
    case 6: base = BP; implied = 2; break;
    default: base = BX; break;
  }
  disp = 0;
  if (mod == 1) disp = <i32><i8>fetch8();
  else if (mod == 2) disp = <i32><i16>fetch16();
  else if (rmRaw == 6) {
    base = L.REG_ZERO;
    implied = 3;
    disp = <i32>fetch16();
  }
}

function address32(mod: u32): void {
  scale = 0;
  relative = false;
  implied = 3;
  index = L.REG_ZERO;
  disp = 0;
  if (rmRaw == 4) {
    const sib = fetch8();
    const i = ((sib >> 3) & 7) | ((rex & 2) << 2);
    if (i != 4) {
      index = i << 3;
      scale = sib >> 6;
    }
    if ((sib & 7) == 5 && mod == 0) {
      base = L.REG_ZERO;
      disp = <i32>fetch32();
    } else {
      base = ((sib & 7) | ((rex & 1) << 3)) << 3;
      if ((sib & 7) == 4 && !(rex & 1)) implied = 2;
      if ((sib & 7) == 5 && !(rex & 1)) implied = 2;
    }
  } else if (rmRaw == 5 && mod == 0) {
    disp = <i32>fetch32();
    base = L.REG_ZERO;
    if (codeSize == 2) {
      base = L.REG_BLOCK_RIP;
      relative = true;
    }
  } else {
    base = rm << 3;
    if (rm == 5) implied = 2;
  }
  if (mod == 1) disp = <i32><i8>fetch8();
  else if (mod == 2) disp = <i32>fetch32();
}

/** The segment in force for the operand (0 to 5); DS for implied operands of register forms. */
export function effectiveSegment(): u32 {
  return segment != 8 ? segment : isReg ? 3 : implied;
}

/**
 * Emits the EA operation that the address needs, if any, for an access of `size` bytes by a hot operation; then
 * `fillMemory` gives the main operation its address. Flat segments need none: an offset beyond 4 GiB, or below 0, is in
 * no entry of the TLB, and is wrapped on the slow way.
 */
export function prepareMemory(size: u32, write: bool): void {
  if (key() & Key.FLAT && asize == 2) {
    const seg = effectiveSegment();
    if (seg == 0 || seg == 2 || seg == 3) return;
  }
  prepareCold(size, write);
}

/** The same for any operation: its address is a linear one, wrapped. */
export function prepareCold(size: u32, write: bool): void {
  if (codeSize != 2) {
    emit(H.EA_SEG, 0, base, index, scale, disp, eaImmediate(effectiveSegment(), size, write));
    temp();
    return;
  }
  const segmented = segment == 4 || segment == 5;
  // Close to the end of the range the sum of displacement and offset could leave 32 bits.
  if (relative && disp > 0x7ffffe00) {
    const op = emit(H.EA_ABS, 0, 0, 0, 0, 0, 0);
    op.imm64 = disp;
    setRipRelative(changetype<usize>(op));
    temp();
  }
  if (asize == 2) {
    const op = emit(H.EA_32, 0, base, index, scale, disp, 0);
    if (relative) setRipRelative(changetype<usize>(op));
    temp();
  }
  if (segmented) {
    const op = emit(segment == 4 ? H.EA_FS : H.EA_GS, 0, base, index, scale, disp, 0);
    if (relative) setRipRelative(changetype<usize>(op));
    temp();
  }
}
function temp(): void {
  base = L.REG_TEMP;
  index = L.REG_ZERO;
  scale = 0;
  disp = 0;
  relative = false;
}

/** Immediate of EA_SEG: segment, address size at 4, write at 7, bytes from 8 (0: the operation itself checks the segment). */
export function eaImmediate(seg: u32, size: u32, write: bool): i32 {
  return seg | (asize << 4) | (write ? 0x80 : 0) | (size << 8);
}

/** Absolute address (moffs): of the address size, in the segment DS unless overridden. */
export function prepareAbsolute(offset: u64, size: u32, write: bool): void {
  base = L.REG_ZERO;
  index = L.REG_ZERO;
  scale = 0;
  relative = false;
  implied = 3;
  disp = <i32>offset;
  if (codeSize == 2 && asize == 3) {
    const op = emit(H.EA_ABS, 0, 0, 0, 0, 0, 0);
    op.imm64 = offset;
    temp();
  }
  prepareMemory(size, write);
}

/** Gives an operation the prepared address. */
export function fillMemory(op: Op): Op {
  op.b = <u8>base;
  op.x = <u8>index;
  op.s = <u8>scale;
  op.disp = disp;
  if (relative) setRipRelative(changetype<usize>(op));
  return op;
}

/** LEA's address without segment: usable as a plain operand when it is 64 bits wide in 64-bit code. */
export function prepareLea(): void {
  if (asize == 3) return;
  if (asize == 2) {
    const op = emit(H.EA_32, 0, base, index, scale, disp, 0);
    if (relative) setRipRelative(changetype<usize>(op));
    temp();
  }
}

/** Register operand of 8 bits: AH CH DH BH without REX. */
export function reg8(r: u32): u32 {
  return rex || r < 4 ? r << 3 : ((r - 4) << 3) + 1;
}
/** Register operand of the given size (log2). */
export function regOf(r: u32, size: u32): u32 {
  return size == 0 ? reg8(r) : r << 3;
}
export function here(): usize {
  return nextOut();
}
/** POP to memory addresses with the incremented stack pointer. */
export function adjustForPop(bytes: u32): void {
  if (!isReg && base == 32) disp += <i32>bytes;
}
