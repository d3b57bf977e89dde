/** A root as buildroot makes it: busybox init, inittab, rcS, its scripts, a login shell on the serial console. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { BUILDROOT_GREETING, buildrootInitramfs, cloudKernel, vmlinux } from "../../scripts/guests/guests.ts";
import { Guest } from "./guest.ts";

test("the buildroot-like root comes up script by script, gives a shell and powers off", async () => {
  const { vmlinuz } = await cloudKernel();
  const guest = await Guest.boot("buildroot", { kernel: await vmlinux(vmlinuz), initrd: await buildrootInitramfs() });
  guest.expect("Starting syslogd: OK");
  guest.expect("Starting klogd: OK");
  guest.expect("Running sysctl: OK");
  guest.expect("Seeding the random number generator: OK");
  guest.expect("Starting network: OK");
  guest.expect(BUILDROOT_GREETING);
  guest.expect("# ");
  const answer = guest.command("hostname; pidof syslogd klogd | wc -w; cat /proc/sys/vm/swappiness", "# ");
  assert.equal(answer, "buildroot\n2\n10");
  assert.doesNotMatch(guest.output, /FAIL|not found|No such file/);
  guest.type("poweroff -f\n");
  assert.deepEqual(guest.end(), { reason: "poweroff" });
  assert.match(guest.unread, /reboot: Power down/);
});
