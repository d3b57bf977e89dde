/** Initrds of Debian and of this project against unmkinitramfs and cpio. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { compressStream } from "../../boot-formats/compression/compress.ts";
import { streamCpio } from "../../boot-formats/cpio.ts";
import { indexInitramfs } from "../../boot-formats/initramfs/archive.ts";
import { folderEntries } from "../../boot-formats/initramfs/repack.ts";
import { debianSystem } from "../../scripts/guests/debian-system.ts";
import { BUSYBOX_GREETING, busyboxInitramfs, cloudKernel } from "../../scripts/guests/guests.ts";
import { Guest } from "../boots/guest.ts";
import { checkInitrd } from "./initrd-checks.ts";
import { hostFolder, inScratch, store, unmkinitramfs } from "./initramfs-oracle.ts";

// Device nodes can only be extracted as root.
const skip = process.getuid?.() === 0 ? false : "only root can extract device nodes";

test("the busybox initramfs", { skip }, async () => {
  const index = await checkInitrd(await busyboxInitramfs());
  assert.deepEqual(
    index.segments.map((segment) => segment.compression),
    ["gzip"],
  );
});

test("early microcode before an initramfs", { skip }, async () => {
  await inScratch(async (folder) => {
    const microcode = join(folder, "early/kernel/x86/microcode");
    mkdirSync(microcode, { recursive: true });
    writeFileSync(join(microcode, "GenuineIntel.bin"), "microcode".repeat(1000));
    // As Debian's hook of the intel-microcode package packs it.
    const names = execFileSync("find", [".", "-print0"], { cwd: join(folder, "early") });
    const options = ["-o", "-0", "-H", "newc", "--quiet", "--reproducible", "-R", "0:0"];
    const early = execFileSync("cpio", options, { cwd: join(folder, "early"), input: names });
    const initrd = join(folder, "initrd.img");
    writeFileSync(initrd, Buffer.concat([early, await readFile((await debianSystem()).smallInitrd)]));
    const { segments } = await checkInitrd(initrd);
    assert.deepEqual(
      segments.map((segment) => segment.name),
      ["Intel microcode", "initramfs by initramfs-tools"],
    );
  });
});

test("an initramfs extracted, changed and packed again boots", { skip }, async () => {
  await inScratch(async (folder) => {
    const original = await busyboxInitramfs();
    const [root] = await unmkinitramfs(original, join(folder, "root"));
    writeFileSync(join(root!, "etc/motd"), "packed again\n");
    const { entries } = await indexInitramfs(new Uint8Array(await readFile(original)));
    const archive = streamCpio(await folderEntries(hostFolder(root!), { original: entries }));
    const packed = join(folder, "packed.img");
    await store(compressStream("gzip", archive), packed);
    const guest = await Guest.boot("packed", { kernel: (await cloudKernel()).vmlinuz, initrd: packed });
    guest.expect(BUSYBOX_GREETING);
    guest.expect("~ # ");
    assert.match(
      guest.command("cat /etc/motd; stat -c '%F %a %u' /dev/../bin/busybox"),
      /packed again\nregular file 755 0/,
    );
  });
});
