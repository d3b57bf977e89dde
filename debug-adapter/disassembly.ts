/** Disassembly in 16-, 32- and 64-bit code by iced-x86, forwards, and backwards by a scan that resynchronises. */
import iced from "iced-x86";
import type { Instruction } from "iced-x86";
import type { DebugProtocol } from "@vscode/debugprotocol";
import type { Space } from "../emulator/machine/api.ts";
import { hex, inSpace, plus } from "./address.ts";
import type { Address } from "./address.ts";
import type { CodeAnchor } from "./code-map.ts";
import type { CodeBits } from "./registers.ts";

/** The longest x86 instruction, in bytes. */
const MAX_INSTRUCTION = 15;
/** Instructions that one request may ask for, and look back. */
const MAX_COUNT = 4096;
/** How far an anchor says what size the code behind it has, in bytes. */
const ANCHOR_REACH = 1024n;
/** Instructions between the write to CR0 and the far jump that together switch the mode. */
const SWITCH_DISTANCE = 8;

export type ReadMemory = (space: Space, address: bigint, length: number) => Promise<Uint8Array>;

/** Where an instruction goes next, as far as stepping needs to know. */
export type Flow = "next" | "call" | "interrupt" | "repeat" | "halt" | "branch" | "return";

export interface Decoded {
  at: Address;
  bytes: Uint8Array;
  /** Intel syntax; "(bad)" for bytes that are no instruction. */
  text: string;
  valid: boolean;
  flow: Flow;
  writesCr0: boolean;
  /** Offset that a direct far jump goes to. */
  farTarget?: bigint;
}

/**
 * Decodes the instructions in `bytes`, which lie at `at`. The last one may be cut off by the end of the bytes: it is
 * left out. `maximum` bounds their number. `ip` is the value of RIP at `at`: what relative branches are shown against.
 */
export function decode(bytes: Uint8Array, at: Address, bits: CodeBits, maximum: number, ip = at.address): Decoded[] {
  const decoder = new iced.Decoder(bits, bytes, iced.DecoderOptions.None);
  const formatter = new iced.Formatter(iced.FormatterSyntax.Intel);
  formatter.hexPrefix = "0x";
  formatter.hexSuffix = "";
  formatter.uppercaseHex = false;
  formatter.spaceAfterOperandSeparator = true;
  formatter.branchLeadingZeros = false;
  decoder.ip = BigInt.asUintN(bits, ip);
  const instruction = new iced.Instruction();
  const result: Decoded[] = [];
  try {
    while (decoder.canDecode && result.length < maximum) {
      const start = decoder.position;
      decoder.decodeOut(instruction);
      if (decoder.lastError === iced.DecoderError.NoMoreBytes) break;
      const valid = !instruction.isInvalid;
      // After undecodable bytes, go on at the very next one.
      if (!valid) {
        decoder.position = start + 1;
        decoder.ip = BigInt.asUintN(bits, ip + BigInt(start + 1));
      }
      result.push({
        at: plus(at, start),
        bytes: bytes.slice(start, decoder.position),
        text: valid ? formatter.format(instruction) : "(bad)",
        valid,
        flow: valid ? flowOf(instruction) : "next",
        writesCr0: valid && writesCr0(instruction),
        ...farTargetOf(instruction, valid),
      });
    }
    return result;
  } finally {
    instruction.free();
    formatter.free();
    decoder.free();
  }
}

const writesCr0 = ({ mnemonic, op0Register }: Instruction): boolean =>
  mnemonic === iced.Mnemonic.Lmsw || (mnemonic === iced.Mnemonic.Mov && op0Register === iced.Register.CR0);

function farTargetOf(instruction: Instruction, valid: boolean): { farTarget?: bigint } {
  if (!valid) return {};
  if (instruction.code === iced.Code.Jmp_ptr1616) return { farTarget: BigInt(instruction.farBranch16) };
  if (instruction.code === iced.Code.Jmp_ptr1632) return { farTarget: BigInt(instruction.farBranch32) };
  return {};
}

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

