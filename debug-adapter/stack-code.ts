/** Instructions as unwinding looks at them: what they do to the stack, and which calls end right before an address. */
import iced from "iced-x86";
import type { Instruction } from "iced-x86";
import type { CodeBits } from "./registers.ts";
import { inSegment } from "./stack-frames.ts";
import type { CodeSegment, StandingMemory } from "./stack-frames.ts";

/** The longest x86 instruction, in bytes. */
const MAX_INSTRUCTION = 15;
/** The longest call instruction that compilers and assemblers write, in bytes: prefixes, FF /2, SIB, displacement. */
const MAX_CALL = 9;
const MIN_CALL = 2;

/** A call instruction. */
export interface Call {
  /** Linear address. */
  at: bigint;
  far: boolean;
  /** Bytes of an offset that it pushes. */
  width: 2 | 4 | 8;
  /** Linear address of the function, for direct near calls. */
  target?: bigint;
}

/** First bytes that a call may have: E8, FF, 9A, and prefixes. */
const MAY_BEGIN_CALL: ReadonlySet<number> = new Set([
  0xe8,
  0xff,
  0x9a,
  ...[0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf2],
  ...Array.from({ length: 16 }, (_, rex) => 0x40 + rex),
]);

/**
 * Decodes one instruction of `bytes` and gives it to `look`.
 * @param ip offset of the first byte in the code segment: what branches are counted from
 */
function decoding<T>(
  bytes: Uint8Array,
  bits: CodeBits,
  ip: bigint,
  look: (instruction: Instruction) => T | undefined,
): T | undefined {
  const decoder = new iced.Decoder(bits, bytes, iced.DecoderOptions.None);
  decoder.ip = BigInt.asUintN(bits, ip);
  const instruction = decoder.decode();
  try {
    return instruction.isInvalid ? undefined : look(instruction);
  } finally {
    instruction.free();
    decoder.free();
  }
}

/** Decodes the instruction at an offset in a code segment; undefined where there is none. */
export async function lookAt<T>(
  memory: StandingMemory,
  code: CodeSegment,
  ip: bigint,
  look: (instruction: Instruction) => T | undefined,
): Promise<T | undefined> {
  const bytes = await memory.read(inSegment(code.base, ip, code.bits), MAX_INSTRUCTION);
  return bytes.length === 0 ? undefined : decoding(bytes, code.bits, ip, look);
}

/** The call instruction that ends right before an offset in a code segment; undefined when none does. */
export async function callBefore(memory: StandingMemory, code: CodeSegment, ip: bigint): Promise<Call | undefined> {
  const address = inSegment(code.base, ip, code.bits);
  if (address < BigInt(MAX_CALL)) return undefined;
  const bytes = await memory.read(address - BigInt(MAX_CALL), MAX_CALL + 1);
  // What is returned to must be there, too.
  if (bytes.length <= MAX_CALL) return undefined;
  let found: Call | undefined;
  for (let length = MIN_CALL; length <= MAX_CALL; length++) {
    const from = MAX_CALL - length;
    if (!MAY_BEGIN_CALL.has(bytes[from] ?? 0)) continue;
    const call = decoding(bytes.subarray(from, MAX_CALL), code.bits, ip - BigInt(length), (one) =>
      asCall(one, code, address - BigInt(length), length),
    );
    // A prefix belongs to an indirect call; in front of a direct one it is the end of another instruction.
    if (found === undefined || (call !== undefined && call.target === undefined)) found = call;
  }
  return found;
}

function asCall(instruction: Instruction, { base, bits }: CodeSegment, at: bigint, length: number): Call | undefined {
  if (instruction.mnemonic !== iced.Mnemonic.Call || instruction.length !== length) return undefined;
  const far = instruction.isCallFar || instruction.isCallFarIndirect;
  const pushed = -instruction.stackPointerIncrement / (far ? 2 : 1);
  if (pushed !== 2 && pushed !== 4 && pushed !== 8) return undefined;
  const call: Call = { at, far, width: pushed };
  if (!far && instruction.isCallNear) call.target = inSegment(base, instruction.nearBranchTarget, bits);
  return call;
}

/** Whether SYSCALL, or INT with which vector, ends right before a linear address. */
export async function trapBefore(memory: StandingMemory, address: bigint): Promise<"syscall" | number | undefined> {
  if (address < 2n) return undefined;
  const [first, second] = await memory.read(address - 2n, 2);
  if (first === 0x0f && second === 0x05) return "syscall";
  return first === 0xcd ? second : undefined;
}
