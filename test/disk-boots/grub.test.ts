/**
 * Disks and a CD that GRUB boots, from the reset vector to the shell of a root on that disk: the menu is read from the
 * screen and answered on the keyboard.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { builtinFirmware } from "../../emulator/firmware/images.ts";
import { debianSystem } from "../../scripts/guests/debian-system.ts";
import { DISK_GREETING, MENU_ENTRIES } from "../../scripts/guests/disk-root.ts";
import { seabios } from "../../scripts/guests/firmware.ts";
import { grubGptDisk, grubIso, grubMbrDisk } from "../../scripts/guests/grub-disks.ts";
import { DiskGuest, type DiskGuestOptions } from "./disk-guest.ts";
import { checkTrace } from "./trace.ts";

type Drives = DiskGuestOptions["drives"];

const BOOTS: { name: string; drives: () => Promise<Drives>; root: string }[] = [
  {
    name: "mbr",
    drives: async () => [{ path: await grubMbrDisk(), kind: "disk", bus: "ide" }],
    root: "/dev/sda1 ext4",
  },
  {
    name: "gpt-virtio",
    drives: async () => [{ path: await grubGptDisk(), kind: "disk", bus: "virtio" }],
    root: "/dev/vda2 ext4",
  },
  {
    name: "iso",
    drives: async () => [{ path: await grubIso(), kind: "cdrom", bus: "ide" }],
    root: "/dev/sr0 iso9660",
  },
];

const [FIRST, SECOND] = MENU_ENTRIES;

for (const firmware of ["seabios", "builtin"] as const) {
  for (const { name, drives, root } of BOOTS) {
    test(`${firmware}: GRUB's menu from ${name} starts the chosen entry, whose root is ${root}`, async () => {
      const { version } = await debianSystem();
      const guest = await DiskGuest.start(`grub-${name}-${firmware}`, {
        firmware: await (firmware === "seabios" ? seabios() : builtinFirmware()),
        drives: await drives(),
      });
      try {
        guest.expectScreen(`*${FIRST.title}`);
        guest.press("ArrowDown");
        guest.expectScreen(`*${SECOND.title}`);
        guest.press("Enter");
        guest.expectSerial(`${DISK_GREETING} (${root}, entry 1, Linux ${version})`);
        assert.ok(guest.screen.includes(DISK_GREETING), "the root greets on the screen, too");
        await checkTrace(guest.name, guest.machine);
        guest.expectSerial("/ # ");
        guest.type("echo $((6 * 7)); poweroff -f\n");
        guest.expectSerial("\n42\r");
        assert.deepEqual(guest.end(), { reason: "poweroff" });
      } finally {
        guest.close();
      }
    });
  }
}
