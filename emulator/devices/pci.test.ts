import assert from "node:assert/strict";
import { test } from "node:test";
import { CHIPSET } from "../board/chipset.ts";
import { PciBus } from "./pci.ts";

function setUp(): {
  bus: PciBus;
  changes: string[];
  select: (device: number, fn: number, offset: number, bus?: number) => void;
} {
  const changes: string[] = [];
  const bus = new PciBus(CHIPSET, {
    changed: (devfn, offset) => changes.push(`${devfn}:${offset.toString(16)}`),
    interrupt: () => undefined,
  });
  return {
    bus,
    changes,
    select: (device, fn, offset, number = 0) =>
      bus.addressPort.writePort(0xcf8, 4, 0x8000_0000 + (number << 16) + (device << 11) + (fn << 8) + offset),
  };
}

test("the three functions, and nothing else on any bus", () => {
  const { bus, select } = setUp();
  const found: string[] = [];
  for (let number = 0; number < 2; number++) {
    for (let device = 0; device < 32; device++) {
      for (let fn = 0; fn < 8; fn++) {
        select(device, fn, 0, number);
        const id = bus.dataPort.readPort(0xcfc, 4);
        if (id !== 0xffff_ffff) found.push(`${number}:${device}.${fn} ${id.toString(16)}`);
      }
    }
  }
  assert.deepEqual(found, ["0:0.0 12378086", "0:1.0 70008086", "0:1.3 71138086"]);
});

test("class codes, and the bit that says more functions follow", () => {
  const { bus, select } = setUp();
  select(0, 0, 8);
  assert.equal(bus.dataPort.readPort(0xcfc, 4), 0x0600_0002);
  select(1, 0, 8);
  assert.equal(bus.dataPort.readPort(0xcfe, 2), 0x0601);
  select(1, 0, 0xc);
  assert.equal(bus.dataPort.readPort(0xcfe, 1), 0x80);
  select(1, 3, 8);
  assert.equal(bus.dataPort.readPort(0xcfc, 4), 0x0680_0003);
});

test("sizing finds no base addresses; identity cannot be written", () => {
  const { bus, select } = setUp();
  for (const offset of [0x00, 0x08, 0x10, 0x14, 0x18, 0x1c, 0x20, 0x24, 0x30]) {
    select(1, 3, offset);
    const before = bus.dataPort.readPort(0xcfc, 4);
    bus.dataPort.writePort(0xcfc, 4, 0xffff_ffff);
    assert.equal(bus.dataPort.readPort(0xcfc, 4), before, `offset ${offset}`);
    if (offset >= 0x10) assert.equal(before, 0);
  }
});

test("the PM base keeps its I/O indicator and 64-byte alignment", () => {
  const { bus, changes, select } = setUp();
  select(1, 3, 0x40);
  assert.equal(bus.dataPort.readPort(0xcfc, 4), 0x001);
  bus.dataPort.writePort(0xcfc, 4, 0xffff_ffff);
  assert.equal(bus.dataPort.readPort(0xcfc, 4), 0xffc1);
  assert.deepEqual(changes, ["11:40"]);
  bus.reset();
  assert.equal(bus.configByte(11, 0x41), 0x00);
});

test("without the enable bit, nobody answers", () => {
  const { bus } = setUp();
  bus.addressPort.writePort(0xcf8, 4, 0);
  assert.equal(bus.dataPort.readPort(0xcfc, 4), 0xffff_ffff);
  bus.addressPort.writePort(0xcf8, 4, 0xffff_ffff);
  assert.equal(bus.addressPort.readPort(0xcf8, 4), 0x80ff_fffc);
});

test("bytes and words within the addressed double word; only writable bits change", () => {
  const { bus, select } = setUp();
  select(0, 0, 0x58);
  bus.dataPort.writePort(0xcfe, 2, 0xbeef);
  bus.dataPort.writePort(0xcfd, 1, 0x77);
  assert.equal(bus.dataPort.readPort(0xcfc, 4), 0x3223_3000);
});
