import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { decompress, decompressStream, detectCompression } from "./decompress.ts";
import { FormatError } from "../errors.ts";
import { unlzma } from "./lzma.ts";

/** Bytes that look like code to the x86 filter: many E8 and E9 with operands near and far, and runs of both. */
function codeLike(length: number): Uint8Array {
  let state = 0x2545f491;
  return Uint8Array.from({ length }, (_, index) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const pick = (state >>> 8) & 15;
    if (pick < 3) return 0xe8 + (pick & 1);
    if (pick < 6) return pick & 1 ? 0xff : 0;
    return pick < 12 ? (index >> 9) & 0xff : state & 0xff;
  });
}

const DATA = codeLike(1_000_000);

const NO_XZ = spawnSync("xz", ["--version"]).error ? "xz is not installed" : false;

const COMPRESSORS: [format: string, command: string, ...args: string[]][] = [
  ["gzip", "gzip", "-c"],
  ["xz", "xz", "-c", "-1", "--check=crc32", "--x86", "--lzma2=dict=1MiB"],
  ["xz", "xz", "-c", "-1", "--check=crc64"],
  ["xz", "xz", "-c", "-1", "--check=crc32", "--x86", "--lzma2=preset=1", "--block-size=300000", "-T1"],
  ["lz4", "lz4", "-c", "-l"],
  ["zstd", "zstd", "-c", "-3"],
  ["zstd", "zstd", "-c", "-3", "--no-check", "--single-thread"],
  ["zstd", "zstd", "-c", "-12"],
  ["bzip2", "bzip2", "-c"],
  ["bzip2", "bzip2", "-c", "-1"],
  ["lzma", "xz", "-c", "-1", "--format=lzma"],
  ["lzma", "xz", "-c", "--format=lzma", "--lzma1=dict=4KiB"],
  ["lzo", "lzop", "-c"],
  ["lzo", "lzop", "-c", "-9", "--crc32"],
];

for (const [format, command, ...args] of COMPRESSORS) {
  const skip = spawnSync(command, ["--version"]).error ? `${command} is not installed` : false;
  const run = (input: Uint8Array): Uint8Array =>
    new Uint8Array(spawnSync(command, args, { input, maxBuffer: 1 << 28 }).stdout);
  test(`${command} ${args.join(" ")}`, { skip }, async (context) => {
    const compressed = run(DATA);
    assert.equal(detectCompression(compressed), format);
    await context.test("is undone", async () => {
      assert.ok(Buffer.from(await decompress(compressed)).equals(DATA));
    });
    // The build appends nothing to gzip, which ends in the size itself.
    const appended = format === "gzip" ? "gzip is never appended to" : false;
    await context.test("is undone with the size appended, as in a kernel", { skip: appended }, async () => {
      const kernelLike = new Uint8Array(compressed.length + 4);
      kernelLike.set(compressed);
      new DataView(kernelLike.buffer).setUint32(compressed.length, DATA.length, true);
      assert.ok(Buffer.from(await decompress(kernelLike)).equals(DATA));
    });
    await context.test("is bounded in output", async () => {
      const bomb = run(new Uint8Array(3_000_000));
      await assert.rejects(decompress(bomb, 1_000_000), FormatError);
    });
    await context.test("is refused when cut off", async () => {
      for (const part of [0.01, 0.3, 0.999]) {
        await assert.rejects(decompress(compressed.subarray(0, Math.floor(compressed.length * part))), FormatError);
      }
    });
    await context.test("never throws anything but FormatError when damaged", async () => {
      const small = run(DATA.subarray(0, 5000));
      for (let at = 0; at < Math.min(small.length, 80); at++) {
        const damaged = small.slice();
        damaged[at] = damaged[at]! ^ 0xff;
        await decompress(damaged, 10_000_000).catch((error: unknown) => assert.ok(error instanceof FormatError));
      }
    });
  });
}

test("what follows a stream is left alone, and its end is told", async (context) => {
  for (const [format, command, ...args] of COMPRESSORS) {
    const { stdout, error } = spawnSync(command, args, { input: DATA.subarray(0, 100_000), maxBuffer: 1 << 28 });
    const skip = error ? `${command} is not installed` : false;
    await context.test([command, ...args].join(" "), { skip }, async () => {
      // lz4's legacy frame has no end: padding of zeros or a cpio archive are one.
      const behind = format === "lz4" ? "070701" : "\x1f\x8b\x08junk";
      const stream = decompressStream(Buffer.concat([stdout, Buffer.from(behind, "latin1")]));
      for (let step = await stream.next(); ; step = await stream.next()) {
        if (!step.done) continue;
        assert.equal(step.value, stdout.length);
        break;
      }
    });
  }
});

test("lzma with other properties than the usual, which the kernel does not recognise", { skip: NO_XZ }, () => {
  for (const properties of ["lc=0,lp=2,pb=1", "lc=4,lp=0,pb=4", "lc=1,lp=3,pb=0"]) {
    const args = ["-c", "--format=lzma", `--lzma1=${properties},dict=8KiB`];
    const { stdout } = spawnSync("xz", args, { input: DATA.subarray(0, 300_000), maxBuffer: 1 << 28 });
    assert.ok(Buffer.concat([...unlzma(stdout)]).equals(DATA.subarray(0, 300_000)), properties);
  }
});

test("zeros behind an lz4 frame end it", { skip: spawnSync("lz4", ["--version"]).error !== undefined }, async () => {
  const { stdout } = spawnSync("lz4", ["-c", "-l"], { input: DATA, maxBuffer: 1 << 28 });
  for (let zeros = 1; zeros < 9; zeros++) {
    const padded = Buffer.concat([stdout, Buffer.alloc(zeros), Buffer.from("070701")]);
    assert.ok(Buffer.from(await decompress(padded)).equals(DATA));
  }
});

test("what is no compressed stream is told by its first bytes", async () => {
  await assert.rejects(decompress(Uint8Array.of(1, 2, 3, 4, 5, 6)), /Unknown compression: .* 01 02 03 04 05 06/);
  await assert.rejects(decompress(new Uint8Array(0)), /Unknown compression/);
});

test("hostile headers are refused before anything is allocated for them", async () => {
  const cases: [number[], RegExp][] = [
    [[0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xff, 1, 0, 0], /its window of \d+ bytes is above/],
    [[0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0], /its window of \d+ bytes/],
    [[0x5d, 0, 0, 0, 0xff, ...Array<number>(8).fill(0xff), 0, 0, 0, 0, 0], /its dictionary of 4278190080 bytes/],
    [[0x02, 0x21, 0x4c, 0x18, 0xff, 0xff, 0xff, 0x7f, 1, 2, 3], /impossible size of 2147483647 bytes/],
    [[0x42, 0x5a, 0x68, 0x30, 0, 0], /block size is none of 1 to 9/],
  ];
  for (const [bytes, message] of cases) await assert.rejects(decompress(Uint8Array.from(bytes)), message);
});
