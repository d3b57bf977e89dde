/** ext2, ext3 and ext4 as mke2fs makes them of a folder, compared with that folder. */
import assert from "node:assert/strict";
import { mkdir, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Volume } from "../../boot-formats/disk/byte-source.ts";
import { openExt } from "../../boot-formats/filesystems/ext/ext.ts";
import { ensureTools, tool } from "../../scripts/guests/tools.ts";
import { compareTree, makeUnixTree, scratch, withImage } from "./trees.ts";

const UUID = "b007c0de-0000-4000-8000-0000000000e4";
/** Name, kind that the parser tells, arguments of mke2fs, and whether directories are rebuilt with an index. */
const CASES: readonly (readonly [name: string, kind: string, args: string[], index?: boolean])[] = [
  ["ext2 with blocks of 1 KiB", "ext2", ["-t", "ext2", "-b", "1024"]],
  ["ext2 of revision 0", "ext2", ["-t", "ext2", "-b", "1024", "-r", "0"]],
  ["ext2 with blocks of 4 KiB", "ext2", ["-t", "ext2", "-b", "4096"]],
  ["ext3 with an index", "ext3", ["-t", "ext3", "-b", "1024"], true],
  ["ext4 as usual", "ext4", ["-t", "ext4"]],
  ["ext4 with blocks of 1 KiB and an index", "ext4", ["-t", "ext4", "-b", "1024"], true],
  ["ext4 with blocks of 64 KiB", "ext4", ["-t", "ext4", "-b", "65536"]],
  ["ext4 with inline data", "ext4", ["-t", "ext4", "-O", "inline_data", "-I", "256"]],
  ["ext4 with inline data in inodes of 1 KiB", "ext4", ["-t", "ext4", "-O", "inline_data", "-I", "1024"]],
  ["ext4 with meta_bg", "ext4", ["-t", "ext4", "-b", "1024", "-g", "1024", "-O", "meta_bg,^resize_inode"]],
  ["ext4 without 64bit and checksums", "ext4", ["-t", "ext4", "-O", "^64bit,^metadata_csum"]],
  ["ext4 with a checksum seed", "ext4", ["-t", "ext4", "-O", "metadata_csum_seed"]],
  ["ext4 with bigalloc", "ext4", ["-t", "ext4", "-O", "bigalloc", "-C", "16384"]],
  ["ext4 with sparse_super2", "ext4", ["-t", "ext4", "-b", "1024", "-g", "1024", "-O", "sparse_super2"]],
  ["ext4 with block maps", "ext4", ["-t", "ext4", "-b", "1024", "-O", "^extents,^64bit"]],
  ["ext4 with inodes of 128 bytes", "ext4", ["-t", "ext4", "-I", "128"]],
];

describe("ext2, ext3 and ext4 made by mke2fs", () => {
  const folder = scratch(before, after);
  before(async () => {
    await ensureTools("mke2fs", "e2fsck", "debugfs");
    await mkdir(join(folder(), "tree"));
    await makeUnixTree(join(folder(), "tree"));
  });

  for (const [name, kind, args, index = false] of CASES) {
    it(name, async () => {
      const image = join(folder(), "ext.img");
      await writeFile(image, "");
      await truncate(image, 96 * 1024 * 1024);
      const tree = join(folder(), "tree");
      await tool("mke2fs", ["-q", "-F", "-U", UUID, "-L", "bootscope", ...args, "-d", tree, image]);
      if (index) await tool("e2fsck", ["-fyD", image]).catch(() => undefined);
      await withImage(image, async (source) => {
        const system = await openExt(Volume.whole(source));
        assert.equal(system.kind, kind);
        assert.equal(system.uuid, UUID);
        assert.equal(system.label, "bootscope");
        assert.deepEqual(system.problems, []);
        // Inodes of 128 bytes have no room for times after 2038.
        const times = args.includes("128") || args.includes("0") ? "none" : "all";
        // mke2fs cuts files off that begin with inline data and a hole (seen by debugfs, too).
        const inline = args.includes("inline_data");
        const ignore = (path: string): boolean => path === "lost+found" || (inline && path === "unix/holes");
        const count = await compareTree(system, tree, { unix: true, times, ignore });
        assert.ok(count > 650, `${count} files`);
      });
    });
  }
});