/** Lengths of the instruction at every offset of `bytes`; 0 where there is none. */
function lengthsAt(bytes: Uint8Array, bits: CodeBits): Uint8Array {
  const lengths = new Uint8Array(bytes.length);
  const decoder = new iced.Decoder(bits, bytes, iced.DecoderOptions.None);
  const instruction = new iced.Instruction();
  for (let offset = 0; offset < bytes.length; offset++) {
    decoder.position = offset;
    decoder.decodeOut(instruction);
    if (!instruction.isInvalid) lengths[offset] = instruction.length;
  }
  instruction.free();
  decoder.free();
  return lengths;
}

/**
 * Where the instructions before the end of `bytes` begin, given that one begins right behind them. x86 code cannot be
 * read backwards for certain; but decoding from a wrong start soon falls into step with the right one. So every
 * offset votes for the instructions that decoding from there meets, and from the end backwards the best-voted
 * predecessor is taken; bytes without any stand alone.
 */
export function startsBefore(bytes: Uint8Array, bits: CodeBits, count: number): number[] {
  const lengths = lengthsAt(bytes, bits);
  const votes = new Uint32Array(bytes.length + MAX_INSTRUCTION + 1);
  for (let offset = 0; offset < bytes.length; offset++) {
    const length = lengths[offset] ?? 0;
    const next = offset + length;
    if (length > 0) votes[next] = (votes[next] ?? 0) + (votes[offset] ?? 0) + 1;
  }
  const starts: number[] = [];
  for (let end = bytes.length; end > 0 && starts.length < count;) {
    let best = end - 1;
    let bestVotes = -1;
    for (let start = Math.max(0, end - MAX_INSTRUCTION); start < end; start++) {
      const vote = votes[start] ?? 0;
      if (lengths[start] === end - start && vote > bestVotes) {
        best = start;
        bestVotes = vote;
      }
    }
    starts.push(best);
    end = best;
  }
  return starts.reverse();
}

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
}

/** Exactly `count` instructions; where there is nothing to read, "??" of one byte each. */
export async function disassemble(request: DisassembleRequest, read: ReadMemory): Promise<Decoded[]> {
  const count = Math.min(MAX_COUNT, Math.max(0, request.count));
  const offset = Math.max(-MAX_COUNT, Math.min(MAX_COUNT, request.instructionOffset));
  const bits = anchorsOf(request, request.at.address - ANCHOR_REACH, request.at.address + 1n).at(-1)?.bits;
  const start: CodeAnchor = { address: request.at.address, bits: bits ?? request.bits };
  const before = offset < 0 ? await backwards(request, start, -offset, read) : [];
  const needed = Math.max(0, count + offset);
  const after = needed > 0 ? await forwards(request, start, needed, read) : [];
  return [...before, ...after].slice(offset < 0 ? 0 : offset).slice(0, count);
}

const anchorsOf = ({ at, anchors }: DisassembleRequest, from: bigint, end: bigint): CodeAnchor[] =>
  at.space === "lin" ? (anchors?.(from < 0n ? 0n : from, end) ?? []) : [];

/** At most `needed` instructions from `start` on, up to `end` if one is given. */
async function forwards(
  request: DisassembleRequest,
  start: CodeAnchor,
  needed: number,
  read: ReadMemory,
  end?: bigint,
): Promise<Decoded[]> {
  const result: Decoded[] = [];
  let at = inSpace(request.at.space, start.address);
  let { bits } = start;
  /** A mode switch that was read in the code: where the new code begins, if nothing was seen to run there. */
  let change: bigint | undefined;
  while (result.length < needed && (end === undefined || at.address < end)) {
    if (at.address === change) bits = 32;
    const reach = (needed - result.length) * MAX_INSTRUCTION;
    const anchors = anchorsOf(request, at.address, at.address + BigInt(reach));
    bits = anchors.find(({ address }) => address === at.address)?.bits ?? bits;
    const stops = [end, change, anchors.find((one) => one.bits !== bits)?.address].filter(
      (stop): stop is bigint => stop !== undefined && stop > at.address,
    );
    const stop = stops.length > 0 ? stops.reduce((a, b) => (a < b ? a : b)) : undefined;
    const room = stop === undefined ? reach : Math.min(reach, Number(stop - at.address));
    const bytes = await read(at.space, at.address, Math.min(1024, room));
    const ip = at.address + request.ipMinusLinear;
    const decoded = decode(bytes, at, bits, needed - result.length, ip);
    const target = bits === 16 ? modeSwitch(decoded, request.ipMinusLinear) : undefined;
    if (target !== undefined && target !== change && (stop === undefined || target < stop)) {
      change = target;
      continue;
    }
    result.push(...decoded);
    const used = decoded.reduce((sum, { bytes: { length: size } }) => sum + size, 0);
    if (used > 0) {
      at = plus(at, used);
      continue;
    }
    // Nothing readable here, or an instruction cut off by the end of what is.
    result.push(unreadable(at, bytes.subarray(0, 1)));
    at = plus(at, 1);
  }
  return result;
}

