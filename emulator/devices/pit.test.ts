import assert from "node:assert/strict";
import { test } from "node:test";
import { Oscillator } from "./oscillator.ts";
import { PitChannel } from "./pit-channel.ts";
import { Pit } from "./pit.ts";
import { TestClock } from "./test-clock.ts";

const clock = new Oscillator(1_193_182);

/** A channel with control word and count (low, then high byte) written at tick 0. */
function channel(word: number, count: number, gate = true): PitChannel {
  const made = new PitChannel(gate);
  made.control(word, 0);
  made.write(count & 0xff, 0);
  made.write(count >> 8, 0);
  return made;
}

/** OUT at ticks `first` to `last` as a string of 0 and 1. */
function wave(of: PitChannel, first: number, last: number): string {
  let text = "";
  for (let tick = first; tick <= last; tick++) text += of.output(tick) ? "1" : "0";
  return text;
}

function read16(of: PitChannel, tick: number): number {
  return of.read(tick) | (of.read(tick) << 8);
}

test("mode 0: low until the count has run out, N + 1 clocks after it was written", () => {
  assert.equal(wave(channel(0x30, 4), 0, 8), "000001111");
});

test("mode 0: the gate stops the counting", () => {
  const one = channel(0x30, 4);
  one.setGate(false, 3);
  assert.equal(read16(one, 3), 2);
  assert.equal(wave(one, 3, 9), "0000000");
  one.setGate(true, 10);
  assert.equal(wave(one, 10, 13), "0011");
});

test("mode 1: one shot by the gate, again by another edge", () => {
  const one = channel(0x32, 3, false);
  assert.equal(wave(one, 0, 4), "11111");
  one.setGate(true, 5);
  assert.equal(wave(one, 5, 7), "100");
  one.setGate(false, 7);
  one.setGate(true, 7);
  assert.equal(wave(one, 8, 12), "00011");
});

test("mode 2: low for one clock in N", () => {
  const one = channel(0x34, 4);
  assert.equal(wave(one, 1, 12), "111011101110");
  assert.equal(read16(one, 13), 4);
  assert.equal(read16(one, 14), 3);
});

test("mode 2: a new count starts with the next cycle", () => {
  const one = channel(0x34, 4);
  one.write(2, 6);
  one.write(0, 6);
  assert.equal(wave(one, 6, 13), "11010101");
});

test("mode 2: a low gate sets the output high and restarts the cycle", () => {
  const one = channel(0x34, 4);
  one.setGate(false, 4);
  assert.equal(wave(one, 4, 7), "1111");
  one.setGate(true, 7);
  assert.equal(wave(one, 8, 13), "111011");
});

test("mode 3: a square wave, one clock longer high when N is odd, counting by two", () => {
  assert.equal(wave(channel(0x36, 4), 1, 9), "110011001");
  assert.equal(wave(channel(0x36, 5), 1, 11), "11100111001");
  const one = channel(0x36, 8);
  assert.deepEqual(
    [1, 2, 3, 4, 5].map((tick) => read16(one, tick)),
    [8, 6, 4, 2, 8],
  );
});

test("mode 3: a new count starts with the next half cycle", () => {
  const one = channel(0x36, 8);
  one.write(4, 2);
  one.write(0, 2);
  assert.equal(wave(one, 1, 12), "111100110011");
});

test("mode 4: one low clock at the end of the count", () => {
  assert.equal(wave(channel(0x38, 3), 0, 7), "11110111");
});

test("mode 5: one low clock after an edge of the gate", () => {
  const one = channel(0x3a, 3, false);
  assert.equal(wave(one, 0, 6), "1111111");
  one.setGate(true, 7);
  assert.equal(wave(one, 7, 13), "1111011");
});

test("BCD counts decimally, 0 stands for 10000", () => {
  const one = channel(0x31, 0x0100);
  assert.equal(read16(one, 2), 0x0099);
  const full = channel(0x31, 0);
  assert.equal(read16(full, 2), 0x9999);
});

