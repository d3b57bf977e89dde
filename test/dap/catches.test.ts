/** Exception filters on a kernel that does all there is to stop at, and what each stop says. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DebugProtocol } from "@vscode/debugprotocol";
import type { Client } from "./client.ts";
import { client, kernelFile } from "./fixture.ts";
import { UNMAPPED, stoppingKernel } from "./stopping-kernel.ts";
import type { StoppingKernel } from "./stopping-kernel.ts";
import { tripleFaultingKernel } from "./tiny-kernel.ts";

type Info = DebugProtocol.ExceptionInfoResponse["body"];
type Answer = NonNullable<DebugProtocol.SetExceptionBreakpointsResponse["body"]>;
type Stop = DebugProtocol.StoppedEvent["body"];

const hex = (value: number | bigint): string => `0x${value.toString(16)}`;

async function started(session: Client, kernel: StoppingKernel): Promise<void> {
  await session.launch({ boot: "direct", kernel: kernel.file, memory: 64, stopOnEntry: true });
  await session.stopped();
}

/** Switches one filter on, and lets the machine run to where it stops. */
async function stopAt(session: Client, filterId: string, condition?: string): Promise<Stop> {
  const { breakpoints } = await session.ask<Answer>("setExceptionBreakpoints", {
    filters: [],
    filterOptions: [{ filterId, ...(condition === undefined ? {} : { condition }) }],
  });
  assert.deepEqual(
    breakpoints?.map(({ verified, message }) => [verified, message]),
    [[true, undefined]],
  );
  const stop = await session.move("continue");
  assert.deepEqual(stop.hitBreakpointIds, [breakpoints?.[0]?.id]);
  return stop;
}

async function ip(session: Client): Promise<number> {
  const { result } = await session.ask<{ result: string }>("evaluate", { expression: "rip", context: "watch" });
  return Number(result.split(" ")[0]);
}

test("every processor exception says what it is and where, before it is delivered", { timeout: 120_000 }, async (t) => {
  const kernel = await stoppingKernel(t);
  const session = client(t);
  await started(session, kernel);
  const fault = kernel.at("fault") + 10;
  const select = kernel.at("select") + 5;
  const cases: [filter: string, condition: string | undefined, name: string, at: number, detail: string][] = [
    ["exception:de", undefined, "#DE divide error", kernel.at("divide") + 4, ""],
    ["exception:ud", undefined, "#UD invalid opcode", kernel.at("bad"), ""],
    ["exception:pf", undefined, "#PF page fault", fault, `: write to ${hex(UNMAPPED)}, not present (error 0x2)`],
    ["exception:gp", undefined, "#GP general protection", select, ": selector 0x88 of the GDT (error 0x88)"],
    ["exception", "$error == 2", "#PF page fault", fault, `: write to ${hex(UNMAPPED)}, not present (error 0x2)`],
    [
      "exception",
      "$vector == 13 && $error",
      "#GP general protection",
      select,
      ": selector 0x88 of the GDT (error 0x88)",
    ],
    ["exception", undefined, "INT 0x03 (#BP breakpoint instruction)", kernel.at("break"), ""],
  ];
  for (const [filter, condition, name, at, detail] of cases) {
    const stop = await stopAt(session, filter, condition);
    assert.equal(await ip(session), at, filter);
    const text = `${name} at ${hex(at)}${detail}`;
    if (name.startsWith("#")) {
      assert.deepEqual([stop.reason, stop.description, stop.text], ["exception", name, text]);
    } else assert.deepEqual([stop.reason, stop.description], ["interrupt", `Paused: ${text}`]);
    const info = await session.ask<Info>("exceptionInfo", { threadId: 1 });
    assert.equal(info.exceptionId, name.startsWith("#") ? name.slice(0, 3) : name);
    assert.match(info.details?.stackTrace ?? "", /64-bit long mode, ring 0.*rip=0*1000/s);
  }
  const error = await stopAt(session, "exception:pf", "$error & 2");
  assert.equal(error.description, "#PF page fault");
  const shown = await session.ask<{ result: string }>("evaluate", { expression: "$vector", context: "watch" });
  assert.equal(shown.result, "0xe (14)");
  await session.close();
  assert.equal(session.stderr, "");
});

