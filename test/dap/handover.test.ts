/** What is handed over on the way of a boot: the boot sector at 0x7c00, and boot_params, as real loaders leave them. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { open, readFile, stat } from "node:fs/promises";
import { test } from "node:test";
import type { DebugProtocol } from "@vscode/debugprotocol";
import type { BootParamsResponse, BootSectorResponse, WireField } from "../../debug-adapter/protocol.ts";
import { grubCloudDisk, grubIso } from "../../scripts/guests/grub-disks.ts";
import { busyboxInitramfs, cloudKernel } from "../../scripts/guests/guests.ts";
import type { Client } from "./client.ts";
import { client } from "./fixture.ts";

const SECTOR = 512;
const HEADER = 0x1f1;
const TIMEOUT = { timeout: 300_000 };

function named(list: readonly WireField[], ...path: string[]): WireField {
  const [name, ...rest] = path;
  const field = list.find((one) => one.name === name);
  assert.ok(field, `${name} is not among ${list.map((one) => one.name).join(", ")}`);
  return rest.length === 0 ? field : named(field.children ?? [], ...rest);
}

const bootSector = (session: Client): Promise<BootSectorResponse> => session.ask("bootscope/bootSector");

async function bootParams(session: Client, args: object = {}): Promise<Exclude<BootParamsResponse, { none: string }>> {
  const answer = await session.ask<BootParamsResponse>("bootscope/bootParams", args);
  assert.ok("fields" in answer, JSON.stringify(answer));
  return answer;
}

async function none(session: Client): Promise<string> {
  const answer = await session.ask<BootParamsResponse>("bootscope/bootParams", {});
  assert.ok("none" in answer, "there is one already");
  return answer.none;
}

async function memory(session: Client, physical: bigint | string, count: number): Promise<Buffer> {
  const { data } = await session.ask<NonNullable<DebugProtocol.ReadMemoryResponse["body"]>>("readMemory", {
    memoryReference: `phys:0x${BigInt(physical).toString(16)}`,
    count,
  });
  return Buffer.from(data ?? "", "base64");
}

async function sectorOf(file: string, offset: number, length = SECTOR): Promise<Buffer> {
  const handle = await open(file);
  const { buffer } = await handle.read(Buffer.alloc(length), 0, length, offset);
  await handle.close();
  return buffer;
}

/** The number that the bytes of a field hold. */
function numberAt(data: Buffer, base: string, field: WireField): bigint {
  const at = Number(BigInt(field.offset) - BigInt(base));
  return BigInt(
    `0x${Buffer.from(data.subarray(at, at + field.length))
      .reverse()
      .toString("hex")}`,
  );
}

interface Sfdisk {
  partitiontable: {
    id: string;
    partitions: { start: number; size: number; type: string; bootable?: boolean }[];
  };
}

/** The MBR's fields against another program's reading of the disk. */
function checkPartitions(fields: readonly WireField[], disk: string): void {
  const { partitiontable } = JSON.parse(execFileSync("sfdisk", ["--json", disk], { encoding: "utf8" })) as Sfdisk;
  const id = named(fields, "MBR", "bootstrap code area", "disk_signature").value;
  assert.equal(id.toLowerCase(), partitiontable.id);
  partitiontable.partitions.forEach(({ start, size, type, bootable }, index) => {
    const entry = named(fields, "MBR", "partition table", `entry ${index + 1}`);
    assert.equal(BigInt(entry.offset), BigInt(0x7c00 + 446 + 16 * index));
    const value = (name: string): string => named([entry], entry.name, name).value;
    assert.equal(value("lba_start"), String(start));
    assert.match(value("sectors"), new RegExp(`^${size} \\(`));
    assert.match(value("type"), new RegExp(`\\(0x0?${type}\\)$`, "i"));
    assert.equal(value("status").startsWith("active"), bootable === true);
  });
}

/** Header fields that no loader changes are those of the kernel's file. */
async function checkHeader(params: Exclude<BootParamsResponse, { none: string }>, kernel: string): Promise<void> {
  const file = await sectorOf(kernel, 0, 0x290);
  const data = Buffer.from(params.data, "base64");
  const header = named(params.fields, "hdr");
  assert.equal(header.value, "boot protocol 2.15");
  const same = [
    ...["setup_sects", "syssize", "version", "kernel_version", "initrd_addr_max", "kernel_alignment"],
    ...["relocatable_kernel", "min_alignment", "xloadflags", "cmdline_size", "payload_offset", "payload_length"],
    ...["pref_address", "init_size", "handover_offset", "kernel_info_offset"],
  ];
  for (const name of same) {
    const field = named([header], "hdr", name);
    const at = Number(BigInt(field.offset) - BigInt(params.physical));
    assert.ok(at >= HEADER && at < 0x290, name);
    assert.deepEqual(data.subarray(at, at + field.length), file.subarray(at, at + field.length), name);
  }
}