test("the latch holds until it is read, in the channel's format", () => {
  const one = channel(0x34, 0x1234);
  one.control(0x00, 5);
  one.control(0x00, 50);
  assert.equal(read16(one, 100), 0x1234 - 4);
  assert.equal(read16(one, 100), 0x1234 - 99);
});

test("read-back gives the status before the latched count", () => {
  const one = channel(0x34, 0x1000);
  one.readBack(0xc2, 3);
  assert.equal(one.read(9), 0x80 | 0x34);
  assert.equal(read16(one, 9), 0x1000 - 2);
  one.write(0x10, 20);
  one.write(0x00, 20);
  one.readBack(0xe2, 20);
  assert.equal(one.read(20), 0x80 | 0x40 | 0x34, "null count until the cycle ends");
});

test("channel 0 interrupts at the exact rate, without drift", () => {
  const time = new TestClock();
  let rises = 0;
  let level = true;
  const pit = new Pit(time.queue, (next) => {
    if (next && !level) rises++;
    level = next;
  });
  pit.reset();
  pit.writePort(0x43, 1, 0x34);
  pit.writePort(0x40, 1, 0xa9);
  pit.writePort(0x40, 1, 0x04);
  time.advanceTo(60_000_000_000);
  // First rise one clock and one cycle after the write.
  assert.equal(rises, Math.floor((60 * clock.hertz - 1) / 0x4a9));
});

test("nextChange names every change of the output and nothing else", () => {
  for (const word of [0x30, 0x34, 0x36, 0x38]) {
    for (const count of [2, 3, 7, 10]) {
      const one = channel(word, count);
      let expected = one.nextChange(0);
      for (let tick = 1; tick < 60; tick++) {
        const changed = one.output(tick) !== one.output(tick - 1);
        assert.equal(tick === expected, changed, `control ${word.toString(16)}, count ${count}, tick ${tick}`);
        if (tick === expected) expected = one.nextChange(tick);
      }
    }
  }
});

test("port 0x61: gate and output of channel 2, refresh toggle", () => {
  const time = new TestClock();
  const pit = new Pit(time.queue, () => undefined);
  pit.reset();
  pit.writePort(0x61, 1, 0x01);
  pit.writePort(0x43, 1, 0xb0);
  pit.writePort(0x42, 1, 0xff);
  pit.writePort(0x42, 1, 0x00);
  time.advanceTo(clock.timeOf(255));
  assert.equal(pit.readPort(0x61) & 0x20, 0);
  time.advanceTo(clock.timeOf(256));
  assert.equal(pit.readPort(0x61) & 0x20, 0x20);
  const before = pit.readPort(0x61) & 0x10;
  time.advance(15_086);
  assert.notEqual(pit.readPort(0x61) & 0x10, before);
  assert.equal(pit.speakerOn, false);
  pit.writePort(0x61, 1, 0x03);
  assert.equal(pit.speakerOn, true);
});

test("port 0x61 reads the same whether it was read before or not", () => {
  for (const mode of [0, 1, 2, 3, 4, 5]) {
    const [first, second] = [new TestClock(), new TestClock()];
    const [known, fresh] = [new Pit(first.queue, () => undefined), new Pit(second.queue, () => undefined)];
    const write = (port: number, value: number): void => {
      for (const pit of [known, fresh]) pit.writePort(port, 1, value);
    };
    write(0x61, 0);
    write(0x43, 0xb0 | (mode << 1));
    write(0x42, 40);
    write(0x42, 0);
    let changes = 0;
    let before = 0;
    for (let step = 0; step < 4000; step++) {
      if (step === 100) write(0x61, 1);
      if (step === 1500) write(0x42, 25);
      if (step === 1510) write(0x42, 0);
      if (step === 3000) write(0x61, 0);
      first.advance(97);
      second.advance(97);
      fresh.restore(fresh.save());
      const value = known.readPort(0x61);
      assert.equal(value, fresh.readPort(0x61), `mode ${mode}, step ${step}`);
      assert.deepEqual(known.save(), fresh.save());
      if ((value ^ before) & 0x20) changes++;
      before = value;
    }
    assert.ok(changes > 0, `mode ${mode}: the output never changed`);
  }
});
