/**
 * What a boot debugger must be able to do, all of it in one session on code that others wrote: SeaBIOS loads GRUB's boot
 * sector, GRUB a Debian kernel, and that runs a program in ring 3. Stops of every kind, steps across every mode, and state.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { DebugProtocol } from "@vscode/debugprotocol";
import { seabiosFiles } from "../../scripts/guests/firmware.ts";
import { grubCloudDisk } from "../../scripts/guests/grub-disks.ts";
import type { Client } from "./client.ts";
import { client } from "./fixture.ts";
import { ip, stack, value } from "./steps-guest.ts";
import { StateTree, launchWithViews } from "./state-tree.ts";

type Stop = DebugProtocol.StoppedEvent["body"];

const description = async (stop: Promise<Stop>): Promise<string> => (await stop).description ?? "";

/** Mode in the name of the top frame: "real mode". */
const mode = async (session: Client): Promise<string> =>
  /\(([^)]*mode[^)]*)\)$/.exec((await stack(session)).stackFrames[0]?.name ?? "")?.[1] ?? "";

/** The next instructions as the client's Disassembly view gets them. */
async function disassembly(session: Client, count: number): Promise<string[]> {
  const memoryReference = (await stack(session)).stackFrames[0]?.instructionPointerReference;
  const { instructions } = await session.ask<{ instructions: DebugProtocol.DisassembledInstruction[] }>("disassemble", {
    memoryReference,
    instructionOffset: 0,
    instructionCount: count,
  });
  return instructions.map(({ instruction }) => instruction.replace(/\s+/g, " ").trim());
}

/** Stops at exactly these instruction breakpoints; none at last. */
const breakAt = (session: Client, ...addresses: string[]): Promise<unknown> =>
  session.ask("setInstructionBreakpoints", {
    breakpoints: addresses.map((instructionReference) => ({ instructionReference })),
  });

/** Sets one data breakpoint, runs to it and takes it away. */
async function watch(session: Client, name: string, more: object = {}): Promise<string> {
  const { dataId } = await session.ask<DebugProtocol.DataBreakpointInfoResponse["body"]>("dataBreakpointInfo", {
    name,
    ...more,
  });
  await session.ask("setDataBreakpoints", { breakpoints: [{ dataId, ...more }] });
  const stop = await session.move("continue");
  assert.equal(stop.reason, "data breakpoint", `${name}: ${stop.description}`);
  await session.ask("setDataBreakpoints", { breakpoints: [] });
  return stop.description ?? "";
}

/** Ticks one filter, runs to it and unticks it. */
async function tick(session: Client, filterId: string, condition?: string): Promise<Stop> {
  const option = { filterId, ...(condition === undefined ? {} : { condition }) };
  await session.ask("setExceptionBreakpoints", { filters: [], filterOptions: [option] });
  const stop = await session.move("continue");
  await session.ask("setExceptionBreakpoints", { filters: [] });
  return stop;
}

async function nextMode(session: Client): Promise<string> {
  await session.ask("bootscope/runUntil", { what: "mode" });
  await session.stopped();
  return mode(session);
}

async function start(t: TestContext): Promise<Client> {
  const session = client(t);
  const { bios: firmware } = await seabiosFiles();
  await launchWithViews(session, { firmware, disks: [await grubCloudDisk()], stopOnEntry: true });
  assert.equal((await session.stopped()).reason, "entry");
  return session;
}

