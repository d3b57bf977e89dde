import type { DeviceState, Timebase, Timer } from "./device.ts";

type QueueState = { deadlines: { id: string; at: number }[] };

/**
 * Deadlines of all devices, in guest nanoseconds. A machine has a dozen timers, so the earliest one is found by
 * looking at all of them. Timers due at the same nanosecond fire in the order of their ids: the order depends neither
 * on who was scheduled first nor on how the run was sliced.
 */
export class EventQueue implements Timebase {
  readonly #clock: () => number;
  readonly #onEarlier: () => void;
  /** Sorted by id. */
  readonly #timers: Timer[] = [];
  readonly #slots = new Map<Timer, number>();
  #deadlines = new Float64Array(0);
  #next = Infinity;
  #firing = false;

  /**
   * @param clock guest time in nanoseconds
   * @param onEarlier called when a deadline earlier than all others appears while the guest runs
   */
  constructor(clock: () => number, onEarlier: () => void) {
    this.#clock = clock;
    this.#onEarlier = onEarlier;
  }

  now(): number {
    return this.#clock();
  }

  register(timer: Timer): void {
    const before = new Map(this.#timers.map((known, slot) => [known, this.#deadlines[slot] ?? Infinity]));
    if (this.#timers.some((known) => known.id === timer.id)) {
      throw new RangeError(`Timer "${timer.id}" is already registered; ids must be unique.`);
    }
    this.#timers.push(timer);
    this.#timers.sort((a, b) => (a.id < b.id ? -1 : 1));
    this.#deadlines = Float64Array.from(this.#timers, (known) => before.get(known) ?? Infinity);
    this.#slots.clear();
    this.#timers.forEach((known, slot) => this.#slots.set(known, slot));
  }

  schedule(timer: Timer, at: number): void {
    if (!(at >= 0)) {
      throw new RangeError(`Timer "${timer.id}" was given the deadline ${at}; expected nanoseconds since power-on.`);
    }
    this.#set(timer, at);
  }

  cancel(timer: Timer): void {
    this.#set(timer, Infinity);
  }

  /** Guest time of the earliest deadline, Infinity when there is none. */
  nextDeadline(): number {
    return this.#next;
  }

  /** Fires everything due at or before `now`, in the order of time, then id. */
  runDue(now: number): void {
    this.#firing = true;
    try {
      while (this.#next <= now) {
        const slot = this.#deadlines.indexOf(this.#next);
        this.#deadlines[slot] = Infinity;
        this.#findNext();
        this.#timers[slot]?.fire(now);
      }
    } finally {
      this.#firing = false;
    }
  }

  save(): DeviceState {
    const state: QueueState = { deadlines: [] };
    this.#timers.forEach((timer, slot) => {
      const at = this.#deadlines[slot] ?? Infinity;
      if (at !== Infinity) state.deadlines.push({ id: timer.id, at });
    });
    return state;
  }

  restore(saved: DeviceState): void {
    const { deadlines } = saved as QueueState;
    this.#deadlines.fill(Infinity);
    for (const { id, at } of deadlines) {
      const slot = this.#timers.findIndex((timer) => timer.id === id);
      if (slot < 0) throw new RangeError(`The saved state has a timer "${id}" that this machine does not have.`);
      this.#deadlines[slot] = at;
    }
    this.#findNext();
  }

  #set(timer: Timer, at: number): void {
    const slot = this.#slots.get(timer);
    if (slot === undefined) throw new RangeError(`Timer "${timer.id}" was never registered.`);
    const before = this.#next;
    this.#deadlines[slot] = at;
    this.#findNext();
    if (this.#next < before && !this.#firing) this.#onEarlier();
  }

  #findNext(): void {
    let next = Infinity;
    for (let slot = 0; slot < this.#deadlines.length; slot++) {
      const at = this.#deadlines[slot] as number;
      if (at < next) next = at;
    }
    this.#next = next;
  }
}
