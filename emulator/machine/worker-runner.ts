/** Runs a machine in short slices, so that the thread that owns it stays responsive to messages. */
import { performance } from "node:perf_hooks";
import type { BootMachine, Breakpoint } from "./api.ts";
import type { StopResult } from "./worker-protocol.ts";

/** How long a slice should take, in milliseconds of the host: what Pause waits for at most, with room to spare. */
const SLICE_MS = 12;
const SLICE_MIN = 20_000;
const SLICE_MAX = 20_000_000;
/** While the guest idles, slices are this short, so that it does not run far ahead before it is put to sleep. */
const SLICE_IDLE = 50_000;
/** Host time that the guest may catch up with after it was slower than real time, in milliseconds. */
const CREDIT_MS = 500;
/** Longest nap between two looks at the clock, in milliseconds. */
const NAP_MAX_MS = 200;
/** Instructions stepped between two looks at the event loop. */
const STEP_BATCH = 2000;

export class MachineRunner {
  readonly #machine: BootMachine;
  readonly #pace: boolean;
  #user: readonly Breakpoint[] = [];
  #temporary: readonly Breakpoint[] = [];
  #running = false;
  #pauseRequested = false;
  #slice = 500_000;
  /** Ends a nap early. */
  #wake: (() => void) | undefined;

  constructor(machine: BootMachine, options: { pace: boolean }) {
    this.#machine = machine;
    this.#pace = options.pace;
  }

  get running(): boolean {
    return this.#running;
  }

  setBreakpoints(list: readonly Breakpoint[]): void {
    this.#user = list;
    this.#armBreakpoints();
  }

  /** Makes the run or step under way end with "pause"; nothing when there is none. */
  pause(): void {
    if (!this.#running) return;
    this.#pauseRequested = true;
    this.#wake?.();
  }

  serialInput(port: number, bytes: Uint8Array): void {
    this.#machine.serialInput(port, bytes);
    this.#wake?.();
  }

  /** Runs until something stops the machine; breakpoints at the current instruction are passed over. */
  run(temporary: readonly Breakpoint[] = []): Promise<StopResult> {
    return this.#exclusive(async () => {
      this.#temporary = temporary;
      this.#armBreakpoints();
      try {
        this.#machine.ignoreBreakpointOnce();
        return await this.#runSlices();
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

  async #runSlices(): Promise<StopResult> {
    // Credit is host time that the guest has not used yet, in milliseconds: below zero, the guest is ahead.
    let credit = 0;
    let guestBefore = this.#guestMs();
    let hostBefore = performance.now();
    for (;;) {
      const idle = credit < 0;
      const began = performance.now();
      const result = this.#machine.run(idle ? SLICE_IDLE : this.#slice);
      if (!idle && result.reason === "budget") this.#adaptSlice(performance.now() - began);
      if (result.reason === "halted" && result.wakeable) {
        // Nothing but outside input can wake the guest now.
        await this.#nap(undefined);
        hostBefore = performance.now();
      } else if (result.reason !== "budget") {
        return result;
      } else if (this.#pace) {
        const guest = this.#guestMs();
        const host = performance.now();
        credit = Math.min(CREDIT_MS, credit + (host - hostBefore) - (guest - guestBefore));
        guestBefore = guest;
        hostBefore = host;
        if (credit < -1) await this.#nap(Math.min(-credit, NAP_MAX_MS));
      }
      await nextTurn();
      if (this.#pauseRequested) return { reason: "pause" };
    }
  }

  /** Keeps slices near SLICE_MS whatever the guest does. */
  #adaptSlice(milliseconds: number): void {
    const factor = Math.min(2, Math.max(0.25, SLICE_MS / Math.max(milliseconds, 0.1)));
    this.#slice = Math.round(Math.min(SLICE_MAX, Math.max(SLICE_MIN, this.#slice * factor)));
  }

  #guestMs(): number {
    return this.#pace ? Number(this.#machine.cpu().time) / 1e6 : 0;
  }

  /** Sleeps until input, a pause or the given time (milliseconds; no limit when undefined). */
  #nap(milliseconds: number | undefined): Promise<void> {
    if (this.#pauseRequested) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = milliseconds === undefined ? undefined : setTimeout(() => this.#wake?.(), milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
    });
  }
}

/** Lets waiting messages and I/O be handled. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
