/** The session over a target made up for each test: what a boot by the Linux protocol does not come by. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DebugProtocol } from "@vscode/debugprotocol";
import { BootscopeSession } from "./session.ts";
import type { SourceModule } from "./sources.ts";
import type { Breakpoint, BootEvent, CpuState, DiskOrigin, StopResult, Target, TargetEvents } from "./target.ts";

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
  const tables = { gdtr: { base: 0n, limit: 0 }, idtr: { base: 0n, limit: 0x3ff } };
  return {
    mode: "real",
    icount: 7n,
    gpr,
    rip: 0n,
    rflags: 2n,
    cr0: 0x10n,
    efer: 0n,
    ...tables,
    segments,
    msrs: [],
  } as unknown as CpuState;
}

interface Response extends DebugProtocol.Response {
  body: unknown;
}

interface Fake {
  cpu: CpuState;
  events: TargetEvents;
  runs: (readonly Breakpoint[])[];
  /** What the target was told to stop at. */
  breakpoints: readonly Breakpoint[];
  phases: readonly string[];
  filters: readonly string[];
  keys: number[];
  bootEvents: BootEvent[];
  origins: DiskOrigin[];
}

/** A session whose target has `code` at linear 0x7c00, and moves as the test says. */
async function session(
  code: readonly number[],
  next: (fake: Fake) => StopResult | Promise<StopResult>,
  sources: readonly SourceModule[] = [],
) {
  const fake = { cpu: bootSector(), runs: [], keys: [], bootEvents: [], origins: [] } as unknown as Fake;
  const done = (): Promise<void> => Promise.resolve();
  const move = (temporary: readonly Breakpoint[]): Promise<StopResult> => {
    fake.runs.push(temporary);
    return Promise.resolve(next(fake));
  };
  const createTarget = (events: TargetEvents): Target => {
    fake.events = events;
    return {
      launch: done,
      run: (temporary = []) => move(temporary),
      step: () => move([]),
      pause: done,
      cpu: () => Promise.resolve(structuredClone(fake.cpu)),
      msrs: () => Promise.resolve([]),
      device: () => Promise.resolve(undefined),
      deviceNames: () => Promise.resolve([]),
      phases: () => Promise.resolve([]),
      places: () => Promise.resolve({}),
      writeRegister: done,
      readMemory: (_space, address, length) => {
        // A page is there or not: before the code there are zeros.
        const offset = Number(address) - 0x7000;
        const page = [...new Array<number>(0xc00).fill(0), ...code];
        return Promise.resolve(Uint8Array.from(offset < 0 ? [] : page.slice(offset, offset + length)));
      },
      writeMemory: () => Promise.resolve(0),
      walk: (linear) => Promise.resolve({ linear, paging: "off", steps: [], physical: linear }),
      setBreakpoints: (list) => {
        fake.breakpoints = list;
        return done();
      },
      setWatchpoints: done,
      trace: () => Promise.resolve(undefined),
      traceStatus: () => Promise.resolve(undefined),
      setCatches: done,
      stopAtPhases: (names) => {
        fake.phases = names;
        return done();
      },
      stopAtEvents: (filters) => {
        fake.filters = filters;
        return done();
      },
      bootEvents: (from) => Promise.resolve(fake.bootEvents.slice(from)),
      origins: (physical, length) =>
        Promise.resolve(
          fake.origins.filter(
            (one) => one.physical + BigInt(one.bytes) > physical && one.physical < physical + BigInt(length),
          ),
        ),
      readDrive: () => Promise.resolve(new Uint8Array()),
      screen: () => Promise.resolve({ kind: "off" }),
      serialInput: done,
      keyboardInput: (codes) => {
        fake.keys.push(...codes);
        return done();
      },
      mouseInput: done,
      close: done,
      dispose: done,
    };
  };
  const one = new BootscopeSession({
    createTarget,
    checkPlan: done,
    sources: () => sources,
    readSymbols: () => Promise.reject(new Error("None.")),
  });
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
    ask: (command: string, args: object = {}): Promise<Response> => {
      const request: DebugProtocol.Request = { seq: ++seq, type: "request", command, arguments: args };
      one.handleMessage(request);
      return wait<Response>(({ type, request_seq }) => type === "response" && request_seq === request.seq);
    },
    heard,
    event: (name: string) => wait<DebugProtocol.Event>(({ type, event }) => type === "event" && event === name),
  };
  const capabilities = (await client.ask("initialize")).body as DebugProtocol.Capabilities;
  await client.ask("launch", { kernel: "/kernel", stopOnEntry: true, stopAt: ["bootloader", "int13h:42"] });
  await client.ask("configurationDone");
  await client.event("stopped");
  return { ...client, capabilities };
}

