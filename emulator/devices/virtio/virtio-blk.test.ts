import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryDisk } from "../../disks/memory-disk.ts";
import type { DiskTransfer } from "../device.ts";
import { VirtioHost, type Rings } from "./test-host.ts";
import { VirtioBlk } from "./virtio-blk.ts";

const SECTORS = 4000;
const CONTENT = Uint8Array.from({ length: SECTORS * 512 }, (_, i) => (Math.imul(i >> 8, 0x9e3779b1) >>> 13) ^ i);
const RINGS: Rings = { size: 16, descriptors: 0x1000, available: 0x2000, used: 0x3000 };
const HEADER = 0x4000;
const STATUS = 0x4100;
const DATA = 0x10000;
const NEXT = 1;
const WRITE = 2;
const INDIRECT = 4;
const EVENT_INDEX = 1 << 29;
const ALL = 0x3800_0254;

function host(): VirtioHost<VirtioBlk> & { transfers: DiskTransfer[] } {
  const transfers: DiskTransfer[] = [];
  const made = new VirtioHost<VirtioBlk>(
    ({ clock, lines }, slot, device) =>
      new VirtioBlk({
        lines,
        slot,
        device,
        time: clock.queue,
        image: memoryDisk(CONTENT),
        drive: 2,
        diskTransfer: (transfer) => transfers.push(transfer),
      }),
  );
  return Object.assign(made, { transfers });
}

function modern(features = ALL & ~EVENT_INDEX): ReturnType<typeof host> {
  const one = host();
  assert.equal(one.negotiate(features), 0x0b);
  one.setUpQueue(0, RINGS);
  one.start();
  return one;
}

function header(one: ReturnType<typeof host>, type: number, sector: number): void {
  one.view.setUint32(HEADER, type, true);
  one.view.setBigUint64(HEADER + 8, BigInt(sector), true);
  one.ram[STATUS] = 0x77;
}

function run(one: ReturnType<typeof host>): void {
  one.notify(0);
  one.clock.advance(10_000_000);
}

test("configuration space: transitional ids, capabilities within the range, INTA#", () => {
  const one = host();
  assert.equal(one.config(0, 4), 0x1001_1af4);
  assert.equal(one.config(8, 4), 0x0100_0000);
  assert.equal(one.config(0x2c, 4), 0x0002_1af4);
  assert.equal(one.config(0x3d, 1), 1);
  assert.equal(one.config(6, 2) & 0x10, 0x10);
  const types: number[] = [];
  for (let at = one.config(0x34, 1); at !== 0; at = one.config(at + 1, 1)) {
    assert.equal(one.config(at, 1), 0x09);
    const type = one.config(at + 3, 1);
    types.push(type);
    if (type < 5) assert.ok(one.config(at + 8, 4) + one.config(at + 12, 4) <= 0x4000);
    if (type === 2) assert.equal(one.config(at + 16, 4), 4);
  }
  assert.deepEqual(types, [1, 3, 4, 2, 5]);
  one.setConfig(0x20, 4, 0xffff_ffff);
  assert.equal(one.config(0x20, 4), 0xffff_c000);
});

test("the access capability reaches the ranges through configuration space", () => {
  const one = host();
  let at = one.config(0x34, 1);
  while (one.config(at + 3, 1) !== 5) at = one.config(at + 1, 1);
  const access = (bar: number, offset: number, size: number): void => {
    one.setConfig(at + 4, 1, bar);
    one.setConfig(at + 8, 4, offset);
    one.setConfig(at + 12, 4, size);
  };
  access(4, 0x2000, 4);
  assert.equal(one.config(at + 16, 4), SECTORS);
  access(4, 20, 1);
  one.setConfig(at + 16, 1, 3);
  assert.equal(one.read(20, 1), 3);
  access(0, 18, 1);
  assert.equal(one.config(at + 16, 1), 3);
  for (const bad of [
    () => access(4, 0x2001, 4),
    () => access(1, 0, 4),
    () => access(4, 0x4000, 4),
    () => access(4, 0, 3),
  ]) {
    bad();
    assert.equal(one.config(at + 16, 4), 0);
  }
});

test("features: only what is offered, and VERSION_1, are accepted", () => {
  const one = host();
  assert.equal(one.negotiate(ALL), 0x0b);
  assert.equal(one.negotiate(ALL | 1), 0x03);
  assert.equal(one.negotiate(ALL, 0), 0x03);
});

