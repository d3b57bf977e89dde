/** What the memory operand of a system instruction takes, for the checks of the address operation in front of it. */
import { Info } from "../op";

const WRITE: i32 = 0x10000;

/** Bytes of the memory operand, with bit 16 set for a write; 0 when memory is only named (INVLPG) or the form undefined. */
export function systemAccess(info: i32): i32 {
  const reg = Info.reg(info);
  const opcode = Info.opcode(info);
  switch (Info.map(info)) {
    case 0: return oneByte(opcode, Info.osize(info));
    case 1: return twoByte(opcode, reg, info);
  }
  // INVPCID.
  return 16;
}

function oneByte(opcode: i32, osize: i32): i32 {
  const far = osize == 1 ? 4 : 6;
  switch (opcode) {
    case 0x62: return 2 << osize;
    case 0x8c: return 2 | WRITE;
    // ARPL checks the segment once more before it writes.
    case 0x63: case 0x8e: return 2;
  }
  // LES, LDS, FF /3 and /5.
  return far;
}

function twoByte(opcode: i32, reg: i32, info: i32): i32 {
  const pseudo = Info.code64(info) ? 10 : 6;
  switch (opcode) {
    case 0x00: return reg < 2 ? 2 | WRITE : reg < 6 ? 2 : 0;
    case 0x01:
      if (reg < 2) return pseudo | WRITE;
      if (reg < 4) return pseudo;
      return reg == 4 ? 2 | WRITE : reg == 6 ? 2 : 0;
    case 0x02: case 0x03: return 2;
    case 0xae:
      if (Info.prefix(info)) return 0;
      switch (reg) {
        case 0: return 512 | WRITE;
        case 1: return 512;
        case 2: return 4;
        case 3: return 4 | WRITE;
        case 4: return 576 | WRITE;
        case 5: return 576;
        case 7: return 1;
      }
      return 0;
  }
  return Info.osize(info) == 1 ? 4 : 6;
}
