/** Random instructions of the vector units with random and special operands. */
import { Random } from "../conformance/native/random.ts";
import { MEMORY_BYTES, SseRecord } from "./records.ts";

/** An opcode in its map with a mandatory prefix; the operand a register or memory. */
export interface Form {
  map: 1 | 2 | 3;
  /** 0, 0x66, 0xf3 or 0xf2. */
  prefix: number;
  opcode: number;
  memory: boolean;
}

const PREFIXES = [0, 0x66, 0xf3, 0xf2];

/** Opcodes, first to last, that belong to MMX and SSE or that must be undefined. */
const RANGES: Record<1 | 2 | 3, [number, number][]> = {
  1: [[0x10, 0x17], [0x28, 0x2f], [0x50, 0x77], [0x7c, 0x7f], [0xc2, 0xc6], [0xd0, 0xff]],
  2: [[0x00, 0x41], [0xf0, 0xf1]],
  3: [[0x08, 0x0f], [0x14, 0x17], [0x20, 0x22], [0x40, 0x42], [0x60, 0x63]],
}; // prettier-ignore

/** Instructions of this processor that are not in SSE4.2: MOVNTSS and MOVNTSD of SSE4A, and MOVBE. */
function isForeign(form: Form): boolean {
  if (form.map === 1) return form.opcode === 0x2b && form.prefix >= 0xf2;
  return form.map === 2 && form.opcode >= 0xf0 && form.prefix !== 0xf2;
}

/**
 * Forms that vendors do differently: the approximations, and when x87 state becomes MMX state. The core follows AMD.
 */
export function isVendorSpecific(form: Form): boolean {
  return form.map === 1 && [0x2a, 0x2c, 0x2d, 0x52, 0x53, 0x77].includes(form.opcode);
}

/** Shifts by an immediate: ModRM.reg belongs to the opcode. */
export function isGroup(form: Form): boolean {
  return form.map === 1 && form.opcode >= 0x71 && form.opcode <= 0x73;
}

/** The form in a few words. */
export function nameOf(form: Form): string {
  const map = ["", "0F", "0F38", "0F3A"][form.map] ?? "";
  return `${form.prefix ? `${form.prefix.toString(16)} ` : ""}${map} ${form.opcode.toString(16).padStart(2, "0")} ${form.memory ? "mem" : "reg"}`;
}

/** Every form, whether the instruction exists or not. */
export function allForms(): Form[] {
  const forms: Form[] = [];
  for (const map of [1, 2, 3] as const) {
    for (const [first, last] of RANGES[map]) {
      for (let opcode = first; opcode <= last; opcode++) {
        for (const prefix of PREFIXES) {
          for (const memory of [false, true]) {
            const form = { map, prefix, opcode, memory };
            if (!isForeign(form)) forms.push(form);
          }
        }
      }
    }
  }
  return forms;
}

const SINGLES = [
  0x00000000, 0x00000001, 0x00000002, 0x007fffff, 0x00400000, 0x00800000, 0x00800001, 0x00ffffff, 0x01000000, 0x1f800000,
  0x20000000, 0x3effffff, 0x3f000000, 0x3f000001, 0x3f7fffff, 0x3f800000, 0x3f800001, 0x3fc00000, 0x40000000, 0x40200000,
  0x4b000000, 0x4b000001, 0x4b7fffff, 0x4effffff, 0x4f000000, 0x4f000001, 0x5effffff, 0x5f000000, 0x5f800000, 0x7e800000,
  0x7f000000, 0x7f7fffff, 0x7f800000, 0x7f800001, 0x7fbfffff, 0x7fc00000, 0x7fc12345, 0x7fffffff,
]; // prettier-ignore
const DOUBLES = [
  0x0000000000000000n, 0x0000000000000001n, 0x000fffffffffffffn, 0x0008000000000000n, 0x0010000000000000n,
  0x0010000000000001n, 0x001fffffffffffffn, 0x36a0000000000000n, 0x3690000000000000n, 0x3680000000000000n,
  0x380fffffffffffffn, 0x380fffffe0000000n, 0x380ffffff0000000n, 0x3810000000000000n, 0x3fdfffffffffffffn,
  0x3fe0000000000000n, 0x3fe0000000000001n, 0x3feffffffffffffen, 0x3ff0000000000000n, 0x3ff0000000000001n,
  0x3ff8000000000000n, 0x4000000000000000n, 0x4004000000000000n, 0x41dfffffffc00000n, 0x41dfffffffe00000n,
  0x41dfffffffffffffn, 0x41e0000000000000n, 0x41e0000000100000n, 0x41e0000000200000n, 0x4330000000000000n,
  0x4340000000000001n, 0x43dfffffffffffffn, 0x43e0000000000000n, 0x43e0000000000001n, 0x47efffffe0000000n,
  0x47efffffefffffffn, 0x47effffff0000000n, 0x47f0000000000000n, 0x7fefffffffffffffn, 0x7ff0000000000000n,
  0x7ff0000000000001n, 0x7ff7ffffffffffffn, 0x7ff8000000000000n, 0x7ff8123456789abcn, 0x7fffffffffffffffn,
]; // prettier-ignore
/** Pairs that `fillPair` tells apart: every special value of either sign with every other. */
export const PAIRS = (2 * DOUBLES.length) ** 2;
const MXCSR_MASKS = 0x1f80;

