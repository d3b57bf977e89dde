import assert from "node:assert/strict";
import { afterEach, describe, it } from "mocha";
import * as vscode from "vscode";
import { BUSYBOX_GREETING } from "../../../scripts/guests/initramfs.ts";
import { Driver } from "./drive.ts";

/** Where a kernel that is not moved (nokaslr) is decompressed to, and runs first. */
const STARTUP_64 = 0x1000000n;

const SHELL_PROMPT = "~ # ";

describe("a debug session on the Debian kernel", () => {
  let driver: Driver | undefined;
  afterEach(async () => {
    vscode.debug.removeBreakpoints(vscode.debug.breakpoints);
    if (driver?.ended === false) await driver.stop();
    driver?.dispose();
    driver = undefined;
  });

  it("stops on entry, steps by instructions and shows the processor", async () => {
    driver = await Driver.start();
    await driver.stopped();
    const { cpu, modeLabel } = await driver.ask("bootscope/cpu");
    assert.equal(modeLabel, "64-bit long mode");
    assert.equal(BigInt(cpu.icount), 0n);
    await driver.resume("stepIn");
    assert.equal(BigInt((await driver.ask("bootscope/cpu")).cpu.icount), 1n);
  });

  it("writes registers as the Variables view does", async () => {
    driver = await Driver.start();
    await driver.stopped();
    const { session } = driver;
    const { stackFrames } = (await session.customRequest("stackTrace", { threadId: await driver.threadId() })) as {
      stackFrames: { id: number }[];
    };
    const { scopes } = (await session.customRequest("scopes", { frameId: stackFrames[0]?.id })) as {
      scopes: { variablesReference: number }[];
    };
    const reference = scopes[0]?.variablesReference;
    await session.customRequest("setVariable", { variablesReference: reference, name: "rbx", value: "0x1234" });
    assert.equal(BigInt((await driver.ask("bootscope/cpu")).cpu.gpr[3] ?? 0), 0x1234n);
  });

  it("hits a physical breakpoint that was set before the code was there, and walks page tables", async () => {
    vscode.debug.addBreakpoints([new vscode.FunctionBreakpoint(`phys:0x${STARTUP_64.toString(16)}`)]);
    driver = await Driver.start();
    await driver.stopped();
    await driver.resume("continue");
    const { walk, flags } = await driver.ask("bootscope/walk", { address: "rip" });
    assert.equal(BigInt(walk.physical ?? 0), STARTUP_64);
    assert.equal(walk.paging, "4-level");
    assert.deepEqual(
      walk.steps.slice(0, 2).map(({ level }) => level),
      ["PML4E", "PDPTE"],
    );
    assert.ok(flags.every((names) => names.includes("P")));
    assert.match(driver.state.description ?? "", /breakpoint/);
  });

  it("boots to a shell, takes a command on the console, and ends when the guest powers off", async () => {
    driver = await Driver.start({ stopOnEntry: false });
    const console = driver;
    await console.until("the shell", () => console.serial.includes(BUSYBOX_GREETING));
    assert.deepEqual(console.phases, ["decompressor", "kernel", "init"]);
    // The shell throws away what was typed before its prompt.
    await console.until("the prompt", () => console.serial.includes(SHELL_PROMPT));
    await console.ask("bootscope/serialInput", { text: "echo $((6*7))-answer\n" });
    await console.until("the answer", () => console.serial.includes("42-answer"));
    await console.ask("bootscope/serialInput", { text: "poweroff -f\n" });
    await console.until("the power was off", () => console.ended);
  });

  it("runs the demo from the reset vector to its shell, and tells phases and events", async () => {
    const none = { kernel: undefined, initrd: undefined, cmdline: undefined, boot: undefined };
    driver = await Driver.start({ ...none, demo: true, stopAt: "bootloader" });
    const demo = driver;
    await demo.stopped();
    assert.match(demo.state.description ?? "", /entry/);
    await demo.resume("continue");
    assert.match(demo.state.description ?? "", /phase Boot loader/);
    const { origins } = await demo.ask("bootscope/origins", { address: "phys:0x7c00", length: 512 });
    assert.match(origins[0]?.text ?? "", /^LBA 0 of drive 80h/);
    await demo.run();
    await demo.until("the first user instruction", () => demo.phases.includes("init"));
    assert.deepEqual(demo.phases.slice(0, 2), ["bios", "bootloader"]);
    for (const kind of ["reset", "int", "disk", "protected-mode", "paging", "long-mode", "device", "screen"]) {
      await demo.until(`an event "${kind}"`, () => demo.events.has(kind));
    }
  });

  it("pauses a running guest", async () => {
    driver = await Driver.start({ stopOnEntry: false });
    const running = driver;
    await running.until("output", () => running.serial.includes("Linux version"));
    running.state = { state: "running" };
    await running.session.customRequest("pause", { threadId: await running.threadId() });
    await running.stopped();
    const before = await running.rip();
    assert.equal(await running.rip(), before, "it stands still");
  });
});
