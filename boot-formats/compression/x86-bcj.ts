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

/** An instruction's opcode and operand. */
const INSTRUCTION_BYTES = 5;

/** Undoes the filter over a block that comes in pieces. */
export class X86Bcj {
  private rest = new Uint8Array(0);
  /** Position in the block of the first byte not handed out. */
  private position = 0;
  private lastOpcode = -1;
  private history = 0;

  /** Takes the next piece; returns what is done, which ends up to four bytes before it does. */
  decode(piece: Uint8Array): Uint8Array {
    const bytes = new Uint8Array(this.rest.length + piece.length);
    bytes.set(this.rest);
    bytes.set(piece, this.rest.length);
    const done = this.run(bytes);
    this.rest = bytes.slice(done);
    this.position += done;
    return bytes.subarray(0, done);
  }

  /** The last bytes, too few for an instruction. */
  finish(): Uint8Array {
    return this.rest;
  }

  /** Decodes in place; returns how many bytes are done. */
  private run(bytes: Uint8Array): number {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const end = bytes.length - INSTRUCTION_BYTES;
    let at = 0;
    for (; at <= end; at++) {
      if ((bytes[at]! & 0xfe) !== 0xe8) continue;
      const place = this.position + at;
      const distance = place - this.lastOpcode;
      this.lastOpcode = place;
      const history = distance > 3 ? 0 : (this.history << (distance - 1)) & 7;
      const overlapped = history !== 0 && (!MAY_CONVERT[history] || isNear(bytes[at + 4 - OVERLAP[history]!]!));
      if (overlapped || !isNear(bytes[at + 4]!)) {
        this.history = ((history << 1) | 1) & 7;
        continue;
      }
      const next = place + INSTRUCTION_BYTES;
      view.setUint32(at + 1, relativeTarget(view.getUint32(at + 1, true), next, history), true);
      at += INSTRUCTION_BYTES - 1;
      this.history = 0;
    }
    return at;
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
