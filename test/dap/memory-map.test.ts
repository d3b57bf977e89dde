/** The memory map held against what the kernel itself prints of its memory, and /proc/iomem says. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { CpuResponse, MemoryMapResponse, MemoryRegion, PlaceResponse } from "../../debug-adapter/protocol.ts";
import { grubCloudDisk } from "../../scripts/guests/grub-disks.ts";
import { busyboxInitramfs, cloudKernel } from "../../scripts/guests/guests.ts";
import type { Client } from "./client.ts";
import { client } from "./fixture.ts";
import { consoleText, initramfs, readPhysical, word32, writePhysical } from "./handed-over-guest.ts";

interface Range {
  first: bigint;
  end: bigint;
}

const map = (session: Client): Promise<MemoryMapResponse> => session.ask<MemoryMapResponse>("bootscope/memoryMap");

const rangesOf = ({ regions }: MemoryMapResponse, owner: string): Range[] =>
  regions.flatMap((region) => (region.owner === owner ? [rangeOf(region)] : []));

const rangeOf = ({ first, end }: MemoryRegion): Range => ({ first: BigInt(first), end: BigInt(end) });

const the = (answer: MemoryMapResponse, owner: string): Range => {
  const [range, ...more] = rangesOf(answer, owner);
  assert.ok(range !== undefined && more.length === 0, `one region of ${owner}`);
  return range;
};

const contains = (ranges: readonly Range[], address: bigint): boolean =>
  ranges.some(({ first, end }) => address >= first && address < end);

/** "BIOS-e820: [mem 0x…-0x…] usable" */
function e820Lines(text: string): string[] {
  return [...text.matchAll(/BIOS-e820: \[mem 0x([0-9a-f]+)-0x([0-9a-f]+)\] ([a-zA-Z ]+)/g)].map(
    ([, first, last, type]) =>
      `${BigInt(`0x${first}`)} ${BigInt(`0x${last}`) + 1n} ${type === "usable" ? "usable RAM" : type}`,
  );
}

const e820Of = ({ regions }: MemoryMapResponse): string[] =>
  regions.flatMap(({ layer, first, end, owner }) =>
    layer === "e820" ? [`${BigInt(first)} ${BigInt(end)} ${owner}`] : [],
  );

/** Whether every region is one, and has words and a source. */
function checkRegions({ regions }: MemoryMapResponse): void {
  for (const { first, end, owner, source } of regions) {
    assert.ok(BigInt(first) < BigInt(end), `${owner} has bytes`);
    assert.notEqual(owner, "");
    assert.notEqual(source, "");
  }
}

async function printed(session: Client, text: string): Promise<void> {
  while (!consoleText(session).includes(text)) await session.event("bootscope/output");
}

