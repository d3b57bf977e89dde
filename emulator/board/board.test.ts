import assert from "node:assert/strict";
import { test } from "node:test";
import { Bench } from "./test-bench.ts";

test("virtual wire: the PIT interrupts through 8259 and LINT0", () => {
  const bench = new Bench();
  bench.initialisePics();
  bench.startPit();
  bench.advanceTo(2_000_000);
  assert.equal(bench.intr, true);
  assert.equal(bench.board.acknowledgeInterrupt(), 0x20);
  assert.equal(bench.intr, false);
  bench.out(0x20, 0x20);
  bench.advanceTo(3_500_000);
  assert.equal(bench.intr, true);
  bench.apic(0xf0, 0x1ff);
  bench.apic(0x350, 0x1_0700);
  assert.equal(bench.intr, false, "LINT0 masked");
});

test("symmetric mode: the PIT interrupts through input 2 of the I/O APIC", () => {
  const bench = new Bench();
  bench.initialisePics();
  bench.out(0x21, 0xff);
  bench.apic(0xf0, 0x1ff);
  bench.redirect(2, 0x30);
  bench.startPit();
  bench.advanceTo(2_000_000);
  assert.equal(bench.board.acknowledgeInterrupt(), 0x30);
  assert.equal(bench.intr, false);
  bench.board.tpr = 0xf0;
  bench.apic(0xb0, 0);
  bench.advanceTo(4_000_000);
  assert.equal(bench.intr, false, "held back by the task priority");
  bench.board.tpr = 0;
  assert.equal(bench.intr, true);
});

test("the HPET takes IRQ0 from the PIT and gives it back", () => {
  const bench = new Bench();
  bench.initialisePics();
  bench.startPit();
  bench.board.writeMmio(0xfed0_0010, 4, 3);
  bench.advanceTo(5_000_000);
  assert.equal(bench.intr, false);
  bench.board.writeMmio(0xfed0_0100, 4, 0x104);
  bench.board.writeMmio(0xfed0_0108, 4, 600_000);
  bench.advanceTo(6_000_000);
  assert.equal(bench.board.acknowledgeInterrupt(), 0x20);
  bench.out(0x20, 0x20);
  bench.board.writeMmio(0xfed0_0010, 4, 1);
  bench.advanceTo(7_500_000);
  assert.equal(bench.board.acknowledgeInterrupt(), 0x20);
});

test("serial ports: output, input and IRQ4", () => {
  const bench = new Bench();
  bench.initialisePics();
  bench.out(0x3f8, 0x41);
  bench.out(0x2f8, 0x42);
  bench.out(0x402, 0x43);
  bench.out(0xe9, 0x44);
  assert.deepEqual(bench.log, ["com1 A", "com2 B", "debug C", "debug D"]);
  assert.equal(bench.board.readPort(0x402, 1), 0xe9);
  bench.out(0x3fc, 0x08);
  bench.out(0x3f9, 0x01);
  assert.equal(bench.board.serialInput(0, Uint8Array.of(0x78)), 1);
  assert.ok(bench.log.includes("attention"), "the new deadline ends the slice");
  bench.advanceTo(1_000_000);
  assert.equal(bench.board.acknowledgeInterrupt(), 0x24);
  assert.equal(bench.board.readPort(0x3f8, 1), 0x78);
  assert.throws(() => bench.board.serialInput(3, Uint8Array.of(1)), /no serial port 3/);
});

test("every way to ask for a reset", () => {
  const bench = new Bench();
  bench.out(0x64, 0xfe);
  bench.out(0xcf9, 0x02, 0x06);
  bench.out(0x92, 0x03);
  assert.deepEqual(bench.log, ["keyboard controller command 0xfe", "port 0xCF9", "a20 true", "port 0x92"]);
});

test("A20 by port 0x92 and by the keyboard controller is one gate", () => {
  const bench = new Bench();
  assert.equal(bench.board.readPort(0x92, 1), 2);
  bench.out(0x92, 0);
  bench.out(0x64, 0xd0);
  assert.equal(bench.board.readPort(0x60, 1) & 2, 0);
  bench.out(0x64, 0xd1);
  bench.out(0x60, 0xdf);
  assert.equal(bench.board.readPort(0x92, 1), 2);
  assert.deepEqual(bench.log, ["a20 false", "a20 true"]);
});

test("ACPI: power off, and the block moves with the PIIX4's base register without covering others", () => {
  const bench = new Bench();
  bench.board.writePort(0xcf8, 4, 0x8000_0b40);
  bench.board.writePort(0xcfc, 2, 0x03c1);
  assert.equal(bench.board.readPort(0x604, 2), 0xffff);
  assert.equal(bench.board.readPort(0x3c4, 2), 1);
  bench.out(0x3f8, 0x41);
  assert.deepEqual(bench.log, ["com1 A"]);
  bench.board.reset();
  bench.log.length = 0;
  bench.board.writePort(0x604, 2, 0x2000);
  assert.deepEqual(bench.log, ["power off"]);
});

test("byte access to 0xCF9 is the reset register, a double word at 0xCF8 the PCI address", () => {
  const bench = new Bench();
  bench.board.writePort(0xcf8, 4, 0x8000_0600);
  assert.equal(bench.board.readPort(0xcf8, 4), 0x8000_0600);
  assert.deepEqual(bench.log, []);
  bench.out(0xcf9, 0x02);
  assert.equal(bench.board.readPort(0xcf9, 1), 0x02);
  assert.equal(bench.board.readPort(0xcf8, 4), 0x8000_0600);
});

test("absent ports and addresses read as all ones and are named", () => {
  const bench = new Bench();
  assert.equal(bench.board.readPort(0x378, 2), 0xffff);
  assert.equal(bench.board.readMmio(0xe000_0000, 4), 0xffff_ffff);
  bench.board.writeMmio(0xfed0_0400, 1, 0x41);
  assert.deepEqual(bench.unclaimed, ["port r 378", "port r 379", "mmio r e0000000", "mmio w fed00400"]);
});

test("the APIC page moves with its base and vanishes when disabled", () => {
  const bench = new Bench();
  assert.deepEqual([bench.board.apicBaseLow, bench.board.apicBaseHigh], [0xfee0_0900, 0]);
  assert.equal(bench.board.writeApicBase(0xfed8_0900, 0), true);
  assert.equal(bench.board.readMmio(0xfed8_0030, 4), 0x0005_0014);
  assert.equal(bench.board.readMmio(0xfee0_0030, 4), 0xffff_ffff);
  bench.board.writeApicBase(0xfee0_0100, 0);
  assert.equal(bench.board.readMmio(0xfee0_0030, 4), 0xffff_ffff);
  assert.equal(bench.board.writeApicBase(0xfee0_0d00, 0), false);
});

test("an x87 error holds IRQ13 until port 0xF0 is written", () => {
  const bench = new Bench();
  bench.initialisePics();
  bench.board.raiseFerr();
  assert.equal(bench.board.acknowledgeInterrupt(), 0x2d);
  bench.out(0xa0, 0x20);
  bench.out(0x20, 0x20);
  bench.board.raiseFerr();
  assert.equal(bench.intr, false, "no new edge");
  bench.out(0xf0, 0);
  bench.board.raiseFerr();
  assert.equal(bench.intr, true);
});
