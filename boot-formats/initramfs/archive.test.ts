import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { cpioCharDevice, cpioDirectory, cpioFile, cpioSymlink, writeCpio, type CpioEntry } from "../cpio.ts";
import { FormatError } from "../errors.ts";
import { indexInitramfs, readFile, walkContents, type Initramfs } from "./archive.ts";

const ENTRIES: CpioEntry[] = [
  cpioDirectory("bin"),
  cpioFile("bin/tool", "odd", 0o755),
  cpioSymlink("bin/link", "tool"),
  cpioCharDevice("console", 5, 1),
  { ...cpioFile("one", ""), hardLink: "file" },
  { ...cpioFile("two", "shared"), hardLink: "file" },
];
const ARCHIVE = writeCpio(ENTRIES);
const EARLY = writeCpio([cpioDirectory("kernel"), cpioFile("kernel/x86/microcode/GenuineIntel.bin", "microcode")]);

const joined = (...parts: (Uint8Array | string)[]): Uint8Array =>
  Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part, "latin1") : part)));
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

async function contents(bytes: Uint8Array, index: Initramfs): Promise<string[]> {
  const list: string[] = [];
  for (const entry of index.entries) list.push(`${entry.path}: ${text(await readFile(bytes, index, entry))}`);
  return list;
}

const LISTED = ["bin: ", "bin/tool: odd", "bin/link: tool", "console: ", "one: shared", "two: shared"];

/** As the tools of an initramfs's maker compress. */
const COMPRESSORS: readonly (readonly [string, ...string[]])[] = [
  ["gzip", "-n"],
  ["bzip2"],
  ["lzma"],
  ["xz", "--check=crc32"],
  ["lzop"],
  ["lz4", "-l"],
  ["zstd"],
];

function compressed([command, ...args]: readonly [string, ...string[]], input: Uint8Array): Uint8Array | undefined {
  const { stdout, error } = spawnSync(command, [...args, "-c"], { input, maxBuffer: 1 << 26 });
  return error ? undefined : stdout;
}

test("a plain archive: metadata, ranges into the file, hard links", async () => {
  const index = await indexInitramfs(ARCHIVE);
  assert.deepEqual(
    index.entries.map((e) => [e.path, e.mode.toString(8), e.uid, e.gid, e.nlink, e.dataSize]),
    [
      ["bin", "40755", 0, 0, 2, 0],
      ["bin/tool", "100755", 0, 0, 1, 3],
      ["bin/link", "120777", 0, 0, 1, 4],
      ["console", "20600", 0, 0, 1, 0],
      ["one", "100644", 0, 0, 2, 0],
      ["two", "100644", 0, 0, 2, 6],
    ],
  );
  assert.deepEqual(index.entries[3]!.rdev, { major: 5, minor: 1 });
  assert.equal(index.entries[2]!.target, "tool");
  const { start, end } = index.entries[1]!.dataRange;
  assert.equal(text(ARCHIVE.subarray(start, end)), "odd");
  const [segment] = index.segments;
  assert.deepEqual(segment!.file, { start: 0, end: segment!.archives[0]!.trailer!.end });
  assert.equal(segment!.problem, undefined);
  assert.deepEqual(await contents(ARCHIVE, index), LISTED);
});

for (const compressor of COMPRESSORS) {
  const main = compressed(compressor, ARCHIVE);
  const skip = main ? false : `${compressor[0]} is not installed`;
  test(`microcode, zeros, and an archive compressed by ${compressor.join(" ")}`, { skip }, async () => {
    const file = joined(EARLY, new Uint8Array(512), main!);
    const index = await indexInitramfs(file);
    assert.deepEqual(
      index.segments.map((s) => [s.name, s.compression, s.file.start, s.problem]),
      [
        ["Intel microcode", undefined, 0, undefined],
        ["initramfs", compressor[0] === "lzop" ? "lzo" : compressor[0], EARLY.length + 512, undefined],
      ],
    );
    assert.equal(index.segments[1]!.file.end, file.length);
    assert.equal(index.segments[1]!.unpackedSize, ARCHIVE.length);
    assert.deepEqual((await contents(file, index)).slice(2), LISTED);
    // A stream of another kind may follow, padded as cat and cpio leave it.
    const padded = joined(main!, new Uint8Array(8 - (main!.length % 4)), ARCHIVE);
    const two = await indexInitramfs(padded);
    assert.equal(two.segments.length, 2);
    assert.deepEqual((await contents(padded, two)).slice(LISTED.length), LISTED);
  });
}

