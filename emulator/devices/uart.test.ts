import assert from "node:assert/strict";
import { test } from "node:test";
import { TestClock } from "./test-clock.ts";
import { Uart } from "./uart.ts";

/** 115200 baud, 8N1. */
const CHARACTER = 86_806;

interface Bench {
  time: TestClock;
  uart: Uart;
  sent: number[];
  irq: () => boolean;
  rises: () => number;
  read: (register: number) => number;
  write: (register: number, value: number) => void;
}

function setUp(): Bench {
  const time = new TestClock();
  const sent: number[] = [];
  let level = false;
  let rises = 0;
  const uart = new Uart(
    "com1",
    time.queue,
    (next) => {
      if (next && !level) rises++;
      level = next;
    },
    (byte) => sent.push(byte),
  );
  uart.reset();
  uart.writePort(0x3fb, 1, 0x03);
  return {
    time,
    uart,
    sent,
    irq: () => level,
    rises: () => rises,
    read: (register) => uart.readPort(0x3f8 + register),
    write: (register, value) => uart.writePort(0x3f8 + register, 1, value),
  };
}

test("sends at once and is always ready to send", () => {
  const { sent, read, write } = setUp();
  write(0, 0x41);
  write(0, 0x42);
  assert.deepEqual(sent, [0x41, 0x42]);
  assert.equal(read(5), 0x60);
});

test("the divisor latch hides data and interrupt enable", () => {
  const { sent, read, write } = setUp();
  write(3, 0x83);
  write(0, 0x0c);
  write(1, 0x01);
  assert.deepEqual([read(0), read(1)], [0x0c, 0x01]);
  write(3, 0x03);
  assert.equal(read(1), 0);
  assert.deepEqual(sent, []);
});

test("an empty transmitter interrupts when enabled, once per IIR read and byte, through OUT2", () => {
  const { read, write, irq, rises } = setUp();
  write(1, 0x02);
  assert.equal(irq(), false, "OUT2 is off");
  write(4, 0x08);
  assert.equal(irq(), true);
  assert.equal(read(2), 0x02);
  assert.equal(irq(), false);
  assert.equal(read(2), 0x01);
  write(0, 0x41);
  assert.equal(rises(), 2);
  // A second byte makes a second edge, although nobody read IIR.
  write(0, 0x42);
  assert.equal(rises(), 3);
  read(2);
  // Disabling and enabling asks again: how Linux tests for working THRE interrupts.
  write(1, 0x00);
  write(1, 0x02);
  assert.equal(read(2), 0x02);
});

test("received bytes come at the speed of the line, and interrupt at the trigger level", () => {
  const { time, uart, read, write, irq } = setUp();
  write(2, 0x41);
  write(4, 0x08);
  write(1, 0x01);
  assert.equal(uart.input(Uint8Array.of(1, 2, 3, 4)), 4);
  time.advance(CHARACTER - 1);
  assert.equal(read(5) & 1, 0);
  time.advance(1);
  assert.equal(read(5) & 1, 1);
  time.advance(2 * CHARACTER);
  assert.equal(irq(), false);
  time.advance(CHARACTER);
  assert.equal(irq(), true);
  assert.equal(read(2), 0xc4);
  assert.equal(read(0), 1);
  assert.equal(irq(), false);
  assert.deepEqual([read(0), read(0), read(0), read(5) & 1], [2, 3, 4, 0]);
});

test("below the trigger level, four characters of silence interrupt", () => {
  const { time, uart, read, write, irq } = setUp();
  write(2, 0xc1);
  write(4, 0x08);
  write(1, 0x01);
  uart.input(Uint8Array.of(7));
  time.advance(5 * CHARACTER - 1);
  assert.equal(irq(), false);
  time.advance(1);
  assert.equal(irq(), true);
  assert.equal(read(2), 0xcc);
  assert.equal(read(0), 7);
  assert.equal(irq(), false);
});

test("pasted text waits while the FIFO is full; nothing is lost or overrun", () => {
  const { time, uart, read, write } = setUp();
  write(2, 0x01);
  const text = Uint8Array.from({ length: 1000 }, (_, index) => index & 0xff);
  uart.input(text.subarray(0, 600));
  uart.input(text.subarray(600));
  const got: number[] = [];
  for (let round = 0; got.length < text.length && round < 1000; round++) {
    time.advance(100 * CHARACTER);
    for (let status = read(5); status & 1; status = read(5)) {
      assert.equal(status & 2, 0);
      got.push(read(0));
    }
  }
  assert.deepEqual(Uint8Array.from(got), text);
});

test("input is bounded and says how much it took", () => {
  const { uart } = setUp();
  assert.equal(uart.input(new Uint8Array(1_000_000)), 1_000_000);
  assert.equal(uart.input(new Uint8Array(1_000_000)), (1 << 20) - 1_000_000);
});

test("loopback brings data and modem lines back and keeps the world out", () => {
  const { time, uart, sent, read, write, irq } = setUp();
  write(2, 0x01);
  // OUT2 and RTS looped: DCD and CTS, as Linux's autoconfiguration expects.
  write(4, 0x1a);
  assert.equal(read(6) & 0xf0, 0x90);
  uart.input(Uint8Array.of(0x99));
  write(1, 0x01);
  write(0, 0x55);
  time.advance(20 * CHARACTER);
  assert.deepEqual(sent, []);
  assert.equal(irq(), false, "OUT2 does not leave the chip in loopback");
  assert.deepEqual([read(0), read(5) & 1], [0x55, 0]);
  write(4, 0x0b);
  time.advance(CHARACTER);
  assert.equal(read(0), 0x99);
});

test("an overrun is a line status interrupt, cleared by reading the status", () => {
  const { read, write } = setUp();
  write(4, 0x10);
  write(1, 0x04);
  write(0, 1);
  write(0, 2);
  assert.equal(read(2), 0x06);
  assert.equal(read(5) & 2, 2);
  assert.equal(read(2), 0x01);
  assert.equal(read(0), 2, "without the FIFO the newer character stays");
});

test("modem changes interrupt and are cleared by reading MSR", () => {
  const { read, write } = setUp();
  read(6);
  write(1, 0x08);
  write(4, 0x10);
  assert.equal(read(2), 0x00);
  assert.equal(read(6), 0x0b);
  assert.equal(read(2), 0x01);
});

test("state survives save and restore in the middle of a reception", () => {
  const first = setUp();
  first.write(2, 0x01);
  first.uart.input(Uint8Array.of(1, 2, 3));
  first.time.advance(CHARACTER);
  const second = setUp();
  second.time.advanceTo(first.time.now);
  second.uart.restore(first.uart.save());
  second.time.queue.restore(first.time.queue.save());
  for (const { time } of [first, second]) time.advance(10 * CHARACTER);
  assert.deepEqual(second.uart.save(), first.uart.save());
  assert.deepEqual([second.read(0), second.read(0), second.read(0)], [1, 2, 3]);
});
