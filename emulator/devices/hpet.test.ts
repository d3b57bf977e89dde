import assert from "node:assert/strict";
import { test } from "node:test";
import { Hpet } from "./hpet.ts";
import { TestClock } from "./test-clock.ts";

interface Bench {
  time: TestClock;
  hpet: Hpet;
  /** "isa0@120" or "pin20@120" for each rising edge. */
  rises: string[];
  level: (name: string) => boolean;
  read: (register: number) => number;
  write: (register: number, value: number) => void;
}

function setUp(): Bench {
  const time = new TestClock();
  const rises: string[] = [];
  const levels = new Map<string, boolean>();
  const drive = (name: string, level: boolean): void => {
    if (level && !levels.get(name)) rises.push(`${name}@${time.now}`);
    levels.set(name, level);
  };
  const hpet = new Hpet(time.queue, {
    legacyChanged: () => undefined,
    isaIrq: (irq, level) => drive(`isa${irq}`, level),
    ioApicPin: (pin, level) => drive(`pin${pin}`, level),
  });
  hpet.reset();
  return {
    time,
    hpet,
    rises,
    level: (name) => levels.get(name) ?? false,
    read: (register) => hpet.readMmio(register, 4),
    write: (register, value) => hpet.writeMmio(register, 4, value),
  };
}

test("says what it is: three timers, 64 bits, 10 ns", () => {
  const { read } = setUp();
  assert.equal(read(0x000), 0x8086_a201);
  assert.equal(read(0x004), 10_000_000);
  assert.equal(read(0x100), 0x30);
});

test("the counter runs at 100 MHz while enabled, over 64 bits", () => {
  const { time, read, write } = setUp();
  time.advance(1000);
  assert.equal(read(0xf0), 0);
  write(0xf0, 0xffff_ff00);
  write(0xf4, 0xffff_ffff);
  write(0x10, 1);
  time.advance(2559);
  assert.deepEqual([read(0xf0), read(0xf4)], [0xffff_ffff, 0xffff_ffff]);
  time.advance(1);
  assert.deepEqual([read(0xf0), read(0xf4)], [0, 0]);
  time.advance(50);
  write(0x10, 0);
  time.advance(1000);
  assert.equal(read(0xf0), 5);
});

test("legacy replacement: timer 0 drives IRQ0, timer 1 IRQ8, once", () => {
  const { time, rises, write } = setUp();
  write(0x10, 3);
  write(0x100, 0x104);
  write(0x108, 100);
  write(0x120, 0x104);
  write(0x128, 50);
  time.advance(10_000);
  assert.deepEqual(rises, ["isa8@500", "isa0@1000"]);
});

test("periodic: set up as Linux does it, by value, then period", () => {
  const { time, rises, read, write } = setUp();
  write(0x10, 3);
  write(0x100, 0x14c);
  write(0x108, 30);
  assert.equal(read(0x100) & 0x40, 0, "the set bit clears itself");
  write(0x108, 20);
  time.advance(999);
  assert.deepEqual(rises, ["isa0@300", "isa0@500", "isa0@700", "isa0@900"]);
  assert.equal(read(0x108), 110);
});

test("a 64-bit period is set by two halves", () => {
  const { read, write } = setUp();
  write(0x100, 0x4c);
  write(0x108, 7);
  write(0x10c, 1);
  assert.deepEqual([read(0x108), read(0x10c)], [7, 1]);
  write(0x108, 9);
  write(0x10c, 2);
  assert.deepEqual([read(0x108), read(0x10c)], [7, 1], "without the set bit only the period changes");
});

test("a comparator that has been passed matches after the counter wraps", () => {
  const { time, rises, write } = setUp();
  write(0xf0, 0xffff_fff0);
  write(0x10, 3);
  write(0x100, 0x104);
  write(0x108, 4);
  time.advance(1000);
  assert.deepEqual(rises, ["isa0@200"]);
  assert.equal(time.queue.nextDeadline(), 200 + 2 ** 32 * 10);
});

test("level-triggered: the line is held until the status bit is cleared by writing 1", () => {
  const { time, level, read, write } = setUp();
  write(0x10, 1);
  write(0x140, (21 << 9) | 0x106);
  write(0x148, 10);
  time.advance(100);
  assert.equal(level("pin21"), true);
  assert.equal(read(0x20), 4);
  write(0x20, 1);
  assert.equal(level("pin21"), true);
  write(0x20, 4);
  assert.equal(level("pin21"), false);
  assert.equal(read(0x20), 0);
});

test("edge-triggered on an I/O APIC input; routes that do not exist read back as 0", () => {
  const { time, rises, read, write } = setUp();
  write(0x10, 1);
  write(0x140, (23 << 9) | 0x104);
  write(0x148, 10);
  time.advance(100);
  assert.deepEqual(rises, ["pin23@100"]);
  write(0x140, (5 << 9) | 0x104);
  assert.equal((read(0x140) >> 9) & 31, 0);
});

test("64-bit matches: beyond the lower half, and with a borrow from the upper one", () => {
  const { time, rises, write } = setUp();
  write(0xf0, 0xffff_fff0);
  write(0x10, 3);
  write(0x100, 0x004);
  write(0x108, 4);
  write(0x10c, 1);
  assert.equal(time.queue.nextDeadline(), 200);
  write(0x120, 0x004);
  write(0x128, 0xffff_fff1);
  write(0x12c, 2);
  time.advance(1000);
  assert.deepEqual(rises, ["isa0@200"]);
  assert.equal(time.queue.nextDeadline(), 10 + 2 ** 33 * 10);
});
