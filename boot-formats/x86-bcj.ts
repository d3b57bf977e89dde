/**
 * Undoes the x86 "branch/call/jump" filter of xz (filter id 4), which kernels are compressed with: the filter had
 * turned the relative targets of CALL and JMP (E8, E9) into absolute ones, so that equal targets compress well.
 */

/** By the opcodes seen in the three bytes before (bit 0 the nearest): whether an operand may be looked at at all. */
const MAY_CONVERT = [true, true, true, false, true, false, false, false];
/** By the same: how many bytes back the farthest of them lies that matters. */
const OVERLAP = [0, 1, 2, 2, 3, 3, 3, 3];

/** The filter takes only operands whose highest byte says "within 16 MiB". */
const isNear = (byte: number): boolean => byte === 0x00 || byte === 0xff;

/** Decodes in place; `bytes` is one whole block, whose first byte has position 0. */
export function decodeX86Bcj(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let lastOpcode = -1;
  let history = 0;
  for (let at = 0; at + 5 <= bytes.length; at++) {
    if ((bytes[at]! & 0xfe) !== 0xe8) continue;
    const distance = at - lastOpcode;
    lastOpcode = at;
    history = distance > 3 ? 0 : (history << (distance - 1)) & 7;
    if (history !== 0 && (!MAY_CONVERT[history] || isNear(bytes[at + 4 - OVERLAP[history]!]!))) {
      history = ((history << 1) | 1) & 7;
      continue;
    }
    if (!isNear(bytes[at + 4]!)) {
      history = ((history << 1) | 1) & 7;
      continue;
    }
    view.setUint32(at + 1, relativeTarget(view.getUint32(at + 1, true), at + 5, history), true);
    at += 4;
    history = 0;
  }
}

function relativeTarget(absolute: number, next: number, history: number): number {
  const bits = OVERLAP[history]! * 8;
  let source = absolute;
  let target = (source - next) >>> 0;
  // An operand that overlaps an earlier opcode was mixed until its byte there was no longer "near".
  while (history !== 0 && isNear((target >>> (24 - bits)) & 0xff)) {
    source = (target ^ (2 ** (32 - bits) - 1)) >>> 0;
    target = (source - next) >>> 0;
  }
  // Sign-extend from bit 24.
  return ((target << 7) >> 7) >>> 0;
}
