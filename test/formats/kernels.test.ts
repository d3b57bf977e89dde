/** Kernels of Debian against file, readelf and what a booting machine is given. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { parseBzImage } from "../../boot-formats/bzimage.ts";
import { parseElf } from "../../boot-formats/elf.ts";
import type { Field } from "../../boot-formats/fields.ts";
import { bootParamsFields, setupDataFields } from "../../boot-formats/kernel/boot-params-fields.ts";
import { bzImageFields } from "../../boot-formats/kernel/bzimage-fields.ts";
import { elfFields, elfNotes } from "../../boot-formats/kernel/elf-fields.ts";
import { prepareDirectBoot } from "../../emulator/direct-boot/direct-boot.ts";
import { busybox, cloudKernel, installer, rtKernel, stockKernel, vmlinux } from "../../scripts/guests/guests.ts";

const KERNELS: Readonly<Record<string, () => Promise<string>>> = {
  cloud: async () => (await cloudKernel()).vmlinuz,
  stock: async () => (await stockKernel()).vmlinuz,
  rt: async () => (await rtKernel()).vmlinuz,
  installer: async () => (await installer()).kernel,
};

function* all(fields: readonly Field[]): Generator<Field> {
  for (const field of fields) {
    yield field;
    yield* all(field.children ?? []);
  }
}

const find = (fields: readonly Field[], name: string): Field => {
  const field = [...all(fields)].find((candidate) => candidate.name === name);
  assert.ok(field, `no field ${name}`);
  return field;
};

const output = (command: string, ...args: string[]): string =>
  execFileSync(command, args, { encoding: "utf8", maxBuffer: 1 << 26, env: { ...process.env, LC_ALL: "C" } });

for (const [name, path] of Object.entries(KERNELS)) {
  test(`the ${name} kernel: every field within the file, as file and objdump see it`, async () => {
    const file = await path();
    const bytes = new Uint8Array(await readFile(file));
    const image = parseBzImage(bytes);
    const fields = bzImageFields(bytes);
    for (const field of all(fields)) {
      assert.equal(field.problem, undefined, field.name);
      assert.ok(field.offset >= 0 && field.offset + field.length <= bytes.length, field.name);
      if (field.length > 8 || field.raw === undefined) continue;
      const stored = bytes.subarray(field.offset, field.offset + field.length);
      assert.equal(
        BigInt(field.raw),
        stored.reduceRight((value, byte) => value * 256n + BigInt(byte), 0n),
        field.name,
      );
    }
    assert.ok(output("file", "-b", file).includes(`version ${find(fields, "kernel version string").value}, `));
    assert.equal(find(fields, "version").value, "0x020F (2.15)");
    assert.match(find(fields, "xloadflags").value, /^0x7F \(XLF_KERNEL_64, /);
    assert.equal(find(fields, "setup_type_max").value, "0x80000009");
    // The two PE sections that every kernel has, by another reader of PE files.
    const headers = output("objdump", "-h", file);
    for (const field of all(fields)) {
      if (!field.name.startsWith("section .")) continue;
      const [, title] = field.name.split(" ");
      const row = new RegExp(`\\${title} +([0-9a-f]{8}) +\\S+ +\\S+ +([0-9a-f]{8})`).exec(headers);
      const [start, end] = field.value.split("-").map(Number);
      assert.ok(row, `objdump lists ${title}`);
      assert.deepEqual([parseInt(row[2]!, 16), parseInt(row[1]!, 16)], [start, end! - start!]);
    }
    assert.equal(find(fields, "payload").offset, image.payload.start);
  });
}

test("ELF files: sections, segments and notes as readelf lists them", async () => {
  for (const file of [await vmlinux((await cloudKernel()).vmlinuz), (await busybox()).binary]) {
    const bytes = new Uint8Array(await readFile(file));
    const elf = parseElf(bytes);
    const fields = elfFields(bytes);
    const listed = output("readelf", "-SW", file).matchAll(
      /^ +\[ *\d+\] (\S*) +(\S+) +([0-9a-f]{16}) ([0-9a-f]{6,}) ([0-9a-f]{6,}) /gm,
    );
    const rows = [...listed].map(([, name, type, address, offset, size]) =>
      [name, type, ...[address, offset, size].map((number) => parseInt(number!, 16))].join(" "),
    );
    // The first section has neither name nor content.
    rows.splice(0, 1);
    assert.ok(rows.length > 10);
    const ours = find(fields, "section headers").children!.flatMap((field, index) => {
      const { name, address, offset, size } = elf.sections[index]!;
      return name === "" ? [] : [[name, field.value.split(" ")[0], Number(address), offset, Number(size)].join(" ")];
    });
    assert.deepEqual(ours, rows);
    const entry = /Entry point address: +(\S+)/.exec(output("readelf", "-h", file))![1]!;
    assert.equal(BigInt(find(fields, "e_entry").value), BigInt(entry));
    const segments = [
      ...output("readelf", "-lW", file).matchAll(/^ +([A-Z_]+) +0x(\S+) 0x(\S+) 0x(\S+) 0x(\S+) 0x(\S+) /gm),
    ];
    assert.deepEqual(
      elf.segments.map((s) => [s.offset, s.virtualAddress, s.physicalAddress, s.fileSize, s.memorySize].map(Number)),
      segments.map((row) => row.slice(2).map((number) => parseInt(number, 16))),
    );
    const id = /Build ID: ([0-9a-f]+)/.exec(output("readelf", "-nW", file))?.[1];
    const note = elfNotes(bytes).find(({ owner, type }) => owner === "GNU" && type === 3);
    assert.equal(note && Buffer.from(note.description).toString("hex"), id);
  }
});

test("boot_params of a direct boot: what was put in is told", async () => {
  const boot = prepareDirectBoot({
    kernel: new Uint8Array(await readFile((await cloudKernel()).vmlinuz)),
    initrd: new Uint8Array(5000),
    cmdline: "console=ttyS0",
    memoryMiB: 256,
  });
  const range = boot.layout.find(({ name }) => name === "boot_params")!;
  const bytes = boot.writes.find(({ physical }) => physical === range.start)!.bytes;
  const fields = bootParamsFields(bytes, range.start);
  for (const field of all(fields)) {
    assert.equal(field.problem, undefined, field.name);
    assert.ok(field.offset >= range.start && field.offset + field.length <= range.start + 4096, field.name);
  }
  assert.equal(find(fields, "ramdisk_size").value, "5000 bytes");
  assert.equal(find(fields, "orig_video_isVGA").value, "0x1 (VGA text)");
  assert.equal(find(fields, "orig_video_cols").raw, 80);
  assert.equal(find(fields, "type_of_loader").value, "0xFF (special or undefined, version 15)");
  assert.match(find(fields, "entry 0").value, /^0x0-0x9FBFF usable RAM$/);
  assert.match(find(fields, "version").value, /2\.15/);
  const overlapping = Uint8Array.from(bytes);
  overlapping.copyWithin(0x2d0 + 20, 0x2d0, 0x2d0 + 20);
  assert.equal(find(bootParamsFields(overlapping), "entry 1").problem, "The range overlaps entry 0.");
  overlapping[0x202] = 0;
  assert.match(find(bootParamsFields(overlapping), "hdr").problem ?? "", /"HdrS" is missing at 0x202/);
  assert.throws(() => bootParamsFields(bytes.subarray(1)), /4096 bytes, 4095 were given/);
});

test("the list of setup_data ends where it loops, leaves RAM or is too long", async () => {
  const memory = new Uint8Array(8192);
  const view = new DataView(memory.buffer);
  const read = (physical: bigint, length: number): Promise<Uint8Array | undefined> => {
    const at = Number(physical);
    return Promise.resolve(at + length <= memory.length ? memory.subarray(at, at + length) : undefined);
  };
  const node = (at: number, next: bigint, type: number, length: number): void => {
    view.setBigUint64(at, next, true);
    view.setUint32(at + 8, type, true);
    view.setUint32(at + 12, length, true);
  };
  node(0x100, 0x200n, 9, 32);
  node(0x200, 0n, 2, 4);
  const list = await setupDataFields(0x100n, read);
  assert.deepEqual(
    list.map(({ offset, length, value }) => [offset, length, value]),
    [
      [0x100, 48, "0x9 (random seed)"],
      [0x200, 20, "0x2 (device tree)"],
    ],
  );
  node(0x200, 0x100n, 2, 4);
  assert.match((await setupDataFields(0x100n, read)).at(-1)?.problem ?? "", /comes back to a node/);
  node(0x200, 0x10_0000n, 2, 4);
  assert.match((await setupDataFields(0x100n, read)).at(-1)?.problem ?? "", /outside RAM/);
  for (let at = 16; at < 4096; at += 16) node(at, BigInt(at + 16), 9, 0);
  assert.match((await setupDataFields(16n, read)).at(-1)?.problem ?? "", /more than 64 nodes/);
});
