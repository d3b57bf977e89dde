/** How a boot ends: each end is a clear stop of the machine and an exit code of the command line. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import path from "node:path";
import { test } from "node:test";
import { busyboxInitramfs, cloudKernel, vmlinux } from "../../scripts/guests/guests.ts";

const PROGRAM = path.resolve(import.meta.dirname, "../../dist/bootscope.js");
/** A bound for hanging runs, not a measure. */
const GIVE_UP_SECONDS = 300;

interface Ending {
  code: number | null;
  report: { stopped: string; message?: string; phase: string; icount: string; stateHash: string };
  serial: string;
}

/** Runs the command line on the cloud kernel, types the lines, and returns how that ended. */
async function run(options: { args?: string[]; cmdline?: string; lines?: string; initrd?: boolean }): Promise<Ending> {
  const kernel = await vmlinux((await cloudKernel()).vmlinuz);
  const initrd = options.initrd === false ? [] : ["--initrd", await busyboxInitramfs()];
  const args = [
    PROGRAM,
    "run",
    "--json",
    "--timeout",
    `${GIVE_UP_SECONDS}`,
    "--memory",
    "256",
    "--boot",
    "direct",
    "--kernel",
    kernel,
  ];
  args.push(...initrd, "--cmdline", `console=ttyS0 ${options.cmdline ?? ""}`, ...(options.args ?? []));
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.lines ?? "");
  let stdout = "";
  let serial = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("latin1").on("data", (text: string) => (serial += text));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject).on("close", resolve);
  });
  assert.notEqual(stdout, "", `no report; the console was:\n${serial.slice(-3000)}`);
  return { code, report: JSON.parse(stdout) as Ending["report"], serial };
}

test("power off is reached", async () => {
  const { code, report, serial } = await run({ lines: "echo $((6 * 7))\npoweroff -f\n" });
  assert.equal(report.stopped, "poweroff");
  assert.equal(report.phase, "init");
  assert.match(serial, /\r\n42\r\n/);
  assert.equal(code, 0);
});

test("a reboot ends the run early", async () => {
  const { code, report, serial } = await run({ lines: "reboot -f\n" });
  assert.equal(report.stopped, "reboot");
  assert.match(report.message ?? "", /asked for a reset/);
  assert.match(serial, /reboot: Restarting system/);
  assert.equal(code, 3);
});

test("a triple fault, which reboot=triple asks for, is told as one", async () => {
  const { code, report } = await run({ cmdline: "reboot=triple", lines: "reboot -f\n" });
  assert.equal(report.stopped, "tripleFault");
  assert.match(report.message ?? "", /triple fault/);
  assert.equal(code, 3);
});

test("a panic without a root file system is quoted", async () => {
  const { code, report, serial } = await run({ initrd: false });
  assert.equal(report.stopped, "panic");
  assert.match(report.message ?? "", /^kernel panic: VFS: Unable to mount root fs on unknown-block\(0,0\)/);
  assert.match(serial, /Call Trace:/);
  assert.equal(code, 3);
});

test("a panic of a kernel whose init died is quoted", async () => {
  const { code, report } = await run({ cmdline: "rdinit=/bin/false" });
  assert.equal(report.stopped, "panic");
  assert.match(report.message ?? "", /^kernel panic: Attempted to kill init! exitcode=0x00000100/);
  assert.equal(code, 3);
});

test("a time-out is an exit code of its own", async () => {
  const { code, report } = await run({ args: ["--timeout", "0.2"] });
  assert.equal(report.stopped, "timeout");
  assert.equal(code, 4);
});

test("a place in the run is reached exactly, and its state repeats", async () => {
  const runs = [
    await run({ args: ["--until", "icount:50000000"] }),
    await run({ args: ["--until", "icount:50000000"] }),
  ];
  for (const { code, report } of runs) {
    assert.equal(code, 0);
    assert.equal(report.stopped, "icount");
    assert.equal(report.icount, "50000000");
  }
  assert.equal(runs[0]!.report.stateHash, runs[1]!.report.stateHash);
});
