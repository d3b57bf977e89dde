import assert from "node:assert/strict";
import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { cpioCharDevice, cpioDirectory, cpioFile, cpioSymlink, writeCpio } from "../../../boot-formats/cpio.ts";
import { indexInitramfs, type InitramfsEntry } from "../../../boot-formats/initramfs/archive.ts";
import { busyboxInitramfs } from "../../../scripts/guests/guests.ts";
import { compareEntries, describeDifference, listing, summarise } from "../compare.ts";
import { digestEntries } from "./digests.ts";
import { extractInitramfs } from "./extract.ts";
import { packFolder } from "./pack.ts";

let home = "";
const silent = (): void => undefined;

before(async () => {
  home = await mkdtemp(path.join(tmpdir(), "bootscope-extract-"));
});
after(() => rm(home, { recursive: true }));

async function emptyFolder(name: string): Promise<string> {
  const folder = path.join(home, name);
  await mkdir(folder);
  return folder;
}

test("names that climb out are left out and told; nothing is written outside", async () => {
  const outside = await emptyFolder("outside");
  const inside = await emptyFolder("inside");
  const archive = writeCpio([
    cpioFile("../outside/escaped", "x"),
    cpioFile("a/../../outside/escaped", "x"),
    cpioSymlink("way", outside),
    cpioFile("way/through-a-link", "x"),
    cpioFile("/absolute", "below the folder"),
    cpioFile("fine", "content", 0o640),
  ]);
  const report = await extractInitramfs(archive, inside, silent);
  assert.deepEqual(await readdir(outside), []);
  assert.equal(await readFile(path.join(inside, "absolute"), "utf8"), "below the folder");
  assert.equal(await readFile(path.join(inside, "fine"), "utf8"), "content");
  assert.equal((await lstat(path.join(inside, "fine"))).mode & 0o777, 0o640);
  assert.equal(await readlink(path.join(inside, "way")), outside);
  // The link's target counts from the archive's own root, as it does for the kernel.
  const through = path.join(inside, ...outside.split(path.sep), "through-a-link");
  assert.equal(await readFile(through, "utf8"), "x");
  assert.equal(report.leftCount, 2, report.left.join("\n"));
  for (const told of report.left) assert.match(told, /\.$/);
});

test("a later entry of a name replaces an earlier one, as the kernel does it", async () => {
  const folder = await emptyFolder("replaced");
  const first = writeCpio([cpioFile("init", "old"), cpioDirectory("d"), cpioFile("d/one", "1")]);
  const second = writeCpio([cpioFile("init", "new", 0o755), cpioFile("d/two", "2")]);
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  const report = await extractInitramfs(both, folder, silent);
  assert.equal(await readFile(path.join(folder, "init"), "utf8"), "new");
  assert.deepEqual((await readdir(path.join(folder, "d"))).sort(), ["one", "two"]);
  assert.equal(report.files, 3);
});

test("a damaged archive is told, not half believed", async () => {
  const folder = await emptyFolder("damaged");
  const archive = writeCpio([cpioFile("a", "content of a file")]);
  await assert.rejects(extractInitramfs(archive.subarray(0, 120), folder, silent), /truncated/);
});

/** What an entry is, but for the times and numbers that packing does not keep. */
function essence({ path: name, mode, uid, gid, rdev, target, dataSize }: InitramfsEntry): unknown {
  return { name: name.replace(/^\.\//, ""), mode, uid, gid, rdev, target, dataSize };
}

test("the busybox initramfs extracted and packed again is the same, device nodes included", async () => {
  const original = await readFile(await busyboxInitramfs());
  const folder = await emptyFolder("busybox");
  const report = await extractInitramfs(original, folder, silent);
  assert.ok(report.files > 0 && report.links > 100, JSON.stringify(report));
  for (const packing of ["none", "gzip", "zstd"] as const) {
    const target = path.join(home, `packed-${packing}`);
    await packFolder(folder, target, packing, original, silent);
    const bytes = await readFile(target);
    if (packing === "none") {
      const again = path.join(home, "packed-again");
      await packFolder(folder, again, packing, original, silent);
      assert.deepEqual(bytes, await readFile(again), "equal folders give equal bytes");
    }
    const [before, after] = [await indexInitramfs(original), await indexInitramfs(bytes)];
    const sorted = (entries: InitramfsEntry[]): unknown[] =>
      entries
        .filter(({ path: name }) => name !== ".")
        .sort((a, b) => (a.path < b.path ? -1 : 1))
        .map(essence);
    assert.deepEqual(sorted(after.entries), sorted(before.entries));
    const same = compareEntries(await digestEntries(original, silent), await digestEntries(bytes, silent));
    assert.deepEqual(same.differences, []);
  }
});

test("two archives are compared by content, mode, owner and size", async () => {
  const left = writeCpio([
    cpioFile("same", "same"),
    cpioFile("grown", "short"),
    cpioFile("mode", "x"),
    cpioFile("gone", "123"),
    cpioCharDevice("dev", 5, 1),
  ]);
  const right = writeCpio([
    cpioFile("same", "same"),
    cpioFile("grown", "much longer"),
    cpioFile("mode", "x", 0o755),
    cpioFile("new\nline", "12"),
    cpioCharDevice("dev", 5, 2),
  ]);
  const [one, other] = [await digestEntries(left, silent), await digestEntries(right, silent)];
  const comparison = compareEntries(one, other);
  assert.deepEqual(
    comparison.differences.map(({ path: name, kind }) => `${kind} ${name}`),
    ["changed dev", "removed gone", "changed grown", "changed mode", "added new\nline"],
  );
  assert.equal(summarise(comparison), "1 added, 1 removed, 3 changed, 1 the same, +5 bytes");
  const text = (name: string): string =>
    describeDifference(comparison.differences.find(({ path: wanted }) => wanted === name)!);
  assert.equal(text("grown"), "5 bytes → 11 bytes (+6 bytes)");
  assert.equal(text("mode"), "-rw-r--r-- → -rwxr-xr-x");
  const lines = listing(other, (name) => JSON.stringify(name))
    .trimEnd()
    .split("\n");
  assert.equal(lines.length, 5, "a name with a line break is one line");
});

test("packing does not follow links out of the folder", async () => {
  const folder = await emptyFolder("linked");
  await writeFile(path.join(home, "secret"), "secret");
  const { symlink } = await import("node:fs/promises");
  await symlink(path.join(home, "secret"), path.join(folder, "link"));
  const target = path.join(home, "linked.cpio");
  await packFolder(folder, target, "none", undefined, silent);
  const bytes = await readFile(target);
  const { entries } = await indexInitramfs(bytes);
  assert.equal(entries.find(({ path: name }) => name === "link")?.target, path.join(home, "secret"));
  assert.ok(!bytes.includes("secretTRAILER") && entries.every(({ uid, gid }) => uid === 0 && gid === 0));
});
