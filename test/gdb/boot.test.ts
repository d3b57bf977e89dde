/** Debian's gdb through whole boots by the built-in firmware: from the reset vector to the shell of Debian's cloud kernel. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { parseElf } from "../../boot-formats/elf.ts";
import { driveByGdb } from "../../debug-adapter/gdb/run-host.ts";
import { openPlan } from "../../emulator/machine/boot-plan.ts";
import type { BootPlan } from "../../emulator/machine/boot-plan.ts";
import { Machine } from "../../emulator/machine/machine.ts";
import { MachineRunner } from "../../emulator/machine/worker-runner.ts";
import { busybox, busyboxInitramfs, cloudKernel } from "../../scripts/guests/guests.ts";
import { temporaryFolder } from "../dap/fixture.ts";
import { Gdb } from "./gdb.ts";
import { Run } from "./run.ts";
import { registersOf, shownRegisters } from "./registers.ts";

/** Where the built-in loader puts a bzImage's protected-mode part, and where that one unpacks the kernel to. */
const DECOMPRESSOR = 0x100000n;
const KERNEL = 0x1000000n;
const LSTAR = 0xc0000082;
/** A shell at its prompt has nothing to do. */
const PROMPT = "~ # ";

async function plan(): Promise<BootPlan> {
  const { vmlinuz: kernel } = await cloudKernel();
  const initrd = await busyboxInitramfs();
  // Without kaslr the kernel lies where it says.
  const cmdline = "console=ttyS0 nokaslr";
  return { memoryMiB: 256, boot: "full", firmware: "builtin", kernel, initrd, cmdline, disks: [], cdroms: [] };
}

/** The first instruction of the first process, and the bytes there. */
async function firstUserCode(): Promise<{ entry: bigint; bytes: Buffer }> {
  const file = await readFile((await busybox()).binary);
  const { entry, segments } = parseElf(file);
  const segment = segments.find(
    (one) => one.virtualAddress <= entry && entry < one.virtualAddress + BigInt(one.fileSize),
  );
  assert.ok(segment);
  const at = Number(entry - segment.virtualAddress) + segment.offset;
  return { entry, bytes: file.subarray(at, at + 8) };
}

