/**
 * Damaged kernels, initramfs archives, compressed data and boot_params: nothing may hang, nor end in anything but a
 * FormatError. BOOTSCOPE_FUZZ sets the rounds for each subject, BOOTSCOPE_FUZZ_SEED the first seed.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { busybox, cloudKernel } from "../../scripts/guests/guests.ts";
import { parseBzImage } from "../bzimage.ts";
import { decompress } from "../compression/decompress.ts";
import { cpioDirectory, cpioFile, cpioSymlink, writeCpio } from "../cpio.ts";
import { FormatError } from "../errors.ts";
import { indexInitramfs, readFile as readEntry } from "../initramfs/archive.ts";
import { InitramfsTree } from "../initramfs/tree.ts";
import { bootParamsFields } from "./boot-params-fields.ts";
import { bzImageFields } from "./bzimage-fields.ts";
import { elfFields } from "./elf-fields.ts";

const ROUNDS = Number(process.env["BOOTSCOPE_FUZZ"] ?? 150);
const SEED = Number(process.env["BOOTSCOPE_FUZZ_SEED"] ?? 1);
/** No subject needs more output than this. */
const OUTPUT_LIMIT = 32 * 1024 * 1024;
const MEMORY_LIMIT = 256 * 1024 * 1024;
const TELLING = [0x00, 0x01, 0x30, 0x7f, 0x80, 0xff];

/** xorshift32 from a seed. */
function randomOf(seed: number): (below: number) => number {
  let state = Math.imul(seed, 0x9e37_79b1) | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** A copy with some bytes changed, of the first `reach`, or cut off. */
function damaged(bytes: Uint8Array, reach: number, random: (below: number) => number): Uint8Array {
  const copy = bytes.slice(0, random(8) === 0 ? random(bytes.length + 1) : bytes.length);
  for (let count = 1 + random(4); count > 0 && copy.length > 0; count--) {
    const at = random(Math.min(reach, copy.length));
    copy[at] = random(2) ? TELLING[random(TELLING.length)]! : random(256);
  }
  return copy;
}

async function fuzz(bytes: Uint8Array, reach: number, parse: (bytes: Uint8Array) => unknown): Promise<void> {
  const before = process.memoryUsage().arrayBuffers;
  for (let seed = SEED; seed < SEED + ROUNDS; seed++) {
    const input = damaged(bytes, reach, randomOf(seed));
    try {
      await parse(input);
    } catch (error) {
      assert.ok(error instanceof FormatError, `seed ${seed}: ${error instanceof Error ? error.stack : String(error)}`);
      assert.match(error.message, /^[^\n]+\.$/, `seed ${seed}: ${error.message}`);
    }
    const grown = process.memoryUsage().arrayBuffers - before;
    assert.ok(grown < MEMORY_LIMIT, `seed ${seed}: ${grown} bytes`);
  }
  console.log(`# seeds ${SEED} to ${SEED + ROUNDS - 1}`);
}

const ARCHIVE = writeCpio([
  cpioDirectory("bin"),
  cpioFile("bin/sh", "shell".repeat(200), 0o755),
  cpioSymlink("sbin", "bin"),
  { ...cpioFile("one", ""), hardLink: "x" },
  { ...cpioFile("two", "shared"), hardLink: "x" },
]);

async function readAll(bytes: Uint8Array): Promise<void> {
  const index = await indexInitramfs(bytes, { unpackedBytes: OUTPUT_LIMIT });
  const tree = new InitramfsTree(index);
  for (const entry of index.entries) {
    try {
      tree.find(entry.path);
      await readEntry(bytes, index, entry, OUTPUT_LIMIT);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
    }
  }
}

for (const [command, ...args] of [
  ["gzip"],
  ["bzip2"],
  ["lzma"],
  ["xz", "--check=crc32"],
  ["xz", "--x86", "--lzma2"],
  ["lzop"],
  ["lz4", "-l"],
  ["zstd"],
] as const) {
  const { stdout, error } = spawnSync(command, [...args, "-c"], { input: Buffer.concat([ARCHIVE, ARCHIVE]) });
  const skip = error ? `${command} is not installed` : false;
  test(`compressed by ${command} ${args.join(" ")}`, { skip }, async () => {
    await fuzz(stdout, stdout.length, (bytes) => decompress(bytes, OUTPUT_LIMIT));
    await fuzz(Buffer.concat([ARCHIVE, stdout]), ARCHIVE.length + stdout.length, readAll);
  });
}

test("cpio archives", () => fuzz(ARCHIVE, ARCHIVE.length, readAll));

test("bzImage", async () => {
  const bytes = new Uint8Array(await readFile((await cloudKernel()).vmlinuz)).slice(0, 64 * 1024);
  // A small image of the same header: it is the header that is fuzzed.
  new DataView(bytes.buffer).setUint32(0x1f4, (bytes.length - parseSetupEnd(bytes)) / 16, true);
  new DataView(bytes.buffer).setUint32(0x24c, 1000, true);
  assert.equal(parseBzImage(bytes).protocol, 0x20f);
  await fuzz(bytes, 0x280, bzImageFields);
});

const parseSetupEnd = (bytes: Uint8Array): number => (bytes[0x1f1]! + 1) * 512;

test("ELF files", async () => {
  const bytes = new Uint8Array(await readFile((await busybox()).binary));
  await fuzz(bytes, 1024, elfFields);
  // The section headers lie at the end.
  await fuzz(bytes, bytes.length, elfFields);
});

test("boot_params", async () => {
  const bytes = new Uint8Array(4096);
  new DataView(bytes.buffer).setUint32(0x202, 0x53726448, true);
  new DataView(bytes.buffer).setUint16(0x206, 0x20f, true);
  await fuzz(bytes, bytes.length, bootParamsFields);
});
