/** A beginner's boot sector under both firmwares: what gdb fails at, real mode, BIOS calls and the switch to protected mode. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFile, readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { DebugProtocol } from "@vscode/debugprotocol";
import type { EventsResponse, OriginsResponse, PlaceResponse, ScreenResponse } from "../../debug-adapter/protocol.ts";
import { seabiosFiles } from "../../scripts/guests/firmware.ts";
import type { Client } from "./client.ts";
import { client, temporaryFolder } from "./fixture.ts";

const EXAMPLE = new URL("../../examples/boot-sector/", import.meta.url);

interface BootSector {
  source: string;
  image: string;
  elf?: string;
}

/** With GNU as, and with lines for the debugger. */
async function assembled(t: TestContext): Promise<BootSector> {
  const folder = await temporaryFolder(t);
  const at = (name: string): string => path.join(folder, name);
  await copyFile(new URL("boot.s", EXAMPLE), at("boot.s"));
  const run = (command: string, ...args: string[]): unknown => execFileSync(command, args, { cwd: folder });
  run("as", "--32", "-g", "-o", "boot.o", "boot.s");
  run("ld", "-m", "elf_i386", "-Ttext=0x7c00", "-o", "boot.elf", "boot.o");
  run("objcopy", "-O", "binary", "boot.elf", "boot.img");
  return { source: at("boot.s"), image: at("boot.img"), elf: at("boot.elf") };
}

async function assembledByNasm(t: TestContext): Promise<BootSector> {
  const folder = await temporaryFolder(t);
  const image = path.join(folder, "boot.img");
  const source = path.join(folder, "boot.asm");
  await copyFile(new URL("boot.asm", EXAMPLE), source);
  const run = (command: string, ...args: string[]): unknown => execFileSync(command, args, { cwd: folder });
  run("nasm", "-f", "elf32", "-o", "boot.o", "boot.asm");
  run("ld", "-m", "elf_i386", "-Ttext=0x7c00", "-o", "boot.elf", "boot.o");
  run("objcopy", "-O", "binary", "-j", ".text", "boot.elf", "boot.img");
  return { source, image };
}

const firmwares: [string, () => Promise<string>][] = [
  ["builtin", () => Promise.resolve("builtin")],
  ["SeaBIOS", async () => (await seabiosFiles()).bios],
];

interface Place {
  name: string;
  line: number;
  source?: DebugProtocol.Source;
  at: bigint;
}

async function place(session: Client): Promise<Place> {
  const { stackFrames } = await session.ask<DebugProtocol.StackTraceResponse["body"]>("stackTrace", { threadId: 1 });
  const frame = stackFrames[0];
  assert.ok(frame);
  const { name, line, source, instructionPointerReference } = frame;
  return { name, line, at: BigInt(instructionPointerReference ?? 0), ...(source && { source }) };
}

async function rows(session: Client, args: object): Promise<string[]> {
  const { instructions } = await session.ask<{ instructions: DebugProtocol.DisassembledInstruction[] }>("disassemble", {
    memoryReference: "0x7c00",
    ...args,
  });
  return instructions.map(({ instruction }) => instruction);
}

async function screenText(session: Client): Promise<string> {
  const { screen } = await session.ask<ScreenResponse>("bootscope/screen");
  assert.equal(screen.kind, "text");
  const cells = Buffer.from(screen.cells, "base64");
  return Array.from({ length: cells.length / 2 }, (_, index) => String.fromCharCode(cells[2 * index] ?? 0)).join("");
}

/** Number of the first line with a text. */
async function lineOf(source: string, text: string): Promise<number> {
  const lines = (await readFile(source, "utf8")).split("\n");
  const index = lines.findIndex((line) => line.includes(text));
  assert.ok(index >= 0, text);
  return index + 1;
}

/** What the code is, read as 16-bit code up to the far jump and as 32-bit code from its target on. */
function checkBothSizes(list: readonly string[]): void {
  const jump = list.findIndex((text) => /^jmp far .*, 8$/.test(text));
  assert.ok(jump > 0, list.join("\n"));
  assert.deepEqual(list.slice(jump - 3, jump), ["mov eax, cr0", "or eax, 1", "mov cr0, eax  ; sets PE"]);
  const flat = list.indexOf("mov ax, 0x10", jump);
  assert.ok(flat > 0, list.slice(jump).join("\n"));
  assert.match(list.slice(flat).join("\n"), /^mov esp, 0x7c00( +; (_start|start))?\nmov esi, 0x7c/m);
}

