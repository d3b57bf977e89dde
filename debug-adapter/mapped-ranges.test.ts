/** Page tables of every paging mode, read into ranges. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { mappedRanges } from "./mapped-ranges.ts";
import { HandMade, LARGE, NX, PRESENT, RW, USER_PAGE, every } from "./panels/page-tables/hand-made.ts";

const MEMORY = 0x10000;

test("without paging there is nothing to tell", async () => {
  const guest = new HandMade(MEMORY, "32-bit");
  guest.move({ cr0: 1n });
  assert.match(await mappedRanges(guest), /^Paging is off/);
});

test("32-bit paging, with and without large pages", async () => {
  const guest = new HandMade(MEMORY, "32-bit")
    .set(0x1000, { 0: 0x2000n | PRESENT | RW | USER_PAGE, 1: LARGE | PRESENT | RW })
    .set(0x2000, { 0: PRESENT | USER_PAGE, 1: PRESENT | RW });
  assert.equal(
    await mappedRanges(guest),
    [
      "0x0000000000000000-0x0000000000000fff ur-x 0x1000 bytes",
      "0x0000000000001000-0x0000000000001fff -rwx 0x1000 bytes",
      "0x0000000000400000-0x00000000007fffff -rwx 0x400000 bytes",
    ].join("\n"),
  );
});

test("PAE paging: the top entries carry no rights", async () => {
  const guest = new HandMade(MEMORY, "PAE").set(0x1000, { 3: 0x2001n }).set(0x2000, { 511: LARGE | PRESENT | RW | NX });
  assert.equal(await mappedRanges(guest), "0x00000000ffe00000-0x00000000ffffffff -rw- 0x200000 bytes");
});

test("four levels: rights of all of them together, neighbours joined, the upper half in its place", async () => {
  const guest = new HandMade(MEMORY, "4-level")
    .set(0x1000, { 0: 0x2000n | PRESENT | RW | USER_PAGE, 511: 0x3000n | PRESENT | RW })
    .set(0x2000, { 0: LARGE | PRESENT | USER_PAGE, 1: LARGE | PRESENT | USER_PAGE })
    .set(0x3000, { 510: 0x4000n | PRESENT | RW | NX })
    .set(0x4000, { 8: LARGE | PRESENT | RW });
  assert.equal(
    await mappedRanges(guest),
    [
      "0x0000000000000000-0x000000007fffffff ur-x 0x80000000 bytes",
      "0xffffffff81000000-0xffffffff811fffff -rw- 0x200000 bytes",
    ].join("\n"),
  );
});

test("a table that maps itself everywhere is told in two lines", async () => {
  const guest = new HandMade(MEMORY, "4-level").set(0x1000, every(() => 0x1003n)); // prettier-ignore
  assert.equal(
    await mappedRanges(guest),
    [
      "0x0000000000000000-0x00007fffffffffff -rwx 0x800000000000 bytes",
      "0xffff800000000000-0xffffffffffffffff -rwx 0x800000000000 bytes",
    ].join("\n"),
  );
  assert.ok(guest.reads < 10);
});

test("a thousand ranges are told one by one", async () => {
  // 1024 pages, every other one writable.
  const guest = new HandMade(MEMORY, "4-level")
    .set(0x1000, { 0: 0x2003n })
    .set(0x2000, { 0: 0x3003n })
    .set(0x3000, { 0: 0x4003n, 1: 0x5003n })
    .set(
      0x4000,
      every((index) => PRESENT | (index % 2 ? RW : 0n)),
    )
    .set(
      0x5000,
      every((index) => PRESENT | (index % 2 ? RW : 0n)),
    );
  assert.equal((await mappedRanges(guest)).split("\n").length, 1024);
});

test("tables made to map a thousand million ranges end with what is left out", async () => {
  const guest = new HandMade(MEMORY, "4-level").set(
    0x1000,
    every((index) => (index % 2 ? 0n : 0x1003n)),
  );
  const lines = (await mappedRanges(guest)).split("\n");
  assert.ok(lines.length > 100_000);
  assert.match(lines.at(-1) ?? "", /^\(more is mapped from lin:0x/);
});

test("tables where there is no memory map nothing", async () => {
  const guest = new HandMade(MEMORY, "4-level").set(0x1000, { 0: 0x100003n, 1: 0xffff_ffff_f003n });
  assert.equal(await mappedRanges(guest), "Nothing is mapped.");
});
