/**
 * What an instruction means to the machine: names of I/O ports and model specific registers, BIOS calls, bits of control
 * registers. Where it depends on a register, the last few instructions before it say what that holds.
 */
import iced from "iced-x86";
import type { Instruction, Register, UsedRegister } from "iced-x86";
import { biosService } from "../boot-formats/bios-services.ts";
import { ALL_MSRS } from "../emulator/machine/inspect-msrs.ts";
import type { Decoded } from "./disassembly.ts";
import { BIT_FIELDS } from "./flags.ts";
import { portName } from "./ports.ts";

/** Instructions that are looked back at for the content of a register. */
export const LOOK_BACK = 8;

const MSR_NAMES = new Map(ALL_MSRS);

/** Registers by number in their encoding: RAX 0, RCX 1, RDX 2. */
type Family = 0 | 1 | 2;
const [A, C, D]: [Family, Family, Family] = [0, 1, 2];

/** @param rows instructions one behind the other; those before `index` are looked back at */
export function noteOf(rows: readonly Decoded[], index: number): string | undefined {
  const row = rows[index];
  if (row?.valid !== true) return undefined;
  return withInstruction(row, (instruction) => {
    const { mnemonic } = instruction;
    const { In, Out, Insb, Insw, Insd, Outsb, Outsw, Outsd, Rdmsr, Wrmsr, Int, Mov } = iced.Mnemonic;
    if (mnemonic === In || mnemonic === Out) return portNote(rows, index, instruction, mnemonic === In ? 1 : 0);
    if ([Insb, Insw, Insd, Outsb, Outsw, Outsd].includes(mnemonic)) return nameOfPort(known(rows, index, D, [0, 1]));
    if (mnemonic === Rdmsr || mnemonic === Wrmsr) {
      const msr = known(rows, index, C, [0, 1, 2, 3]);
      return msr === undefined ? undefined : MSR_NAMES.get(msr);
    }
    if (mnemonic === Int && row.bits === 16) return biosNote(rows, index, instruction.immediate8);
    return mnemonic === Mov ? controlNote(rows, index, instruction) : undefined;
  });
}

function portNote(
  rows: readonly Decoded[],
  index: number,
  instruction: Instruction,
  operand: number,
): string | undefined {
  const direct = instruction.opKind(operand) === iced.OpKind.Immediate8;
  return nameOfPort(direct ? instruction.immediate8 : known(rows, index, D, [0, 1]));
}

const nameOfPort = (port: number | undefined): string | undefined => (port === undefined ? undefined : portName(port));

function biosNote(rows: readonly Decoded[], index: number, vector: number): string | undefined {
  const ah = known(rows, index, A, [1]);
  const service = biosService(vector, ah);
  if (ah === undefined || biosService(vector, undefined) !== undefined) return service;
  const number = `AH=${ah.toString(16).toUpperCase().padStart(2, "0")}h`;
  return service === undefined ? number : `${number} ${service}`;
}

/** "sets PE": what the instruction right before `mov cr0, eax` did to its register. */
function controlNote(
  rows: readonly Decoded[],
  index: number,
  { op0Register, op1Register }: Instruction,
): string | undefined {
  const { CR0, CR4 } = iced.Register;
  if (op0Register !== CR0 && op0Register !== CR4) return undefined;
  const before = rows[index - 1];
  if (before?.valid !== true) return undefined;
  return withInstruction(before, (change) => {
    const { Or, And } = iced.Mnemonic;
    if (change.mnemonic !== Or && change.mnemonic !== And) return undefined;
    if (iced.RegisterExt.fullRegister(change.op0Register) !== iced.RegisterExt.fullRegister(op1Register))
      return undefined;
    if (!isImmediate(change, 1)) return undefined;
    const width = iced.RegisterExt.size(change.op0Register) * 8;
    // An 8- or 16-bit register holds the low bits only.
    if (isHighByte(change.op0Register)) return undefined;
    const operand = BigInt.asUintN(width, change.immediate(1));
    const bits = change.mnemonic === Or ? operand : BigInt.asUintN(width, ~operand);
    const fields = BIT_FIELDS[op0Register === CR0 ? "cr0" : "cr4"] ?? [];
    const names = fields.filter(({ bit, width: size }) => size === undefined && (bits >> BigInt(bit)) & 1n);
    if (names.length === 0) return undefined;
    return `${change.mnemonic === Or ? "sets" : "clears"} ${names.map(({ name }) => name).join(", ")}`;
  });
}

