/** The initramfs in a machine's memory, held against the file, `cpio -t` and the kernel's own words. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { cpioDirectory, cpioFile, cpioSymlink, writeCpio } from "../../boot-formats/cpio.ts";
import type { CpuResponse, InitramfsAtResponse, InitramfsResponse } from "../../debug-adapter/protocol.ts";
import { busyboxInitramfs, cloudKernel } from "../../scripts/guests/guests.ts";
import type { Client } from "./client.ts";
import { client, temporaryFolder } from "./fixture.ts";
import { consoleText, initramfs, readPhysical, word32, writePhysical } from "./handed-over-guest.ts";

const RAMDISK_IMAGE = 0x218n;
const RAMDISK_SIZE = 0x21cn;

const at = (session: Client, address: bigint): Promise<InitramfsAtResponse> =>
  session.ask<InitramfsAtResponse>("bootscope/initramfsAt", { address: `phys:0x${address.toString(16)}` });

/** boot_params as a direct boot hands it over: RSI at the entry. */
async function bootParams(session: Client): Promise<bigint> {
  const { cpu } = await session.ask<CpuResponse>("bootscope/cpu");
  return BigInt(cpu.gpr[6] ?? 0);
}

test("the archive of a real boot: as loaded, until the kernel frees it", { timeout: 600_000 }, async (t) => {
  const { vmlinuz: kernel } = await cloudKernel();
  const initrd = await busyboxInitramfs();
  const session = client(t);
  await session.launch({ boot: "direct", kernel, initrd, stopAt: ["decompressor", "init"] });
  await session.stopped();

  const file = await readFile(initrd);
  const loaded = await initramfs(session, { count: 1000 });
  const physical = BigInt(loaded.place?.physical ?? 0);
  assert.equal(loaded.place?.size, file.length);
  assert.match(loaded.source, /^ramdisk_image and ramdisk_size of boot_params at phys:0x/);
  assert.deepEqual(await readPhysical(session, physical, 4096), file.subarray(0, 4096), "it lies where it is said to");
  assert.equal(loaded.comparison?.differ, 0);
  assert.equal(loaded.comparison.pages, Math.ceil(file.length / 4096));
  assert.equal(loaded.comparison.text, `Memory is still byte for byte the file ${path.basename(initrd)}.`);
  assert.deepEqual(loaded.problems, []);
  const listed = execFileSync("cpio", ["-t", "--quiet"], { input: gunzipSync(file), encoding: "utf8" });
  const names = listed.trimEnd().split("\n");
  assert.ok(names.length > 10);
  assert.deepEqual(
    loaded.entries.map((entry) => entry.path),
    names,
  );
  assert.equal(loaded.total, names.length);
  assert.equal(loaded.segments.length, 1);
  assert.equal(loaded.segments[0]?.compression, "gzip");
  assert.equal(loaded.segments[0].entries, names.length);
  assert.ok(
    loaded.entries.every((entry) => entry.physical === undefined),
    "compressed files lie nowhere in memory",
  );
  const { text, segment, offset } = await at(session, physical + 100n);
  assert.match(text, /^Byte 100 of the gzip data of segment 0 /);
  assert.deepEqual([segment, offset], [0, 100]);

  await session.move("continue");
  const [, first, last] = /RAMDISK: \[mem 0x([0-9a-f]+)-0x([0-9a-f]+)\]/.exec(consoleText(session)) ?? [];
  assert.equal(physical, BigInt(`0x${first}`), "the kernel says the same");
  const pages = BigInt(Math.ceil(file.length / 4096));
  assert.equal(physical + pages * 4096n - 1n, BigInt(`0x${last}`), "which counts in pages");
  const freed = await initramfs(session, { count: 1000 });
  assert.deepEqual(freed.place, loaded.place);
  assert.ok((freed.comparison?.differ ?? 0) > 0, "the kernel has freed it");
  assert.equal(freed.problems.length, 1);
  assert.match(
    freed.problems[0] ?? "",
    /pages of memory differ from the file .* nothing but cc, with which the kernel/,
  );
  assert.deepEqual(
    freed.entries.map((entry) => entry.path),
    names,
    "no garbage: the archive as it was",
  );
  await session.close();
});

