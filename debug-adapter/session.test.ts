/** The session over a target made up for each test: what a boot by the Linux protocol does not come by. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { DebugProtocol } from "@vscode/debugprotocol";
import { BootscopeSession } from "./session.ts";
import type { Breakpoint, CpuState, StopResult, Target, TargetEvents } from "./target.ts";

const segment = (selector: number): object => ({
  selector,
  base: BigInt(selector) * 16n,
  limit: 0xffff,
  attributes: 0x93,
  unusable: false,
});

/** A processor in real mode, about to execute the boot sector at 07c0:0000. */
function bootSector(): CpuState {
  const gpr = new Array<bigint>(16).fill(0n);
  gpr[4] = 0x1000n;
  const names = ["es", "ds", "fs", "gs", "ldtr", "tr"].map((name): [string, object] => [name, segment(0)]);
  const segments: Record<string, object> = { ...Object.fromEntries(names), cs: segment(0x7c0), ss: segment(0x900) };
  return { mode: "real", gpr, rip: 0n, cr0: 0x10n, segments, msrs: [] } as unknown as CpuState;
}

interface Fake {
  cpu: CpuState;
  events: TargetEvents;
  runs: (readonly Breakpoint[])[];
}

/** A session whose target has `code` at linear 0x7c00, and moves as the test says. */
async function session(
  t: TestContext,
  code: readonly number[],
  next: (fake: Fake) => StopResult | Promise<StopResult>,
) {
  const fake = { cpu: bootSector(), runs: [] } as unknown as Fake;
  const done = (): Promise<void> => Promise.resolve();
  const move = (temporary: readonly Breakpoint[]): Promise<StopResult> => {
    fake.runs.push(temporary);
    return Promise.resolve(next(fake));
  };
  const one = new BootscopeSession((events): Target => {
    fake.events = events;
    return {
      launch: done,
      run: (temporary = []) => move(temporary),
      step: () => move([]),
      pause: done,
      cpu: () => Promise.resolve(structuredClone(fake.cpu)),
      phases: () => Promise.resolve([]),
      writeRegister: done,
      readMemory: (_space, address, length) => {
        const offset = Number(address) - 0x7c00;
        return Promise.resolve(Uint8Array.from(code).slice(Math.max(0, offset), offset < 0 ? 0 : offset + length));
      },
      writeMemory: () => Promise.resolve(0),
      walk: (linear) => Promise.resolve({ linear, paging: "off", steps: [], physical: linear }),
      setBreakpoints: done,
      setWatchpoints: done,
      stopAtPhases: done,
      serialInput: done,
      dispose: done,
    };
  });
  const folder = await mkdtemp(path.join(tmpdir(), "bootscope-session-"));
  t.after(() => rm(folder, { recursive: true }));
  const kernel = path.join(folder, "kernel");
  await writeFile(kernel, "x");

  const heard: DebugProtocol.ProtocolMessage[] = [];
  let waiting: { matches(message: DebugProtocol.ProtocolMessage): boolean; resolve(): void } | undefined;
  one.onDidSendMessage((message) => {
    heard.push(message as DebugProtocol.ProtocolMessage);
    if (waiting?.matches(message as DebugProtocol.ProtocolMessage) === true) waiting.resolve();
  });
  let seq = 0;
  const wait = async <M extends DebugProtocol.ProtocolMessage>(matches: (message: M) => boolean): Promise<M> => {
    const found = (): M | undefined => heard.find((message): message is M => matches(message as M));
    if (found() === undefined) {
      await new Promise<void>((resolve) => {
        waiting = { matches: (message) => matches(message as M), resolve };
      });
    }
    const message = found() as M;
    heard.splice(heard.indexOf(message), 1);
    return message;
  };
  const client = {
    fake,
    ask: (command: string, args: object = {}): Promise<DebugProtocol.Response> => {
      const request: DebugProtocol.Request = { seq: ++seq, type: "request", command, arguments: args };
      one.handleMessage(request);
      return wait<DebugProtocol.Response>(
        ({ type, request_seq }) => type === "response" && request_seq === request.seq,
      );
    },
    event: (name: string) => wait<DebugProtocol.Event>(({ type, event }) => type === "event" && event === name),
  };
  await client.ask("initialize");
  await client.ask("launch", { kernel, stopOnEntry: true });
  await client.ask("configurationDone");
  await client.event("stopped");
  return client;
}

