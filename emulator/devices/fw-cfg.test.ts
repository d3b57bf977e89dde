import assert from "node:assert/strict";
import { test } from "node:test";
import { TestLines } from "../board/test-lines.ts";
import { FwCfg } from "./fw-cfg.ts";

const RAM = 1 << 20;
const BLOCK = 0x1000;
const TARGET = 0x2000;

function setUp(): {
  lines: TestLines;
  device: FwCfg;
  dma: (control: number, length: number, target: number) => number;
} {
  const lines = new TestLines(RAM);
  const device = new FwCfg(
    lines,
    RAM,
    new Map([[0x05, Uint8Array.of(1, 0)]]),
    new Map([
      ["etc/second", new TextEncoder().encode("second file")],
      ["etc/first", new TextEncoder().encode("first")],
    ]),
  );
  const dma = (control: number, length: number, target: number): number => {
    const view = new DataView(lines.all.buffer);
    view.setUint32(BLOCK, control);
    view.setUint32(BLOCK + 4, length);
    view.setBigUint64(BLOCK + 8, BigInt(target));
    // As a little-endian processor writes a big-endian register.
    const swapped = Uint8Array.of(BLOCK >>> 24, BLOCK >>> 16, BLOCK >>> 8, BLOCK);
    device.dmaPorts.writePort(0x514, 4, 0);
    device.dmaPorts.writePort(0x518, 4, new DataView(swapped.buffer).getUint32(0, true));
    return view.getUint32(BLOCK);
  };
  return { lines, device, dma };
}

function read(device: FwCfg, key: number, count: number): number[] {
  device.ports.writePort(0x510, 2, key);
  return Array.from({ length: count }, () => device.ports.readPort(0x511, 1));
}

const latin = (bytes: Iterable<number>): string => String.fromCharCode(...bytes);

test("signature, version with DMA, items by number; absent ones and what is behind the end read as 0", () => {
  const { device } = setUp();
  assert.equal(latin(read(device, 0, 4)), "QEMU");
  assert.deepEqual(read(device, 1, 5), [3, 0, 0, 0, 0]);
  assert.deepEqual(read(device, 5, 3), [1, 0, 0]);
  assert.deepEqual(read(device, 0x77, 2), [0, 0]);
  assert.equal(device.dmaPorts.readPort(0x514, 4), 0x554d_4551);
  assert.equal(device.dmaPorts.readPort(0x518, 4), 0x4746_4320);
});

test("the directory names the files in order, big-endian, with their keys", () => {
  const { device } = setUp();
  const directory = Uint8Array.from(read(device, 0x19, 4 + 2 * 64));
  const view = new DataView(directory.buffer);
  assert.equal(view.getUint32(0), 2);
  const entries = [0, 1].map((index) => {
    const at = 4 + index * 64;
    const name = latin(directory.subarray(at + 8, at + 64)).replace(/\0+$/, "");
    return [view.getUint32(at), view.getUint16(at + 4), name];
  });
  assert.deepEqual(entries, [
    [5, 0x20, "etc/first"],
    [11, 0x21, "etc/second"],
  ]);
  assert.equal(latin(read(device, 0x21, 11)), "second file");
});

test("DMA selects, skips and reads; behind the end come zeros", () => {
  const { lines, dma } = setUp();
  lines.all.fill(0xee, TARGET, TARGET + 32);
  assert.equal(dma(0x0021_000a, 6, TARGET), 0);
  assert.equal(latin(lines.all.subarray(TARGET, TARGET + 7)), "second\xee");
  assert.equal(dma(4, 1, 0), 0);
  assert.equal(dma(2, 8, TARGET), 0);
  assert.deepEqual([...lines.all.subarray(TARGET, TARGET + 9)], [...Buffer.from("file"), 0, 0, 0, 0, 0xee]);
});

test("writing is refused; lengths and addresses that no memory has end soon and harm nothing", () => {
  const { lines, device, dma } = setUp();
  assert.equal(dma(0x0020_0018, 4, TARGET), 1);
  assert.equal(dma(0x0020_000a, 0xffff_ffff, RAM - 3), 0);
  assert.equal(latin(lines.all.subarray(RAM - 3, RAM)), "fir");
  assert.equal(dma(0x0020_000a, 0xffff_ffff, 2 ** 63), 0);
  device.dmaPorts.writePort(0x514, 4, 0xffff_ffff);
  device.dmaPorts.writePort(0x518, 4, 0xffff_ffff);
  assert.deepEqual(read(device, 0x20, 1), [0x66]);
});

test("a saved device goes on in the middle of an item", () => {
  const { device } = setUp();
  read(device, 0x20, 2);
  const other = setUp().device;
  other.restore(device.save());
  assert.equal(latin([0, 1, 2].map(() => other.ports.readPort(0x511, 1))), "rst");
});

test("names that do not fit are refused by one sentence", () => {
  const lines = new TestLines(RAM);
  assert.throws(
    () => new FwCfg(lines, RAM, new Map(), new Map([["x".repeat(56), new Uint8Array(1)]])),
    /has 56 bytes: at most 55 fit\.$/,
  );
});