test("several archives within one compressed stream", async () => {
  const file = compressed(["gzip"], joined(ARCHIVE, new Uint8Array(512), EARLY, new Uint8Array(100)))!;
  const { segments, entries } = await indexInitramfs(file);
  assert.equal(segments.length, 1);
  assert.equal(segments[0]!.archives.length, 2);
  assert.equal(entries.length, ENTRIES.length + 2);
  assert.equal(segments[0]!.archives[1]!.range.start, ARCHIVE.length + 512);
});

test("archives of cpio itself in its three ASCII formats", async (context) => {
  for (const format of ["newc", "crc", "odc"]) {
    const { stdout, error } = spawnSync("cpio", ["-o", "-H", format, "--quiet"], {
      cwd: import.meta.dirname,
      input: "archive.ts\nmode.ts\n",
      maxBuffer: 1 << 26,
    });
    await context.test(format, { skip: error ? "cpio is not installed" : false }, async () => {
      const index = await indexInitramfs(stdout);
      assert.deepEqual(
        index.segments[0]!.archives.map((a) => a.format),
        [format],
      );
      assert.equal(index.segments[0]!.problem, undefined);
      assert.match(text(await readFile(stdout, index, index.entries[0]!)), /What an initramfs is made of/);
      assert.equal(index.entries[0]!.problem, undefined);
      if (format !== "crc") return;
      const damaged = Uint8Array.from(stdout);
      const { start } = index.entries[1]!.dataRange;
      damaged[start] = damaged[start]! ^ 1;
      assert.match(
        (await indexInitramfs(damaged)).entries[1]!.problem ?? "",
        /^The sum of the content is \d+, the header/,
      );
    });
  }
});

test("old initrd images are told apart by their file system", async () => {
  const image = (offset: number, bytes: number[]): Uint8Array => {
    const file = new Uint8Array(8192);
    file.set(bytes, offset);
    return file;
  };
  const cases: [Uint8Array, RegExp][] = [
    [joined("-rom1fs-", new Uint8Array(4000)), /romfs/],
    [joined("hsqs", new Uint8Array(4000)), /squashfs/],
    [image(0, [0x45, 0x3d, 0xcd, 0x28]), /cramfs/],
    [image(1024 + 56, [0x53, 0xef]), /ext2/],
    [image(1024 + 16, [0x7f, 0x13]), /minix/],
  ];
  for (const [file, name] of cases) {
    // A file that begins with zeros still begins with them.
    const { segments } = await indexInitramfs(file);
    assert.match(segments[0]!.name, name);
    assert.equal(segments[0]!.file.start, 0);
    const packed = compressed(["gzip"], file)!;
    assert.match((await indexInitramfs(packed)).segments[0]!.name, name);
  }
});

test("a boot configuration behind the archive", async () => {
  const config = Buffer.from("kernel.console = ttyS0\n\0");
  const footer = Buffer.alloc(8);
  footer.writeUInt32LE(config.length, 0);
  footer.writeUInt32LE(
    config.reduce((sum, byte) => sum + byte, 0),
    4,
  );
  const index = await indexInitramfs(joined(ARCHIVE, config, footer, "#BOOTCONFIG\n"));
  assert.equal(index.bootConfig?.text, "kernel.console = ttyS0\n");
  assert.equal(index.bootConfig.problem, undefined);
  assert.equal(index.segments.length, 1);
  assert.equal(index.segments[0]!.problem, undefined);
  footer.writeUInt32LE(0xffff_ffff, 0);
  const bad = await indexInitramfs(joined(ARCHIVE, config, footer, "#BOOTCONFIG\n"));
  assert.match(bad.bootConfig?.problem ?? "", /has 4294967295 bytes/);
});