test("a direct boot's memory by owner, as the kernel sees it", { timeout: 600_000 }, async (t) => {
  const { vmlinuz: kernel } = await cloudKernel();
  const cmdline = "console=ttyS0 nokaslr bootscope.words=memory-map";
  const session = client(t);
  await session.launch({
    boot: "direct",
    kernel,
    initrd: await busyboxInitramfs(),
    cmdline,
    stopAt: ["decompressor", "kernel", "init"],
  });

  await session.stopped();
  const start = await map(session);
  checkRegions(start);
  assert.deepEqual(start.problems, []);
  assert.deepEqual(rangesOf(start, "kernel"), [], "nothing is unpacked yet");
  assert.equal(start.regions.find(({ owner }) => owner === "command line")?.detail, cmdline);
  const { cpu } = await session.ask<CpuResponse>("bootscope/cpu");
  assert.equal(the(start, "boot_params").first, BigInt(cpu.gpr[6] ?? 0));
  assert.ok(contains(rangesOf(start, "kernel image as loaded"), BigInt(cpu.rip)), "the decompressor runs in it");
  const tables = rangesOf(start, "page tables");
  assert.ok(contains(tables, BigInt(cpu.cr3)));

  await session.move("continue");
  const entered = await map(session);
  const entry = (await session.ask<CpuResponse>("bootscope/cpu")).cpu.rip;
  assert.ok(contains([the(entered, "kernel text")], BigInt(entry)));
  console.log(`at the kernel: ${entered.regions.length} regions`);

  await session.move("continue");
  const running = await map(session);
  checkRegions(running);
  assert.deepEqual(running.problems, []);
  const text = consoleText(session);
  const lines = e820Lines(text);
  assert.ok(lines.length > 2);
  assert.deepEqual(e820Of(running), lines);
  assert.match(text, new RegExp(`Command line: ${cmdline}\\r?\\n`));
  const [, from, to] = /RAMDISK: \[mem 0x([0-9a-f]+)-0x([0-9a-f]+)\]/.exec(text) ?? [];
  const ramdisk = the(running, "initramfs");
  assert.equal(ramdisk.first, BigInt(`0x${from}`));
  assert.equal((ramdisk.end + 0xfffn) & ~0xfffn, BigInt(`0x${to}`) + 1n);
  const placed = await session.ask<PlaceResponse>("bootscope/place", { address: "ss:rsp" });
  assert.ok(contains(rangesOf(running, "stack"), BigInt(placed.physical ?? 0)));
  for (const register of ["gdtr.base", "idtr.base"]) {
    const { physical } = await session.ask<PlaceResponse>("bootscope/place", { address: register });
    assert.ok(contains(rangesOf(running, register === "gdtr.base" ? "GDT" : "IDT"), BigInt(physical ?? 0)), register);
  }
  // Every table on the way to the code that runs is among them.
  const { walk } = await session.ask<{ walk: { steps: { entryAddress: string }[] } }>("bootscope/walk", {
    address: "rip",
  });
  assert.equal(walk.steps.length, 4);
  for (const { entryAddress } of walk.steps) {
    assert.ok(contains(rangesOf(running, "page tables"), BigInt(entryAddress)), `the entry at ${entryAddress}`);
  }

  await session.ask("continue", { threadId: 1 });
  await printed(session, "# ");
  await session.ask("bootscope/serialInput", {
    text: "mkdir -p /proc; mount -t proc p /proc; cat /proc/iomem; echo en''d\n",
  });
  await printed(session, "\nend");
  const resources = [...consoleText(session).matchAll(/([0-9a-f]{8})-([0-9a-f]{8}) : ([^\r\n]+)/g)].map(
    ([, first, last, name = ""]) => ({ name, first: BigInt(`0x${first}`), end: BigInt(`0x${last}`) + 1n }),
  );
  const inKernel = (wanted: string): Range | undefined => {
    const found = resources.find(({ name }) => name === wanted);
    return found && { first: found.first, end: found.end };
  };
  assert.equal(inKernel("Kernel code")?.end, the(running, "kernel text").end);
  assert.equal(inKernel("Kernel code")?.first, the(running, "kernel").first);
  assert.deepEqual(inKernel("Kernel rodata"), the(running, "kernel read-only data"));
  assert.deepEqual(inKernel("Kernel data"), the(running, "kernel data"));
  assert.deepEqual(inKernel("Kernel bss"), the(running, "kernel bss"));
  assert.equal(inKernel("Local APIC")?.first, the(running, "local APIC").first);
  assert.deepEqual(inKernel("HPET 0"), the(running, "HPET"));
  assert.equal(inKernel("IOAPIC 0")?.first, the(running, "I/O APIC").first);
  // PCI memory: what the kernel measured by writing to the base address registers.
  const bars = resources.flatMap(({ name, first, end }) => (name.startsWith("0000:00:") ? [`${first} ${end}`] : []));
  assert.ok(bars.length >= 3, `memory of PCI devices: ${bars.length}`);
  const ours = running.regions.flatMap((region) => (region.detail.startsWith("BAR") ? [rangeOf(region)] : []));
  assert.deepEqual(new Set(ours.map(({ first, end }) => `${first} ${end}`)), new Set(bars));
  await session.close();
});

