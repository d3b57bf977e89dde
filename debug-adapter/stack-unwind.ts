/** From a frame of the call stack to its caller's: by what the processor pushed, by the code, by the frame pointer, by search. */
import { callBefore } from "./stack-code.ts";
import type { Call } from "./stack-code.ts";
import { exitsOf } from "./stack-exits.ts";
import type { Exit } from "./stack-exits.ts";
import { frameSp, inSegment, littleEndian, stackLinear } from "./stack-frames.ts";
import type { Frame, StandingMemory, Trust } from "./stack-frames.ts";
import { InterruptFrames } from "./stack-interrupts.ts";
import type { CpuState } from "./target.ts";

/** Bytes of stack that are searched for one caller. */
const SEARCHED = 4096;
/** Values behind calls that a search weighs against each other. */
const MAX_CANDIDATES = 8;
/** Blocks of memory that one search may fetch. */
const MAX_FETCHED = 48;
/** A function is shorter than this, and its frame smaller. */
const FUNCTION_MAX = 0x10000n;
/** Calls in 64- and 32-bit code reach this far. */
const REACH = 1n << 31n;

type Width = 2 | 4 | 8;

interface Candidate {
  frame: Frame;
  call: Call;
}

export class Unwinder {
  readonly #memory: StandingMemory;
  readonly #interrupts: InterruptFrames;

  constructor(cpu: CpuState, memory: StandingMemory) {
    this.#memory = memory;
    this.#interrupts = new InterruptFrames(cpu, memory);
  }

  /** The frame below, or undefined at the end of what can be found. */
  async callerOf(frame: Frame): Promise<Frame | undefined> {
    const entered = frame.departure.by === "current" ? await this.#interrupts.atEntry(frame) : undefined;
    return entered ?? (await this.#byCode(frame)) ?? (await this.#byPointer(frame)) ?? this.#bySearch(frame);
  }

  /** Where the frame's own code returns to. */
  async #byCode(frame: Frame): Promise<Frame | undefined> {
    for await (const exit of exitsOf(frame, this.#memory)) {
      const found = await this.#behind(frame, exit);
      if (found === undefined || !(exit.otherStack || isAbove(found, frame))) continue;
      const own = trustOf(exit);
      const registers = new Map([...exit.registers, ...found.registers]);
      return { ...found, trust: worse(frame.trust, own), registers };
    }
    return undefined;
  }

  async #behind(frame: Frame, { kind, width, sp, released }: Exit): Promise<Frame | undefined> {
    if (kind === "interrupt") return this.#interrupts.popped(frame, sp, width);
    const found =
      kind === "far" ? await this.#interrupts.farReturn(frame, sp, width) : await this.#nearReturn(frame, sp, width);
    return found && { ...found, sp: found.sp === undefined ? undefined : found.sp + released };
  }

