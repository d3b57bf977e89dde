import assert from "node:assert/strict";
import { test } from "node:test";
import type { PortHandler } from "../devices/device.ts";
import { PortMap } from "./port-map.ts";

function recorder(log: string[], name: string, answer: number): PortHandler {
  return {
    readPort: (port, size) => {
      log.push(`${name} r${size} ${port.toString(16)}`);
      return answer;
    },
    writePort: (port, size, value) => log.push(`${name} w${size} ${port.toString(16)}=${value.toString(16)}`),
  };
}

test("wide accesses to narrow handlers are split, low half first", () => {
  const log: string[] = [];
  const map = new PortMap(() => undefined);
  map.claim(map.add(recorder(log, "a", 0xa1), 1), 0x10, 0x11);
  map.claim(map.add(recorder(log, "b", 0xb1b2), 2), 0x12, 0x13);
  assert.equal(map.read(0x10, 4), 0xb1b2_a1a1);
  map.write(0x10, 4, 0xdead_beef);
  assert.deepEqual(log, ["a r1 10", "a r1 11", "b r2 12", "a w1 10=ef", "a w1 11=be", "b w2 12=dead"]);
});

test("an access across the end of a handler is split, and absent ports float high", () => {
  const log: string[] = [];
  const absent: string[] = [];
  const map = new PortMap((port, write) => absent.push(`${write ? "w" : "r"}${port.toString(16)}`));
  map.claim(map.add(recorder(log, "a", 0x55), 4), 0x20, 0x21);
  assert.equal(map.read(0x21, 2), 0xff55);
  map.write(0x1f, 2, 0x1234);
  assert.deepEqual(log, ["a r1 21", "a w1 20=12"]);
  assert.deepEqual(absent, ["r22", "w1f"]);
  assert.equal(map.read(0x8000, 4), 0xffff_ffff);
  assert.equal(map.read(0xffff, 4), 0xffff_ffff);
});

test("claimed ports stay with their owner; released ones are free", () => {
  const log: string[] = [];
  const map = new PortMap(() => undefined);
  const first = map.add(recorder(log, "a", 1), 1);
  const second = map.add(recorder(log, "b", 2), 1);
  map.claim(first, 0x10, 0x10);
  map.claim(second, 0x10, 0x12);
  assert.deepEqual([map.read(0x10, 1), map.read(0x11, 1)], [1, 2]);
  map.release(second, 0x00, 0xff);
  assert.deepEqual([map.read(0x10, 1), map.read(0x11, 1)], [1, 0xff]);
});

test("blocks and steady values are a handler's own, and only for accesses that it takes in one piece", () => {
  const map = new PortMap(() => undefined);
  const device: PortHandler = {
    readPort: () => 0,
    writePort: () => undefined,
    steadyUntil: (port) => port * 2,
    readBlock: (_port, size, into) => {
      into.fill(0xab);
      return into.length / size;
    },
    writeBlock: (_port, size, from) => from.length / size - 1,
  };
  map.claim(map.add(device, 2), 0x10, 0x11);
  map.claim(map.add(recorder([], "plain", 0), 4), 0x20, 0x23);
  const into = new Uint8Array(8);
  assert.equal(map.readBlock(0x10, 2, into), 4);
  assert.deepEqual(into, new Uint8Array(8).fill(0xab));
  assert.equal(map.writeBlock(0x10, 2, into), 3);
  // Too wide, across its end, a handler without blocks, and nobody.
  for (const [port, size] of [
    [0x10, 4],
    [0x11, 2],
    [0x20, 2],
    [0x30, 2],
  ] as const) {
    assert.deepEqual([map.readBlock(port, size, into), map.writeBlock(port, size, into)], [0, 0], `port ${port}`);
  }
  assert.deepEqual([map.steadyUntil(0x10), map.steadyUntil(0x20), map.steadyUntil(0x30)], [0x20, 0, 0]);
});
