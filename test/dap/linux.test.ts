/** A real session: Debian's cloud kernel and a busybox initramfs, from the decompressor to power-off. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DebugProtocol } from "@vscode/debugprotocol";
import type { CpuResponse, OutputEventBody, PhasesResponse, WalkResponse } from "../../debug-adapter/protocol.ts";
import { BUSYBOX_GREETING, busyboxInitramfs, cloudKernel } from "../../scripts/guests/guests.ts";
import type { Client } from "./client.ts";
import { client } from "./fixture.ts";

/** Waits until the console has printed a text, however it is cut into events. */
async function printed(session: Client, text: string): Promise<void> {
  let heard = "";
  while (!heard.includes(text)) {
    const { source, data } = await session.event<OutputEventBody>("bootscope/output");
    if (source === 0) heard += Buffer.from(data, "base64").toString("latin1");
  }
}

const cpu = async (session: Client): Promise<CpuResponse["cpu"]> =>
  (await session.ask<CpuResponse>("bootscope/cpu")).cpu;

test("the cloud kernel under the debugger, from its decompressor to power-off", { timeout: 600_000 }, async (t) => {
  const { vmlinuz: kernel } = await cloudKernel();
  const session = client(t);
  const launch = {
    boot: "direct",
    kernel,
    initrd: await busyboxInitramfs(),
    stopAt: ["decompressor", "kernel", "init"],
  };
  await session.launch(launch);

  const first = await session.stopped();
  assert.equal(first.reason, "phase");
  assert.equal(first.description, "Paused at phase Decompressor");
  const entry = BigInt((await cpu(session)).rip);

  await session.move("next");
  const after = BigInt((await cpu(session)).rip);
  assert.ok(after > entry && after <= entry + 15n, "one instruction further");

  assert.equal((await session.move("continue")).description, "Paused at phase Kernel");
  const start = BigInt((await cpu(session)).rip);
  const rows = await session.ask<DebugProtocol.DisassembleResponse["body"]>("disassemble", {
    memoryReference: `0x${start.toString(16)}`,
    instructionOffset: -50,
    instructionCount: 100,
  });
  assert.equal(rows?.instructions.length, 100);
  assert.equal(BigInt(rows?.instructions[50]?.address ?? 0), start);

  assert.equal((await session.move("continue")).description, "Paused at phase Init");
  const user = await cpu(session);
  assert.equal(user.cpl, 3);
  const { walk, flags } = await session.ask<WalkResponse>("bootscope/walk", { address: "rip" });
  assert.equal(walk.steps.length, 4);
  assert.ok(
    flags.every((names) => names.includes("US")),
    "user pages all the way down",
  );

  // The kernel's entry for system calls, by its physical address, reached from user code; and back to the caller.
  const lstar = user.msrs.find(({ index }) => index === 0xc0000082)?.value ?? "";
  const { physical } = (await session.ask<WalkResponse>("bootscope/walk", { address: lstar })).walk;
  await session.ask("setFunctionBreakpoints", { breakpoints: [{ name: `phys:${physical}` }] });
  assert.equal((await session.move("continue")).reason, "function breakpoint");
  assert.equal((await cpu(session)).rip, lstar);
  assert.equal((await cpu(session)).cpl, 0);
  const back = BigInt((await cpu(session)).gpr[1] ?? 0);
  await session.ask("setFunctionBreakpoints", { breakpoints: [{ name: `0x${back.toString(16)}` }] });
  await session.move("continue");
  assert.equal((await cpu(session)).cpl, 3);
  assert.equal(BigInt((await cpu(session)).rip), back);
  await session.ask("setFunctionBreakpoints", { breakpoints: [] });

  await session.ask("continue", { threadId: 1 });
  await printed(session, BUSYBOX_GREETING);
  await printed(session, "# ");
  await session.ask("bootscope/serialInput", { text: "echo $((6 * 7))!\n" });
  await printed(session, "42!");

  // The guest sleeps in HLT now; it is found there.
  assert.equal((await session.move("pause")).reason, "pause");
  assert.equal((await session.move("stepIn")).reason, "step");
  const { phases } = await session.ask<PhasesResponse>("bootscope/phases");
  assert.deepEqual(
    phases.map(({ name, icount }) => [name, icount !== undefined]),
    [
      ["bios", false],
      ["bootloader", false],
      ["setup", false],
      ["decompressor", true],
      ["kernel", true],
      ["init", true],
    ],
  );
  await session.ask("continue", { threadId: 1 });
  await session.ask("bootscope/serialInput", { text: "poweroff -f\n" });
  await session.event("exited");
  await session.event("terminated");
  await session.close();
  assert.equal(session.stderr, "");
});

test("a panic stops, and says what the kernel said", { timeout: 600_000 }, async (t) => {
  const { vmlinuz: kernel } = await cloudKernel();
  const session = client(t);
  await session.launch({ boot: "direct", kernel, cmdline: "console=ttyS0 root=/dev/none" });
  const stop = await session.stopped();
  assert.equal(stop.description, "Kernel panic");
  assert.match(stop.text ?? "", /VFS: Unable to mount root fs/);
  const stack = await session.ask<DebugProtocol.StackTraceResponse["body"]>("stackTrace", { threadId: 1 });
  assert.ok(
    stack.stackFrames.some(({ name }) => name.startsWith("mount_block_root+")),
    stack.stackFrames.map(({ name }) => name).join(" "),
  );
  await session.close();
});
