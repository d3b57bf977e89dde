/**
 * Instructions per phase, against QEMU with `-icount shift=0` and the same disk. What goes on within INT 13h is left out
 * of the boot loader's: QEMU's drives answer in the host's time, and SeaBIOS polls for it.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { debianSystem } from "../../scripts/guests/debian-system.ts";
import { seabios } from "../../scripts/guests/firmware.ts";
import { grubMbrDisk } from "../../scripts/guests/grub-disks.ts";
import { qemuVersion } from "../qemu/counting-qemu.ts";
import { qemuPhaseCounts, type BootCounts } from "../qemu/phase-counts.ts";
import { DiskGuest } from "../disk-boots/disk-guest.ts";

const MEMORY_MIB = 512;
/** Where GRUB puts a kernel that prefers this address, as Debian's do. */
const DECOMPRESSOR = 0x100_0000n;

/** How far off each phase may be, in percent of QEMU's. */
const TOLERANCE = { bios: 5, bootloader: 3, decompressor: 0.1, kernel: 5 } as const;

/** Instructions of each phase, those within the boot loader's INT 13h left out. */
function perPhase({ phases, diskInstructions }: BootCounts): Record<keyof typeof TOLERANCE, number> {
  const at = (name: keyof typeof phases): number => {
    const count = phases[name];
    assert.ok(count !== undefined, `phase ${name} was reached`);
    return count;
  };
  return {
    bios: at("bootloader") - at("bios"),
    bootloader: at("decompressor") - at("bootloader") - diskInstructions,
    decompressor: at("kernel") - at("decompressor"),
    kernel: at("init") - at("kernel"),
  };
}

const skip = qemuVersion() === undefined ? "qemu-system-x86_64 is not installed" : false;

test("SeaBIOS, GRUB, decompressor and kernel execute as many instructions as in QEMU", { skip }, async () => {
  const disk = await grubMbrDisk({ seconds: 0 });
  const drive = { path: disk, kind: "disk" } as const;
  const { vmlinuz } = await debianSystem();
  const theirs = await qemuPhaseCounts({ drive, vmlinuz, decompressor: DECOMPRESSOR, memoryMiB: MEMORY_MIB });
  const guest = await DiskGuest.start("qemu-counts", {
    firmware: await seabios(),
    drives: [{ ...drive, bus: "ide" }],
    memoryMiB: MEMORY_MIB,
  });
  try {
    const disk = guest.countDiskCalls("decompressor");
    guest.expectPhase("init");
    const phases = Object.fromEntries(guest.machine.phases.map(({ name, icount }) => [name, Number(icount)]));
    const ours = { phases, ...disk };
    const [here, there] = [perPhase(ours), perPhase(theirs)];
    console.log(`# INT 13h calls: ${ours.diskCalls} here, ${theirs.diskCalls} in QEMU`);
    for (const name of ["bios", "bootloader", "decompressor", "kernel"] as const) {
      const percent = (here[name] / there[name] - 1) * 100;
      console.log(`# ${name}: ${here[name]} instructions here, ${there[name]} in QEMU: ${percent.toFixed(3)} %`);
    }
    assert.equal(ours.diskCalls, theirs.diskCalls);
    for (const name of ["bios", "bootloader", "decompressor", "kernel"] as const) {
      const percent = Math.abs(here[name] / there[name] - 1) * 100;
      assert.ok(percent <= TOLERANCE[name], `${name}: ${here[name]} instructions, ${there[name]} in QEMU`);
    }
  } finally {
    guest.close();
  }
});
