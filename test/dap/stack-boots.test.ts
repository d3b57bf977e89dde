/** Call stacks and steps out in code that others wrote: SeaBIOS, GRUB, Debian's kernel, and a program in ring 3. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DebugProtocol } from "@vscode/debugprotocol";
import { seabiosFiles } from "../../scripts/guests/firmware.ts";
import { grubMbrDisk } from "../../scripts/guests/grub-disks.ts";
import { busyboxInitramfs, cloudKernel } from "../../scripts/guests/guests.ts";
import type { Client } from "./client.ts";
import { client } from "./fixture.ts";
import { ip, stack, stepsGuest, value } from "./steps-guest.ts";

/** Names of all frames, without what is marked on them. */
const names = async (session: Client): Promise<string[]> =>
  (await stack(session)).stackFrames.map(({ name }) => name.replace(/ [([].*$/, "").replace(/\+0x.*$/, ""));

const marks = async (session: Client): Promise<string[]> =>
  (await stack(session)).stackFrames.map(({ name }) => /\[.*\]$/.exec(name)?.[0] ?? "");

/** Steps out once; it must lead to where the second frame says. */
async function out(session: Client): Promise<DebugProtocol.StackFrame> {
  const before = (await stack(session)).stackFrames[1];
  assert.ok(before, "there is a caller");
  assert.equal((await session.move("stepOut")).reason, "step");
  const after = (await stack(session)).stackFrames[0];
  assert.equal(after?.instructionPointerReference, before.instructionPointerReference, before.name);
  return before;
}

async function run(session: Client, args: object): Promise<void> {
  await session.ask("bootscope/runUntil", args);
  await session.stopped();
}

test("SeaBIOS: from deep in its VGA BIOS to the INT 10h that called it", { timeout: 120_000 }, async (t) => {
  const guest = await stepsGuest(t);
  const session = client(t);
  const { bios: firmware } = await seabiosFiles();
  await session.launch({ disks: [guest.image], firmware, memory: 64, stopAt: "int10h:0e" });
  await session.stopped();
  assert.equal((await marks(session))[1], "[INT 10h]", "at the handler's first instruction");
  const caller = (await stack(session)).stackFrames[1]?.instructionPointerReference;
  await run(session, { what: "instructions", count: 150 });
  const frames = await marks(session);
  const last = frames.findIndex((mark) => mark.startsWith("[INT 10h"));
  assert.ok(last >= 4, frames.join(" "));
  for (let frame = 0; frame < last; frame++) await out(session);
  assert.equal(await ip(session), BigInt(caller ?? 0));
  await session.close();
});

test("GRUB: out of a BIOS call, and up through its 32-bit code", { timeout: 300_000 }, async (t) => {
  const session = client(t);
  await session.launch({ disks: [await grubMbrDisk()], memory: 64 }, () =>
    session.ask("setExceptionBreakpoints", { filters: ["event:int16h"] }),
  );
  await session.stopped();
  assert.equal((await marks(session))[1], "[INT 16h]");
  await out(session);
  await session.ask("setExceptionBreakpoints", { filters: [] });
  do await run(session, { what: "mode" });
  while ((await value(session, "$mode == 3")) === 0n);
  // Behind the switch it gets its stack back, and returns into C.
  await run(session, { what: "instructions", count: 28 });
  const frames = await marks(session);
  assert.ok(frames.length >= 7, frames.join(" "));
  assert.ok(
    frames.slice(1, 7).every((mark) => /^\[(frame pointer|from code)\]$/.test(mark)),
    frames.join(" "),
  );
  await out(session);
  await out(session);
  await session.close();
});

test(
  "Debian's kernel: through interrupts and system calls into ring 3, without frame pointers",
  { timeout: 300_000 },
  async (t) => {
    const { vmlinuz: kernel } = await cloudKernel();
    const session = client(t);
    await session.launch({ boot: "direct", kernel, initrd: await busyboxInitramfs(), stopAt: "kernel" });
    await session.stopped();
    const breakAt = (...symbols: string[]): Promise<unknown> =>
      session.ask("setFunctionBreakpoints", { breakpoints: symbols.map((name) => ({ name })) });
    await breakAt("tick_periodic");
    await session.move("continue");
    assert.deepEqual((await names(session)).slice(0, 9), [
      "tick_periodic",
      "tick_handle_periodic",
      "timer_interrupt",
      "__handle_irq_event_percpu",
      "handle_irq_event",
      "handle_level_irq",
      "__common_interrupt",
      "common_interrupt",
      "asm_common_interrupt",
    ]);
    const interrupted = (await marks(session)).findIndex((mark) => mark.includes("interrupted"));
    assert.equal(interrupted, 9, "over the switch to the stack for interrupts");
    assert.ok((await names(session)).includes("start_kernel"));
    await breakAt();
    for (let frame = 0; frame < interrupted; frame++) await out(session);

    await breakAt("vfs_write");
    await session.move("continue");
    const list = await names(session);
    assert.deepEqual(list.slice(0, 3), ["vfs_write", "ksys_write", "do_syscall_64"]);
    const user = (await marks(session)).findIndex((mark) => mark === "[SYSCALL]");
    assert.equal(user, 4);
    const { id } = (await stack(session)).stackFrames[user] ?? {};
    assert.equal(await value(session, "$cpl", id), 3n);
    assert.equal(await value(session, "u16 lin[rip - 2]", id), 0x050fn, "SYSCALL is what it left by");
    const sp = await value(session, "rsp", id);
    await breakAt();
    for (let frame = 0; frame < user; frame++) await out(session);
    assert.equal(await value(session, "$cpl"), 3n);
    assert.equal(await value(session, "rsp"), sp);

    // Into the kernel by an exception, and out of it again.
    await breakAt("handle_mm_fault");
    await session.move("continue");
    const fault = (await marks(session)).indexOf("[interrupted]");
    assert.ok(fault > 1);
    await breakAt();
    for (let frame = 0; frame < fault; frame++) await out(session);
    assert.equal(await value(session, "$cpl"), 3n);
    await session.close();
  },
);
