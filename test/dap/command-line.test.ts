/** The command line on tiny kernels: exit codes, what it prints, and where it stops. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { RunReport } from "../../emulator/cli/run.ts";
import { kernelFile, temporaryFolder } from "./fixture.ts";
import { haltingKernel, loopingKernel, rebootingKernel, tripleFaultingKernel } from "./tiny-kernel.ts";

const PROGRAM = fileURLToPath(new URL("../../dist/bootscope.js", import.meta.url));

interface Result {
  code: number | null;
  stdout: string;
  stderr: string;
}

function bootscope(...args: string[]): Promise<Result> {
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const result = { stdout: "", stderr: "" };
  child.stdout.on("data", (data: Buffer) => (result.stdout += data.toString()));
  child.stderr.on("data", (data: Buffer) => (result.stderr += data.toString()));
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, ...result })));
}

const report = ({ stdout }: Result): RunReport => JSON.parse(stdout) as RunReport;

test("help goes to stdout, and mistakes to stderr in one line", async (t) => {
  const help = await bootscope("--help");
  assert.equal(help.code, 0);
  assert.match(help.stdout, /--until WHAT/);
  const folder = await temporaryFolder(t);
  for (const args of [
    [],
    ["run"],
    ["run", "--kernel", folder],
    ["run", "--kernel", `${folder}/none`],
    ["run", "--what"],
  ]) {
    const { code, stdout, stderr } = await bootscope(...args);
    assert.equal(code, 2);
    assert.equal(stdout, "");
    assert.match(stderr, /^bootscope: [^\n]+\n$/);
  }
});

test("a kernel that is none is bad input, not a crash", async (t) => {
  const kernel = await kernelFile(t, new TextEncoder().encode("#!/bin/sh\n".repeat(200)));
  const { code, stderr } = await bootscope("run", "--boot", "direct", "--kernel", kernel);
  assert.equal(code, 2);
  assert.match(stderr, /^bootscope: Cannot boot "[^"]+": Not a bzImage[^\n]+\n$/);
});

test("a run stops at the exact instruction, the same each time", async (t) => {
  const kernel = await kernelFile(t, loopingKernel());
  const run = (): Promise<Result> =>
    bootscope("run", "--boot", "direct", "--kernel", kernel, "--until", "icount:2500123", "--json");
  const first = await run();
  assert.equal(first.code, 0);
  const { stopped, phase, icount, stateHash, phases } = report(first);
  assert.deepEqual({ stopped, phase, icount }, { stopped: "icount", phase: "kernel", icount: "2500123" });
  assert.deepEqual(phases, [{ name: "kernel", icount: "0" }]);
  assert.match(stateHash, /^[0-9a-f]{64}$/);
  assert.equal(report(await run()).stateHash, stateHash);
});

test("a run stops right behind the byte that completes a text", async (t) => {
  const kernel = await kernelFile(t, loopingKernel());
  const result = await bootscope("run", "--boot", "direct", "--kernel", kernel, "--until", "serial:*\n*", "--json");
  assert.equal(result.code, 0);
  assert.equal(report(result).stopped, "serial");
  assert.match(result.stderr, /^bootscope: phase kernel at instruction 0\n\*\n\*bootscope: serial/);
  const again = await bootscope("run", "--boot", "direct", "--kernel", kernel, "--until", "serial:*\n*", "--json");
  assert.equal(report(again).icount, report(result).icount);
  const plain = await bootscope("run", "--boot", "direct", "--kernel", kernel, "--until", "serial:*\n*");
  assert.equal(plain.stdout, "*\n*");
});

test("a phase that is already reached stops before anything runs", async (t) => {
  const kernel = await kernelFile(t, loopingKernel());
  const result = await bootscope("run", "--boot", "direct", "--kernel", kernel, "--until", "kernel", "--json");
  assert.equal(result.code, 0);
  assert.equal(report(result).icount, "0");
});

test("a guest that ends earlier gives 3, and says why", async (t) => {
  const ends: [Uint8Array, string, RegExp][] = [
    [rebootingKernel(), "reboot", /asked for a reset/],
    [tripleFaultingKernel(), "tripleFault", /triple fault/],
    [haltingKernel(), "halted", /interrupts off/],
  ];
  for (const [bytes, stopped, message] of ends) {
    const result = await bootscope("run", "--boot", "direct", "--kernel", await kernelFile(t, bytes), "--json");
    assert.equal(result.code, 3);
    assert.equal(report(result).stopped, stopped);
    assert.match(report(result).message ?? "", message);
  }
});

test("a guest that goes on for ever gives 4 after the time-out", async (t) => {
  const result = await bootscope(
    "run",
    "--boot",
    "direct",
    "--kernel",
    await kernelFile(t, loopingKernel()),
    "--timeout",
    "0.2",
    "--json",
  );
  assert.equal(result.code, 4);
  assert.equal(report(result).stopped, "timeout");
});
