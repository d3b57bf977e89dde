/** A whole session on a tiny kernel, as a golden trace, and what each request does to the machine. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DebugProtocol } from "@vscode/debugprotocol";
import type { CpuResponse, MemoryResponse, WalkResponse } from "../../debug-adapter/protocol.ts";
import type { Client } from "./client.ts";
import { client, kernelFile } from "./fixture.ts";
import { BUFFER, CODE, FUNCTION, LOOP, loopingKernel } from "./tiny-kernel.ts";
import { checkTrace, traceText } from "./trace.ts";

const hex = (value: number): string => `0x${value.toString(16)}`;

async function variable(session: Client, scope: string, name: string): Promise<DebugProtocol.Variable> {
  const { scopes } = await session.ask<DebugProtocol.ScopesResponse["body"]>("scopes", { frameId: 1 });
  const { variablesReference } = scopes.find((one) => one.name === scope) as DebugProtocol.Scope;
  const { variables } = await session.ask<DebugProtocol.VariablesResponse["body"]>("variables", { variablesReference });
  const found = variables.find((one) => one.name === name);
  assert.ok(found, `${scope} has no ${name}`);
  return found;
}

async function ip(session: Client): Promise<number> {
  const body = await session.ask<DebugProtocol.StackTraceResponse["body"]>("stackTrace", { threadId: 1 });
  return Number(body.stackFrames[0]?.instructionPointerReference);
}

const evaluate = async (session: Client, expression: string, context = "repl"): Promise<string> =>
  (await session.ask<DebugProtocol.EvaluateResponse["body"]>("evaluate", { expression, context })).result;

test("a session from launch to disconnect is as the golden trace has it", async (t) => {
  const kernel = await kernelFile(t, loopingKernel());
  const session = client(t);
  await session.launch({ boot: "direct", kernel, memory: 64, stopOnEntry: true }, async () => {
    await session.ask("setExceptionBreakpoints", { filters: ["tripleFault", "panic"] });
    await session.ask("setFunctionBreakpoints", {
      breakpoints: [{ name: `phys:${hex(FUNCTION)}` }, { name: "nonsense" }],
    });
  });
  await session.stopped();
  await session.ask("threads");
  await session.ask("stackTrace", { threadId: 1 });
  await session.ask("scopes", { frameId: 1 });
  await session.ask("disassemble", { memoryReference: hex(CODE), instructionOffset: -2, instructionCount: 8 });
  await session.move("continue");
  await session.ask("stackTrace", { threadId: 1 });
  await session.ask("setFunctionBreakpoints", { breakpoints: [] });
  await session.move("stepOut");
  await session.move("next");
  await session.ask("readMemory", { memoryReference: `phys:${hex(FUNCTION)}`, count: 4 });
  await session.ask("dataBreakpointInfo", { name: hex(BUFFER), asAddress: true, bytes: 8 });
  await session.ask("evaluate", { expression: "rsp + 8", context: "watch" });
  await session.ask("bootscope/phases");
  await session.ask("bootscope/events", { from: 0 });
  await session.ask("bootscope/origins", { address: hex(CODE), length: 64 });
  await session.ask("evaluate", { expression: "events", context: "repl" });
  await session.ask("setExceptionBreakpoints", { filters: ["phase:init", "event:gdt"] });
  await session.ask("terminate");
  await session.event("terminated");
  await session.close();
  assert.equal(session.stderr, "");
  await checkTrace("tiny-session", traceText(session.messages, [kernel]));
});

test("stepping goes into, over and out of a call, and over a repeated instruction", async (t) => {
  const session = client(t);
  await session.launch({ boot: "direct", kernel: await kernelFile(t, loopingKernel()), stopOnEntry: true });
  assert.equal((await session.stopped()).reason, "entry");
  assert.equal(await ip(session), CODE);
  for (const at of [CODE + 7, CODE + 0x0c, LOOP, FUNCTION]) {
    assert.equal((await session.move("stepIn")).reason, "step");
    assert.equal(await ip(session), at);
  }
  assert.equal((await session.move("stepOut")).reason, "step");
  assert.equal(await ip(session), LOOP + 5);
  for (const at of [CODE + 0x17, CODE + 0x1c, CODE + 0x1e]) {
    await session.move("next");
    assert.equal(await ip(session), at, "a REP is one step");
  }
  for (let at = CODE + 0x1e; at !== LOOP; at = await ip(session)) await session.move("next");
  const before = await evaluate(session, "eax");
  await session.move("next");
  assert.equal(await ip(session), LOOP + 5, "a call is one step");
  assert.notEqual(await evaluate(session, "eax"), before);
  await session.close();
});

test("breakpoints by physical and linear address, with conditions and hit counts", async (t) => {
  const session = client(t);
  const set = (breakpoints: object[]): Promise<DebugProtocol.SetFunctionBreakpointsResponse["body"]> =>
    session.ask("setFunctionBreakpoints", { breakpoints });
  await session.launch({ boot: "direct", kernel: await kernelFile(t, loopingKernel()), stopOnEntry: true });
  await session.stopped();
  const { breakpoints } = await set([{ name: `phys:${hex(FUNCTION)}`, condition: "eax == 5" }]);
  const stop = await session.move("continue");
  assert.equal(stop.reason, "function breakpoint");
  assert.deepEqual(stop.hitBreakpointIds, [breakpoints[0]?.id]);
  assert.equal(await evaluate(session, "eax == 5"), "0x1 (1)");
  await set([{ name: hex(FUNCTION), hitCondition: "% 10" }]);
  await session.move("continue");
  assert.equal(await evaluate(session, "eax"), "0xf (15)", "the tenth call from there");
  await set([]);
  const instruction = await session.ask<DebugProtocol.SetInstructionBreakpointsResponse["body"]>(
    "setInstructionBreakpoints",
    { breakpoints: [{ instructionReference: hex(LOOP), offset: 5, mode: "physical" }] },
  );
  assert.equal(instruction.breakpoints[0]?.instructionReference, `phys:${hex(LOOP + 5)}`);
  assert.equal((await session.move("continue")).reason, "instruction breakpoint");
  assert.equal(await ip(session), LOOP + 5);
  await session.close();
});

test("a data breakpoint stops behind the instruction that writes there", async (t) => {
  const session = client(t);
  await session.launch({ boot: "direct", kernel: await kernelFile(t, loopingKernel()), stopOnEntry: true });
  await session.stopped();
  const info = await session.ask<DebugProtocol.DataBreakpointInfoResponse["body"]>("dataBreakpointInfo", {
    name: `phys:${hex(BUFFER + 3)}`,
    asAddress: true,
    bytes: 2,
  });
  assert.deepEqual(info.accessTypes, ["read", "write", "readWrite"]);
  const body = await session.ask<DebugProtocol.SetDataBreakpointsResponse["body"]>("setDataBreakpoints", {
    breakpoints: [{ dataId: info.dataId, accessType: "write" }],
  });
  const stop = await session.move("continue");
  assert.equal(stop.reason, "data breakpoint");
  assert.deepEqual(stop.hitBreakpointIds, [body.breakpoints[0]?.id]);
  assert.equal(await evaluate(session, "rdi"), "0x10004 (65540)", "right behind the fourth byte");
  await session.close();
});

test("registers, flags and memory can be read and written in every way", async (t) => {
  const session = client(t);
  await session.launch({ boot: "direct", kernel: await kernelFile(t, loopingKernel()), stopOnEntry: true });
  await session.stopped();
  const { scopes } = await session.ask<DebugProtocol.ScopesResponse["body"]>("scopes", { frameId: 1 });
  const reference = (name: string): number => scopes.find((one) => one.name === name)?.variablesReference ?? 0;
  const set = (scope: string, name: string, value: string): Promise<{ value: string }> =>
    session.ask("setVariable", { variablesReference: reference(scope), name, value });
  assert.equal((await set("General", "rbx", "0x1234 + 1")).value, "0x0000000000001235");
  assert.equal(await evaluate(session, "ebx"), "0x1235 (4661)");
  assert.equal((await set("Flags", "CF", "1")).value, "1");
  assert.match(await evaluate(session, "rflags"), /\bCF\b/);
  assert.equal(
    (await set("SSE", "xmm3", "0x0123456789abcdef0011223344556677")).value,
    "0x0123456789abcdef0011223344556677",
  );
  assert.equal(await evaluate(session, "bh = 0xff"), "0xff (255)");
  assert.equal(await evaluate(session, "rbx"), "0xff35 (65333)");
  const data = Buffer.from("hello").toString("base64");
  await session.ask("writeMemory", { memoryReference: `phys:${hex(BUFFER)}`, data });
  const read = await session.ask<{ data: string }>("readMemory", { memoryReference: hex(BUFFER), count: 5 });
  assert.equal(read.data, data);
  assert.equal(await evaluate(session, `x/s ${hex(BUFFER)}`), `lin:${hex(BUFFER)}  "hello"`);
  assert.match(await evaluate(session, `x/2i ${hex(CODE)}`), /mov rsp, 0x90000\n.*mov eax, 1$/);
  assert.match(
    await evaluate(session, `walk ${hex(CODE)}`),
    new RegExp(`PML4E.*\\n.*lin:${hex(CODE)} is phys:${hex(CODE)}`, "s"),
  );
  for (const scope of scopes) await session.ask("variables", { variablesReference: scope.variablesReference });
  assert.match((await variable(session, "Control", "cr0")).value, /\bPE\b.*\bPG\b/);
  assert.match((await variable(session, "Segment", "cs")).value, /64-bit code/);
  await session.close();
});

test("memory behind the end of RAM is unreadable, and said to be", async (t) => {
  const session = client(t);
  await session.launch({ boot: "direct", kernel: await kernelFile(t, loopingKernel()), memory: 64, stopOnEntry: true });
  await session.stopped();
  const end = 64 << 20;
  const edge = { memoryReference: `phys:${hex(end - 16)}`, count: 32 };
  const read = await session.ask<DebugProtocol.ReadMemoryResponse["body"]>("readMemory", edge);
  assert.equal(Buffer.from(read?.data ?? "", "base64").length, 16);
  assert.equal(read?.unreadableBytes, 16);
  assert.match(
    await session.refused("writeMemory", { memoryReference: `phys:${hex(end)}`, data: "AAAA" }),
    /^3 bytes cannot be written: there is no RAM at phys:0x4000000\.$/,
  );
  await session.close();
});

test("panels get what they show by the custom requests", async (t) => {
  const session = client(t);
  await session.launch({ boot: "direct", kernel: await kernelFile(t, loopingKernel()), stopOnEntry: true });
  await session.stopped();
  const { cpu, modeLabel } = await session.ask<CpuResponse>("bootscope/cpu");
  assert.equal(modeLabel, "64-bit long mode");
  assert.equal(BigInt(cpu.rip), BigInt(CODE));
  const { walk, flags } = await session.ask<WalkResponse>("bootscope/walk", { address: "rip" });
  assert.equal(BigInt(walk.physical ?? 0), BigInt(CODE));
  assert.equal(flags.length, walk.steps.length);
  assert.ok(flags.every((names) => names.includes("P")));
  const memory = await session.ask<MemoryResponse>("bootscope/memory", {
    address: "cs:rip",
    length: 7,
    disassemble: true,
  });
  assert.deepEqual(memory.instructions, [
    { address: hex(CODE), bytes: "48 c7 c4 00 00 09 00", text: "mov rsp, 0x90000" },
  ]);
  const { phases } = await session.ask<{ phases: { name: string; icount?: string }[] }>("bootscope/phases");
  assert.deepEqual(
    phases.map(({ name }) => name),
    ["bios", "bootloader", "setup", "decompressor", "kernel", "init"],
  );
  await session.close();
});

test("Pause answers at full speed, and the serial port is heard", async (t) => {
  const session = client(t);
  await session.launch({ boot: "direct", kernel: await kernelFile(t, loopingKernel()) });
  const output = await session.event<{ source: number; data: string }>("bootscope/output");
  assert.equal(output.source, 0);
  assert.match(Buffer.from(output.data, "base64").toString(), /^[*\n]+$/);
  assert.match(await session.refused("stackTrace", { threadId: 1 }), /is running/);
  const stop = await session.move("pause");
  assert.equal(stop.reason, "pause");
  assert.match(await session.refused("next"), /no thread/);
  await session.move("next");
  await session.close();
});

test("restart begins anew, with the breakpoints still set", async (t) => {
  const session = client(t);
  await session.launch({ boot: "direct", kernel: await kernelFile(t, loopingKernel()) }, async () => {
    await session.ask("setFunctionBreakpoints", { breakpoints: [{ name: hex(FUNCTION) }] });
  });
  await session.stopped();
  await session.move("continue");
  assert.equal(await evaluate(session, "eax"), "0x2 (2)");
  await session.ask("restart");
  assert.equal((await session.stopped()).reason, "function breakpoint");
  assert.equal(await evaluate(session, "eax"), "0x1 (1)");
  await session.close();
});
