import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { composedDisk } from "./composed-disk.ts";
import type { DiskImage } from "./disk-image.ts";
import { driveKind } from "./drive-kind.ts";
import { fileDisk } from "./file-disk.ts";
import { memoryDisk } from "./memory-disk.ts";
import { DiskError, OverlayDisk } from "./overlay-disk.ts";
import { RunCollector, type Run } from "./run-collector.ts";

const directory = mkdtempSync(join(tmpdir(), "bootscope-disks-"));
after(() => rmSync(directory, { recursive: true }));

let files = 0;
function file(content: Uint8Array | string): string {
  const path = join(directory, `image-${files++}`);
  writeFileSync(path, content);
  return path;
}

function bytes(length: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (Math.imul(i + seed, 0x9e3779b1) >>> 15) & 0xff);
}

function read(image: DiskImage, offset: number, length: number): Uint8Array {
  const into = new Uint8Array(length).fill(0xee);
  image.read(offset, into);
  return into;
}

function random(seed: number): (below: number) => number {
  let x = seed;
  return (below) => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return Math.floor(((x >>> 0) / 2 ** 32) * below);
  };
}

test("random reads and writes over a file are those of plain memory; the file stays as it was", () => {
  const content = bytes(300_001);
  const path = file(content);
  const image = fileDisk(path);
  const model = content.slice();
  const chance = random(77);
  for (let round = 0; round < 3000; round++) {
    const offset = chance(content.length + 100);
    const length = chance(round % 50 === 0 ? 200_000 : 3000);
    if (chance(2)) {
      const data = bytes(length, round);
      image.write(offset, data);
      model.set(data.subarray(0, Math.max(0, model.length - offset)), Math.min(offset, model.length));
    } else {
      const expected = new Uint8Array(length);
      expected.set(model.subarray(offset, offset + length));
      assert.deepEqual(read(image, offset, length), expected);
    }
  }
  const rebuilt = content.slice();
  let last = -1;
  for (const [offset, changed] of image.changes()) {
    assert.ok(offset > last);
    last = offset;
    rebuilt.set(changed, offset);
  }
  assert.deepEqual(rebuilt, model);
  image.close();
  assert.deepEqual(new Uint8Array(readFileSync(path)), content);
});

test("without leave to persist, nothing is written back", async () => {
  const path = file(bytes(2048));
  const image = fileDisk(path);
  image.write(0, Uint8Array.of(1, 2, 3));
  await image.persist();
  image.close();
  assert.deepEqual(new Uint8Array(readFileSync(path)), bytes(2048));
});

test("persist replaces the file as a whole and leaves nothing else; the image goes on", async () => {
  const path = file(bytes(10_000));
  const image = fileDisk(path, { persist: true });
  const expected = bytes(10_000);
  for (const value of [1, 2]) {
    image.write(5000, new Uint8Array(100).fill(value));
    expected.fill(value, 5000, 5100);
    assert.equal(readFileSync(path)[5000], value === 1 ? bytes(10_000)[5000] : 1, "not yet");
    await image.persist();
    assert.deepEqual(new Uint8Array(readFileSync(path)), expected);
    assert.deepEqual(read(image, 4990, 200), expected.slice(4990, 5190));
  }
  image.close();
  assert.deepEqual(
    readdirSync(directory).filter((name) => name.endsWith(".new")),
    [],
  );
});

test("persist refuses when another program has changed the file", async () => {
  const path = file(bytes(5000));
  const image = fileDisk(path, { persist: true });
  image.write(0, Uint8Array.of(9));
  writeFileSync(path, bytes(6000));
  await assert.rejects(image.persist(), /changed by another program since it was opened\.$/);
  image.close();
  assert.deepEqual(new Uint8Array(readFileSync(path)), bytes(6000));
  assert.deepEqual(
    readdirSync(directory).filter((name) => name.endsWith(".new")),
    [],
  );
});

test("a sparse file of 40 GB opens at once, and stays sparse", async () => {
  const path = file("");
  truncateSync(path, 40e9);
  const image = fileDisk(path, { persist: true });
  assert.equal(image.bytes, 40e9);
  assert.deepEqual(read(image, 39e9, 512), new Uint8Array(512));
  image.write(38e9, Uint8Array.of(1, 2, 3));
  assert.deepEqual(read(image, 38e9 - 1, 5), Uint8Array.of(0, 1, 2, 3, 0));
  image.close();
  // Writing back is tried with less: where the file system shares no blocks it reads all of the file.
  const small = file("");
  truncateSync(small, 64e6);
  const second = fileDisk(small, { persist: true });
  second.write(32e6, Uint8Array.of(1));
  await second.persist();
  second.close();
  const { size, blocks } = statSync(small);
  assert.equal(size, 64e6);
  assert.ok(blocks * 512 < 1e6, `${blocks} blocks`);
});

