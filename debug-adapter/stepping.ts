/** Stepping by instructions and source lines, over calls, and out of functions. */
import { lin } from "./address.ts";
import type { Address } from "./address.ts";
import { instructionAt } from "./disassembly.ts";
import type { Flow } from "./disassembly.ts";
import { codeBits, linearIp, linearSp } from "./registers.ts";
import type { SourceLine } from "./sources.ts";
import { frameIp, frameSp } from "./stack-frames.ts";
import type { Frame } from "./stack-frames.ts";
import { breakpointsOf, destination, isReached } from "./stepping-destinations.ts";
import type { Destination } from "./stepping-destinations.ts";
import { deliveredBetween } from "./stepping-interrupts.ts";
import type { CpuState, StopResult, Target } from "./target.ts";

/** Interrupts that one step is led around at most. */
const MAX_INTERRUPTS = 32;

/** Lets the machine run, up to a stop. */
export type Move = () => Promise<StopResult>;

/** Decides about a stop on the way that is not what stepping waited for: true when the machine shall go on. */
type PassesOver = (stop: StopResult) => Promise<boolean>;

/** What stepping needs to know of the session. */
export interface SteppingContext {
  passesOver: PassesOver;
  /** The source line of the next instruction. */
  lineOf(cpu: CpuState): Promise<SourceLine | undefined>;
  /** Whether the user wants the machine to stand, though it may stand already between two steps. */
  interrupted(): boolean;
  /** Whether handlers of interrupts that come in the middle of a step are run to their end. */
  skipsInterrupts(): boolean;
}

/** What stepping needs of the call stack. */
export interface Callers {
  /** The current frame and its callers; at least `count` unless there are fewer. */
  frames(count: number): Promise<readonly Frame[]>;
  /** What may be the caller, when nothing better is known than values on the stack. */
  candidates(): Promise<readonly Frame[]>;
}

const runsThrough: ReadonlySet<Flow> = new Set<Flow>(["call", "interrupt", "repeat", "halt"]);

/** A step that cannot be done: one sentence. */
export class StepError extends Error {}

/** A target that does not set off any more once the user wants the machine to stand: a pause may come before a move's first run. */
export function interruptible(target: Target, interrupted: () => boolean): Target {
  const unless = (move: () => Promise<StopResult>): Promise<StopResult> =>
    interrupted() ? Promise.resolve({ reason: "pause" }) : move();
  return {
    ...target,
    run: (temporary, end) => unless(() => target.run(temporary, end)),
    step: (count) => unless(() => target.step(count)),
  };
}

export class Stepping {
  readonly #target: Target;
  readonly #callers: Callers;
  readonly #context: SteppingContext;

  constructor(target: Target, callers: Callers, context: SteppingContext) {
    this.#target = target;
    this.#callers = callers;
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
  async line(move: Move): Promise<StopResult> {
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

  /** One instruction, wherever it leads to. */
  into(): Promise<StopResult> {
    return this.#single(this.#context.skipsInterrupts() ? "interrupts" : "nothing");
  }

  /** One instruction; calls, software interrupts, system calls, repeated string operations and HLT as a whole. */
  async over(): Promise<StopResult> {
    const cpu = await this.#target.cpu();
    const here = await this.#instruction(cpu);
    if (here === undefined || here.flow === "branch" || here.flow === "return") return this.#single("all");
    if (runsThrough.has(here.flow)) return this.#runTo([await this.#behind(cpu, here.next)]);
    const stop = await this.#single("all");
    if (stop.reason !== "step") return stop;
    // An exception with interrupts off, or one that goes on elsewhere.
    const after = await this.#target.cpu();
    return linearIp(after) === here.next ? stop : this.#runTo([await this.#behind(cpu, here.next)]);
  }

  /** Runs to the caller, or from a handler into the code that was interrupted. */
  async out(): Promise<StopResult> {
    const cpu = await this.#target.cpu();
    const caller = (await this.#callers.frames(2))[1];
    const frames = caller === undefined || caller.trust === "guess" ? await this.#callers.candidates() : [caller];
    if (frames.length === 0) {
      throw new StepError("No return address was found on the stack, so there is nothing to step out to.");
    }
    return this.#runTo(await Promise.all(frames.map((frame) => this.#goingOn(cpu, frame))));
  }

  /** Where a frame goes on. What the processor pushed says the stack pointer exactly; a guess may not know the right stack. */
  #goingOn(cpu: CpuState, frame: Frame): Promise<Destination> {
    const address = frameIp(frame);
    if (frame.departure.by === "call") return destination(this.#target, cpu, address, frameSp(frame));
    return destination(this.#target, cpu, address, frame.trust === "guess" ? undefined : frameSp(frame), 0n);
  }

  /** One instruction. What comes in between is run to its end: nothing, interrupts from outside, or exceptions, too. */
  async #single(skips: "nothing" | "interrupts" | "all"): Promise<StopResult> {
    for (let skipped = 0; ; skipped++) {
      const before = await this.#target.cpu();
      const stop = await this.#target.step(1);
      if (stop.reason !== "step") return (await this.#context.passesOver(stop)) ? { reason: "step" } : stop;
      if (skips === "nothing" || skipped === MAX_INTERRUPTS) return stop;
      const found = await deliveredBetween(this.#target, before, await this.#target.cpu());
      if (found === undefined || !(found.external || skips === "all")) return stop;
      const back = await this.#runTo([await destination(this.#target, before, found.back, found.sp, 0n)]);
      if (back.reason !== "step" || !found.pending) return back;
      if (this.#context.interrupted()) return { reason: "pause" };
    }
  }

  /** The place `next`, with the stack as it is now, or with arguments released by a return. */
  #behind(cpu: CpuState, next: bigint): Promise<Destination> {
    return destination(this.#target, cpu, next, linearSp(cpu));
  }

  async #runTo(destinations: readonly Destination[]): Promise<StopResult> {
    const temporary = breakpointsOf(destinations);
    for (;;) {
      const stop = await this.#target.run(temporary);
      if (stop.reason === "breakpoint") {
        const cpu = await this.#target.cpu();
        for (const one of destinations) if (await isReached(this.#target, cpu, one)) return { reason: "step" };
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
}
