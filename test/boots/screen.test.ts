/** Debian's cloud kernel with its console on the VGA screen, and a shell there that is typed at on the PS/2 keyboard. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { BUSYBOX_GREETING, busyboxInitramfs, cloudKernel, vmlinux } from "../../scripts/guests/guests.ts";
import { screenText } from "../../emulator/display/screen-text.ts";
import { typeText } from "../../emulator/display/type-text.ts";
import { Machine } from "../../emulator/machine/machine.ts";

const SLICE = 5_000_000;
const PROGRESS_SLICES = 100;
/** Twice what the boot takes. */
const BOOT_SLICES = 800;
const COMMAND_SLICES = 100;

test("a kernel's console and a shell on the screen, typed at by keyboard", async (context) => {
  const { vmlinuz } = await cloudKernel();
  const modes: string[] = [];
  const machine = await Machine.create(
    {
      memoryMiB: 256,
      kernel: await readFile(await vmlinux(vmlinuz)),
      initrd: await readFile(await busyboxInitramfs()),
      cmdline: "console=tty0",
    },
    {
      output: () => undefined,
      phase: () => undefined,
      event: ({ kind, text }) => {
        if (kind === "screen") modes.push(text);
      },
    },
  );
  const lines = (): string[] => screenText(machine.screen());
  const runUntil = (done: () => boolean, slices: number): void => {
    for (let slice = 0; slice < slices && !done(); slice++) {
      const result = machine.run(SLICE);
      assert.equal(result.reason, "budget");
      if (slice % PROGRESS_SLICES === 0) context.diagnostic(`${machine.icount} instructions: ${lines().at(-1)}`);
    }
  };
  runUntil(() => lines().at(-1) === "~ #", BOOT_SLICES);
  assert.ok(
    lines().some((line) => line.includes(BUSYBOX_GREETING)),
    lines().join("\n"),
  );
  assert.equal(lines().at(-1), "~ #");
  machine.keyboardInput(typeText("dmesg | grep -c 'VGA+ 80x25'; echo \"$((6 * 7))~{Yes}\"\n"));
  runUntil(() => lines().includes("42~{Yes}") && lines().at(-1) === "~ #", COMMAND_SLICES);
  assert.deepEqual(lines().slice(-3), ["1", "42~{Yes}", "~ #"], lines().join("\n"));
  assert.deepEqual(modes, ["Screen: text 80×25"]);
});
