/** Every kind of initrd that Debian's tools make, and the large ones, against unmkinitramfs and cpio. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { debianSystem } from "../../scripts/guests/debian-system.ts";
import { installer } from "../../scripts/guests/guests.ts";
import { madeInitrds } from "../../scripts/guests/initrds.ts";
import { checkInitrd } from "../formats/initrd-checks.ts";

test("the installer's initrd", async () => {
  const { segments } = await checkInitrd((await installer()).initrd);
  assert.deepEqual(
    segments.map((segment) => [segment.name, segment.compression]),
    [["initramfs of the Debian installer", "gzip"]],
  );
});

test("initramfs-tools with most modules", async () => {
  const { segments } = await checkInitrd((await debianSystem()).initrd);
  assert.deepEqual(
    segments.map((segment) => [segment.name, segment.compression]),
    [["initramfs by initramfs-tools", "zstd"]],
  );
});

test("both makers, each compression", async (context) => {
  for (const { maker, compression, path } of await madeInitrds()) {
    await context.test(`${maker}, ${compression}`, async () => {
      const index = await checkInitrd(path);
      const main = index.segments.at(-1);
      assert.deepEqual([main.name, main.compression], [`initramfs by ${maker}`, compression]);
      console.log(`# ${maker} ${compression}: ${index.entries.length} entries, ${main.unpackedSize} bytes`);
    });
  }
});
