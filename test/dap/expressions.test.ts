/** Expressions, conditions, log messages and console commands in real boots: real mode, protected mode, long mode. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import type { DebugProtocol } from "@vscode/debugprotocol";
import { busyboxInitramfs, cloudKernel } from "../../scripts/guests/guests.ts";
import type { Client } from "./client.ts";
import { client, kernelFile, temporaryFolder } from "./fixture.ts";
import { BUFFER, FUNCTION, loopingKernel } from "./tiny-kernel.ts";

type Evaluated = DebugProtocol.EvaluateResponse["body"];
type Breakpoints = DebugProtocol.SetFunctionBreakpointsResponse["body"];

const hex = (value: number): string => `0x${value.toString(16)}`;

const evaluate = (session: Client, expression: string, context = "repl"): Promise<Evaluated> =>
  session.ask<Evaluated>("evaluate", { expression, context });

async function says(session: Client, cases: Record<string, string | RegExp>): Promise<void> {
  for (const [expression, expected] of Object.entries(cases)) {
    const { result } = await evaluate(session, expression);
    if (typeof expected === "string") assert.equal(result, expected, expression);
    else assert.match(result, expected, expression);
  }
}

/** A tiny kernel that stands at its first instruction. */
async function tiny(session: Client, file: string): Promise<void> {
  await session.launch({ boot: "direct", kernel: file, memory: 64, stopOnEntry: true });
  await session.stopped();
}

const setFunctions = (session: Client, breakpoints: object[]): Promise<Breakpoints> =>
  session.ask<Breakpoints>("setFunctionBreakpoints", { breakpoints });

/** The next line of the console that is about breakpoints. */
const told = async (session: Client): Promise<string> =>
  (
    await session.event<DebugProtocol.OutputEvent["body"]>(
      "output",
      ({ category, output }) => category === "console" && !output.startsWith("Phase:"),
    )
  ).output;

test("a breakpoint stops where its condition and its hits say", { timeout: 60_000 }, async (t) => {
  const session = client(t);
  await tiny(session, await kernelFile(t, loopingKernel()));
  const name = `phys:${hex(FUNCTION)}`;
  const stop = async (rules: object): Promise<string> => {
    const { breakpoints } = await setFunctions(session, [{ name, ...rules }]);
    assert.deepEqual([breakpoints[0]?.verified, breakpoints[0]?.message], [true, undefined]);
    assert.equal((await session.move("continue")).reason, "function breakpoint");
    return (await evaluate(session, "eax")).result;
  };
  assert.equal(await stop({ condition: `eax == 5 && u64 phys[${hex(BUFFER)}] == 0x0505050505050505` }), "0x5 (5)");
  assert.equal(await stop({ condition: 'i32(eax) < 0 || eax > 9 && $phase == "kernel"' }), "0xa (10)");
  assert.equal(await stop({ hitCondition: "% 10" }), "0x14 (20)");
  assert.equal(await stop({ condition: "eax & 1", hitCondition: "== 3" }), "0x19 (25)");
  await says(session, {
    "info breakpoints": /^\d+ {2}function {2}phys:0x1000040 {2}\(if eax & 1; at hits == 3; 3 hits\)$/,
  });
  await session.close();
});

