/** Debian's stock kernel, as extracted vmlinux and as the bzImage whose xz decompressor runs 4.5e9 instructions. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { BUSYBOX_GREETING, busyboxInitramfs, stockKernel, vmlinux } from "../../scripts/guests/guests.ts";
import { Guest } from "./guest.ts";

for (const format of ["vmlinux", "bzImage"] as const) {
  test(`${format}: reaches /init, runs a typed command, powers off`, async () => {
    const { vmlinuz, version } = await stockKernel();
    const kernel = format === "vmlinux" ? await vmlinux(vmlinuz) : vmlinuz;
    const guest = await Guest.boot(`stock ${format}`, { kernel, initrd: await busyboxInitramfs() });
    guest.expect(`${BUSYBOX_GREETING} (Linux ${version}, x86_64)`);
    guest.expect("~ # ");
    assert.equal(guest.command("echo $((6 * 7)); uname -r"), `42\n${version}`);
    guest.type("poweroff -f\n");
    assert.deepEqual(guest.end(), { reason: "poweroff" });
    assert.match(guest.unread, /reboot: Power down/);
  });
}
