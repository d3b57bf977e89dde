import assert from "node:assert/strict";
import { test } from "node:test";
import { DiskOrigins } from "./disk-origins.ts";

const SPAN = 4096;

test("the last transfer that reached a byte is its origin, against a table of every byte", () => {
  const origins = new DiskOrigins();
  const truth: ({ drive: number; offset: number } | undefined)[] = new Array<undefined>(SPAN).fill(undefined);
  let seed = 12345;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return (seed >>> 8) % below;
  };
  for (let round = 0; round < 3000; round++) {
    const physical = random(SPAN - 64);
    const bytes = 1 + random(63);
    const drive = random(2);
    const offset = random(2) ? physical + 100_000 : random(50_000);
    origins.add({ drive, offset, physical, bytes, by: "dma" }, round);
    for (let i = 0; i < bytes; i++) truth[physical + i] = { drive, offset: offset + i };
    const at = random(SPAN);
    const [run] = origins.find(at, 1);
    assert.deepEqual(run && { drive: run.drive, offset: run.offset + at - run.physical }, truth[at], `round ${round}`);
  }
  const all = origins.find(0, SPAN);
  assert.ok(all.every((run, i) => i === 0 || run.physical >= all[i - 1]!.physical + all[i - 1]!.bytes));
});

test("reads that continue each other are one run", () => {
  const origins = new DiskOrigins();
  for (let i = 0; i < 100; i++) {
    origins.add({ drive: 0, offset: 512 * i, physical: 0x100000 + 512 * i, bytes: 512, by: "pio" }, i);
  }
  assert.deepEqual(origins.find(0x100000, 1), [
    { physical: 0x100000, bytes: 51_200, drive: 0, offset: 0, icount: 0, by: "pio" },
  ]);
});

test("memory stays bounded, the oldest runs go first", () => {
  const origins = new DiskOrigins();
  for (let i = 0; i < 70_000; i++) origins.add({ drive: 0, offset: 0, physical: i * 1024, bytes: 512, by: "dma" }, i);
  const kept = origins.find(0, 2 ** 32);
  assert.ok(kept.length <= 65_536 && kept.length > 50_000);
  assert.equal(origins.find(69_999 * 1024, 1).length, 1);
  assert.equal(origins.find(0, 1).length, 0);
});
