/** Steps where others get lost: mode and stack switches, interrupts in the middle, and ends that are no breakpoints. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { client, kernelFile } from "./fixture.ts";
import { ip, runTo, stack, standingAt, stepsGuest, value } from "./steps-guest.ts";
import { loopingKernel } from "./tiny-kernel.ts";

test("a step over a call comes back through mode switches, and from a call that switches mode and stack", async (t) => {
  const guest = await stepsGuest(t);
  const session = await standingAt(t, guest, "call_flat_and_back");
  assert.equal((await session.move("next")).reason, "step");
  assert.equal(await ip(session), guest.at("after_flat"));
  assert.match((await stack(session)).stackFrames[0]?.name ?? "", /real mode/);
  await session.move("next");
  assert.equal(await ip(session), guest.at("call_protected"));
  assert.equal((await session.move("next")).reason, "step");
  assert.equal(await ip(session), guest.at("in_protected"));
  assert.match((await stack(session)).stackFrames[0]?.name ?? "", /32-bit protected mode/);
  assert.equal(await value(session, "esp"), 0x90000n);
  await session.close();
});

test("a step out leads to the caller by every kind of return", async (t) => {
  const guest = await stepsGuest(t);
  const session = await standingAt(t, guest, "in_leaf");
  for (const label of ["after_leaf", "after_inner", "after_far", "after_outer"]) {
    assert.equal((await session.move("stepOut")).reason, "step");
    assert.equal(await ip(session), guest.at(label), label);
  }
  await runTo(session, guest.at("in_leaf32"));
  for (const label of ["leaf_returned", "after_int30", "after_ask"]) {
    assert.equal((await session.move("stepOut")).reason, "step");
    assert.equal(await ip(session), guest.at(label), label);
  }
  assert.equal(await value(session, "$cpl"), 3n);
  await session.close();
});

test("interrupts in the middle of steps into are skipped, or stepped into when that is asked for", async (t) => {
  const guest = await stepsGuest(t);
  const isBusy = (at: bigint): boolean => at >= guest.at("busy") && at < guest.at("busy_end");
  const ticks = `u16 phys[0x${guest.at("ticks").toString(16)}]`;
  const session = await standingAt(t, guest, "tick");
  const first = await value(session, "$icount");
  // The same boot once more, up to a little before: it is the same to the instruction.
  const before = async (one: typeof session): Promise<void> => {
    await one.ask("bootscope/runUntil", { what: "icount", icount: Number(first) - 20 });
    await one.stopped();
    assert.ok(isBusy(await value(one, "ip")));
  };
  await session.ask("restart");
  await session.stopped();
  await before(session);
  for (let step = 0; step < 40; step++) {
    await session.move("stepIn");
    assert.ok(isBusy(await value(session, "ip")), `step ${step}`);
  }
  assert.equal(await value(session, ticks), 1n, "the timer ticked");
  assert.equal(await value(session, "sp"), 0x7000n);
  // None of the loop's instructions was lost.
  const [ecx, edx] = [await value(session, "ecx"), await value(session, "edx")];
  const sum = (count: bigint): bigint => (count * (count + 1n)) / 2n;
  const start = edx - sum(ecx);
  for (let step = 0; step < 4; step++) await session.move("stepIn");
  assert.equal((await value(session, "edx")) - sum(await value(session, "ecx")), start);
  await session.close();

  const into = await standingAt(t, guest, "busy", { stepInterrupts: "into" });
  await before(into);
  for (let step = 0; step < 40 && isBusy(await value(into, "ip")); step++) await into.move("stepIn");
  const at = await value(into, "ip");
  assert.ok(at >= guest.at("tick") && at < guest.at("ticks"), `in the handler: 0x${at.toString(16)}`);
  await into.move("stepOut");
  assert.ok(isBusy(await value(into, "ip")), "out of the handler is what it came into");
  await into.close();
});

test("runs end at an address, a mode, or a count of instructions", async (t) => {
  const guest = await stepsGuest(t);
  const session = await standingAt(t, guest, "call_flat_and_back");
  const modes: string[] = [];
  for (let change = 0; change < 5; change++) {
    await session.ask("bootscope/runUntil", { what: "mode" });
    assert.equal((await session.stopped()).reason, "event");
    modes.push(/\((.*)\)$/.exec((await stack(session)).stackFrames[0]?.name ?? "")?.[1] ?? "");
  }
  assert.deepEqual(modes, [
    "16-bit protected mode",
    "32-bit protected mode",
    "16-bit protected mode",
    "real mode",
    "16-bit protected mode",
  ]);
  const start = await value(session, "$icount");
  await session.ask("bootscope/runUntil", { what: "instructions", count: 2 });
  assert.equal((await session.stopped()).reason, "step");
  assert.equal(await value(session, "$icount"), start + 2n);
  await session.ask("bootscope/runUntil", { what: "icount", icount: `0x${(start + 100_000n).toString(16)}` });
  await session.stopped();
  assert.equal(await value(session, "$icount"), start + 100_000n);
  for (const wrong of [
    { what: "icount", icount: 1 },
    { what: "icount", icount: -1 },
    { what: "instructions", count: "many" },
    { what: "doomsday" },
    {},
  ]) {
    assert.match(await session.refused("bootscope/runUntil", wrong), /was expected|must be/);
  }
  assert.match(await session.refused("bootscope/runTo", { address: "nowhere" }), /was expected/);
  await session.close();
});

test(
  "a pause right behind a request to run is in time, whatever it has to do first",
  { timeout: 60_000 },
  async (t) => {
    const session = client(t);
    const kernel = await kernelFile(t, loopingKernel());
    await session.launch({ boot: "direct", kernel, memory: 32, stopOnEntry: true });
    await session.stopped();
    // Its mode never changes, and nothing else would end these runs.
    const never = { address: "0x5000" };
    for (const [command, args] of [
      ["bootscope/runUntil", { what: "mode" }],
      ["bootscope/runTo", never],
      ["bootscope/runUntil", { what: "instructions", count: "0x1000000000" }],
      ["continue", { threadId: 1 }],
      ["bootscope/runUntil", { what: "mode" }],
    ] as const) {
      const [moves, pauses] = [session.request(command, args), session.request("pause", { threadId: 1 })];
      assert.deepEqual([(await moves).success, (await pauses).success], [true, true]);
      assert.equal((await session.stopped()).reason, "pause", command);
    }
    await session.close();
  },
);

test("the debug console steps, runs and jumps, and says that the machine runs", async (t) => {
  const guest = await stepsGuest(t);
  const session = await standingAt(t, guest, "begin");
  const type = async (expression: string): Promise<string> =>
    (await session.ask<{ result: string }>("evaluate", { expression, context: "repl" })).result;
  const move = async (command: string): Promise<bigint> => {
    await type(command);
    await session.event("continued");
    await session.stopped();
    return ip(session);
  };
  assert.equal(await move("step"), guest.at("begin") + 1n);
  const before = await value(session, "$icount");
  await move("step 3");
  assert.equal(await value(session, "$icount"), before + 3n);
  assert.equal(await move(`until 0x${guest.at("in_leaf").toString(16)}`), guest.at("in_leaf"));
  assert.equal(await move("out"), guest.at("after_leaf"));
  assert.equal(
    await move(`until phys:0x${guest.at("call_flat_and_back").toString(16)}`),
    guest.at("call_flat_and_back"),
  );
  assert.equal(await move("next"), guest.at("after_flat"));
  await type(`goto 0x${guest.at("call_flat_and_back").toString(16)}`);
  assert.equal((await session.stopped()).reason, "goto");
  assert.equal(await ip(session), guest.at("call_flat_and_back"));
  await move("until mode");
  assert.match((await stack(session)).stackFrames[0]?.name ?? "", /16-bit protected mode/);
  const end = (await value(session, "$icount")) + 10n;
  await move(`until icount ${end}`);
  assert.equal(await value(session, "$icount"), end);
  for (const wrong of ["step -1", "step 0", "until", "until icount 5", "until icount", "out now", "goto"]) {
    assert.notEqual(await session.refused("evaluate", { expression: wrong, context: "repl" }), "", wrong);
  }
  await session.close();
});

test("a jump to a source line sets the instruction pointer, and only that", async (t) => {
  const guest = await stepsGuest(t);
  const session = await standingAt(t, guest, "busy_end", { symbols: [guest.elf] });
  const { stackFrames } = await stack(session);
  const { source, line } = stackFrames[0] ?? {};
  assert.ok(source !== undefined && line !== undefined);
  const { targets } = await session.ask<{ targets: { id: number; line: number }[] }>("gotoTargets", {
    source,
    line: line + 4,
  });
  assert.equal(targets.length, 1);
  const sp = await value(session, "sp");
  await session.ask("goto", { threadId: 1, targetId: targets[0]?.id });
  assert.equal((await session.stopped()).reason, "goto");
  assert.equal((await stack(session)).stackFrames[0]?.line, targets[0]?.line);
  assert.equal(await value(session, "sp"), sp);
  assert.match(await session.refused("goto", { threadId: 1, targetId: 99 }), /not one of the targets/);
  await session.close();
});