test("real mode shows its segments, and its code is decoded as 16-bit code", async () => {
  const { ask } = await session([0xb8, 0x13, 0x00, 0xeb, 0xfe], () => ({ reason: "step" }));
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

/** What a step sets where memory is mapped to itself: it stays the place whatever becomes of paging. */
const behind = (address: bigint): Breakpoint[] => [
  { space: "lin", address },
  { space: "phys", address },
];

test("a step over INT waits behind it, on the same stack only", async () => {
  const { ask, event, fake } = await session([0xcd, 0x10, 0x90], ({ cpu, runs }) => {
    cpu.rip = 2n;
    // First another piece of code passes there, deeper on the stack; then the interrupt returns.
    cpu.gpr[4] = runs.length === 1 ? 0xff0n : 0x1000n;
    return { reason: "breakpoint", space: "lin", address: 0x7c02n };
  });
  await ask("next", { threadId: 1 });
  const stop = await event("stopped");
  assert.equal((stop.body as { reason: string }).reason, "step");
  assert.deepEqual(fake.runs, [behind(0x7c02n), behind(0x7c02n)]);
});

test("an interrupt in the middle of a step is run to its end", async () => {
  const { ask, event, fake } = await session([0x90, 0x90], ({ cpu, runs }) => {
    cpu.rip = runs.length === 1 ? 0x500n : 1n;
    return runs.length === 1 ? { reason: "step" } : { reason: "breakpoint", space: "lin", address: 0x7c01n };
  });
  await ask("next", { threadId: 1 });
  await event("stopped");
  assert.deepEqual(fake.runs, [[], behind(0x7c01n)]);
});

test("an emulator that fails in a run is a stop with its message", async () => {
  const { ask, event } = await session([0x90], () => Promise.reject(new Error("unreachable")));
  await ask("continue", { threadId: 1 });
  const body = (await event("stopped")).body as DebugProtocol.StoppedEvent["body"];
  assert.deepEqual([body.description, body.text], ["Emulator error", "unreachable"]);
  const again = await ask("continue", { threadId: 1 });
  assert.equal(again.success, false);
});

test("an emulator that dies ends the session", async () => {
  const { ask, event, fake } = await session([0x90], () => new Promise(() => undefined));
  await ask("continue", { threadId: 1 });
  fake.events.failed("The emulator's thread ended with code 9.");
  await event("terminated");
  const { success, message } = await ask("threads");
  assert.deepEqual([success, message], [false, "The session has ended."]);
});

test("a step out without a return address says so and stays", async () => {
  const { ask, event } = await session([0x90], () => ({ reason: "step" }));
  await ask("stepOut", { threadId: 1 });
  const output = await event("output");
  assert.match((output.body as { output: string }).output, /No return address was found/);
  await event("stopped");
});

test("phases and events of the launch and of the client's filters are stopped at together", async () => {
  const { ask, fake, capabilities } = await session([0x90], () => ({ reason: "step" }));
  assert.deepEqual([fake.phases, fake.filters], [["bootloader", "kernel"], ["int13h:42"]]);
  await ask("setExceptionBreakpoints", { filters: ["phase:kernel", "event:protected-mode", "event:int13h", "panic"] });
  assert.deepEqual(fake.phases, ["kernel", "bootloader"]);
  assert.deepEqual(fake.filters, ["protected-mode", "int13h", "int13h:42"]);
  for (const { filter } of capabilities.exceptionBreakpointFilters ?? []) {
    assert.equal((await ask("setExceptionBreakpoints", { filters: [filter] })).success, true, filter);
  }
});

const protectedMode: BootEvent = {
  id: 3,
  kind: "protected-mode",
  icount: 1000n,
  address: 0x7c20n,
  text: "CR0.PE 0 → 1",
};

test("a stop at an event says the event", async () => {
  const { ask, event } = await session([0x90], () => ({ reason: "event", event: protectedMode }));
  await ask("continue", { threadId: 1 });
  const body = (await event("stopped")).body as DebugProtocol.StoppedEvent["body"];
  assert.equal(body.description, "Paused at event: CR0.PE 0 → 1");
});

for (const [name, code] of [
  ["SYSENTER", [0x0f, 0x34]],
  ["SYSCALL", [0x0f, 0x05]],
] as const) {
  test(`the filter of system calls says that it was ${name}`, async () => {
    const { ask, event } = await session(code, () => ({
      reason: "catch",
      caught: { kind: "instruction", catches: [0], at: 0x7c00n },
    }));
    await ask("setExceptionBreakpoints", { filters: ["syscall"] });
    await ask("continue", { threadId: 1 });
    const body = (await event("stopped")).body as DebugProtocol.StoppedEvent["body"];
    assert.equal(body.description, `Paused: ${name} at 0x7c00`);
  });
}

test("boot events go out as they are recorded, and can be asked for", async () => {
  const { ask, event, fake } = await session([0x90], () => ({ reason: "step" }));
  fake.events.bootEvents([protectedMode]);
  const told = (await event("bootscope/event")).body as { events: { icount: string; text: string }[] };
  assert.deepEqual(told.events, [{ ...protectedMode, icount: "0x3e8", address: "0x7c20" }]);
  fake.bootEvents = [protectedMode];
  const { body } = await ask("bootscope/events", { from: 0 });
  assert.deepEqual((body as { events: unknown }).events, told.events);
  assert.equal((body as { icount: string }).icount, "0x7");
});

test("bytes in memory are told with the disk block that they came from", async () => {
  const { ask, fake } = await session([0x90], () => ({ reason: "step" }));
  const sector = { drive: 0, name: "disk.img", biosDrive: 0x80, offsetInSector: 0, sectorSize: 512, icount: 5n };
  fake.origins = [
    { ...sector, lba: 0, physical: 0x7c00n, bytes: 512, by: "pio" },
    { ...sector, lba: 1, physical: 0x8000n, bytes: 8192, by: "dma" },
  ];
  const { body } = await ask("bootscope/origins", { address: "phys:0x7c00", length: 0x1000 });
  assert.deepEqual(
    (body as { origins: { text: string }[] }).origins.map(({ text }) => text),
    ["LBA 0 of drive 80h, disk.img", "LBA 1 to 6 of drive 80h, disk.img"],
    "no more than was asked for",
  );
  const part = await ask("bootscope/origins", { address: "phys:0x8a10", length: 16 });
  assert.equal(
    (part.body as { origins: { text: string }[] }).origins[0]?.text,
    "LBA 6 from byte 16 of drive 80h, disk.img",
  );
  const linear = await ask("bootscope/origins", { address: "0x7c00", length: 16 });
  assert.equal((linear.body as { origins: unknown[] }).origins.length, 1);
});

test("keys and the mouse reach the guest, wrong ones do not", async () => {
  const { ask, fake } = await session([0x90], () => ({ reason: "step" }));
  await ask("bootscope/keyboardInput", { codes: [0x1c, 0xf0, 0x1c] });
  assert.deepEqual(fake.keys, [0x1c, 0xf0, 0x1c]);
  for (const codes of [[256], [-1], [1.5], "a", new Array(5000).fill(1)]) {
    assert.equal((await ask("bootscope/keyboardInput", { codes })).success, false);
  }
  assert.equal((await ask("bootscope/mouseInput", { dx: 1, dy: -1, buttons: 1 })).success, true);
  assert.equal((await ask("bootscope/mouseInput", { dx: 1, dy: -1, buttons: 8 })).success, false);
  assert.deepEqual((await ask("bootscope/screen")).body, { screen: { kind: "off" } });
});

/** A source file whose lines 10, 12 and 13 are the instructions at 0x7c00, 0x7c01 and 0x7c02; line 13 has two. */
const bootLines: SourceModule = {
  files: ["/src/boot.s"],
  lineAt: (at) => ({ path: "/src/boot.s", line: at === 0x7c00 ? 10 : at === 0x7c01 ? 12 : 13 }),
  addressesOf: (_file, line) => ({ 10: [0x7c00], 12: [0x7c01], 13: [0x7c02] })[line] ?? [],
  bytesAt: (at, length) =>
    at < 0x7c00 || at + length > 0x7c04
      ? undefined
      : Uint8Array.from([0x90, 0xfa, 0xfc, 0x90]).slice(at - 0x7c00, at - 0x7c00 + length),
};

test("a frame has the source line, and a step goes by lines unless told otherwise", async () => {
  const { ask, event, fake } = await session(
    [0x90, 0xfa, 0xfc, 0x90, 0x90],
    ({ cpu }) => {
      cpu.rip++;
      return { reason: "step" };
    },
    [bootLines],
  );
  const frame = async (): Promise<DebugProtocol.StackFrame | undefined> =>
    ((await ask("stackTrace", { threadId: 1 })).body as DebugProtocol.StackTraceResponse["body"]).stackFrames[0];
  const first = await frame();
  assert.deepEqual([first?.source?.path, first?.line], ["/src/boot.s", 10]);
  const lines: number[] = [];
  for (const args of [{}, { granularity: "instruction" }, { granularity: "instruction" }]) {
    await ask("next", { threadId: 1, ...args });
    await event("stopped");
    lines.push((await frame())?.line ?? 0);
  }
  assert.deepEqual(lines, [12, 13, 13]);
  // Behind the module there is no line: the step ends there.
  await ask("next", { threadId: 1 });
  await event("stopped");
  assert.deepEqual([(await frame())?.line, fake.cpu.rip], [0, 4n]);
});

test("an instruction that another program happens to have at the same place has no line of ours", async () => {
  const { ask, fake } = await session([0xeb, 0xfa, 0, 0], () => ({ reason: "pause" }), [bootLines]);
  fake.cpu.rip = 1n;
  const { stackFrames } = (await ask("stackTrace", { threadId: 1 })).body as DebugProtocol.StackTraceResponse["body"];
  assert.equal(stackFrames[0]?.source, undefined);
});

test("breakpoints on lines bind to physical addresses, and count only where the file's own code lies", async () => {
  const code = [0x90, 0xfa, 0xfc, 0x90];
  const { ask, event, fake } = await session(
    code,
    ({ cpu }) => {
      cpu.rip = 1n;
      return { reason: "breakpoint", space: "phys", address: 0x7c01n };
    },
    [bootLines],
  );
  const source = { path: "/src/boot.s" };
  const set = await ask("setBreakpoints", { source, breakpoints: [{ line: 11 }, { line: 99 }] });
  const { breakpoints } = set.body as DebugProtocol.SetBreakpointsResponse["body"];
  assert.deepEqual(
    breakpoints.map(({ verified, line }) => [verified, line]),
    [
      [true, 12],
      [false, undefined],
    ],
  );
  assert.deepEqual(fake.breakpoints, [{ space: "phys", address: 0x7c01n }]);
  const lines = await ask("breakpointLocations", { source, line: 1, endLine: 20 });
  assert.deepEqual(lines.body, { breakpoints: [{ line: 10 }, { line: 12 }, { line: 13 }] });
  await ask("continue", { threadId: 1 });
  const stop = (await event("stopped")).body as DebugProtocol.StoppedEvent["body"];
  assert.deepEqual([stop.reason, stop.hitBreakpointIds], ["breakpoint", [breakpoints[0]?.id]]);
  const other = await ask("setBreakpoints", { source: { path: "/src/other.s" }, breakpoints: [{ line: 1 }] });
  const { message } = (other.body as DebugProtocol.SetBreakpointsResponse["body"]).breakpoints[0] ?? {};
  assert.match(message ?? "", /No line information/);
  assert.equal(fake.breakpoints.length, 1, "the other file's are still set");
  // Another program overwrote it: the address alone is no hit.
  code[1] = 0xfb;
  let runs = 0;
  const overwritten = await session(
    code,
    ({ cpu }) => {
      cpu.rip = 1n;
      return runs++ === 0 ? { reason: "breakpoint", space: "phys", address: 0x7c01n } : { reason: "pause" };
    },
    [bootLines],
  );
  await overwritten.ask("setBreakpoints", { source, breakpoints: [{ line: 12 }] });
  await overwritten.ask("continue", { threadId: 1 });
  assert.equal(((await overwritten.event("stopped")).body as { reason: string }).reason, "pause");
});

test("code on both sides of a mode switch is decoded in its own size", async () => {
  // mov cr0, eax; jmp 0x08:0x7c0a; nop; mov eax, 0x12345678; then something that is no 16-bit code.
  const code = [0x0f, 0x22, 0xc0, 0xea, 0x0a, 0x7c, 0x08, 0x00, 0x90, 0x90, 0xb8, 0x78, 0x56, 0x34, 0x12, 0x40];
  const { ask, event } = await session(code, ({ cpu }) => {
    cpu.mode = "protected32";
    cpu.segments.cs = { ...cpu.segments.cs, selector: 8, base: 0n, attributes: 0xc09b };
    cpu.rip = 0x7c0fn;
    return { reason: "step" };
  });
  const texts = async (args: object): Promise<string[]> => {
    const { body } = await ask("disassemble", { memoryReference: "0x7c00", ...args });
    return (body as { instructions: DebugProtocol.DisassembledInstruction[] }).instructions.map(
      ({ instruction }) => instruction,
    );
  };
  const expected = ["mov cr0, eax", "jmp far 0x7c0a, 8", "nop", "nop", "mov eax, 0x12345678"];
  assert.deepEqual(await texts({ instructionCount: 5 }), expected);
  await ask("stepIn", { threadId: 1 });
  await event("stopped");
  assert.deepEqual(await texts({ instructionCount: 6 }), [...expected, "inc eax"]);
  const back = { memoryReference: "0x7c0f", instructionOffset: -5, instructionCount: 6 };
  assert.deepEqual(await texts(back), [...expected, "inc eax"]);
});
