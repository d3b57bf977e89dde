import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { readBootFile, readBootFileHead } from "./boot-files.ts";

test("a check gets the head of a file in its full length, and all of it only when it wants that", async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), "bootscope-files-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = path.join(folder, "kernel");
  const content = new Uint8Array(1 << 20).fill(0x90);
  await writeFile(file, content);

  const head = await readBootFileHead("kernel", file);
  assert.equal(head.length, content.length);
  assert.equal(head[0x1ffff], 0x90);
  assert.equal(head.at(-1), 0, "the rest is not read");
  assert.deepEqual(await readBootFileHead("kernel", file, (bytes) => bytes[0] === 0x90), content);
  assert.deepEqual(await readBootFile("kernel", file), content);
});

test("a file that cannot be read is told in one sentence, by a check as by the boot", async () => {
  for (const read of [readBootFile, readBootFileHead]) {
    await assert.rejects(read("initrd", "/nonexistent"), /^Error: The initrd "\/nonexistent" does not exist\.$/);
    await assert.rejects(read("initrd", "/"), /is a directory: a file was expected\./);
  }
});