/**
 * Where 16-bit code goes on as 32-bit code: at the target of a far jump a little behind a write to CR0. It must lie ahead
 * and near; its offset is linear, as in a flat segment, or counted from the base of the running CS.
 */
function modeSwitch(list: readonly Decoded[], ipMinusLinear: bigint): bigint | undefined {
  const index = list.findIndex(
    ({ farTarget }, at) =>
      farTarget !== undefined && list.slice(Math.max(0, at - SWITCH_DISTANCE), at).some((one) => one.writesCr0),
  );
  const jump = list[index];
  if (jump?.farTarget === undefined) return undefined;
  const behind = jump.at.address + BigInt(jump.bytes.length);
  return [jump.farTarget, jump.farTarget - ipMinusLinear].find(
    (target) => target >= behind && target - behind < ANCHOR_REACH,
  );
}

/** `count` instructions that end where `start` begins. */
async function backwards(
  request: DisassembleRequest,
  start: CodeAnchor,
  count: number,
  read: ReadMemory,
): Promise<Decoded[]> {
  const { bits } = start;
  const at = inSpace(request.at.space, start.address);
  const wanted = count * 8 + 64;
  const room = at.address < BigInt(wanted) ? Number(at.address) : wanted;
  // Code of another size before this: it is read forwards from where it was seen to run.
  const other = anchorsOf(request, at.address - BigInt(room), at.address).findLast((one) => one.bits !== bits);
  if (other !== undefined) {
    const rows = (await forwards(request, other, MAX_COUNT, read, at.address)).slice(-count);
    return rows.length === count ? rows : [...(await backwards(request, other, count - rows.length, read)), ...rows];
  }
  const bytes = await readBefore(at, room, read);
  const base = plus(at, -bytes.length);
  const starts = startsBefore(bytes, bits, count);
  const found = starts.map((first, index): Decoded => {
    const piece = bytes.subarray(first, starts[index + 1] ?? bytes.length);
    const where = plus(base, first);
    const one = decode(piece, where, bits, 1, where.address + request.ipMinusLinear)[0];
    return one !== undefined && one.bytes.length === piece.length ? one : unreadable(where, piece);
  });
  const first = found[0]?.at ?? at;
  const padding: Decoded[] = [];
  for (let missing = count - found.length; missing > 0; missing--) {
    // Below address 0 there is nothing: such rows keep their place by a negative address.
    padding.push(unreadable({ space: first.space, address: first.address - BigInt(missing) }, new Uint8Array()));
  }
  return [...padding, ...found];
}

/** The longest readable run of bytes that ends right before `at`, at most `length`. */
async function readBefore(at: Address, length: number, read: ReadMemory): Promise<Uint8Array> {
  const whole = await read(at.space, at.address - BigInt(length), length);
  if (whole.length === length) return whole;
  // A hole: what can be read starts at a page boundary behind it.
  for (let page = ((at.address - BigInt(length)) & ~0xfffn) + 0x1000n; page < at.address; page += 0x1000n) {
    const rest = Number(at.address - page);
    const bytes = await read(at.space, page, rest);
    if (bytes.length === rest) return bytes;
  }
  return new Uint8Array();
}

const unreadable = (at: Address, bytes: Uint8Array): Decoded => ({
  at,
  bytes,
  text: bytes.length > 0 ? "(bad)" : "??",
  valid: false,
  flow: "next",
  writesCr0: false,
});

export const byteText = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");

/** For the standard `disassemble` response. */
export function wireInstruction(one: Decoded): DebugProtocol.DisassembledInstruction {
  const { address } = one.at;
  return {
    address: address < 0n ? address.toString() : hex(address, 16),
    instruction: one.text,
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
