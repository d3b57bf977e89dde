/** Runs a machine in short slices, so that the thread that owns it stays responsive to messages. */
import { performance } from "node:perf_hooks";
import type { BootMachine, Breakpoint, ConditionalBreakpoint } from "./api.ts";
import type { StopResult } from "./worker-protocol.ts";

/** How long a slice should take, in milliseconds of the host: what Pause waits for at most, with room to spare. */
const SLICE_MS = 12;
const SLICE_MIN = 20_000;
const SLICE_MAX = 20_000_000;
/** Host time that the guest may catch up with after it was slower than real time, in milliseconds. */
const CREDIT_MS = 500;
/** Instructions stepped between two looks at the event loop. */
const STEP_BATCH = 2000;

/** Stops that are made whether or not there is a breakpoint at the next instruction, too. */
const BEFORE_BREAKPOINTS: ReadonlySet<StopResult["reason"]> = new Set(["phase", "event", "watchpoint", "catch"]);

export interface RunnerOptions {
  /** Let the guest's idle time pass in real time. */
  pace: boolean;
  /**
   * Instructions of every slice, for runs in which input has to arrive at the same instruction each time. Slices
   * adapt to the speed of the guest unless given.
   */
  slice?: number;
  /**
   * Called between slices when the guest waits for something in HLT; `forever` when nothing but outside input can wake
   * it. May call `serialInput` and `pause`.
   */
  onIdle?(forever: boolean): void;
  /** Called behind every slice. */
  onSlice?(): void;
  /** Whether the machine has to wait between slices, until `wake` is called and this says no. */
  held?(): boolean;
}

export class MachineRunner {
  readonly #machine: BootMachine;
  readonly #options: RunnerOptions;
  #user: readonly ConditionalBreakpoint[] = [];
  #temporary: readonly Breakpoint[] = [];
  /** Instruction count at a stop that came before the breakpoints of its place. */
  #untold: bigint | undefined;
  #running = false;
  #pauseRequested = false;
  /** How often input has come. */
  #inputs = 0;
  #slice = 500_000;
  /** Ends a nap early. */
  #wake: (() => void) | undefined;

  constructor(machine: BootMachine, options: RunnerOptions) {
    this.#machine = machine;
    this.#options = options;
    if (options.slice !== undefined) this.#slice = options.slice;
  }

  get running(): boolean {
    return this.#running;
  }

  setBreakpoints(list: readonly ConditionalBreakpoint[]): void {
    this.#user = list;
    this.#armBreakpoints();
  }

  /** Makes the run or step under way end with "pause"; nothing when there is none. */
  pause(): void {
    if (!this.#running) return;
    this.#pauseRequested = true;
    this.#wake?.();
  }

  /** Ends a wait early, or makes one that holds the machine be looked at again. */
  wake(): void {
    this.#wake?.();
  }

  serialInput(port: number, bytes: Uint8Array): void {
    this.#input(() => this.#machine.serialInput(port, bytes));
  }

  keyboardInput(scanCodes: readonly number[]): void {
    this.#input(() => this.#machine.keyboardInput(scanCodes));
  }

  mouseInput(dx: number, dy: number, wheel: number, buttons: number): void {
    this.#input(() => this.#machine.mouseInput(dx, dy, wheel, buttons));
  }

  #input(give: () => void): void {
    this.#inputs++;
    give();
    this.#wake?.();
  }

