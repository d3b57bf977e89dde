import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { makeFolderSafely, newNameProblem, writeFileSafely } from "./write-safely.ts";

let home = "";

before(async () => {
  home = await mkdtemp(path.join(tmpdir(), "bootscope-write-"));
});
after(() => rm(home, { recursive: true }));

test("a file is there when it is complete, and not before", async () => {
  const target = path.join(home, "vmlinux");
  await writeFile(target, "before");
  await assert.rejects(
    writeFileSafely(target, async (temporary) => {
      await writeFile(temporary, "half");
      assert.equal(await readFile(target, "utf8"), "before");
      throw new Error("Cancelled.");
    }),
    /Cancelled/,
  );
  assert.equal(await readFile(target, "utf8"), "before");
  await writeFileSafely(target, (temporary) => writeFile(temporary, "after"));
  assert.equal(await readFile(target, "utf8"), "after");
  assert.deepEqual(await readdir(home), ["vmlinux"], "nothing else is left");
});

test("a folder is there when it is filled; one that is there stays as it is", async () => {
  const target = path.join(home, "tree");
  await assert.rejects(
    makeFolderSafely(target, async (temporary) => {
      await mkdir(path.join(temporary, "deep"));
      await writeFile(path.join(temporary, "deep", "file"), "x");
      throw new Error("Cancelled.");
    }),
    /Cancelled/,
  );
  assert.deepEqual(await readdir(home), ["vmlinux"]);
  await makeFolderSafely(target, (temporary) => writeFile(path.join(temporary, "file"), "x"));
  assert.deepEqual(await readdir(target), ["file"]);
  await assert.rejects(
    makeFolderSafely(target, () => Promise.resolve()),
    /is there already/,
  );
});

test("names for new folders are checked", async () => {
  assert.equal(await newNameProblem(home, "fresh"), undefined);
  for (const bad of ["", "  ", ".", "..", "a/b", "a\\b", "../up", "tree"]) {
    assert.equal(typeof (await newNameProblem(home, bad)), "string", bad);
  }
});
