/** What a frame of the call stack is, and what is needed to look for further ones: memory, and code segments. */
import type { CpuMode } from "../emulator/machine/api.ts";
import { codeBits, linearIp, stackPointer } from "./registers.ts";
import type { CodeBits } from "./registers.ts";
import type { CpuState, Target } from "./target.ts";

/**
 * How a frame was found. "sure": it is the current one, or the processor itself pushed it. "pointer": by the frame pointer,
 * "code": where the function's own code returns to; both lead right behind a call instruction. "guess": a value on the stack
 * that points behind a call instruction, which may be left over from before.
 */
export type Trust = "sure" | "pointer" | "code" | "guess";

/** How the frame left for the one above it: by a call, an interrupt or exception, INT n, or SYSCALL. */
export type Departure = { by: "current" | "call" | "interrupt" | "syscall" } | { by: "software"; vector: number };

export interface CodeSegment {
  selector: number;
  base: bigint;
  bits: CodeBits;
}

export interface StackSegment {
  /** Linear address of offset 0. */
  base: bigint;
  /** Width of the stack pointer. */
  bits: CodeBits;
}

export interface Frame {
  trust: Trust;
  departure: Departure;
  mode: CpuMode;
  code: CodeSegment;
  /** Offset in the code segment at which it goes on. */
  ip: bigint;
  /** Linear address of the call that it left by; of the next instruction for frames left otherwise. */
  at: bigint;
  stack: StackSegment;
  /** Offset in the stack segment, once it goes on; undefined when that is not known. */
  sp: bigint | undefined;
  /** What else is known of its registers, by whole names: "rbp", "rflags", "ss.selector". */
  registers: ReadonlyMap<string, bigint>;
}

/** Linear address of an offset in a segment; above 4 GiB there is only 64-bit code. */
export const inSegment = (base: bigint, offset: bigint, bits: CodeBits): bigint =>
  BigInt.asUintN(bits === 64 ? 64 : 32, base + offset);

/** Linear address at which a frame goes on. */
export const frameIp = ({ code, ip }: Pick<Frame, "code" | "ip">): bigint => inSegment(code.base, ip, code.bits);

/** Linear address of an offset in a stack segment. */
export const stackLinear = ({ base, bits }: StackSegment, offset: bigint): bigint =>
  inSegment(base, BigInt.asUintN(bits, offset), bits);

/** Linear address of the top of a frame's stack. */
export const frameSp = ({ stack, sp }: Frame): bigint | undefined =>
  sp === undefined ? undefined : stackLinear(stack, sp);

/** Attribute bit 14 is descriptor bit 22, B: a 32-bit stack. */
const BIG = 0x4000;

/** The stack that the processor uses now. */
function stackOf(cpu: CpuState): StackSegment {
  if (cpu.mode === "long") return { base: 0n, bits: 64 };
  return { base: cpu.segments.ss.base, bits: cpu.segments.ss.attributes & BIG ? 32 : 16 };
}

/** The frame that is executed now. */
export function currentFrame(cpu: CpuState): Frame {
  return {
    trust: "sure",
    departure: { by: "current" },
    mode: cpu.mode,
    code: {
      selector: cpu.segments.cs.selector,
      base: cpu.mode === "long" ? 0n : cpu.segments.cs.base,
      bits: codeBits(cpu.mode),
    },
    ip: cpu.rip,
    at: linearIp(cpu),
    stack: stackOf(cpu),
    sp: stackPointer(cpu),
    registers: new Map([["rbp", cpu.gpr[5] ?? 0n]]),
  };
}

/** Bytes fetched at once: what is asked for next lies mostly near. */
const BLOCK = 4096n;

/** Memory of a machine that stands, fetched once. Linear addresses. */
export class StandingMemory {
  readonly #target: Pick<Target, "readMemory">;
  readonly #blocks = new Map<bigint, Promise<Uint8Array>>();
  /** Those of them that have come. */
  readonly #held = new Map<bigint, DataView>();

  constructor(target: Pick<Target, "readMemory">) {
    this.#target = target;
  }

  /** How many pieces of memory were fetched so far. */
  get fetched(): number {
    return this.#blocks.size;
  }

