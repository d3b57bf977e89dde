/** Disassembly in 16-, 32- and 64-bit code by iced-x86. */
import iced from "iced-x86";
import type { Formatter, Instruction, OpKind } from "iced-x86";
import type { DebugProtocol } from "@vscode/debugprotocol";
import { x86Instructions } from "../boot-formats/x86-instructions.ts";
import type { Space } from "../emulator/machine/api.ts";
import { hex, inSpace, plus } from "./address.ts";
import type { Address } from "./address.ts";
import type { CodeAnchor } from "./code-map.ts";
import { blockOf, CodeStream, MAX_INSTRUCTION } from "./code-stream.ts";
import type { ReadMemory, Row } from "./code-stream.ts";
import { LOOK_BACK, noteOf } from "./disassembly-notes.ts";
import type { CodeBits } from "./registers.ts";

/** Instructions that one request may ask for, and look back. */
const MAX_COUNT = 4096;
/** Where an instruction goes next, as far as stepping needs to know. */
export type Flow = "next" | "call" | "interrupt" | "repeat" | "halt" | "branch" | "return";

/** What an operand points at. */
export interface Reference {
  kind:
    | "branch"
    /** Where the target of an indirect branch is read. */
    | "pointer"
    | "memory"
    /** A number that may be an address. */
    | "immediate";
  /** Offset in CS for branches, in the data segment for memory. */
  offset: bigint;
  /** Selector of a far branch. */
  selector?: number;
  /** Bytes of a pointer. */
  size?: number;
  /** As it stands in the text. */
  text: string;
}

export interface Decoded {
  at: Address;
  bytes: Uint8Array;
  /** Size of the code. */
  bits: CodeBits;
  /** Intel syntax; "(bad)" for bytes that are no instruction. */
  text: string;
  valid: boolean;
  flow: Flow;
  references: Reference[];
  /** What it means to the machine: a port's name, a BIOS service. */
  note?: string;
}

/**
 * Decodes the instructions in `bytes`, which lie at `at`. The last one may be cut off by the end of the bytes: it is
 * left out. `maximum` bounds their number. `ip` is the value of RIP at `at`: what relative branches are shown against.
 * What operands point at is looked for only when asked for.
 */
export function decode(
  bytes: Uint8Array,
  at: Address,
  bits: CodeBits,
  maximum: number,
  ip = at.address,
  withReferences = false,
): Decoded[] {
  const result: Decoded[] = [];
  for (const { start, length, valid, cutOff, text, instruction, formatter } of x86Instructions(bytes, bits, ip)) {
    if (result.length === maximum || cutOff) break;
    result.push({
      at: plus(at, start),
      bytes: bytes.slice(start, start + length),
      bits,
      text,
      valid,
      flow: valid ? flowOf(instruction) : "next",
      references: valid && withReferences ? referencesOf(instruction, formatter, bits) : [],
    });
  }
  return result;
}

/** Smaller numbers are hardly addresses of anything that has a name. */
const MIN_ADDRESS = 0x1000n;

/** What the operands point at, as far as the instruction alone tells. */
function referencesOf(instruction: Instruction, formatter: Formatter, bits: CodeBits): Reference[] {
  const found: Reference[] = [];
  for (let operand = 0; operand < instruction.opCount; operand++) {
    const kind = instruction.opKind(operand);
    const add = (one: Omit<Reference, "text">): void => {
      const index = formatterOperand(instruction, formatter, operand);
      if (index !== undefined) found.push({ ...one, text: formatter.formatOperand(instruction, index) });
    };
    const branch = branchTarget(instruction, kind);
    if (branch !== undefined) add({ kind: "branch", ...branch });
    else if (kind === iced.OpKind.Memory) {
      const offset = absolute(instruction, bits);
      if (offset === undefined) continue;
      const size = iced.MemorySizeExt.size(instruction.memorySize);
      add({ kind: isIndirectBranch(instruction) ? "pointer" : "memory", offset, size });
    } else if (isWideImmediate(kind)) {
      const offset = instruction.immediate(operand);
      if (offset >= MIN_ADDRESS) add({ kind: "immediate", offset });
    }
  }
  return found;
}