test("plain and compressed segments, addresses of files, and what writes change", { timeout: 120_000 }, async (t) => {
  const { vmlinuz: kernel } = await cloudKernel();
  const init = Buffer.from("#!/bin/sh\n".padEnd(9000, "x"));
  const plain = writeCpio([cpioDirectory("etc"), cpioFile("init", init, 0o755), cpioSymlink("sbin", "usr/sbin")]);
  const packed = gzipSync(writeCpio([cpioFile("late", "late\n")]));
  const bytes = Buffer.concat([plain, Buffer.alloc(512 - (plain.length % 512)), packed]);
  const initrd = path.join(await temporaryFolder(t), "two-parts.img");
  await writeFile(initrd, bytes);
  const session = client(t);
  await session.launch({ boot: "direct", kernel, initrd, stopAt: "decompressor" });
  await session.stopped();

  const found = await initramfs(session, { count: 1000 });
  assert.deepEqual(
    found.segments.map(({ compression, offset, entries }) => [compression, offset, entries]),
    [
      [undefined, 0, 3],
      ["gzip", bytes.length - packed.length, 1],
    ],
  );
  const modes = found.entries.map(({ path: name, mode, size, target, segment }) => [name, mode, size, target, segment]);
  assert.deepEqual(modes, [
    ["etc", "drwxr-xr-x", 0, undefined, 0],
    ["init", "-rwxr-xr-x", 9000, undefined, 0],
    ["sbin", "lrwxrwxrwx", 8, "usr/sbin", 0],
    ["late", "-rw-r--r--", 5, undefined, 1],
  ]);
  const base = BigInt(found.place?.physical ?? 0);
  const content = BigInt(found.entries[1]?.physical ?? 0);
  assert.deepEqual(await readPhysical(session, content, init.length), init);
  assert.equal(found.entries[3]?.physical, undefined);

  const header = BigInt(bytes.indexOf("070701", 1));
  const places: readonly (readonly [bigint, object])[] = [
    [base + header, { segment: 0, entry: 1, part: "header", offset: 0 }],
    [base + header + 112n, { segment: 0, entry: 1, part: "name", offset: 2 }],
    [content + 4321n, { segment: 0, entry: 1, part: "content", offset: 4321 }],
    [base + BigInt(bytes.length - 1), { segment: 1, offset: packed.length - 1 }],
  ];
  for (const [address, wanted] of places) {
    const { text, physical, ...place } = await at(session, address);
    assert.deepEqual(place, wanted, text);
    assert.equal(BigInt(physical), address);
  }
  assert.match(
    (await at(session, content + 4321n)).text,
    /^Byte 4321 of the 9000 bytes of content of init, in segment 0/,
  );
  assert.match((await at(session, base - 1n)).text, /lies outside the initramfs/);
  assert.match(
    (await at(session, base + BigInt(plain.length) + 1n)).text,
    /in none of its segments|the end of its archive/,
  );

  const some = await initramfs(session, { from: 0, count: 1, filter: "IN" });
  assert.deepEqual([some.total, some.entries.map((entry) => entry.index)], [2, [1]]);

  await writePhysical(session, content + 5000n, Buffer.from("?"));
  const changed = await initramfs(session, { count: 10, again: true });
  assert.equal(changed.comparison?.differ, 1);
  assert.match(changed.problems[0] ?? "", /^1 of 3 pages of memory differ from the file two-parts.img/);
  assert.deepEqual(
    changed.entries.map((entry) => entry.overwritten),
    [undefined, true, undefined, undefined],
  );
  assert.match((await at(session, content + 5000n)).text, /memory holds something else by now/);
  await session.close();
});

test("hostile fields give one sentence", { timeout: 120_000 }, async (t) => {
  const { vmlinuz: kernel } = await cloudKernel();
  const session = client(t);
  const initrd = await busyboxInitramfs();
  await session.launch({ boot: "direct", kernel, initrd, memory: 256, stopAt: "decompressor" });
  await session.stopped();
  const params = await bootParams(session);
  const set = async (image: number, size: number): Promise<void> => {
    await writePhysical(session, params + RAMDISK_IMAGE, word32(image));
    await writePhysical(session, params + RAMDISK_SIZE, word32(size));
  };
  const refused = (): Promise<string> => session.refused("bootscope/initramfs", { count: 10 });
  await set(0x100_0000, 0xffff_ffff);
  assert.match(
    await refused(),
    /^The boot_params at phys:0x\w+ has an initramfs of 4294967295 bytes at phys:0x1000000, but/,
  );
  await set(0xffff_0000, 4096);
  assert.match(await refused(), /^(The initramfs of 4096 bytes at phys:0xffff0000 leaves memory|No initramfs lies at)/);
  await set(0x0fff_f000, 8192);
  assert.match(await refused(), /leaves memory: there is none at phys:0x10000000\.$/);
  await set(Number(params), 4096);
  assert.match(await refused(), /^No initramfs lies at phys:0x\w+: /);
  await set(0, 0);
  const none = await session.ask<InitramfsResponse>("bootscope/initramfs", { count: 10 });
  assert.equal(none.place, undefined);
  assert.match(none.source, /^There is no initramfs by ramdisk_image and ramdisk_size of boot_params/);
  assert.match(
    await session.refused("bootscope/initramfs", { count: 1001 }),
    /"count" must be a whole number from 0 to/,
  );
  // The high half counts, too.
  await writePhysical(session, params + 0xc4n, word32(1));
  assert.match(
    await session.refused("bootscope/initramfsAt", { address: "0x0" }),
    /There is no initramfs|4294967296 bytes/,
  );
  await session.close();
});
