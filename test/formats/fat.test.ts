/** FAT12, FAT16 and FAT32 as mkfs.fat and mtools make them, compared with the folder that was copied in. */
import assert from "node:assert/strict";
import { mkdir, readdir, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Volume } from "../../boot-formats/disk/byte-source.ts";
import { openFat } from "../../boot-formats/filesystems/fat/fat.ts";
import { ensureTools, tool } from "../../scripts/guests/tools.ts";
import { compareTree, makePlainTree, scratch, withImage } from "./trees.ts";

const MIB = 1024 * 1024;
/** Names are in UTF-8; times are kept as they are. */
const environment = { LC_ALL: "C.UTF-8", TZ: "UTC", MTOOLS_SKIP_CHECK: "1" };

const CASES: readonly (readonly [name: string, kind: string, mib: number, args: string[]])[] = [
  ["FAT12", "FAT12", 15, ["-F", "12", "-s", "8"]],
  ["FAT16", "FAT16", 64, ["-F", "16"]],
  ["FAT16 with large sectors", "FAT16", 64, ["-F", "16", "-S", "2048", "-s", "1"]],
  ["FAT32", "FAT32", 64, ["-F", "32", "-s", "1"]],
  ["FAT32 with clusters of 32 KiB", "FAT32", 2200, ["-F", "32", "-s", "64"]],
];

describe("FAT made by mkfs.fat and mcopy", () => {
  const folder = scratch(before, after);
  before(async () => {
    await ensureTools("mkfs.fat", "mcopy");
    await mkdir(join(folder(), "tree"));
    makePlainTree(join(folder(), "tree"));
  });

  for (const [name, kind, mib, args] of CASES) {
    it(name, async () => {
      const image = join(folder(), "fat.img");
      const tree = join(folder(), "tree");
      await writeFile(image, "");
      await truncate(image, mib * MIB);
      await tool("mkfs.fat", [...args, "-i", "b007c0d5", "-n", "BOOT SCOPE", image]);
      const names = (await readdir(tree)).map((file) => join(tree, file));
      await tool("mcopy", ["-i", image, "-s", "-Q", "-m", ...names, "::/"], { environment });
      await withImage(image, async (source) => {
        const system = await openFat(Volume.whole(source));
        assert.equal(system.kind, kind);
        assert.equal(system.label, "BOOT SCOPE");
        assert.equal(system.uuid, "B007-C0D5");
        assert.deepEqual(system.problems, []);
        const count = await compareTree(system, tree, { unix: false });
        assert.ok(count > 640, `${count} files`);
      });
    });
  }
});
