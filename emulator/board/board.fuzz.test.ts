import assert from "node:assert/strict";
import { test } from "node:test";
import { EventQueue } from "../devices/event-queue.ts";
import { memoryDisk } from "../disks/memory-disk.ts";
import type { Drive } from "../disks/disk-image.ts";
import { Board } from "./board.ts";
import { TestLines } from "./test-lines.ts";

const RAM_BYTES = 4 << 20;

const PORTS = [
  [0x00, 16],
  [0x20, 2],
  [0x40, 4],
  [0x60, 5],
  [0x70, 2],
  [0x80, 16],
  [0x92, 1],
  [0xa0, 2],
  [0xb2, 2],
  [0xc0, 32],
  [0x170, 8],
  [0x1ce, 4],
  [0x1f0, 8],
  [0x2f8, 8],
  [0x376, 1],
  [0x3b0, 0x30],
  [0x3f6, 1],
  [0x3f8, 8],
  [0x4d0, 2],
  [0x510, 12],
  [0x600, 16],
  [0xafe0, 4],
  // Base address registers as firmware would set them.
  [0xc000, 0x200],
] as const;
const PAGES = [
  [0x000a_0000, 0x20000],
  [0x000c_0000, 0x40000],
  [0xfec0_0000, 0x20],
  [0xfed0_0000, 0x180],
  [0xfee0_0000, 0x400],
  [0xfebf_0000, 0x10000],
] as const;
/** Functions of the board, and addresses for their base address registers: some overlap. */
const FUNCTIONS = [0x00, 0x08, 0x09, 0x0b, 0x10, 0x18, 0x20, 0x28, 0xf8] as const;
const BASES = [
  0xfd00_0000, 0xfebf_0000, 0xfebf_1000, 0xc001, 0xc041, 0x0001_03f1, 0x10_0000, 0xfec0_0000, 0x601,
] as const;
const SIZES = [1, 2, 4] as const;

function drives(): Drive[] {
  const disk = (bytes: number): Drive["image"] => memoryDisk(Uint8Array.from({ length: bytes }, (_, at) => at * 7));
  return [
    { image: disk(100_000), kind: "disk", bus: "ide", name: "a" },
    { image: disk(60_000), kind: "cdrom", bus: "ide", name: "b" },
    { image: disk(50_000), kind: "disk", bus: "virtio", name: "c" },
  ];
}

/** A guest and a host that do anything at all, from a seed (xorshift). */
class Monkey {
  now = 0;
  #seed: number;
  /** Sum over everything the board said. */
  heard = 0;
  readonly lines = new TestLines(RAM_BYTES);
  readonly drives = drives();
  readonly queue = new EventQueue(
    () => this.now,
    () => undefined,
  );
  readonly board: Board;

  constructor(seed: number, firmware: boolean) {
    this.#seed = seed;
    const hear = (value: number): void => {
      this.heard = (Math.imul(this.heard, 31) + value) | 0;
    };
    this.lines.setIntr = (level) => hear(level ? 1 : 2);
    this.lines.raiseNmi = () => hear(3);
    this.lines.attention = () => undefined;
    this.lines.requestReset = (cause) => hear(cause.length);
    this.lines.requestPowerOff = () => hear(4);
    this.lines.setA20 = (enabled) => hear(enabled ? 5 : 6);
    this.board = new Board({
      memoryBytes: RAM_BYTES,
      rtcTime: 1_700_000_000,
      queue: this.queue,
      serialOutput: (port, byte) => hear(port * 256 + byte),
      debugOutput: hear,
      drives: this.drives,
      diskTransfer: ({ drive, offset, physical, bytes }) => hear(drive + offset + physical + bytes),
      deviceUsed: (name) => hear(name.length),
      screenMode: (text) => hear(text.length),
      lines: this.lines,
      ...(firmware
        ? {
            firmware: {
              name: "none",
              bios: Uint8Array.from({ length: 0x1_0000 }, (_, at) => at),
              vgaRom: new Uint8Array(5000),
              optionRoms: [{ name: "x", bytes: new Uint8Array(700) }],
            },
          }
        : {}),
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
    switch (this.#random(18)) {
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
        if (this.#random(64) === 0) this.#input();
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
      case 8:
        this.#configure(size, value);
        return;
      case 9:
        // What bus masters find in memory: often pointers into it.
        this.lines.dmaWrite(this.#random(0x4000) & ~3, Uint8Array.of(value, value >> 8, this.#random(2), 0));
        return;
      default: {
        const [base, length] = this.#pick(PORTS);
        const port = base + this.#random(length);
        if (this.#random(2)) this.#note(this.board.readPort(port, size));
        else this.board.writePort(port, size, value);
      }
    }
  }

  #input(): void {
    const bytes = Uint8Array.from({ length: this.#random(40) }, () => this.#random(256));
    switch (this.#random(4)) {
      case 0:
        this.board.keyboardInput([...bytes.subarray(0, 4)]);
        break;
      case 1:
        this.board.mouseInput(this.#random(40) - 20, this.#random(40) - 20, this.#random(3) - 1, this.#random(8));
        break;
      case 2:
        this.#note(this.board.screen().kind.length);
        break;
      default:
        this.board.serialInput(this.#random(2), bytes);
    }
  }

  /** PCI configuration, mostly in places that matter. */
  #configure(size: 1 | 2 | 4, value: number): void {
    const offset = this.#random(3)
      ? this.#pick([0x04, 0x10, 0x14, 0x18, 0x20, 0x30, 0x58, 0x5c, 0x60])
      : this.#random(256);
    this.board.writePort(0xcf8, 4, 0x8000_0000 + this.#pick(FUNCTIONS) * 256 + (offset & 0xfc));
    const port = 0xcfc + (offset & 3);
    if (this.#random(3) === 0) this.#note(this.board.readPort(port, size));
    else if (this.#random(2)) this.board.writePort(port, size, value);
    else this.board.writePort(0xcfc, 4, offset === 4 ? 7 : this.#pick(BASES));
  }

  #note(value: number): void {
    assert.ok(Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff, `read ${value}`);
    this.heard = (Math.imul(this.heard, 31) + value) | 0;
  }

  /** Continues from another one's state. */
  adopt(other: Monkey): void {
    this.lines.all.set(other.lines.all);
    this.drives.forEach(({ image }, index) => {
      for (const [offset, bytes] of other.drives[index]!.image.changes()) image.write(offset, bytes);
    });
    this.board.restore(other.board.save());
    this.now = other.now;
    this.#seed = other.#seed;
    this.heard = other.heard;
  }
}

const SEED = Number(process.env["BOOTSCOPE_SEED"] ?? (Date.now() & 0x7fff_ffff) + 1);

for (const firmware of [false, true]) {
  const how = firmware ? "with firmware" : "as firmware leaves it";

  test(`a million random operations neither throw nor hang, twice the same (${how}, seed ${SEED})`, () => {
    const [first, second] = [new Monkey(SEED, firmware), new Monkey(SEED, firmware)];
    for (let round = 0; round < 1_000_000; round++) {
      first.act();
      second.act();
    }
    assert.equal(first.heard, second.heard);
    assert.deepEqual(first.board.save(), second.board.save());
  });

  test(`a board restored from a saved one goes on exactly like it (${how}, seed ${SEED})`, () => {
    const first = new Monkey(SEED, firmware);
    for (let save = 0; save < 30; save++) {
      for (let round = 0; round < 3000; round++) first.act();
      const second = new Monkey(1, firmware);
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
}
