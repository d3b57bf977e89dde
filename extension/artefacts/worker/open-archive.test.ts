/** Old initrds: images of file systems instead of archives, in every compression. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { memorySource } from "../../../boot-formats/disk/byte-source.ts";
import { ensureTools, tool } from "../../../scripts/guests/tools.ts";
import { DiskContent } from "../content-tree.ts";
import { recognise } from "../recognise.ts";
import { OpenArchive } from "./open-archive.ts";

let folder = "";
let image: Uint8Array;

before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "bootscope-block-"));
  const root = path.join(folder, "root");
  mkdirSync(path.join(root, "sbin"), { recursive: true });
  writeFileSync(path.join(root, "linuxrc"), "#!/bin/sh\n");
  symlinkSync("../linuxrc", path.join(root, "sbin/init"));
  const file = path.join(folder, "initrd");
  await ensureTools("mke2fs");
  await tool("mke2fs", ["-q", "-F", "-t", "ext2", "-d", root, file, "2M"]);
  image = new Uint8Array(readFileSync(file));
});
after(() => rmSync(folder, { recursive: true }));

for (const [command, ...args] of [["gzip"], ["xz", "--check=crc32"], ["lz4", "-l"], ["zstd"]] as const) {
  const skip = spawnSync(command, ["--version"]).error ? `${command} is not installed` : false;
  test(`an ext2 image compressed by ${command} is that file system`, { skip }, async () => {
    const bytes = execFileSync(command, [...args, "-c"], { input: image, maxBuffer: 1 << 24 });
    assert.equal(await recognise(memorySource(bytes)), "initramfs");
    const archive = await OpenArchive.open(bytes);
    const [segment] = archive.index.segments;
    assert.deepEqual(segment?.image, { fileSystem: "ext2, ext3 or ext4", size: image.length });
    assert.equal(segment.problem, undefined);
    const content = await DiskContent.open(memorySource(await archive.stream(0)));
    assert.deepEqual(content.volumes, ["ext2, 2 MiB"]);
    const init = await content.source("ext2, 2 MiB/sbin/init");
    assert.equal(Buffer.from(await init!.read(0, init!.size)).toString(), "#!/bin/sh\n");
  });
}
