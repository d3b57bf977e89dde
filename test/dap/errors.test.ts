/** Wrong input of every kind gets an answer of one sentence, and the session lives on. */
import assert from "node:assert/strict";
import { truncate, writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import type { DebugProtocol } from "@vscode/debugprotocol";
import { client, kernelFile, temporaryFolder } from "./fixture.ts";
import { CODE, loopingKernel } from "./tiny-kernel.ts";

const SENTENCE = /^\S[^\n]*\.$/;

test("launch refuses what cannot be booted, before anything starts", async (t) => {
  const folder = await temporaryFolder(t);
  const good = await kernelFile(t, loopingKernel());
  const truncated = await kernelFile(t, loopingKernel());
  await truncate(truncated, 0x1010);
  const arm = path.join(folder, "Image");
  const header = Buffer.alloc(64);
  header.write("ARM\x64", 0x38, "latin1");
  await writeFile(arm, header);
  const empty = path.join(folder, "empty");
  await writeFile(empty, "");
  const large = path.join(folder, "large");
  await writeFile(large, "");
  await truncate(large, 65 << 20);
  const cases: [object, RegExp][] = [
    [{}, /direct boot needs a "kernel"/],
    [{ boot: "full" }, /names nothing to boot/],
    [{ boot: "full", disks: [path.join(folder, "none")] }, /cannot be opened: it does not exist|none/],
    [{ boot: "full", disks: [folder] }, /directory/],
    [{ boot: "full", disks: [empty] }, /empty/],
    [{ boot: "full", cdrom: 3 }, /"cdrom" must be a list/],
    [{ kernel: good, symbols: [{ file: good }] }, /symbol file .* \.debug_line/],
    [{ kernel: good, symbols: [empty] }, /symbol file .*/],
    [{ kernel: 5 }, /must be the path/],
    [{ kernel: path.join(folder, "none") }, /does not exist/],
    [{ kernel: folder }, /is a directory/],
    [{ kernel: arm }, /arm64 Image/],
    [{ kernel: empty }, /is empty/],
    [{ kernel: truncated }, /truncated/],
    [{ kernel: good, memory: 1e9 }, /memory size is 1000000000 MiB/],
    [{ kernel: good, memory: -1 }, /memory size/],
    [{ kernel: good, memory: "64" }, /"memory" must be a number/],
    [{ kernel: good, initrd: path.join(folder, "none") }, /initrd .* does not exist/],
    [{ kernel: good, initrd: folder }, /initrd .* is a directory/],
    [{ kernel: good, initrd: empty }, /initrd .* is empty/],
    [{ kernel: good, initrd: large, memory: 64 }, /does not fit/],
    [{ kernel: good, stopAt: "shell" }, /"stopAt" names "shell"/],
    [{ kernel: good, stopAt: ["int13"] }, /"stopAt" names "int13"/],
    [{ kernel: good, stopAt: 3 }, /"stopAt" must be a list/],
    [{ kernel: good, entry: "16" }, /"entry" is "16"/],
    [{ kernel: good, cmdline: 7 }, /"cmdline" must be a text/],
    [{ kernel: good, stopOnEntry: "yes" }, /"stopOnEntry" must be true or false/],
  ];
  const session = client(t);
  await session.ask("initialize", { adapterID: "bootscope" });
  for (const [args, expected] of cases) {
    const message = await session.refused("launch", { boot: "direct", ...args });
    assert.match(message, expected);
    assert.match(message, SENTENCE);
  }
  await session.ask("launch", { boot: "direct", kernel: good });
  await session.close();
  assert.equal(session.stderr, "");
});

test("every request refuses wrong arguments, and answers right ones afterwards", async (t) => {
  const session = client(t);
  const early = ["threads", "continue", "stackTrace", "evaluate", "setFunctionBreakpoints", "bootscope/cpu", "restart"];
  const kernel = await kernelFile(t, loopingKernel());
  for (const command of ["launch", ...early]) {
    assert.match(await session.refused(command, { kernel }), /not initialized yet/);
  }
  await session.ask("initialize", { adapterID: "bootscope" });
  assert.match(await session.refused("initialize", { adapterID: "bootscope" }), /initialized already/);
  for (const command of early) assert.match(await session.refused(command, { threadId: 1 }), SENTENCE);
  await session.ask("launch", { boot: "direct", kernel, stopOnEntry: true });
  await session.ask("configurationDone");
  await session.stopped();
  const wrong: [string, unknown][] = [
    ["nonsense", {}],
    ["continue", {}],
    ["next", { threadId: 2 }],
    ["stackTrace", { threadId: "1" }],
    ["variables", {}],
    ["variables", { variablesReference: 999 }],
    ["variables", { variablesReference: -1 }],
    ["variables", { variablesReference: 1e300 }],
    ["variables", []],
    ["setVariable", { variablesReference: 1, name: "nope", value: "1" }],
    ["setVariable", { variablesReference: 1, name: "rax", value: "1 +" }],
    ["setVariable", { variablesReference: 1, name: "rax" }],
    ["setExpression", { expression: "rax + 1", value: "1" }],
    ["evaluate", {}],
    ["evaluate", { expression: "", context: "watch" }],
    ["evaluate", { expression: "x/9999xb 0", context: "repl" }],
    ["evaluate", { expression: "x/4z 0", context: "repl" }],
    ["evaluate", { expression: "walk nowhere", context: "repl" }],
    ["evaluate", { expression: "al = 0x100", context: "repl" }],
    ["evaluate", { expression: "cr0 = 0x80000000", context: "repl" }],
    ["evaluate", { expression: "info nothing", context: "repl" }],
    ["evaluate", { expression: "find 4", context: "repl" }],
    ["evaluate", { expression: "dump 0..1 relative", context: "repl" }],
    ["evaluate", { expression: "load /nowhere 0", context: "repl" }],
    ["evaluate", { expression: "help me", context: "repl" }],
    ["evaluate", { expression: "((((", context: "hover" }],
    ["evaluate", { expression: "rax", context: 5 }],
    ["completions", {}],
    ["completions", { text: "x", column: -1 }],
    ["completions", { text: "x", column: 1, line: 99 }],
    ["readMemory", { memoryReference: "here", count: 4 }],
    ["readMemory", { memoryReference: "0x1000", count: -4 }],
    ["readMemory", { memoryReference: "0x1000", count: 1.5 }],
    ["readMemory", { memoryReference: "0x1000", offset: "4", count: 1 }],
    ["writeMemory", { memoryReference: "0x1000", data: "!!" }],
    ["writeMemory", { memoryReference: "0x1000" }],
    ["disassemble", { memoryReference: "0x1000" }],
    ["disassemble", { memoryReference: "0x1000", instructionCount: 1e9 }],
    ["setInstructionBreakpoints", {}],
    ["setInstructionBreakpoints", { breakpoints: [5] }],
    ["setFunctionBreakpoints", { breakpoints: "all" }],
    ["setDataBreakpoints", { breakpoints: new Array(5000).fill({}) }],
    ["setExceptionBreakpoints", { filters: ["everything"] }],
    ["setExceptionBreakpoints", {}],
    ["exceptionInfo", { threadId: 1 }],
    ["restart", { arguments: { kernel: "/nowhere" } }],
    ["launch", { kernel: "/nowhere" }],
    ["bootscope/walk", {}],
    ["bootscope/walk", { address: "phys:0" }],
    ["bootscope/pageTables", { root: 5 }],
    ["bootscope/pageTableRows", { depth: -1, linear: "0x0" }],
    ["bootscope/pageMap", { buckets: 1e9 }],
    ["bootscope/mappings", { address: "nowhere" }],
    ["bootscope/memory", { address: "0", length: 0 }],
    ["bootscope/memory", { address: "0", length: 1, disassemble: true, bits: 20 }],
    ["bootscope/events", { from: -1 }],
    ["bootscope/origins", { address: "nowhere", length: 1 }],
    ["bootscope/origins", { address: "0", length: 0 }],
    ["bootscope/origins", { address: "0", length: 1 << 30 }],
    ["bootscope/place", { address: "nowhere" }],
    ["bootscope/bootParams", { address: "nowhere" }],
    ["bootscope/bootParams", { everywhere: "yes" }],
    ["bootscope/initramfs", { from: -1 }],
    ["bootscope/initramfs", { filter: 5 }],
    ["bootscope/initramfs", { again: 1 }],
    ["bootscope/initramfsAt", { address: "nowhere" }],
    ["bootscope/keyboardInput", {}],
    ["bootscope/keyboardInput", { codes: [300] }],
    ["bootscope/mouseInput", { dx: 1e9, dy: 0, buttons: 0 }],
    ["bootscope/mouseInput", { dx: 0, dy: 0 }],
    ["setBreakpoints", {}],
    ["setBreakpoints", { source: {}, breakpoints: [] }],
    ["breakpointLocations", { source: { path: "/x.s" } }],
    ["evaluate", { expression: "origin nowhere", context: "repl" }],
    ["bootscope/serialInput", { text: 5 }],
    ["bootscope/serialInput", { text: "x", port: 77 }],
  ];
  for (const [command, args] of wrong) {
    assert.match(await session.refused(command, args), SENTENCE, `${command} ${JSON.stringify(args)}`);
  }
  const stack = await session.ask<DebugProtocol.StackTraceResponse["body"]>("stackTrace", { threadId: 1 });
  assert.equal(Number(stack.stackFrames[0]?.instructionPointerReference), CODE);
  await session.close();
});

test("breakpoints that cannot be set say why", async (t) => {
  const session = client(t);
  await session.launch({ boot: "direct", kernel: await kernelFile(t, loopingKernel()), stopOnEntry: true });
  await session.stopped();
  const { breakpoints } = await session.ask<DebugProtocol.SetFunctionBreakpointsResponse["body"]>(
    "setFunctionBreakpoints",
    {
      breakpoints: [{ name: "start_kernel" }, { name: "0x1000", hitCondition: "often" }, { name: "0x1000" }, {}],
    },
  );
  assert.deepEqual(
    breakpoints.map(({ verified }) => verified),
    [false, false, true, false],
  );
  assert.match(breakpoints[0]?.message ?? "", /a register, number or symbol was expected, which "start_kernel" is not/);
  const source = await session.ask<DebugProtocol.SetBreakpointsResponse["body"]>("setBreakpoints", {
    source: { path: "/x.c" },
    breakpoints: [{ line: 1 }],
  });
  assert.equal(source.breakpoints[0]?.verified, false);
  await session.close();
});

test("what is no request is told in one sentence, and does not end the session", async (t) => {
  const session = client(t);
  await session.ask("initialize", { adapterID: "bootscope" });
  const nothing = [
    "{",
    "null",
    "[]",
    "5",
    '"text"',
    "",
    "{}",
    '{"type":"event"}',
    '{"type":"request","command":"threads"}',
  ];
  for (const text of nothing) session.sendText(text);
  for (const text of ['{"type":"request","seq":901}', '{"type":"request","command":"__proto__","seq":900}']) {
    session.sendText(text);
  }
  await session.ask("launch", { boot: "direct", kernel: await kernelFile(t, loopingKernel()), stopOnEntry: true });
  const answers = session.messages.filter((one) => one.type === "response") as DebugProtocol.Response[];
  for (const [seq, command] of [
    [901, ""],
    [900, "__proto__"],
  ]) {
    const [response, ...more] = answers.filter((one) => one.request_seq === seq);
    assert.equal(response?.success, false);
    assert.equal(response.command, command);
    assert.match(response.message ?? "", SENTENCE);
    assert.deepEqual(more, [], "one response");
  }
  await session.close();
  for (const line of session.stderr.trimEnd().split("\n")) assert.match(line, /^bootscope: [A-Z][^\n]*\.$/);
});

test("a stream of bytes that is no protocol is passed over up to the next message", async (t) => {
  const session = client(t);
  const initialize = JSON.stringify({ seq: 700, type: "request", command: "initialize", arguments: {} });
  const messages = [
    "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "Content-Length: 99999999999999\r\n\r\n",
    "Content-Length: -5\r\n\r\n",
    "\u0000".repeat(20_000),
    // Cut off: it swallows some of the next one, and the one behind that is heard again.
    'Content-Length: 60\r\n\r\n{"seq":1,"type":"requ',
    `Content-Length: ${initialize.length}\r\n\r\n${initialize}`,
  ];
  for (const text of messages) session.sendBytes(text);
  assert.equal((await session.request("initialize", { adapterID: "bootscope" })).success, true);
  assert.match(session.stderr, /^bootscope: [^\n]+\.\n$/);
  session.sendBytes('Content-Length: 400\r\n\r\n{"seq":1');
  session.endInput();
  assert.equal(await session.exited, 0);
  assert.match(session.stderr, /last message is not complete\.\n$/);
});
