/** Breakpoints by every kind of address and what is said of them, in real boots: firmware, boot sector, kernel, user mode. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DebugProtocol } from "@vscode/debugprotocol";
import { cloudKernel } from "../../scripts/guests/guests.ts";
import type { Client } from "./client.ts";
import { client } from "./fixture.ts";

type Breakpoint = DebugProtocol.Breakpoint;

const setFunctions = async (session: Client, ...breakpoints: object[]): Promise<Breakpoint[]> =>
  (await session.ask<{ breakpoints: Breakpoint[] }>("setFunctionBreakpoints", { breakpoints })).breakpoints;

const setInstructions = async (session: Client, ...breakpoints: object[]): Promise<Breakpoint[]> =>
  (await session.ask<{ breakpoints: Breakpoint[] }>("setInstructionBreakpoints", { breakpoints })).breakpoints;

const value = async (session: Client, expression: string): Promise<bigint> => {
  const { result } = await session.ask<{ result: string }>("evaluate", { expression, context: "watch" });
  return BigInt(result.replace(/^(lin|phys):/, "").split(" ")[0] ?? "");
};

/** The next time that the adapter tells that a breakpoint is where code can reach it, having said something else before. */
const changed = async (session: Client, id: number | undefined): Promise<Breakpoint> =>
  (
    await session.event<DebugProtocol.BreakpointEvent["body"]>(
      "breakpoint",
      ({ reason, breakpoint }) => reason === "changed" && breakpoint.id === id && breakpoint.verified,
    )
  ).breakpoint;

const short = ({ verified, message, reason }: Breakpoint): unknown[] => [verified, message, reason];