test("SeaBIOS, GRUB, a kernel and ring 3 under every kind of stop and step", { timeout: 600_000 }, async (t) => {
  const session = await start(t);
  const tree = new StateTree(session);

  // SeaBIOS: from the reset vector through its own switch to 32-bit code, and back when it calls BIOS services.
  assert.deepEqual([await mode(session), await ip(session)], ["real mode", 0xfffffff0n]);
  assert.match((await disassembly(session, 1))[0] ?? "", /^jmp 0xf000:0xe05b$|^jmp far|^jmp /);
  assert.deepEqual(
    [await nextMode(session), await nextMode(session)],
    ["16-bit protected mode", "32-bit protected mode"],
  );
  assert.match((await disassembly(session, 4)).join("\n"), /\be[abcd]x\b/, "32-bit code is shown as such");
  assert.match(await watch(session, "port:0x1f7", { accessType: "read" }), /^Paused: IN from port 0x1f7 /);

  // The boot sector comes from the disk: who writes to 0x7c00, and what then runs there.
  assert.match(
    await watch(session, "phys:0x7c00", { bytes: 2, accessType: "write" }),
    /^Paused on write to 2 bytes at phys:0x7c00: /,
  );
  await breakAt(session, "0000:7c00");
  assert.equal((await session.move("continue")).reason, "instruction breakpoint");
  assert.deepEqual([await ip(session), await mode(session)], [0x7c00n, "real mode"]);
  assert.match((await disassembly(session, 1))[0] ?? "", /^jmp short 0x7c6[0-9a-f]$/);
  const { origins } = await session.ask<{ origins: { text: string }[] }>("bootscope/origins", {
    address: "phys:0x7c00",
    length: 512,
  });
  assert.match(origins[0]?.text ?? "", /^LBA 0 of drive 80h, /);
  assert.match(await tree.value("Descriptor tables", "IVT", "0x13"), /^f000:[0-9a-f]{4}$/);

  // GRUB: a BIOS call stepped over, its way into protected mode, and single steps across that.
  assert.match(await description(tick(session, "event:int13h", "ah == 0x42")), /INT 13h AH=42h/);
  await session.move("stepOut");
  assert.equal(await mode(session), "real mode");
  assert.equal(await nextMode(session), "16-bit protected mode");
  const before = await value(session, "$icount");
  await session.move("stepIn", { granularity: "instruction" });
  assert.deepEqual([await value(session, "$icount"), await mode(session)], [before + 1n, "32-bit protected mode"]);
  assert.match(await tree.value("Descriptor tables", "GDT", "0x0008"), /32-bit code/);
  await session.ask("bootscope/runUntil", { what: "icount", icount: `0x${(before + 1_000_000n).toString(16)}` });
  await session.stopped();
  assert.equal(await value(session, "$icount"), before + 1_000_000n);

  // The kernel: long mode, its tables and MSRs, page tables that come and go.
  assert.match(
    await watch(session, "efer", { accessType: "write", condition: "$value & 0x100" }),
    /^Paused: EFER \(msr:0xc0000080\) was changed at 0x\w+: 0x0 → 0x100$/,
  );
  await session.ask("setExceptionBreakpoints", { filters: ["event:long-mode"] });
  await session.move("continue");
  assert.equal(await mode(session), "32-bit compatibility mode");
  await session.move("stepIn", { granularity: "instruction" });
  await session.ask("setExceptionBreakpoints", { filters: ["phase:kernel"] });
  assert.match(await description(session.move("continue")), /Kernel/);
  assert.equal(await mode(session), "64-bit long mode");
  const entry = await ip(session);
  assert.equal(entry % 0x200000n, 0n);
  await session.ask("setExceptionBreakpoints", { filters: [] });
  assert.match(
    await watch(session, "cr3", { accessType: "write" }),
    /^Paused: cr3 was changed at 0x\w+: 0x\w+ → 0x\w+$/,
  );
  await session.ask("setFunctionBreakpoints", { breakpoints: [{ name: "start_kernel" }] });
  assert.equal((await session.move("continue")).reason, "function breakpoint");
  assert.match((await stack(session)).stackFrames[0]?.name ?? "", /^start_kernel\b/);
  await session.ask("setFunctionBreakpoints", { breakpoints: [] });
  assert.match(
    await watch(session, "msr:0xc0000082", { accessType: "write" }),
    /^Paused: LSTAR \(msr:0xc0000082\) was changed at 0x\w+: 0x0 → 0xffffffff\w+$/,
  );
  assert.match(
    await tree.value("Descriptor tables", "IDT", "14 #PF"),
    /^0x0010:0xffffffff\w{8} interrupt gate, DPL 0$/,
  );
  assert.match(
    await tree.value("Descriptor tables", "TSS"),
    /^0x0040 base 0xfffffe00\w+ limit 0x\w+ TSS \(busy\), DPL 0$/,
  );
  const timer = await tick(session, "interrupt", "$vector >= 0x20");
  assert.match(timer.description ?? "", /^Paused: [Hh]ardware interrupt|vector 0x/);
  await session.move("stepOut");

  // Ring 3: its first instruction, a page fault of it, a system call and the way back.
  await session.ask("setExceptionBreakpoints", { filters: ["phase:init"] });
  assert.match(await description(session.move("continue")), /Init/);
  assert.equal(await value(session, "$cpl"), 3n);
  const fault = await tick(session, "exception:pf", "$error & 4");
  assert.deepEqual([fault.reason, fault.description], ["exception", "#PF page fault"]);
  assert.equal(await value(session, "$cpl"), 3n, "before it is delivered");
  const call = await tick(session, "syscall");
  assert.match(call.description ?? "", /SYSCALL/);
  const at = await ip(session);
  await session.move("next", { granularity: "instruction" });
  assert.deepEqual([await value(session, "$cpl"), await ip(session)], [3n, at + 2n], "over the whole system call");
  await session.close();
  assert.equal(session.stderr, "");
});