  /** The bytes from `address` up to the first that is not mapped; at most `length`. */
  async read(address: bigint, length: number): Promise<Uint8Array> {
    const result = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const at = BigInt.asUintN(64, address + BigInt(done));
      const start = at - (at % BLOCK);
      const block = await this.#block(start);
      const piece = block.subarray(Number(at - start), Number(at - start) + length - done);
      if (piece.length === 0) break;
      result.set(piece, done);
      done += piece.length;
    }
    return result.subarray(0, done);
  }

  /** A little-endian number; undefined where it cannot be read. At once where its block has come: searches read thousands. */
  number(address: bigint, bytes: number): bigint | undefined | Promise<bigint | undefined> {
    const at = BigInt.asUintN(64, address);
    const offset = Number(at % BLOCK);
    const held = this.#held.get(at - BigInt(offset));
    if (held === undefined || offset + bytes > held.byteLength) return this.#slowNumber(at, bytes);
    if (bytes === 8) return held.getBigUint64(offset, true);
    if (bytes === 4) return BigInt(held.getUint32(offset, true));
    return bytes === 2 ? BigInt(held.getUint16(offset, true)) : this.#slowNumber(at, bytes);
  }

  async #slowNumber(address: bigint, bytes: number): Promise<bigint | undefined> {
    const read = await this.read(address, bytes);
    return read.length < bytes ? undefined : littleEndian(read);
  }

  #block(start: bigint): Promise<Uint8Array> {
    let block = this.#blocks.get(start);
    if (block === undefined) {
      block = this.#fetch(start);
      this.#blocks.set(start, block);
    }
    return block;
  }

  async #fetch(start: bigint): Promise<Uint8Array> {
    const bytes = await this.#target.readMemory("lin", start, Number(BLOCK));
    this.#held.set(start, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    return bytes;
  }
}

export const littleEndian = (bytes: Uint8Array): bigint =>
  bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);

/** EFER.LMA. */
const LMA = 0x400n;
/** Bits of the upper half of a descriptor (SDM vol. 3, 3.4.5). */
const PRESENT = 0x8000;
/** Code or data, not system. */
const NO_SYSTEM = 0x1000;
const CODE = 0x0800;
const LONG_CODE = 0x200000;
/** 32-bit code, or a 32-bit stack. */
const BIG_SEGMENT = 0x400000;

export interface Selected extends CodeSegment {
  mode: CpuMode;
}

/** A segment's base and the upper half of its descriptor; undefined when the selector names none. */
async function descriptorOf(
  cpu: CpuState,
  memory: StandingMemory,
  selector: number,
): Promise<{ base: bigint; high: number } | undefined> {
  const table = selector & 4 ? cpu.segments.ldtr : cpu.gdtr;
  const offset = selector & 0xfff8;
  if (offset === 0 || offset + 7 > table.limit) return undefined;
  const bytes = await memory.read(table.base + BigInt(offset), 8);
  if (bytes.length < 8) return undefined;
  const low = littleEndian(bytes.subarray(0, 4));
  const high = littleEndian(bytes.subarray(4));
  const base = (low >> 16n) | ((high & 0xffn) << 16n) | (high & 0xff000000n);
  return { base, high: Number(high) };
}

/** What a code selector stands for in the processor's present way of segmentation; undefined when it is none. */
export async function codeSegment(
  cpu: CpuState,
  memory: StandingMemory,
  selector: number,
  vm86 = cpu.mode === "vm86",
): Promise<Selected | undefined> {
  if (vm86 || cpu.mode === "real") {
    return { selector, base: BigInt(selector) << 4n, bits: 16, mode: vm86 ? "vm86" : "real" };
  }
  const found = await descriptorOf(cpu, memory, selector);
  const needed = PRESENT | NO_SYSTEM | CODE;
  if (found === undefined || (found.high & needed) !== needed) return undefined;
  const lma = (cpu.efer & LMA) !== 0n;
  if (lma && found.high & LONG_CODE) return { selector, base: 0n, bits: 64, mode: "long" };
  const bits = found.high & BIG_SEGMENT ? 32 : 16;
  const mode = lma ? (bits === 32 ? "compat32" : "compat16") : bits === 32 ? "protected32" : "protected16";
  return { selector, base: found.base, bits, mode };
}

/** The stack that a selector stands for beside code of some mode; undefined when it is no data segment. */
export async function stackSegment(
  cpu: CpuState,
  memory: StandingMemory,
  selector: number,
  mode: CpuMode,
): Promise<StackSegment | undefined> {
  if (mode === "long") return { base: 0n, bits: 64 };
  if (mode === "vm86" || mode === "real") return { base: BigInt(selector) << 4n, bits: 16 };
  const found = await descriptorOf(cpu, memory, selector);
  if (found === undefined || (found.high & (PRESENT | NO_SYSTEM | CODE)) !== (PRESENT | NO_SYSTEM)) return undefined;
  return { base: found.base, bits: found.high & BIG_SEGMENT ? 32 : 16 };
}
