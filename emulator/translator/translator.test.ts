/** Small programs, translated at once, against the interpreter: the cases that boots may not meet. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Machine } from "../machine/machine.ts";

const ORIGIN = 0x1000;
const HLT = 0xf4;

/** A machine in flat 32-bit protected mode at ORIGIN, with the program there. */
async function machine(program: readonly number[], translateAfter: number, at = ORIGIN): Promise<Machine> {
  const made = await Machine.createRaw(
    { memoryMiB: 4, writes: [{ physical: at, bytes: Uint8Array.from(program) }], translateAfter },
    { output: () => undefined, phase: () => undefined },
  );
  made.writeRegister("cr0", 0x11n);
  for (const name of ["cs", "ds", "es", "ss"]) {
    made.writeRegister(`${name}.base`, 0n);
    made.writeRegister(`${name}.limit`, 0xffffffffn);
    made.writeRegister(`${name}.attributes`, name === "cs" ? 0xc09bn : 0xc093n);
  }
  made.writeRegister("rip", BigInt(at));
  made.writeRegister("rsp", 0x8000n);
  return made;
}

/** Runs to HLT in both tiers, whole and in slices; the states must be equal. Returns the translated machine. */
async function compare(program: readonly number[], at = ORIGIN): Promise<Machine> {
  const interpreted = await machine(program, Infinity, at);
  assert.equal(interpreted.run(20_000_000).reason, "halted");
  const sliced = await machine(program, 1, at);
  while (sliced.run(777).reason === "budget");
  assert.equal(sliced.icount, interpreted.icount);
  assert.equal(sliced.stateHash(), interpreted.stateHash());
  const translated = await machine(program, 1, at);
  assert.equal(translated.run(20_000_000).reason, "halted");
  assert.equal(translated.icount, interpreted.icount);
  assert.equal(translated.stateHash(), interpreted.stateHash());
  assert.ok((translated.translation?.regions ?? 0) > 0, "nothing was translated");
  return translated;
}

/** mov ecx, n */
const count = (n: number): number[] => [0xb9, n & 255, (n >> 8) & 255, (n >> 16) & 255, 0];

test("a loop with memory, a call and a return", async () => {
  await compare([
    ...count(1_000_000), // mov ecx, 1000000
    0x51, // 1005: push ecx
    0xe8, 0x0a, 0, 0, 0, // call 1015
    0x01, 0x05, 0, 0x20, 0, 0, // add [2000], eax
    0x59, // pop ecx
    0xe2, 0xf1, // loop 1005
    HLT,
    0x8d, 0x44, 0x8c, 0x05, // 1015: lea eax, [esp+ecx*4+5]
    0xc1, 0xe0, 0x03, // shl eax, 3
    0x83, 0xd0, 0x07, // adc eax, 7
    0xc3, // ret
  ]); // prettier-ignore
});

test("a carry that INC and DEC carry round a loop, into ADC", async () => {
  await compare([
    ...count(500_000),
    0xf9, // stc
    0x11, 0xd8, // 1006: adc eax, ebx
    0x42, // inc edx
    0x49, // dec ecx
    0x75, 0xfa, // jnz 1006
    HLT,
  ]); // prettier-ignore
});

test("a loop that rewrites the immediate of an instruction of its own, now and then", async () => {
  const rounds = 200_000;
  const done = await compare([
    ...count(rounds),
    0x05, 1, 0, 0, 0, // 1005: add eax, 1
    0x84, 0xc9, // test cl, cl
    0x75, 0x06, // jnz 1014
    0xff, 0x05, 0x06, 0x10, 0, 0, // inc dword [1006]
    0x49, // 1014: dec ecx
    0x75, 0xee, // jnz 1005
    HLT,
  ]); // prettier-ignore
  let [sum, immediate] = [0, 1];
  for (let left = rounds; left > 0; left--) {
    sum += immediate;
    if (left % 256 === 0) immediate++;
  }
  assert.equal(done.cpu().gpr[0], BigInt(sum >>> 0));
});

