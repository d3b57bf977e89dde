import assert from "node:assert/strict";
import { test } from "node:test";
import { Oscillator } from "./oscillator.ts";

test("ticks agree with exact rational arithmetic, also after a month", () => {
  for (const hertz of [1_193_182, 3_579_545]) {
    const oscillator = new Oscillator(hertz);
    let ns = 1;
    for (let round = 0; round < 2000; round++) {
      ns = (ns * 48_271 + round) % 2_592_000_000_000_000;
      const exact = (BigInt(ns) * BigInt(hertz)) / 1_000_000_000n;
      assert.equal(oscillator.ticksAt(ns), Number(exact));
    }
  }
});

test("the time of a tick is the first nanosecond at which it has passed", () => {
  const oscillator = new Oscillator(1_193_182);
  for (const ticks of [1, 2, 1193, 65_536, 1_193_181, 1_193_182, 1_193_183, 3_000_000_007]) {
    const ns = oscillator.timeOf(ticks);
    assert.equal(oscillator.ticksAt(ns), ticks);
    assert.equal(oscillator.ticksAt(ns - 1), ticks - 1);
  }
});
