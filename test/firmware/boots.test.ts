/** The whole chain on real input: BIOS, MBR, second stage, Debian's cloud kernel, busybox; with each BIOS on each machine. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { screenText } from "../../emulator/display/screen-text.ts";
import { composedDisk } from "../../emulator/disks/composed-disk.ts";
import { composeBootDisk } from "../../emulator/firmware/compose.ts";
import { loaderImages } from "../../emulator/firmware/images.ts";
import { PHASE_NAMES } from "../../emulator/machine/api.ts";
import { seabios } from "../../scripts/guests/firmware.ts";
import { BUSYBOX_GREETING, busyboxInitramfs, cloudKernel } from "../../scripts/guests/guests.ts";
import { BUILTIN_BIOS, noQemu, runOnMachine, runOnQemu } from "./harness.ts";

const MEMORY_MIB = 256;
/** Of a whole boot with room to spare: 1.7·10⁹ are needed. */
const LIMIT = 4_000_000_000;
const PROMPT = "~ # ";
const LOADER_TEXT = [
  /^Bootscope boot loader$/,
  /^Loading the kernel \(\d+ KiB\) \.+ done$/,
  /^Loading the initramfs \(\d+ KiB\) \.* done$/,
  /^Entering the kernel's setup code$/,
];

async function bootDisk(cmdline: string): Promise<Uint8Array> {
  const kernel = new Uint8Array(await readFile((await cloudKernel()).vmlinuz));
  const initrd = new Uint8Array(await readFile(await busyboxInitramfs()));
  const { size, segments } = composeBootDisk({ kernel, initrd, cmdline }, await loaderImages());
  const image = composedDisk(size, segments);
  const disk = new Uint8Array(size);
  image.read(0, disk);
  return disk;
}

/** At the shell's prompt asks for what the kernel says of the firmware, then switches off. */
function shell(): (output: string) => string | undefined {
  let sent = false;
  return (output) => {
    if (sent || !output.includes(PROMPT)) return undefined;
    sent = true;
    return "dmesg | grep -c 'BIOS-e820'; cat /proc/cmdline; poweroff -f\n";
  };
}

function check(output: string): void {
  const lines = output.split(/\r*\n/);
  for (const expected of LOADER_TEXT)
    assert.ok(
      lines.some((line) => expected.test(line)),
      `${expected}\n${output}`,
    );
  assert.ok(output.includes(BUSYBOX_GREETING), output.slice(-3000));
  assert.ok(lines.includes("console=ttyS0 bootscope.test=1"), output.slice(-3000));
  // Only with ACPI tables in place the kernel can do that.
  assert.match(output, /ACPI: PM: Preparing to enter system sleep state S5/);
  assert.match(output, /reboot: Power down/);
  assert.doesNotMatch(output, /ACPI (BIOS )?Error|\[Firmware Bug\]/);
}

for (const [name, bios] of [
  ["SeaBIOS", undefined],
  ["the built-in BIOS", BUILTIN_BIOS],
] as const) {
  test(`QEMU, ${name}: the loader boots the cloud kernel to its shell`, { skip: noQemu }, async () => {
    const answer = shell();
    const output = await runOnQemu({
      disk: await bootDisk("console=ttyS0 bootscope.test=1"),
      memoryMiB: MEMORY_MIB,
      ...(bios === undefined ? {} : { bios }),
      answer: (text) => {
        const serial = answer(text);
        return serial === undefined ? undefined : { serial };
      },
    });
    check(output);
  });
}

for (const name of ["SeaBIOS", "the built-in BIOS"]) {
  test(`our machine, ${name}: the same through all six phases`, async () => {
    const answer = shell();
    const { output, result, machine, debug } = await runOnMachine({
      disk: await bootDisk("console=ttyS0 bootscope.test=1"),
      memoryMiB: MEMORY_MIB,
      ...(name === "SeaBIOS" ? { firmware: await seabios() } : {}),
      limit: LIMIT,
      answer: (text, booted) => {
        const typed = answer(text);
        if (typed !== undefined) booted.serialInput(0, new TextEncoder().encode(typed));
      },
    });
    assert.deepEqual(result, { reason: "poweroff" }, output.slice(-3000));
    check(output);
    assert.deepEqual(
      machine.phases.map((phase) => phase.name),
      [...PHASE_NAMES],
    );
    console.log(machine.phases.map((phase) => `# ${phase.name} from instruction ${phase.icount}`).join("\n"));
    if (name === "SeaBIOS") return;
    assert.match(debug, /^Bootscope BIOS\r\n\r\n256 MiB of memory\r\n80h: /);
    assert.equal(screenText(machine.screen())[0], "Bootscope BIOS");
    // The kernel's first bytes at 1 MiB: sectors behind the setup code, in the loader's bounce buffer, then copied.
    assert.equal(machine.origins(0x9_0000n, 1)[0]?.lba, 2048);
  });
}