test("every truncation is told in one sentence, with what came before it", async () => {
  const { archives } = (await indexInitramfs(ARCHIVE)).segments[0]!;
  for (let length = 6; length < archives[0]!.trailer!.end; length++) {
    const { segments } = await indexInitramfs(ARCHIVE.subarray(0, length));
    assert.match(segments[0]!.problem ?? "", /^The cpio archive is truncated at byte \d+: /, `at ${length}`);
  }
  await assert.rejects(async () => {
    for await (const step of walkContents(ARCHIVE.subarray(0, ARCHIVE.length - 130))) assert.ok(step.index >= 0);
  }, /truncated/);
});

test("hostile headers give one clear sentence", async () => {
  const patched = (at: number, value: string): Uint8Array => {
    const copy = Uint8Array.from(ARCHIVE);
    copy.set(new TextEncoder().encode(value), at);
    return copy;
  };
  const second = (await indexInitramfs(ARCHIVE)).entries[1]!.headerRange.start;
  const cases: [Uint8Array, RegExp][] = [
    [patched(second, "070709"), /No cpio header at byte \d+: the magic 070701 .* was expected/],
    [patched(second + 6, "nothexad"), /c_ino must be hexadecimal digits/],
    [patched(second + 6 + 11 * 8, "00000000"), /a name of 0 bytes, 1 to 4096 were expected/],
    [patched(second + 6 + 11 * 8, "ffffffff"), /a name of 4294967295 bytes, 1 to 4096 were expected/],
    [
      patched(second + 6 + 6 * 8, "ffffffff"),
      /truncated at byte \d+: bin\/tool of 4294967295 bytes reaches beyond its end/,
    ],
    [joined(ARCHIVE, "junk"), /Neither a cpio archive nor compressed data at byte \d+: they begin with 6a 75 6e 6b/],
    [compressed(["gzip"], joined(ARCHIVE, "junk"))!, /Junk at byte \d+ of the decompressed data/],
    [compressed(["gzip"], joined("nothing known"))!, /hold no cpio archive and no file system known/],
  ];
  for (const [file, message] of cases) {
    assert.match((await indexInitramfs(file)).segments.at(-1).problem ?? "", message);
  }
  await assert.rejects(indexInitramfs(new Uint8Array(64)), /is empty/);
  await assert.rejects(indexInitramfs(new TextEncoder().encode("#!/bin/sh")), /they begin with 23 21 2f 62 69 6e/);
});

test("bombs are stopped by their limit", async () => {
  const bomb = compressed(["gzip"], new Uint8Array(4_000_000))!;
  const { segments } = await indexInitramfs(bomb, { unpackedBytes: 1_000_000 });
  assert.match(segments[0]!.problem ?? "", /decompress to more than 1000000 bytes/);
  await assert.rejects(indexInitramfs(ARCHIVE, { entries: 3 }), /more than 3 entries/);
  const index = await indexInitramfs(ARCHIVE);
  await assert.rejects(readFile(ARCHIVE, index, index.entries[5]!, 3), /has 6 bytes: at most 3 are read/);
});

test("no damage causes anything but a FormatError", async () => {
  const file = joined(EARLY, compressed(["gzip"], ARCHIVE)!);
  for (let at = 0; at < file.length; at += 3) {
    for (const value of [0x00, 0x30, 0x7f, 0xff]) {
      const copy = Uint8Array.from(file);
      copy[at] = value;
      await indexInitramfs(copy).catch((error: unknown) => assert.ok(error instanceof FormatError, String(error)));
    }
  }
});
