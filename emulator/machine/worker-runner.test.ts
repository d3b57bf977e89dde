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
