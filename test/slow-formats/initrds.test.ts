/** Every kind of initrd that Debian's tools make, and the large ones, against unmkinitramfs and cpio. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { Initramfs } from "../../boot-formats/initramfs/archive.ts";
import { GuestError } from "../../scripts/guests/debian.ts";
import { debianSystem } from "../../scripts/guests/debian-system.ts";
import { installer } from "../../scripts/guests/guests.ts";
import { madeInitrds } from "../../scripts/guests/initrds.ts";
import { checkInitrd } from "../formats/initrd-checks.ts";

/** What its segments are for and how they are compressed. */
function segmentsOf({ segments }: Initramfs): string[] {
  return segments.map(({ name, compression }) => `${name}: ${compression ?? "none"}`);
}

test("the installer's initrd", async () => {
  const index = await checkInitrd((await installer()).initrd);
  assert.deepEqual(segmentsOf(index), ["initramfs of the Debian installer: gzip"]);
});

test("initramfs-tools with most modules", async () => {
  const index = await checkInitrd((await debianSystem()).initrd);
  assert.deepEqual(segmentsOf(index), ["initramfs by initramfs-tools: zstd"]);
});

async function checkAll(context: TestContext, microcode: boolean): Promise<void> {
  for (const { maker, compression, path } of await madeInitrds(microcode)) {
    await context.test(`${maker}, ${compression}`, async () => {
      const index = await checkInitrd(path);
      const early = segmentsOf(index).slice(0, -1);
      if (microcode) assert.match(early.join(), /^(AMD|Intel).*microcode/);
      else assert.deepEqual(early, []);
      assert.equal(segmentsOf(index).at(-1), `initramfs by ${maker}: ${compression}`);
      console.log(
        `# ${segmentsOf(index).join(", ")}: ${index.entries.length} entries, ${index.segments.reduce((sum, { unpackedSize }) => sum + unpackedSize, 0)} bytes`,
      );
    });
  }
}

test("both makers, each compression", (context) => checkAll(context, false));

test("both makers, each compression, with microcode", async (context) => {
  try {
    await madeInitrds(true);
  } catch (error) {
    if (!(error instanceof GuestError)) throw error;
    context.skip(error.message);
    return;
  }
  await checkAll(context, true);
});
