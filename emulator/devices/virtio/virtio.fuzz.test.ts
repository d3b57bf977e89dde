import assert from "node:assert/strict";
import { test } from "node:test";
import type { DiskImage } from "../../disks/disk-image.ts";
import { memoryDisk } from "../../disks/memory-disk.ts";
import type { PciDevice } from "../pci.ts";
import { RAM_BYTES, VirtioHost } from "./test-host.ts";
import { VirtioBlk } from "./virtio-blk.ts";
import { VirtioConsole } from "./virtio-console.ts";

const SIZES = [1, 2, 4] as const;
const CONTENT = new Uint8Array(1 << 20).map((_, i) => i >> 9);

interface Guest {
  host: VirtioHost<PciDevice>;
  image: DiskImage;
  heard(): number;
  input(bytes: Uint8Array): void;
}

type Make = () => Guest;

function blk(): Guest {
  let heard = 0;
  const image = memoryDisk(CONTENT);
  const host = new VirtioHost<PciDevice>(
    ({ clock, lines }, slot, device) =>
      new VirtioBlk({
        lines,
        slot,
        device,
        time: clock.queue,
        image,
        drive: 0,
        diskTransfer: ({ offset, physical, bytes }) => {
          heard = (Math.imul(heard, 31) + offset + physical + bytes) | 0;
        },
      }),
  );
  return { host, image, heard: () => heard, input: () => undefined };
}

function serial(): Guest {
  let heard = 0;
  let device: VirtioConsole | undefined;
  const host = new VirtioHost<PciDevice>(({ clock, lines }, slot, number) => {
    device = new VirtioConsole({
      lines,
      slot,
      device: number,
      time: clock.queue,
      output: (bytes) => {
        heard = (Math.imul(heard, 31) + bytes.length + (bytes[0] ?? 0)) | 0;
      },
    });
    return device;
  });
  return { host, image: memoryDisk(CONTENT), heard: () => heard, input: (bytes) => device?.input(bytes) };
}

/** A driver that does anything at all to its device and its queues, from a seed (xorshift). */
class Monkey {
  readonly guest: Guest;
  heard = 0;
  /** Requests that were answered, over all resets. */
  answered = 0;
  #seed: number;

  constructor(make: Make, seed: number) {
    this.guest = make();
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

  #note(value: number): void {
    assert.ok(Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff, `read ${value}`);
    this.heard = (Math.imul(this.heard, 31) + value) | 0;
  }

  #value(): number {
    return this.#random(2) ? this.#random(256) : this.#random(0x1_0000_0000);
  }

  act(): void {
    const { host } = this.guest;
    const size = SIZES[this.#random(3)] ?? 1;
    const queue = this.#random(2);
    const rings = { size: 16, descriptors: 0x1000, available: 0x2000, used: 0x3000 + queue * 0x1000 };
    switch (this.#random(14)) {
      case 0:
        host.clock.advance(this.#random(100_000));
        return;
      case 1:
        if (this.#random(8) === 0) {
          host.negotiate(this.#random(2) ? 0x3800_0000 : this.#value(), this.#random(8) ? 1 : this.#value());
          host.setUpQueue(queue, rings);
          host.start();
          host.view.setUint16(rings.available + 2, 0, true);
        }
        return;
      case 2:
      case 3: {
        // A chain that leads somewhere, or nearly.
        const wrong = this.#random(6) === 0;
        const length = 1 + this.#random(5);
        const from = this.#random(length);
        host.setDescriptors(
          rings.descriptors + this.#random(4) * 16,
          Array.from(
            { length },
            (_, i) =>
              [
                wrong ? this.#value() : 0x10000 + this.#random(0x8000),
                wrong ? this.#value() : i === 0 ? 16 : i === length - 1 ? 1 : this.#random(4) * 512,
                (i < length - 1 || wrong ? 1 : 0) |
                  (i > from || i === length - 1 ? 2 : 0) |
                  (wrong && this.#random(2) ? 4 : 0),
                ...(wrong ? [this.#random(20)] : []),
              ] as [number, number, number],
          ),
        );
        return;
      }
      case 4:
      case 5:
        host.offer(rings, this.#random(wrongly(this.#random(20)) ? 100 : 4));
        host.notify(queue);
        return;
      case 6:
        // A header for a request, anywhere in the data.
        host.view.setUint32(0x10000 + this.#random(0x7ff0), this.#random(9), true);
        return;
      case 7:
        this.#note(host.in(this.#random(128 - size), size));
        return;
      case 8:
        if (this.#random(4) === 0) host.out(this.#random(128 - size), size, this.#value());
        return;
      case 9:
        this.#note(host.read(this.#random(0x4000 - size), size));
        return;
      case 10:
        if (this.#random(4) === 0) host.write(this.#random(this.#random(2) ? 64 : 0x4000), size, this.#value());
        return;
      case 11:
        if (this.#random(2)) this.#note(host.config(this.#random(64) * 4, size));
        else host.setConfig(0x90 + this.#random(20), size, this.#random(2) ? this.#random(5) : this.#value());
        if (this.#random(50) === 0) host.setConfig(4, 2, this.#random(8));
        else host.setConfig(4, 2, 7);
        return;
      case 12:
        this.guest.input(Uint8Array.of(this.#random(256), this.#random(256)));
        return;
      default:
        this.answered += host.usedIndex(rings) > 0 ? 1 : 0;
        host.ram[this.#random(RAM_BYTES)] = this.#random(256);
    }
  }

  adopt(other: Monkey): void {
    const [mine, theirs] = [this.guest.host, other.guest.host];
    mine.clock.advanceTo(theirs.clock.now);
    mine.bus.restore(theirs.bus.save());
    mine.device.restore(theirs.device.save());
    mine.clock.queue.restore(theirs.clock.queue.save());
    mine.ram.set(theirs.ram);
    // The disk's changes are no part of the state.
    for (const [offset, bytes] of other.guest.image.changes()) this.guest.image.write(offset, bytes);
    this.heard = other.heard;
    this.#seed = other.#seed;
  }
}

function wrongly(chance: number): boolean {
  return chance === 0;
}

const SEED = Number(process.env["BOOTSCOPE_SEED"] ?? (Date.now() & 0x7fff_ffff) + 1);

for (const [name, make] of [
  ["virtio-blk", blk],
  ["virtio-console", serial],
] as const) {
  test(`${name}: half a million random operations on two devices neither throw nor hang, twice the same (seed ${SEED})`, () => {
    const [first, second] = [new Monkey(make, SEED), new Monkey(make, SEED)];
    for (let round = 0; round < 500_000; round++) {
      first.act();
      second.act();
    }
    assert.equal(first.heard, second.heard);
    assert.equal(first.guest.heard(), second.guest.heard());
    assert.notEqual(first.guest.heard(), 0, "data was moved");
    assert.deepEqual(first.guest.host.device.save(), second.guest.host.device.save());
    assert.ok(first.answered > 1000, `${first.answered} looks at used rings found answers`);
  });

  test(`${name}: restored from a saved state, it goes on exactly alike (seed ${SEED})`, () => {
    for (let save = 0; save < 20; save++) {
      const first = new Monkey(make, SEED + save);
      for (let round = 0; round < 3000; round++) first.act();
      const second = new Monkey(make, 1);
      second.adopt(first);
      for (let round = 0; round < 3000; round++) {
        first.act();
        second.act();
      }
      assert.equal(second.heard, first.heard, `after save ${save}`);
      assert.deepEqual(second.guest.host.device.save(), first.guest.host.device.save());
    }
  });
}
