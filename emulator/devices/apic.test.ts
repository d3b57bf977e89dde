import assert from "node:assert/strict";
import { test } from "node:test";
import { IoApic } from "./io-apic.ts";
import { LocalApic } from "./local-apic.ts";
import { TestClock } from "./test-clock.ts";

interface Bench {
  time: TestClock;
  apic: LocalApic;
  io: IoApic;
  events: string[];
  read: (register: number) => number;
  write: (register: number, value: number) => void;
  /** Writes a redirection entry for APIC 0. */
  route: (pin: number, low: number, high?: number) => void;
  entry: (pin: number) => number;
}

function setUp(enabled = true): Bench {
  const time = new TestClock();
  const events: string[] = [];
  const apic: LocalApic = new LocalApic(time.queue, {
    changed: () => undefined,
    broadcastEoi: (vector) => io.endOfInterrupt(vector),
    raiseNmi: () => events.push("nmi"),
    init: () => events.push("init"),
  });
  const io = new IoApic(apic);
  const write = (register: number, value: number): void => apic.writeMmio(register, 4, value);
  if (enabled) write(0xf0, 0x1ff);
  return {
    time,
    apic,
    io,
    events,
    write,
    read: (register) => apic.readMmio(register, 4),
    route: (pin, low, high = 0) => {
      io.writeMmio(0, 4, 0x11 + 2 * pin);
      io.writeMmio(0x10, 4, high);
      io.writeMmio(0, 4, 0x10 + 2 * pin);
      io.writeMmio(0x10, 4, low);
    },
    entry: (pin) => {
      io.writeMmio(0, 4, 0x10 + 2 * pin);
      return io.readMmio(0x10, 4);
    },
  };
}

/** Sends vector to self. */
const self = (vector: number): number => 0x4_4000 | vector;

test("a higher class interrupts a lower one, the same class waits", () => {
  const { apic, read, write } = setUp();
  write(0x300, self(0x45));
  assert.equal(apic.acknowledge(), 0x45);
  assert.equal(read(0xa0), 0x40);
  write(0x300, self(0x4f));
  assert.equal(apic.pending, false);
  write(0x300, self(0x51));
  assert.equal(apic.acknowledge(), 0x51);
  // ISR word 2 holds vectors 0x40 to 0x5f: both are in service.
  assert.equal(read(0x120), (1 << 0x05) | (1 << 0x11));
  write(0xb0, 0);
  assert.equal(apic.pending, false);
  write(0xb0, 0);
  assert.equal(apic.acknowledge(), 0x4f);
});

test("the task priority holds its class and those below back", () => {
  const { apic, read, write } = setUp();
  write(0x80, 0x50);
  write(0x300, self(0x5f));
  assert.equal(apic.pending, false);
  assert.equal(read(0x220), 0x8000_0000);
  apic.tpr = 0x4f;
  assert.equal(apic.pending, true);
  assert.equal(read(0x80), 0x4f);
});

test("software-disabled it accepts nothing, and masks the local vector table", () => {
  const { apic, read, write } = setUp();
  write(0x320, 0x30);
  write(0xf0, 0xff);
  assert.equal(read(0x320), 0x1_0030);
  write(0x320, 0x31);
  assert.equal(read(0x320), 0x1_0031);
  write(0x300, self(0x40));
  assert.equal(read(0x220), 0);
  assert.equal(apic.pending, false);
});

test("acknowledging nothing gives the spurious vector, without service", () => {
  const { apic, read, write } = setUp();
  write(0xf0, 0x1ee);
  assert.equal(apic.acknowledge(), 0xee);
  assert.equal(read(0x170), 0);
});

test("one-shot timer: expires once, after count times divider nanoseconds", () => {
  const { time, apic, read, write } = setUp();
  write(0x3e0, 0x3);
  write(0x320, 0x40);
  write(0x380, 1000);
  time.advance(8000);
  assert.equal(read(0x390), 500);
  time.advance(7999);
  assert.equal(apic.pending, false);
  time.advance(1);
  assert.equal(apic.acknowledge(), 0x40);
  write(0xb0, 0);
  time.advance(100_000);
  assert.equal(apic.pending, false);
  assert.equal(read(0x390), 0);
});

test("periodic timer: goes on, and a write of 0 stops it", () => {
  const { time, apic, read, write } = setUp();
  write(0x3e0, 0xb);
  write(0x320, 0x2_0040);
  write(0x380, 1000);
  let count = 0;
  for (let step = 0; step < 105; step++) {
    time.advance(100);
    if (apic.pending) {
      count++;
      apic.acknowledge();
      write(0xb0, 0);
    }
  }
  assert.equal(count, 10);
  assert.equal(read(0x390), 500);
  write(0x380, 0);
  assert.equal(time.queue.nextDeadline(), Infinity);
});

test("a masked timer counts without interrupting", () => {
  const { time, apic, read, write } = setUp();
  write(0x3e0, 0xb);
  write(0x320, 0x1_0040);
  write(0x380, 1000);
  time.advance(400);
  assert.equal(read(0x390), 600);
  time.advance(1000);
  assert.equal(apic.pending, false);
});

test("every divider", () => {
  for (const [code, divider] of [
    [0x0, 2],
    [0x1, 4],
    [0x2, 8],
    [0x3, 16],
    [0x8, 32],
    [0x9, 64],
    [0xa, 128],
    [0xb, 1],
  ] as const) {
    const { time, write } = setUp();
    write(0x3e0, code);
    write(0x380, 100);
    assert.equal(time.queue.nextDeadline(), 100 * divider);
  }
});

