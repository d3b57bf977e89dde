/**
 * Direct boots on QEMU's processor and board, without its firmware and its own kernel loader: what prepareDirectBoot
 * says must be enough for a real kernel on a machine that is not ours.
 */
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { busyboxInitramfs, BUSYBOX_GREETING, cloudKernel, vmlinux } from "../../scripts/guests/guests.ts";
import { prepareDirectBoot } from "./direct-boot.ts";
import type { DirectBoot } from "./types.ts";

const QEMU = "qemu-system-x86_64";
const missing = [QEMU, "as", "ld"].find((tool) => spawnSync(tool, ["--version"]).error);
const skip = missing ? `${missing} is not installed` : false;

const MEMORY_MIB = 256;
const LOADER = 0x3_0000;
/** Where the loader finds what belongs to 0xE0000 … 0xFFFFF. */
const STAGE = 0x4_0000;
const ROM_RANGE = 0xe_0000;
/** A bound for hanging guests, not a measure. */
const GIVE_UP_MS = 240_000;

function assembleLoader(directory: string): Buffer {
  const object = join(directory, "loader.o");
  const binary = join(directory, "loader.bin");
  execFileSync("as", ["--32", "-o", object, join(import.meta.dirname, "qemu-loader.s")]);
  execFileSync("ld", ["-m", "elf_i386", "-Ttext=0", "-e", "start", "--oformat=binary", "-o", binary, object]);
  return readFileSync(binary);
}

/** The loader's parameters, in its order. */
function parameters({ cpu }: DirectBoot): Buffer {
  const bytes = Buffer.alloc(38);
  const EFER_LMA = 0x400n; // read-only: the processor sets it with CR0.PG
  const values = [cpu.gpr[6]!, cpu.gpr[4]!, cpu.cr4, cpu.cr3, cpu.efer & ~EFER_LMA, cpu.cr0, cpu.rip];
  values.forEach((value, index) => bytes.writeUInt32LE(Number(value), index * 4));
  bytes.writeUInt16LE(cpu.segments[1]!.selector, 28);
  bytes.writeUInt16LE(cpu.gdtr.limit, 32);
  bytes.writeUInt32LE(Number(cpu.gdtr.base), 34);
  return bytes;
}

/** Runs a boot on QEMU to its end; returns the serial output. */
async function runOnQemu(boot: DirectBoot): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), "bootscope-qemu-"));
  try {
    // At reset the processor jumps from the end of the ROM to the loader.
    const rom = Buffer.alloc(0x1_0000, 0xf4);
    Buffer.from([0xea, 0, 0, (LOADER >> 4) & 0xff, LOADER >> 12]).copy(rom, 0xfff0);
    writeFileSync(join(directory, "rom.bin"), rom);
    const pieces = [
      { physical: LOADER, bytes: Buffer.concat([assembleLoader(directory), parameters(boot)]) as Uint8Array },
      ...boot.writes.map(({ physical, bytes }) => {
        const staged = physical >= ROM_RANGE && physical < 0x10_0000;
        return { physical: staged ? physical - ROM_RANGE + STAGE : physical, bytes };
      }),
    ];
    const args = ["-accel", "tcg", "-M", "pc", "-m", String(MEMORY_MIB), "-nic", "none", "-vga", "none"];
    args.push("-display", "none", "-serial", "stdio", "-no-reboot", "-bios", join(directory, "rom.bin"));
    for (const [index, { physical, bytes }] of pieces.entries()) {
      const file = join(directory, `${index}.bin`);
      writeFileSync(file, bytes);
      args.push("-device", `loader,file=${file},addr=${physical},force-raw=on`);
    }
    const machine = spawn(QEMU, args, { stdio: ["pipe", "pipe", "inherit"] });
    const timer = setTimeout(() => machine.kill(), GIVE_UP_MS);
    let output = "";
    let typed = false;
    machine.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      if (typed || !output.includes("~ # ")) return;
      typed = true;
      machine.stdin.write("cat /proc/interrupts; poweroff -f\n");
    });
    await new Promise((resolve, reject) => machine.on("error", reject).on("exit", resolve));
    clearTimeout(timer);
    return output;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const KERNELS: [name: string, entry: "64" | "32", path: () => Promise<string>][] = [
  ["bzImage by its 64-bit entry", "64", async () => (await cloudKernel()).vmlinuz],
  ["bzImage by its 32-bit entry", "32", async () => (await cloudKernel()).vmlinuz],
  ["ELF vmlinux", "64", async () => vmlinux((await cloudKernel()).vmlinuz)],
];

for (const [name, entry, path] of KERNELS) {
  test(`${name}: boots to a shell and powers off by our ACPI tables`, { skip }, async () => {
    const boot = prepareDirectBoot({
      kernel: readFileSync(await path()),
      initrd: readFileSync(await busyboxInitramfs()),
      cmdline: "console=ttyS0 panic=-1",
      memoryMiB: MEMORY_MIB,
      entry,
    });
    const output = await runOnQemu(boot);
    assert.ok(output.includes(BUSYBOX_GREETING), `the end was:\n${output.slice(-3000)}`);
    assert.match(output, /reboot: Power down/);
    assert.match(output, /ACPI: RSDP 0x00000000000F0000 000024 \(v02 BOOTSC\)/);
    assert.match(output, /ACPI: SCI \(IRQ9\)|9: .*IO-APIC +9-fasteoi +acpi/);
    assert.match(output, /PCI: Using configuration type 1/);
    assert.match(output, /hpet: HPET|hpet0: /);
    assert.doesNotMatch(output, /ACPI (BIOS )?(Error|Warning)|\[Firmware Bug\]|incorrect checksum/i);
  });
}
