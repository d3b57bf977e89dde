import assert from "node:assert/strict";
import { test } from "node:test";
import type { BootMachine, Breakpoint, RunResult } from "./api.ts";
import { MachineRunner } from "./worker-runner.ts";

/** A machine that only counts: it retires what it is told, and then says what the script says. */
function countingMachine(script: (icount: bigint) => RunResult | undefined) {
  const state = { icount: 0n, armed: [] as (readonly Breakpoint[])[], typed: [] as number[] };
  const machine = {
    get icount() {
      return state.icount;
    },
    cpu: () => ({ time: state.icount }),
    run(budget: number): RunResult {
      for (let left = budget; left > 0; left--) {
        const result = script(state.icount);
        if (result !== undefined) return result;
        state.icount++;
      }
      return { reason: "budget" };
    },
    step: (): RunResult => machine.run(1),
    ignoreBreakpointOnce: () => undefined,
    setBreakpoints: (list: readonly Breakpoint[]) => void state.armed.push(list),
    serialInput: (_port: number, bytes: Uint8Array) => void state.typed.push(...bytes),
  };
  return { machine: machine as unknown as BootMachine, state };
}

test("a run goes on through slices until something stops it", async () => {
  const stop: RunResult = { reason: "poweroff" };
  const { machine, state } = countingMachine((icount) => (icount === 12_345n ? stop : undefined));
  const runner = new MachineRunner(machine, { pace: false, slice: 1000 });
  assert.equal(await runner.run(), stop);
  assert.equal(state.icount, 12_345n);
});

test("a run ends at an exact count, wherever slices end", async () => {
  const { machine, state } = countingMachine(() => undefined);
  const runner = new MachineRunner(machine, { pace: false, slice: 1000 });
  assert.deepEqual(await runner.run([], 2500n), { reason: "step" });
  assert.equal(state.icount, 2500n);
  assert.deepEqual(await runner.run([], 2500n), { reason: "step" });
  assert.equal(state.icount, 2500n);
});

test("a pause ends a run that would go on for ever, and a long step", async () => {
  const { machine, state } = countingMachine(() => undefined);
  const runner = new MachineRunner(machine, { pace: false });
  const run = runner.run();
  setImmediate(() => runner.pause());
  assert.deepEqual(await run, { reason: "pause" });
  const before = state.icount;
  const step = runner.step(1_000_000_000);
  setImmediate(() => runner.pause());
  assert.deepEqual(await step, { reason: "pause" });
  assert.ok(state.icount > before);
});

test("two moves at a time are refused, and the first goes on", async () => {
  const { machine } = countingMachine(() => undefined);
  const runner = new MachineRunner(machine, { pace: false });
  const first = runner.run();
  await assert.rejects(runner.step(1), /running already/);
  runner.pause();
  assert.deepEqual(await first, { reason: "pause" });
});

test("a guest that only input can wake sleeps until there is some", async () => {
  let typed = 0;
  const { machine } = countingMachine((icount) => {
    if (icount < 100n) return undefined;
    return typed === 0 ? { reason: "halted", wakeable: true } : { reason: "poweroff" };
  });
  const runner = new MachineRunner(machine, { pace: false });
  const run = runner.run();
  setImmediate(() => {
    typed = 1;
    runner.serialInput(0, Uint8Array.of(10));
  });
  assert.deepEqual(await run, { reason: "poweroff" });
});

test("a sleeping guest can be paused", async () => {
  const { machine } = countingMachine(() => ({ reason: "halted", wakeable: true }));
  const runner = new MachineRunner(machine, { pace: true });
  const run = runner.run();
  setImmediate(() => runner.pause());
  assert.deepEqual(await run, { reason: "pause" });
});

test("who is asked for input when the guest idles may answer at once", async () => {
  let typed = false;
  const { machine, state } = countingMachine(() =>
    typed ? { reason: "poweroff" } : { reason: "halted", wakeable: true },
  );
  const runner = new MachineRunner(machine, {
    pace: false,
    onIdle(forever) {
      assert.equal(forever, true);
      typed = true;
      runner.serialInput(0, Uint8Array.of(65));
    },
  });
  assert.deepEqual(await runner.run(), { reason: "poweroff" });
  assert.deepEqual(state.typed, [65]);
});

test("temporary breakpoints hold for one run, beside those that were set", async () => {
  const { machine, state } = countingMachine(() => ({ reason: "poweroff" }));
  const runner = new MachineRunner(machine, { pace: false });
  const own: Breakpoint = { space: "phys", address: 1n };
  const temporary: Breakpoint = { space: "lin", address: 2n };
  runner.setBreakpoints([own]);
  await runner.run([temporary]);
  assert.deepEqual(state.armed, [[own], [own, temporary], [own]]);
});

/** A machine that stops once by `first` at an instruction with a breakpoint, as the core does before it looks for one. */
function breakpointAt(place: bigint, first: RunResult) {
  const breakpoint: RunResult = { reason: "breakpoint", space: "lin", address: place };
  let told = false;
  let ignored: bigint | undefined;
  const counting = countingMachine((icount) => {
    if (icount === place + 100n) return { reason: "poweroff" };
    if (icount !== place) return undefined;
    if (!told) {
      told = true;
      return first;
    }
    return ignored === icount ? undefined : breakpoint;
  });
  counting.machine.ignoreBreakpointOnce = () => (ignored = counting.state.icount);
  return { ...counting, breakpoint };
}

const BEFORE_BREAKPOINTS: readonly RunResult[] = [
  { reason: "phase", phase: { name: "kernel", icount: 500n } },
  { reason: "event", event: { id: 0, kind: "paging", icount: 500n, text: "" } },
  { reason: "watchpoint", address: 0n, access: "write", watchpoints: [0] },
  { reason: "catch", caught: { kind: "port", at: 0n, catches: [0] } },
];

for (const first of BEFORE_BREAKPOINTS) {
  test(`a breakpoint at the place of a stop by ${first.reason} is told by the next run, once`, async () => {
    const { machine, state, breakpoint } = breakpointAt(500n, first);
    const runner = new MachineRunner(machine, { pace: false, slice: 1000 });
    assert.equal(await runner.run(), first);
    assert.equal(await runner.run(), breakpoint);
    assert.equal(state.icount, 500n);
    assert.deepEqual(await runner.run(), { reason: "poweroff" });
  });
}

test("a breakpoint at the place of any other stop is passed over, and so is one that steps have come to", async () => {
  const shown = breakpointAt(500n, { reason: "panic", message: "" });
  const runner = new MachineRunner(shown.machine, { pace: false, slice: 1000 });
  assert.equal((await runner.run()).reason, "panic");
  assert.deepEqual(await runner.run(), { reason: "poweroff" });

  // The phase began one instruction before.
  const [phase] = BEFORE_BREAKPOINTS as [RunResult];
  let begun = false;
  let ignored: bigint | undefined;
  const { machine } = countingMachine((icount) => {
    if (icount === 499n && !begun) {
      begun = true;
      return phase;
    }
    if (icount === 500n && ignored !== icount) return { reason: "breakpoint", space: "lin", address: 500n };
    return icount === 600n ? { reason: "poweroff" } : undefined;
  });
  machine.ignoreBreakpointOnce = () => (ignored = machine.icount);
  const stepping = new MachineRunner(machine, { pace: false, slice: 1000 });
  assert.equal(await stepping.run(), phase);
  assert.deepEqual(await stepping.step(1), { reason: "step" });
  assert.deepEqual(await stepping.run(), { reason: "poweroff" });
});
