/** CRC32: the Castagnoli polynomial, bits reflected (SDM vol. 2, CRC32). */
import { Op, Info, ea } from "../op";
import { R, R8, R16, R32, W32 } from "../state";
import { ldc } from "../mem";

/** Remainders of the sixteen values of four bits, for the reflected polynomial 0x82f63b78. */
const NIBBLES = memory.data<u32>([
  0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
  0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
]);

function step(crc: u32): u32 {
  return (crc >> 4) ^ load<u32>(NIBBLES + (<usize>(crc & 15) << 2));
}

/** F2 0F38 F0 (a byte) and F1 (the operand size). */
export function execCrc32(op: Op): void {
  const info = op.imm;
  const isReg = Info.isReg(info);
  let bytes: i32 = 1;
  let v: u64;
  if (!(Info.opcode(info) & 1)) {
    // Without REX, registers 4 to 7 are AH, CH, DH, BH.
    const r: usize = !Info.rex(info) && op.b >= 32 ? <usize>op.b - 31 : <usize>op.b;
    v = isReg ? <u64>R8(r) : <u64>ldc<u8>(ea(op));
  } else if (Info.osize(info) == 1) {
    bytes = 2;
    v = isReg ? <u64>R16(op.b) : <u64>ldc<u16>(ea(op));
  } else if (Info.osize(info) == 2) {
    bytes = 4;
    v = isReg ? <u64>R32(op.b) : <u64>ldc<u32>(ea(op));
  } else {
    bytes = 8;
    v = isReg ? R(op.b) : ldc<u64>(ea(op));
  }
  let crc = R32(op.a);
  for (; bytes; bytes--) {
    crc = step(step(crc ^ (<u32>v & 0xff)));
    v >>= 8;
  }
  W32(op.a, crc);
}
