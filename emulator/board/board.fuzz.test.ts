import assert from "node:assert/strict";
import { test } from "node:test";
import { EventQueue } from "../devices/event-queue.ts";
import { Board } from "./board.ts";

const PORTS = [
  [0x20, 2],
  [0x40, 4],
  [0x60, 5],
  [0x70, 2],
  [0x92, 1],
  [0xa0, 2],
  [0x2f8, 8],
  [0x3f8, 8],
  [0x4d0, 2],
  [0x600, 16],
  [0xcf8, 8],
  [0xafe0, 4],
] as const;
const PAGES = [
  [0xfee0_0000, 0x400],
  [0xfec0_0000, 0x20],
  [0xfed0_0000, 0x180],
] as const;
const SIZES = [1, 2, 4] as const;

/** A guest and a host that do anything at all, from a seed (xorshift). */
class Monkey {
  now = 0;
  #seed: number;
  /** Sum over everything the board said. */
  heard = 0;
  readonly lines = new TestLines(RAM_BYTES);
  readonly queue = new EventQueue(
    () => this.now,
    () => undefined,
  );
  readonly board: Board;

  constructor(seed: number) {
    this.#seed = seed;
    const hear = (value: number): void => {
      this.heard = (Math.imul(this.heard, 31) + value) | 0;
    };
    this.board = new Board({
      memoryBytes: RAM_BYTES,
      rtcTime: 1_700_000_000,
      queue: this.queue,
      serialOutput: (port, byte) => hear(port * 256 + byte),
      debugOutput: hear,
      lines: this.lines,
    });
  }

  #random(below: number): number {
    let x = this.#seed;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#seed = x;
    return Math.floor(((x >>> 0) / 0x1_0000_0000) * below);
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#random(list.length)] as T;
  }

  act(): void {
    const size = this.#pick(SIZES);
    const value = this.#random(2) ? this.#random(256) : this.#random(0x1_0000_0000);
    switch (this.#random(16)) {
      case 0: {
        // As the machine: every deadline passes at its exact time.
        const end = this.now + this.#random(2000);
        for (let next = this.queue.nextDeadline(); next <= end; next = this.queue.nextDeadline()) {
          this.now = Math.max(this.now, next);
          this.queue.runDue(this.now);
        }
        this.now = end;
        return;
      }
      case 1:
        if (this.board.hasInterrupt) this.#note(this.board.acknowledgeInterrupt());
        return;
      case 2:
        if (this.#random(64) === 0) {
          this.board.serialInput(
            this.#random(2),
            Uint8Array.from({ length: this.#random(40) }, () => this.#random(256)),
          );
        }
        return;
      case 3:
        this.board.tpr = this.#random(4) * 16;
        return;
      case 4:
        this.#note(this.board.readPort(this.#random(0x1_0000), size));
        return;
      case 5:
      case 6:
      case 7: {
        const [base, length] = this.#pick(PAGES);
        const address = base + (this.#random(length) & ~(size - 1));
        if (this.#random(2)) this.#note(this.board.readMmio(address, size));
        else this.board.writeMmio(address, this.#random(4) ? 4 : size, value);
        return;
      }
      default: {
        const [base, length] = this.#pick(PORTS);
        const port = base + this.#random(length);
        if (this.#random(2)) this.#note(this.board.readPort(port, size));
        else this.board.writePort(port, size, value);
      }
    }
  }

  #note(value: number): void {
    assert.ok(Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff, `read ${value}`);
    this.heard = (Math.imul(this.heard, 31) + value) | 0;
  }

  /** Continues from another one's state. */
  adopt(other: Monkey): void {
    this.board.restore(other.board.save());
    this.now = other.now;
    this.#seed = other.#seed;
    this.heard = other.heard;
  }
}

const SEED = Number(process.env["BOOTSCOPE_SEED"] ?? (Date.now() & 0x7fff_ffff) + 1);

test(`a million random operations neither throw nor hang, twice the same (seed ${SEED})`, () => {
  const [first, second] = [new Monkey(SEED), new Monkey(SEED)];
  for (let round = 0; round < 1_000_000; round++) {
    first.act();
    second.act();
  }
  assert.equal(first.heard, second.heard);
  assert.deepEqual(first.board.save(), second.board.save());
});

test(`a board restored from a saved one goes on exactly like it (seed ${SEED})`, () => {
  const first = new Monkey(SEED);
  for (let save = 0; save < 30; save++) {
    for (let round = 0; round < 3000; round++) first.act();
    const second = new Monkey(1);
    second.adopt(first);
    const state = first.board.save();
    assert.deepEqual(second.board.save(), state);
    for (let round = 0; round < 3000; round++) {
      first.act();
      second.act();
    }
    assert.equal(second.heard, first.heard, `after save ${save}`);
    assert.deepEqual(second.board.save(), first.board.save());
  }
});
