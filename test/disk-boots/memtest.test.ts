/** memtest86+ from a GRUB disk and from the CD that comes with it: its first pass starts and finds no error. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { builtinFirmware } from "../../emulator/firmware/images.ts";
import { seabios } from "../../scripts/guests/firmware.ts";
import { memtestDisk, memtestIso } from "../../scripts/guests/grub-disks.ts";
import { DiskGuest } from "./disk-guest.ts";

const BOOTS = [
  { name: "disk", image: memtestDisk, kind: "disk" },
  { name: "cd", image: memtestIso, kind: "cdrom" },
] as const;
/** Little, so that the first tests come round soon. */
const MEMORY_MIB = 32;

for (const firmware of ["seabios", "builtin"] as const) {
  for (const { name, image, kind } of BOOTS) {
    test(`${firmware}: memtest86+ from ${name} goes on from test to test without an error`, async () => {
      const guest = await DiskGuest.start(`memtest-${name}-${firmware}`, {
        firmware: await (firmware === "seabios" ? seabios() : builtinFirmware()),
        drives: [{ path: await image(), kind, bus: "ide" }],
        memoryMiB: MEMORY_MIB,
      });
      try {
        if (name === "disk") {
          guest.expectScreen("*Memory test");
          guest.press("Enter");
        }
        guest.expectScreen("<Enter> to start testing");
        guest.press("Enter");
        // The first three are over within a few million instructions.
        guest.expectScreen("#3  [Moving inversions");
        guest.expectScreen("#4  [Moving inversions");
        assert.match(guest.screen, /Pass:\s+0\s+Errors:\s+0\b/);
      } finally {
        guest.close();
      }
    });
  }
}
