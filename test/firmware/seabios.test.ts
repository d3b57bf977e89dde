/** Debian's SeaBIOS, unmodified, on the board: what it finds is what it finds on QEMU's, and it boots what it should. */
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { memoryDisk } from "../../emulator/disks/memory-disk.ts";
import type { Drive } from "../../emulator/disks/disk-image.ts";
import { screenText } from "../../emulator/display/screen-text.ts";
import type { MachineConfig } from "../../emulator/machine/api.ts";
import { Machine } from "../../emulator/machine/machine.ts";
import { seabios, seabiosFiles } from "../../scripts/guests/firmware.ts";
import { BUSYBOX_GREETING, busyboxInitramfs, cloudKernel } from "../../scripts/guests/guests.ts";

const MEMORY_MIB = 512;
const SLICE = 1_000_000;
/** SeaBIOS needs some ten million instructions. */
const FIRMWARE_LIMIT = 100_000_000;
const LINUX_LIMIT = 6_000_000_000;
const QEMU = "qemu-system-x86_64";
/** A bound for a hanging QEMU, not a measure. */
const GIVE_UP_MS = 120_000;
/** QEMU's loader for kernels that are given to the firmware, from Debian's package qemu-system-data. */
const LINUX_ROM = "/usr/share/qemu/linuxboot_dma.bin";
const CD_BLOCK = 2048;

/** A machine with SeaBIOS, what it said, and its run up to a text. */
class Pc {
  readonly machine: Machine;
  debug = "";
  serial = "";

  private constructor(machine: Machine) {
    this.machine = machine;
  }

  static async start(config: Partial<MachineConfig>): Promise<Pc> {
    const said: ((source: number | "debug", bytes: Uint8Array) => void)[] = [];
    const machine = await Machine.create(
      { memoryMiB: MEMORY_MIB, firmware: await seabios(), ...config },
      { output: (source, bytes) => said[0]?.(source, bytes), phase: () => undefined },
    );
    const pc = new Pc(machine);
    said.push((source, bytes) => {
      const text = Buffer.from(bytes).toString("latin1");
      if (source === "debug") pc.debug += text;
      else if (source === 0) pc.serial += text;
    });
    return pc;
  }

  get screen(): string {
    return screenText(this.machine.screen()).join("\n");
  }

  /** Runs until `done`; fails when the guest stops or takes too long. */
  runUntil(what: string, done: () => boolean, limit = FIRMWARE_LIMIT): void {
    const end = Number(this.machine.icount) + limit;
    while (!done()) {
      const result = this.machine.run(SLICE);
      if (done()) return;
      const state = `${what} was awaited; the screen:\n${this.screen}\nthe log:\n${this.debug.slice(-2000)}`;
      assert.equal(result.reason, "budget", state);
      assert.ok(Number(this.machine.icount) < end, `${limit} instructions: ${state}`);
    }
  }
}

const assembler = ["as", "ld"].find((tool) => spawnSync(tool, ["--version"]).error);
const noAssembler = assembler ? `${assembler} is not installed` : false;
const noQemu = noAssembler || (spawnSync(QEMU, ["--version"]).error ? `${QEMU} is not installed` : false);

