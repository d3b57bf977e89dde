/** Recognising what a volume holds, and file systems that no tool would write. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { memorySource, Volume } from "../disk/byte-source.ts";
import { openFat } from "./fat/fat.ts";
import { findFile, readRange, walkFiles } from "./file-system.ts";
import { identifyContent, openFileSystem } from "./open.ts";

const SECTOR = 512;

function volume(bytes: Uint8Array): Volume {
  return Volume.whole(memorySource(bytes));
}

function put(bytes: Uint8Array, at: number, text: string): Uint8Array {
  bytes.set(
    Array.from(text, (letter) => letter.charCodeAt(0)),
    at,
  );
  return bytes;
}

test("contents that are not read are named", async () => {
  const named = async (at: number, text: string): Promise<string | undefined> =>
    (await identifyContent(volume(put(new Uint8Array(128 * 1024), at, text))))?.name;
  assert.equal(await named(3, "NTFS    "), "NTFS");
  assert.equal(await named(4086, "SWAPSPACE2"), "Linux swap");
  assert.equal(await named(0, "LUKS\xba\xbe"), "LUKS (encrypted)");
  assert.equal(await named(0x10040, "_BHRfS_M"), "Btrfs");
  assert.equal(await named(0, "nothing known"), undefined);
});

test("what cannot be opened is told in one sentence", async () => {
  const ntfs = put(new Uint8Array(4096), 3, "NTFS    ");
  await assert.rejects(
    openFileSystem(volume(ntfs)),
    /^FormatError: In the disk at 0x0 is NTFS: ext2\/3\/4, FAT or ISO 9660 is read\.$/,
  );
  await assert.rejects(openFileSystem(volume(new Uint8Array(10))), /no file system was recognised/);
  const short = volume(new Uint8Array(4096)).part(1024, 99999, "partition 1");
  assert.equal(short.size, 3072);
  await assert.rejects(
    short.read(3000, 100, "the table"),
    /The table would lie at 0xBB8 \(100 bytes\), but partition 1/,
  );
});

/** FAT12: one FAT of a sector, a root directory of 16 entries, 40 clusters of a sector. */
function fat12(entries: readonly Uint8Array[], chain: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(43 * SECTOR);
  const view = new DataView(bytes.buffer);
  bytes.set([0xeb, 0x3c, 0x90]);
  view.setUint16(11, SECTOR, true);
  bytes[13] = 1;
  view.setUint16(14, 1, true);
  bytes[16] = 1;
  view.setUint16(17, 16, true);
  view.setUint16(19, 43, true);
  bytes[21] = 0xf8;
  view.setUint16(22, 1, true);
  for (const [index, next] of chain.entries()) {
    const at = SECTOR + Math.floor((index * 3) / 2);
    const word = view.getUint16(at, true);
    view.setUint16(at, index % 2 === 0 ? (word & 0xf000) | next : (word & 0x000f) | (next << 4), true);
  }
  entries.forEach((entry, index) => bytes.set(entry, 2 * SECTOR + index * 32));
  return bytes;
}

function entry(name: string, attributes: number, cluster: number, size: number): Uint8Array {
  const bytes = put(new Uint8Array(32), 0, name);
  bytes[11] = attributes;
  const view = new DataView(bytes.buffer);
  view.setUint16(26, cluster, true);
  view.setUint32(28, size, true);
  return bytes;
}

test("FAT chains that run in circles, end too soon or leave the table are told", async () => {
  const chain = [0xff8, 0xfff, 3, 2, 0xfff, 999];
  const files = [
    entry("CIRCLE  BIN", 0, 2, 1_000_000),
    entry("SHORT   BIN", 0, 4, 1000),
    entry("BEYOND  BIN", 0, 5, 1000),
    entry("NOWHERE BIN", 0, 777, 1000),
  ];
  const system = await openFat(volume(fat12(files, chain)));
  const read = async (path: string): Promise<Uint8Array> => {
    const file = await findFile(system, path);
    assert.ok(file);
    return readRange(system, file, 0, file.stat.size);
  };
  await assert.rejects(read("CIRCLE.BIN"), /begins at cluster 2 runs in a circle/);
  await assert.rejects(read("SHORT.BIN"), /has 1000 bytes, but its chain ends after 512/);
  await assert.rejects(read("BEYOND.BIN"), /cluster 5 is followed by 999: 2 to 41, or an end, was expected/);
  await assert.rejects(read("NOWHERE.BIN"), /begins at cluster 777: 2 to 41 was expected/);
});

test("a directory within itself is told, and names cannot leave their folder", async () => {
  const bytes = fat12([entry("LOOP       ", 0x10, 2, 0), entry("A/B        ", 0, 0, 0)], [0xff8, 0xfff, 0xfff]);
  bytes.set(entry("..      /  ", 0, 0, 0), 3 * SECTOR);
  bytes.set(entry("AGAIN      ", 0x10, 2, 0), 3 * SECTOR + 32);
  const system = await openFat(volume(bytes));
  const names = (await (await system.root()).list()).map(({ name }) => name);
  assert.deepEqual(names, ["LOOP", "A\\x2fB"]);
  await assert.rejects(async () => {
    for await (const { path } of walkFiles(system)) assert.ok(!path.includes("../"), path);
  }, /The directory \/LOOP\/AGAIN is found a second time/);
});