async function checkInitrd(session: Client, fields: readonly WireField[], file: string): Promise<void> {
  const { offset, length, problem } = named(fields, "initrd");
  assert.equal(problem, undefined);
  assert.equal(length, (await stat(file)).size);
  assert.deepEqual(await memory(session, offset, 64), (await readFile(file)).subarray(0, 64));
}

/** The console's own reading of the memory map. */
async function checkMap(session: Client, params: Exclude<BootParamsResponse, { none: string }>): Promise<void> {
  const { result } = await session.ask<{ result: string }>("evaluate", { expression: "info e820", context: "repl" });
  const [first = "", ...ranges] = result.split("\n");
  assert.equal(first, `boot_params at phys:${params.physical}`);
  const entries = named(params.fields, "e820_table").children ?? [];
  const plain = (text: string): bigint[] => [...text.matchAll(/0x[0-9a-f]+/gi)].map(([one]) => BigInt(one));
  assert.ok(ranges.length >= 3);
  assert.deepEqual(
    entries.map(({ value }) => plain(value)),
    ranges.map((line) => plain(line)),
  );
}

test(
  "GRUB's MBR lies at 0x7c00 as it is on the disk, and its boot_params at the kernel's entry",
  TIMEOUT,
  async (t) => {
    const disk = await grubCloudDisk();
    const session = client(t);
    await session.launch({ disks: [disk], memory: 256, stopAt: ["bootloader", "decompressor"] });
    assert.equal((await session.stopped()).description, "Paused at phase Boot loader");
    const sector = await bootSector(session);
    assert.equal(sector.physical, "0x7c00");
    assert.equal(sector.summary, "MBR: GRUB 2 (boot.img), 1 partition.");
    assert.deepEqual(Buffer.from(sector.data, "base64"), await sectorOf(disk, 0));
    checkPartitions(sector.fields, disk);
    const [origin, ...others] = sector.origins;
    assert.deepEqual(others, []);
    assert.equal(origin?.text, `LBA 0 of drive 80h, ${disk}`);
    assert.equal(origin.differ, 0);
    assert.match(await none(session), /^There is no boot_params below 1 MiB yet: /);

    // What has been written over is told, with what the disk has.
    const written = { memoryReference: "phys:0x7c20", data: Buffer.from("BOOT").toString("base64") };
    await session.ask("writeMemory", written);
    const changed = await bootSector(session);
    assert.equal(Buffer.from(changed.data, "base64").toString("latin1", 0x20, 0x24), "BOOT");
    const before = await sectorOf(disk, 0);
    assert.equal(changed.origins[0]?.differ, 4);
    assert.deepEqual(Buffer.from(changed.origins[0].disk, "base64"), before);
    await session.ask("writeMemory", { ...written, data: before.subarray(0x20, 0x24).toString("base64") });
    assert.equal((await bootSector(session)).origins[0]?.differ, 0);

    assert.equal((await session.move("continue")).description, "Paused at phase Decompressor");
    const params = await bootParams(session);
    assert.match(params.how, /^Handed over to the kernel's entry at phys:0x1000000\.$/);
    const { result: esi } = await session.ask<{ result: string }>("evaluate", { expression: "esi", context: "watch" });
    assert.equal(BigInt(esi.split(" ")[0] ?? 0), BigInt(params.physical));
    assert.deepEqual(Buffer.from(params.data, "base64"), await memory(session, params.physical, 4096));
    await checkHeader(params, (await cloudKernel()).vmlinuz);
    assert.equal(named(params.fields, "hdr", "type_of_loader").value, "0x72 (GRUB, version 2)");
    assert.equal(named(params.fields, "command line").value, "BOOT_IMAGE=/boot/vmlinuz console=ttyS0,115200");
    const pointer = named(params.fields, "hdr", "cmd_line_ptr");
    assert.equal(BigInt(pointer.pointsTo ?? 0), numberAt(Buffer.from(params.data, "base64"), params.physical, pointer));
    await checkInitrd(session, params.fields, await busyboxInitramfs());
    await checkMap(session, params);
    assert.equal(named(params.fields, "hdr", "boot_flag").problem, undefined, "GRUB clears it");
    await session.close();
  },
);

test(
  "a direct boot's boot_params is what it was made from, and the kernel's copy is its variable",
  TIMEOUT,
  async (t) => {
    const { vmlinuz: kernel } = await cloudKernel();
    const initrd = await busyboxInitramfs();
    const cmdline = "console=ttyS0 bootscope.test=1";
    const session = client(t);
    await session.launch({ boot: "direct", kernel, initrd, cmdline, memory: 256, stopAt: ["decompressor", "init"] });
    assert.equal((await session.stopped()).description, "Paused at phase Decompressor");
    const sector = await bootSector(session);
    assert.equal(sector.summary, "All zero: no boot sector was loaded here.");
    assert.deepEqual([sector.fields, sector.origins], [[], []]);
    const params = await bootParams(session);
    assert.equal(params.physical, "0x7000");
    await checkHeader(params, kernel);
    await checkInitrd(session, params.fields, initrd);
    await checkMap(session, params);
    assert.equal(named(params.fields, "command line").value, cmdline);
    const { offset, length } = named(params.fields, "command line");
    assert.equal((await memory(session, offset, length)).toString("latin1"), `${cmdline}\0`);
    const tables = named(params.fields, "acpi_rsdp_addr").pointsTo ?? "";
    assert.equal((await memory(session, tables, 8)).toString("latin1"), "RSD PTR ");

    // Elsewhere: no header, nothing to follow.
    const other = await bootParams(session, { address: "phys:0x100000" });
    assert.equal(other.how, "Asked for at phys:0x100000.");
    assert.match(named(other.fields, "hdr").problem ?? "", /"HdrS" is missing at 0x100202/);
    assert.deepEqual((await bootParams(session, { address: "rsi" })).data, params.data);
    assert.match(
      await session.refused("bootscope/bootParams", { address: "phys:0xfffffffff000" }),
      /only 0 of the 4096/,
    );
    assert.match(await session.refused("bootscope/bootParams", { address: "1 +" }), /expected/);
    assert.match(
      await session.refused("bootscope/bootParams", { everywhere: 1 }),
      /"everywhere" must be true or false/,
    );

    assert.equal((await session.move("continue")).description, "Paused at phase Init");
    const copy = await bootParams(session, { address: "boot_params" });
    assert.equal(named(copy.fields, "command line").value, cmdline);
    assert.deepEqual(
      named(copy.fields, "hdr", "payload_length").value,
      named(params.fields, "hdr", "payload_length").value,
    );
    await session.close();
  },
);

test("the kernel's setup code is seen filling boot_params in", TIMEOUT, async (t) => {
  const { vmlinuz: kernel } = await cloudKernel();
  const session = client(t);
  await session.launch({ kernel, initrd: await busyboxInitramfs(), memory: 256, stopAt: ["setup", "decompressor"] });
  assert.equal((await session.stopped()).description, "Paused at phase Kernel setup");
  assert.match(await none(session), /the kernel's setup code will fill it in\.$/);
  await session.ask("bootscope/runUntil", { what: "instructions", count: 4000 });
  await session.stopped();
  const early = await bootParams(session);
  assert.match(early.how, /^Being filled in by the kernel's setup code at phys:0x\w+; not handed over yet\.$/);
  assert.equal(named(early.fields, "e820_entries").value, "0");
  await session.move("continue");
  const params = await bootParams(session);
  assert.match(params.how, /^Handed over to the kernel's entry/);
  assert.equal(params.physical, early.physical);
  assert.notEqual(named(params.fields, "e820_entries").value, "0");
  await checkHeader(params, kernel);
  await session.close();
});

test("a CD's boot image at 0x7c00 is none of a disk's sectors", TIMEOUT, async (t) => {
  const iso = await grubIso();
  const session = client(t);
  await session.launch({ cdrom: iso, memory: 64, stopAt: "bootloader" });
  await session.stopped();
  const { summary, fields, origins, data } = await bootSector(session);
  assert.match(summary, /^El Torito boot image: /);
  const own = Number(named(fields, "boot image", "boot information table", "bi_file").value);
  assert.equal(origins[0]?.text, `LBA ${own} of drive E0h, ${iso}`);
  assert.equal(origins[0].differ, 0);
  assert.deepEqual(Buffer.from(data, "base64"), await sectorOf(iso, own * 2048));
  await session.close();
});
