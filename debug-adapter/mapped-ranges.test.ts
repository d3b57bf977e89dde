/** Page tables of every paging mode, read into ranges. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { mappedRanges } from "./mapped-ranges.ts";
import type { CpuState } from "./target.ts";

const PRESENT_RW = 3n;
const USER = 4n;
const LARGE = 0x80n;
const NX = 1n << 63n;

/** A target whose tables lie at the given physical addresses; each entry by its index. */
function target(registers: Partial<CpuState>, entryBytes: 4 | 8, tables: Record<number, Record<number, bigint>>) {
  let reads = 0;
  const known = new Map<bigint, Uint8Array>();
  return {
    reads: () => reads,
    cpu: () => Promise.resolve({ cr0: 1n << 31n, cr3: 0x1000n, cr4: 0n, efer: 0n, ...registers } as CpuState),
    readMemory: (space: string, address: bigint, length: number) => {
      assert.equal(space, "phys");
      reads++;
      const bytes = known.get(address) ?? tableOf(tables[Number(address)] ?? {}, entryBytes, length);
      known.set(address, bytes);
      return Promise.resolve(bytes);
    },
  };
}

function tableOf(entries: Record<number, bigint>, entryBytes: 4 | 8, length: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(length));
  for (const [index, entry] of Object.entries(entries)) {
    if (entryBytes === 8) view.setBigUint64(Number(index) * 8, entry, true);
    else view.setUint32(Number(index) * 4, Number(entry), true);
  }
  return new Uint8Array(view.buffer);
}

test("without paging there is nothing to tell", async () => {
  assert.match(await mappedRanges(target({ cr0: 1n }, 4, {})), /^Paging is off/);
});

test("32-bit paging, with and without large pages", async () => {
  const tables = {
    0x1000: { 0: 0x2000n | PRESENT_RW | USER, 1: LARGE | PRESENT_RW },
    0x2000: { 0: 1n | USER, 1: PRESENT_RW },
  };
  assert.equal(
    await mappedRanges(target({ cr4: 0x10n }, 4, tables)),
    [
      "0x0000000000000000-0x0000000000000fff ur-x 0x1000 bytes",
      "0x0000000000001000-0x0000000000001fff -rwx 0x1000 bytes",
      "0x0000000000400000-0x00000000007fffff -rwx 0x400000 bytes",
    ].join("\n"),
  );
});

test("PAE paging: the top entries carry no rights", async () => {
  const tables = { 0x1000: { 3: 0x2001n }, 0x2000: { 511: LARGE | PRESENT_RW | NX } };
  assert.equal(
    await mappedRanges(target({ cr4: 0x20n }, 8, tables)),
    "0x00000000ffe00000-0x00000000ffffffff -rw- 0x200000 bytes",
  );
});

test("four levels: rights of all of them together, neighbours joined, the upper half in its place", async () => {
  const tables = {
    0x1000: { 0: 0x2000n | PRESENT_RW | USER, 511: 0x3000n | PRESENT_RW },
    0x2000: { 0: LARGE | 1n | USER, 1: LARGE | 1n | USER },
    0x3000: { 510: 0x4000n | PRESENT_RW | NX },
    0x4000: { 8: LARGE | PRESENT_RW },
  };
  assert.equal(
    await mappedRanges(target({ cr4: 0x20n, efer: 0x400n }, 8, tables)),
    [
      "0x0000000000000000-0x000000007fffffff ur-x 0x80000000 bytes",
      "0xffffffff81000000-0xffffffff811fffff -rw- 0x200000 bytes",
    ].join("\n"),
  );
});

test("a table that maps itself everywhere comes to an end", async () => {
  const every = Object.fromEntries(Array.from({ length: 512 }, (_value, index) => [index, 0x1003n]));
  const all = target({ cr4: 0x20n, efer: 0x400n }, 8, { 0x1000: every });
  const text = await mappedRanges(all);
  assert.match(text, /more is mapped/);
  assert.ok(all.reads() < 10_000);
});
