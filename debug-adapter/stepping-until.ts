/** Runs to a place, a mode or a count: further than a step, with an end that is not a breakpoint. */
import { linearIp } from "./registers.ts";
import type { Address } from "./address.ts";
import type { Move, SteppingContext } from "./stepping.ts";
import type { EventFilter, StopResult, Target } from "./target.ts";

/** Events by which the processor's mode becomes another one. */
const MODE_EVENTS: readonly EventFilter[] = ["mode"];
/** Instructions that one request may count. */
const MAX_INSTRUCTIONS = 1_000_000_000_000n;

/** What these runs need of the session besides what steps need. */
export interface UntilContext extends Pick<SteppingContext, "passesOver" | "interrupted"> {
  /** Has the machine stop at these events, too, as long as `work` lasts. */
  stoppingAt<T>(events: readonly EventFilter[], work: () => Promise<T>): Promise<T>;
}

export class RunUntil {
  readonly #target: Target;
  readonly #context: UntilContext;

  constructor(target: Target, context: UntilContext) {
    this.#target = target;
    this.#context = context;
  }

  /** To an address, whatever stack is in use there. */
  place(to: Address): Move {
    return () =>
      this.#run(
        () => this.#target.run([to]),
        async (stop) => stop.reason === "breakpoint" && (await this.#isAt(to)),
      );
  }

  /** To where the processor's mode (and with it the size of code) changes: right behind the instruction that does it. */
  mode(): Move {
    return () =>
      this.#context.stoppingAt(MODE_EVENTS, async () => {
        const { mode } = await this.#target.cpu();
        return this.#run(
          () => this.#target.run(),
          async (stop) => stop.reason === "event" && (await this.#target.cpu()).mode !== mode,
        );
      });
  }

  /** So many instructions further, wherever they are executed: those of handlers count, too. Rejects with one sentence. */
  async instructions(count: bigint): Promise<Move> {
    return this.icount((await this.#target.cpu()).icount + count);
  }

  /** To where so many instructions have been retired since power-on. Rejects with one sentence. */
  async icount(end: bigint): Promise<Move> {
    const { icount } = await this.#target.cpu();
    if (end <= icount) {
      throw new Error(
        `The machine stands at instruction ${icount} and runs forwards only: a later one than ${end} was expected.`,
      );
    }
    if (end - icount > MAX_INSTRUCTIONS) {
      throw new Error(`${end - icount} instructions are too many: at most ${MAX_INSTRUCTIONS} were expected.`);
    }
    return () =>
      this.#run(
        () => this.#target.run([], end),
        (stop) => Promise.resolve(stop.reason === "step"),
      );
  }

  /** Runs by `move` until something stops the machine for good; what is `reached` counts as a step. */
  async #run(move: Move, reached: (stop: StopResult) => Promise<boolean>): Promise<StopResult> {
    for (;;) {
      const stop = await move();
      if (await reached(stop)) return stop.reason === "event" ? stop : { reason: "step" };
      if (!(await this.#context.passesOver(stop))) return stop;
      if (this.#context.interrupted()) return { reason: "pause" };
    }
  }

  async #isAt({ space, address }: Address): Promise<boolean> {
    const ip = linearIp(await this.#target.cpu());
    return space === "lin" ? ip === address : (await this.#target.walk(ip)).physical === address;
  }
}
