import assert from "node:assert/strict";
import { test } from "node:test";
import { cpioDirectory, cpioFile, cpioSymlink, writeCpio, type CpioEntry } from "../cpio.ts";
import { indexInitramfs, type Initramfs } from "./archive.ts";
import { InitramfsTree } from "./tree.ts";

async function indexOf(...archives: CpioEntry[][]): Promise<Initramfs> {
  return indexInitramfs(Buffer.concat(archives.map((entries) => writeCpio(entries))));
}

const treeOf = async (...archives: CpioEntry[][]): Promise<InitramfsTree> =>
  new InitramfsTree(await indexOf(...archives));

test("paths are followed through links, as the kernel unpacks them", async () => {
  const tree = await treeOf([
    cpioDirectory("."),
    cpioDirectory("usr"),
    cpioDirectory("usr/bin"),
    cpioSymlink("bin", "usr/bin"),
    cpioFile("bin/sh", "shell", 0o755),
    cpioSymlink("etc", "/usr/../usr"),
    cpioFile("deep/without/folders", ""),
  ]);
  assert.deepEqual(tree.refused, []);
  assert.equal(tree.find("/bin/sh")?.path, "usr/bin/sh");
  assert.equal(tree.find("etc/bin/../../bin/sh")?.path, "usr/bin/sh");
  assert.equal(tree.find("bin", false)?.entry?.target, "usr/bin");
  assert.equal(tree.find("bin")?.path, "usr/bin");
  assert.equal(tree.find("deep/without")?.entry, undefined);
  assert.equal(tree.find("nothing/here"), undefined);
  assert.equal(tree.find("bin/sh/below"), undefined);
  assert.deepEqual([...(tree.find("")?.children?.keys() ?? [])], ["usr", "bin", "etc", "deep"]);
});

test("later archives lie over earlier ones", async () => {
  const tree = await treeOf(
    [cpioDirectory("etc"), cpioFile("etc/motd", "old"), cpioFile("etc/kept", "kept")],
    [cpioDirectory("etc", 0o700), cpioFile("etc/motd", "newer")],
  );
  assert.equal(tree.find("etc/motd")?.entry?.dataSize, 5);
  assert.equal(tree.find("etc")?.entry?.mode, 0o40700);
  assert.equal(tree.find("etc/kept")?.entry?.dataSize, 4);
});

test("paths that climb out and loops of links give one sentence each", async () => {
  const tree = await treeOf([
    cpioFile("../outside", ""),
    cpioFile("a/../../outside", ""),
    cpioFile("a/..", ""),
    cpioFile("inside/../fine", ""),
    cpioSymlink("loop", "pool"),
    cpioSymlink("pool", "loop"),
    cpioFile("loop/below", ""),
    cpioFile("file", ""),
    cpioFile("file/below", ""),
    cpioSymlink("self", "self/self/self"),
    cpioDirectory("full"),
    cpioFile("full/file", ""),
    cpioFile("full", ""),
  ]);
  assert.deepEqual(
    tree.refused.map(({ reason }) => reason),
    [
      "The path ../outside of an entry climbs out of the archive.",
      "The path a/../../outside of an entry climbs out of the archive.",
      'The path a/.. of an entry ends in "..": a name was expected.',
      "The path loop/below leads through a loop of symbolic links.",
      "The path file/below of an entry leads through something that is no folder.",
      "The entry full is a folder with content in an earlier archive.",
    ],
  );
  assert.equal(tree.find("fine")?.path, "fine");
  assert.throws(() => tree.find("loop"), /^FormatError: The path loop leads through a loop of symbolic links\.$/);
  assert.throws(() => tree.find("self"), /loop of symbolic links/);
});
