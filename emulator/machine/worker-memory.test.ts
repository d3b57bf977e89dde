import assert from "node:assert/strict";
import { test } from "node:test";
import type { MemorySource } from "./worker-memory.ts";
import { readMemory, writeMemory } from "./worker-memory.ts";

/** 0x2800 bytes of RAM; linear pages 0x10 and 0x11 are physical pages 2 and 0, page 0x12 is not mapped. */
function machine(): { source: MemorySource; ram: Uint8Array } {
  const ram = Uint8Array.from({ length: 0x2800 }, (_, index) => index >> 8);
  const pages = new Map([
    [0x10n, 0x2000n],
    [0x11n, 0x0n],
  ]);
  const source = {
    walk(linear: bigint) {
      const page = pages.get(linear >> 12n);
      return page === undefined ? {} : { physical: page | (linear & 0xfffn) };
    },
    readPhysical: (address: bigint, length: number) =>
      address + BigInt(length) <= BigInt(ram.length) ? ram.slice(Number(address), Number(address) + length) : undefined,
    writePhysical(address: bigint, bytes: Uint8Array) {
      const room = bytes.subarray(0, Math.max(0, ram.length - Number(address)));
      ram.set(room, Number(address));
      return room.length;
    },
  };
  return { source: source as unknown as MemorySource, ram };
}

test("linear memory is put together from the pages that are mapped", () => {
  const { source } = machine();
  assert.deepEqual([...readMemory(source, "lin", 0x110fen, 4)], [0, 0, 1, 1]);
  assert.equal(readMemory(source, "lin", 0x11ffen, 8).length, 2, "the page behind is not mapped");
  assert.equal(readMemory(source, "lin", 0x12000n, 8).length, 0);
});

test("reading ends at the last byte of RAM, within a page too", () => {
  const { source } = machine();
  assert.equal(readMemory(source, "phys", 0x27f0n, 0x100).length, 0x10);
  assert.equal(readMemory(source, "phys", 0x2800n, 1).length, 0);
  assert.equal(readMemory(source, "lin", 0x107fen, 0x900).length, 2);
});

test("writing follows the mapping and says how much was written", () => {
  const { source, ram } = machine();
  assert.equal(writeMemory(source, "lin", 0x11ffcn, Uint8Array.of(9, 9, 9, 9, 9, 9)), 4);
  assert.deepEqual([...ram.subarray(0xffb, 0x1001)], [0xf, 9, 9, 9, 9, 0x10]);
  assert.equal(writeMemory(source, "phys", 0x27ffn, Uint8Array.of(7, 7)), 1);
});
