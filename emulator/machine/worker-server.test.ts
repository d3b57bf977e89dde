import assert from "node:assert/strict";
import { test } from "node:test";
import type { BootMachine, MachineEvents, RunResult, Screen } from "./api.ts";
import { unpackCpu } from "./cpu-packing.ts";
import type { WorkerMessage, WorkerMethod, WorkerRequest } from "./worker-protocol.ts";
import { serveMachine } from "./worker-server.ts";

/** A machine behind a port, that says by `run` how its runs go, and shows `screen`. */
async function served(run: (machine: { icount: bigint; events: MachineEvents }) => RunResult) {
  const packed = new ArrayBuffer(4096);
  const state = { icount: 0n, screen: { kind: "off" } as Screen, looks: 0, events: undefined as unknown };
  const machine = {
    get icount() {
      return state.icount;
    },
    cpu: () => ({ ...unpackCpu(packed), icount: state.icount }),
    run: () => run(state as { icount: bigint; events: MachineEvents }),
    screen: () => {
      state.looks++;
      return state.screen;
    },
    ignoreBreakpointOnce: () => undefined,
    setBreakpoints: () => undefined,
  };
  const messages: WorkerMessage[] = [];
  let listener: ((request: WorkerRequest) => void) | undefined;
  const waiting: (() => void)[] = [];
  const port = {
    postMessage: (message: WorkerMessage) => {
      messages.push(message);
      for (const resolve of waiting.splice(0)) resolve();
    },
    on: (_event: string, one: (request: WorkerRequest) => void) => {
      listener = one;
      return port;
    },
  };
  serveMachine(port as unknown as Parameters<typeof serveMachine>[0], (_plan, events) => {
    state.events = events;
    return Promise.resolve(machine as unknown as BootMachine);
  });
  let id = 0;
  const send = (method: WorkerMethod, ...args: unknown[]): number => {
    listener?.({ id: ++id, method, arguments: args });
    return id;
  };
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await new Promise<void>((resolve) => waiting.push(resolve));
  };
  const call = async (method: WorkerMethod, ...args: unknown[]): Promise<WorkerMessage & { kind: "result" }> => {
    const own = send(method, ...args);
    const mine = (message: WorkerMessage): boolean => message.kind === "result" && message.id === own;
    await until(() => messages.some(mine));
    return messages.find(mine) as WorkerMessage & { kind: "result" };
  };
  const count = (kind: WorkerMessage["kind"]): number => messages.filter((message) => message.kind === kind).length;
  await call("launch", { pace: false });
  return { state, messages, send, call, until, count };
}

const stop: RunResult = { reason: "breakpoint", space: "lin", address: 0n };

test("the answer to a move has the processor, others have not", async () => {
  const { call } = await served((machine) => {
    machine.icount = 7n;
    return stop;
  });
  const moved = await call("run", []);
  assert.deepEqual(moved.value, stop);
  assert.equal(unpackCpu(moved.cpu as ArrayBuffer).icount, 7n);
  assert.equal((await call("setBreakpoints", [])).cpu, undefined);
});

test("a screen that nobody asked for is not looked at; one that was is told of once", async () => {
  const { call, state, count } = await served(() => stop);
  await call("run", []);
  assert.equal(state.looks, 0);
  await call("screen");
  await call("run", []);
  assert.equal(count("screen"), 0, "it shows what it showed");
  state.screen = { kind: "graphics", width: 1, height: 1, pixels: new Uint8Array(4) };
  await call("run", []);
  assert.equal(count("screen"), 1);
  state.screen = { kind: "off" };
  await call("run", []);
  assert.equal(count("screen"), 1, "nobody has asked again");
  await call("screen");
  state.screen = { kind: "graphics", width: 2, height: 1, pixels: new Uint8Array(8) };
  await call("run", []);
  assert.equal(count("screen"), 2);
});

test("a guest that prints faster than it is read waits, and goes on when it was heard", async () => {
  const printed = new Uint8Array(100_000);
  let runs = 0;
  const { send, call, count, until, messages } = await served(({ events }) => {
    events.output(0, printed);
    return ++runs === 20 ? stop : { reason: "budget" };
  });
  const run = call("run", []);
  await until(() => count("output") === 3);
  // Were it not held, it would run on in one of these turns.
  for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(runs, 3);
  let heard = 0;
  const listening = (async () => {
    for (; heard < 20; heard++) {
      await until(() => count("output") > heard);
      send("heard", printed.length);
    }
  })();
  await Promise.all([run, listening]);
  assert.equal(runs, 20);
  const bytes = messages.reduce((sum, message) => sum + (message.kind === "output" ? message.bytes.length : 0), 0);
  assert.equal(bytes, 20 * printed.length);
});

test("a guest that waits to be heard can be paused", async () => {
  const { call, count, until } = await served(({ events }) => {
    events.output(0, new Uint8Array(1 << 20));
    return { reason: "budget" };
  });
  const run = call("run", []);
  await until(() => count("output") === 1);
  await call("pause");
  assert.deepEqual((await run).value, { reason: "pause" });
});