test("bad images are told in one sentence", () => {
  const refuses = (path: string, what: RegExp): void => {
    assert.throws(
      () => fileDisk(path),
      (error: Error) => what.test(error.message) && error.message.includes(path) && error.message.endsWith("."),
    );
  };
  refuses(join(directory, "absent"), /there is no such file/);
  refuses(directory, /it is a directory, a file was expected/);
  refuses("/dev/null", /not a regular file/);
  refuses(file(""), /it is empty/);
  refuses(file(Buffer.from("QFI\xfb0000", "latin1")), /qcow2 format, a raw image was expected/);
  refuses(file("KDMV"), /VMDK format/);
});

test("a file that became shorter fails to be read, by DiskError", () => {
  const path = file(bytes(200_000));
  const image = fileDisk(path);
  truncateSync(path, 1000);
  assert.throws(
    () => read(image, 150_000, 512),
    (error) => error instanceof DiskError && /became shorter/.test(error.message),
  );
  image.close();
  assert.throws(() => read(image, 0, 512), /was closed/);
});

test("changes are bounded", () => {
  const image = new OverlayDisk(
    { bytes: 1 << 20, read: (_, into) => into.fill(0), close: () => undefined },
    undefined,
    8192,
  );
  image.write(0, new Uint8Array(8192));
  image.write(100, new Uint8Array(100));
  assert.throws(() => image.write(8192, Uint8Array.of(1)), DiskError);
  assert.deepEqual([...image.changes()].length, 2);
});

test("a composed disk shows ranges of memory and of other images, zeros between them", () => {
  const other = memoryDisk(bytes(10_000));
  const image = composedDisk(100_000, [
    { at: 50_000, image: other, from: 1000, length: 9000 },
    { at: 0, bytes: bytes(512, 5) },
    { at: 512, bytes: bytes(100, 6) },
  ]);
  const expected = new Uint8Array(100_000);
  expected.set(bytes(512, 5));
  expected.set(bytes(100, 6), 512);
  expected.set(bytes(10_000).subarray(1000), 50_000);
  assert.deepEqual(read(image, 0, 100_000), expected);
  for (const [offset, length] of [
    [500, 20],
    [612, 5],
    [49_999, 3],
    [58_999, 2],
    [99_999, 1],
  ] as const) {
    assert.deepEqual(read(image, offset, length), expected.slice(offset, offset + length));
  }
  image.write(50_000, Uint8Array.of(1));
  assert.deepEqual(read(other, 1000, 1), bytes(10_000).slice(1000, 1001));
});

test("a composed disk refuses ranges that overlap or do not fit", () => {
  const part = bytes(512);
  assert.throws(
    () =>
      composedDisk(2048, [
        { at: 0, bytes: part },
        { at: 511, bytes: part },
      ]),
    /overlaps the one before/,
  );
  assert.throws(() => composedDisk(600, [{ at: 100, bytes: part }]), /leaves its 600 bytes/);
  assert.throws(
    () => composedDisk(2048, [{ at: 0, image: memoryDisk(part), from: 1, length: 512 }]),
    /image that has 512/,
  );
  assert.throws(() => composedDisk(0, []), /given the size 0/);
  assert.throws(() => composedDisk(512, [{ at: -1, bytes: part }]), /has start -1/);
  assert.throws(() => memoryDisk(new Uint8Array(0)), /no bytes/);
});

test("a CD is known by its volume descriptor or its name", () => {
  const iso = new Uint8Array(40_000);
  iso.set(Buffer.from("CD001"), 0x8001);
  assert.equal(driveKind(memoryDisk(iso), "image.bin"), "cdrom");
  assert.equal(driveKind(memoryDisk(bytes(40_000)), "image.bin"), "disk");
  assert.equal(driveKind(memoryDisk(bytes(512)), "boot.img"), "disk");
  assert.equal(driveKind(memoryDisk(bytes(512)), "Some.ISO"), "cdrom");
});

test("adjoining pieces become one run", () => {
  const runs: Run[] = [];
  const collector = new RunCollector((run) => runs.push(run));
  collector.add(0, 100, 10);
  collector.add(10, 110, 10);
  collector.add(20, 130, 10);
  collector.add(40, 140, 10);
  collector.end();
  collector.end();
  assert.deepEqual(runs, [
    { offset: 0, physical: 100, bytes: 20 },
    { offset: 20, physical: 130, bytes: 10 },
    { offset: 40, physical: 140, bytes: 10 },
  ]);
});
