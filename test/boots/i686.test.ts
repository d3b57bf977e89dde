/** Debian's 32-bit kernels: 32-bit paging without PAE, and PAE paging, with a 32-bit user space. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { BUSYBOX_GREETING, i686Initramfs, i686Kernel, vmlinux } from "../../scripts/guests/guests.ts";
import { Guest } from "./guest.ts";

for (const paging of ["32-bit", "PAE"] as const) {
  test(`the kernel with ${paging} paging reaches /init, runs a typed command, powers off`, async () => {
    const { vmlinuz, version } = await i686Kernel(paging);
    const guest = await Guest.boot(`i686, ${paging} paging`, {
      kernel: await vmlinux(vmlinuz),
      initrd: await i686Initramfs(),
    });
    guest.expect(`${BUSYBOX_GREETING} (Linux ${version}, i686)`);
    guest.expect("~ # ");
    assert.equal(guest.command("echo $((6 * 7)); uname -r"), `42\n${version}`);
    const { eip, walk } = { eip: guest.machine.cpu().rip, walk: guest.machine.walk(guest.machine.cpu().rip) };
    assert.equal(walk.paging, paging, `at 0x${eip.toString(16)}`);
    guest.type("poweroff -f\n");
    assert.deepEqual(guest.end(), { reason: "poweroff" });
  });
}
