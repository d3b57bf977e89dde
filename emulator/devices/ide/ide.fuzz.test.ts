import assert from "node:assert/strict";
import { test } from "node:test";
import { cd, disk, IdeHost, pattern, RAM_BYTES } from "./test-host.ts";

const DISK = pattern(3000 * 512);
const CD = pattern(200 * 2048);
const SIZES = [1, 2, 4] as const;
/** Commands that do something, and packets likewise, so that chance gets far. */
const COMMANDS = [
  0x20, 0x24, 0x25, 0x29, 0x30, 0x34, 0x35, 0x39, 0x40, 0x42, 0x90, 0x91, 0xa0, 0xa0, 0xa0, 0xa1, 0xc4, 0xc5, 0xc6,
  0xc8, 0xca, 0xe7, 0xec, 0xef, 0xf8, 0x08,
];
const PACKETS = [0x00, 0x03, 0x12, 0x1b, 0x25, 0x28, 0x28, 0x28, 0x43, 0x46, 0x4a, 0x5a, 0xa8, 0xbe];

/** A driver that does anything at all, from a seed (xorshift). */
class Monkey {
  heard = 0;
  readonly drives = [disk(DISK), disk(DISK.subarray(512)), cd(CD)];
  readonly host = new IdeHost(this.drives);
  #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
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

  #note(value: number): void {
    assert.ok(Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff, `read ${value}`);
    this.heard = (Math.imul(this.heard, 31) + value) | 0;
  }

  act(): void {
    const { host } = this;
    const channel = this.#random(2);
    const base = channel ? 0x170 : 0x1f0;
    switch (this.#random(12)) {
      case 0:
        host.clock.advance(this.#random(200_000));
        return;
      case 1:
        host.out(base + 7, this.#random(4) ? this.#pick(COMMANDS) : this.#random(256));
        return;
      case 2: {
        // Much data at once, or a packet that makes sense.
        const words = this.#random(4) ? 6 : this.#random(3000);
        const op = this.#pick(PACKETS);
        for (let i = 0; i < words; i++) {
          if (this.#random(2)) host.out(base, i === 0 ? op : this.#random(4) << 8, 2);
          else this.#note(host.in(base, this.#random(2) ? 2 : 4));
        }
        return;
      }
      case 3:
        host.destination = this.#random(RAM_BYTES);
        return;
      case 4:
        if (this.#random(20) === 0) host.out(channel ? 0x376 : 0x3f6, this.#random(256));
        else if (this.#random(20) === 0) host.busMaster = !host.busMaster;
        else if (this.#random(1000) === 0) host.ide.reset();
        host.ide.configWritten(4);
        return;
      case 5:
        host.setBm(channel * 8, this.#random(2) ? 9 : this.#random(256));
        return;
      case 6:
        // The table of regions is whatever lies in memory.
        host.setBm(this.#random(16), this.#random(RAM_BYTES), this.#pick(SIZES));
        return;
      case 7:
        this.#note(host.bm(this.#random(16), this.#pick(SIZES)));
        return;
      case 8:
        host.out(base + 6, this.#random(2) ? 0xe0 : this.#random(256));
        return;
      case 9:
        host.out(base + 1 + this.#random(5), this.#random(2) ? this.#random(4) : this.#random(256));
        return;
      default:
        this.#note(host.in(base + this.#random(8), this.#pick(SIZES)));
    }
  }

  /** Continues from another one's state: everything but what lies on the disks. */
  adopt(other: Monkey): void {
    this.host.clock.advanceTo(other.host.clock.now);
    this.host.ide.restore(other.host.ide.save());
    this.host.clock.queue.restore(other.host.clock.queue.save());
    this.host.ram.set(other.host.ram);
    this.host.busMaster = other.host.busMaster;
    this.host.destination = other.host.destination;
    this.host.irqs.splice(0, 2, ...other.host.irqs);
    this.heard = other.heard;
    this.#seed = other.#seed;
  }
}

const SEED = Number(process.env["BOOTSCOPE_SEED"] ?? (Date.now() & 0x7fff_ffff) + 1);

test(`half a million random operations on two controllers neither throw nor hang, twice the same (seed ${SEED})`, () => {
  const [first, second] = [new Monkey(SEED), new Monkey(SEED)];
  let transferred = 0;
  for (let round = 0; round < 500_000; round++) {
    first.act();
    second.act();
    if (first.host.transfers.length > 1000) {
      assert.deepEqual(first.host.transfers, second.host.transfers);
      transferred += first.host.transfers.length;
      first.host.transfers.length = 0;
      second.host.transfers.length = 0;
    }
  }
  assert.equal(first.heard, second.heard);
  assert.deepEqual(first.host.ide.save(), second.host.ide.save());
  assert.ok(Buffer.from(first.host.ram).equals(second.host.ram));
  assert.ok(transferred + first.host.transfers.length > 1000, "the drives were reached");
});

test(`a controller restored from a saved state goes on exactly like it (seed ${SEED})`, () => {
  for (let save = 0; save < 30; save++) {
    const first = new Monkey(SEED + save);
    for (let round = 0; round < 2000; round++) first.act();
    const second = new Monkey(1);
    second.adopt(first);
    // The disks' changes are no part of the state.
    first.drives.forEach(({ image }, index) => {
      for (const [offset, bytes] of image.changes()) second.drives[index]?.image.write(offset, bytes);
    });
    for (let round = 0; round < 2000; round++) {
      first.act();
      second.act();
    }
    assert.equal(second.heard, first.heard, `after save ${save}`);
    assert.deepEqual(second.host.ide.save(), first.host.ide.save());
  }
});
