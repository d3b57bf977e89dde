import type { Timebase, Timer } from "../devices/device.ts";

/** What the world can tell the machine. */
export type Input =
  /** Bytes for a serial port, 0 is COM1. */
  | { kind: "serial"; port: number; bytes: Uint8Array }
  /** Scan codes of set 2. */
  | { kind: "keyboard"; scanCodes: number[] }
  | { kind: "mouse"; dx: number; dy: number; wheel: number; buttons: number };

/** Something that came from outside, with the place in the run at which it came. */
export interface InputRecord {
  /** Instructions retired before it. */
  icount: number;
  /** Guest nanoseconds: tells apart moments of one HLT, in which icount stands still. */
  time: number;
  input: Input;
}

/**
 * Everything that the world told the machine. The same machine with the same log goes through the same states
 * (DESIGN.md, invariant 2); `replay` feeds a recorded log instead of live input.
 */
export class InputLog {
  readonly #records: InputRecord[] = [];
  readonly #timer: Timer;
  readonly #deliver: (input: Input) => void;
  #waiting: readonly InputRecord[] = [];

  constructor(queue: Timebase, deliver: (input: Input) => void) {
    this.#deliver = deliver;
    // The blank sorts first: live input, too, comes before whatever falls due in the same nanosecond.
    this.#timer = { id: " input", fire: () => this.#next(queue) };
    queue.register(this.#timer);
  }

  get records(): readonly InputRecord[] {
    return this.#records;
  }

  /** Notes input and hands it to the machine. */
  input(record: InputRecord): void {
    this.#records.push(record);
    this.#deliver(record.input);
  }

  /** Feeds the records of another run, each at its time. To be called before the machine runs. */
  replay(records: readonly InputRecord[], queue: Timebase): void {
    this.#waiting = [...records];
    const first = this.#waiting[0];
    if (first) queue.schedule(this.#timer, first.time);
  }

  #next(queue: Timebase): void {
    const [due, ...rest] = this.#waiting;
    this.#waiting = rest;
    if (due) this.input(due);
    const following = rest[0];
    if (following) queue.schedule(this.#timer, following.time);
  }
}
