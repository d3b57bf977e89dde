/** The composed disk: what lies where, and what is refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { FormatError } from "../../boot-formats/errors.ts";
import { composedDisk } from "../disks/composed-disk.ts";
import { composeBootDisk } from "./compose.ts";
import { loaderImages } from "./images.ts";

const SECTOR = 512;
const filled = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value);
const loader = { mbr: filled(440, 0x11), stage2: filled(5000, 0x22) };

test("MBR, second stage, descriptor, kernel and initramfs are where the loader looks for them", () => {
  const { size, segments } = composeBootDisk(
    { kernel: filled(700, 0x33), initrd: filled(1, 0x44), cmdline: "console=ttyS0" },
    loader,
  );
  const disk = composedDisk(size, segments);
  assert.equal(disk.bytes, (2048 + 2 + 1) * SECTOR);
  const read = (offset: number, length: number): Buffer => {
    const bytes = Buffer.alloc(length);
    disk.read(offset, bytes);
    return bytes;
  };
  const mbr = read(0, SECTOR);
  assert.deepEqual([mbr[0], mbr[439], mbr[440], mbr[510], mbr[511]], [0x11, 0x11, 0, 0x55, 0xaa]);
  // One partition, active, of a type without file system, from 1 MiB to the end.
  assert.deepEqual([mbr[446], mbr[450], mbr.readUInt32LE(454), mbr.readUInt32LE(458)], [0x80, 0xda, 2048, 3]);
  assert.equal(mbr[462], 0);
  assert.deepEqual([...read(SECTOR, 1), ...read(SECTOR + 4999, 2)], [0x22, 0x22, 0]);
  const descriptor = read(17 * SECTOR, SECTOR);
  assert.equal(descriptor.toString("latin1", 0, 8), "BOOTDESC");
  assert.equal(descriptor.readBigUInt64LE(8), 2048n);
  assert.equal(descriptor.readUInt32LE(16), 700);
  assert.equal(descriptor.readBigUInt64LE(20), 2050n);
  assert.equal(descriptor.readUInt32LE(28), 1);
  assert.equal(descriptor.readUInt32LE(32), 14);
  assert.equal(descriptor.toString("latin1", 64, 78), "console=ttyS0\0");
  assert.deepEqual([...read(2048 * SECTOR + 699, 2)], [0x33, 0]);
  assert.deepEqual([...read(2050 * SECTOR, 2)], [0x44, 0]);
});

test("a disk without an initramfs ends with the kernel", () => {
  const { size } = composeBootDisk({ kernel: filled(512, 1), cmdline: "" }, loader);
  assert.equal(size, 2049 * SECTOR);
});

test("the assembled loader has the sizes that the layout allows", async () => {
  const { mbr, stage2 } = await loaderImages();
  assert.ok(mbr.length > 0 && mbr.length <= 440, `${mbr.length}`);
  assert.ok(stage2.length > 0 && stage2.length <= 16 * SECTOR, `${stage2.length}`);
});

test("what does not fit is refused in one sentence", () => {
  const kernel = filled(512, 1);
  assert.throws(() => composeBootDisk({ kernel: new Uint8Array(), cmdline: "" }, loader), /kernel is empty/);
  assert.throws(() => composeBootDisk({ kernel, cmdline: "x".repeat(2048) }, loader), /at most 2047 fit/);
  composeBootDisk({ kernel, cmdline: "x".repeat(2047) }, loader);
  const big = { ...loader, mbr: filled(441, 0) };
  assert.throws(() => composeBootDisk({ kernel, cmdline: "" }, big), FormatError);
  assert.throws(() => composeBootDisk({ kernel, cmdline: "" }, { ...loader, stage2: filled(8193, 0) }), FormatError);
});
