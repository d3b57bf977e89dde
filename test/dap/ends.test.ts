/** The ends that a boot can come to: each is a clear stop. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DebugProtocol } from "@vscode/debugprotocol";
import { client, kernelFile } from "./fixture.ts";
import { haltingKernel, rebootingKernel, tripleFaultingKernel } from "./tiny-kernel.ts";

type ExceptionInfo = DebugProtocol.ExceptionInfoResponse["body"];

test("a reset is a stop from which only restart leads on", async (t) => {
  const session = client(t);
  await session.launch({ boot: "direct", kernel: await kernelFile(t, rebootingKernel()) });
  const stop = await session.stopped();
  assert.equal(stop.reason, "exception");
  assert.equal(stop.description, "Reboot");
  const info = await session.ask<ExceptionInfo>("exceptionInfo", { threadId: 1 });
  assert.match(info.description ?? "", /asked for a reset/);
  assert.match(await session.refused("continue", { threadId: 1 }), /stopped for good \(Reboot\): restart it/);
  await session.ask("stackTrace", { threadId: 1 });
  await session.ask("restart");
  assert.equal((await session.stopped()).description, "Reboot");
  await session.close();
});

test("a triple fault stops where it happened", async (t) => {
  const session = client(t);
  await session.launch({ boot: "direct", kernel: await kernelFile(t, tripleFaultingKernel()) });
  const stop = await session.stopped();
  assert.equal(stop.description, "Triple fault");
  assert.ok(stop.text);
  await session.close();
});

test("a triple fault ends the session when its filter is off", async (t) => {
  const session = client(t);
  await session.launch({ boot: "direct", kernel: await kernelFile(t, tripleFaultingKernel()) }, async () => {
    await session.ask("setExceptionBreakpoints", { filters: [] });
  });
  await session.event("terminated");
  await session.close();
});

test("HLT with interrupts off is a stop, not a hang", async (t) => {
  const session = client(t);
  await session.launch({ boot: "direct", kernel: await kernelFile(t, haltingKernel()) });
  const stop = await session.stopped();
  assert.equal(stop.description, "Halted");
  assert.match(stop.text ?? "", /interrupts off/);
  await session.close();
});

test("without debugging a session just ends with the guest", async (t) => {
  const session = client(t);
  await session.launch({
    boot: "direct",
    kernel: await kernelFile(t, rebootingKernel()),
    noDebug: true,
    stopOnEntry: true,
  });
  await session.event("terminated");
  await session.close();
});