  /** The frame that a near return leads to, when the stack pointer (an offset) is `sp`: behind a call. */
  async #nearReturn(frame: Frame, sp: bigint, width: Width): Promise<Frame | undefined> {
    const ip = await this.#memory.number(stackLinear(frame.stack, sp), width);
    if (ip === undefined) return undefined;
    const call = await this.#callTo(frame, ip, width);
    return call && called(frame, call, ip, sp + BigInt(width));
  }

  async #callTo(frame: Frame, ip: bigint, width: Width): Promise<Call | undefined> {
    if (ip === 0n || BigInt.asUintN(frame.code.bits, ip) !== ip) return undefined;
    const call = await callBefore(this.#memory, frame.code, ip);
    return call !== undefined && !call.far && call.width === width ? call : undefined;
  }

  /** The frame pointer leads to its caller's, with the return address above it: near, far, or of an interrupt. */
  async #byPointer(frame: Frame): Promise<Frame | undefined> {
    const whole = frame.registers.get("rbp");
    if (whole === undefined || frame.sp === undefined) return undefined;
    const { bits } = frame.code;
    const pointer = BigInt.asUintN(frame.stack.bits, whole);
    if (pointer < frame.sp || pointer - frame.sp > FUNCTION_MAX) return undefined;
    const widths: Width[] = bits === 16 ? [2, 4] : [bits === 32 ? 4 : 8];
    for (const width of widths) {
      const above = await this.#memory.number(stackLinear(frame.stack, pointer), width);
      if (above === undefined) continue;
      const sp = pointer + BigInt(width);
      const found =
        (await this.#nearReturn(frame, sp, width)) ??
        (bits === 64 ? undefined : await this.#interrupts.farReturn(frame, sp, width)) ??
        (await this.#trapped(frame, sp, width));
      if (found === undefined || !isAbove(found, frame)) continue;
      const registers = new Map([...found.registers, ["rbp", above] as const]);
      return { ...found, trust: worse(frame.trust, "pointer"), registers };
    }
    return undefined;
  }

  /** The frame of an interrupt, if it looks like one from the other side, too: 16-bit values may mean anything. */
  async #trapped(frame: Frame, sp: bigint, width: Width): Promise<Frame | undefined> {
    const found = await this.#interrupts.popped(frame, sp, width);
    if (found === undefined || (found.code.bits === 16 && found.departure.by !== "software")) return undefined;
    const there = await this.#memory.read(inSegment(found.code.base, found.ip, found.code.bits), 1);
    return there.length === 0 ? undefined : found;
  }

  /** The likeliest of what is on the stack. */
  async #bySearch(frame: Frame): Promise<Frame | undefined> {
    const found = await this.#search(frame);
    if (!Array.isArray(found)) return found;
    const best =
      found.find(({ call }) => call.target !== undefined && isIn(frame.at, call.target)) ??
      found.find(({ call }) => call.target === undefined) ??
      found[0];
    return best?.frame;
  }

  /** All that may be a frame's caller, going by what is on the stack; the nearest first. */
  async candidates(frame: Frame): Promise<Frame[]> {
    const found = await this.#search(frame);
    if (Array.isArray(found)) return found.map((one) => one.frame);
    return found === undefined ? [] : [found];
  }

  /** The values on the stack that can be return addresses, or the frame of an interrupt if that comes first. */
  async #search(frame: Frame): Promise<Candidate[] | Frame | undefined> {
    const { sp } = frame;
    const start = frameSp(frame);
    if (sp === undefined || start === undefined) return undefined;
    const { bits } = frame.code;
    const width: Width = bits === 16 ? 2 : bits === 32 ? 4 : 8;
    const stack = await this.#memory.read(start, SEARCHED);
    const fetchedBefore = this.#memory.fetched;
    const found: Candidate[] = [];
    for (let offset = 0; offset + width <= stack.length; offset += width) {
      if (found.length === MAX_CANDIDATES || this.#memory.fetched - fetchedBefore > MAX_FETCHED) break;
      const at = BigInt.asUintN(frame.stack.bits, sp + BigInt(offset));
      const trapped = found.length > 0 ? undefined : await this.#trapped(frame, at, width);
      if (trapped !== undefined) {
        const outer =
          trapped.stack.base !== frame.stack.base || (trapped.code.selector & 3) > (frame.code.selector & 3);
        const sure = outer && (await this.#interrupts.isOutermost(start + BigInt(offset + 5 * width)));
        return { ...trapped, trust: sure ? "sure" : "guess" };
      }
      const value = littleEndian(stack.subarray(offset, offset + width));
      if (bits === 64 && distance(value, frame.ip) > REACH) continue;
      const call = await this.#callTo(frame, value, width);
      if (call === undefined) continue;
      found.push({ frame: { ...called(frame, call, value, at + BigInt(width)), trust: "guess" }, call });
    }
    return found;
  }
}

const distance = (a: bigint, b: bigint): bigint => (a > b ? a - b : b - a);

/** Whether an address may lie in the function that begins at `start`. */
const isIn = (at: bigint, start: bigint): boolean => at >= start && at - start < FUNCTION_MAX;

function called(frame: Frame, call: Call, ip: bigint, sp: bigint): Frame {
  // A frame pointer that still points above is one of a frame further down.
  const pointer = frame.registers.get("rbp");
  const kept = pointer !== undefined && BigInt.asUintN(frame.stack.bits, pointer) >= sp;
  return {
    ...frame,
    departure: { by: "call" },
    ip,
    at: call.at,
    sp: BigInt.asUintN(frame.stack.bits, sp),
    registers: new Map(kept ? [["rbp", pointer]] : []),
  };
}

/** A caller's stack lies above, unless it is another stack. */
function isAbove(caller: Frame, frame: Frame): boolean {
  const same = caller.stack.base === frame.stack.base && caller.stack.bits === frame.stack.bits;
  if (!same || caller.departure.by !== "call" || caller.sp === undefined || frame.sp === undefined) return true;
  return caller.sp > frame.sp;
}

function trustOf({ kind, width, byPointer, doubtful }: Exit): Trust {
  // Five items of 64 bits that fit each other are no accident.
  if (doubtful) return kind === "interrupt" && width === 8 ? "code" : "guess";
  if (kind === "interrupt") return "sure";
  return byPointer ? "pointer" : "code";
}

/** What rests on a guess is one. */
const worse = (above: Trust, own: Trust): Trust => (above === "guess" ? "guess" : own);
