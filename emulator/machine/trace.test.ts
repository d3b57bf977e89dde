/** The trace of instructions: against single steps, and into a file. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import type { TracedInstruction } from "./api.ts";
import { Machine } from "./machine.ts";
import { TraceControl } from "./trace-file.ts";

let folder = "";
before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "bootscope-trace-"));
});
after(() => rm(folder, { recursive: true, force: true }));

/** Divides by zero (the handler skips it), calls INT 21h, repeats a string instruction, and waits for the timer. */
// prettier-ignore
const PROGRAM = [
  0x31, 0xc9, 0xf7, 0xf1, // xor cx, cx / div cx
  0xcd, 0x21, // int 21h
  0xb9, 3, 0, 0xbf, 0, 0x40, 0xf3, 0xaa, // mov cx, 3 / mov di, 4000 / rep stosb
  0xb0, 0x11, 0xe6, 0x20, 0xb0, 0x20, 0xe6, 0x21, 0xb0, 4, 0xe6, 0x21, 0xb0, 1, 0xe6, 0x21, 0xb0, 0xfe, 0xe6, 0x21,
  0xb0, 0x30, 0xe6, 0x43, 0xb0, 0x10, 0xe6, 0x40, 0xb0, 0, 0xe6, 0x40, 0xfb, 0xf4, 0xfa, 0xf4, // sti / hlt / cli / hlt
];

async function machine(): Promise<Machine> {
  // Every vector leads to an IRET, vector 0 to one that skips two bytes: pop ax / add ax, 2 / push ax / iret.
  const vectors = Array.from({ length: 256 }, (_, n) => [n === 0 ? 0x10 : 0, 0x20, 0, 0]).flat();
  const parts: [number, readonly number[]][] = [
    [0, vectors],
    [0x1000, PROGRAM],
    [0x2000, [0xcf]],
    [0x2010, [0x58, 0x83, 0xc0, 0x02, 0x50, 0xcf]],
  ];
  const writes = parts.map(([physical, bytes]) => ({ physical, bytes: Uint8Array.from(bytes) }));
  const made = await Machine.createRaw({ memoryMiB: 2, writes }, { output: () => undefined, phase: () => undefined });
  for (const name of ["cs", "ds", "es", "ss"]) {
    made.writeRegister(`${name}.selector`, 0n);
    made.writeRegister(`${name}.base`, 0n);
  }
  made.writeRegister("rsp", 0x7000n);
  made.writeRegister("rip", 0x1000n);
  return made;
}

test("each instruction is traced once, in its order, with faults marked, and the guest notices nothing", async () => {
  const plain = await machine();
  assert.equal(plain.run(10_000).reason, "halted");
  const traced = await machine();
  const list: TracedInstruction[] = [];
  traced.traceInstructions((instruction) => list.push(instruction));
  // Stops on the way change nothing.
  traced.setBreakpoints([{ space: "lin", address: 0x1006n }]);
  let stops = 0;
  for (let result = traced.run(3); result.reason !== "halted"; result = traced.run(3)) {
    if (result.reason !== "breakpoint") continue;
    stops++;
    traced.ignoreBreakpointOnce();
  }
  assert.equal(stops, 1);
  traced.traceInstructions(undefined);
  assert.equal(traced.stateHash(), plain.stateHash());
  assert.deepEqual(
    list.filter(({ faulted }) => faulted).map(({ linear }) => linear),
    [0x1002n],
  );
  const retired = list.filter(({ faulted }) => !faulted);
  assert.deepEqual(
    retired.map(({ icount }) => icount),
    Array.from({ length: Number(plain.icount) }, (_, n) => n),
  );
  // What single steps see: where an instruction starts unless something was delivered in between.
  const stepped = await machine();
  const addresses: bigint[] = [];
  while (stepped.icount < plain.icount) {
    addresses.push(stepped.cpu().rip);
    stepped.step();
  }
  const differing = addresses.flatMap((address, n) => (retired[n]?.linear === address ? [] : [n]));
  // The fault's handler, and the timer interrupt's: a step goes on from HLT into it.
  assert.deepEqual(
    differing.map((n) => retired[n]?.linear),
    [0x2010n, 0x2000n],
  );
  const repeated = retired.filter(({ linear }) => linear === 0x100cn);
  assert.equal(repeated.length, 3);
  assert.deepEqual([...repeated[0]!.bytes], [0xf3, 0xaa]);
});

test("a file has the lines that were asked for, and no more", async () => {
  const traced = await machine();
  const control = new TraceControl(traced);
  const file = path.join(folder, "a.txt");
  const ranges = [{ space: "lin" as const, address: 0x1000n, length: 8 }];
  assert.equal(control.set({ file, ranges }), undefined);
  traced.run(10_000);
  assert.deepEqual(control.set(undefined), { file, lines: 4 });
  const text = await readFile(file, "latin1");
  assert.deepEqual(
    text.split("\n").map((line) => line.replaceAll(/ +/g, " ")),
    [
      "0 kernel16 0000:1000 0x00001000 31c9 xor cx,cx",
      "1 kernel16 0000:1002 0x00001002 f7f1 div cx ; faults",
      "5 kernel16 0000:1004 0x00001004 cd21 int 0x21",
      "7 kernel16 0000:1006 0x00001006 b90300 mov cx,3",
      "",
    ],
  );
});

test("a trace ends at its number of lines; a file that cannot be made is told in one sentence", async () => {
  const traced = await machine();
  const control = new TraceControl(traced);
  const file = path.join(folder, "b.txt");
  control.set({ file, most: 2 });
  assert.throws(() => control.set({ file: path.join(folder, "none", "c.txt") }), /could not be opened \(ENOENT\)\.$/);
  traced.run(10_000);
  assert.deepEqual(control.status, { file, lines: 2 });
  control.set(undefined);
  assert.equal((await readFile(file, "latin1")).trim().split("\n").length, 2);
});
