import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { parseBzImage } from "../../boot-formats/bzimage.ts";
import { FormatError } from "../../boot-formats/errors.ts";
import { busyboxInitramfs, cloudKernel, stockKernel, vmlinux } from "../../scripts/guests/guests.ts";
import { prepareDirectBoot } from "./direct-boot.ts";
import type { DirectBoot, DirectBootConfig } from "./types.ts";

const MIB = 1024 * 1024;

async function config(overrides: Partial<DirectBootConfig> = {}): Promise<DirectBootConfig> {
  return {
    kernel: await readFile((await cloudKernel()).vmlinuz),
    initrd: await readFile(await busyboxInitramfs()),
    cmdline: "console=ttyS0",
    memoryMiB: 256,
    ...overrides,
  };
}

/** Guest memory as the writes leave it, at one place. */
function memory(boot: DirectBoot, physical: number, length: number): Buffer {
  const write = boot.writes.find((w) => physical >= w.physical && physical + length <= w.physical + w.bytes.length);
  assert.ok(write, `nothing was written at 0x${physical.toString(16)}`);
  return Buffer.from(write.bytes.subarray(physical - write.physical, physical - write.physical + length));
}

/** What the kernel would find by way of RSI, as boot.rst and zero-page.rst say. */
function bootParams(boot: DirectBoot): Buffer {
  return memory(boot, Number(boot.cpu.gpr[6]), 4096);
}

function e820(params: Buffer): { start: number; end: number; type: number }[] {
  return Array.from({ length: params[0x1e8]! }, (_, index) => {
    const at = 0x2d0 + index * 20;
    const start = Number(params.readBigUInt64LE(at));
    return { start, end: start + Number(params.readBigUInt64LE(at + 8)), type: params.readUInt32LE(at + 16) };
  });
}

/** Walks the page tables by hand: 4-level, 2 MiB pages. */
function translate(boot: DirectBoot, linear: bigint): bigint {
  let table = boot.cpu.cr3;
  for (const shift of [39n, 30n, 21n]) {
    const entry = memory(boot, Number(table + ((linear >> shift) & 0x1ffn) * 8n), 8).readBigUInt64LE();
    assert.equal(entry & 3n, 3n, "present and writable");
    if (entry & 0x80n) return (entry & 0xf_ffff_ffe0_0000n) | (linear & 0x1f_ffffn);
    table = entry & 0xf_ffff_ffff_f000n;
  }
  return assert.fail("no large page");
}

/** What must hold of every boot, whatever the kernel. */
function checkAll(boot: DirectBoot, { memoryMiB, cmdline, initrd }: DirectBootConfig): void {
  const params = bootParams(boot);
  const text = memory(boot, params.readUInt32LE(0x228), cmdline.length + 1);
  assert.equal(text.toString(), `${cmdline}\0`);
  assert.equal(params.readUInt32LE(0x21c), initrd?.length ?? 0);
  if (initrd) assert.ok(memory(boot, params.readUInt32LE(0x218), initrd.length).equals(initrd));
  const rsdp = Number(params.readBigUInt64LE(0x70));
  assert.ok(rsdp >= 0xe_0000 && rsdp < 0x10_0000 && rsdp % 16 === 0);
  assert.equal(memory(boot, rsdp, 8).toString(), "RSD PTR ");

  const map = e820(params);
  for (const [index, range] of map.entries()) {
    assert.ok(range.end > range.start);
    if (index > 0) assert.ok(range.start >= map[index - 1]!.end, "sorted, without overlap");
  }
  const usable = (start: number, end: number): boolean =>
    map.some((r) => r.type === 1 && start >= r.start && end <= r.end);
  assert.equal(map.find((r) => r.type === 1 && r.start === 0x10_0000)?.end, memoryMiB * MIB);
  assert.ok(
    map.some((r) => r.type === 3 && r.start === 0xe_0000),
    "the ACPI tables",
  );
  assert.ok(!usable(0xa_0000, 0xa_0001) && !usable(0xfee0_0000, 0xfee0_0001));

  const { layout } = boot;
  assert.equal(layout.length, boot.writes.length);
  for (const [index, range] of layout.entries()) {
    if (index > 0)
      assert.ok(range.start >= layout[index - 1]!.end, `${range.name} overlaps ${layout[index - 1]!.name}`);
    const firmware = range.name === "ACPI tables" || range.name === "RSDP";
    assert.equal(usable(range.start, range.end), !firmware, `${range.name} lies in RAM`);
  }
  // The GDT must give the selectors that the segments were loaded from.
  const gdt = memory(boot, Number(boot.cpu.gdtr.base), boot.cpu.gdtr.limit + 1);
  for (const index of [0, 1, 2, 3]) {
    const { selector, attributes } = boot.cpu.segments[index]!;
    const accessed = Number((gdt.readBigUInt64LE(selector) >> 40n) & 0xf0ffn);
    assert.equal(accessed, attributes);
  }
  assert.equal(boot.cpu.rflags & 0x200, 0, "interrupts are off");
}