test("interrupts, ports and single instructions stop, each by its condition", { timeout: 120_000 }, async (t) => {
  const kernel = await stoppingKernel(t);
  const session = client(t);
  await started(session, kernel);
  const cases: [
    filter: string,
    condition: string | undefined,
    reason: string,
    label: string,
    behind: number,
    text: RegExp,
  ][] = [
    ["softwareInterrupt", "$vector == 0x80", "interrupt", "soft", 0, /^Paused: INT 0x80 at 0x10000/],
    ["exception:bp", undefined, "interrupt", "break", 0, /^Paused: INT 0x03 \(#BP breakpoint instruction\) at 0x10000/],
    ["magic", undefined, "instruction", "magic", 0, /^Paused: Magic breakpoint XCHG BX,BX at 0x10000/],
    ["syscall", "rax == 59", "instruction", "call", 5, /^Paused: SYSCALL at 0x10000/],
    ["hlt", undefined, "instruction", "sleep", 0, /^Paused: HLT at 0x10000/],
    ["interrupt", "$vector == 0x20", "interrupt", "timer", 0, /^Paused: Hardware interrupt 0x20 at 0x10000.*handler/],
    ["port", "$port == 0x3f8", "port", "", 0, /^Paused: OUT to port 0x3f8 at 0x10000\w\w: 0x41 \(1 byte\)$/],
    ["port", "$port >= 0x60 && $port < 0x70", "port", "", 0, /^Paused: IN from port 0x61 at/],
    ["port", "$value == 0x10", "port", "", 0, /^Paused: OUT to port 0x40 at .*: 0x10 \(1 byte\)$/],
  ];
  for (const [filter, condition, reason, label, behind, text] of cases) {
    const stop = await stopAt(session, filter, condition);
    assert.equal(stop.reason, reason, filter);
    assert.match(stop.description ?? "", text);
    if (label !== "") assert.equal(await ip(session), kernel.at(label) + behind, filter);
  }
  // The same in the other direction: none of them comes by under these.
  await session.ask("setExceptionBreakpoints", {
    filters: [],
    filterOptions: [
      { filterId: "softwareInterrupt", condition: "$vector == 0x81" },
      { filterId: "port", condition: "$port == 0x3f9" },
      { filterId: "exception:pf", condition: "$error & 4" },
      { filterId: "syscall", condition: "rax == 60" },
    ],
  });
  await session.ask("setFunctionBreakpoints", { breakpoints: [{ name: hex(kernel.at("turn")), hitCondition: "20" }] });
  assert.equal((await session.move("continue")).reason, "function breakpoint");
  await session.close();
});

test(
  "filters say what is wrong with a condition, outlive a restart, and are off without debugging",
  { timeout: 120_000 },
  async (t) => {
    const kernel = await stoppingKernel(t);
    const session = client(t);
    await started(session, kernel);
    const set = (filterOptions: object[]): Promise<Answer> =>
      session.ask<Answer>("setExceptionBreakpoints", { filters: ["panic"], filterOptions });
    const { breakpoints } = await set([
      { filterId: "exception:ud", condition: "$vector ==" },
      { filterId: "panic", condition: "1" },
      { filterId: "magic", condition: "rip != 0" },
    ]);
    assert.deepEqual(
      breakpoints?.map(({ verified, reason }) => [verified, reason]),
      [
        [true, undefined],
        [false, "failed"],
        [false, "failed"],
        [true, undefined],
      ],
    );
    assert.match(breakpoints?.[1]?.message ?? "", /^Character 11 of "\$vector ==": .*expected/);
    assert.match(breakpoints?.[2]?.message ?? "", /takes no condition/);
    assert.match((await session.move("continue")).description ?? "", /^Paused: Magic/);
    await session.ask("restart");
    assert.equal((await session.stopped()).reason, "entry");
    assert.match((await session.move("continue")).description ?? "", /^Paused: Magic/);
    // What cannot be evaluated stops, and says so.
    await set([{ filterId: "hlt", condition: "u8 phys[0xf0000000] == 1" }]);
    assert.match((await session.move("continue")).description ?? "", /^Paused: HLT/);
    await session.event<DebugProtocol.OutputEvent["body"]>("output", ({ output }) =>
      output.startsWith("The condition of a filter could not be evaluated: "),
    );
    for (const wrong of [
      { filters: ["nothing"] },
      { filters: [], filterOptions: [{}] },
      { filters: [], filterOptions: 5 },
    ]) {
      assert.match(await session.refused("setExceptionBreakpoints", wrong), /^\S[^\n]*\.$/);
    }
    const launch = { boot: "direct", kernel: kernel.file, memory: 64, noDebug: true };
    await session.ask("restart", { arguments: launch });
    const answer = await session.ask<DebugProtocol.SetFunctionBreakpointsResponse["body"]>("setFunctionBreakpoints", {
      breakpoints: [{ name: hex(kernel.at("turn")) }],
    });
    assert.deepEqual(
      [answer.breakpoints[0]?.verified, answer.breakpoints[0]?.message],
      [false, "This session runs without debugging."],
    );
    // Many turns later nothing has stopped it.
    let printed = 0;
    while (printed < 100) {
      const { data } = await session.event<{ data: string }>("bootscope/output");
      printed += Buffer.from(data, "base64").length;
    }
    assert.equal((await session.move("pause")).reason, "pause");
    await session.close();
  },
);

test(
  "a triple fault tells the instruction, why it could not be delivered, and the state",
  { timeout: 60_000 },
  async (t) => {
    const session = client(t);
    await session.launch({ boot: "direct", kernel: await kernelFile(t, tripleFaultingKernel()), memory: 64 });
    const stop = await session.stopped();
    assert.deepEqual([stop.reason, stop.description], ["exception", "Triple fault"]);
    const why = "the interrupt table at lin:0x0, limit 0x0, has no entry for #DF";
    assert.match(
      stop.text ?? "",
      new RegExp(`^#\\w+ while delivering a double fault, at lin:0x1000007 \\(ud2\\); ${why}$`),
    );
    const info = await session.ask<Info>("exceptionInfo", { threadId: 1 });
    assert.deepEqual([info.exceptionId, info.description], ["Triple fault", stop.text]);
    assert.match(info.details?.stackTrace ?? "", /lin:0x1000007 ud2\nrax=.*idtr base 0x0 limit 0x0$/s);
    // With the filter of exceptions on, what led there is seen one after the other.
    await session.ask("setExceptionBreakpoints", { filters: ["exception", "tripleFault"] });
    await session.ask("restart");
    const names: (string | undefined)[] = [];
    for (
      let next = await session.stopped();
      next.description !== "Triple fault";
      next = await session.move("continue")
    ) {
      names.push(next.description);
      assert.ok(names.length < 9);
    }
    assert.deepEqual([names[0], names.at(-1)], ["#UD invalid opcode", "#DF double fault"]);
    await session.close();
  },
);
