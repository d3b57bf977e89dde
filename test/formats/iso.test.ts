/** CD images as xorriso makes them of a folder, compared with that folder; El Torito with what xorriso reports. */
import assert from "node:assert/strict";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Volume } from "../../boot-formats/disk/byte-source.ts";
import { readElTorito } from "../../boot-formats/disk/el-torito.ts";
import { openIso } from "../../boot-formats/filesystems/iso/iso.ts";
import { openFileSystem } from "../../boot-formats/filesystems/open.ts";
import { installerIso, isolinuxIso } from "../../scripts/guests/syslinux-disks.ts";
import { memtestIso, grubIso } from "../../scripts/guests/grub-disks.ts";
import { ensureTools, tool } from "../../scripts/guests/tools.ts";
import { compareTree, makePlainTree, makeUnixTree, scratch, withImage } from "./trees.ts";

describe("ISO 9660 made by xorriso", () => {
  const folder = scratch(before, after);
  before(async () => {
    await ensureTools("xorriso");
    for (const name of ["unix", "plain"]) await mkdir(join(folder(), name));
    await makeUnixTree(join(folder(), "unix"));
    makePlainTree(join(folder(), "plain"));
  });

  it("with Rock Ridge: everything that Unix has", async () => {
    const image = join(folder(), "rock-ridge.iso");
    await tool("xorriso", ["-as", "mkisofs", "-quiet", "-R", "-V", "BOOTSCOPE", "-o", image, join(folder(), "unix")]);
    await withImage(image, async (source) => {
      const system = await openIso(Volume.whole(source));
      assert.equal(system.kind, "ISO 9660 with Rock Ridge");
      assert.equal(system.label, "BOOTSCOPE");
      const count = await compareTree(system, join(folder(), "unix"), { unix: true, times: "all" });
      assert.ok(count > 650, `${count} files`);
    });
  });

  it("with relocated deep directories", async () => {
    const image = join(folder(), "relocated.iso");
    const relocate = ["-outdev", image, "-compliance", "rec_mtime:deep_paths_off:long_paths_off"];
    await tool("xorriso", [...relocate, "-map", join(folder(), "unix"), "/"]);
    await withImage(image, async (source) => {
      const system = await openIso(Volume.whole(source));
      await compareTree(system, join(folder(), "unix"), { unix: true, times: "all" });
    });
  });

  it("with Joliet", async () => {
    const image = join(folder(), "joliet.iso");
    const args = ["-as", "mkisofs", "-quiet", "-J", "-joliet-long", "-R", "-o", image, join(folder(), "plain")];
    await tool("xorriso", args, { environment: { LC_ALL: "C.UTF-8" } });
    await withImage(image, async (source) => {
      const system = await openIso(Volume.whole(source), "joliet");
      assert.equal(system.kind, "ISO 9660 with Joliet");
      assert.equal(system.label, "ISOIMAGE");
      const count = await compareTree(system, join(folder(), "plain"), {
        unix: false,
        // More than 103 characters do not fit into a Joliet name.
        ignore: (path) => path.startsWith("long-"),
      });
      assert.ok(count > 640, `${count} files`);
    });
  });

  it("real CD images: the tree that xorriso extracts, the boot images that it reports", async () => {
    for (const make of [isolinuxIso, installerIso, grubIso, memtestIso]) {
      const image = await make();
      console.log(image);
      const content = join(folder(), "extracted");
      await tool("xorriso", ["-osirrox", "on", "-indev", image, "-extract", "/", content]);
      const report = await tool("xorriso", ["-indev", image, "-report_el_torito", "plain"]);
      await withImage(image, async (source) => {
        const disk = Volume.whole(source);
        const system = await openFileSystem(disk);
        await compareTree(system, content, { unix: true, times: "but links" });
        const boot = await readElTorito(disk);
        assert.ok(boot);
        assert.deepEqual(boot.problems, []);
        assert.deepEqual(
          boot.images.map(({ platform, bootable, media, sectors, offset }) => {
            const emulation = { "no emulation": "none", "1.44 MB diskette": "fd1.4" }[media];
            return [platform.replace("x86 ", ""), bootable ? "y" : "n", emulation, sectors, offset / 2048];
          }),
          [...report.matchAll(/boot img : +\d+ +(\w+) +(\w) +(\S+) +\S+ +\S+ +(\d+) +(\d+)/g)].map(
            ([, platform, bootable, emulation, sectors, lba]) => [
              platform,
              bootable,
              emulation,
              Number(sectors),
              Number(lba),
            ],
          ),
        );
        assert.ok(boot.images.length > 0);
      });
      await rm(content, { recursive: true });
    }
  });
});