test("from the boot sector through GRUB into the kernel", { timeout: 600_000 }, async (t) => {
  const session = client(t);
  await session.launch({ disks: [await grubCloudDisk()], stopAt: ["bootloader", "decompressor", "kernel"] });

  await session.stopped();
  const loaded = await map(session);
  checkRegions(loaded);
  assert.deepEqual(the(loaded, "boot sector"), { first: 0x7c00n, end: 0x7e00n });
  assert.match(loaded.regions.find(({ owner }) => owner === "boot sector")?.detail ?? "", /^LBA 0 of drive 80h/);
  assert.deepEqual(the(loaded, "interrupt vectors (IVT)"), { first: 0n, end: 0x400n });
  assert.deepEqual(the(loaded, "BIOS data area (BDA)"), { first: 0x400n, end: 0x500n });
  assert.equal(the(loaded, "flash chip (BIOS)").end, 1n << 32n);
  assert.deepEqual(rangesOf(loaded, "RAM")[0], { first: 0n, end: 0xa_0000n }, "no E820 yet");
  assert.match((await initramfs(session)).source, /^No loader has handed an initramfs over yet/);

  await session.move("continue");
  const early = await initramfs(session, { count: 5 });
  assert.match(early.source, /^ramdisk_image and ramdisk_size of boot_params at phys:0x/);
  assert.ok(early.total > 10, "GRUB has loaded it");

  await session.move("continue");
  const kernel = await map(session);
  checkRegions(kernel);
  assert.equal(the(kernel, "initramfs").first, BigInt(early.place?.physical ?? 0));
  assert.ok(e820Of(kernel).length > 2, "E820 as GRUB got it from the BIOS");
  const later = await initramfs(session, { count: 5 });
  assert.deepEqual(later.entries, early.entries);
  assert.deepEqual(later.problems, []);

  // A hostile boot_params: sentences, and no region that cannot be.
  const params = the(kernel, "boot_params").first;
  await writePhysical(session, params + 0x1e8n, Uint8Array.of(200));
  await writePhysical(session, params + 0x21cn, word32(0xffff_ffff));
  await writePhysical(session, params + 0x250n, word32(Number(params)));
  await writePhysical(session, params + 0x254n, word32(0));
  const hostile = await map(session);
  checkRegions(hostile);
  assert.deepEqual(rangesOf(hostile, "initramfs"), []);
  assert.ok(
    hostile.problems.some((problem) => /e820_entries .* is 200: at most 128/.test(problem)),
    hostile.problems.join(),
  );
  assert.ok(hostile.problems.some((problem) => /4294967295 bytes .* is larger than RAM/.test(problem)));
  await session.close();
});

test("the setup code, as SeaBIOS and our loader leave it", { timeout: 300_000 }, async (t) => {
  const session = client(t);
  const { vmlinuz: kernel } = await cloudKernel();
  const initrd = await busyboxInitramfs();
  await session.launch({ kernel, initrd, firmware: "seabios", stopAt: "setup" });
  await session.stopped();
  const setup = await map(session);
  checkRegions(setup);
  const { cpu } = await session.ask<CpuResponse>("bootscope/cpu");
  const rip = BigInt(cpu.segments.cs.base) + BigInt(cpu.rip);
  assert.equal(the(setup, "setup code").first + 0x200n, rip);
  assert.equal((await readPhysical(session, rip, 6)).toString("latin1", 2), "HdrS");
  const ebda = BigInt((await readPhysical(session, 0x40en, 2)).readUInt16LE()) * 16n;
  assert.equal(the(setup, "extended BIOS data area (EBDA)").first, ebda);
  const { first } = the(setup, "video BIOS");
  assert.equal((await readPhysical(session, first, 2)).toString("hex"), "55aa");
  const early = await initramfs(session);
  assert.match(early.source, /^ramdisk_image and ramdisk_size of setup header at phys:0x/);
  assert.equal(early.comparison?.differ, 0);
  assert.equal(the(setup, "initramfs").first, BigInt(early.place?.physical ?? 0));
  await session.close();
});
