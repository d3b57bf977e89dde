import assert from "node:assert/strict";
import { test } from "node:test";
import { PicPair } from "./pic.ts";

function setUp(icw4 = 0x01): PicPair {
  const pic = new PicPair(() => undefined);
  const write = (port: number, value: number): void => pic.writePort(port, 1, value);
  for (const [port, base, cascade] of [
    [0x20, 0x20, 4],
    [0xa0, 0x28, 2],
  ] as const) {
    write(port, 0x11);
    write(port + 1, base);
    write(port + 1, cascade);
    write(port + 1, icw4);
  }
  return pic;
}

const pulse = (pic: PicPair, irq: number): void => {
  pic.setLine(irq, true);
  pic.setLine(irq, false);
};
const inService = (pic: PicPair, port: number): number => {
  pic.writePort(port, 1, 0x0b);
  return pic.readPort(port);
};

test("is mute until initialised", () => {
  const pic = new PicPair(() => undefined);
  pic.setLine(0, true);
  assert.equal(pic.pending, false);
});

test("serves the highest priority first, and nothing below what is in service until its EOI", () => {
  const pic = setUp();
  pulse(pic, 4);
  pulse(pic, 1);
  assert.equal(pic.acknowledge(), 0x21);
  assert.equal(pic.pending, false);
  pulse(pic, 0);
  assert.equal(pic.pending, true);
  assert.equal(pic.acknowledge(), 0x20);
  pic.writePort(0x20, 1, 0x20);
  assert.equal(inService(pic, 0x20), 0x02);
  assert.equal(pic.pending, false);
  pic.writePort(0x20, 1, 0x61);
  assert.equal(pic.acknowledge(), 0x24);
});

test("the slave's inputs come through input 2, with both in service", () => {
  const pic = setUp();
  pulse(pic, 14);
  pulse(pic, 3);
  assert.equal(pic.acknowledge(), 0x2e);
  assert.equal(inService(pic, 0xa0), 0x40);
  assert.equal(inService(pic, 0x20), 0x04);
  pic.writePort(0xa0, 1, 0x20);
  assert.equal(pic.pending, false);
  pic.writePort(0x20, 1, 0x20);
  assert.equal(pic.acknowledge(), 0x23);
});

test("an edge is taken once while the line stays high; a level again after the EOI", () => {
  const pic = setUp();
  pic.writePort(0x4d1, 1, 0xff);
  assert.equal(pic.readPort(0x4d1), 0xde);
  pic.setLine(4, true);
  assert.equal(pic.acknowledge(), 0x24);
  pic.writePort(0x20, 1, 0x20);
  assert.equal(pic.pending, false);
  pic.setLine(9, true);
  assert.equal(pic.acknowledge(), 0x29);
  pic.writePort(0xa0, 1, 0x20);
  pic.writePort(0x20, 1, 0x20);
  assert.equal(pic.pending, true);
  pic.setLine(9, false);
  assert.equal(pic.pending, false);
});

test("a request that is gone gives a spurious input 7 without service", () => {
  const pic = setUp();
  pulse(pic, 5);
  pic.writePort(0x21, 1, 0x20);
  assert.equal(pic.pending, false);
  assert.equal(pic.acknowledge(), 0x27);
  assert.equal(inService(pic, 0x20), 0);
});

test("masked requests wait", () => {
  const pic = setUp();
  pic.writePort(0x21, 1, 0xff);
  pulse(pic, 1);
  assert.equal(pic.pending, false);
  assert.equal(pic.readPort(0x20), 0x02);
  pic.writePort(0x21, 1, 0xfd);
  assert.equal(pic.acknowledge(), 0x21);
});

test("rotation makes what was served the lowest", () => {
  const pic = setUp();
  pulse(pic, 1);
  pic.acknowledge();
  pic.writePort(0x20, 1, 0xa0);
  pulse(pic, 1);
  pulse(pic, 6);
  assert.equal(pic.acknowledge(), 0x26);
  pic.writePort(0x20, 1, 0x66);
  // Set priority: 5 lowest, so 6 is the highest.
  pic.writePort(0x20, 1, 0xc5);
  pulse(pic, 6);
  assert.equal(pic.acknowledge(), 0x26);
});

test("automatic EOI leaves nothing in service, and may rotate", () => {
  const pic = setUp(0x03);
  pulse(pic, 0);
  assert.equal(pic.acknowledge(), 0x20);
  assert.equal(inService(pic, 0x20), 0);
  pic.writePort(0x20, 1, 0x80);
  pulse(pic, 0);
  pic.acknowledge();
  pulse(pic, 0);
  pulse(pic, 7);
  assert.equal(pic.acknowledge(), 0x27);
});

test("poll mode acknowledges by a read", () => {
  const pic = setUp();
  pulse(pic, 3);
  pic.writePort(0x20, 1, 0x0c);
  assert.equal(pic.readPort(0x20), 0x83);
  assert.equal(inService(pic, 0x20), 0x08);
  pic.writePort(0x20, 1, 0x0c);
  assert.equal(pic.readPort(0x20) & 0x80, 0);
});

test("special mask mode lets lower ones through a masked one in service", () => {
  const pic = setUp();
  pulse(pic, 1);
  pic.acknowledge();
  pulse(pic, 6);
  assert.equal(pic.pending, false);
  pic.writePort(0x21, 1, 0x02);
  pic.writePort(0x20, 1, 0x68);
  assert.equal(pic.acknowledge(), 0x26);
});

test("special fully nested mode lets a higher input of the slave interrupt a lower one", () => {
  for (const [icw4, expected] of [
    [0x01, false],
    [0x11, true],
  ] as const) {
    const pic = setUp(icw4);
    pulse(pic, 14);
    pic.acknowledge();
    pulse(pic, 8);
    assert.equal(pic.pending, expected);
  }
});