test("illegal vectors and registers are errors, shown after a write to ESR, and interrupt", () => {
  const { apic, read, write } = setUp();
  write(0x370, 0x77);
  write(0x300, self(0x05));
  assert.equal(apic.acknowledge(), 0x77);
  assert.equal(read(0x280), 0);
  write(0x280, 0);
  assert.equal(read(0x280), 0x20);
  read(0x3f0);
  write(0x280, 0);
  assert.equal(read(0x280), 0x80);
});

test("destinations: physical, broadcast, flat and cluster", () => {
  const { apic, write } = setUp();
  write(0x20, 0x0300_0000);
  assert.equal(apic.isAddressed(3, false), true);
  assert.equal(apic.isAddressed(0, false), false);
  assert.equal(apic.isAddressed(0xff, false), true);
  write(0xd0, 0x2400_0000);
  assert.equal(apic.isAddressed(0x04, true), true);
  assert.equal(apic.isAddressed(0x40, true), false);
  write(0xe0, 0x0fff_ffff);
  assert.equal(apic.isAddressed(0x24, true), true);
  assert.equal(apic.isAddressed(0x14, true), false);
  assert.equal(apic.isAddressed(0x22, true), false);
});

test("NMI and INIT messages to self; messages to others vanish", () => {
  const { events, apic, write } = setUp();
  write(0x300, 0x4_4400);
  write(0x300, 0x4_4500);
  write(0x300, 0x4_8500);
  write(0x310, 0x0100_0000);
  write(0x300, 0x4040);
  write(0x300, 0xc_4040);
  assert.deepEqual(events, ["nmi", "init"]);
  assert.equal(apic.pending, false);
});

test("the base register refuses reserved bits; disabling forgets the state", () => {
  const { apic, read, write } = setUp();
  assert.equal(apic.writeBaseMsr(0xfee0_0d00, 0), false, "x2APIC");
  assert.equal(apic.writeBaseMsr(0xfee0_0901, 0), false);
  assert.equal(apic.writeBaseMsr(0xfee0_0900, 0x100), false);
  write(0x80, 0x50);
  assert.equal(apic.writeBaseMsr(0xfee0_0100, 0), true);
  assert.equal(apic.acceptsExtInt, true);
  assert.equal(apic.writeBaseMsr(0xfed8_0900, 1), true);
  assert.equal(apic.base, 0x1_fed8_0000);
  assert.equal(read(0x80), 0);
  assert.equal(read(0xf0), 0xff);
});

test("LINT0 lets the 8259 through only in ExtINT mode", () => {
  const { apic, write } = setUp();
  assert.equal(apic.acceptsExtInt, true);
  write(0x350, 0x1_0700);
  assert.equal(apic.acceptsExtInt, false);
  write(0x350, 0x0_0400);
  assert.equal(apic.acceptsExtInt, false);
  write(0x350, 0x0_8700);
  assert.equal(apic.acceptsExtInt, true);
});

test("I/O APIC: an edge is sent once; on a masked pin it is lost", () => {
  const { apic, io, route, write } = setUp();
  io.setLine(4, true);
  io.setLine(4, false);
  route(4, 0x34);
  assert.equal(apic.pending, false);
  io.setLine(4, true);
  assert.equal(apic.acknowledge(), 0x34);
  write(0xb0, 0);
  assert.equal(apic.pending, false);
  io.setLine(4, false);
  io.setLine(4, true);
  assert.equal(apic.pending, true);
});

test("I/O APIC: a level is sent again after its EOI while it is asserted", () => {
  const { apic, io, route, entry, read, write } = setUp();
  route(9, 0x8039);
  io.setLine(9, true);
  assert.equal(entry(9), 0xc039);
  assert.equal(apic.acknowledge(), 0x39);
  assert.equal(read(0x190), 1 << 25);
  assert.equal(apic.pending, false);
  write(0xb0, 0);
  assert.equal(apic.acknowledge(), 0x39);
  io.setLine(9, false);
  write(0xb0, 0);
  assert.equal(apic.pending, false);
  assert.equal(entry(9), 0x8039);
});

test("I/O APIC: an asserted level waits for the mask to be lifted", () => {
  const { apic, io, route } = setUp();
  route(9, 0x1_8039);
  io.setLine(9, true);
  assert.equal(apic.pending, false);
  route(9, 0x8039);
  assert.equal(apic.pending, true);
});

test("I/O APIC: a message that no processor accepts sets no remote IRR", () => {
  const { io, route, entry, write } = setUp();
  write(0xf0, 0xff);
  route(9, 0x8039);
  io.setLine(9, true);
  assert.equal(entry(9), 0x8039);
  route(10, 0x803a, 0x0500_0000);
  io.setLine(10, true);
  assert.equal(entry(10), 0x803a);
});

test("I/O APIC: NMI delivery, version, and registers that do not exist", () => {
  const { io, events, route } = setUp();
  route(5, 0x0400);
  io.setLine(5, true);
  assert.deepEqual(events, ["nmi"]);
  io.writeMmio(0, 4, 1);
  assert.equal(io.readMmio(0x10, 4), 0x0017_0011);
  io.writeMmio(0, 4, 0x40);
  io.writeMmio(0x10, 4, 0xffff_ffff);
  assert.equal(io.readMmio(0x10, 4), 0);
});
