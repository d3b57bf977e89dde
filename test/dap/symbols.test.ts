/** Symbols in a real boot: of a kernel that KASLR moved, against what it says itself, and of the demo's own code. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import type { DebugProtocol } from "@vscode/debugprotocol";
import { findKallsyms } from "../../boot-formats/kallsyms.ts";
import type { OutputEventBody, PlaceResponse } from "../../debug-adapter/protocol.ts";
import { busyboxInitramfs, cloudKernel, vmlinux } from "../../scripts/guests/guests.ts";
import { readFile } from "node:fs/promises";
import type { Client } from "./client.ts";
import { client, temporaryFolder } from "./fixture.ts";

type Breakpoints = DebugProtocol.SetFunctionBreakpointsResponse["body"];
type BreakpointEvent = DebugProtocol.BreakpointEvent["body"];

async function valueOf(session: Client, expression: string): Promise<bigint> {
  const { result } = await session.ask<{ result: string }>("evaluate", { expression, context: "repl" });
  return BigInt(/0x[0-9a-f]+/.exec(result)?.[0] ?? 0);
}

async function printed(session: Client, text: string): Promise<string> {
  let heard = "";
  while (!heard.includes(text)) {
    const { source, data } = await session.event<OutputEventBody>("bootscope/output");
    if (source === 0) heard += Buffer.from(data, "base64").toString("latin1");
  }
  return heard;
}

const told = async (session: Client, text: string): Promise<string> =>
  (await session.event<DebugProtocol.OutputEvent["body"]>("output", ({ output }) => output.includes(text))).output;

test("a kernel without symbol files is debugged by name, wherever KASLR put it", { timeout: 600_000 }, async (t) => {
  const { vmlinuz: kernel } = await cloudKernel();
  const session = client(t);
  await session.launch({ boot: "direct", kernel, initrd: await busyboxInitramfs() }, async () => {
    const { breakpoints } = await session.ask<Breakpoints>("setFunctionBreakpoints", {
      breakpoints: [{ name: "start_kernel" }, { name: "no_such_function" }],
    });
    assert.deepEqual(
      breakpoints.map(({ verified }) => verified),
      [false, false],
      "before there is a kernel",
    );
  });
  const found = await told(session, "symbols from the kernel in memory");
  assert.match(
    found,
    /^\d\d,\d{3} symbols from the kernel in memory, (KASLR slide 0x[0-9a-f]+|not moved by KASLR), loaded at phys:0x/,
  );
  console.log(found.trim());
  const changed = await session.event<BreakpointEvent>("breakpoint", ({ breakpoint }) => breakpoint.verified);
  assert.equal(changed.reason, "changed");
  assert.equal((await session.stopped()).reason, "function breakpoint");
  const main = await valueOf(session, "start_kernel");
  assert.equal(await valueOf(session, "rip"), main);

  const { instructions } = await session.ask<{ instructions: DebugProtocol.DisassembledInstruction[] }>("disassemble", {
    memoryReference: `0x${main.toString(16)}`,
    instructionOffset: -20,
    instructionCount: 60,
    resolveSymbols: true,
  });
  assert.equal(instructions.find(({ symbol }) => symbol === "start_kernel")?.address, `0x${main.toString(16)}`);
  const texts = instructions.map(({ instruction }) => instruction);
  assert.ok(texts.includes("call setup_arch"), texts.join("\n"));
  assert.ok(texts.some((text) => /; linux_banner$/.test(text)));
  assert.ok(texts.some((text) => /^call qword ptr \[0x[0-9a-f]+\] {2}; pv_ops\+0x[0-9a-f]+ → \w+$/.test(text)));
  const { targets } = await session.ask<DebugProtocol.CompletionsResponse["body"]>("completions", {
    text: "start_kern",
    column: 11,
  });
  assert.deepEqual(
    targets.map(({ label }) => label),
    ["start_kernel"],
  );

  // The kernel's own word on each 4000th of them.
  await session.ask("setFunctionBreakpoints", { breakpoints: [] });
  await session.ask("continue", { threadId: 1 });
  await printed(session, "# ");
  await session.ask("bootscope/serialInput", {
    text: "mount -t proc p /proc; awk 'NR % 4000 == 7 || $3 == \"entry_SYSCALL_64\"' /proc/kallsyms; echo EN''D\n",
  });
  const truth = [...(await printed(session, "END")).matchAll(/^([0-9a-f]{16}) ([A-Za-z]) (\S+)\r?$/gm)];
  assert.ok(truth.length > 15, `${truth.length} symbols`);
  let same = 0;
  for (const [, address = "", , name = ""] of truth) {
    if ((await valueOf(session, `\`${name}\``)) === BigInt(`0x${address}`)) same++;
    else console.log(`${name} is at 0x${address}, too, or a module's`);
  }
  // Several local functions have one name, of which it takes the first.
  assert.ok(same >= truth.length - 4, `${same} of ${truth.length}`);
  await session.close();
  assert.equal(session.stderr, "");
});

test(
  "a breakpoint at the kernel's first instruction stops there, where symbols are read for another one",
  { timeout: 600_000 },
  async (t) => {
    const { vmlinuz: kernel } = await cloudKernel();
    const session = client(t);
    const launch = { boot: "direct", kernel };
    await session.launch({ ...launch, stopAt: ["kernel"] });
    assert.equal((await session.stopped()).description, "Paused at phase Kernel");
    const entry = await valueOf(session, "rip");
    // The same boot again, to the instruction, with nothing that stops at the phase. The kernel is not at its own addresses yet.
    const name = `phys:0x${entry.toString(16)}`;
    const set = async (...names: string[]): Promise<(number | undefined)[]> => {
      const { breakpoints } = await session.ask<Breakpoints>("setFunctionBreakpoints", {
        breakpoints: names.map((one) => ({ name: one })),
      });
      return breakpoints.map(({ id }) => id);
    };
    for (const [names, found] of [
      [[name], false],
      [[name, "start_kernel"], true],
    ] as const) {
      const [id] = await set(...names);
      await session.ask("restart", { arguments: launch });
      if (found) console.log((await told(session, "symbols from the kernel in memory")).trim());
      const stop = await session.stopped();
      assert.deepEqual([stop.reason, stop.hitBreakpointIds], ["function breakpoint", [id]]);
      assert.equal(await valueOf(session, "rip"), entry);
    }
    assert.equal((await session.move("continue")).reason, "function breakpoint");
    assert.equal(await valueOf(session, "rip"), await valueOf(session, "start_kernel"));
    await session.close();
    assert.equal(session.stderr, "");
  },
);

test("a System.map is moved as KASLR moved the kernel", { timeout: 600_000 }, async (t) => {
  const { vmlinuz: kernel } = await cloudKernel();
  const linked = findKallsyms(await readFile(await vmlinux(kernel)))?.symbols ?? [];
  const renamed = linked.map(({ name, type, address }) => {
    const own = name === "start_kernel" ? "my_start_kernel" : name;
    return `${address.toString(16).padStart(16, "0")} ${type} ${own}\n`;
  });
  const map = path.join(await temporaryFolder(t), "System.map");
  await writeFile(map, renamed.join(""));
  const session = client(t);
  await session.launch({ boot: "direct", kernel, symbols: [{ file: map }] }, () =>
    session.ask("setFunctionBreakpoints", { breakpoints: [{ name: "my_start_kernel" }] }),
  );
  assert.match(await told(session, `symbols from ${map}`), /(KASLR slide 0x[0-9a-f]+|not moved by KASLR)\.\n$/);
  assert.equal((await session.stopped()).reason, "function breakpoint");
  assert.equal(await valueOf(session, "my_start_kernel"), await valueOf(session, "start_kernel"));
  await session.close();
});

test(
  "the demo's functions and the built-in BIOS have names, in 16- and 64-bit code",
  { timeout: 120_000 },
  async (t) => {
    const session = client(t);
    await session.launch({ demo: true, stopOnEntry: true });
    await session.stopped();
    const rows = async (reference: string): Promise<DebugProtocol.DisassembledInstruction | undefined> =>
      (
        await session.ask<{ instructions: DebugProtocol.DisassembledInstruction[] }>("disassemble", {
          memoryReference: reference,
          instructionCount: 1,
        })
      ).instructions[0];
    const reset = await rows("0xfffffff0");
    assert.deepEqual([reset?.symbol, reset?.instruction], ["reset_vector", "jmp far reset_entry, 0xf000"]);
    for (const name of ["begin", "paging_init"]) {
      const { breakpoints } = await session.ask<Breakpoints>("setFunctionBreakpoints", { breakpoints: [{ name }] });
      assert.match(breakpoints[0]?.instructionReference ?? "", /^phys:/);
      assert.equal((await session.move("continue")).reason, "function breakpoint");
      const at = await valueOf(session, "cs:rip");
      assert.equal((await rows(`0x${at.toString(16)}`))?.symbol, name);
      const place = await session.ask<PlaceResponse>("bootscope/place", { address: "cs:rip + 1" });
      assert.equal(place.symbol, `${name}+0x1`);
    }
    await session.close();
  },
);