test("reading scattered data, and where it went", () => {
  const one = modern();
  header(one, 0, 100);
  one.setDescriptors(RINGS.descriptors, [
    [HEADER, 16, NEXT],
    [DATA, 1024, NEXT | WRITE],
    [DATA + 1024, 512, NEXT | WRITE],
    [DATA + 0x8000, 512, NEXT | WRITE],
    [STATUS, 1, WRITE],
  ]);
  one.offer(RINGS, 0);
  one.notify(0);
  assert.equal(one.usedIndex(RINGS), 0, "not at once");
  one.clock.advance(20_000);
  assert.equal(one.usedIndex(RINGS), 1);
  assert.deepEqual(one.usedElement(RINGS, 0), [0, 2049]);
  assert.equal(one.ram[STATUS], 0);
  assert.deepEqual(one.ram.subarray(DATA, DATA + 1536), CONTENT.subarray(51200, 52736));
  assert.deepEqual(one.ram.subarray(DATA + 0x8000, DATA + 0x8200), CONTENT.subarray(52736, 53248));
  assert.deepEqual(one.transfers, [
    { drive: 2, offset: 51200, physical: DATA, bytes: 1536, by: "virtio" },
    { drive: 2, offset: 52736, physical: DATA + 0x8000, bytes: 512, by: "virtio" },
  ]);
  assert.equal(one.interrupt, true);
  assert.equal(one.read(0x1000, 1), 1);
  assert.deepEqual([one.interrupt, one.read(0x1000, 1)], [false, 0]);
});

test("writing by an indirect table, flushing, the serial number, an unknown request", () => {
  const one = modern();
  header(one, 1, 7);
  one.ram.fill(0x5a, DATA, DATA + 512);
  one.setDescriptors(0x6000, [
    [HEADER, 16, NEXT],
    [DATA, 512, NEXT],
    [STATUS, 1, WRITE],
  ]);
  one.setDescriptors(RINGS.descriptors, [[0x6000, 48, INDIRECT]]);
  one.offer(RINGS, 0);
  run(one);
  assert.equal(one.ram[STATUS], 0);
  const ask = (type: number, length: number): number => {
    header(one, type, 7);
    one.setDescriptors(RINGS.descriptors, [
      [HEADER, 16, NEXT],
      [DATA, length, NEXT | WRITE],
      [STATUS, 1, WRITE],
    ]);
    one.offer(RINGS, 0);
    run(one);
    return one.ram[STATUS] as number;
  };
  assert.equal(ask(0, 512), 0);
  assert.ok(one.ram.subarray(DATA, DATA + 512).every((byte) => byte === 0x5a));
  assert.equal(ask(8, 20), 0);
  assert.equal(Buffer.from(one.ram.subarray(DATA, DATA + 7)).toString(), "BS00003");
  assert.equal(ask(4, 0), 0);
  assert.equal(ask(99, 0), 2);
  assert.equal(ask(0, 100), 1, "no whole sectors");
  assert.equal(ask(0, (SECTORS - 6) * 512), 1, "beyond the end");
});

test("old drivers: page number, status and configuration by ports", () => {
  const one = host();
  one.out(18, 1, 0);
  one.out(18, 1, 3);
  assert.equal(one.in(0, 4) >>> 0, ALL);
  one.out(4, 4, 0xffff_ffff & ~EVENT_INDEX);
  assert.equal(one.in(4, 4) >>> 0, ALL & ~EVENT_INDEX);
  assert.equal(one.in(20, 4), SECTORS);
  one.out(14, 2, 0);
  const size = one.in(12, 2);
  assert.equal(size, 128);
  one.out(8, 4, 0x20);
  assert.equal(one.in(8, 4), 0x20);
  one.out(18, 1, 7);
  const rings = { size, descriptors: 0x20000, available: 0x20000 + size * 16, used: 0x21000 };
  header(one, 0, 3);
  one.setDescriptors(rings.descriptors, [
    [HEADER, 16, NEXT],
    [DATA, 512, NEXT | WRITE],
    [STATUS, 1, WRITE],
  ]);
  one.offer(rings, 0);
  one.out(16, 2, 0);
  one.clock.advance(20_000);
  assert.deepEqual([one.usedIndex(rings), one.ram[STATUS]], [1, 0]);
  assert.deepEqual(one.ram.subarray(DATA, DATA + 512), CONTENT.subarray(1536, 2048));
  assert.equal(one.in(19, 1), 1);
  one.out(14, 2, 1);
  assert.equal(one.in(12, 2), 0);
});

