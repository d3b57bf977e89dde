/** The guests themselves, checked on QEMU, so that a boot that fails on our machine is our machine's fault. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { test } from "node:test";
import {
  BUILDROOT_GREETING,
  buildrootInitramfs,
  BUSYBOX_GREETING,
  busyboxInitramfs,
  cloudKernel,
  installer,
  stockKernel,
} from "./guests.ts";

const QEMU = "qemu-system-x86_64";
const skip = spawnSync(QEMU, ["--version"]).error ? `${QEMU} is not installed` : false;
/** A bound for hanging guests, not a measure. */
const GIVE_UP_MS = 300_000;

interface Dialogue {
  kernel: string;
  initrd: string;
  cmdline?: string;
  memory?: number;
  /** Each text is waited for, then the line is typed. */
  steps: readonly { expect: string; type?: string }[];
}

/** Boots, holds the dialogue on the serial console, and returns all output once QEMU has ended. */
function boot({ kernel, initrd, cmdline = "", memory = 256, steps }: Dialogue, endAtLastStep = false): Promise<string> {
  const args = ["-accel", "tcg", "-m", String(memory), "-nic", "none", "-display", "none", "-serial", "stdio"];
  args.push("-no-reboot", "-kernel", kernel, "-initrd", initrd, "-append", `console=ttyS0 panic=-1 ${cmdline}`);
  const machine = spawn(QEMU, args, { stdio: ["pipe", "pipe", "inherit"] });
  return new Promise((resolve, reject) => {
    let output = "";
    let seen = 0;
    let step = 0;
    const timer = setTimeout(() => machine.kill(), GIVE_UP_MS);
    machine.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      for (let next = steps[step]; next; next = steps[step]) {
        const at = output.indexOf(next.expect, seen);
        if (at < 0) return;
        seen = at + next.expect.length;
        step++;
        if (next.type !== undefined) machine.stdin.write(`${next.type}\n`);
      }
      if (endAtLastStep) machine.kill();
    });
    machine.on("error", reject).on("exit", () => {
      clearTimeout(timer);
      const missing = steps[step];
      if (missing)
        reject(new Error(`${JSON.stringify(missing.expect)} never came; the end was:\n${output.slice(-3000)}`));
      else resolve(output);
    });
  });
}

for (const [name, kernelFiles] of [
  ["cloud", cloudKernel],
  ["stock", stockKernel],
] as const) {
  test(`the busybox root on the ${name} kernel takes a command and powers off`, { skip }, async () => {
    const { vmlinuz, version } = await kernelFiles();
    const output = await boot({
      kernel: vmlinuz,
      initrd: await busyboxInitramfs(),
      steps: [
        { expect: `${BUSYBOX_GREETING} (Linux ${version}, x86_64)` },
        { expect: "~ # ", type: "echo $((6 * 7)) in $(tty)" },
        { expect: "42 in /dev/ttyS0" },
        // Job control: an interrupted foreground job gives the prompt back.
        { expect: "~ # ", type: "sh -c 'echo waiting; sleep 1000'" },
        { expect: "waiting\r\n", type: "\x03" },
        { expect: "~ # ", type: "poweroff -f" },
        { expect: "reboot: Power down" },
      ],
    });
    assert.doesNotMatch(output, /can't access tty|job control turned off/);
  });
}

test("the buildroot-like root runs its init scripts, gives a shell and powers off", { skip }, async () => {
  const { vmlinuz } = await cloudKernel();
  const output = await boot({
    kernel: vmlinuz,
    initrd: await buildrootInitramfs(),
    steps: [
      { expect: "Starting syslogd: OK" },
      { expect: "Starting klogd: OK" },
      { expect: "Running sysctl: OK" },
      { expect: "Seeding the random number generator: OK" },
      { expect: "Starting network: OK" },
      { expect: BUILDROOT_GREETING },
      { expect: "# ", type: "hostname; pidof syslogd klogd | wc -w; cat /proc/sys/vm/swappiness" },
      { expect: "buildroot\r\n2\r\n10\r\n" },
      { expect: "# ", type: "poweroff" },
      { expect: "Stopping klogd: OK" },
      { expect: "Stopping syslogd: OK" },
      { expect: "reboot: Power down" },
    ],
  });
  assert.doesNotMatch(output, /FAIL|not found|No such file/);
});

test("the buildroot-like root powers off at once by poweroff -f", { skip }, async () => {
  const { vmlinuz } = await cloudKernel();
  await boot({
    kernel: vmlinuz,
    initrd: await buildrootInitramfs(),
    steps: [{ expect: BUILDROOT_GREETING }, { expect: "# ", type: "poweroff -f" }, { expect: "reboot: Power down" }],
  });
});

test("the Debian installer reaches its first screen on the serial console", { skip }, async () => {
  const { kernel, initrd } = await installer();
  await boot({ kernel, initrd, memory: 1024, steps: [{ expect: "Select a language" }] }, true);
});
