/**
 * A decoded operation: 16 bytes; cold operations take a second slot with the immediate. See docs/core.md.
 * Register operands are byte offsets into the register file (L.REGS): `reg * 8`, and for AH CH DH BH `reg * 8 + 1`.
 */

// @ts-ignore: decorator
@unmanaged
export class Op {
  /** Handler number (enum H in handlers.ts). */
  h: u16;
  /** Destination register, or ModRM.reg for cold operations. */
  a: u8;
  /** Source or base register; ModRM.rm register when the operand is one. */
  b: u8;
  /** Index register (L.REG_ZERO for none). */
  x: u8;
  /** Shift of the index (0 to 3). */
  s: u8;
  /** Instructions of the block that are not retired yet when this one starts, itself included. */
  rem: u8;
  /** Offset of the instruction from the start of its block. */
  off: u8;
  disp: i32;
  /** Immediate of hot operations; `info` of cold ones. */
  imm: i32;
  // Second slot of cold operations:
  imm64: i64;
  /** Selector of a far pointer, second immediate of ENTER. */
  imm2: u16;
  /** Length of the instruction in bytes. */
  len: u8;
  pad: u8;
  /** Link slot of terminators (block address; 0 to be filled, 1 never). */
  link: u32;
}

export const SLOT: usize = 16;

/** Fields of `info` (Op.imm of a cold operation). */
export namespace Info {
  /** Last opcode byte. */
  // @ts-ignore: decorator
  @inline export function opcode(i: i32): i32 { return i & 255; }
  /** Opcode map: 0 one byte, 1 0F, 2 0F38, 3 0F3A. */
  // @ts-ignore: decorator
  @inline export function map(i: i32): i32 { return (i >> 8) & 3; }
  /** Mandatory prefix: 0 none, 1 66, 2 F3, 3 F2 (F2 and F3 win over 66). */
  // @ts-ignore: decorator
  @inline export function prefix(i: i32): i32 { return (i >> 10) & 3; }
  /** ModRM.mod is 3: the rm operand is the register `b`. */
  // @ts-ignore: decorator
  @inline export function isReg(i: i32): bool { return (i & 0x1000) != 0; }
  // @ts-ignore: decorator
  @inline export function rexW(i: i32): bool { return (i & 0x2000) != 0; }
  // @ts-ignore: decorator
  @inline export function rex(i: i32): bool { return (i & 0x4000) != 0; }
  // @ts-ignore: decorator
  @inline export function lock(i: i32): bool { return (i & 0x8000) != 0; }
  /** Operand size as log2 of bytes: 1, 2 or 3. */
  // @ts-ignore: decorator
  @inline export function osize(i: i32): i32 { return (i >> 16) & 3; }
  /** Address size as log2 of bytes: 1, 2 or 3. */
  // @ts-ignore: decorator
  @inline export function asize(i: i32): i32 { return (i >> 18) & 3; }
  /** Effective segment of the memory operand, 0 to 5 in the order ES CS SS DS FS GS. */
  // @ts-ignore: decorator
  @inline export function segment(i: i32): i32 { return (i >> 20) & 7; }
  /** ModRM.reg without REX. */
  // @ts-ignore: decorator
  @inline export function reg(i: i32): i32 { return (i >> 23) & 7; }
  /** ModRM.rm without REX. */
  // @ts-ignore: decorator
  @inline export function rm(i: i32): i32 { return (i >> 26) & 7; }
  /** A 66 prefix was there (also when F2 or F3 is the mandatory one). */
  // @ts-ignore: decorator
  @inline export function has66(i: i32): bool { return (i & 0x20000000) != 0; }
  /** Code is 64-bit. */
  // @ts-ignore: decorator
  @inline export function code64(i: i32): bool { return (i & 0x40000000) != 0; }
}

/** Linear address of the memory operand (segment base and address size are already applied, see EA operations). */
// @ts-ignore: decorator
@inline
export function ea(o: Op): u64 {
  return load<u64>(0x1000 + <usize>o.b) + (load<u64>(0x1000 + <usize>o.x) << o.s) + <i64>o.disp;
}
