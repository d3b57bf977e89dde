/** Data breakpoints on memory, registers, model specific registers and ports: what can be asked for, and each stop. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { DebugProtocol } from "@vscode/debugprotocol";
import type { Client } from "./client.ts";
import { client } from "./fixture.ts";
import { BUFFER, COUNTER, UNMAPPED, stoppingKernel } from "./stopping-kernel.ts";
import type { StoppingKernel } from "./stopping-kernel.ts";

type DataInfo = DebugProtocol.DataBreakpointInfoResponse["body"];
type Answer = DebugProtocol.SetDataBreakpointsResponse["body"];

const hex = (value: number | bigint): string => `0x${value.toString(16)}`;
const ALL = ["read", "write", "readWrite"];

async function started(t: TestContext): Promise<{ session: Client; kernel: StoppingKernel }> {
  const kernel = await stoppingKernel(t);
  const session = client(t);
  await session.launch({ boot: "direct", kernel: kernel.file, memory: 64, stopOnEntry: true });
  await session.stopped();
  return { session, kernel };
}

const info = (session: Client, args: object): Promise<DataInfo> => session.ask<DataInfo>("dataBreakpointInfo", args);

const set = async (session: Client, ...breakpoints: object[]): Promise<DebugProtocol.Breakpoint[]> =>
  (await session.ask<Answer>("setDataBreakpoints", { breakpoints })).breakpoints;

/** Sets one data breakpoint, and runs to it; what the stop says. */
async function stopAt(session: Client, asked: object, rules: object = {}): Promise<string> {
  const { dataId, description } = await info(session, asked);
  assert.ok(dataId, description);
  const [one] = await set(session, { dataId, ...rules });
  assert.equal(one?.verified, true, one?.message);
  const stop = await session.move("continue");
  assert.equal(stop.reason, "data breakpoint");
  assert.deepEqual(stop.hitBreakpointIds, [one.id]);
  return stop.description ?? "";
}