test(
  "gdb goes with a boot through all modes, and always shows what the machine has",
  { timeout: 900_000 },
  async (t) => {
    const user = await firstUserCode();
    let printed = "";
    let heard: (() => void) | undefined;
    const machine = await Machine.create(await openPlan(await plan()), {
      output: (source, bytes) => {
        if (source !== 0) return;
        printed += Buffer.from(bytes).toString("latin1");
        heard?.();
      },
      phase: ({ name, icount }) => console.log(`# phase ${name} at instruction ${icount}`),
    });
    /** Until the guest has printed a text behind all that was awaited before. */
    let seen = 0;
    const says = async (text: string): Promise<void> => {
      while (!printed.includes(text, seen)) await new Promise<void>((resolve) => (heard = resolve));
      seen = printed.indexOf(text, seen) + text.length;
    };
    const runner = new MachineRunner(machine, { pace: false });
    const driver = await driveByGdb(0, machine, runner);
    const gdb = new Gdb();
    t.after(async () => {
      gdb.kill();
      driver.end();
      await driver.close();
      await machine.close();
    });

    /** Compares all registers, and says where the machine stands. */
    const agrees = async (mode: string, address: bigint): Promise<void> => {
      const cpu = machine.cpu();
      assert.equal(cpu.mode, mode);
      const expected = registersOf(cpu);
      assert.equal(expected["rip"], address);
      assert.deepEqual(await shownRegisters(gdb, Object.keys(expected)), expected);
      console.log(`# ${mode} at 0x${address.toString(16)}: ${Object.keys(expected).length} registers agree`);
    };
    const goTo = async (address: bigint, how: string): Promise<void> => {
      await gdb.command(`${how} *0x${address.toString(16)}`);
      assert.match(await gdb.command("continue"), new RegExp(`reakpoint \\d+, 0x0*${address.toString(16)} in`));
    };

    assert.match(await gdb.command(`target remote ${driver.address}`), /0x0*fffffff0 in/);
    await agrees("real", 0xfffffff0n);
    assert.match(await gdb.command("x/1xb $pc"), /0xfffffff0:\t0xea$/, "a far jump");
    await gdb.command("stepi");
    await agrees("real", machine.cpu().segments.cs.base + machine.cpu().rip);

    // Set long before the firmware reads the boot sector over it.
    await goTo(0x7c00n, "break");
    await agrees("real", 0x7c00n);
    assert.match(await gdb.command("monitor where"), /^real mode, ring 0, cs:ip 0000:7c00 is lin:0x7c00/);
    assert.match(await gdb.command("monitor x/1i cs:rip"), /^lin:0x7c00 .*jmp/);
    assert.match(await gdb.command("monitor phys read 0x7dfe 2"), /phys:0x7dfe {2}55 aa/);

    await goTo(DECOMPRESSOR, "hbreak");
    await agrees("protected32", DECOMPRESSOR);
    for (let step = 0; step < 20; step++) await gdb.command("stepi");
    await agrees("protected32", machine.cpu().rip);

    // The decompressor writes the kernel's first bytes, in long mode.
    await gdb.command("delete", `watch *(long*)0x${KERNEL.toString(16)}`);
    const written = await gdb.command("continue");
    const code = Buffer.from(machine.readPhysical(KERNEL, 8) ?? []);
    assert.match(written, new RegExp(`Old value = 0\\nNew value = ${code.readBigInt64LE()}\\n`));
    await agrees("long", machine.cpu().rip);

    await gdb.command("delete");
    await goTo(KERNEL, "hbreak");
    await agrees("long", KERNEL);
    assert.match(await gdb.command("p $efer"), /= \[ LME LMA \]$/);
    assert.match(await gdb.command("monitor info mem"), /^0x0{16}-0x0{8}f{8} -rwx /m);
    assert.match(await gdb.command("monitor phase"), /^Kernel: instruction \d+$/m);

    // Nothing is mapped there yet, and there will be many address spaces.
    await gdb.command("delete");
    await goTo(user.entry, "break");
    await agrees("long", user.entry);
    assert.equal(machine.cpu().cpl, 3);
    // Its page is mapped for it, and not to be written.
    const ranges = (await gdb.command("monitor info mem")).matchAll(/^(0x[0-9a-f]{16})-(0x[0-9a-f]{16}) (\S+) /gm);
    const range = [...ranges].find(
      ([, first = "", last = ""]) => BigInt(first) <= user.entry && user.entry <= BigInt(last),
    );
    assert.equal(range?.[3], "ur-x");
    const dump = await gdb.command(`x/8xb 0x${user.entry.toString(16)}`);
    assert.deepEqual(
      Buffer.from([...dump.matchAll(/\t0x([0-9a-f]{2})/g)].map((match) => Number(`0x${match[1]}`))),
      user.bytes,
    );

    // The kernel's entry for system calls.
    const entry = machine.cpu().msrs.find(({ index }) => index === LSTAR)?.value ?? 0n;
    await gdb.command("delete");
    await goTo(entry, "tbreak");
    await agrees("long", entry);
    assert.equal(machine.cpu().cpl, 0);
    assert.equal(runner.running, false);

    const stopped = await gdb.during("continue", async () => {
      await says(PROMPT);
      gdb.interrupt();
    });
    assert.match(stopped, /Program received signal SIGINT/);
    await agrees("long", machine.cpu().rip);
    runner.serialInput(0, Buffer.from("echo $((6 * 7))\n"));
    const again = await gdb.during("continue", async () => {
      await says("\n42\r\n");
      gdb.interrupt();
    });
    assert.match(again, /Program received signal SIGINT/);

    // Without gdb the boot goes on; another one finds it running, and stops it.
    assert.match(await gdb.command("detach"), /detached/);
    runner.serialInput(0, Buffer.from("echo $((7 * 9))\n"));
    await says("\n63\r\n");
    assert.match(await gdb.command(`target remote ${driver.address}`), / in \?\?/);
    await agrees("long", machine.cpu().rip);
    runner.serialInput(0, Buffer.from("poweroff -f\n"));
    const end = await gdb.during("continue", async () => {
      assert.deepEqual(await driver.finished, { reason: "poweroff" });
      await driver.close();
    });
    assert.match(end, /exited normally/);
    await gdb.quit();
  },
);

const SCRIPT = `
set pagination off
set confirm off
break *0x7c00
continue
printf "real %lx %lx %lx\\n", $rip, $cs, $cs_base
delete
hbreak *0x${DECOMPRESSOR.toString(16)}
continue
printf "protected %lx %lx %lx\\n", $rip, $cs, $rsi
delete
hbreak *0x${KERNEL.toString(16)}
continue
printf "long %lx %lx\\n", $rip, $cs
delete
continue
`;

test("the command line waits for gdb -batch, and ends where it was told to", { timeout: 900_000 }, async (t) => {
  const { kernel = "", initrd = "", cmdline = "" } = await plan();
  const args = ["--kernel", kernel, "--initrd", initrd, "--cmdline", cmdline, "--memory", "256"];
  const boot = new Run(t, ...args, "--until", `serial:${PROMPT}`);
  const address = await boot.address;
  const script = path.join(await temporaryFolder(t), "boot.gdb");
  await writeFile(script, `target remote ${address}\n${SCRIPT}`);
  const gdb = spawn("gdb", ["-nx", "-batch", "-x", script]);
  t.after(() => gdb.kill());
  let said = "";
  gdb.stdout.on("data", (data: Buffer) => (said += data.toString()));
  gdb.stderr.on("data", (data: Buffer) => (said += data.toString()));
  assert.equal(await new Promise((resolve) => gdb.on("close", resolve)), 0, said);
  assert.match(said, /^real 7c00 0 0$/m);
  assert.match(said, /^protected 100000 10 [0-9a-f]+$/m);
  assert.match(said, /^long 1000000 10$/m);
  assert.match(said, /exited normally/);
  assert.doesNotMatch(said, /too long|error|warning: Remote/i);
  const { code, report } = await boot.ended;
  assert.equal(code, 0);
  assert.equal(report.stopped, "serial");
  assert.equal(report.phases.length, 6);
});