test("event indices: an interrupt only when the driver's index is passed", () => {
  const one = modern(ALL);
  header(one, 4, 0);
  one.setDescriptors(RINGS.descriptors, [
    [HEADER, 16, NEXT],
    [STATUS, 1, WRITE],
  ]);
  const usedEvent = RINGS.available + 4 + RINGS.size * 2;
  one.view.setUint16(usedEvent, 2, true);
  for (const expected of [false, false, true]) {
    one.offer(RINGS, 0);
    run(one);
    assert.equal(one.interrupt, expected);
  }
  assert.equal(one.view.getUint16(RINGS.used + 4 + RINGS.size * 8, true), 3, "avail_event");
});

test("without them, a flag of the available ring holds interrupts off", () => {
  const one = modern();
  header(one, 4, 0);
  one.setDescriptors(RINGS.descriptors, [
    [HEADER, 16, NEXT],
    [STATUS, 1, WRITE],
  ]);
  one.view.setUint16(RINGS.available, 1, true);
  one.offer(RINGS, 0);
  run(one);
  assert.deepEqual([one.usedIndex(RINGS), one.interrupt], [1, false]);
});

test("hostile queues stop the device until it is reset", () => {
  const cases: [string, (one: ReturnType<typeof host>) => void][] = [
    ["a loop", (one) => one.setDescriptors(RINGS.descriptors, [[DATA, 16, NEXT, 0]])],
    ["a descriptor beyond the table", (one) => one.setDescriptors(RINGS.descriptors, [[DATA, 16, NEXT, 16]])],
    ["no result", (one) => one.setDescriptors(RINGS.descriptors, [[DATA, 16, 0]])],
    [
      "a short header",
      (one) =>
        one.setDescriptors(RINGS.descriptors, [
          [DATA, 15, NEXT],
          [STATUS, 1, WRITE],
        ]),
    ],
    [
      "readable after writable",
      (one) =>
        one.setDescriptors(RINGS.descriptors, [
          [STATUS, 1, NEXT | WRITE],
          [DATA, 16, 0],
        ]),
    ],
    [
      "a nested table",
      (one) => {
        one.setDescriptors(RINGS.descriptors, [[0x6000, 16, INDIRECT]]);
        one.setDescriptors(0x6000, [[0x6000, 16, INDIRECT]]);
      },
    ],
    ["an odd table", (one) => one.setDescriptors(RINGS.descriptors, [[0x6000, 17, INDIRECT]])],
    ["too many at once", (one) => one.view.setUint16(RINGS.available + 2, 17, true)],
  ];
  for (const [name, spoil] of cases) {
    const one = modern();
    header(one, 0, 0);
    one.offer(RINGS, 0);
    spoil(one);
    run(one);
    assert.deepEqual([one.read(20, 1) & 0x40, one.read(0x1000, 1), one.usedIndex(RINGS)], [0x40, 2, 0], name);
    run(one);
    one.write(20, 1, 0);
    assert.equal(one.read(20, 1), 0);
  }
});

test("a request of a terabyte is refused, at once", () => {
  const one = modern();
  header(one, 0, 0);
  const chain = Array.from({ length: 1022 }, () => [DATA, 0xffff_fe00, NEXT | WRITE] as const);
  one.setDescriptors(0x80000, [[HEADER, 16, NEXT], ...chain, [STATUS, 1, WRITE]]);
  one.setDescriptors(RINGS.descriptors, [[0x80000, 1024 * 16, INDIRECT]]);
  one.offer(RINGS, 0);
  run(one);
  assert.deepEqual([one.usedIndex(RINGS), one.ram[STATUS]], [1, 1]);
});

test("without the right to master the bus, nothing reaches memory", () => {
  const one = modern();
  header(one, 0, 0);
  one.setDescriptors(RINGS.descriptors, [
    [HEADER, 16, NEXT],
    [DATA, 512, NEXT | WRITE],
    [STATUS, 1, WRITE],
  ]);
  one.offer(RINGS, 0);
  one.setConfig(4, 2, 3);
  const before = one.ram.slice();
  run(one);
  assert.deepEqual(one.ram, before);
});
