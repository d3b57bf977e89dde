/**
 * Damages what the parsers look at in real images, at random, and demands that they end, within bounds, with nothing
 * but a FormatError. BOOTSCOPE_FUZZ is the number of rounds for each image (300 in the suite), BOOTSCOPE_FUZZ_SEED the
 * first round's seed: a failure names its own.
 */
import assert from "node:assert/strict";
import { mkdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Volume, type ByteSource } from "../../boot-formats/disk/byte-source.ts";
import { partitionVolume, readLayout } from "../../boot-formats/disk/disk-layout.ts";
import { readElTorito } from "../../boot-formats/disk/el-torito.ts";
import { FormatError } from "../../boot-formats/errors.ts";
import type { Field } from "../../boot-formats/fields.ts";
import { readRange, walkFiles, type FileSystem } from "../../boot-formats/filesystems/file-system.ts";
import { openIso } from "../../boot-formats/filesystems/iso/iso.ts";
import { openFileSystem } from "../../boot-formats/filesystems/open.ts";
import { ensureTools, tool } from "../../scripts/guests/tools.ts";
import { noise, scratch } from "./trees.ts";

const ROUNDS = Number(process.env["BOOTSCOPE_FUZZ"] ?? 300);
const FIRST_SEED = Number(process.env["BOOTSCOPE_FUZZ_SEED"] ?? 1);
const MIB = 1024 * 1024;
/** Far beyond what the largest of these small images takes. */
const MAX_READS = 100_000;
const MAX_MEMORY = 256 * MIB;
/** Of each file only its ends are read: a hostile size makes a long stream, which is for the reader to end. */
const END_BYTES = 64 * 1024;

type Random = (below: number) => number;

