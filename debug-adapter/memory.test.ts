/** readMemory and writeMemory over memory with holes, by the letter of the protocol; and who is told of a write. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DebugProtocol } from "@vscode/debugprotocol";
import { MemoryViews } from "./memory-views.ts";
import { readMemory, writeMemory } from "./memory.ts";
import type { Space, Target } from "./target.ts";

const PAGE = 0x1000n;

/** Linear memory of which some pages exist: each byte is the low byte of its address. Pages from 0x8000 on cannot be written. */
function memory(pages: readonly bigint[]) {
  const bytes = new Map<bigint, number>();
  const exists = (address: bigint): boolean => pages.includes(address / PAGE);
  const reads: number[] = [];
  const readMemory = (_: Space, address: bigint, length: number): Promise<Uint8Array> => {
    reads.push(length);
    const found: number[] = [];
    for (let at = address; found.length < length && exists(BigInt.asUintN(64, at)); at++) {
      found.push(bytes.get(at) ?? Number(at & 0xffn));
    }
    return Promise.resolve(Uint8Array.from(found));
  };
  const writeMemory = (_: Space, address: bigint, data: Uint8Array): Promise<number> => {
    let count = 0;
    while (count < data.length && exists(address + BigInt(count)) && address + BigInt(count) < 0x8000n) {
      bytes.set(address + BigInt(count), data[count] ?? 0);
      count++;
    }
    return Promise.resolve(count);
  };
  return { bytes, reads, target: { readMemory, writeMemory } as unknown as Target };
}

const read = async (target: Target, args: object) => {
  const body = await readMemory(target, args as never);
  return { address: body?.address, bytes: Buffer.from(body?.data ?? "", "base64"), unreadable: body?.unreadableBytes };
};

test("data ends at a hole, and the hole's length is told as far as the request goes", async () => {
  const { target } = memory([1n, 2n, 5n]);
  const whole = await read(target, { memoryReference: "0x1ff0", count: 0x20 });
  assert.deepEqual([whole.address, whole.bytes.length, whole.unreadable], ["0x1ff0", 0x20, 0]);
  assert.deepEqual([...whole.bytes.subarray(0xf, 0x12)], [0xff, 0, 1]);
  // From 0x2ff0: sixteen bytes, then the two pages 3 and 4 are missing, and page 5 is there.
  const part = await read(target, { memoryReference: "0x2000", offset: 0xff0, count: 0x4000 });
  assert.deepEqual([part.bytes.length, part.unreadable], [0x10, 0x2000]);
  const next = await read(target, { memoryReference: "0x2000", offset: 0xff0 + 0x10 + 0x2000, count: 8 });
  assert.deepEqual([next.address, next.bytes.length, next.unreadable], ["0x5000", 8, 0]);
  const nothing = await read(target, { memoryReference: "0x3800", count: 0x100 });
  assert.deepEqual([nothing.bytes.length, nothing.unreadable], [0, 0x100]);
  assert.deepEqual(await read(target, { memoryReference: "0x1000", count: 0 }), {
    address: "0x1000",
    bytes: Buffer.alloc(0),
    unreadable: 0,
  });
});

test("behind the last address there is nothing, and before address 0 neither", async () => {
  const last = (1n << 64n) / PAGE - 1n;
  const { target } = memory([last, 0n]);
  const end = await read(target, { memoryReference: "0xfffffffffffffff0", count: 64 });
  assert.deepEqual([end.bytes.length, end.unreadable], [16, 0], "short data without a hole is the end of memory");
  const refused = (args: object): Promise<void> =>
    assert.rejects(readMemory(target, args as never), /leaves the address space/);
  await refused({ memoryReference: "0x10", offset: -0x11, count: 4 });
  await refused({ memoryReference: "0xfffffffffffffff0", offset: 16, count: 4 });
  const kernel = await read(target, { memoryReference: "0xfffffffffffffff0", offset: -8, count: 4 });
  assert.equal(kernel.address, "0xffffffffffffffe8");
});

