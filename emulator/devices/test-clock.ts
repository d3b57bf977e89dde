import { EventQueue } from "./event-queue.ts";

/** Guest time for device tests: `advance` passes every deadline at its exact nanosecond, as the machine does. */
export class TestClock {
  #now = 0;
  readonly queue = new EventQueue(
    () => this.#now,
    () => undefined,
  );

  get now(): number {
    return this.#now;
  }

  advance(ns: number): void {
    this.advanceTo(this.#now + ns);
  }

  advanceTo(end: number): void {
    for (let next = this.queue.nextDeadline(); next <= end; next = this.queue.nextDeadline()) {
      this.#now = Math.max(this.#now, next);
      this.queue.runDue(this.#now);
    }
    this.#now = end;
  }
}