test("a loop across a page's end, whose instruction lies in both", async () => {
  // The ADD's immediate begins in the first page and ends in the second.
  await compare(
    [
      ...count(300_000),
      0x05, 1, 2, 3, 4, // add eax, 04030201
      0x49, // dec ecx
      0x75, 0xf8, // jnz
      HLT,
    ],
    0x1ff8,
  ); // prettier-ignore
});

test("jumps through a table, to blocks that nothing else leads to", async () => {
  const program = [
    ...count(300_000),
    0x89, 0xca, // 1005: mov edx, ecx
    0x83, 0xe2, 0x01, // and edx, 1
    0xff, 0x24, 0x95, 0x20, 0x10, 0, 0, // jmp [edx*4+1020]
    0x83, 0xc0, 0x01, // 1011: add eax, 1
    0xeb, 0x03, // jmp 1019
    0x83, 0xc3, 0x02, // 1016: add ebx, 2
    0x49, // 1019: dec ecx
    0x75, 0xe9, // jnz 1005
    HLT,
  ]; // prettier-ignore
  while (program.length < 0x20) program.push(HLT);
  program.push(0x11, 0x10, 0, 0, 0x16, 0x10, 0, 0);
  const done = await compare(program);
  assert.equal(done.cpu().gpr[0], 150_000n);
  assert.equal(done.cpu().gpr[3], 300_000n);
});

test("a breakpoint set in a translated loop stops it at its exact instruction, and the loop runs on translated", async () => {
  const guest = await machine([...count(3_000_000), 0x40, 0x43, 0x49, 0x75, 0xfb, HLT], 1);
  assert.equal(guest.run(1_000_001).reason, "budget");
  guest.setBreakpoints([{ space: "phys", address: BigInt(ORIGIN + 6) }]);
  assert.deepEqual(guest.run(100).reason, "breakpoint");
  assert.equal(guest.cpu().rip, BigInt(ORIGIN + 6));
  assert.equal(guest.cpu().gpr[0], guest.cpu().gpr[3]! + 1n);
  guest.setBreakpoints([]);
  const before = guest.translation!.regions;
  assert.equal(guest.run(20_000_000).reason, "halted");
  assert.ok(guest.translation!.regions > before, "nothing was translated again");
  assert.equal(guest.cpu().gpr[0], 3_000_000n);
  assert.equal(guest.icount, 12_000_002n);
});

test("a watchpoint stops a translated loop behind the instruction that writes", async () => {
  // 1005: mov [2000], ecx / dec ecx / jnz 1005
  const guest = await machine([...count(2_000_000), 0x89, 0x0d, 0, 0x20, 0, 0, 0x49, 0x75, 0xf7, HLT], 1);
  assert.equal(guest.run(1_000_000).reason, "budget");
  guest.setWatchpoints([{ space: "phys", address: 0x2002n, length: 1, access: "write" }]);
  const stop = guest.run(100);
  assert.equal(stop.reason, "watchpoint");
  assert.equal(guest.cpu().rip, BigInt(ORIGIN + 11));
});

test("when there is too much translated code, all of it goes, and what is hot comes again", async () => {
  const { Translator } = await import("./translator.ts");
  const guest = await machine(
    [...count(100_000), 0x40, 0x49, 0x75, 0xfc, 0x40, ...count(100_000), 0x43, 0x49, 0x75, 0xfc, HLT],
    Infinity,
  );
  const translator = new Translator(guest.core, 1, { regions: 1, bytes: 1 << 20 });
  for (;;) {
    translator.translate();
    if (guest.run(1000).reason !== "budget") break;
  }
  assert.ok(translator.statistics.evictions > 0);
  assert.equal(guest.cpu().gpr[0], 100_001n);
  assert.equal(guest.cpu().gpr[3], 100_000n);
});
