/** What lies at 0x7c00, told by its bytes: MBRs, volumes' boot sectors, boot images of CDs, plain code, nothing. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, open, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { Field } from "../../boot-formats/fields.ts";
import { meaningOf } from "./boot-sector.ts";

const START = 0x7c00;

async function madeByTool(t: TestContext, bytes: number, command: string, args: string[], input = ""): Promise<Buffer> {
  const folder = await mkdtemp(path.join(tmpdir(), "bootscope-sector-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = path.join(folder, "disk.img");
  await writeFile(file, "");
  await truncate(file, bytes);
  execFileSync(command, [...args, file], { input, stdio: ["pipe", "ignore", "ignore"] });
  const handle = await open(file);
  const { buffer } = await handle.read(Buffer.alloc(512), 0, 512, 0);
  await handle.close();
  return buffer;
}

function named(list: readonly Field[], ...names: string[]): Field {
  const [name, ...rest] = names;
  const field = list.find((one) => one.name === name);
  assert.ok(field, `${name} is not among ${list.map((one) => one.name).join(", ")}`);
  return rest.length === 0 ? field : named(field.children ?? [], ...rest);
}

test("an MBR by sfdisk has its entries at guest addresses", async (t) => {
  const script = "label: dos\nlabel-id: 0x12345678\nstart=2048, size=4096, type=83, bootable\nstart=6144, type=c\n";
  const sector = await madeByTool(t, 8 << 20, "sfdisk", ["-q"], script);
  const { summary, fields } = await meaningOf(sector, false);
  assert.equal(summary, "MBR: no boot code, 2 partitions.");
  assert.equal(named(fields, "MBR", "bootstrap code area", "disk_signature").value, "0x12345678");
  const entry = named(fields, "MBR", "partition table", "entry 1");
  assert.equal(entry.offset, START + 446);
  assert.equal(named([entry], "entry 1", "lba_start").value, "2048");
});

test("a FAT volume's boot sector is told by its parameter block, not taken for a partition table", async (t) => {
  const sector = await madeByTool(t, 1440 << 10, "mkfs.fat", ["-n", "FLOPPY"]);
  const { summary, fields } = await meaningOf(sector, false);
  assert.equal(summary, "FAT12 boot sector: mkfs.fat's message: not bootable.");
  assert.equal(named(fields, "boot sector", "bytes_per_sector").offset, START + 11);
  assert.equal(named(fields, "boot sector", "volume_label").value, "FLOPPY");
  // Total sectors of 1: nothing fits any more.
  sector.writeUInt16LE(1, 19);
  const damaged = await meaningOf(sector, false);
  assert.match(damaged.summary, /^FAT boot sector, damaged: In the boot sector at 0x7C00 the volume has 1 sectors/);
  assert.equal(named(damaged.fields, "boot sector", "boot_signature").value, "55 AA");
});

test("bytes of a CD are a boot image, whatever they look like", async () => {
  const bytes = new Uint8Array(512).fill(0x90);
  new DataView(bytes.buffer).setUint32(8, 16, true);
  new DataView(bytes.buffer).setUint32(12, 251, true);
  const image = await meaningOf(bytes, true);
  assert.equal(image.summary, "El Torito boot image: unknown boot code.");
  assert.equal(named(image.fields, "boot image", "boot information table", "bi_file").offset, START + 12);
  // Its table tells it, too.
  assert.equal((await meaningOf(bytes, false)).summary, image.summary);
  assert.equal((await meaningOf(new Uint8Array(512).fill(0x90), true)).fields[0]?.children?.length, 0);
});

test("code with a signature and no table, code without, nothing, and too little", async () => {
  const bytes = new Uint8Array(512).fill(0xfa);
  const code = await meaningOf(bytes, false);
  assert.equal(code.summary, "No boot sector: the signature (55 aa) at 0x7dfe is missing.");
  assert.ok(named(code.fields, "boot sector", "boot_signature").problem);
  bytes.set([0x55, 0xaa], 510);
  const signed = await meaningOf(bytes, false);
  assert.equal(signed.summary, "Boot sector without a partition table: unknown code.");
  assert.equal(named(signed.fields, "boot sector", "boot_signature").problem, undefined);
  assert.deepEqual(await meaningOf(new Uint8Array(512), false), {
    summary: "All zero: no boot sector was loaded here.",
    fields: [],
  });
  assert.equal((await meaningOf(new Uint8Array(100), false)).summary, "Only 100 of 512 bytes are memory.");
});

test("any bytes give fields within the sector", async () => {
  let state = 1;
  const random = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) >>> 24;
  for (let turn = 0; turn < 300; turn++) {
    const bytes = Uint8Array.from({ length: 512 }, random);
    if (turn % 2 === 0) bytes.set([0x55, 0xaa], 510);
    if (turn % 3 === 0) bytes.set([0xeb, 0x3c, 0x90, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 1, 0, 2], 0);
    const { summary, fields } = await meaningOf(bytes, turn % 5 === 0);
    assert.ok(summary.length > 0);
    const visit = (list: readonly Field[]): void => {
      for (const field of list) {
        assert.ok(field.offset >= START && field.offset + field.length <= START + 512, JSON.stringify(field));
        visit(field.children ?? []);
      }
    };
    visit(fields);
  }
});