test(
  "by linear, physical and seg:off addresses, from the reset vector to user mode",
  { timeout: 180_000 },
  async (t) => {
    const session = client(t);
    await session.launch({ demo: true, memory: 64, stopOnEntry: true }, async () => {
      await session.ask("setExceptionBreakpoints", { filters: [] });
    });
    await session.stopped();
    const zeros = (where: string): unknown[] => [
      true,
      `There are only zeros at ${where} now: it counts once code is loaded there.`,
      undefined,
    ];
    const [rom, boot] = await setInstructions(
      session,
      { instructionReference: "f000:fff0" },
      { instructionReference: "07c0:0000" },
      { instructionReference: "somewhere" },
    );
    assert.deepEqual(rom && short(rom), [true, "The code at lin:0xffff0 is in ROM.", undefined]);
    assert.deepEqual(boot && short(boot), zeros("lin:0x7c00"));
    const [physical, nowhere] = await setFunctions(
      session,
      { name: "phys:0x7c00", hitCondition: "> 100" },
      { name: "phys:0xd0000000" },
    );
    assert.deepEqual(physical && short(physical), zeros("phys:0x7c00"));
    assert.deepEqual(nowhere && short(nowhere), [
      false,
      "There is no memory at phys:0xd0000000 now: no code can run there.",
      "pending",
    ]);

    // The firmware reads the boot sector by a command to the drive, and writes it there.
    const watch = async (...list: object[]): Promise<string> => {
      const answer = await session.ask<{ breakpoints: Breakpoint[] }>("setDataBreakpoints", { breakpoints: list });
      assert.ok(answer.breakpoints.every(({ verified }) => verified));
      return list.length === 0 ? "" : ((await session.move("continue")).description ?? "");
    };
    const command = await watch({ dataId: "port:0x1f7+1", accessType: "write", condition: "$value == 0x20" });
    assert.match(command, /^Paused: OUT to port 0x1f7 at 0xf\w{4}: 0x20 \(1 byte\)$/);
    const written = await watch({ dataId: "phys:0x7c00+512", accessType: "change" });
    assert.match(written, /^Paused on change of 512 bytes at phys:0x7c00, from phys:0x7c00 on: .* → /);
    await watch();

    const first = await session.move("continue");
    assert.deepEqual([first.reason, first.hitBreakpointIds], ["instruction breakpoint", [boot?.id]]);
    assert.equal(await value(session, "cs:ip"), 0x7c00n);
    assert.deepEqual(short(await changed(session, boot?.id)), [true, undefined, undefined]);

    // Within the instruction that is about to run.
    const [inside] = await setInstructions(
      session,
      { instructionReference: "phys:0x7c00" },
      { instructionReference: "0x7c01" },
    );
    assert.equal(inside?.message, undefined);
    const [, middle] = await setInstructions(
      session,
      { instructionReference: "0x7c00" },
      { instructionReference: "0x7c01" },
    );
    const size = await session.ask<{ instructions: DebugProtocol.DisassembledInstruction[] }>("disassemble", {
      memoryReference: "0x7c00",
      instructionCount: 1,
    });
    if ((size.instructions[0]?.instructionBytes ?? "").length > 2) {
      assert.match(middle?.message ?? "", /^No instruction starts at lin:0x7c01: it is within "/);
    } else assert.equal(middle?.message, undefined);
    await setInstructions(session);

    // BIOS calls by their number, and by AH.
    const bios = async (filterId: string, condition: string): Promise<void> => {
      await session.ask("setExceptionBreakpoints", { filters: [], filterOptions: [{ filterId, condition }] });
    };
    await bios("event:int13h", "ah == 0x42");
    const call = await session.move("continue");
    assert.equal(call.reason, "event");
    assert.equal(await value(session, "ah"), 0x42n);
    assert.equal(await value(session, "$vector"), 0x13n);

    // System calls of the first process.
    await session.ask("setExceptionBreakpoints", {
      filters: [],
      filterOptions: [{ filterId: "syscall", condition: "$cpl == 3" }],
    });
    assert.match((await session.move("continue")).description ?? "", /^Paused: SYSCALL at /);
    assert.equal(await value(session, "$cpl"), 3n);
    // A loader that wrote over it took no breakpoint away.
    const all = await session.ask<{ result: string }>("evaluate", { expression: "info breakpoints", context: "repl" });
    assert.match(all.result, /function {2}phys:0x7c00 {2}\(at hits > 100; 1 hit\)/);
    await session.close();
    assert.equal(session.stderr, "");
  },
);

test("set before a kernel's code is mapped and its symbols are known", { timeout: 180_000 }, async (t) => {
  const { vmlinuz: kernel } = await cloudKernel();
  const session = client(t);
  const high = "0xffffffff81000000";
  const set: Breakpoint[] = [];
  await session.launch(
    { boot: "direct", kernel, cmdline: "console=ttyS0 nokaslr", memory: 256, stopAt: "decompressor" },
    async () => {
      set.push(
        ...(await setFunctions(session, { name: "start_kernel" }, { name: "no_such_function_at_all" }, { name: high })),
      );
      set.push(...(await setInstructions(session, { instructionReference: high, mode: "physical" })));
    },
  );
  assert.equal((await session.stopped()).description, "Paused at phase Decompressor");
  const [symbol, other, linear, physical] = set;
  for (const one of [symbol, other]) assert.deepEqual([one?.verified, one?.reason], [false, "pending"]);
  const unmapped = [false, `Nothing is mapped at lin:${high} yet: it counts once code runs there.`, "pending"];
  assert.deepEqual(linear && short(linear), unmapped);
  assert.deepEqual(physical && short(physical), unmapped);

  let stop = await session.move("continue");
  const seen = new Set<number | undefined>();
  // The kernel's first page may or may not be run at its final address.
  while (stop.hitBreakpointIds?.includes(symbol?.id ?? 0) !== true) {
    for (const id of stop.hitBreakpointIds ?? []) seen.add(id);
    assert.equal(await value(session, "rip"), BigInt(high));
    stop = await session.move("continue");
  }
  assert.equal(stop.reason, "function breakpoint");
  assert.deepEqual(short(await changed(session, symbol?.id)), [true, undefined, undefined]);
  assert.equal((await changed(session, linear?.id)).verified, true);
  const bound = await changed(session, physical?.id);
  assert.deepEqual([bound.verified, /^phys:0x/.test(bound.instructionReference ?? "")], [true, true]);

  // A variable of the kernel's, by its symbol.
  const info = await session.ask<DebugProtocol.DataBreakpointInfoResponse["body"]>("dataBreakpointInfo", {
    name: "u32 lin[system_state]",
    mode: "change",
  });
  assert.match(info.dataId ?? "", /^change:lin:0xffffffff8\w+\+4$/, info.description);
  await session.ask("setDataBreakpoints", { breakpoints: [{ dataId: info.dataId }] });
  await setFunctions(session);
  await setInstructions(session);
  const state = await session.move("continue");
  assert.match(state.description ?? "", /^Paused on change of 4 bytes at lin:0x\w+: 0x00000000 → 0x00000001$/);
  await session.close();
  assert.equal(session.stderr, "");
});
