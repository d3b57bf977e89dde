import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parseElf } from "../boot-formats/elf.ts";
import { busybox } from "../scripts/guests/guests.ts";
import { lin, phys } from "./address.ts";
import type { CodeAnchor } from "./code-map.ts";
import { startsBefore } from "./code-stream.ts";
import { byteText, decode, disassemble, wireInstruction } from "./disassembly.ts";
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

/** A deterministic sequence of numbers. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
}

test("windows that overlap agree, in code of all sizes and in what is no code", async () => {
  const next = numbers(3);
  const bytes = new Uint8Array(readFileSync(process.execPath).subarray(0x40_0000, 0x40_8000));
  for (let at = 0; at < 0x1000; at++) bytes[at] = next(256);
  const base = 0x10_0000n;
  const read = memoryAt(base, bytes);
  const anchors: CodeAnchor[] = Array.from({ length: 12 }, (_, index) => ({
    address: base + BigInt(0x800 + index * 0x900 + next(0x100)),
    bits: ([16, 32, 64] as const)[index % 3] ?? 16,
  }));
  const within = (from: bigint, end: bigint): CodeAnchor[] =>
    anchors.filter(({ address }) => address >= from && address < end);
  const seen = new Map<bigint, string>();
  let places = [...anchors.map(({ address }) => address)];
  let compared = 0;
  for (let round = 0; round < 120; round++) {
    const at = lin(anchors[round]?.address ?? places[next(places.length)] ?? base);
    const request = {
      at,
      instructionOffset: round < anchors.length ? -next(50) : next(400) - 200,
      count: 51 + next(150),
      bits: 32 as const,
      ipMinusLinear: 0n,
    };
    const rows = await disassemble({ ...request, anchors: within }, read);
    assert.equal(rows.length, request.count);
    for (const row of rows) {
      const text = `${row.bits} ${byteText(row.bytes)} ${row.text} ${row.note ?? ""}`;
      const before = seen.get(row.at.address);
      if (before !== undefined) {
        assert.equal(text, before, `at ${row.at.address.toString(16)}`);
        compared++;
      }
      seen.set(row.at.address, text);
    }
    // A client goes on from rows that it was given.
    places = [
      ...anchors.map(({ address }) => address),
      ...rows.filter(({ valid }) => valid).map((row) => row.at.address),
    ];
  }
  for (const { address } of anchors) assert.notEqual(seen.get(address), undefined);
  assert.ok(compared > 3000, `${compared} rows compared`);
});

test("instructions begin where objdump lets them begin", async () => {
  const { binary } = await busybox();
  const file = readFileSync(binary);
  const section = parseElf(file).sections.find(({ name }) => name === ".text");
  assert.ok(section);
  const first = section.address + 0x4_0000n;
  const listing = execFileSync(
    "objdump",
    ["-d", "--no-show-raw-insn", `--start-address=${first}`, `--stop-address=${first + 0x8000n}`, binary],
    { encoding: "utf8" },
  );
  const expected = new Set(
    Array.from(listing.matchAll(/^ +([0-9a-f]+):\t/gm), (match) => BigInt(`0x${match[1] ?? ""}`)),
  );
  const read = memoryAt(section.address, file.subarray(section.offset, section.offset + section.fileSize));
  const request = { instructionOffset: -1500, count: 3000, bits: 64 as const, ipMinusLinear: 0n };
  const rows = await disassemble({ ...request, at: lin([...expected][4000] ?? 0n) }, read);
  const wrong = rows.filter(({ at }) => !expected.has(at.address));
  assert.ok(wrong.length < 10, `${wrong.length} of ${rows.length} begin elsewhere`);
});

const notes = async (bytes: number[], bits: CodeBits): Promise<(string | undefined)[]> => {
  const request = { at: lin(0x1000n), instructionOffset: 0, count: 20, bits, ipMinusLinear: 0n };
  const rows = await disassemble(request, memoryAt(0x1000n, Uint8Array.from(bytes)));
  return rows.filter(({ valid }) => valid).map(({ note }) => note);
};

test("ports, MSRs, BIOS calls and bits of control registers have names where the registers are known", async () => {
  // mov dx, 0x3f8; in al, dx; in al, 0x64; mov dl, 0xfd; in al, dx; call; in al, dx
  const ports = [0xba, 0xf8, 0x03, 0xec, 0xe4, 0x64, 0xb2, 0xfd, 0xec, 0xe8, 0, 0, 0xec];
  assert.deepEqual(await notes(ports, 16), [
    undefined,
    "COM1 data",
    "PS/2 command and status",
    undefined,
    "COM1 line status",
    undefined,
    undefined,
  ]);
  // mov ax, 0xe820; int 0x15; mov ah, 0x42; mov al, bl; int 0x13; xor ax, ax; int 0x16; int 0x12; pop ax; int 0x10
  const calls = [
    0xb8, 0x20, 0xe8, 0xcd, 0x15, 0xb4, 0x42, 0x88, 0xd8, 0xcd, 0x13, 0x31, 0xc0, 0xcd, 0x16, 0xcd, 0x12, 0x58, 0xcd,
    0x10,
  ];
  assert.deepEqual(
    (await notes(calls, 16)).filter((note) => note !== undefined),
    ["AH=E8h memory map", "AH=42h extended read", "AH=00h read key", "low memory size"],
  );
  // mov ecx, 0xc0000080; rdmsr; or eax, 0x100; wrmsr; mov eax, cr0; or eax, 0x80000001; mov cr0, eax
  const long = [
    0xb9, 0x80, 0, 0, 0xc0, 0x0f, 0x32, 0x0d, 0, 1, 0, 0, 0x0f, 0x30, 0x0f, 0x20, 0xc0, 0x0d, 1, 0, 0, 0x80, 0x0f, 0x22,
    0xc0,
  ];
  assert.deepEqual(
    (await notes(long, 32)).filter((note) => note !== undefined),
    ["EFER", "EFER", "sets PE, PG"],
  );
});