for (const [name, files] of [
  ["cloud", cloudKernel],
  ["stock", stockKernel],
] as const) {
  test(`${name} bzImage by its 64-bit entry`, async () => {
    const kernel = await readFile((await files()).vmlinuz);
    const asked = await config({ kernel });
    const boot = prepareDirectBoot(asked);
    checkAll(boot, asked);
    const image = parseBzImage(kernel);
    const { cpu, kernelInfo } = boot;
    assert.equal(kernelInfo.loadAddress, image.prefAddress);
    assert.equal(cpu.rip, BigInt(image.prefAddress + 0x200));
    assert.ok(
      memory(boot, Number(cpu.rip), 16).equals(kernel.subarray(image.setup.end + 0x200, image.setup.end + 0x210)),
    );
    assert.equal(cpu.cr0 & 0x8000_0001n, 0x8000_0001n);
    assert.equal(cpu.efer & 0x500n, 0x500n);
    assert.equal(cpu.segments[1]!.attributes & 0x6000, 0x2000, "CS.L without CS.D");
    assert.deepEqual([cpu.segments[1]!.selector, cpu.segments[3]!.selector], [0x10, 0x18]);
    for (const linear of [0n, 0x7000n, cpu.rip, 0xfee0_0123n, 0xffff_ffffn]) {
      assert.equal(translate(boot, linear), linear);
    }
    const params = bootParams(boot);
    assert.ok(params.subarray(0x1f1, 0x210).equals(kernel.subarray(0x1f1, 0x210)), "the header is the kernel's own");
    assert.equal(params[0x210], 0xff);
    assert.equal(params[0x211]! & 1, 1);
    const end = params.readUInt32LE(0x218) + params.readUInt32LE(0x21c);
    assert.ok(end <= 256 * MIB && end > 256 * MIB - 4096, "the initrd is as high as it can be");
    assert.equal(params.readUInt32LE(0x218) % 4096, 0);
  });
}

test("bzImage by its 32-bit entry: protected mode without paging", async () => {
  const asked = await config({ entry: "32" });
  const boot = prepareDirectBoot(asked);
  checkAll(boot, asked);
  const { cpu } = boot;
  assert.equal(cpu.rip, BigInt(boot.kernelInfo.loadAddress));
  assert.equal(bootParams(boot).readUInt32LE(0x214), boot.kernelInfo.loadAddress);
  assert.equal(cpu.cr0, 0x11n);
  assert.equal(cpu.efer, 0n);
  assert.equal(cpu.segments[1]!.attributes & 0x6000, 0x4000, "CS.D without CS.L");
  assert.deepEqual([cpu.gpr[3], cpu.gpr[5], cpu.gpr[7]], [0n, 0n, 0n], "EBX, EBP and EDI are zero");
  assert.ok(!boot.layout.some((range) => range.name === "page tables"));
});

test("ELF vmlinux: its segments at their physical addresses", async () => {
  const kernel = await readFile(await vmlinux((await cloudKernel()).vmlinuz));
  const asked = await config({ kernel });
  const boot = prepareDirectBoot(asked);
  checkAll(boot, asked);
  assert.equal(boot.kernelInfo.format, "elf");
  assert.equal(boot.cpu.rip, 0x100_0000n);
  // .text begins at file offset 2 MiB in every such kernel.
  assert.ok(memory(boot, 0x100_0000, 64).equals(kernel.subarray(0x20_0000, 0x20_0040)));
  assert.equal(bootParams(boot).readUInt32LE(0x202), 0x53726448);
  assert.throws(() => prepareDirectBoot({ ...asked, entry: "32" }), /64-bit ELF file: it has no 32-bit entry/);
});

test("without an initrd, and with more memory than initrd_addr_max", async () => {
  const none = await config();
  delete none.initrd;
  checkAll(prepareDirectBoot(none), none);
  const large = await config({ memoryMiB: 3072 });
  const boot = prepareDirectBoot(large);
  checkAll(boot, large);
  const initrd = boot.layout.find((range) => range.name === "initrd")!;
  assert.ok(initrd.end <= 0x8000_0000 && initrd.end > 0x8000_0000 - 4096);
});

test("what cannot boot is refused by one sentence", async () => {
  const elf = await readFile(await vmlinux((await cloudKernel()).vmlinuz));
  const old32 = await readFile((await cloudKernel()).vmlinuz);
  old32.writeUInt16LE(0, 0x236);
  const lowSegment = Buffer.from(elf);
  lowSegment.writeBigUInt64LE(0x1000n, Number(lowSegment.readBigUInt64LE(32)) + 24);
  const strayEntry = Buffer.from(elf);
  strayEntry.writeBigUInt64LE(0x1234_5678n, 24);
  const overlapping = Buffer.from(elf);
  const table = Number(overlapping.readBigUInt64LE(32));
  overlapping.copy(overlapping, table + 56, table, table + 56);
  const cases: [Partial<DirectBootConfig>, RegExp][] = [
    [{ initrd: new Uint8Array(300 * MIB) }, /initrd of 300 MiB does not fit: .* below 256 MiB, .* room for 18\d MiB/],
    [{ memoryMiB: 64 }, /The kernel needs memory up to 68 MiB, the machine has 64 MiB/],
    [{ memoryMiB: 4096 }, /Memory of 4096 MiB: a whole number from 1 to 3072/],
    [{ memoryMiB: 1.5 }, /Memory of 1.5 MiB/],
    [{ cmdline: "x".repeat(2048) }, /command line has 2048 bytes, this kernel takes at most 2047/],
    [{ cmdline: "a\0b" }, /zero character/],
    [{ kernel: old32 }, /no 64-bit entry .* choose the 32-bit entry/],
    [{ kernel: elf, memoryMiB: 32 }, /The kernel needs memory up to \d+ MiB, the machine has 32 MiB/],
    [{ kernel: lowSegment }, /a segment at physical 0x1000 of/],
    [{ kernel: strayEntry }, /entry 0x12345678 lies in none of its loadable segments/],
    [{ kernel: overlapping }, /two segments of the ELF kernel overlap at physical 0x1000000/i],
    [{ kernel: Buffer.from("hello") }, /Not a bzImage/],
  ];
  for (const [overrides, message] of cases) {
    await assert.rejects(config(overrides).then(prepareDirectBoot), (error: unknown) => {
      assert.ok(error instanceof FormatError, String(error));
      assert.match(error.message, message);
      return true;
    });
  }
});
