import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { decompress, detectCompression } from "./decompress.ts";
import { FormatError } from "./errors.ts";

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

const DATA = codeLike(3_000_000);

const COMPRESSORS: [format: string, command: string, ...args: string[]][] = [
  ["gzip", "gzip", "-c"],
  ["xz", "xz", "-c", "-1", "--check=crc32", "--x86", "--lzma2=dict=1MiB"],
  ["xz", "xz", "-c", "-1", "--check=crc64"],
  ["xz", "xz", "-c", "-1", "--check=crc32", "--x86", "--lzma2=preset=1", "--block-size=500000", "-T1"],
  ["lz4", "lz4", "-c", "-l"],
  ["zstd", "zstd", "-c", "-3"],
  ["zstd", "zstd", "-c", "-3", "--no-check", "--single-thread"],
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
      const bomb = run(new Uint8Array(20_000_000));
      await assert.rejects(decompress(bomb, 1_000_000), FormatError);
    });
    await context.test("is refused when cut off", async () => {
      for (const part of [0.01, 0.3, 0.999]) {
        await assert.rejects(decompress(compressed.subarray(0, Math.floor(compressed.length * part))), FormatError);
      }
    });
    await context.test("never throws anything but FormatError when damaged", async () => {
      const small = run(DATA.subarray(0, 5000));
      for (let at = 0; at < Math.min(small.length, 200); at++) {
        const damaged = small.slice();
        damaged[at] = damaged[at]! ^ 0xff;
        await decompress(damaged, 10_000_000).catch((error: unknown) => assert.ok(error instanceof FormatError));
      }
    });
  });
}

test("formats that are not supported are named", async () => {
  await assert.rejects(decompress(new TextEncoder().encode("BZh91AY&SY")), /bzip2 .*only gzip, xz, lz4 and zstd/);
  await assert.rejects(decompress(Uint8Array.of(0x5d, 0, 0, 0, 4)), /lzma/);
  await assert.rejects(decompress(Uint8Array.of(1, 2, 3, 4, 5, 6)), /Unknown compression: .* 01 02 03 04 05 06/);
  await assert.rejects(decompress(new Uint8Array(0)), /Unknown compression/);
});