function assemble(source: string, origin: number): Uint8Array {
  const directory = mkdtempSync(path.join(tmpdir(), "bootscope-seabios-"));
  try {
    const object = path.join(directory, "x.o");
    const binary = path.join(directory, "x.bin");
    execFileSync("as", ["--32", "-o", object, path.join(import.meta.dirname, source)]);
    const at = `-Ttext=0x${origin.toString(16)}`;
    execFileSync("ld", ["-m", "elf_i386", at, "-e", "start", "--oformat=binary", "-o", binary, object]);
    return readFileSync(binary);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function bootDisk(bytes = 1 << 20): Uint8Array {
  const disk = new Uint8Array(bytes);
  disk.set(assemble("hello-sector.s", 0x7c00));
  return disk;
}

/** The smallest CD that boots: volume descriptors, and a boot catalog of one entry without emulation (El Torito 1.0). */
function bootCd(): Uint8Array {
  const cd = new Uint8Array(24 * CD_BLOCK);
  const view = new DataView(cd.buffer);
  const descriptor = (block: number, type: number): void => {
    cd.set([type, ...Buffer.from("CD001"), 1], block * CD_BLOCK);
  };
  descriptor(16, 1);
  descriptor(17, 0);
  cd.set(Buffer.from("EL TORITO SPECIFICATION"), 17 * CD_BLOCK + 7);
  view.setUint32(17 * CD_BLOCK + 0x47, 19, true);
  descriptor(18, 255);
  const catalog = 19 * CD_BLOCK;
  cd.set([1, 0], catalog);
  cd.set([0x55, 0xaa], catalog + 0x1e);
  view.setUint16(catalog + 0x1c, 0x1_0000 - 1 - 0xaa55, true);
  // Bootable, no emulation, segment 0x7c0, one sector of 512 bytes from block 20.
  cd.set([0x88], catalog + 0x20);
  view.setUint16(catalog + 0x26, 1, true);
  view.setUint32(catalog + 0x28, 20, true);
  const sector = assemble("hello-sector.s", 0x7c00);
  cd.set(sector.subarray(0, 512), 20 * CD_BLOCK);
  // INT 13h counts blocks of the CD from its start: the second one holds the text.
  cd.set(sector.subarray(512), CD_BLOCK);
  return cd;
}

function drive(bytes: Uint8Array, kind: Drive["kind"] = "disk", bus: Drive["bus"] = "ide"): Drive {
  return { image: memoryDisk(bytes), kind, bus, name: kind };
}

/** Lines that say the same on every board of this kind: not how large our tables and devices are, and where they end up. */
const OWN_LINES = [
  /^boot order:|^\d+: \//,
  /^PCI: (IO|32|64|map device)/,
  /^Copying (MPTABLE|SMBIOS)|^table\(|^ACPI: parse DSDT/,
  /HARDDISK/,
  /kvmvapic|^Running option rom at ca00/,
  /^Space available for UMB|^Returned \d+ bytes of ZoneHigh|^drive 0x/,
  /^e820 map|^ +\d: /,
  /PMM|pmm/,
];

function comparable(log: string): string[] {
  const end = log.indexOf("Booting from 0000:7c00");
  assert.ok(end > 0, `the boot sector was not reached:\n${log}`);
  const lines = log.slice(0, end).replaceAll("\r", "").split("\n");
  const shared = lines.filter((line) => line !== "" && !OWN_LINES.some((own) => own.test(line)));
  // SeaBIOS's threads for disks and keyboard end in the order of the devices' speed, which is the host's on QEMU.
  const threads = shared.findIndex((line) => line.startsWith("ATA controller 1"));
  const together = shared.indexOf("All threads complete.");
  assert.ok(threads > 0 && together > threads, log);
  return [...shared.slice(0, threads), ...shared.slice(threads, together).sort(), ...shared.slice(together)];
}

async function qemuLog(disk: Uint8Array): Promise<string> {
  const directory = mkdtempSync(path.join(tmpdir(), "bootscope-seabios-"));
  try {
    const image = path.join(directory, "disk.img");
    const log = path.join(directory, "debug.log");
    writeFileSync(image, disk);
    const { bios } = await seabiosFiles();
    const args = [
      "-accel",
      "tcg",
      "-M",
      "pc",
      "-cpu",
      "qemu64",
      "-m",
      String(MEMORY_MIB),
      "-nodefaults",
      "-vga",
      "std",
    ];
    args.push("-bios", bios, "-display", "none", "-serial", "null", "-serial", "null", "-device", "virtio-serial-pci");
    args.push("-drive", `file=${image},format=raw,if=ide,snapshot=on`);
    args.push("-debugcon", `file:${log}`, "-global", "isa-debugcon.iobase=0x402");
    const machine = spawn(QEMU, args, { stdio: "ignore" });
    const ended = new Promise((resolve) => machine.on("exit", resolve));
    const timer = setTimeout(() => machine.kill("SIGKILL"), GIVE_UP_MS);
    const looker = setInterval(() => {
      if (existsSync(log) && readFileSync(log, "latin1").includes("Booting from 0000:7c00")) machine.kill("SIGKILL");
    }, 100);
    await ended;
    clearTimeout(timer);
    clearInterval(looker);
    return readFileSync(log, "latin1");
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test("it logs what it logs on QEMU's board", { skip: noQemu }, async () => {
  const disk = bootDisk();
  const pc = await Pc.start({ drives: [drive(disk)] });
  pc.runUntil("the boot sector", () => pc.debug.includes("Booting from 0000:7c00"));
  const ours = comparable(pc.debug);
  assert.ok(ours.length > 40, `only ${ours.length} lines are left to compare`);
  assert.deepEqual(ours, comparable(await qemuLog(disk)));
});

for (const bus of ["ide", "virtio"] as const) {
  test(`from a hard disk (${bus}): the boot sector runs and reads by INT 13h`, { skip: noAssembler }, async () => {
    const pc = await Pc.start({ drives: [drive(bootDisk(), "disk", bus)] });
    pc.machine.stopAtPhases(["bootloader"]);
    let stopped = false;
    for (let slices = 0; !stopped && slices < FIRMWARE_LIMIT / SLICE; slices++) {
      const result = pc.machine.run(SLICE);
      stopped = result.reason === "phase";
      if (!stopped) assert.equal(result.reason, "budget");
    }
    const { rip, segments, gpr } = pc.machine.cpu();
    assert.deepEqual([segments.cs.selector, rip, gpr[2]! & 0xffn], [0, 0x7c00n, 0x80n]);
    assert.deepEqual([...pc.machine.readPhysical(0x7dfen, 2)!], [0x55, 0xaa]);
    pc.runUntil("the second sector", () => pc.screen.includes("This is the second sector."));
    assert.match(pc.screen, /SeaBIOS \(version .*Booting from Hard Disk\.\.\.\n.*Hello from 0x7c00\.\n/s);
    const [origin] = pc.machine.origins(0x7e00n, 16);
    assert.ok(origin);
    // Runs of the disk that lie in a row in memory are one.
    const lba = origin.lba + (0x7e00 - Number(origin.physical)) / 512;
    assert.deepEqual([origin.drive, lba, origin.offsetInSector, origin.biosDrive], [0, 1, 0, 0x80]);
  });
}

test("from a CD, which is first in the boot order before a disk", { skip: noAssembler }, async () => {
  const pc = await Pc.start({ drives: [drive(bootCd(), "cdrom"), drive(new Uint8Array(1 << 20))] });
  pc.runUntil("the second sector", () => pc.screen.includes("This is the second sector."));
  assert.match(pc.screen, /Booting from DVD\/CD\.\.\.\n.*Hello from 0x7c00\.\n/s);
});

test("a disk without a boot sector is passed over", { skip: noAssembler }, async () => {
  const pc = await Pc.start({ drives: [drive(new Uint8Array(1 << 20)), drive(bootDisk())] });
  pc.runUntil("the end", () => pc.debug.includes("No bootable device."));
  assert.match(pc.debug, /Boot failed: not a bootable disk/);
});

test("an expansion ROM runs", { skip: noAssembler }, async () => {
  const rom = assemble("option-rom.s", 0);
  rom[511] = -rom.reduce((sum, byte) => sum + byte, 0);
  const firmware = { ...(await seabios()), optionRoms: [{ name: "hello.bin", bytes: rom }] };
  const pc = await Pc.start({ firmware });
  pc.runUntil("the ROM's text", () => pc.debug.includes("The expansion ROM ran."));
});

test("with nothing to boot from it says so and stays there", async () => {
  const pc = await Pc.start({});
  pc.runUntil("the end", () => pc.screen.includes("No bootable device."));
  for (let slices = 0; slices < 20; slices++) assert.equal(pc.machine.run(SLICE).reason, "budget");
});

test("any amount of memory from 32 MiB to 3 GiB is found", async () => {
  for (const memoryMiB of [32, 3072]) {
    const pc = await Pc.start({ memoryMiB });
    pc.runUntil("the memory map", () => pc.debug.includes("enter handle_19"));
    const end = memoryMiB * 2 ** 20;
    const map = [...pc.debug.matchAll(/: ([0-9a-f]{16}) - ([0-9a-f]{16}) = (\d) /g)];
    const top = map.filter(([, , last]) => parseInt(last!, 16) === end);
    assert.equal(top.length, 1, pc.debug);
  }
});

test("two runs, one of them in odd slices, go through the same states", { skip: noAssembler }, async () => {
  const disk = bootDisk();
  const hashes = async (slice: number): Promise<string[]> => {
    const pc = await Pc.start({ drives: [drive(disk)] });
    const found: string[] = [];
    for (const stop of [2_000_000, 5_000_000, 9_000_000]) {
      while (Number(pc.machine.icount) < stop) {
        const result = pc.machine.run(Math.min(slice, stop - Number(pc.machine.icount)));
        assert.equal(result.reason, "budget");
      }
      found.push(pc.machine.stateHash());
    }
    return found;
  };
  assert.deepEqual(await hashes(7_919), await hashes(SLICE));
});

/** Lines of the kernel's log about the board that say that something is wrong with it; and two that only sound so. */
const COMPLAINT =
  /\b(ACPI|PCI|pci|DMI|SMBIOS|BIOS|e820|hpet|PnP|pnp)\b.*(error|warning|invalid|conflict|fail|bug\b|checksum)|Firmware (Bug|Warn)/i;
const NO_COMPLAINT = /and report a bug$|checksum verification disabled/;
const noRom = existsSync(LINUX_ROM) ? false : `${LINUX_ROM} is not installed`;

test("Linux finds nothing to complain of in our tables and powers off", { skip: noRom }, async () => {
  const optionRoms = [{ name: "linuxboot_dma.bin", bytes: readFileSync(LINUX_ROM) }];
  const pc = await Pc.start({
    firmware: { ...(await seabios()), optionRoms },
    kernel: readFileSync((await cloudKernel()).vmlinuz),
    initrd: readFileSync(await busyboxInitramfs()),
    cmdline: "console=ttyS0 panic=-1",
  });
  pc.runUntil("the shell", () => pc.serial.includes("~ # "), LINUX_LIMIT);
  const phases = pc.machine.phases.map(({ name }) => name);
  assert.deepEqual([phases[0], ...phases.slice(-2)], ["bios", "kernel", "init"]);
  const commands = "cat /sys/class/dmi/id/sys_vendor /sys/class/dmi/id/bios_version /proc/interrupts; poweroff -f\n";
  pc.machine.serialInput(0, new TextEncoder().encode(commands));
  let result = pc.machine.run(SLICE);
  for (let slices = 0; result.reason === "budget" && slices < 2000; slices++) result = pc.machine.run(SLICE);
  assert.equal(result.reason, "poweroff");
  const { serial } = pc;
  assert.ok(serial.includes(BUSYBOX_GREETING));
  const complaints = serial.split("\r\n").filter((line) => COMPLAINT.test(line) && !NO_COMPLAINT.test(line));
  assert.deepEqual(complaints, []);
  assert.match(serial, /SMBIOS 2\.8 present/);
  assert.match(serial, /\nBootscope\r\nSeaBIOS/);
  assert.match(serial, /9-fasteoi +acpi/);
  assert.match(serial, /Interrupt link LNKA configured for IRQ 10/);
});
