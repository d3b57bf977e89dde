/** A CD that ISOLINUX boots and a FAT disk that SYSLINUX boots: menu on the screen, answered on the keyboard. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { builtinFirmware } from "../../emulator/firmware/images.ts";
import { MENU_ENTRIES } from "../../scripts/guests/disk-root.ts";
import { seabios } from "../../scripts/guests/firmware.ts";
import { BUSYBOX_GREETING, cloudKernel } from "../../scripts/guests/guests.ts";
import { isolinuxIso, syslinuxFat } from "../../scripts/guests/syslinux-disks.ts";
import { DiskGuest } from "./disk-guest.ts";
import { checkTrace } from "./trace.ts";

const BOOTS = [
  { name: "isolinux", image: isolinuxIso, kind: "cdrom" },
  { name: "syslinux", image: syslinuxFat, kind: "disk" },
] as const;

for (const firmware of ["seabios", "builtin"] as const) {
  for (const { name, image, kind } of BOOTS) {
    test(`${firmware}: ${name} shows its menu and starts the chosen entry through the setup code`, async () => {
      const { version } = await cloudKernel();
      const guest = await DiskGuest.start(`${name}-${firmware}`, {
        firmware: await (firmware === "seabios" ? seabios() : builtinFirmware()),
        drives: [{ path: await image(), kind, bus: "ide" }],
      });
      try {
        guest.expectScreen(MENU_ENTRIES[1].title);
        guest.expectScreen("Automatic boot in");
        guest.press("ArrowDown");
        guest.press("Enter");
        guest.expectSerial(`${BUSYBOX_GREETING} (Linux ${version}, x86_64)`);
        assert.deepEqual(
          guest.machine.phases.map((phase) => phase.name),
          ["bios", "bootloader", "setup", "decompressor", "kernel", "init"],
        );
        await checkTrace(guest.name, guest.machine);
        guest.expectSerial("~ # ");
        guest.type("grep -c bootscope.entry=1 /proc/cmdline; poweroff -f\n");
        guest.expectSerial("\n1\r");
        assert.deepEqual(guest.end(), { reason: "poweroff" });
      } finally {
        guest.close();
      }
    });
  }
}