export class Cases {
  constructor(private readonly random: Random) {}

  /** In a narrow range of exponents around 1. */
  private plainSingle(): number {
    const r = this.random;
    return ((0x3d000000 + r.below(0x05000000)) | (r.chance(0.5) ? 0x80000000 : 0)) >>> 0;
  }
  private plainDouble(): bigint {
    const r = this.random;
    return (0x3fa0000000000000n + (r.u64() & 0x00bfffffffffffffn)) | (r.chance(0.5) ? 1n << 63n : 0n);
  }

  private single(): number {
    const r = this.random;
    const sign = r.chance(0.5) ? 0x80000000 : 0;
    const near = r.below(10);
    if (near < 4) return (r.pick(SINGLES) | sign) >>> 0;
    // Operands that meet; or close to the bottom; or anything.
    if (near < 7) return this.plainSingle();
    if (near < 8) return (r.below(0x02000000) | sign) >>> 0;
    return r.u32();
  }

  private double(): bigint {
    const r = this.random;
    const sign = r.chance(0.5) ? 1n << 63n : 0n;
    const near = r.below(10);
    if (near < 4) return r.pick(DOUBLES) | sign;
    if (near < 7) return this.plainDouble();
    if (near < 8) return (r.u64() & 0x003fffffffffffffn) | sign;
    // Around the ends of single precision: what rounds to its least normal number, and anything there.
    if (near < 9) {
      if (r.chance(0.4))
        return (0x380fffffc0000000n + BigInt(r.below(17)) * 0x08000000n - BigInt(r.below(3)) + 1n) | sign;
      return ((r.chance(0.5) ? 0x3680000000000000n : 0x47d0000000000000n) + (r.u64() & 0x01ffffffffffffffn)) | sign;
    }
    return r.u64();
  }

  /** 16 bytes of one kind of elements (0 to 7). */
  private vector(at: Uint8Array, kind: number): void {
    const r = this.random;
    const view = new DataView(at.buffer, at.byteOffset, 16);
    for (let i = 0; i < 16; i++) {
      // Few different bytes for the string instructions; else any.
      if (kind === 0) at[i] = r.pick([0, 1, 2, 3, 0x61, 0x62, 0x80, 0xff]);
      else at[i] = r.below(256);
    }
    if (kind === 1) for (let i = 0; i < 16; i++) at[i] = r.pick([0, 0x7f, 0x80, 0xff]);
    if (kind === 2)
      for (let i = 0; i < 16; i += 2)
        view.setUint16(i, r.pick([0, 1, 2, 0x7fff, 0x8000, 0xffff, r.below(65536)]), true);
    if (kind === 3) view.setBigUint64(0, r.chance(0.7) ? BigInt(r.below(70)) : r.u64(), true);
    if (kind === 4) for (let i = 0; i < 16; i += 4) view.setUint32(i, this.single(), true);
    if (kind === 5) for (let i = 0; i < 16; i += 4) view.setUint32(i, this.plainSingle(), true);
    if (kind === 6) for (let i = 0; i < 16; i += 8) view.setBigUint64(i, this.double(), true);
    if (kind === 7) for (let i = 0; i < 16; i += 8) view.setBigUint64(i, this.plainDouble(), true);
  }

  private general(): bigint {
    const r = this.random;
    if (r.chance(0.3)) return BigInt.asUintN(64, BigInt(r.below(41) - 20));
    return r.chance(0.2) ? this.double() : r.u64();
  }

  /** A value of MXCSR: mostly all masked, as programs have it. */
  private mxcsr(): number {
    const r = this.random;
    let value = r.below(64) | (r.below(4) << 13);
    value |= r.chance(0.75) ? MXCSR_MASKS : r.u32() & MXCSR_MASKS;
    if (r.chance(0.25)) value |= 0x40;
    if (r.chance(0.25)) value |= 0x8000;
    // As it is after a first inexact result.
    if (r.chance(0.4)) value = MXCSR_MASKS | 0x20 | (value & 0x1f);
    return value;
  }

