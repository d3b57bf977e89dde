import assert from "node:assert/strict";
import { test } from "node:test";
import { DmaController } from "./dma-controller.ts";

test("addresses and counts go by low and high byte, over one flip-flop", () => {
  const { first } = new DmaController();
  first.writePort(0x0c, 1, 0);
  for (const [port, value] of [
    [0x04, 0x34],
    [0x04, 0x12],
    [0x05, 0xff],
    [0x05, 0x01],
  ] as const) {
    first.writePort(port, 1, value);
  }
  assert.deepEqual([first.readPort(0x04, 1), first.readPort(0x04, 1)], [0x34, 0x12]);
  first.readPort(0x05, 1);
  first.writePort(0x0c, 1, 0);
  assert.equal(first.readPort(0x05, 1), 0xff, "clearing the flip-flop goes back to the low byte");
});

test("masks: one, all, cleared, and set by a master clear", () => {
  const { first } = new DmaController();
  assert.equal(first.readPort(0x0f, 1), 0xff);
  first.writePort(0x0a, 1, 0x02);
  assert.equal(first.readPort(0x0f, 1), 0xfb);
  first.writePort(0x0e, 1, 0);
  assert.equal(first.readPort(0x0f, 1), 0xf0);
  first.writePort(0x0a, 1, 0x05);
  first.writePort(0x0f, 1, 0x09);
  assert.equal(first.readPort(0x0f, 1), 0xf9);
  first.writePort(0x0d, 1, 0);
  assert.equal(first.readPort(0x0f, 1), 0xff);
});

test("software requests show in the status; the second controller has every second port", () => {
  const { first, second } = new DmaController();
  second.writePort(0xd2, 1, 0x06);
  assert.equal(second.readPort(0xd0, 1), 0x40);
  assert.equal(first.readPort(0x08, 1), 0);
  second.writePort(0xd8, 1, 0);
  second.writePort(0xc0, 1, 0x78);
  second.writePort(0xc0, 1, 0x56);
  assert.deepEqual([second.readPort(0xc0, 1), second.readPort(0xc0, 1)], [0x78, 0x56]);
});

test("page registers are storage and saved", () => {
  const controller = new DmaController();
  controller.pages.writePort(0x81, 1, 0xab);
  controller.first.writePort(0x00, 1, 0x11);
  const other = new DmaController();
  other.restore(controller.save());
  assert.equal(other.pages.readPort(0x81, 1), 0xab);
  other.first.writePort(0x00, 1, 0x22);
  assert.deepEqual([other.first.readPort(0x00, 1), other.first.readPort(0x00, 1)], [0x11, 0x22]);
});
