/** Makes random cases. A case is fully given by the run's seed and its number. */
import { InstructionInfoFactory } from "iced-x86";
import { CODE_MAX, type Mode, type TestCase } from "./case.ts";
import { emitForm } from "./emit.ts";
import type { Form } from "./forms.ts";
import { emitBranch, emitLoop, emitSingleStep, emitString, emitTransfer, startAddress } from "./patterns.ts";
import { emitControl, emitSegment, emitState } from "./state.ts";
import { Random } from "./random.ts";
import { Sequence } from "./sequence.ts";
import { FAULTING, INTEGER, LEGACY, SEGMENT, SHIFT, STACK } from "./tables-integer.ts";
import { MMX, SSE_APPROXIMATE, SSE_FLOAT, SSE_INTEGER } from "./tables-simd.ts";
import { STATE, X87, X87_FIXED, X87_TRANSCENDENTAL } from "./tables-x87.ts";
import { dataImage, floatingState, register } from "./values.ts";

export const KINDS = [
  "integer",
  "shift",
  "legacy",
  "stack",
  "string",
  "branch",
  "x87",
  "mmx",
  "sse-integer",
  "sse-float",
  "control",
  "segment",
  "state",
  "fault",
  "x87-transcendental",
  "sse-approximate",
] as const;
export type Kind = (typeof KINDS)[number];

/** How often each class is drawn for a whole case when none is asked for. */
const WEIGHTS: Readonly<Record<Kind, number>> = {
  integer: 26,
  shift: 8,
  legacy: 3,
  stack: 6,
  string: 6,
  branch: 7,
  x87: 14,
  mmx: 7,
  "sse-integer": 10,
  "sse-float": 10,
  control: 1,
  segment: 2,
  // Whether XSAVE reports a component in its initial state as in use is the processor's own affair (SDM vol. 1, 13.6).
  state: 0,
  fault: 2,
  "x87-transcendental": 0,
  "sse-approximate": 0,
};
const MIXED = (Object.keys(WEIGHTS) as Kind[]).flatMap((kind) => new Array<Kind>(WEIGHTS[kind]).fill(kind));

/** Cases of one batch share the data area's contents. */
export const BATCH = 2000;

/** The data area of a batch. */
export function batchImage(seed: number, batch: number): Uint8Array {
  return dataImage(new Random(seed, -1 - batch));
}

const factory = new InstructionInfoFactory();

/** Appends one instruction, or a few that belong together; false when that cannot be done here. */
type Emitter = (sequence: Sequence, depth: number) => boolean;

function fromTable(forms: readonly Form[]): Emitter {
  const weighted = forms.flatMap((form) => new Array<Form>(form.weight).fill(form));
  return (sequence) => emitForm(sequence, sequence.random.pick(weighted));
}
/** `first` with a probability, else `second`. */
function either(probability: number, first: Emitter, second: Emitter): Emitter {
  return (sequence, depth) => (sequence.random.chance(probability) ? first : second)(sequence, depth);
}
function fixed(encodings: readonly (readonly number[])[]): Emitter {
  return (sequence) => sequence.append(sequence.random.pick(encodings));
}

const INTERRUPTS = [0, 1, 3, 4, 5, 8, 13, 14, 0x20, 0x81, 0xff];
/** INT n, but never INT 80h: that is a system call. */
const emitInterrupt: Emitter = (sequence) => sequence.append([0xcd, sequence.random.pick(INTERRUPTS)]);

const emitFlow: Emitter = (sequence, depth) => {
  const random = sequence.random;
  if (depth > 0) return EMITTERS.integer(sequence, depth);
  const what = random.below(10);
  const main = random.pick(["integer", "shift", "sse-float", "x87", "mmx"] as const);
  if (what < 7) return emitBranch(sequence, (count) => emitSome(sequence, main, count, depth + 1));
  if (what < 8) return emitLoop(sequence, (count) => emitRegisters(sequence, count));
  return emitTransfer(sequence);
};

const emitStepped: Emitter = (sequence, depth) => emitSingleStep(sequence) && EMITTERS.integer(sequence, depth);

const EMITTERS: Readonly<Record<Kind, Emitter>> = {
  integer: fromTable(INTEGER),
  shift: fromTable(SHIFT),
  legacy: fromTable(LEGACY),
  stack: fromTable(STACK),
  string: emitString,
  branch: emitFlow,
  x87: either(0.3, fixed(X87_FIXED), fromTable(X87)),
  mmx: fromTable(MMX),
  "sse-integer": fromTable(SSE_INTEGER),
  "sse-float": fromTable(SSE_FLOAT),
  control: emitControl,
  segment: either(0.5, emitSegment, fromTable(SEGMENT)),
  state: either(0.2, emitState, fromTable(STATE)),
  fault: either(0.05, emitInterrupt, either(0.05, emitStepped, fromTable(FAULTING))),
  "x87-transcendental": fixed(X87_TRANSCENDENTAL),
  "sse-approximate": fromTable(SSE_APPROXIMATE),
};

function emitSome(sequence: Sequence, kind: Kind, count: number, depth: number): void {
  for (let placed = 0, tries = 0; placed < count && tries < 4 * count; tries++) {
    if (sequence.bytes.length > CODE_MAX - 100) return;
    if (EMITTERS[kind](sequence, depth)) placed++;
    else sequence.defineFlags();
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
  const flags =
    0x202 | (random.u32() & 0x8d5) | (random.chance(0.15) ? 0x400 : 0) | (random.chance(0.01) ? 0x40000 : 0);
  const sequence = new Sequence(random, mode, rip, gpr, factory);
  const main = only ?? random.pick(MIXED);
  // A transcendental function is compared with a tolerance, so nothing may be computed from its result.
  const length = only === "x87-transcendental" ? 1 : 8 + random.below(25);
  for (let i = 0; i < length; i++) {
    const kind = only ?? (random.chance(0.6) ? main : random.pick(MIXED));
    // A case ends at its first exception, so those instructions come last.
    if (kind === "fault" && i < length - 1) emitSome(sequence, "integer", 1, 0);
    else emitSome(sequence, kind, 1, 0);
  }
  sequence.free();
  return {
    mode,
    rip,
    flags,
    gpr,
    code: Uint8Array.from(sequence.bytes),
    starts: sequence.starts,
    fx: floatingState(random),
  };
}
