/** Partition tables that no tool writes: what is wrong with them is told, and nothing runs on for ever. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { FormatError } from "../errors.ts";
import { memorySource } from "./byte-source.ts";
import { readDiskLayout } from "./disk-layout.ts";

const SECTOR = 512;

/** An entry as the table has it; CHS is left empty. */
type Entry = [type: number, start: number, sectors: number, status?: number];

function writeTable(disk: Uint8Array, sector: number, entries: readonly Entry[]): void {
  const view = new DataView(disk.buffer, sector * SECTOR, SECTOR);
  for (const [index, [type, start, sectors, status = 0]] of entries.entries()) {
    const at = 446 + index * 16;
    view.setUint8(at, status);
    view.setUint8(at + 4, type);
    view.setUint32(at + 8, start, true);
    view.setUint32(at + 12, sectors, true);
  }
  view.setUint16(510, 0xaa55, true);
}

const disk = (sectors: number): Uint8Array => new Uint8Array(sectors * SECTOR);

test("a disk shorter than a sector is refused in one sentence", async () => {
  await assert.rejects(
    readDiskLayout(memorySource(new Uint8Array(100))),
    new FormatError("The disk has 100 bytes: at least one sector of 512 was expected."),
  );
});

test("a sector without 55 AA, and a table of nothing, are no partition table", async () => {
  const layout = await readDiskLayout(memorySource(disk(4)));
  assert.equal(layout.kind, "none");
  const mbr = layout.fields[0]!;
  assert.match(mbr.children!.find(({ name }) => name === "boot_signature")!.problem!, /55 AA is missing/);
});

test("fields have the bytes' places", async () => {
  const bytes = disk(4);
  writeTable(bytes, 0, [[0x83, 1, 2, 0x80]]);
  const { fields, partitions } = await readDiskLayout(memorySource(bytes));
  assert.deepEqual([partitions[0]?.bootable, partitions[0]?.typeName], [true, "Linux"]);
  const [bootstrap, table, signature] = fields[0]!.children!;
  assert.deepEqual([bootstrap?.offset, bootstrap?.length], [0, 446]);
  assert.deepEqual([table?.offset, table?.length], [446, 64]);
  assert.deepEqual([signature?.offset, signature?.length, signature?.value], [510, 2, "55 AA"]);
  const start = table?.children?.[0]?.children?.find(({ name }) => name === "lba_start");
  assert.deepEqual([start?.offset, start?.length, start?.raw], [454, 4, 1]);
});

test("partitions that overlap or leave the disk are told", async () => {
  const bytes = disk(100);
  writeTable(bytes, 0, [
    [0x83, 1, 50],
    [0x83, 40, 20],
    [0x82, 90, 20],
    [0x07, 200, 5],
  ]);
  const { problems } = await readDiskLayout(memorySource(bytes));
  assert.deepEqual(problems, [
    "Partition 3 ends at sector 109, but the disk has 100 sectors.",
    "Partition 4 begins at sector 200, but the disk has 100 sectors.",
    "Partitions 1 and 2 overlap from sector 40 on.",
  ]);
});

test("a chain of extended partitions that comes back to itself ends", async () => {
  const bytes = disk(100);
  writeTable(bytes, 0, [[0x05, 10, 90]]);
  writeTable(bytes, 10, [
    [0x83, 1, 5],
    [0x05, 20, 10],
  ]);
  writeTable(bytes, 30, [
    [0x83, 1, 5],
    [0x05, 0, 10],
  ]);
  const { partitions, problems } = await readDiskLayout(memorySource(bytes));
  assert.deepEqual(
    partitions.map(({ number, kind, start }) => [number, kind, start]),
    [
      [1, "extended", 10],
      [5, "logical", 11],
      [6, "logical", 31],
    ],
  );
  assert.deepEqual(problems, ["The chain of extended partitions comes back to sector 10."]);
});

test("a chain that leaves the disk, and one without 55 AA, are told with their place", async () => {
  const bytes = disk(100);
  writeTable(bytes, 0, [
    [0x05, 10, 20],
    [0x0f, 40, 20],
  ]);
  writeTable(bytes, 10, [
    [0x83, 1, 5],
    [0x05, 1000, 10],
  ]);
  const { problems } = await readDiskLayout(memorySource(bytes));
  assert.deepEqual(problems, [
    "The extended boot record at sector 1010 would lie at 0x7E400 (512 bytes), but the disk ends at 0xC800.",
    "The boot signature 55 AA is missing in the extended boot record at sector 40.",
  ]);
});

test("a GPT of impossible size is refused, and the disk opens all the same", async () => {
  const bytes = disk(100);
  writeTable(bytes, 0, [[0xee, 1, 99]]);
  const view = new DataView(bytes.buffer, SECTOR, SECTOR);
  bytes.set(new TextEncoder().encode("EFI PART"), SECTOR);
  view.setUint32(12, 92, true);
  view.setBigUint64(32, 99n, true);
  view.setUint32(80, 0xffffffff, true);
  view.setUint32(84, 128, true);
  const { kind, partitions, problems } = await readDiskLayout(memorySource(bytes));
  assert.deepEqual([kind, partitions], ["gpt", []]);
  assert.match(problems[0]!, /has 4294967295 entries of 128 bytes: .* were expected/);
});
