/** Instructions that make sense only together with others: branches with their targets, strings, loads of control words. */
import { CODE, CS32, CS64, DS } from "./case.ts";
import { RCX, RDI, RSI, RSP, dword, type Sequence } from "./sequence.ts";
import { STRING_OPCODES } from "./tables-integer.ts";

/** Appends some random instructions. */
export type Filler = (count: number) => void;

/** Offset in CS of a position in the case. */
function codeOffset(sequence: Sequence, linear: number): number {
  return sequence.mode === 0 ? linear & 0xffff : linear;
}

/** String instructions with or without REP; sometimes with whatever the registers happen to hold. */
export function emitString(sequence: Sequence): boolean {
  const random = sequence.random;
  const opcode = random.pick(STRING_OPCODES);
  const repeat = random.chance(0.6);
  const wild = random.chance(0.004);
  if (!wild) {
    if (opcode !== 0xaa && opcode !== 0xab && opcode !== 0xae && opcode !== 0xaf) sequence.pointRegister(RSI, 256);
    if (opcode !== 0xac && opcode !== 0xad) sequence.pointRegister(RDI, 256);
    if (repeat) sequence.setRegister(RCX, BigInt(random.chance(0.05) ? random.below(3000) : random.below(20)));
  }
  const bytes: number[] = [];
  if (random.chance(sequence.mode === 2 ? 0.005 : 0.04)) bytes.push(sequence.mode === 2 ? 0x65 : 0x36);
  if (random.chance(0.05) && sequence.mode !== 1) bytes.push(0x67);
  if (random.chance(0.25)) bytes.push(0x66);
  if (repeat) bytes.push(random.chance(0.6) ? 0xf3 : 0xf2);
  if (sequence.mode === 2 && random.chance(0.4)) bytes.push(0x48);
  bytes.push(opcode);
  if ([0xa6, 0xa7, 0xae, 0xaf].includes(opcode) && repeat) sequence.defineFlags();
  return sequence.append(bytes);
}

/** A conditional jump over a few instructions, short or near. */
export function emitBranch(sequence: Sequence, fill: Filler): boolean {
  const random = sequence.random;
  const near = random.chance(0.25);
  const kind = random.below(20);
  const start = sequence.bytes.length;
  let opcode: number[];
  if (kind === 0) opcode = [0xeb];
  else if (kind === 1) opcode = [0xe9];
  else if (kind === 2) opcode = [0xe0 + random.below(3)];
  else if (kind === 3) opcode = [0xe3];
  else opcode = near ? [0x0f, 0x80 + random.below(16)] : [0x70 + random.below(16)];
  const wide = opcode.length === 2 || opcode[0] === 0xe9;
  const width = !wide ? 1 : sequence.mode === 0 ? 2 : 4;
  const placed = [...opcode, ...new Array<number>(width).fill(0)];
  const flags = sequence.flags.copy();
  if (!sequence.append(placed)) return false;
  const taken = sequence.flags.copy();
  const next = sequence.bytes.length;
  const known = [...sequence.known];
  fill(1 + random.below(3));
  const distance = sequence.bytes.length - next;
  if (distance > 120) throw new Error("three instructions are longer than a short jump reaches");
  sequence.bytes.splice(start + opcode.length, width, ...[distance, 0, 0, 0].slice(0, width));
  // Either way may have been gone: what one of them left undefined is so, what one of them changed is not known.
  sequence.flags.bits |= taken.bits | flags.bits;
  for (let i = 0; i < known.length; i++) if (known[i] !== sequence.known[i]) sequence.known[i] = undefined;
  return true;
}

