/** Whether two outcomes of a case agree, but for what the manuals leave undefined. */
import { GPR_NAMES } from "../../../emulator/machine/api.ts";
import { FX_SIZE, MODE_BITS, TIMEOUT, type Outcome, type TestCase } from "./case.ts";
import { eflagsOf, statusOf, undefinedBefore } from "./flow.ts";

export interface Tolerance {
  /** Units in the last place by which x87 registers may differ. */
  x87Units: number;
  /** Relative difference of single-precision numbers in XMM registers, 0 none. */
  single: number;
}
export const EXACT: Tolerance = { x87Units: 0, single: 0 };

export interface Difference {
  what: string;
  native: string;
  core: string;
}

/** RF is set in the image that a fault pushes, as the fault's own doing. */
const RF = 0x10000;
const hex = (value: bigint | number, digits: number): string => "0x" + value.toString(16).padStart(digits, "0");

function equalBytes(a: Uint8Array, b: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (a[i] !== b[i]) return false;
  return true;
}

function hexBytes(bytes: Uint8Array, from: number, length: number): string {
  return Array.from(bytes.subarray(from, from + length), (byte) => byte.toString(16).padStart(2, "0"))
    .reverse()
    .join("");
}

function nearX87(a: Uint8Array, b: Uint8Array, at: number, units: number): boolean {
  if (units === 0) return false;
  const value = (fx: Uint8Array): bigint => {
    const view = new DataView(fx.buffer, fx.byteOffset);
    const exponent = BigInt(view.getUint16(at + 8, true) & 0x7fff);
    const magnitude = (exponent << 63n) | (view.getBigUint64(at, true) & 0x7fffffffffffffffn);
    return view.getUint16(at + 8, true) & 0x8000 ? -magnitude : magnitude;
  };
  const distance = value(a) - value(b);
  return (distance < 0n ? -distance : distance) <= BigInt(units);
}

function nearSingles(a: Uint8Array, b: Uint8Array, at: number, relative: number): boolean {
  if (relative === 0) return false;
  const viewA = new DataView(a.buffer, a.byteOffset);
  const viewB = new DataView(b.buffer, b.byteOffset);
  for (let i = at; i < at + 16; i += 4) {
    const x = viewA.getFloat32(i, true);
    const y = viewB.getFloat32(i, true);
    if (viewA.getUint32(i, true) === viewB.getUint32(i, true)) continue;
    if (!(Math.abs(x - y) <= relative * Math.abs(x))) return false;
  }
  return true;
}

/** RflagsBits undefined where the outcome's instruction pointer stands. */
function undefinedAt(test: TestCase, outcome: Outcome): number {
  const before = undefinedBefore(test);
  const at = before?.get(Number(outcome.rip));
  if (at !== undefined) return at;
  return [...(before?.values() ?? [])].reduce((all, bits) => all | bits, 0);
}

function compareFloating(
  test: TestCase,
  native: Outcome,
  core: Outcome,
  bits: number,
  tolerance: Tolerance,
  out: Difference[],
): void {
  const a = new DataView(native.fx.buffer, native.fx.byteOffset);
  const b = new DataView(core.fx.buffer, core.fx.byteOffset);
  const check = (what: string, at: number, mask: number): void => {
    const x = a.getUint16(at, true) & mask;
    const y = b.getUint16(at, true) & mask;
    if (x !== y) out.push({ what, native: hex(x, 4), core: hex(y, 4) });
  };
  check("x87 control word", 0, 0xffff);
  // C1 tells the direction of rounding.
  check("x87 status word", 2, 0xffff & ~statusOf(bits) & ~(tolerance.x87Units > 0 ? 0x200 : 0));
  check("x87 tags", 4, 0xff);
  check("MXCSR", 24, 0xffff);
  for (let i = 0; i < 8; i++) {
    const at = 32 + i * 16;
    if (equalBytes(native.fx, core.fx, at, at + 10) || nearX87(native.fx, core.fx, at, tolerance.x87Units)) continue;
    out.push({ what: `st(${i})`, native: hexBytes(native.fx, at, 10), core: hexBytes(core.fx, at, 10) });
  }
  for (let i = 0; i < (test.mode === 2 ? 16 : 8); i++) {
    const at = 160 + i * 16;
    if (equalBytes(native.fx, core.fx, at, at + 16) || nearSingles(native.fx, core.fx, at, tolerance.single)) continue;
    out.push({ what: `xmm${i}`, native: hexBytes(native.fx, at, 16), core: hexBytes(core.fx, at, 16) });
  }
}

