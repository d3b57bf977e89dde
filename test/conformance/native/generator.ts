/** Makes random cases. A case is fully given by the run's seed and its number. */
import { InstructionInfoFactory } from "iced-x86";
import { CODE_MAX, type Mode, type TestCase } from "./case.ts";
import { emitForm } from "./emit.ts";
import type { Form } from "./forms.ts";
import { emitBranch, emitControl, emitLoop, emitString, emitTransfer, startAddress } from "./patterns.ts";
import { Random } from "./random.ts";
import { Sequence } from "./sequence.ts";
import { FAULTING, INTEGER, LEGACY, SHIFT, STACK } from "./tables-integer.ts";
import { MMX, SSE_APPROXIMATE, SSE_FLOAT, SSE_INTEGER } from "./tables-simd.ts";
import { X87, X87_FIXED, X87_TRANSCENDENTAL } from "./tables-x87.ts";
import { dataImage, floatingState, register } from "./values.ts";

export const KINDS = [
  "integer", "shift", "legacy", "stack", "string", "branch", "x87", "mmx", "sse-integer", "sse-float", "control",
  "fault", "x87-transcendental", "sse-approximate",
] as const;
export type Kind = (typeof KINDS)[number];

/** How often each class is drawn for a whole case when none is asked for. */
const WEIGHTS: Readonly<Record<Kind, number>> = {
  integer: 26, shift: 8, legacy: 3, stack: 6, string: 6, branch: 7, x87: 14, mmx: 7, "sse-integer": 10,
  "sse-float": 10, control: 1, fault: 2, "x87-transcendental": 0, "sse-approximate": 0,
};
const MIXED = (Object.keys(WEIGHTS) as Kind[]).flatMap((kind) => new Array<Kind>(WEIGHTS[kind]).fill(kind));

function weighted(forms: readonly Form[]): Form[] {
  return forms.flatMap((form) => new Array<Form>(form.weight).fill(form));
}
const TABLES: Partial<Record<Kind, Form[]>> = {
  integer: weighted(INTEGER),
  shift: weighted(SHIFT),
  legacy: weighted(LEGACY),
  stack: weighted(STACK),
  x87: weighted(X87),
  mmx: weighted(MMX),
  "sse-integer": weighted(SSE_INTEGER),
  "sse-float": weighted(SSE_FLOAT),
  "sse-approximate": weighted(SSE_APPROXIMATE),
  fault: weighted(FAULTING),
};

/** Cases of one batch share the data area's contents. */
export const BATCH = 2000;

/** The data area of a batch. */
export function batchImage(seed: number, batch: number): Uint8Array {
  return dataImage(new Random(seed, -1 - batch));
}

const factory = new InstructionInfoFactory();

function emitKind(sequence: Sequence, kind: Kind, depth: number): boolean {
  const random = sequence.random;
  switch (kind) {
    case "string":
      return emitString(sequence);
    case "control":
      return emitControl(sequence);
    case "branch": {
      const what = random.below(10);
      if (depth > 0) return emitForm(sequence, random.pick(TABLES.integer ?? []));
      const main = random.pick(["integer", "shift", "sse-float", "x87", "mmx"] as const);
      if (what < 7) return emitBranch(sequence, (count) => emitSome(sequence, main, count, depth + 1));
      if (what < 8) return emitLoop(sequence, (count) => emitRegisters(sequence, count));
      return emitTransfer(sequence);
    }
    case "fault":
      // INT n, but never INT 80h: that is a system call.
      if (random.chance(0.05)) return sequence.append([0xcd, random.pick([0, 1, 3, 4, 5, 8, 13, 14, 0x20, 0x81, 0xff])]);
      break;
    case "x87-transcendental":
      return sequence.append(random.pick(X87_TRANSCENDENTAL));
    case "x87":
      if (random.chance(0.3)) return sequence.append(random.pick(X87_FIXED));
      break;
    default:
      break;
  }
  return emitForm(sequence, random.pick(TABLES[kind] ?? []));
}

function emitSome(sequence: Sequence, kind: Kind, count: number, depth: number): void {
  for (let placed = 0, tries = 0; placed < count && tries < 4 * count; tries++) {
    if (sequence.bytes.length > CODE_MAX - 100) return;
    if (emitKind(sequence, kind, depth)) placed++;
    else if (sequence.flags.bits !== 0) sequence.defineFlags();
  }
}

/** Register forms for loops: SETcc, ALU operations on registers other than RCX and RSP. */
function emitRegisters(sequence: Sequence, count: number): void {
  const random = sequence.random;
  const free = [0, 2, 3, 6, 7];
  for (let i = 0; i < count; i++) {
    const a = random.pick(free);
    const b = random.pick(free);
    const opcode = random.pick([0x01, 0x09, 0x11, 0x19, 0x21, 0x29, 0x31, 0x39, 0x85]);
    if (!sequence.append([...(sequence.mode === 2 && random.chance(0.5) ? [0x48] : []), opcode, 0xc0 | (a << 3) | b])) {
      sequence.defineFlags();
    }
  }
}

/** The case of a number; `only` restricts it to a class, `mode` to a code size. */
export function makeCase(seed: number, number: number, only?: Kind, onlyMode?: Mode): TestCase {
  const random = new Random(seed, number);
  const drawnMode: Mode = random.chance(0.75) ? 2 : random.chance(0.7) ? 1 : 0;
  const mode = onlyMode ?? drawnMode;
  const gpr = new BigUint64Array(16);
  for (let i = 0; i < 16; i++) gpr[i] = register(random, mode);
  gpr[4] = BigInt((mode === 0 ? 0 : 0x20000000) + 0x400 + random.below(0x1400 / 8) * 8);
  const rip = startAddress(random, mode);
  const flags = 0x202 | (random.u32() & 0x8d5) | (random.chance(0.15) ? 0x400 : 0) | (random.chance(0.01) ? 0x40000 : 0);
  const sequence = new Sequence(random, mode, rip, gpr, factory);
  const main = only ?? random.pick(MIXED);
  const length = 8 + random.below(25);
  for (let i = 0; i < length; i++) {
    const kind = only ?? (random.chance(0.6) ? main : random.pick(MIXED));
    // A case ends at its first exception, so those instructions come last.
    if (kind === "fault" && i < length - 1) emitSome(sequence, "integer", 1, 0);
    else emitSome(sequence, kind, 1, 0);
  }
  sequence.free();
  return {
    mode, rip, flags, gpr,
    code: Uint8Array.from(sequence.bytes),
    starts: sequence.starts,
    fx: floatingState(random),
  };
}
