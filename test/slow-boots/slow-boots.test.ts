/** The heavy ones: a whole Debian with systemd to its login prompt, and the Debian installer from a CD. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { builtinFirmware } from "../../emulator/firmware/images.ts";
import { DEBIAN_HOSTNAME } from "../../scripts/guests/debian-system.ts";
import { MENU_ENTRIES } from "../../scripts/guests/disk-root.ts";
import { seabios } from "../../scripts/guests/firmware.ts";
import { debianRootDisk } from "../../scripts/guests/grub-disks.ts";
import { INSTALLER_ENTRY, installerIso } from "../../scripts/guests/syslinux-disks.ts";
import { DiskGuest } from "../disk-boots/disk-guest.ts";

/** The installer asks for less than this in its low memory mode only. */
const INSTALLER_MIB = 1024;

test("Debian with systemd as pid 1 comes to its login prompt, lets root in and powers off", async () => {
  const guest = await DiskGuest.start("debian-root", {
    firmware: await seabios(),
    drives: [{ path: await debianRootDisk(), kind: "disk", bus: "ide" }],
  });
  try {
    guest.expectScreen(`*${MENU_ENTRIES[0].title}`);
    guest.press("Enter");
    guest.expectSerial(`${DEBIAN_HOSTNAME} login: `);
    guest.type("root\n");
    guest.expectSerial(`root@${DEBIAN_HOSTNAME}:~#`);
    guest.type("cat /proc/1/comm; systemctl poweroff\n");
    guest.expectSerial("systemd\r\n");
    assert.deepEqual(guest.end(), { reason: "poweroff" });
  } finally {
    guest.close();
  }
});

for (const firmware of ["seabios", "builtin"] as const) {
  test(`${firmware}: the Debian installer from a CD asks for the language`, async () => {
    const guest = await DiskGuest.start(`installer-cd-${firmware}`, {
      firmware: await (firmware === "seabios" ? seabios() : builtinFirmware()),
      drives: [{ path: await installerIso(), kind: "cdrom", bus: "ide" }],
      memoryMiB: INSTALLER_MIB,
    });
    try {
      guest.expectScreen(INSTALLER_ENTRY);
      guest.expectScreen("Automatic boot in");
      guest.press("Enter");
      guest.expectSerial("Select a language");
    } finally {
      guest.close();
    }
  });
}
