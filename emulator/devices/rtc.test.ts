import assert from "node:assert/strict";
import { test } from "node:test";
import { Rtc } from "./rtc.ts";
import { TestClock } from "./test-clock.ts";

const SECOND = 1_000_000_000;

interface Bench {
  time: TestClock;
  rtc: Rtc;
  irq: () => boolean;
  alarms: () => number;
  read: (index: number) => number;
  write: (index: number, value: number) => void;
  /** Century, year, month, day, hour, minute, second as hex digits. */
  shown: () => string;
}

function setUp(start: string, lowBytes = 512 << 20, highBytes = 0): Bench {
  const time = new TestClock();
  let level = false;
  let alarms = 0;
  const rtc = new Rtc(
    time.queue,
    (next) => (level = next),
    () => alarms++,
    Date.parse(start) / 1000,
    { lowBytes, highBytes },
  );
  rtc.reset();
  const read = (index: number): number => {
    rtc.writePort(0x70, 1, index);
    return rtc.readPort(0x71);
  };
  return {
    time,
    rtc,
    irq: () => level,
    alarms: () => alarms,
    read,
    write: (index, value) => {
      rtc.writePort(0x70, 1, index);
      rtc.writePort(0x71, 1, value);
    },
    shown: () => [0x32, 9, 8, 7, 4, 2, 0].map((index) => read(index).toString(16).padStart(2, "0")).join(" "),
  };
}

test("rolls over seconds to centuries, leap days included", () => {
  const cases = [
    ["2023-12-31T23:59:59Z", "20 24 01 01 00 00 00"],
    ["2024-02-28T23:59:59Z", "20 24 02 29 00 00 00"],
    ["2100-02-28T23:59:59Z", "21 00 03 01 00 00 00"],
    ["2099-12-31T23:59:59Z", "21 00 01 01 00 00 00"],
    ["2024-06-30T12:34:58Z", "20 24 06 30 12 34 59"],
  ] as const;
  for (const [start, expected] of cases) {
    const { time, shown } = setUp(start);
    time.advance(SECOND - 1);
    assert.notEqual(shown(), expected);
    time.advance(1);
    assert.equal(shown(), expected);
  }
});

test("day of the week, Sunday is 1", () => {
  assert.equal(setUp("2024-09-01T00:00:00Z").read(6), 1);
  assert.equal(setUp("2024-08-31T00:00:00Z").read(6), 7);
});

test("binary and 12-hour formats", () => {
  const { read, write } = setUp("2024-06-30T23:45:00Z");
  write(0x0b, 0x00);
  assert.equal(read(4), 0x91);
  write(0x0b, 0x04);
  assert.deepEqual([read(4), read(2)], [0x8b, 45]);
  assert.equal(setUp("2024-06-30T00:00:00Z").read(4), 0);
  const midnight = setUp("2024-06-30T00:00:00Z");
  midnight.write(0x0b, 0);
  assert.equal(midnight.read(4), 0x12);
});

test("UIP announces the update for its last 244 microseconds", () => {
  const { time, read } = setUp("2024-06-30T00:00:00Z");
  time.advance(SECOND - 244_001);
  assert.equal(read(0x0a) & 0x80, 0);
  time.advance(1);
  assert.equal(read(0x0a) & 0x80, 0x80);
  time.advance(244_000);
  assert.equal(read(0x0a) & 0x80, 0);
});

test("is set while stopped, and goes on from there", () => {
  const { time, write, shown } = setUp("2024-06-30T00:00:00Z");
  write(0x0b, 0x82);
  time.advance(5 * SECOND);
  assert.equal(shown(), "20 24 06 30 00 00 00");
  write(0x32, 0x19);
  write(9, 0x99);
  write(8, 0x12);
  write(7, 0x31);
  write(4, 0x23);
  write(2, 0x59);
  write(0, 0x58);
  assert.equal(shown(), "19 99 12 31 23 59 58");
  write(0x0b, 0x02);
  time.advance(2 * SECOND);
  assert.equal(shown(), "20 00 01 01 00 00 00");
});

test("periodic interrupt: at its rate, held until register C is read", () => {
  const { time, irq, read, write } = setUp("2024-06-30T00:00:00Z");
  write(0x0a, 0x26);
  write(0x0b, 0x42);
  let count = 0;
  for (let step = 0; step < 10_000; step++) {
    time.advance(100_000);
    if (irq()) {
      count++;
      assert.equal(read(0x0c) & 0xc0, 0xc0);
      assert.equal(irq(), false);
    }
  }
  assert.equal(count, 1024);
});

test("update and alarm interrupts", () => {
  const { time, irq, alarms, read, write } = setUp("2024-06-30T10:00:00Z");
  write(0x0b, 0x12);
  time.advance(SECOND);
  assert.equal(irq(), true);
  assert.equal(read(0x0c) & 0xb0, 0x90);
  write(1, 0x30);
  write(3, 0x05);
  write(5, 0xff);
  write(0x0b, 0x22);
  read(0x0c);
  time.advance(5 * 60 * SECOND + 28 * SECOND);
  assert.equal(irq(), false);
  time.advance(SECOND);
  assert.equal(irq(), true);
  assert.equal(alarms(), 1);
  assert.equal(read(0x0c) & 0xa0, 0xa0);
  time.advance(3600 * SECOND - 1);
  assert.equal(irq(), false);
  time.advance(1);
  assert.equal(irq(), true, "every hour, by the wildcard");
});

test("flags rise without their interrupts being enabled", () => {
  const { time, irq, read } = setUp("2024-06-30T10:00:00Z");
  time.advance(SECOND);
  assert.equal(irq(), false);
  assert.equal(read(0x0c), 0x50);
  assert.equal(read(0x0c), 0);
});

test("an alarm that can never match does not hang", () => {
  const { time, irq, write } = setUp("2024-06-30T10:00:00Z");
  write(5, 0x99);
  write(0x0b, 0x22);
  time.advance(100 * SECOND);
  assert.equal(irq(), false);
});

test("CMOS shows the memory", () => {
  const { read } = setUp("2024-06-30T10:00:00Z", 0xc000_0000, 0x1_4000_0000);
  const word = (index: number): number => read(index) | (read(index + 1) << 8);
  assert.deepEqual([word(0x15), word(0x17), word(0x30)], [640, 0xffff, 0xffff]);
  assert.equal(word(0x34), (0xc000_0000 - (16 << 20)) / 65_536);
  assert.equal(word(0x5b) | (read(0x5d) << 16), 0x1_4000_0000 / 65_536);
  const small = setUp("2024-06-30T10:00:00Z", 8 << 20);
  assert.equal(small.read(0x17) | (small.read(0x18) << 8), 7 * 1024);
  assert.equal(small.read(0x34), 0);
});

test("the battery keeps time and memory over a reset, not the interrupt enables", () => {
  const { time, rtc, irq, read, write, shown } = setUp("2024-06-30T10:00:00Z");
  write(0x40, 0xab);
  write(0x0b, 0x72);
  time.advance(3 * SECOND);
  rtc.reset();
  assert.equal(irq(), false);
  assert.equal(read(0x40), 0xab);
  assert.equal(read(0x0b), 0x02);
  assert.equal(shown(), "20 24 06 30 10 00 03");
});

test("bit 7 of the index port is the NMI mask", () => {
  const { rtc } = setUp("2024-06-30T10:00:00Z");
  rtc.writePort(0x70, 1, 0x8d);
  assert.equal(rtc.nmiMasked, true);
  assert.equal(rtc.readPort(0x71), 0x80);
});