function branchTarget(instruction: Instruction, kind: OpKind): Pick<Reference, "offset" | "selector"> | undefined {
  const { NearBranch16, NearBranch32, NearBranch64, FarBranch16, FarBranch32 } = iced.OpKind;
  if (kind === NearBranch16 || kind === NearBranch32 || kind === NearBranch64) {
    return { offset: instruction.nearBranchTarget };
  }
  if (kind !== FarBranch16 && kind !== FarBranch32) return undefined;
  const offset = BigInt(kind === FarBranch16 ? instruction.farBranch16 : instruction.farBranch32);
  return { offset, selector: instruction.farBranchSelector };
}

function isWideImmediate(kind: OpKind): boolean {
  const { Immediate16, Immediate32, Immediate64, Immediate32to64 } = iced.OpKind;
  return kind === Immediate16 || kind === Immediate32 || kind === Immediate64 || kind === Immediate32to64;
}

/** The formatter's number of an operand, which leaves out what is not written. */
function formatterOperand(instruction: Instruction, formatter: Formatter, operand: number): number | undefined {
  for (let index = 0; index < formatter.operandCount(instruction); index++) {
    if (formatter.getInstructionOperand(instruction, index) === operand) return index;
  }
  return undefined;
}

/** Offset of a memory operand that has no register but RIP, and no segment of its own. */
function absolute(instruction: Instruction, bits: CodeBits): bigint | undefined {
  const { FS, GS, None } = iced.Register;
  if (instruction.memorySegment === FS || instruction.memorySegment === GS) return undefined;
  if (instruction.isIpRelMemoryOperand) return instruction.ipRelMemoryAddress;
  if (instruction.memoryBase !== None || instruction.memoryIndex !== None) return undefined;
  return BigInt.asUintN(bits, instruction.memoryDisplacement);
}

const isIndirectBranch = ({ flowControl }: Instruction): boolean =>
  flowControl === iced.FlowControl.IndirectBranch || flowControl === iced.FlowControl.IndirectCall;

function flowOf(instruction: Instruction): Flow {
  const { code, flowControl } = instruction;
  if (code === iced.Code.Hlt) return "halt";
  if (code === iced.Code.Syscall) return "interrupt";
  if (instruction.isStringInstruction && (instruction.hasRepPrefix || instruction.hasRepnePrefix)) return "repeat";
  // SYSENTER and its like are calls to iced, too, but return elsewhere.
  if (isCall(instruction)) return "call";
  if (flowControl === iced.FlowControl.Interrupt) return "interrupt";
  if (flowControl === iced.FlowControl.Return) return "return";
  const goesOn = flowControl === iced.FlowControl.Next || flowControl === iced.FlowControl.Exception;
  return goesOn ? "next" : "branch";
}

const isCall = (instruction: Instruction): boolean => instruction.mnemonic === iced.Mnemonic.Call;

export interface DisassembleRequest {
  at: Address;
  /** Instructions from `at` to begin with; negative looks back. */
  instructionOffset: number;
  count: number;
  /** Size of code where nothing better is known. */
  bits: CodeBits;
  /** RIP minus linear address (the base of CS, negated). */
  ipMinusLinear: bigint;
  /** What was seen to run from an address up to another, in order; for linear addresses. */
  anchors?: (from: bigint, end: bigint) => CodeAnchor[];
  /** Where instructions are known to begin besides. */
  starts?: (from: bigint, end: bigint) => readonly bigint[];
}

