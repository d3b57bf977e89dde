/** Stepping by instructions and source lines, over calls, and out of functions. */
import { lin } from "./address.ts";
import type { Address } from "./address.ts";
import { instructionAt } from "./disassembly.ts";
import type { Flow } from "./disassembly.ts";
import { codeBits, linearIp, linearSp } from "./registers.ts";
import type { SourceLine } from "./sources.ts";
import type { Breakpoint, CpuState, StopResult, Target } from "./target.ts";

/** Return addresses that stepping out waits for at most; the machine's breakpoints are limited. */
const MAX_CANDIDATES = 8;
/** Bytes of stack that are searched for return addresses. */
const STACK_SEARCH = 4096;
/** A return may release this many bytes of arguments (`ret imm16`). */
const MAX_RELEASED = 0x10000n;

/** Decides about a stop on the way that is not what stepping waited for: true when the machine shall go on. */
export type PassesOver = (stop: StopResult) => Promise<boolean>;

/** What stepping needs to know of the session. */
export interface SteppingContext {
  passesOver: PassesOver;
  /** The source line of the next instruction. */
  lineOf(cpu: CpuState): Promise<SourceLine | undefined>;
  /** Whether the user wants the machine to stand, though it may stand already between two steps. */
  interrupted(): boolean;
}

/** Where to stop, and the stack pointers (linear) with which that place counts as reached. */
interface Destination {
  address: bigint;
  above: bigint;
  below: bigint;
}

const runsThrough: ReadonlySet<Flow> = new Set<Flow>(["call", "interrupt", "repeat", "halt"]);

/** A step that cannot be done: one sentence. */
export class StepError extends Error {}

export class Stepping {
  readonly #target: Target;
  readonly #context: SteppingContext;

  constructor(target: Target, context: SteppingContext) {
    this.#target = target;
    this.#context = context;
  }

  /** Runs to a stop that the user asked for. */
  async run(): Promise<StopResult> {
    for (;;) {
      const stop = await this.#target.run();
      if (!(await this.#context.passesOver(stop))) return stop;
      if (this.#context.interrupted()) return { reason: "pause" };
    }
  }

  /** A source line: `move` by `move` until another line begins, or the same one anew by a jump back. */
  async line(move: () => Promise<StopResult>): Promise<StopResult> {
    let cpu = await this.#target.cpu();
    const first = await this.#context.lineOf(cpu);
    for (;;) {
      const before = linearIp(cpu);
      const stop = await move();
      if (first === undefined || stop.reason !== "step") return stop;
      cpu = await this.#target.cpu();
      const now = await this.#context.lineOf(cpu);
      if (now === undefined || now.path !== first.path || now.line !== first.line) return stop;
      if (linearIp(cpu) <= before) return stop;
      if (this.#context.interrupted()) return { reason: "pause" };
    }
  }

  async into(): Promise<StopResult> {
    const stop = await this.#target.step(1);
    return (await this.#context.passesOver(stop)) ? { reason: "step" } : stop;
  }

  /** One instruction; calls, software interrupts, system calls, repeated string operations and HLT as a whole. */
  async over(): Promise<StopResult> {
    const cpu = await this.#target.cpu();
    const here = await this.#instruction(cpu);
    if (here === undefined || here.flow === "branch" || here.flow === "return") return this.into();
    const destination = sameStack(cpu, lin(here.next));
    if (runsThrough.has(here.flow)) return this.#runTo([destination]);
    const stop = await this.into();
    if (stop.reason !== "step") return stop;
    // An exception or interrupt came in between: it is run to its end.
    const after = await this.#target.cpu();
    return linearIp(after) === here.next ? stop : this.#runTo([destination]);
  }

  /**
   * Runs to the caller. Without debug information its return address has to be found on the stack: every value there
   * that points right behind a call instruction is taken for one, and the first that is reached with the stack
   * pointer right above it is the caller.
   */
  async out(): Promise<StopResult> {
    const cpu = await this.#target.cpu();
    const destinations = await this.#returnAddresses(cpu);
    if (destinations.length === 0) {
      throw new StepError("No return address was found on the stack, so there is nothing to step out to.");
    }
    return this.#runTo(destinations);
  }

  async #runTo(destinations: readonly Destination[]): Promise<StopResult> {
    const temporary = destinations.map(({ address }): Breakpoint => lin(address));
    for (;;) {
      const stop = await this.#target.run(temporary);
      if (stop.reason === "breakpoint") {
        const cpu = await this.#target.cpu();
        const ip = linearIp(cpu);
        const sp = linearSp(cpu);
        if (destinations.some((one) => one.address === ip && sp >= one.above && sp <= one.below)) {
          return { reason: "step" };
        }
      }
      if (!(await this.#context.passesOver(stop))) return stop;
      if (this.#context.interrupted()) return { reason: "pause" };
    }
  }

  async #instruction(cpu: CpuState): Promise<{ flow: Flow; next: bigint } | undefined> {
    const bits = codeBits(cpu.mode);
    const at: Address = lin(linearIp(cpu));
    const one = await instructionAt(at, bits, (...where) => this.#target.readMemory(...where));
    if (one === undefined) return undefined;
    const next = at.address + BigInt(one.bytes.length);
    return { flow: one.flow, next: BigInt.asUintN(bits === 64 ? 64 : 32, next) };
  }

  async #returnAddresses(cpu: CpuState): Promise<Destination[]> {
    const bits = codeBits(cpu.mode);
    const width = bits / 8;
    const sp = linearSp(cpu);
    const stack = await this.#target.readMemory("lin", sp, STACK_SEARCH);
    const found: Destination[] = [];
    for (let offset = 0; offset + width <= stack.length && found.length < MAX_CANDIDATES; offset += width) {
      const value = stack.subarray(offset, offset + width).reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
      const address = bits === 64 ? value : BigInt.asUintN(32, cpu.segments.cs.base + value);
      if (!(await this.#followsCall(address, bits))) continue;
      const above = sp + BigInt(offset + width);
      if (!found.some((one) => one.address === address)) found.push({ address, above, below: above + MAX_RELEASED });
    }
    return found;
  }

  /** Whether a call instruction ends right before that address. */
  async #followsCall(address: bigint, bits: 16 | 32 | 64): Promise<boolean> {
    if (address < 16n) return false;
    const bytes = await this.#target.readMemory("lin", address - 7n, 7);
    if (bytes.length < 7) return false;
    const near = bits === 16 ? 3 : 5;
    if (bytes[7 - near] === 0xe8) return true;
    // FF /2, with 0 to 5 bytes of address behind ModRM.
    for (let length = 2; length <= 7; length++) {
      const modrm = bytes[7 - length + 1] ?? 0;
      if (bytes[7 - length] !== 0xff || ((modrm >> 3) & 7) !== 2) continue;
      const at = lin(address - BigInt(length));
      const read = (_space: string, _address: bigint, size: number): Promise<Uint8Array> =>
        Promise.resolve(bytes.slice(7 - length, 7 - length + size));
      const one = await instructionAt(at, bits, read);
      if (one?.flow === "call" && one.bytes.length === length) return true;
    }
    return false;
  }
}

/** The place `at`, with the stack as it is now, or with arguments released by a return. */
function sameStack(cpu: CpuState, at: Address): Destination {
  const sp = linearSp(cpu);
  return { address: at.address, above: sp, below: sp + MAX_RELEASED };
}
