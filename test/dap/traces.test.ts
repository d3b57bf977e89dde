/** Golden traces (traces/) of what clients do with each group of capabilities, on the tiny kernel. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { DebugProtocol } from "@vscode/debugprotocol";
import type { Client } from "./client.ts";
import { client, kernelFile } from "./fixture.ts";
import { BUFFER, CODE, FUNCTION, LOOP, loopingKernel } from "./tiny-kernel.ts";
import { linesKernel } from "./lines-kernel.ts";
import { stoppingKernel } from "./stopping-kernel.ts";
import { checkTrace, traceText } from "./trace.ts";

const hex = (value: number): string => `0x${value.toString(16)}`;

interface Traced {
  /** The kernel to boot, and paths that are another in each run. */
  kernel?: string;
  mask?: readonly string[];
  /** What is launched, and what the client says of itself, besides. */
  launch?: object;
  client?: object;
}

/** Runs a session up to its entry, then what is to be traced; what is said before that is in tiny-session.txt. */
async function traced(
  t: TestContext,
  name: string,
  talk: (session: Client) => Promise<void>,
  more: Traced = {},
): Promise<void> {
  const kernel = more.kernel ?? (await kernelFile(t, loopingKernel()));
  const session = client(t);
  await session.ask("initialize", { supportsMemoryEvent: true, supportsInvalidatedEvent: true, ...more.client });
  await session.ask("launch", { boot: "direct", kernel, memory: 32, stopOnEntry: true, ...more.launch });
  await session.ask("configurationDone");
  await session.stopped();
  const from = session.messages.length;
  await talk(session);
  await session.close();
  assert.equal(session.stderr, "");
  await checkTrace(name, traceText(session.messages.slice(from), [kernel, ...(more.mask ?? [])]));
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

test("exception filters with conditions, and what they tell", async (t) => {
  const kernel = await stoppingKernel(t);
  await traced(
    t,
    "exceptions",
    async (session) => {
      const on = (...filterOptions: object[]): Promise<unknown> =>
        session.ask("setExceptionBreakpoints", { filters: ["tripleFault"], filterOptions });
      await session.refused("exceptionInfo", { threadId: 1 });
      await on({ filterId: "exception:pf", condition: "$error & 2" }, { filterId: "panic", condition: "1" });
      await session.move("continue");
      await session.ask("exceptionInfo", { threadId: 1 });
      await on({ filterId: "syscall" });
      await session.move("continue");
      await on({ filterId: "port", condition: "$port == 0x3f8 && $value == 0x41" });
      await session.move("continue");
      await session.ask("exceptionInfo", { threadId: 1 });
      await session.ask("setExceptionBreakpoints", { filters: [] });
    },
    { kernel: kernel.file },
  );
});

test("runs to an address and to counts of instructions", (t) =>
  traced(t, "runs", async (session) => {
    const run = async (command: string, args: object): Promise<void> => {
      await session.ask(command, args);
      await session.stopped();
    };
    await run("bootscope/runTo", { address: `phys:${hex(FUNCTION)}` });
    await run("bootscope/runUntil", { what: "instructions", count: 5 });
    await run("bootscope/runUntil", { what: "icount", icount: "0x20" });
    await session.refused("bootscope/runUntil", { what: "icount", icount: 32 });
    await session.refused("bootscope/runTo", { address: "nowhere" });
    // The console's moves are told by "continued" alone.
    await run("evaluate", { expression: "step 3", context: "repl" });
  }));

test("source lines: breakpoints, steps, frames by module and line, and jumps", async (t) => {
  const kernel = await linesKernel(t);
  const { file, source } = kernel;
  await traced(
    t,
    "lines",
    async (session) => {
      const code = { path: source };
      const inside = kernel.line("inc %eax");
      await session.ask("breakpointLocations", { source: code, line: 1, endLine: inside });
      await session.ask("setBreakpoints", { source: code, breakpoints: [{ line: inside - 1 }] });
      await session.move("continue");
      await session.ask("stackTrace", { threadId: 1, levels: 1 });
      await session.ask("stackTrace", { threadId: 1, startFrame: 1, levels: 20 });
      await session.ask("stackTrace", { threadId: 1, format: { module: true, line: true } });
      await session.ask("setBreakpoints", { source: code, breakpoints: [] });
      await session.move("stepOut");
      await session.move("next");
      const { targets } = await session.ask<DebugProtocol.GotoTargetsResponse["body"]>("gotoTargets", {
        source: code,
        line: kernel.line("mov $3, %ecx"),
      });
      await session.move("goto", { targetId: targets[0]?.id });
      await session.ask("stackTrace", { threadId: 1, levels: 1 });
      await session.refused("goto", { threadId: 1, targetId: 2 });
      await session.ask("gotoTargets", { source: code, line: 1000 });
    },
    { kernel: file, launch: { symbols: [file] }, mask: [source] },
  );
});

test("variables are shown and set in the client's format", (t) =>
  traced(
    t,
    "variables",
    async (session) => {
      const scopes = await session.ask<DebugProtocol.ScopesResponse["body"]>("scopes", { frameId: 1 });
      const reference = (name: string): number | undefined =>
        scopes.scopes.find((one) => one.name === name)?.variablesReference;
      const general = { variablesReference: reference("General") };
      const format = { hex: true };
      await session.ask("setVariable", { ...general, name: "rbx", value: "0x1234" });
      await session.ask("setVariable", { ...general, name: "rbx", value: "rbx + 1", format });
      await session.refused("setVariable", { ...general, name: "rbx", value: "many" });
      await session.ask("setExpression", { expression: "cx", value: "12" });
      await session.ask("setExpression", { expression: "cx", value: "13", format });
      await session.ask("evaluate", { expression: "cx", context: "watch", format });
      await session.ask("evaluate", { expression: "u16 phys[0x413]", context: "hover", format });
      const processor = { variablesReference: reference("Processor") };
      await session.ask("variables", processor);
      await session.ask("variables", { ...processor, format });
    },
    { client: { supportsVariableType: true, supportsMemoryReferences: true, supportsVariablePaging: true } },
  ));

test("a long search is told of and cancelled, and so is what waits behind it", (t) =>
  traced(
    t,
    "progress",
    async (session) => {
      const search = session.request("evaluate", {
        // There is no memory in most of it, page by page: this takes far longer than anyone waits.
        expression: "find 12 34 in phys:0x1000000, 0xff000000",
        context: "repl",
      });
      const { progressId } = await session.event<DebugProtocol.ProgressStartEvent["body"]>(
        "progressStart",
        ({ cancellable }) => cancellable === true,
      );
      const waiting = session.request("threads");
      const request = session.messages.findLast(({ type }) => type === "request");
      await session.ask("cancel", { requestId: request?.seq });
      await waiting;
      await session.ask("cancel", { progressId });
      await search;
      await session.refused("cancel", {});
    },
    { client: { supportsProgressReporting: true } },
  ));
