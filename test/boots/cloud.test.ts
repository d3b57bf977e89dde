/** Debian's cloud kernel, by every way in, to a shell that computes and a machine that is off. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { busybox, BUSYBOX_GREETING, busyboxInitramfs, cloudKernel, vmlinux } from "../../scripts/guests/guests.ts";
import { Guest, type GuestOptions } from "./guest.ts";

const PROMPT = "~ # ";

async function bootToShell(name: string, options: Partial<GuestOptions>): Promise<Guest> {
  const { vmlinuz, version } = await cloudKernel();
  const guest = await Guest.boot(name, { kernel: vmlinuz, initrd: await busyboxInitramfs(), ...options });
  guest.expect(`${BUSYBOX_GREETING} (Linux ${version}, x86_64)`);
  guest.expect(PROMPT);
  assert.equal(guest.command("echo $((6 * 7)); uname -r"), `42\n${version}`);
  return guest;
}

function powerOff(guest: Guest): void {
  guest.type("poweroff -f\n");
  assert.deepEqual(guest.end(), { reason: "poweroff" });
  assert.match(guest.unread, /reboot: Power down/);
}

test("vmlinux: the shell's arithmetic, checksums and compression are right, the kernel has no complaint", async () => {
  const { vmlinuz } = await cloudKernel();
  const guest = await bootToShell("cloud vmlinux", { kernel: await vmlinux(vmlinuz) });
  assert.deepEqual(
    guest.machine.phases.map(({ name }) => name),
    ["kernel", "init"],
  );
  const binary = await readFile((await busybox()).binary);
  for (const algorithm of ["md5", "sha256"]) {
    const digest = createHash(algorithm).update(binary).digest("hex");
    assert.equal(guest.command(`${algorithm}sum /bin/busybox`), `${digest}  /bin/busybox`);
  }
  assert.equal(guest.command("gzip -c /bin/busybox | gunzip -c | cmp - /bin/busybox && echo same"), "same");
  // Floating point in awk, by SSE2 and by printf's 80-bit arithmetic.
  const awk = guest.command(`awk 'BEGIN{printf "%.15g %.0f %e\\n",2/3,9e15+1,1e300*1e8}'`);
  assert.equal(awk, "0.666666666666667 9000000000000001 1.000000e+308");
  // This processor has no performance counters and is no hypervisor's guest: the kernel remarks on that.
  const complaints = guest
    .command("dmesg | grep -iwE 'bug|warn|warning|error|fault|failed'")
    .split("\n")
    .filter((line) => line !== "" && !/if necessary, use "pci=nocrs" and report a bug|perfctr msr/.test(line));
  assert.deepEqual(complaints, []);
  powerOff(guest);
});

test("bzImage through the 64-bit entry", async () => {
  const guest = await bootToShell("cloud bzImage", {});
  assert.deepEqual(
    guest.machine.phases.map(({ name }) => name),
    ["decompressor", "kernel", "init"],
  );
  powerOff(guest);
});

test("bzImage through the 32-bit entry", async () => {
  const guest = await bootToShell("cloud bzImage, 32-bit entry", { entry: "32" });
  assert.deepEqual(
    guest.machine.phases.map(({ name }) => name),
    ["decompressor", "kernel", "init"],
  );
  powerOff(guest);
});
