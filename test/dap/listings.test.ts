/** Own boot code by its assembly listing alone: breakpoints on lines and labels, steps, names in the disassembly, moved sources. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import type { DebugProtocol } from "@vscode/debugprotocol";
import type { Client } from "./client.ts";
import { client, temporaryFolder } from "./fixture.ts";

const NASM = `org 0x7c00
bits 16
%include "print.inc"
start:
  cli
  mov si, text
  put 'A'
  call print
  mov ah, 0x42
  int 0x13
  mov dx, 0x3f8
  out dx, al
  jmp $
print:
  lodsb
  test al, al
  jz .end
  put al
  jmp print
.end:
  ret
text: db "listing", 0
times 510-($-$$) db 0
dw 0xaa55
`;
const NASM_INCLUDE = `jmp start
%macro put 1
  mov al, %1
  mov ah, 0x0e
  int 0x10
%endmacro
`;
const GAS = `.intel_syntax noprefix
.code16
start:
  cli
  mov si, offset text
  call print
  jmp .
print:
  lodsb
  ret
text: .asciz "a text that a listing cuts off, since it shows some bytes of a line only, and this line is long"
.org 510
.word 0xaa55
`;

const lineOf = (source: string, text: string): number =>
  source.split("\n").findIndex((line) => line.includes(text)) + 1;

async function frame(session: Client): Promise<DebugProtocol.StackFrame> {
  const { stackFrames } = await session.ask<DebugProtocol.StackTraceResponse["body"]>("stackTrace", { threadId: 1 });
  assert.ok(stackFrames[0]);
  return stackFrames[0];
}

async function rows(session: Client, args: object): Promise<DebugProtocol.DisassembledInstruction[]> {
  const body = await session.ask<{ instructions: DebugProtocol.DisassembledInstruction[] }>("disassemble", args);
  return body.instructions;
}

test("a boot sector is debugged by its NASM listing", { timeout: 120_000 }, async (t) => {
  const folder = await temporaryFolder(t);
  const [source, listing, image] = ["boot.asm", "boot.lst", "boot.img"].map((name) => path.join(folder, name));
  await writeFile(source ?? "", NASM);
  await writeFile(path.join(folder, "print.inc"), NASM_INCLUDE);
  execFileSync("nasm", ["-f", "bin", "-o", "boot.img", "-l", "boot.lst", "boot.asm"], { cwd: folder });
  const session = client(t);
  const call = lineOf(NASM, "call print");
  await session.launch({ disks: [image], symbols: [{ file: listing }] }, async () => {
    const lines = await session.ask<DebugProtocol.SetBreakpointsResponse["body"]>("setBreakpoints", {
      source: { path: source },
      breakpoints: [{ line: call }],
    });
    assert.deepEqual(
      lines.breakpoints.map(({ verified, line }) => [verified, line]),
      [[true, call]],
    );
    const names = await session.ask<DebugProtocol.SetBreakpointsResponse["body"]>("setFunctionBreakpoints", {
      breakpoints: [{ name: "print.end" }],
    });
    assert.equal(names.breakpoints[0]?.verified, true);
  });
  assert.equal((await session.stopped()).reason, "breakpoint");
  assert.deepEqual([(await frame(session)).source?.path, (await frame(session)).line], [source, call]);
  await session.move("stepIn");
  assert.equal((await frame(session)).line, lineOf(NASM, "lodsb"), "into the function, by lines");
  const at = (await frame(session)).instructionPointerReference;
  const shown = await rows(session, { memoryReference: at, instructionOffset: -6, instructionCount: 12 });
  const texts = shown.map(({ instruction }) => instruction);
  assert.deepEqual(texts.slice(0, 7), [
    "call print",
    "mov ah, 0x42",
    "int 0x13  ; AH=42h extended read",
    "mov dx, 0x3f8",
    "out dx, al  ; COM1 data",
    "jmp short start+0x15",
    "lodsb [si]",
  ]);
  assert.deepEqual([shown[6]?.symbol, shown[0]?.line], ["print", call]);
  assert.equal(texts[8], "je short print.end");
  const plain = await rows(session, {
    memoryReference: at,
    instructionOffset: -6,
    instructionCount: 7,
    resolveSymbols: false,
  });
  assert.match(plain[0]?.instruction ?? "", /^call 0x7c[0-9a-f]{2}$/);
  assert.equal(plain[6]?.symbol, undefined);
  // A macro is one step, at the line that uses it.
  await session.ask("setBreakpoints", { source: { path: source }, breakpoints: [{ line: lineOf(NASM, "put al") }] });
  await session.move("continue");
  await session.move("next");
  assert.equal((await frame(session)).line, lineOf(NASM, "jmp print"));
  await session.ask("setBreakpoints", { source: { path: source }, breakpoints: [] });
  assert.equal((await session.move("continue")).reason, "function breakpoint");
  assert.equal((await frame(session)).line, lineOf(NASM, "  ret"));
  await session.close();
});

test("a listing of GNU as is stepped in sources that lie elsewhere, or in itself", { timeout: 120_000 }, async (t) => {
  const folder = await temporaryFolder(t);
  await mkdir(path.join(folder, "moved"));
  await writeFile(path.join(folder, "boot.s"), GAS);
  execFileSync("as", ["--32", "-al=boot.lst", "-o", "boot.o", "boot.s"], { cwd: folder });
  execFileSync(
    "ld",
    ["-m", "elf_i386", "-Ttext=0x7c00", "-e", "start", "--oformat", "binary", "-o", "boot.img", "boot.o"],
    {
      cwd: folder,
    },
  );
  await rename(path.join(folder, "boot.s"), path.join(folder, "moved/boot.s"));
  const symbols = [{ file: path.join(folder, "boot.lst"), offset: "0x7c00" }];
  const launch = { disks: [path.join(folder, "boot.img")], symbols, stopAt: "bootloader" };
  const stopIn = async (extra: object): Promise<DebugProtocol.StackFrame> => {
    const session = client(t);
    await session.launch({ ...launch, ...extra });
    await session.stopped();
    await session.move("next");
    const stopped = await frame(session);
    await session.close();
    return stopped;
  };
  const moved = await stopIn({ sourceMap: { "boot.s": path.join(folder, "moved/boot.s") } });
  assert.deepEqual([moved.source?.path, moved.line], [path.join(folder, "moved/boot.s"), lineOf(GAS, "mov si")]);
  const itself = await stopIn({});
  assert.equal(itself.source?.path, path.join(folder, "boot.lst"));
  const session = client(t);
  await session.ask("initialize", { adapterID: "bootscope" });
  const refused = await session.refused("launch", { ...launch, sourceMap: ["/src"] });
  assert.match(refused, /^"sourceMap" must be an object of 1 to 64 texts/);
});