/** A loop of a few turns. The body leaves RCX and all memory operands alone, so it ends. */
export function emitLoop(sequence: Sequence, fillRegisters: Filler): boolean {
  const random = sequence.random;
  const turns = 1 + random.below(6);
  sequence.setRegister(RCX, BigInt(turns));
  sequence.defineFlags();
  const top = sequence.bytes.length;
  const before = [...sequence.known];
  fillRegisters(1 + random.below(3));
  sequence.defineFlags();
  let bytes: number[];
  if (random.chance(0.7)) {
    bytes = [random.pick([0xe0, 0xe1, 0xe2])];
  } else {
    sequence.append(sequence.mode === 2 ? [0xff, 0xc9] : sequence.mode === 1 ? [0x49] : [0x66, 0x49]);
    bytes = [random.pick([0x75, 0x7f])];
  }
  const back = top - (sequence.bytes.length + 2);
  if (!sequence.append([...bytes, back & 255])) return false;
  for (let i = 0; i < before.length; i++) if (before[i] !== sequence.known[i]) sequence.known[i] = undefined;
  sequence.known[RCX] = undefined;
  return true;
}

/** CALL, RET and indirect jumps, each to what follows. */
export function emitTransfer(sequence: Sequence): boolean {
  const random = sequence.random;
  const mode = sequence.mode;
  const next = (bytes: number): number[] => dword(codeOffset(sequence, sequence.here + bytes));
  sequence.pointRegister(RSP, 128);
  const gap = random.below(4);
  const padding = (): void => {
    // Never run: HLT would end the case.
    for (let i = 0; i < gap; i++) sequence.bytes.push(0xf4);
  };
  switch (random.below(mode === 0 ? 1 : 7)) {
    case 0: {
      sequence.append([0xe8, gap, 0, ...(mode === 0 ? [] : [0, 0])]);
      padding();
      return true;
    }
    case 1: {
      const pop = random.chance(0.4) ? [0xc2, 8 * random.below(4), 0] : [0xc3];
      sequence.append([0x68, ...next(5 + pop.length + gap)]);
      sequence.append(pop);
      padding();
      return true;
    }
    case 2: {
      const register = random.pick([0, RSI, RDI]);
      const call = random.chance(0.5);
      sequence.setRegister(register, BigInt(codeOffset(sequence, sequence.here + 5 + 2 + gap)));
      sequence.append([0xff, (call ? 0xd0 : 0xe0) | register]);
      padding();
      return true;
    }
    case 3: {
      // PUSH target; JMP or CALL through the stack.
      sequence.append([0x68, ...next(5 + 3 + gap)]);
      sequence.append([0xff, random.chance(0.5) ? 0x24 : 0x14, 0x24]);
      padding();
      return true;
    }
    case 4: {
      // RETF to the same code segment.
      sequence.append([0x6a, mode === 2 ? CS64 : CS32]);
      sequence.append([0x68, ...next(5 + 2 + gap)]);
      sequence.append(mode === 2 ? [0x48, 0xcb] : [0x3e, 0xcb]);
      padding();
      return true;
    }
    case 5: {
      // IRET; in 64-bit code it takes the stack pointer along.
      sequence.defineFlags();
      if (mode === 2) {
        sequence.append([0x6a, DS]);
        sequence.append([0x54]);
      }
      sequence.append([0x9c]);
      sequence.append([0x6a, mode === 2 ? CS64 : CS32]);
      sequence.append([0x68, ...next(5 + 2 + gap)]);
      sequence.append(mode === 2 ? [0x48, 0xcf] : [0x3e, 0xcf]);
      sequence.known[RSP] = undefined;
      padding();
      return true;
    }
    default: {
      sequence.append([0xe9, gap, 0, 0, 0]);
      padding();
      return true;
    }
  }
}

/** POPF that sets TF: the instruction behind it ends by a single-step trap. */
export function emitSingleStep(sequence: Sequence): boolean {
  if (sequence.mode === 0) return false;
  sequence.pointRegister(RSP, 64);
  sequence.append([0x68, ...dword(0x302 | (sequence.random.u32() & 0x8d5))]);
  return sequence.append([0x9d]);
}

/** Where a case starts: mostly in the first page, at times so that it crosses into the second. */
export function startAddress(random: Sequence["random"], mode: 0 | 1 | 2): number {
  const offset = random.chance(0.2) ? 0x1000 - random.below(128) : random.below(0xe00);
  return (mode === 0 ? 0 : CODE) + offset;
}