for (const [name, firmware] of firmwares) {
  test(
    `${name}: a boot sector is stepped through BIOS calls and into protected mode`,
    { timeout: 120_000 },
    async (t) => {
      const { source, image, elf } = await assembled(t);
      const session = client(t);
      await session.launch({ firmware: await firmware(), disks: [image], symbols: [elf], memory: 64 }, async () => {
        await session.ask("setFunctionBreakpoints", { breakpoints: [{ name: "phys:0x7c00" }] });
        const lines = [await lineOf(source, "int     0x13"), await lineOf(source, "mov     esp, 0x7c00")];
        const { breakpoints } = await session.ask<DebugProtocol.SetBreakpointsResponse["body"]>("setBreakpoints", {
          source: { path: source },
          breakpoints: lines.map((line) => ({ line })),
        });
        assert.deepEqual(
          breakpoints.map(({ verified, line }) => [verified, line]),
          lines.map((line) => [true, line]),
        );
        await session.ask("setExceptionBreakpoints", { filters: ["event:protected-mode"] });
      });
      let stop = await session.stopped();
      // The firmware may be in protected mode before.
      while (stop.description?.includes("CR0.PE") === true) stop = await session.move("continue");
      assert.equal(stop.reason, "function breakpoint");
      assert.equal((await place(session)).at, 0x7c00n);
      checkBothSizes(await rows(session, { instructionCount: 90 }));
      await session.ask("setExceptionBreakpoints", { filters: [] });

      const call = await session.move("continue");
      assert.equal(call.reason, "breakpoint");
      const before = await place(session);
      assert.equal(before.line, await lineOf(source, "int     0x13"));
      assert.match(await screenText(session), /Hello from the boot sector/);
      assert.equal((await session.move("next")).reason, "step");
      const after = await place(session);
      assert.equal(after.at, before.at + 2n, "behind the INT");
      assert.equal(after.line, before.line + 1);
      const flags = await session.ask<{ result: string }>("evaluate", { expression: "rflags & 1", context: "watch" });
      assert.equal(flags.result, "0x0 (0)", "the sector was read");
      const { origins } = await session.ask<OriginsResponse>("bootscope/origins", {
        address: "phys:0x7e00",
        length: 512,
      });
      assert.equal(origins[0]?.text, `LBA 1 of drive 80h, ${image}`);
      const behind = await session.ask<PlaceResponse>("bootscope/place", { address: "0x7e10" });
      assert.deepEqual([behind.space, behind.address, behind.physical], ["lin", "0x7e10", "0x7e10"]);
      assert.equal(behind.origin, `LBA 1 from byte 16 of drive 80h, ${image}`);
      assert.equal(BigInt(behind.ram), 64n << 20n);

      await session.ask("setExceptionBreakpoints", { filters: ["event:protected-mode"] });
      const event = await session.move("continue");
      assert.match(event.description ?? "", /^Paused at event: CR0\.PE 0 → 1/);
      assert.equal((await place(session)).line, await lineOf(source, "ljmp    8"));
      // Still 16-bit code, though in protected mode.
      await session.move("next");
      const flat = await place(session);
      assert.match(flat.name, /32-bit protected mode/);
      assert.equal(flat.line, await lineOf(source, "mov     ax, 16 "));
      const { at } = flat;
      checkBothSizes(
        await rows(session, { memoryReference: `0x${at.toString(16)}`, instructionOffset: -40, instructionCount: 60 }),
      );
      assert.equal((await session.move("continue")).reason, "breakpoint");
      assert.equal((await place(session)).line, await lineOf(source, "mov     esp, 0x7c00"));

      const { events } = await session.ask<EventsResponse>("bootscope/events");
      assert.ok(
        events.some(({ text }) => text.startsWith("INT 13h AH=02h: read sectors, drive 80h")),
        "the call is told",
      );
      await session.close();
      assert.equal(session.stderr, "");
    },
  );

  test(`${name}: a step over every BIOS call of a boot sector made by NASM, without its lines`, async (t) => {
    const { image } = await assembledByNasm(t);
    const session = client(t);
    await session.launch({ firmware: await firmware(), disks: [image], memory: 64, stopAt: "bootloader" });
    assert.equal((await session.stopped()).description, "Paused at phase Boot loader");
    checkBothSizes(await rows(session, { instructionCount: 90 }));
    let steps = 0;
    let here = await place(session);
    while (!here.name.includes("32-bit") && steps++ < 1500) {
      await session.move("next");
      here = await place(session);
      assert.ok(here.at >= 0x7c00n && here.at < 0x7e00n, `${here.name} is outside of the boot sector`);
    }
    assert.match(here.name, /32-bit protected mode/);
    assert.match(await screenText(session), /Hello from the second sector/);
    await session.close();
  });
}
