/** All that one initrd is held against: extraction, listing, repacking. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { streamCpio } from "../../boot-formats/cpio.ts";
import { indexInitramfs, type Initramfs } from "../../boot-formats/initramfs/archive.ts";
import { folderEntries, initramfsEntries } from "../../boot-formats/initramfs/repack.ts";
import {
  describeFolder,
  describeInitramfs,
  extractParts,
  hostFolder,
  inScratch,
  listEntries,
  listOriginal,
  store,
} from "./initramfs-oracle.ts";

/** Throws when our parser differs from Debian's tools; returns what it found. */
export async function checkInitrd(path: string): Promise<Initramfs> {
  const bytes = new Uint8Array(await readFile(path));
  const index = await indexInitramfs(bytes);
  for (const segment of index.segments) assert.equal(segment.problem, undefined);
  assert.deepEqual(
    index.entries.filter((entry) => entry.problem !== undefined),
    [],
  );
  assert.equal(await listEntries(initramfsEntries(bytes, index)), await listOriginal(bytes, index));
  await inScratch(async (folder) => {
    const parts = await extractParts(path, index, folder);
    assert.equal(parts.length, index.segments.length);
    for (const [part, root] of parts.entries()) {
      const extracted = await describeFolder(root);
      assert.deepEqual(await describeInitramfs(bytes, index, [part]), extracted);
      await checkRepacking(root, index, part, extracted);
    }
  });
  return index;
}

/** A folder packed by us holds what it holds, and packing it twice gives the same bytes. */
async function checkRepacking(root: string, index: Initramfs, part: number, expected: string[]): Promise<void> {
  await inScratch(async (folder) => {
    const original = index.entries.filter((entry) => entry.segment === part);
    const packed = [join(folder, "first.img"), join(folder, "second.img")];
    for (const path of packed) await store(streamCpio(await folderEntries(hostFolder(root), { original })), path);
    const [first, second] = await Promise.all(packed.map(async (path) => new Uint8Array(await readFile(path))));
    assert.ok(Buffer.from(first!).equals(second!));
    assert.deepEqual(await describeInitramfs(first!, await indexInitramfs(first!), [0]), expected);
  });
}
