/** Golden traces (traces/) of what clients do with each group of capabilities, on the tiny kernel. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { DebugProtocol } from "@vscode/debugprotocol";
import type { Client } from "./client.ts";
import { client, kernelFile } from "./fixture.ts";
import { BUFFER, CODE, FUNCTION, LOOP, loopingKernel } from "./tiny-kernel.ts";
import { checkTrace, traceText } from "./trace.ts";

const hex = (value: number): string => `0x${value.toString(16)}`;

/** Runs a session up to its entry, then what is to be traced; what is said before that is in tiny-session.txt. */
async function traced(t: TestContext, name: string, talk: (session: Client) => Promise<void>): Promise<void> {
  const kernel = await kernelFile(t, loopingKernel());
  const session = client(t);
  await session.ask("initialize", { supportsMemoryEvent: true, supportsInvalidatedEvent: true });
  await session.ask("launch", { boot: "direct", kernel, memory: 32, stopOnEntry: true });
  await session.ask("configurationDone");
  await session.stopped();
  const from = session.messages.length;
  await talk(session);
  await session.close();
  assert.equal(session.stderr, "");
  await checkTrace(name, traceText(session.messages.slice(from), [kernel]));
}

test("conditional breakpoints, hit counts and log messages", (t) =>
  traced(t, "conditions", async (session) => {
    const breakpoints = [
      { instructionReference: hex(FUNCTION), condition: "eax == 3" },
      { instructionReference: hex(LOOP), offset: 5, hitCondition: "4", mode: "physical" },
      { instructionReference: hex(LOOP), logMessage: "call {eax}" },
    ];
    await session.ask("setInstructionBreakpoints", { breakpoints });
    await session.move("continue");
    await session.move("continue");
    await session.ask("setInstructionBreakpoints", { breakpoints: [] });
  }));

test("data breakpoints", (t) =>
  traced(t, "data-breakpoints", async (session) => {
    const { dataId } = await session.ask<DebugProtocol.DataBreakpointInfoResponse["body"]>("dataBreakpointInfo", {
      name: `phys:${hex(BUFFER)}`,
      asAddress: true,
      bytes: 8,
    });
    await session.ask("setDataBreakpoints", { breakpoints: [{ dataId, accessType: "write" }] });
    await session.move("continue");
    await session.ask("setDataBreakpoints", { breakpoints: [] });
  }));

test("memory is read and written, and its readers are told", (t) =>
  traced(t, "memory", async (session) => {
    await session.ask("readMemory", { memoryReference: hex(BUFFER), count: 16 });
    await session.ask("writeMemory", { memoryReference: hex(BUFFER), offset: 2, data: "AQID" });
    await session.event("memory");
    await session.ask("readMemory", { memoryReference: hex(BUFFER), offset: 1, count: 5 });
    await session.refused("writeMemory", { memoryReference: "phys:0x2000000", data: "AQID" });
    await session.ask("readMemory", { memoryReference: "phys:0x2000000", count: 4 });
  }));

test("values are evaluated, completed and set", (t) =>
  traced(t, "values", async (session) => {
    await session.ask("evaluate", { expression: "rip", context: "hover" });
    await session.ask("evaluate", { expression: "u32 lin[rip]", context: "watch" });
    await session.ask("evaluate", { expression: "rbx = 0x1234", context: "repl" });
    await session.ask("setExpression", { expression: "bl", value: "0x55" });
    await session.ask("evaluate", { expression: "rbx", context: "clipboard" });
    await session.ask("completions", { text: "cr0.p", column: 6 });
    await session.refused("evaluate", { expression: "rbx +", context: "watch" });
  }));

test("steps, jumps and a restart", (t) =>
  traced(t, "steps", async (session) => {
    await session.move("stepIn", { granularity: "instruction" });
    await session.move("next");
    const place = { source: { path: "/none.s" }, line: 1 };
    await session.ask("gotoTargets", place);
    await session.ask("setFunctionBreakpoints", { breakpoints: [{ name: hex(FUNCTION) }] });
    await session.move("continue");
    await session.move("stepOut");
    await session.ask("restart");
    assert.equal((await session.stopped()).reason, "entry");
    assert.equal((await session.move("continue")).reason, "function breakpoint", "it was kept");
    await session.ask("disassemble", { memoryReference: hex(CODE), instructionCount: 3 });
  }));
