import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { compressStream } from "./compression/compress.ts";
import {
  cpioCharDevice,
  cpioDirectory,
  cpioFile,
  cpioSymlink,
  streamCpio,
  writeCpio,
  type CpioEntry,
  type CpioSource,
} from "./cpio.ts";
import { FormatError } from "./errors.ts";

const ENTRIES: CpioEntry[] = [
  cpioDirectory("bin"),
  cpioFile("bin/tool", "odd", 0o755),
  cpioSymlink("bin/link", "tool"),
  cpioCharDevice("dev-console", 5, 1),
  { ...cpioFile("one", ""), hardLink: "x" },
  { ...cpioFile("two", "shared"), hardLink: "x", uid: 7, gid: 8, mtime: 86400 },
];

const sources = (entries: readonly CpioEntry[]): CpioSource[] =>
  entries.map(({ data, ...entry }) => ({ ...entry, size: data.length, read: () => [data] }));

async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

test("equal entries give equal bytes, streamed or at once", async () => {
  const archive = writeCpio(ENTRIES);
  assert.deepEqual(archive, writeCpio(ENTRIES.map((entry) => ({ ...entry }))));
  assert.ok((await collect(streamCpio(sources(ENTRIES)))).equals(archive));
});

const cpio = spawnSync("cpio", ["--version"]).error ? "cpio is not installed" : false;
test("GNU cpio lists our archive", { skip: cpio }, () => {
  const { stdout, status } = spawnSync("cpio", ["-itv", "--numeric-uid-gid"], {
    input: writeCpio(ENTRIES),
    encoding: "utf8",
    env: { ...process.env, TZ: "UTC", LC_ALL: "C" },
  });
  assert.equal(status, 0);
  assert.match(stdout, /^drwxr-xr-x +2 0 +0 .* bin$/m);
  assert.match(stdout, /^-rwxr-xr-x +1 0 +0 +3 .* bin\/tool$/m);
  assert.match(stdout, /^lrwxrwxrwx .* bin\/link -> tool$/m);
  assert.match(stdout, /^crw------- .* 5, +1 .* dev-console$/m);
  assert.match(stdout, /^-rw-r--r-- +2 7 +8 +6 Jan +2 +1970 two$/m);
});

for (const [format, ...command] of [
  ["gzip", "gzip", "-dc"],
  ["zstd", "zstd", "-dc"],
] as const) {
  const skip = spawnSync(command[0], ["--version"]).error ? `${command[0]} is not installed` : false;
  test(`${format} of ours is undone by the tool, and is always the same`, { skip }, async () => {
    const data = Uint8Array.from({ length: 1_500_000 }, (_, index) => (index * index) >> 9);
    const big = writeCpio([cpioFile("big", data), ...ENTRIES]);
    const pieces = [big.subarray(0, 10), big.subarray(10, 700_000), big.subarray(700_000)];
    const [first, second] = await Promise.all([
      collect(compressStream(format, pieces)),
      collect(compressStream(format, [big])),
    ]);
    assert.ok(first.equals(second));
    assert.ok(first.length < big.length);
    const { stdout, status } = spawnSync(command[0], command.slice(1), { input: first, maxBuffer: 1 << 26 });
    assert.equal(status, 0);
    assert.ok(stdout.equals(big));
  });
}

test("what does not fit into a header is refused", async () => {
  assert.throws(() => writeCpio([cpioFile("x".repeat(4096), "")]), /is too long: at most 4095 bytes/);
  assert.throws(() => writeCpio([cpioFile("a\0b", "")]), /has a zero byte in it/);
  assert.throws(() => writeCpio([{ ...cpioFile("a", ""), mtime: -1 }]), /does not fit into its header: -1/);
  assert.throws(() => writeCpio([{ ...cpioFile("a", ""), uid: 2 ** 32 }]), FormatError);
  const changed = { ...cpioFile("log", ""), size: 5, read: () => [new Uint8Array(9)] };
  await assert.rejects(collect(streamCpio([changed])), /size of log changed while it was read: it was 5 bytes/);
});