/** Empty when the outcomes agree. Outside 64-bit mode only what that mode defines is looked at. */
export function compare(
  test: TestCase,
  native: Outcome,
  core: Outcome,
  image: Uint8Array,
  tolerance: Tolerance,
): Difference[] {
  // An endless case is stopped anywhere (one comes about when a case is reduced).
  if (native.vector === TIMEOUT && core.vector === TIMEOUT) return [];
  if (same(test, native, core)) return [];
  const out: Difference[] = [];
  if (native.vector !== core.vector)
    out.push({ what: "exception", native: `${native.vector}`, core: `${core.vector}` });
  // The upper half is the host kernel's, whose pages are present.
  const errorMask = native.vector === 14 && native.cr2 >> 63n !== 0n ? ~1 : ~0;
  if ((native.error & errorMask) !== (core.error & errorMask)) {
    out.push({ what: "error code", native: hex(native.error, 1), core: hex(core.error, 1) });
  }
  if (native.cr2 !== core.cr2) out.push({ what: "cr2", native: hex(native.cr2, 1), core: hex(core.cr2, 1) });
  if (native.rip !== core.rip) out.push({ what: "rip", native: hex(native.rip, 1), core: hex(core.rip, 1) });
  const undefinedBits = undefinedAt(test, native);
  const mask = ~(eflagsOf(undefinedBits) | RF);
  if ((native.flags & mask) !== (core.flags & mask)) {
    out.push({ what: "eflags", native: hex(native.flags & mask, 1), core: hex(core.flags & mask, 1) });
  }
  const bits = test.mode === 2 ? 64 : 32;
  for (let i = 0; i < (test.mode === 2 ? 16 : 8); i++) {
    const x = BigInt.asUintN(bits, native.gpr[i] ?? 0n);
    const y = BigInt.asUintN(bits, core.gpr[i] ?? 0n);
    if (x !== y) out.push({ what: GPR_NAMES[i] ?? "", native: hex(x, bits / 4), core: hex(y, bits / 4) });
  }
  compareFloating(test, native, core, undefinedBits, tolerance, out);
  for (const offset of new Set([...native.memory.keys(), ...core.memory.keys()])) {
    const initial = image.subarray(offset, offset + 16);
    const x = native.memory.get(offset) ?? initial;
    const y = core.memory.get(offset) ?? initial;
    if (!sameMemory(x, y))
      out.push({ what: `data+${hex(offset, 4)}`, native: hexBytes(x, 0, 16), core: hexBytes(y, 0, 16) });
  }
  return out;
}

/** MXCSR_MASK as FXSAVE writes it: this processor has misaligned SSE operands (bit 17), which the core does not announce. */
const MASK_HERE = [0xff, 0xff, 0x02, 0x00];
const MASK_CORE = [0xff, 0xff, 0x00, 0x00];

/** Whether 16 bytes of memory are the same, but for MXCSR_MASK. */
function sameMemory(native: Uint8Array, core: Uint8Array): boolean {
  if (equalBytes(native, core, 0, 16)) return true;
  return (
    equalBytes(native, core, 0, 12) &&
    MASK_HERE.every((byte, i) => native[12 + i] === byte) &&
    MASK_CORE.every((byte, i) => core[12 + i] === byte)
  );
}

/** Quick test for complete equality. */
function same(test: TestCase, native: Outcome, core: Outcome): boolean {
  if (native.vector !== core.vector || native.error !== core.error || native.cr2 !== core.cr2) return false;
  if (native.rip !== core.rip || (native.flags & ~RF) !== (core.flags & ~RF)) return false;
  for (let i = 0; i < (MODE_BITS[test.mode] === 64 ? 16 : 8); i++) if (native.gpr[i] !== core.gpr[i]) return false;
  if (native.memory.size !== core.memory.size) return false;
  for (const [offset, bytes] of native.memory) {
    const other = core.memory.get(offset);
    if (!other || !equalBytes(bytes, other, 0, 16)) return false;
  }
  return (
    equalBytes(native.fx, core.fx, 0, 5) &&
    equalBytes(native.fx, core.fx, 24, 28) &&
    equalBytes(native.fx, core.fx, 32, FX_SIZE)
  );
}

/** How many instructions certainly ran: those before the end, without what a taken branch may have left out. */
export function executed(test: TestCase, outcome: Outcome): number {
  const end = Number(outcome.rip) - test.rip;
  const index = test.starts.findIndex((start) => start >= end);
  return index < 0 ? (end === test.code.length ? test.starts.length : 0) : index;
}