  /**
   * Runs until something stops the machine; breakpoints at the current instruction are passed over, unless the last stop
   * was for something else and they are still to be told. Stops with "step" once `end` instructions have been retired
   * since power-on.
   */
  run(temporary: readonly Breakpoint[] = [], end?: bigint): Promise<StopResult> {
    return this.#exclusive(async () => {
      this.#temporary = temporary;
      this.#armBreakpoints();
      try {
        if (this.#untold !== this.#machine.icount) this.#machine.ignoreBreakpointOnce();
        const stop = await this.#runSlices(end);
        this.#untold = BEFORE_BREAKPOINTS.has(stop.reason) ? this.#machine.icount : undefined;
        return stop;
      } finally {
        this.#temporary = [];
        this.#armBreakpoints();
      }
    });
  }

  /** Retires `count` instructions, or fewer when something else stops the machine first. */
  step(count: number): Promise<StopResult> {
    return this.#exclusive(async () => {
      for (let done = 0; done < count; done++) {
        if (done > 0 && done % STEP_BATCH === 0) {
          await nextTurn();
          if (this.#pauseRequested) return { reason: "pause" };
        }
        const result = this.#machine.step();
        if (result.reason !== "budget" && !(result.reason === "halted" && result.wakeable)) return result;
      }
      return { reason: "step" };
    });
  }

  async #exclusive(work: () => Promise<StopResult>): Promise<StopResult> {
    if (this.#running) throw new Error("The machine is running already.");
    this.#running = true;
    this.#pauseRequested = false;
    try {
      return await work();
    } finally {
      this.#running = false;
    }
  }

  #armBreakpoints(): void {
    this.#machine.setBreakpoints([...this.#user, ...this.#temporary]);
  }

  async #runSlices(end: bigint | undefined): Promise<StopResult> {
    // Credit is host time that the guest has not used yet, in milliseconds: below zero, the guest is ahead.
    let credit = 0;
    let guestBefore = this.#guestMs();
    let hostBefore = performance.now();
    for (;;) {
      const began = performance.now();
      const before = this.#machine.icount;
      if (end !== undefined && before >= end) return { reason: "step" };
      const slice = end === undefined || end - before > this.#slice ? this.#slice : Number(end - before);
      const result = this.#machine.run(slice);
      this.#options.onSlice?.();
      const whole = this.#machine.icount - before >= slice;
      // A slice that ends early, because the guest idles, says nothing about its speed.
      if (whole && slice === this.#slice) this.#adaptSlice(performance.now() - began);
      else if (result.reason === "budget") this.#options.onIdle?.(false);
      if (result.reason === "halted" && result.wakeable) {
        // Nothing but outside input can wake the guest now, and that may come at once.
        const wake = this.#inputs;
        this.#options.onIdle?.(true);
        if (wake !== this.#inputs) continue;
        await this.#nap(undefined);
        credit = 0;
        hostBefore = performance.now();
      } else if (result.reason !== "budget") {
        return result;
      } else if (this.#options.pace) {
        const guest = this.#guestMs();
        const host = performance.now();
        credit = Math.min(CREDIT_MS, credit + (host - hostBefore) - (guest - guestBefore));
        guestBefore = guest;
        hostBefore = host;
        if (credit < -1 && (await this.#nap(-credit)) === "woken") {
          // Input is not kept waiting for the guest's own clock: from here both run together again.
          credit = 0;
          hostBefore = performance.now();
        }
      }
      await nextTurn();
      while (!this.#pauseRequested && this.#options.held?.() === true) await this.#nap(undefined);
      if (this.#pauseRequested) return { reason: "pause" };
    }
  }

  /** Keeps slices near SLICE_MS whatever the guest does. */
  #adaptSlice(milliseconds: number): void {
    if (this.#options.slice !== undefined) return;
    const factor = Math.min(2, Math.max(0.25, SLICE_MS / Math.max(milliseconds, 0.1)));
    this.#slice = Math.round(Math.min(SLICE_MAX, Math.max(SLICE_MIN, this.#slice * factor)));
  }

  #guestMs(): number {
    return this.#options.pace ? Number(this.#machine.cpu().time) / 1e6 : 0;
  }

  /** Sleeps for the given time (milliseconds; no limit when undefined), or until input or a pause wakes it. */
  #nap(milliseconds: number | undefined): Promise<"slept" | "woken"> {
    if (this.#pauseRequested) return Promise.resolve("woken");
    return new Promise((resolve) => {
      const end = (how: "slept" | "woken"): void => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve(how);
      };
      const timer = milliseconds === undefined ? undefined : setTimeout(() => end("slept"), milliseconds);
      this.#wake = () => end("woken");
    });
  }
}

/** Lets waiting messages and I/O be handled. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