function random(seed: number): Random {
  let state = (seed * 2654435761) >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

function memory(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Counts reads and watches memory, so that what never ends fails. */
function watched(bytes: Uint8Array, atStart: number): ByteSource {
  let reads = 0;
  return {
    size: bytes.length,
    read(offset, length) {
      if (++reads > MAX_READS) throw new Error(`more than ${MAX_READS} reads`);
      if (reads % 64 === 0) assert.ok(memory() - atStart < MAX_MEMORY, "more than 256 MiB taken");
      return Promise.resolve(bytes.slice(offset, offset + length));
    },
  };
}

/** Runs a parser; says whether it ended with a FormatError. */
async function tolerant(body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    assert.match(error.message, /^[A-Z].*\.$/s, "one sentence");
  }
}

function checkFields(fields: readonly Field[], size: number): void {
  for (const field of fields) {
    assert.ok(field.offset >= 0 && field.length >= 0 && field.offset + field.length <= size, `${field.name} leaves`);
    checkFields(field.children ?? [], size);
  }
}

async function readEverything(system: FileSystem, size: number): Promise<void> {
  checkFields(system.fields, size);
  for await (const { node } of walkFiles(system)) {
    await tolerant(async () => {
      if (node.stat.type === "symlink") await node.target();
      if (node.stat.type !== "file") return;
      await readRange(system, node, 0, END_BYTES);
      await readRange(system, node, Math.max(0, node.stat.size - END_BYTES), END_BYTES);
    });
  }
}

async function parseAll(source: ByteSource): Promise<void> {
  const disk = Volume.whole(source);
  await tolerant(async () => {
    const layout = await readLayout(disk);
    checkFields(layout.fields, source.size);
    for (const partition of layout.partitions.slice(0, 4)) {
      await tolerant(async () => {
        await readEverything(await openFileSystem(partitionVolume(disk, layout, partition)), source.size);
      });
    }
  });
  await tolerant(async () => checkFields((await readElTorito(disk))?.fields ?? [], source.size));
  await tolerant(async () => readEverything(await openFileSystem(disk), source.size));
  for (const names of ["joliet", "plain"] as const) {
    await tolerant(async () => readEverything(await openIso(disk, names), source.size));
  }
}

const INTERESTING = [0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

/** Bytes that one change touches at most. */
const TOUCHED = 32;

/** Changes a few places among those that a parser looks at; gives where they begin. */
function damage(bytes: Uint8Array, ranges: readonly [number, number][], next: Random): number[] {
  const touched: number[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let changes = 1 + next(6); changes > 0; changes--) {
    const [offset, length] = ranges[next(ranges.length)]!;
    const at = Math.min(offset + next(length), bytes.length - 4);
    touched.push(at);
    switch (next(5)) {
      case 0:
        bytes[at] = next(256);
        break;
      case 1:
        bytes[at] = bytes[at]! ^ (1 << next(8));
        break;
      case 2:
        view.setUint32(at, INTERESTING[next(INTERESTING.length)]!, true);
        break;
      case 3:
        view.setUint16(at, view.getUint16(at, true) + next(5) - 2, true);
        break;
      default: {
        const [from] = ranges[next(ranges.length)]!;
        bytes.copyWithin(at, from, from + 1 + next(TOUCHED));
      }
    }
  }
  return touched;
}

/** Places of the image that hold structures: what lies around the bytes that are not files' noise. */
function structures(bytes: Uint8Array): [number, number][] {
  const places: [number, number][] = [];
  for (let at = 0; at + 64 <= bytes.length; at += 64) {
    const piece = bytes.subarray(at, at + 64);
    const zeros = piece.filter((byte) => byte === 0).length;
    if (zeros > 3 && zeros < 64) places.push([at, 64]);
  }
  return places;
}

describe("damaged images", () => {
  const folder = scratch(before, after);
  const path = (name: string): string => join(folder(), name);

  before(async () => {
    await ensureTools("mke2fs", "e2fsck", "mkfs.fat", "mcopy", "xorriso", "sfdisk");
    await mkdir(path("tree/a/b/c"), { recursive: true });
    for (let index = 0; index < 24; index++) {
      await writeFile(path(`tree/a/a rather long name of file ${index}`), noise(index * 300, index + 1));
    }
    await writeFile(path("tree/a/b/c/deep"), "deep\n");
  });

  /** Makes an empty file and gives its path. */
  async function empty(name: string, bytes: number): Promise<string> {
    await writeFile(path(name), "");
    await truncate(path(name), bytes);
    return path(name);
  }

  async function ext(...args: string[]): Promise<string> {
    const image = await empty("ext.img", MIB);
    await tool("mke2fs", ["-q", "-F", "-b", "1024", "-N", "64", ...args, "-d", path("tree"), image]);
    await tool("e2fsck", ["-fyD", image]).catch(() => undefined);
    return image;
  }

  async function fat(mib: number, ...args: string[]): Promise<string> {
    const image = await empty("fat.img", mib * MIB);
    await tool("mkfs.fat", [...args, image]);
    await tool("mcopy", ["-i", image, "-s", "-Q", path("tree/a"), "::/"], { environment: { MTOOLS_SKIP_CHECK: "1" } });
    return image;
  }

  async function disk(script: string): Promise<string> {
    const image = await empty("disk.img", MIB);
    await tool("sfdisk", ["--quiet", image], { input: script });
    return image;
  }

  const IMAGES: readonly (readonly [name: string, make: () => Promise<string>])[] = [
    ["ext2", () => ext("-t", "ext2", "-O", "dir_index")],
    ["ext4", () => ext("-t", "ext4", "-O", "^has_journal,^metadata_csum,^resize_inode")],
    [
      "ext4 with inline data and meta_bg",
      () => ext("-t", "ext4", "-I", "256", "-O", "inline_data,meta_bg,^metadata_csum,^resize_inode,^has_journal"),
    ],
    ["FAT12", () => fat(1, "-F", "12", "-s", "1")],
    ["FAT32", () => fat(34, "-F", "32", "-s", "1")],
    [
      "ISO 9660 with Rock Ridge and Joliet",
      async () => {
        const image = path("cd.iso");
        const boot = ["-b", "a/a rather long name of file 20", "-no-emul-boot", "-boot-load-size", "4"];
        await tool("xorriso", ["-as", "mkisofs", "-quiet", "-R", "-J", ...boot, "-o", image, path("tree")]);
        return image;
      },
    ],
    [
      "MBR with logical partitions",
      () => disk("label: dos\nstart=8, size=40\nsize=1000, type=5\n" + "size=20\n".repeat(6)),
    ],
    ["GPT", () => disk("label: gpt\nfirst-lba: 34\nsize=100\nsize=200\nsize=300\n")],
  ];

  for (const [name, make] of IMAGES) {
    it(`${name}: ${ROUNDS} rounds`, async (test) => {
      const image = new Uint8Array(await readFile(await make()));
      await parseAll(watched(image, memory()));
      const places = structures(image);
      assert.ok(places.length > 5, `${places.length} places`);
      test.diagnostic(`${places.length} places, seeds from ${FIRST_SEED} on`);
      const bytes = image.slice();
      let slowest = { milliseconds: 0, seed: 0 };
      for (let seed = FIRST_SEED; seed < FIRST_SEED + ROUNDS; seed++) {
        const touched = damage(bytes, places, random(seed));
        const began = Date.now();
        try {
          await parseAll(watched(bytes, memory()));
        } catch (error) {
          throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
        }
        for (const at of touched) bytes.set(image.subarray(at, at + TOUCHED), at);
        const milliseconds = Date.now() - began;
        if (milliseconds > slowest.milliseconds) slowest = { milliseconds, seed };
      }
      test.diagnostic(`slowest round: seed ${slowest.seed}, ${slowest.milliseconds} ms`);
    });
  }
});
