/** ext2, ext3 and ext4 as mke2fs makes them of a folder, compared with that folder. */
import assert from "node:assert/strict";
import { mkdir, open, readFile, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Volume } from "../../boot-formats/disk/byte-source.ts";
import { openExt } from "../../boot-formats/filesystems/ext/ext.ts";
import {
  findFile,
  readRange,
  readWhole,
  type FileNode,
  type FileSystem,
} from "../../boot-formats/filesystems/file-system.ts";
import { ensureTools, tool } from "../../scripts/guests/tools.ts";
import { compareTree, makeUnixTree, noise, scratch, withImage } from "./trees.ts";

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

describe("ext4 changed by debugfs", () => {
  const folder = scratch(before, after);
  let image = "";
  const debugfs = (command: string): Promise<string> => tool("debugfs", ["-w", "-R", command, image]);

  before(async () => {
    await ensureTools("mke2fs", "debugfs");
    image = join(folder(), "ext.img");
    await mkdir(join(folder(), "tree/directory"), { recursive: true });
    await writeFile(join(folder(), "tree/file"), noise(300_000, 5));
    await symlink("/directory/../loop-b", join(folder(), "tree/loop-a"));
    await symlink("loop-a", join(folder(), "tree/loop-b"));
    await symlink("../../../file", join(folder(), "tree/directory/up"));
    await writeFile(image, "");
    await truncate(image, 8 * 1024 * 1024);
    await tool("mke2fs", ["-q", "-F", "-t", "ext4", "-b", "1024", "-d", join(folder(), "tree"), image]);
  });

  /** Runs the body on a file of the image. */
  async function onFile(path: string, body: (system: FileSystem, file: FileNode) => Promise<void>): Promise<void> {
    await withImage(image, async (source) => {
      const system = await openExt(Volume.whole(source));
      const file = await findFile(system, path);
      assert.ok(file);
      await body(system, file);
    });
  }

  it("holes and blocks that are reserved but not written: the bytes that debugfs dumps, at its places", async () => {
    for (const command of [
      "punch /file 10 20",
      "punch /file 200 200",
      "fallocate /file 12 15",
      "fallocate /file 292 400",
    ]) {
      await debugfs(command);
    }
    const copy = join(folder(), "copy");
    await debugfs(`dump /file ${copy}`);
    const expected = await readFile(copy);
    await onFile("/file", async (system, file) => {
      const bytes = await readWhole(system, file, 1_000_000);
      assert.ok(expected.equals(bytes));
      assert.ok(bytes.subarray(10 * 1024, 21 * 1024).every((byte) => byte === 0));
      const places = new Map<number, number>();
      for await (const { offset, length, at } of file.runs(0, file.stat.size)) {
        for (let byte = offset; at !== undefined && byte < offset + length; byte += 1024) {
          places.set(byte / 1024, (at + byte - offset) / 1024);
        }
      }
      for (const block of [0, 9, 11, 13, 21, 199, 200, 201, 292]) {
        // "bmap" prints the block, and marks those that are not written.
        const [, place, mark] = /^(\d+)(.*)$/m.exec(await debugfs(`bmap /file ${block}`)) ?? [];
        const wanted = place === "0" || mark?.includes("uninit") === true ? undefined : Number(place);
        assert.equal(places.get(block), wanted, `block ${block}`);
      }
    });
  });

  it("pieces of a file, and its end", async () => {
    await onFile("/file", async (system, file) => {
      const whole = await readWhole(system, file, 1_000_000);
      for (const [offset, length] of [
        [0, 1],
        [1000, 100],
        [1023, 2],
        [9_999, 30_001],
        [299_999, 10],
        [300_000, 5],
      ] as const) {
        assert.deepEqual(await readRange(system, file, offset, length), whole.subarray(offset, offset + length));
      }
      await assert.rejects(readWhole(system, file, 299_999), /300000 bytes: at most 299999 were expected/);
    });
  });

  it("times after 2038", async () => {
    await debugfs("set_inode_field /file mtime 22001231120000");
    await onFile("/file", (_system, file) => {
      assert.equal(new Date(file.stat.mtime * 1000).toISOString(), "2200-12-31T12:00:00.000Z");
      return Promise.resolve();
    });
  });

  it("paths: links are followed, go in circles, and never leave the root", async () => {
    await onFile("/directory/up", (_system, file) => {
      assert.equal(file.stat.size, 300_000);
      return Promise.resolve();
    });
    await onFile("/", async (system) => {
      assert.equal((await findFile(system, "directory/up", false))?.stat.type, "symlink");
      assert.equal(await findFile(system, "directory/missing"), undefined);
      assert.equal(await findFile(system, "file/below"), undefined);
      await assert.rejects(findFile(system, "loop-a"), /leads through more than 40 links/);
    });
  });

  it("a damaged inode is told by its checksum", async () => {
    const place = await debugfs("imap /file");
    const [, block, offset] = /block (\d+), offset (0x[0-9a-f]+)/.exec(place) ?? [];
    const file = await open(image, "r+");
    await file.write(Buffer.from([0x55]), 0, 1, Number(block) * 1024 + Number(offset) + 4);
    await file.close();
    await assert.rejects(
      onFile("/file", () => Promise.resolve()),
      /The checksum of inode \d+ is 0x[0-9A-F]+, but its bytes give 0x[0-9A-F]+\./,
    );
  });
});
