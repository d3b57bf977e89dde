/** Turns a form into bytes: prefixes, opcode, operands and immediate, with all that the form needs beforehand. */
import type { Form, Need } from "./forms.ts";
import type { Mode } from "./case.ts";
import { RBX, RDX, RSP, dword, type ModRm, type Sequence } from "./sequence.ts";

const SEGMENT_PREFIXES = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65] as const;

interface Prefixes {
  operand16: boolean;
  rexW: boolean;
  address: boolean;
  segment: number;
  lock: boolean;
}

function prepare(sequence: Sequence, need: Need): void {
  const random = sequence.random;
  switch (need) {
    case "sp":
      sequence.pointRegister(RSP, 64);
      break;
    case "bx":
      sequence.pointRegister(RBX, 256);
      break;
    case "div":
      // A small high half mostly: most other quotients overflow, and #DE ends the case.
      if (random.chance(0.93)) sequence.setRegister(RDX, random.chance(0.8) ? 0n : BigInt(random.below(4)));
      if (random.chance(0.93)) sequence.setRegister(0, BigInt(random.below(random.pick([64, 2 ** 31]))));
      break;
    case "cl":
      if (random.chance(0.4)) sequence.append([0xb1, random.below(80)]);
      break;
    case "len":
      if (random.chance(0.7)) {
        sequence.setRegister(0, BigInt.asUintN(64, BigInt(random.below(40) - 20)));
        sequence.setRegister(RDX, BigInt.asUintN(64, BigInt(random.below(40) - 20)));
      }
      break;
    case "bit":
      break;
  }
}

function choosePrefixes(sequence: Sequence, form: Form, memory: boolean): Prefixes {
  const random = sequence.random;
  const wide = sequence.mode === 2;
  const sized = form.variable || form.default64;
  return {
    operand16: (!form.strict || form.variable) && random.chance(sized ? 0.25 : 0.02),
    rexW: wide && random.chance(form.variable ? 0.4 : form.rexW ? 0.5 : form.default64 ? 0.1 : 0.03),
    address: memory && random.chance(sequence.mode === 0 ? 0.2 : 0.06) && sequence.mode !== 1,
    segment: random.chance(memory ? 0.06 : 0.01) ? random.below(sequence.mode === 2 ? 6 : 4) : -1,
    lock: memory && form.lock ? random.chance(0.12) : random.chance(0.0005),
  };
}

function immediateBytes(sequence: Sequence, form: Form, operandBytes: number): number[] {
  const random = sequence.random;
  const small = random.chance(0.4);
  const value = small ? random.below(256) - 128 : random.u32();
  const word = [value & 255, (value >> 8) & 255];
  switch (form.immediate) {
    case "":
      return [];
    case "ib":
      return [random.below(256)];
    case "iw":
      return word;
    case "iz":
      return operandBytes === 2 ? word : dword(value);
    case "iv":
      return operandBytes === 2 ? word : operandBytes === 4 ? dword(value) : [...dword(value), ...dword(random.u32())];
    case "io":
      throw new Error("an address is no immediate");
  }
}

/** Bytes of the operand that `v` forms have under these prefixes. */
function operandSize(mode: Mode, form: Form, prefixes: Prefixes): number {
  if (prefixes.rexW) return 8;
  const base = mode === 0 ? 2 : 4;
  return prefixes.operand16 || form.prefix === 0x66 ? 6 - base : base;
}

function registerOperand(sequence: Sequence, form: Form): number {
  const register = sequence.destination();
  return form.modrm || form.plus ? register : 0;
}

/** Appends the form. False when it cannot be put here (it reads an undefined flag, or does not exist in this mode). */
export function emitForm(sequence: Sequence, form: Form): boolean {
  const random = sequence.random;
  const mode = sequence.mode;
  if ((form.only64 && mode !== 2) || (form.not64 && mode === 2)) return false;
  for (const need of form.needs) prepare(sequence, need);

  const memory =
    form.immediate === "io" ||
    (form.modrm && (form.operand === "memory" || (form.operand === "both" && random.chance(0.45))));
  const prefixes = choosePrefixes(sequence, form, memory);
  const size = operandSize(mode, form, prefixes);
  const reg = form.digit ?? registerOperand(sequence, form);
  const addressSize: Mode = !prefixes.address ? mode : mode === 1 ? 0 : 1;

  // A bit offset in a register reaches far beyond the operand: a small one keeps it in the data area.
  if (form.needs.includes("bit") && memory && random.chance(0.95)) {
    sequence.setRegister(reg, BigInt.asUintN(mode === 2 ? 64 : 32, BigInt(random.below(1024) - 256)));
  }

  let operand: ModRm = { rex: 0, bytes: [] };
  if (form.modrm && memory) {
    operand = sequence.memory(reg, { size: form.size, align: form.align, addressSize, segment: prefixes.segment });
  } else if (form.modrm) {
    const rm = sequence.destination();
    operand = { rex: ((reg >> 3) << 2) | (rm >> 3), bytes: [0xc0 | ((reg & 7) << 3) | (rm & 7)] };
  } else if (form.plus) {
    operand.rex = reg >> 3;
  }

  const bytes: number[] = [];
  if (prefixes.segment >= 0) bytes.push(SEGMENT_PREFIXES[prefixes.segment] ?? 0x3e);
  if (prefixes.operand16) bytes.push(0x66);
  if (prefixes.address) bytes.push(0x67);
  if (prefixes.lock) bytes.push(0xf0);
  if (form.prefix) bytes.push(form.prefix);
  const rex = operand.rex | (prefixes.rexW ? 8 : 0);
  if (rex || (mode === 2 && random.chance(0.05))) bytes.push(0x40 | rex);
  bytes.push(...form.map, form.plus ? (form.opcode & ~7) | (reg & 7) : form.opcode);
  const operandAt = bytes.length;
  bytes.push(...operand.bytes);
  if (form.opcode === 0xc8 && form.map.length === 0) {
    // ENTER: bytes to allocate and nesting level.
    bytes.push(random.below(64), 0, random.below(4));
  } else if (form.immediate === "io") {
    const target = sequence.origin + sequence.dataOffset(8, false);
    bytes.push(...dword(target).slice(0, addressSize === 0 ? 2 : 4));
    if (addressSize === 2) bytes.push(0, 0, 0, 0);
  } else {
    bytes.push(...immediateBytes(sequence, form, size));
  }
  if (operand.ripTarget !== undefined) {
    bytes.splice(operandAt + 1, 4, ...dword(operand.ripTarget - (sequence.here + bytes.length)));
  }
  if (bytes.length > 15) return false;
  return sequence.append(bytes);
}