/** Exactly `count` instructions; where there is nothing to read, "??" of one byte each. */
export async function disassemble(request: DisassembleRequest, read: ReadMemory): Promise<Decoded[]> {
  const { at } = request;
  const count = Math.min(MAX_COUNT, Math.max(0, request.count));
  const offset = Math.max(-MAX_COUNT, Math.min(MAX_COUNT, request.instructionOffset));
  const stream = new CodeStream({
    space: at.space,
    bits: request.bits,
    ipMinusLinear: request.ipMinusLinear,
    anchors: (from, end) => request.anchors?.(from, end) ?? [],
    starts: (from, end) => [
      ...(at.address >= from && at.address < end ? [at.address] : []),
      ...(at.space === "lin" ? (request.starts?.(from, end) ?? []) : []),
    ],
    read,
  });
  const home = blockOf(at.address);
  const all = await stream.rows(home);
  const before = all.filter(({ address }) => address < at.address);
  const after = all.slice(before.length);
  for (let block = home - 1n; before.length < -offset + LOOK_BACK && block >= 0n; block--)
    before.unshift(...(await stream.rows(block)));
  for (let block = home + 1n; after.length < count + offset; block++) after.push(...(await stream.rows(block)));
  const rows = [...padding(before, -offset, at), ...before, ...after];
  const first = rows.length - after.length + offset;
  // What an instruction means may depend on those before it, shown or not.
  const context = Math.min(first, LOOK_BACK);
  const decoded = decodeRows(rows.slice(first - context, first + count), at.space, request.ipMinusLinear);
  return decoded.slice(context).map((one, index) => {
    const note = noteOf(decoded, context + index);
    return note === undefined ? one : { ...one, note };
  });
}

/** Below address 0 there is nothing: such rows keep their place by a negative address. */
function padding(before: readonly Row[], needed: number, { address }: Address): Row[] {
  const first = before[0]?.address ?? address;
  const missing = Math.max(0, needed - before.length);
  return Array.from({ length: missing }, (_, index) => ({
    address: first - BigInt(missing - index),
    bytes: new Uint8Array(),
    bits: 16,
    valid: false,
  }));
}

/** Makes text of rows: as many in a row as follow each other in one size are decoded at once. */
function decodeRows(rows: readonly Row[], space: Space, ipMinusLinear: bigint): Decoded[] {
  const result: Decoded[] = [];
  for (let index = 0; index < rows.length;) {
    const first = rows[index];
    if (first === undefined) break;
    let end = index;
    while (rows[end]?.valid === true && rows[end]?.bits === first.bits) end++;
    if (end === index) {
      result.push(unreadable({ space, address: first.address }, first.bytes, first.bits));
      index++;
      continue;
    }
    const bytes = Buffer.concat(rows.slice(index, end).map((row) => row.bytes));
    const at = inSpace(space, first.address);
    result.push(...decode(bytes, at, first.bits, end - index, first.address + ipMinusLinear, true));
    index = end;
  }
  return result;
}

const unreadable = (at: Address, bytes: Uint8Array, bits: CodeBits): Decoded => ({
  at,
  bytes,
  bits,
  text: bytes.length > 0 ? "(bad)" : "??",
  valid: false,
  flow: "next",
  references: [],
});

export const byteText = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");

/** For the standard `disassemble` response. */
export function wireInstruction(one: Decoded): DebugProtocol.DisassembledInstruction {
  const { address } = one.at;
  return {
    address: address < 0n ? address.toString() : hex(address, 16),
    instruction: one.note === undefined ? one.text : `${one.text}  ; ${one.note}`,
    ...(one.bytes.length > 0 ? { instructionBytes: byteText(one.bytes) } : {}),
    ...(one.valid ? {} : { presentationHint: "invalid" as const }),
  };
}

/** The instruction at an address, or undefined where none can be decoded. */
export async function instructionAt(at: Address, bits: CodeBits, read: ReadMemory): Promise<Decoded | undefined> {
  const bytes = await read(at.space, at.address, MAX_INSTRUCTION);
  const one = decode(bytes, at, bits, 1)[0];
  return one?.valid === true ? one : undefined;
}
