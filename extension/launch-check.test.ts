import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { launchProblem } from "./launch-check.ts";

let folder = "";
const at = (name: string): string => path.join(folder, name);

/** An arm64 Image: the magic at 0x38 (kernel Documentation/arch/arm64/booting.rst). */
function arm64Image(): Buffer {
  const image = Buffer.alloc(4096);
  image.write("MZ", 0, "latin1");
  image.write("ARM\x64", 0x38, "latin1");
  return image;
}

/** A bzImage's setup header (boot.rst) that announces 1 MiB of protected-mode code. */
function bzImage(size: number): Buffer {
  const image = Buffer.alloc(size);
  image[0x1f1] = 3;
  image.writeUInt32LE((1 << 20) / 16, 0x1f4);
  image.writeUInt16LE(0xaa55, 0x1fe);
  image.writeUInt16LE(0x66eb, 0x200);
  image.write("HdrS", 0x202, "latin1");
  image.writeUInt16LE(0x020f, 0x206);
  image[0x211] = 1;
  image.writeUInt32LE(0x7fffffff, 0x22c);
  image.writeUInt32LE(0x200000, 0x230);
  image[0x234] = 1;
  image.writeUInt16LE(1, 0x236);
  image.writeUInt32LE(2047, 0x238);
  image.writeBigUInt64LE(0x1000000n, 0x258);
  image.writeUInt32LE(0x800000, 0x260);
  return image;
}

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "bootscope-check-"));
  await writeFile(at("Image"), arm64Image());
  await writeFile(at("truncated"), bzImage(0x8000));
  await writeFile(at("whole"), bzImage(2 << 20));
  await writeFile(at("empty"), "");
  await writeFile(at("initrd"), Buffer.alloc(12 << 20));
});
after(() => rm(folder, { recursive: true }));

const one = async (input: Record<string, unknown>): Promise<string> => {
  const problem = (await launchProblem(input)) ?? "";
  assert.ok(!problem.includes("\n"), "one sentence");
  return problem;
};

test("a good launch has no problem", async () => {
  assert.equal(await launchProblem({ kernel: at("whole"), initrd: at("initrd"), memory: 64 }), undefined);
});

test("each wrong file is told by name and kind", async () => {
  assert.match(await one({ kernel: at("nowhere") }), /kernel ".*nowhere" does not exist/);
  assert.match(await one({ kernel: folder }), /is a directory/);
  assert.match(await one({ kernel: at("Image") }), /arm64/);
  assert.match(await one({ kernel: at("truncated") }), /truncated/);
  assert.match(await one({ kernel: at("empty") }), /empty/);
  assert.match(await one({ kernel: at("whole"), initrd: at("nothing") }), /initrd ".*nothing" does not exist/);
  assert.match(await one({ kernel: at("whole"), initrd: at("empty") }), /initrd .*empty/);
});

test("an initrd larger than what memory is left is told", async () => {
  assert.match(await one({ kernel: at("whole"), initrd: at("initrd"), memory: 32 }), /initrd .*12 MiB.*32 MiB/);
  assert.match(await one({ kernel: at("whole"), memory: 16 }), /24 MiB.*16 MiB/);
  assert.match(await one({ kernel: at("whole"), memory: 16, boot: "direct" }), /24 MiB.*16 MiB/);
});

test("attributes of a wrong type or value are told", async () => {
  assert.match(await one({ kernel: 5 }), /"kernel" must be the path/);
  assert.match(await one({ kernel: at("whole"), memory: "512" }), /"memory" must be a number/);
  assert.match(await one({ kernel: at("whole"), memory: 1.5 }), /1\.5 MiB/);
  assert.match(await one({ kernel: at("whole"), entry: "16" }), /"entry" is "16"/);
  assert.match(await one({ kernel: at("whole"), stopAt: ["init", "shell"] }), /"stopAt" names "shell"/);
  assert.match(await one({ kernel: at("whole"), cmdline: "x".repeat(3000) }), /2047/);
});

test("something has to be booted, and it has to go together", async () => {
  assert.match(await one({}), /names nothing to boot/);
  assert.match(await one({ boot: "direct", disks: [at("whole")] }), /direct boot needs a "kernel"/);
  assert.match(await one({ boot: "warm", demo: true }), /"boot" is "warm": "full" or "direct"/);
  assert.match(await one({ initrd: at("initrd"), demo: true }), /"initrd" without the "kernel"/);
  assert.match(await one({ kernel: at("whole"), demo: true }), /"demo"/);
  assert.match(await one({ disks: at("whole") }), /"disks" must be a list/);
  assert.match(await one({ disks: [5] }), /Each of "disks"/);
  assert.match(await one({ disks: [{ file: at("whole"), bus: "scsi" }] }), /"bus" is "scsi"/);
  assert.match(await one({ disks: [{ file: at("whole"), persist: 1 }] }), /"persist" must be true or false/);
  assert.match(await one({ disks: [at("nowhere")] }), /nowhere/);
  assert.match(await one({ disks: new Array(17).fill(at("whole")) }), /at most 16/);
  assert.match(await one({ cdrom: [at("nowhere")] }), /nowhere/);
  assert.match(await one({ kernel: at("whole"), firmware: at("nowhere") }), /firmware ".*nowhere" does not exist/);
  assert.match(await one({ kernel: at("whole"), firmware: at("whole").replace("whole", "empty") }), /firmware .*empty/);
  assert.match(await one({ kernel: at("whole"), symbols: [{ offset: 1 }] }), /names no "file"/);
  assert.match(await one({ kernel: at("whole"), symbols: [{ file: "x", offset: "up" }] }), /"offset"/);
});
