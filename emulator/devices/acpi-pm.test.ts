import assert from "node:assert/strict";
import { test } from "node:test";
import { AcpiPm } from "./acpi-pm.ts";
import { Oscillator } from "./oscillator.ts";
import { TestClock } from "./test-clock.ts";

const clock = new Oscillator(3_579_545);

function setUp(): { time: TestClock; pm: AcpiPm; sci: () => boolean; offs: () => number } {
  const time = new TestClock();
  let level = false;
  let offs = 0;
  const pm = new AcpiPm(
    time.queue,
    (next) => (level = next),
    () => offs++,
  );
  pm.reset();
  return { time, pm, sci: () => level, offs: () => offs };
}

test("the timer counts 3.579545 MHz in 24 bits and wraps", () => {
  const { time, pm } = setUp();
  time.advance(1_000_000_000);
  assert.equal(pm.pm1.readPort(0x608, 4), 3_579_545);
  time.advanceTo(clock.timeOf(0xff_ffff));
  assert.equal(pm.pm1.readPort(0x608, 4), 0xff_ffff);
  assert.equal(pm.pm1.readPort(0x60a, 1), 0xff);
  time.advanceTo(clock.timeOf(0x100_0000));
  assert.equal(pm.pm1.readPort(0x608, 4), 0);
});

test("each change of the timer's top bit sets its status and interrupts when enabled", () => {
  const { time, pm, sci } = setUp();
  pm.pm1.writePort(0x602, 2, 1);
  time.advanceTo(clock.timeOf(0x80_0000) - 1);
  assert.equal(sci(), false);
  time.advance(1);
  assert.equal(sci(), true);
  assert.equal(pm.pm1.readPort(0x600, 2), 1);
  pm.pm1.writePort(0x600, 2, 1);
  assert.equal(sci(), false);
  time.advanceTo(clock.timeOf(0x100_0000));
  assert.equal(sci(), true);
});

test("without its interrupt the status shows all the same", () => {
  const { time, pm, sci } = setUp();
  time.advanceTo(clock.timeOf(0x80_0000));
  assert.equal(pm.pm1.readPort(0x600, 2), 1);
  assert.equal(sci(), false);
  assert.equal(time.queue.nextDeadline(), Infinity);
});

test("sleep enable with type 0 powers off, with other types it does not", () => {
  const { pm, offs } = setUp();
  pm.pm1.writePort(0x604, 2, 0x3400);
  assert.equal(offs(), 0);
  assert.equal(pm.pm1.readPort(0x604, 2), 0x1401, "the enable bit reads as 0, ACPI mode stays on");
  pm.pm1.writePort(0x604, 2, 0x0000);
  assert.equal(offs(), 0);
  pm.pm1.writePort(0x604, 2, 0x2000);
  assert.equal(offs(), 1);
});

test("a byte write of the upper half powers off too", () => {
  const { pm, offs } = setUp();
  pm.pm1.writePort(0x605, 1, 0x20);
  assert.equal(offs(), 1);
});

test("the clock's alarm is an event", () => {
  const { pm, sci } = setUp();
  pm.rtcAlarm();
  assert.equal(sci(), false);
  pm.pm1.writePort(0x602, 2, 0x400);
  assert.equal(sci(), true);
  pm.pm1.writePort(0x601, 1, 0x04);
  assert.equal(sci(), false);
});

test("general-purpose events: status is cleared by ones, enables are kept", () => {
  const { pm } = setUp();
  pm.gpe.writePort(0xafe0, 4, 0x1234_ffff);
  assert.equal(pm.gpe.readPort(0xafe0, 4), 0x1234_0000);
  pm.gpe.writePort(0xafe3, 1, 0x56);
  assert.equal(pm.gpe.readPort(0xafe2, 2), 0x5634);
});