test("what can be watched is said with its access types, and kept in its id", { timeout: 120_000 }, async (t) => {
  const { session } = await started(t);
  const place = (name: string): object => ({ name });
  const cases: [asked: object, dataId: string, description: string, accesses: string[]][] = [
    [place("0x20000"), "lin:0x20000+1", "1 byte at lin:0x20000", ALL],
    [{ name: "131072", asAddress: true, bytes: 4096 }, "lin:0x20000+4096", "4096 bytes at lin:0x20000", ALL],
    [{ name: "phys:0x20000", bytes: 4 }, "phys:0x20000+4", "4 bytes at phys:0x20000", ALL],
    [place("07c0:0010"), "lin:0x7c10+1", "1 byte at lin:0x7c10", ALL],
    [place("u32 phys[0x500 + 4]"), "phys:0x504+4", "4 bytes at phys:0x504", ALL],
    [{ name: "0x20000", mode: "physical", bytes: 2 }, "phys:0x20000+2", "2 bytes at phys:0x20000", ALL],
    [{ name: "0x20000", mode: "change" }, "change:lin:0x20000+1", "1 byte at lin:0x20000, when it changes", ["write"]],
    [place("rax"), "register:rax", "rax, when it changes", ["write"]],
    [place("ah"), "register:ah", "ah, when it changes", ["write"]],
    [place("$xmm3.low"), "register:xmm3.low", "xmm3.low, when it changes", ["write"]],
    [place("flags.zf"), "register:rflags[6+1]", "bit 6 of rflags, when it changes", ["write"]],
    [place("cr3"), "register:cr3", "cr3", ALL],
    [place("cr0.wp"), "register:cr0[16+1]", "bit 16 of cr0, when it changes", ["write"]],
    [place("(cr3 >> 3) & 1"), "register:cr3[3+1]", "bit 3 of cr3, when it changes", ["write"]],
    [place("ds"), "register:ds.selector", "ds.selector, when it changes", ["write"]],
    [
      place("efer & 0xf00"),
      "register:msr:0xc0000080[8+4]",
      "bits 8 to 11 of EFER (msr:0xc0000080), when it changes",
      ["write"],
    ],
    [place("rsp + 8 & 7"), "lin:0x0+1", "1 byte at lin:0x0", ALL],
    [place("efer"), "register:msr:0xc0000080", "EFER (msr:0xc0000080)", ALL],
    [place("msr:0xc0000082"), "register:msr:0xc0000082", "LSTAR (msr:0xc0000082)", ALL],
    [place("port:0x3f8"), "port:0x3f8+1", "port 0x3f8", ALL],
    [place("port:0x3f8+8"), "port:0x3f8+8", "ports 0x3f8 to 0x3ff", ALL],
    [{ name: "rsp", asAddress: true }, "lin:0x0+1", "1 byte at lin:0x0", ALL],
  ];
  for (const [asked, dataId, description, accessTypes] of cases) {
    const told = await info(session, asked);
    if ("name" in asked && asked.name === "rsp") assert.match(told.dataId ?? "", /^lin:0x[0-9a-f]+\+1$/);
    else assert.deepEqual(told, { dataId, description, accessTypes, canPersist: true });
    const [one] = await set(session, { dataId: told.dataId, accessType: "write" });
    assert.equal(one?.verified, true, `${told.dataId}: ${one?.message}`);
  }
  const refused: [object, RegExp][] = [
    [place("rip"), /RIP changes with every instruction/],
    [place("$icount"), /cannot be seen/],
    [place("fpu.cw"), /cannot be seen/],
    [place("port:0x10000"), /names no ports/],
    [place("port:0xfff0+17"), /names no ports/],
    [place("nonsense"), /a number was expected|not known|symbol/],
    [{ name: "port:0x3f8", mode: "change" }, /A port has no value that could change/],
    [{ name: "0x20000", mode: "sideways" }, /There is no breakpoint mode "sideways"/],
    [{ name: "rax", variablesReference: 1e9 }, /./],
  ];
  for (const [asked, expected] of refused) {
    const told = await info(session, asked);
    assert.equal(told.dataId, null, JSON.stringify(asked));
    assert.match(told.description, expected);
  }
  const wrong: [object, RegExp][] = [
    [{ dataId: "lin:0x20000+0" }, /is not one that dataBreakpointInfo gave/],
    [{ dataId: "register:nothing" }, /cannot be watched/],
    [{ dataId: "register:rax", accessType: "read" }, /Only changes of rax can be seen/],
    [{ dataId: "port:0x3f8+1", accessType: "change" }, /A port has no value/],
    [{ dataId: "lin:0x20000+1", accessType: "execute" }, /The access type is "execute"/],
    [{ dataId: "change:lin:0x20000+1", accessType: "read" }, /stops at writes/],
  ];
  const answers = await set(session, ...wrong.map(([one]) => one), { dataId: "register:rbx" });
  for (const [index, [, expected]] of wrong.entries()) {
    assert.deepEqual([answers[index]?.verified, answers[index]?.reason], [false, "failed"]);
    assert.match(answers[index]?.message ?? "", expected);
  }
  assert.equal(answers.at(-1)?.verified, true, "what the machine refuses takes no other along");
  await session.close();
  assert.equal(session.stderr, "");
});

test("memory stops at reads, writes and changes, with old and new values", { timeout: 120_000 }, async (t) => {
  const { session } = await started(t);
  const byte = { name: hex(COUNTER), asAddress: true };
  assert.equal(await stopAt(session, byte), "Paused on write to 1 byte at lin:0x70000: 0x00 → 0x01");
  const constant = { name: `phys:${hex(COUNTER + 1)}` };
  assert.equal(await stopAt(session, constant), "Paused on write to 1 byte at phys:0x70001: 0x00 → 0x07");
  const [as] = await set(session, { dataId: "phys:0x70001+1", accessType: "write" });
  assert.equal(
    (await session.move("continue")).description,
    "Paused on write to 1 byte at phys:0x70001: 0x07, as before",
  );
  assert.equal(as?.verified, true);
  const read = await stopAt(session, { name: `u16 phys[${hex(COUNTER)}]` }, { accessType: "read" });
  assert.match(read, /^Paused on read of 2 bytes at phys:0x70000: 0x07\w\w$/);
  // Never anything but 7 is written there: only the counter beside it changes.
  const change = await stopAt(session, { name: hex(COUNTER), bytes: 2, mode: "change" });
  assert.match(change, /^Paused on change of 2 bytes at lin:0x70000: 0x07(\w\w) → 0x07\w\w$/);
  const page = await stopAt(session, { name: `phys:${hex(BUFFER)}`, bytes: 4096 }, { accessType: "change" });
  assert.match(
    page,
    /^Paused on change of 4096 bytes at phys:0x72000, from phys:0x72ffc on: 01 00 00 00 → 00 00 00 00$|00 00 00 00 → 01 00 00 00$/,
  );
  // `$value` is decided in the machine, and counts and messages come behind it.
  const counted = await stopAt(session, byte, { condition: "$value % 16 == 0", hitCondition: "2" });
  assert.match(counted, /: 0x20 \(0x\w\w when the machine stood last\)$/);
  const [, logs] = await set(
    session,
    { dataId: `lin:${hex(COUNTER)}+1`, condition: "$value == 0x30" },
    { dataId: "phys:0x70000+1", condition: "($value & 7) == 0 && $value < 0x30", logMessage: "counter {$value:d}" },
  );
  assert.equal(logs?.verified, true);
  await session.move("continue");
  const told = await session.event<DebugProtocol.OutputEvent["body"]>("output", ({ output }) =>
    output.startsWith("counter"),
  );
  assert.equal(told.output, "counter 40\n");
  await session.close();
});

