import assert from "node:assert/strict";
import { test } from "node:test";
import { lin, phys } from "./address.ts";
import { startsBefore } from "./code-stream.ts";
import { decode, disassemble, wireInstruction } from "./disassembly.ts";
import type { CodeBits } from "./registers.ts";

const texts = (bytes: number[], bits: CodeBits): string[] =>
  decode(Uint8Array.from(bytes), lin(0x1000n), bits, 100).map(({ text }) => text);

/** Memory that consists of one run of bytes. */
const memoryAt = (start: bigint, bytes: Uint8Array) => (_space: string, address: bigint, length: number) => {
  const offset = Number(address - start);
  return Promise.resolve(offset < 0 ? new Uint8Array() : bytes.slice(offset, offset + length));
};

test("the same bytes are other instructions in other modes", () => {
  const bytes = [0xb8, 0x34, 0x12, 0x00, 0x00, 0x48, 0x89, 0xe5];
  assert.deepEqual(texts(bytes, 16), ["mov ax, 0x1234", "add [bx+si], al", "dec ax", "mov bp, sp"]);
  assert.deepEqual(texts(bytes, 32), ["mov eax, 0x1234", "dec eax", "mov ebp, esp"]);
  assert.deepEqual(texts(bytes, 64), ["mov eax, 0x1234", "mov rbp, rsp"]);
});

test("looking back finds the instructions that really are there", () => {
  // mov rbp,rsp; call; movabs; nop; lea; jmp: decoding from most wrong offsets gives something else.
  const code = [
    [0x48, 0x89, 0xe5],
    [0xe8, 0x00, 0x01, 0x00, 0x00],
    [0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8],
    [0x90],
    [0x48, 0x8d, 0x05, 0x10, 0x00, 0x00, 0x00],
    [0xeb, 0x05],
  ];
  const starts = code.map((_, index) => code.slice(0, index).flat().length);
  assert.deepEqual(startsBefore(Uint8Array.from(code.flat()), 64, code.length), starts);
  assert.deepEqual(startsBefore(Uint8Array.from(code.flat()), 64, 2), starts.slice(-2));
});

test("a view never breaks: rows are as many as asked for, below 0 and behind the end of memory", async () => {
  const nops = new Uint8Array(0x20).fill(0x90);
  const read = memoryAt(0n, nops);
  const request = { at: lin(2n), instructionOffset: -5, count: 10, bits: 64 as const, ipMinusLinear: 0n };
  const rows = (await disassemble(request, read)).map(wireInstruction);
  assert.deepEqual(
    rows.map(({ address }) => Number(address)),
    [-3, -2, -1, 0, 1, 2, 3, 4, 5, 6],
  );
  assert.deepEqual(
    rows.map(({ presentationHint }) => presentationHint),
    [...Array<string>(3).fill("invalid"), ...Array<undefined>(7).fill(undefined)],
  );
  const end = (await disassemble({ ...request, at: lin(0x1en), instructionOffset: 0, count: 4 }, read)).map(
    wireInstruction,
  );
  assert.deepEqual(
    end.map(({ instruction }) => instruction),
    ["nop", "nop", "??", "??"],
  );
});

test("an offset ahead and one behind agree on the instructions between", async () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, index) => [0x48, 0x89, 0xe5, 0x90][index % 4] ?? 0);
  const read = memoryAt(0x1000n, bytes);
  const base = { at: phys(0x1080n), bits: 64 as const, ipMinusLinear: 0n };
  const back = await disassemble({ ...base, instructionOffset: -8, count: 8 }, read);
  const ahead = await disassemble({ ...base, at: phys(0x1070n), instructionOffset: 0, count: 8 }, read);
  assert.deepEqual(back, ahead);
  assert.deepEqual(await disassemble({ ...base, instructionOffset: 3, count: 2 }, read), [
    ...(await disassemble({ ...base, instructionOffset: 0, count: 5 }, read)).slice(3),
  ]);
});

test("relative branches are shown by RIP, not by the linear address", () => {
  const [one] = decode(Uint8Array.from([0xeb, 0x10]), lin(0x7c00n), 16, 1, 0n);
  assert.equal(one?.text, "jmp short 0x12");
});
