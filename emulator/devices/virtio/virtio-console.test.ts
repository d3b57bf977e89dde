import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtioHost, type Rings } from "./test-host.ts";
import { VirtioConsole } from "./virtio-console.ts";

const RECEIVE: Rings = { size: 16, descriptors: 0x1000, available: 0x2000, used: 0x3000 };
const TRANSMIT: Rings = { size: 16, descriptors: 0x5000, available: 0x6000, used: 0x7000 };
const DATA = 0x10000;

function host(): VirtioHost<VirtioConsole> & { sent: string[] } {
  const sent: string[] = [];
  const made = new VirtioHost<VirtioConsole>(
    ({ clock, lines }, slot, device) =>
      new VirtioConsole({
        lines,
        slot,
        device,
        time: clock.queue,
        output: (bytes) => sent.push(Buffer.from(bytes).toString()),
      }),
  );
  assert.equal(made.negotiate(0x1800_0004), 0x0b);
  made.setUpQueue(0, RECEIVE);
  made.setUpQueue(1, TRANSMIT);
  made.start();
  return Object.assign(made, { sent });
}

test("ids, and one port", () => {
  const one = host();
  assert.equal(one.config(0, 4), 0x1003_1af4);
  assert.equal(one.config(8, 4), 0x0780_0000);
  assert.equal(one.read(0x2004, 4), 1);
});

test("output in the order of the chains", () => {
  const one = host();
  one.ram.set(Buffer.from("hello, world"), DATA);
  one.setDescriptors(TRANSMIT.descriptors, [
    [DATA, 5, 1],
    [DATA + 5, 2, 0],
    [DATA + 7, 5, 0],
  ]);
  one.offer(TRANSMIT, 0);
  one.offer(TRANSMIT, 2);
  one.notify(1);
  one.clock.advance(100_000);
  assert.equal(one.sent.join(""), "hello, world");
  assert.equal(one.usedIndex(TRANSMIT), 2);
  assert.deepEqual([one.interrupt, one.read(0x1000, 1)], [true, 1]);
});

test("input waits for buffers and fills them in turn", () => {
  const one = host();
  assert.equal(one.device.input(Buffer.from("abcdef")), 6);
  one.clock.advance(100_000);
  assert.equal(one.usedIndex(RECEIVE), 0);
  one.setDescriptors(RECEIVE.descriptors, [
    [DATA, 4, 2],
    [DATA + 16, 4, 2],
  ]);
  one.offer(RECEIVE, 0);
  one.offer(RECEIVE, 1);
  one.notify(0);
  one.clock.advance(100_000);
  assert.deepEqual(
    [one.usedElement(RECEIVE, 0), one.usedElement(RECEIVE, 1)],
    [
      [0, 4],
      [1, 2],
    ],
  );
  assert.equal(Buffer.from(one.ram.subarray(DATA, DATA + 4)).toString(), "abcd");
  assert.equal(Buffer.from(one.ram.subarray(DATA + 16, DATA + 18)).toString(), "ef");
});

test("input is bounded to a megabyte", () => {
  const one = host();
  assert.equal(one.device.input(new Uint8Array(1 << 20)), 1 << 20);
  assert.equal(one.device.input(Uint8Array.of(1)), 0);
});

test("a character before there are queues", () => {
  const one = host();
  one.write(20, 1, 0);
  one.write(0x2008, 4, 0x41);
  assert.deepEqual(one.sent, ["A"]);
});

test("a buffer of four gigabytes sends a megabyte at most", () => {
  const one = host();
  one.setDescriptors(TRANSMIT.descriptors, [[DATA, 0xffff_ffff, 0]]);
  one.offer(TRANSMIT, 0);
  one.notify(1);
  one.clock.advance(100_000);
  assert.equal(
    one.sent.reduce((sum, { length }) => sum + length, 0),
    1 << 20,
  );
  assert.equal(one.usedIndex(TRANSMIT), 1);
});