test("registers, control registers, MSRs and ports stop behind the instruction", { timeout: 120_000 }, async (t) => {
  const { session, kernel } = await started(t);
  assert.match(await stopAt(session, { name: "r9d" }), /^Paused: r9d was changed at 0x\w+: 0x0 → 0x1234$/);
  assert.match(
    await stopAt(session, { name: "cr3" }, { accessType: "read" }),
    /^Paused: cr3 was read at 0x\w+: 0x\w+$/,
  );
  assert.match(await stopAt(session, { name: "cr3" }), /^Paused: cr3 was written at 0x\w+: 0x\w+, as before$/);
  assert.match(await stopAt(session, { name: "cr0.wp" }), /^Paused: cr0 was changed at 0x\w+: 0x8\w+ → 0x8\w+$/);
  const efer = await stopAt(session, { name: "efer" }, { accessType: "readWrite", condition: "$value & 0x400" });
  assert.match(efer, /^Paused: EFER \(msr:0xc0000080\) was read at 0x\w+: 0x501$/);
  const uart = await stopAt(session, { name: "port:0x3f8+8" }, { condition: "$value == 'A'", accessType: "write" });
  assert.match(uart, /^Paused: OUT to port 0x3f8 at 0x\w+: 0x41 \(1 byte\)$/);
  const carry = await stopAt(session, { name: "flags.if" });
  assert.match(carry, /^Paused: rflags was changed at /);
  const { result } = await session.ask<{ result: string }>("evaluate", { expression: "rip", context: "watch" });
  assert.ok(Number(result.split(" ")[0]) > kernel.at("called"));
  // By the rows of the variables view.
  const { scopes } = await session.ask<DebugProtocol.ScopesResponse["body"]>("scopes", { frameId: 1 });
  const variablesReference = scopes[0]?.variablesReference ?? 0;
  assert.deepEqual((await info(session, { variablesReference, name: "rcx" })).dataId, "register:rcx");
  assert.equal((await info(session, { variablesReference, name: "nothing" })).dataId, null);
  await session.close();
});

test("data breakpoints tell their state, and outlive a restart", { timeout: 120_000 }, async (t) => {
  const { session } = await started(t);
  const far = await info(session, { name: hex(UNMAPPED), bytes: 4 });
  const bound = await info(session, { name: hex(UNMAPPED), bytes: 4, mode: "physical" });
  assert.equal(bound.dataId, `physical:lin:${hex(UNMAPPED)}+4`);
  const answers = await set(
    session,
    { dataId: far.dataId },
    { dataId: bound.dataId },
    { dataId: "phys:0xfffffff0+4" },
    { dataId: "phys:0xc0000000+4" },
    { dataId: "register:msr:0x12345" },
    { dataId: `phys:${hex(COUNTER)}+1` },
  );
  assert.deepEqual(
    answers.map(({ verified, reason, message }) => [verified, reason, message?.split(":").at(-1)?.trim()]),
    [
      [false, "pending", "it counts once something is."],
      [false, "pending", "it counts once something is."],
      [true, undefined, "a device may answer there, or nothing."],
      [true, undefined, "a device may answer there, or nothing."],
      [true, undefined, "every access to it faults."],
      [true, undefined, undefined],
    ],
  );
  assert.match((await session.move("continue")).description ?? "", /phys:0x70000: 0x00 → 0x01$/);
  await session.ask("restart");
  await session.stopped();
  assert.match((await session.move("continue")).description ?? "", /phys:0x70000: 0x00 → 0x01$/);
  await session.close();
});