  /** An instruction of the form with a state to run it in. */
  fill(record: SseRecord, form: Form): void {
    const r = this.random;
    record.controlWord = 0x37f;
    record.statusWord = r.below(8) << 11;
    record.tags = r.below(256);
    record.mxcsr = this.mxcsr();
    for (let i = 0; i < 8; i++) {
      const at = record.bytes.subarray(32 + i * 16, 48 + i * 16);
      this.vector(at, r.below(8));
      at.fill(0, 10);
    }
    if (r.chance(0.02)) {
      // An unmasked x87 exception is pending: ES, B and IE.
      record.controlWord = 0x37e;
      record.statusWord |= 0x8081;
    }
    // Often all of one kind, so that plain numbers meet plain numbers.
    const common = r.chance(0.5) ? r.below(8) : undefined;
    for (let i = 0; i < 16; i++) this.vector(record.xmm.subarray(i * 16, i * 16 + 16), common ?? r.below(8));
    for (let i = 0; i < 16; i++) record.setRegister(i, this.general());
    for (let i = 0; i < MEMORY_BYTES; i += 16) {
      this.vector(record.memory.subarray(i, i + 16), common ?? r.below(8));
    }
    record.flags = (r.u32() & 0x8d5) | 2;
    record.pointers = true;
    record.setRegister(3, BigInt(r.chance(0.7) ? r.below(3) * 16 : r.below(64)));
    record.setRegister(7, BigInt(r.below(64)));
    record.code = this.encode(form);
  }

  /** The scalar form with prefix F3 or F2 on XMM1 and XMM2, which hold the `index`-th pair of special values. */
  fillPair(record: SseRecord, form: Form, index: number): void {
    const values = form.prefix === 0xf2 ? DOUBLES : SINGLES.map(BigInt);
    const signBit = form.prefix === 0xf2 ? 1n << 63n : 1n << 31n;
    const value = (i: number): bigint => (values[(i >> 1) % values.length] ?? 0n) | (i & 1 ? signBit : 0n);
    this.fill(record, form);
    record.code = [form.prefix, 0x0f, form.opcode, 0xca, ...(form.opcode === 0xc2 ? [this.random.below(8)] : [])];
    const xmm = new DataView(record.xmm.buffer, record.xmm.byteOffset, 256);
    xmm.setBigUint64(16, value(index % (2 * values.length)), true);
    xmm.setBigUint64(32, value(Math.floor(index / (2 * values.length))), true);
  }

  private encode(form: Form): number[] {
    const r = this.random;
    const code: number[] = [];
    if (form.map === 2 && form.prefix === 0xf2 && r.chance(0.3)) code.push(0x66);
    if (form.prefix) code.push(form.prefix);
    const rex = r.chance(0.5) ? 0x40 | (r.chance(0.4) ? 8 : 0) | (r.below(2) << 2) | (form.memory ? 0 : r.below(2)) : 0;
    if (rex) code.push(rex);
    code.push(0x0f);
    if (form.map === 2) code.push(0x38);
    if (form.map === 3) code.push(0x3a);
    code.push(form.opcode);
    // EMMS has no operand.
    if (form.map === 1 && form.opcode === 0x77) return code;
    // Not RSP, on which the native program stands, nor the pointers, which differ.
    const general = [0, 1, 2, 5, 6];
    const any = [0, 1, 2, 3, 4, 5, 6, 7];
    const isShift = isGroup(form);
    const reg = r.pick(usesGeneral(form, true) && !(rex & 4) ? general : any);
    const rm = form.memory ? 3 : r.pick(usesGeneral(form, false) && !(rex & 1) ? general : any);
    code.push((form.memory ? 0 : 0xc0) | (reg << 3) | rm);
    if (form.map === 3) code.push(r.below(256));
    else if (form.map === 1 && (isShift || form.opcode === 0x70 || (form.opcode >= 0xc2 && form.opcode <= 0xc6))) {
      if (form.opcode !== 0xc3) code.push(isShift && r.chance(0.7) ? r.below(66) : r.below(256));
    }
    return code;
  }
}

/** Whether ModRM.reg (or rm) names a general register. */
function usesGeneral(form: Form, reg: boolean): boolean {
  const { map, opcode } = form;
  if (map === 2) return opcode >= 0xf0;
  if (map === 3) return !reg && opcode >= 0x14 && opcode <= 0x22;
  if (reg) return [0x2c, 0x2d, 0x50, 0xc3, 0xc5, 0xd7].includes(opcode);
  return [0x2a, 0x6e, 0x7e, 0xc4].includes(opcode);
}
