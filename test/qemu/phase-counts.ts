/**
 * How many instructions QEMU executes before each phase of a boot from a disk, to hold our machine's counts against.
 * Kept in the cache by the disk's content, as a measurement takes minutes.
 */
import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseElf } from "../../boot-formats/elf.ts";
import type { PhaseName } from "../../emulator/machine/api.ts";
import { cacheRoot } from "../../scripts/guests/cache.ts";
import { vmlinux } from "../../scripts/guests/guests.ts";
import { CountingQemu, QEMU_CPU, qemuVersion, type QemuDrive } from "./counting-qemu.ts";

export interface BootCounts {
  /** Instructions before the first one of each phase. */
  phases: Partial<Record<PhaseName, number>>;
  /**
   * Of those of the boot loader: calls of INT 13h, and instructions within them. QEMU's drives answer in the host's time,
   * for which SeaBIOS polls, so these instructions say nothing.
   */
  diskCalls: number;
  diskInstructions: number;
}

/** Changes with what is measured, so that older results are not taken. */
const METHOD = 3;
const BOOT_SECTOR = 0x7c00n;
/** Interrupt vector 13h: offset and segment of its handler. */
const DISK_VECTOR = 0x13n * 4n;
/** What INT has pushed: IP, CS and FLAGS. */
const INTERRUPT_FRAME = 6n;
/** Where a kernel that is not placed at random is decompressed to (CONFIG_PHYSICAL_START of Debian's kernels). */
const KERNEL = 0x100_0000n;
const IRETQ = Buffer.from([0x48, 0xcf]);
const CR0_PE = 1n;
const USER_RING = 3n;
const EFER_LMA = 1n << 10n;

export interface CountedBoot {
  drive: QemuDrive;
  /** The bzImage on it; booted with "nokaslr" and without waiting for a key. */
  vmlinuz: string;
  /** Physical address of its 32-bit entry. */
  decompressor: bigint;
  memoryMiB: number;
}

async function fileDigest(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

/** Addresses of every IRETQ (48 CF) in the kernel's code; what only looks like one is never executed. */
async function interruptReturns(vmlinuz: string): Promise<bigint[]> {
  const image = await readFile(await vmlinux(vmlinuz));
  const text = parseElf(image).sections.filter(({ name }) => name === ".text");
  return text.flatMap(({ address, offset, fileSize }) => {
    const code = image.subarray(offset, offset + fileSize);
    const found: bigint[] = [];
    for (let at = code.indexOf(IRETQ); at >= 0; at = code.indexOf(IRETQ, at + 1)) found.push(address + BigInt(at));
    return found;
  });
}

/** Runs to an address where `there` holds, and returns the count before its instruction. */
async function runTo(qemu: CountingQemu, address: bigint, there: () => Promise<boolean>): Promise<number> {
  const { gdb } = qemu;
  for (;;) {
    await gdb.setBreakpoint(address);
    await gdb.continue();
    const found = await there();
    const count = await qemu.count();
    await gdb.removeBreakpoint(address);
    if (found) return count;
    await gdb.step();
  }
}

/** Segment and offset in the low 32 bits, as vectors and return addresses have them, as a linear address. */
function linear(farPointer: bigint): bigint {
  return ((farPointer >> 16n) & 0xffffn) * 16n + (farPointer & 0xffffn);
}

/** Runs from the boot sector to the kernel's 32-bit entry, and counts what goes on within INT 13h. */
async function runLoader(qemu: CountingQemu, entry: bigint): Promise<Omit<BootCounts, "phases"> & { end: number }> {
  const { gdb } = qemu;
  const handler = linear(await gdb.read64(DISK_VECTOR));
  let diskCalls = 0;
  let diskInstructions = 0;
  await gdb.setBreakpoint(entry);
  for (;;) {
    await gdb.setBreakpoint(handler);
    await gdb.continue();
    const before = await qemu.count();
    await gdb.removeBreakpoint(handler);
    if (((await gdb.register("cr0")) & CR0_PE) !== 0n) {
      await gdb.removeBreakpoint(entry);
      return { diskCalls, diskInstructions, end: before };
    }
    const stack = (await gdb.register("rsp")) & 0xffffn;
    const back = linear(await gdb.read64((await gdb.register("ss")) * 16n + stack));
    await gdb.setBreakpoint(back);
    do await gdb.continue();
    while (((await gdb.register("rsp")) & 0xffffn) !== ((stack + INTERRUPT_FRAME) & 0xffffn));
    await gdb.removeBreakpoint(back);
    diskCalls++;
    diskInstructions += (await qemu.count()) - before;
  }
}

/** Runs to the first return to ring 3, which starts the first user program; the count includes the return. */
async function runToUser(qemu: CountingQemu, returns: readonly bigint[]): Promise<number> {
  const { gdb } = qemu;
  for (const address of returns) await gdb.setBreakpoint(address);
  for (;;) {
    await gdb.continue();
    // On the stack of an IRETQ: RIP, CS.
    const stack = await gdb.register("rsp");
    if (((await gdb.read64(stack + 8n)) & USER_RING) === USER_RING) return (await qemu.count()) + 1;
    const address = await gdb.register("rip");
    await gdb.removeBreakpoint(address);
    // One that only goes to the next instruction (sync_core, tens of thousands of times) never leaves the kernel.
    if ((await gdb.read64(stack)) === address + BigInt(IRETQ.length)) continue;
    await gdb.step();
    await gdb.setBreakpoint(address);
  }
}

async function measure(boot: CountedBoot): Promise<BootCounts> {
  const returns = await interruptReturns(boot.vmlinuz);
  const qemu = await CountingQemu.start(boot.drive, boot.memoryMiB);
  const { gdb } = qemu;
  const protectedMode = async (): Promise<boolean> => ((await gdb.register("cr0")) & CR0_PE) !== 0n;
  const longMode = async (): Promise<boolean> => ((await gdb.register("efer")) & EFER_LMA) !== 0n;
  try {
    const bootloader = await runTo(qemu, BOOT_SECTOR, async () => !(await protectedMode()));
    const { end: decompressor, ...disk } = await runLoader(qemu, boot.decompressor);
    if (boot.decompressor === KERNEL) await gdb.step();
    const kernel = await runTo(qemu, KERNEL, longMode);
    const init = await runToUser(qemu, returns);
    return { phases: { bios: 0, bootloader, decompressor, kernel, init }, ...disk };
  } finally {
    await qemu.stop();
  }
}

/** Instructions of a boot in QEMU, phase by phase; from the cache when that boot has been counted before. Needs QEMU. */
export async function qemuPhaseCounts(boot: CountedBoot): Promise<BootCounts> {
  const { drive, decompressor, memoryMiB } = boot;
  const key = {
    METHOD,
    qemu: qemuVersion(),
    cpu: QEMU_CPU,
    disk: await fileDigest(drive.path),
    kind: drive.kind,
    decompressor: String(decompressor),
    memoryMiB,
  };
  const directory = join(cacheRoot(), "qemu-counts");
  const path = join(directory, `${createHash("sha256").update(JSON.stringify(key)).digest("hex").slice(0, 16)}.json`);
  if (!existsSync(path)) {
    const counts = await measure(boot);
    await mkdir(directory, { recursive: true });
    await writeFile(`${path}.${process.pid}`, `${JSON.stringify({ ...key, counts }, undefined, 2)}\n`);
    await rename(`${path}.${process.pid}`, path);
  }
  return (JSON.parse(await readFile(path, "utf8")) as { counts: BootCounts }).counts;
}