test("a breakpoint with a message logs and goes on", { timeout: 60_000 }, async (t) => {
  const session = client(t);
  await tiny(session, await kernelFile(t, loopingKernel()));
  await setFunctions(session, [
    {
      name: hex(FUNCTION),
      condition: "eax < 6",
      hitCondition: "% 2",
      logMessage: "eax={eax:04x} at {cs:rip}, {u8 phys[0xf0000000]}",
    },
    { name: hex(FUNCTION + 2), condition: "eax == 8" },
  ]);
  assert.equal((await session.move("continue")).reason, "function breakpoint");
  const lost = '{error: Character 1 of "u8 phys[0xf0000000]": there is no memory at phys:0xf0000000.}';
  assert.equal(await told(session), `eax=0002 at lin:0x1000040, ${lost}\n`);
  assert.equal(await told(session), `eax=0004 at lin:0x1000040, ${lost}\n`);
  await says(session, { eax: "0x8 (8)", "info breakpoints": /logs "eax=[^\n]*; 5 hits\)/ });
  await session.close();
});

test("conditions and messages hold for instruction and data breakpoints, too", { timeout: 60_000 }, async (t) => {
  const session = client(t);
  await tiny(session, await kernelFile(t, loopingKernel()));
  const { dataId } = await session.ask<DebugProtocol.DataBreakpointInfoResponse["body"]>("dataBreakpointInfo", {
    name: `phys:${hex(BUFFER + 7)}`,
    asAddress: true,
  });
  const rules = { condition: `u8 phys[${hex(BUFFER + 7)}] > 3`, hitCondition: "== 2" };
  await session.ask("setDataBreakpoints", { breakpoints: [{ dataId, accessType: "write", ...rules }] });
  await session.ask("setInstructionBreakpoints", {
    breakpoints: [{ instructionReference: hex(FUNCTION), condition: "eax & 1", logMessage: "odd: {al:d}" }],
  });
  assert.equal((await session.move("continue")).reason, "data breakpoint");
  await says(session, { al: "0x5 (5)" });
  assert.equal(await told(session), "odd: 1\n");
  assert.equal(await told(session), "odd: 3\n");
  await says(session, {
    "info breakpoints":
      /^\d+ {2}data {2}write of 1 byte at phys:0x10007 {2}\(if .*; 2 hits\)\n\d+ {2}instruction {2}lin:0x1000040 {2}\(.*\)$/,
  });
  await session.close();
});

test(
  "a condition that cannot be read is refused, one that fails stops and says why",
  { timeout: 60_000 },
  async (t) => {
    const session = client(t);
    await tiny(session, await kernelFile(t, loopingKernel()));
    const name = hex(FUNCTION);
    const { breakpoints } = await setFunctions(session, [
      { name, condition: "eax ==" },
      { name, hitCondition: "sometimes" },
      { name, logMessage: "{eax" },
      { name, condition: "nonsense == 5" },
      { name, condition: "u8 phys[0xf0000000] == 5" },
    ]);
    assert.deepEqual(
      breakpoints.map(({ verified }) => verified),
      [false, false, false, false, true],
    );
    assert.match(
      breakpoints[0]?.message ?? "",
      /^Character 7 of "eax ==": a value was expected, but the expression ends/,
    );
    assert.match(breakpoints[1]?.message ?? "", /^Character 1 of "sometimes": "5", "> 5", .* was expected/);
    assert.match(breakpoints[2]?.message ?? "", /^Character 1 of "\{eax": "\}" was expected/);
    assert.match(breakpoints[3]?.message ?? "", /^Character 1 of "nonsense == 5": a register, number or symbol/);
    assert.equal((await session.move("continue")).reason, "function breakpoint");
    assert.match(await told(session), /could not be evaluated: Character 1 .*: there is no memory at phys:0xf0000000/);
    await session.close();
  },
);

test("the console writes only what stands, and says that what is shown has changed", { timeout: 60_000 }, async (t) => {
  const session = client(t);
  const file = await kernelFile(t, loopingKernel());
  await session.ask("initialize", { adapterID: "bootscope", clientID: "test", supportsInvalidatedEvent: true });
  await session.ask("launch", { boot: "direct", kernel: file, memory: 64, stopOnEntry: true });
  await session.event("initialized");
  await session.ask("configurationDone");
  await session.stopped();
  await says(session, { "u16 phys[0x500] = 0x1234": "0x1234 (4660)", "u8 lin[0x501]": "0x12 (18)" });
  await session.event("invalidated");
  const image = path.join(await temporaryFolder(t), "image");
  await says(session, {
    [`dump phys:0x500, 2 ${image}`]: `2 bytes from phys:0x500 written to ${image}.`,
    [`load ${image} 0x600`]: /^2 bytes/,
    "u16 phys[0x600]": "0x1234 (4660)",
  });
  await session.event("invalidated");
  assert.deepEqual([...(await readFile(image))], [0x34, 0x12]);
  const set = await session.ask<{ value: string }>("setExpression", { expression: "flags.cf", value: "1" });
  assert.equal(set.value, "0x1 (1)");
  await session.ask("continue", { threadId: 1 });
  for (const expression of ["rax = 1", "u8 phys[0] = 1", `load ${image} 0`]) {
    assert.match(await session.refused("evaluate", { expression, context: "repl" }), /The machine is running/);
  }
  await says(session, { "print/x u16 phys[0x500]": "0x1234" });
  assert.match(
    await session.refused("evaluate", { expression: "rax +", context: "watch" }),
    /^Character 6 of "rax \+"/,
  );
  const { targets } = await session.ask<DebugProtocol.CompletionsResponse["body"]>("completions", {
    text: "info pi",
    column: 8,
  });
  assert.deepEqual(targets, [{ label: "pic", type: "keyword", start: 6, length: 2 }]);
  await session.close();
});

test("real mode to ring 3 in the demo: every mode's addresses, tables and devices", { timeout: 120_000 }, async (t) => {
  const session = client(t);
  await session.launch({ demo: true, stopAt: ["bios", "bootloader", "init"] });
  await session.stopped();
  await says(session, {
    "cs:ip": "lin:0xfffffff0",
    $phase: "bios (0)",
    $mode: "real (0)",
    "$icount == 0": "0x1 (1)",
    "x/xb f000:fff0": /^lin:0xffff0 {2}0x/,
  });
  assert.equal((await session.move("continue")).description, "Paused at phase Boot loader");
  await says(session, {
    "cs:ip": "lin:0x7c00",
    "0000:7c00 == cs:ip": "0x1 (1)",
    "x/2xb 0000:7dfe": "lin:0x7dfe  0x55 0xaa",
    "u16 ds:[0x7dfe] == 0xaa55": /./,
    "find 55 aa in phys:0x7c00..0x7e00": "phys:0x7dfe",
    '$phase == "bootloader" && $mode == "real"': "0x1 (1)",
    dl: "0x80 (128)",
    "info ivt": /^at phys:0x0\n.* 0x10 {2}[0-9a-f]{4}:[0-9a-f]{4}\n.*\n0x\w\w-0x\w\w {2}f000:[0-9a-f]{4}\n/s,
    "p/d cs:ip + 1": "31745",
    "info pic": /^master: vectors 0x8 to 0xf\n(.*\n)*slave: vectors 0x70 to 0x77\n/,
    "origin 7c00:0000": /did not come from a disk/,
    "origin 0000:7c00 512": /^phys:0x7c00, 512 bytes: LBA 0 of drive 80h/,
    "info mem": "Paging is off: linear addresses are physical ones.",
    "info tlb": "Paging is off: linear addresses are physical ones.",
    "translate cs:ip": /lin:0x7c00 is phys:0x7c00 \(paging is off\)$/,
  });
  assert.match(await session.refused("evaluate", { expression: "info idt", context: "repl" }), /real mode: "info ivt"/);
  const stack = await session.ask<DebugProtocol.StackTraceResponse["body"]>("stackTrace", { threadId: 1 });
  const { source, line } = stack.stackFrames[0] as DebugProtocol.StackFrame;
  const logging = { line: line + 1, logMessage: "{$phase}: {cs:x}:{ip:04x}, SP={sp:04x}" };
  const set = await session.ask<Breakpoints>("setBreakpoints", { source, breakpoints: [logging] });
  assert.equal(set.breakpoints[0]?.verified, true);
  await session.ask("setExceptionBreakpoints", { filters: ["event:protected-mode"] });
  assert.equal((await session.move("continue")).reason, "event");
  const { output, ...place } = await session.event<DebugProtocol.OutputEvent["body"]>("output", (body) =>
    body.output.startsWith("bootloader"),
  );
  assert.match(output, /^bootloader: 0:7c[0-9a-f]{2}, SP=[0-9a-f]{4}\n$/);
  assert.deepEqual([place.source?.path, place.line], [source?.path, set.breakpoints[0]?.line]);
  await says(session, { "cr0.pe": "0x1 (1)", "info gdt": /^base lin:0x\w+ limit 0x\w+\n.*(code|data)/s });
  await session.ask("setExceptionBreakpoints", { filters: [] });
  assert.equal((await session.move("continue")).description, "Paused at phase Init");
  await says(session, {
    $mode: "long (6)",
    $cpl: "0x3 (3)",
    "cr0.pg && efer.lma": "0x1 (1)",
    "cs:rip == rip": "0x1 (1)",
    "info idt": /^base lin:0x\w+ limit 0x\w+\n.*interrupt gate/s,
    "info mem": /^0x\w+-0x\w+ .r/,
    "info tlb rip": /^lin:0x\w+-0x\w+ → phys:0x\w+ {2}\d+ pages? of \d+ [KMG]iB {2}user /,
    "phys[cr3 & ~0xfff] & 1": "0x1 (1)",
  });
  await session.close();
});

test("what the loader tells a real kernel is found in memory", { timeout: 300_000 }, async (t) => {
  const { vmlinuz: kernel } = await cloudKernel();
  const session = client(t);
  const cmdline = "console=ttyS0 bootscope.test=1";
  await session.launch({ kernel, initrd: await busyboxInitramfs(), cmdline, stopAt: ["setup", "decompressor"] });
  assert.equal((await session.stopped()).description, "Paused at phase Kernel setup");
  await says(session, { "info e820": /^No boot_params with a memory map lies in memory/ });
  await session.move("continue");
  await says(session, {
    "info e820":
      /^boot_params at phys:0x\w+\nphys:0x0000000000-0x000009\w+ {2}usable RAM\n(.*\n)+phys:0x0000100000-0x001f\w+ {2}usable RAM\n/,
    // The decompressor is entered with RSI at boot_params; the command line's address is at 0x228.
    "u32 phys[esi + 0x202] == 'HdrS'": "0x1 (1)",
    "x/s phys:(u32 phys[esi + 0x228])": new RegExp(`"[^"]*${cmdline}"$`),
    [`find "${cmdline}" in phys:0..0xa0000`]: /^phys:0x/,
    "info mtrr": /./,
  });
  const found = /boot_params at phys:(0x\w+)/.exec((await evaluate(session, "info e820")).result)?.[1] ?? "";
  assert.equal((await evaluate(session, `esi == ${found}`)).result, "0x1 (1)");
  await session.close();
});