function withInstruction<T>({ bytes, bits }: Decoded, look: (instruction: Instruction) => T): T {
  const decoder = new iced.Decoder(bits, bytes, iced.DecoderOptions.None);
  const instruction = decoder.decode();
  try {
    return look(instruction);
  } finally {
    instruction.free();
    decoder.free();
  }
}

/** The bytes of a register before an instruction, as one number; undefined unless all of them are known. */
function known(rows: readonly Decoded[], index: number, family: Family, bytes: readonly number[]): number | undefined {
  let value = 0;
  for (const [place, byte] of bytes.entries()) {
    const one = knownByte(rows, index, family, byte);
    if (one === undefined) return undefined;
    value += one * 2 ** (8 * place);
  }
  return value;
}

function knownByte(rows: readonly Decoded[], index: number, family: Family, byte: number): number | undefined {
  for (let at = index - 1; at >= 0 && at >= index - LOOK_BACK; at--) {
    const row = rows[at];
    // Behind a branch, a call or an interrupt anything may be in registers.
    if (row?.valid !== true || row.flow !== "next") return undefined;
    const found = withInstruction(row, (instruction) => written(instruction, family, byte));
    if (found !== undefined) return found === "unknown" ? undefined : found;
  }
  return undefined;
}

/** What an instruction leaves in a byte of a register; undefined when it does not touch that. */
function written(instruction: Instruction, family: Family, byte: number): number | "unknown" | undefined {
  const { Mov, Xor, Sub } = iced.Mnemonic;
  const { mnemonic, op0Register } = instruction;
  if (!writes(instruction, family, byte)) return undefined;
  if (!holds(op0Register, family, byte) || instruction.op0Kind !== iced.OpKind.Register) return "unknown";
  if (mnemonic === Mov && isImmediate(instruction, 1)) {
    const shift = isHighByte(op0Register) ? 0 : 8 * byte;
    return Number((instruction.immediate(1) >> BigInt(shift)) & 0xffn);
  }
  const same = instruction.op1Kind === iced.OpKind.Register && instruction.op1Register === op0Register;
  return (mnemonic === Xor || mnemonic === Sub) && same ? 0 : "unknown";
}

function writes(instruction: Instruction, family: Family, byte: number): boolean {
  const { Write, CondWrite, ReadWrite, ReadCondWrite } = iced.OpAccess;
  const factory = new iced.InstructionInfoFactory();
  const info = factory.info(instruction);
  try {
    return (info.usedRegisters() as UsedRegister[]).some((used) => {
      const access = used.access;
      const isWrite = access === Write || access === CondWrite || access === ReadWrite || access === ReadCondWrite;
      const touches = isWrite && holds(used.register, family, byte);
      used.free();
      return touches;
    });
  } finally {
    info.free();
    factory.free();
  }
}

/** Whether a byte of a register is part of another register's name: byte 1 of RAX is in AH, AX, EAX and RAX. */
function holds(register: Register, family: Family, byte: number): boolean {
  const { RAX, RCX, RDX } = iced.Register;
  if (iced.RegisterExt.fullRegister(register) !== [RAX, RCX, RDX][family]) return false;
  if (isHighByte(register)) return byte === 1;
  // Writing a 32-bit register clears the upper half of the 64-bit one, of which nothing is asked here.
  return byte < iced.RegisterExt.size(register);
}

function isHighByte(register: Register): boolean {
  const { AH, CH, DH, BH } = iced.Register;
  return register === AH || register === CH || register === DH || register === BH;
}

function isImmediate(instruction: Instruction, operand: number): boolean {
  const kind = instruction.opKind(operand);
  const { Immediate8, Immediate16, Immediate32, Immediate64, Immediate8to16, Immediate8to32, Immediate8to64 } =
    iced.OpKind;
  const { Immediate32to64 } = iced.OpKind;
  return [
    Immediate8,
    Immediate16,
    Immediate32,
    Immediate64,
    Immediate8to16,
    Immediate8to32,
    Immediate8to64,
    Immediate32to64,
  ].includes(kind);
}