test("wrong arguments are refused with what was expected", async () => {
  const { target } = memory([1n]);
  const refused = (args: object, what: RegExp): Promise<void> =>
    assert.rejects(readMemory(target, args as never), what);
  await refused({ memoryReference: "here", count: 4 }, /"here" is no address; expected/);
  await refused({ memoryReference: "0x1000", count: -1 }, /"count" must be a whole number from 0 to 16777216/);
  await refused({ memoryReference: "0x1000", count: 1e9 }, /"count"/);
  await refused({ memoryReference: "0x1000", count: 4, offset: 1.5 }, /"offset"/);
});

test("a hole without end costs a bounded number of looks", async () => {
  const { target, reads } = memory([1n]);
  const { unreadable } = await read(target, { memoryReference: "0x2000", count: 1 << 24 });
  assert.ok(unreadable !== undefined && unreadable >= 1 << 20 && unreadable <= 1 << 24, `${unreadable}`);
  assert.ok(reads.length < 2000, `${reads.length} reads`);
});

const base64 = (...bytes: number[]): string => Buffer.from(bytes).toString("base64");

test("all bytes are written or none, unless a part will do", async () => {
  const { target, bytes } = memory([1n, 7n, 8n]);
  assert.deepEqual(await writeMemory(target, { memoryReference: "0x1000", data: base64(9, 8) }), { bytesWritten: 2 });
  assert.deepEqual([bytes.get(0x1000n), bytes.get(0x1001n)], [9, 8]);
  // Page 2 is missing.
  const edge = { memoryReference: "0x1ffe", data: base64(1, 2, 3, 4) };
  await assert.rejects(writeMemory(target, edge), /4 bytes cannot be written: there is no RAM at lin:0x2000\./);
  assert.equal(bytes.get(0x1ffen), undefined, "nothing was written");
  // Page 8 can be read, but not written.
  const rom = { memoryReference: "0x7ffe", data: base64(1, 2, 3, 4) };
  await assert.rejects(writeMemory(target, rom), /there is no RAM at lin:0x8000\./);
  assert.deepEqual([bytes.get(0x7ffen), bytes.get(0x7fffn)], [0xfe, 0xff], "what was there is there again");
  assert.deepEqual(await writeMemory(target, { ...edge, allowPartial: true }), { offset: 0, bytesWritten: 2 });
  assert.deepEqual([bytes.get(0x1ffen), bytes.get(0x1fffn)], [1, 2]);
  await assert.rejects(writeMemory(target, { memoryReference: "0x1000", data: "?" }), /must be base64/);
});

test("a write is told to whoever reads there, by the reference that was used", async () => {
  const { target } = memory([1n, 2n]);
  const told: DebugProtocol.MemoryEvent["body"][] = [];
  const views = new MemoryViews((body) => told.push(body));
  const watched = views.watch(target);
  views.read({ memoryReference: "0x1000", count: 16 });
  views.read({ memoryReference: "0x1000", offset: 0x100, count: 16 });
  views.read({ memoryReference: "0x1800", offset: -0x800, count: 8 });
  views.read({ memoryReference: "0x2000", count: 16 });
  views.read({ memoryReference: "phys:0x5000", count: 32 });
  await watched.writeMemory("lin", 0x1004n, Uint8Array.of(1, 2));
  assert.deepEqual(told, [], "behind the response");
  await new Promise(setImmediate);
  assert.deepEqual(told, [
    { memoryReference: "0x1000", offset: 4, count: 2 },
    { memoryReference: "0x1800", offset: -0x7fc, count: 2 },
    { memoryReference: "phys:0x5000", offset: 0, count: 32 },
  ]);
  told.length = 0;
  await watched.writeMemory("lin", 0x9000n, Uint8Array.of(1));
  await new Promise(setImmediate);
  assert.deepEqual(told, [], "nothing was written");
});