test("real mode shows its segments, and its code is decoded as 16-bit code", async (t) => {
  const { ask } = await session(t, [0xb8, 0x13, 0x00, 0xeb, 0xfe], () => ({ reason: "step" }));
  const stack = (await ask("stackTrace", { threadId: 1 })).body as DebugProtocol.StackTraceResponse["body"];
  assert.equal(stack.stackFrames[0]?.name, "07c0:0000 = 0x7c00 (real mode)");
  assert.equal(stack.stackFrames[0]?.instructionPointerReference, "0x7c00");
  const rows = (await ask("disassemble", { memoryReference: "0x7c00", instructionCount: 2 })).body as {
    instructions: DebugProtocol.DisassembledInstruction[];
  };
  assert.deepEqual(
    rows.instructions.map(({ instruction }) => instruction),
    ["mov ax, 0x13", "jmp short 3"],
  );
});

test("a step over INT waits behind it, on the same stack only", async (t) => {
  const { ask, event, fake } = await session(t, [0xcd, 0x10, 0x90], ({ cpu, runs }) => {
    cpu.rip = 2n;
    // First another piece of code passes there, deeper on the stack; then the interrupt returns.
    cpu.gpr[4] = runs.length === 1 ? 0xff0n : 0x1000n;
    return { reason: "breakpoint", space: "lin", address: 0x7c02n };
  });
  await ask("next", { threadId: 1 });
  const stop = await event("stopped");
  assert.equal((stop.body as { reason: string }).reason, "step");
  assert.deepEqual(fake.runs, [[{ space: "lin", address: 0x7c02n }], [{ space: "lin", address: 0x7c02n }]]);
});

test("an interrupt in the middle of a step is run to its end", async (t) => {
  const { ask, event, fake } = await session(t, [0x90, 0x90], ({ cpu, runs }) => {
    cpu.rip = runs.length === 1 ? 0x500n : 1n;
    return runs.length === 1 ? { reason: "step" } : { reason: "breakpoint", space: "lin", address: 0x7c01n };
  });
  await ask("next", { threadId: 1 });
  await event("stopped");
  assert.deepEqual(fake.runs, [[], [{ space: "lin", address: 0x7c01n }]]);
});

test("an emulator that fails in a run is a stop with its message", async (t) => {
  const { ask, event } = await session(t, [0x90], () => Promise.reject(new Error("unreachable")));
  await ask("continue", { threadId: 1 });
  const body = (await event("stopped")).body as DebugProtocol.StoppedEvent["body"];
  assert.deepEqual([body.description, body.text], ["Emulator error", "unreachable"]);
  const again = await ask("continue", { threadId: 1 });
  assert.equal(again.success, false);
});

test("an emulator that dies ends the session", async (t) => {
  const { ask, event, fake } = await session(t, [0x90], () => new Promise(() => undefined));
  await ask("continue", { threadId: 1 });
  fake.events.failed("The emulator's thread ended with code 9.");
  await event("terminated");
  const { success, message } = await ask("threads");
  assert.deepEqual([success, message], [false, "The session has ended."]);
});

test("a step out without a return address says so and stays", async (t) => {
  const { ask, event } = await session(t, [0x90], () => ({ reason: "step" }));
  await ask("stepOut", { threadId: 1 });
  const output = await event("output");
  assert.match((output.body as { output: string }).output, /No return address was found/);
  await event("stopped");
});
