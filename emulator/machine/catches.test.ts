/** What stops a machine beside addresses, on small programs; each runs on to the same end as without any stop. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Catch, Caught, RunResult, Watchpoint } from "./api.ts";
import type { CompiledExpression } from "./inspect-expression.ts";
import { Machine } from "./machine.ts";

const ORIGIN = 0x1000;
const HANDLER = 0x2000;
const HLT = 0xf4;

/** By guest physical address. */
type Bytes = Record<number, readonly number[]>;

/**
 * A machine in real mode at 0000:1000 with a stack below 0x7000; every vector leads to an IRET at HANDLER. Nothing is
 * translated unless said after how many entries.
 */
async function machine(program: readonly number[], more: Bytes = {}, translateAfter = Infinity): Promise<Machine> {
  const vectors = Array.from({ length: 256 }, () => [HANDLER & 255, HANDLER >> 8, 0, 0]).flat();
  const all: Bytes = { 0: vectors, [ORIGIN]: program, [HANDLER]: [0xcf], ...more };
  const writes = Object.entries<readonly number[]>(all).map(([at, bytes]) => ({
    physical: Number(at),
    bytes: Uint8Array.from(bytes),
  }));
  const made = await Machine.createRaw(
    { memoryMiB: 2, writes, translateAfter },
    { output: () => undefined, phase: () => undefined },
  );
  for (const name of ["cs", "ds", "es", "ss"]) {
    made.writeRegister(`${name}.selector`, 0n);
    made.writeRegister(`${name}.base`, 0n);
  }
  made.writeRegister("rsp", 0x7000n);
  made.writeRegister("rip", BigInt(ORIGIN));
  return made;
}

const caughtOf = (result: RunResult): Caught => {
  assert.equal(result.reason, "catch");
  return result.caught;
};

/** Times that a program is run over when it is to be translated. */
const TURNS = 20;

/** mov bp, TURNS / the program up to its HLT / jmp to the next instruction / dec bp / jnz to its beginning / hlt */
function again(program: readonly number[]): number[] {
  const body = [...program.slice(0, -1), 0xeb, 0];
  const back = -(body.length + 5);
  return [0xbd, TURNS, 0, ...body, 0x4d, 0x0f, 0x85, back & 255, (back >> 8) & 255, HLT];
}

/** Runs a machine with catches to its HLT; what was caught, with RIP. */
function stopsOf(made: Machine, catches: readonly Catch[]) {
  made.setCatches(catches);
  const stops: (Caught & { rip: bigint })[] = [];
  for (;;) {
    // In slices, between which code is translated.
    const result = made.run(50);
    if (result.reason === "halted") return stops;
    if (result.reason !== "budget") stops.push({ ...caughtOf(result), rip: made.cpu().rip });
  }
}

/**
 * Runs a program with catches to its HLT; what was caught, with RIP. The end must be that of a run without catches; and
 * run over and over, from translated code it must be the same as from code that is interpreted.
 */
async function catching(program: readonly number[], catches: readonly Catch[], more: Bytes = {}) {
  const plain = await machine(program, more);
  assert.equal(plain.run(10_000).reason, "halted");
  const watched = await machine(program, more);
  const stops = stopsOf(watched, catches);
  assert.equal(watched.stateHash(), plain.stateHash());

  const interpreted = await machine(again(program), more);
  const expected = stopsOf(interpreted, catches);
  if (stops.length > 0) assert.ok(expected.length >= stops.length + TURNS - 1, "caught in each turn");
  const translated = await machine(again(program), more, 1);
  assert.deepEqual(stopsOf(translated, catches), expected);
  assert.equal(translated.stateHash(), interpreted.stateHash());
  // Registers are looked at behind every instruction, which only the interpreter does.
  const each = catches.some(({ kind }) => kind === "register");
  assert.equal((translated.translation?.regions ?? 0) > 0, !each, "whether code was translated");
  return stops;
}

const number = (value: number): CompiledExpression["root"] => ({ op: "number", value: String(value) });
const detailIs = (name: string, value: number): CompiledExpression => ({
  text: `$${name} == ${value}`,
  type: { bits: 64, signed: false, truth: true },
  root: {
    op: "binary",
    operator: "==",
    signed: false,
    left: { op: "register", name, shift: 0, bits: 64, at: 0 },
    right: number(value),
    at: 0,
  },
});

// xor cx, cx / div cx / (the handler skips it) hlt
const DIVIDE = [0x31, 0xc9, 0xf7, 0xf1, HLT];
// add word [esp]: pop ax / add ax, 2 / push ax / iret
const SKIP_TWO = { [HANDLER]: [0x58, 0x83, 0xc0, 0x02, 0x50, 0xcf] };

test("an exception stops before it is delivered, once, with nothing done", async () => {
  const stops = await catching(DIVIDE, [{ kind: "exception", vectors: [0] }], SKIP_TWO);
  assert.deepEqual(stops, [{ kind: "exception", at: 0x1002n, vector: 0, catches: [0], rip: 0x1002n }]);
  assert.deepEqual(await catching(DIVIDE, [{ kind: "exception", vectors: [6] }], SKIP_TWO), []);
  const other = detailIs("vector", 13);
  assert.deepEqual(await catching(DIVIDE, [{ kind: "exception", condition: other }], SKIP_TWO), []);
});

test("what the debugger mends before it goes on does not fault", async () => {
  const made = await machine(DIVIDE);
  made.setCatches([{ kind: "exception" }]);
  caughtOf(made.run(100));
  made.writeRegister("rcx", 5n);
  made.writeRegister("rdx", 0n);
  assert.equal(made.run(100).reason, "halted");
  assert.equal(made.cpu().rip, 0x1005n);
});

test("a fault on the way to a handler is caught, too, and still becomes a triple fault", async () => {
  // lidt [3000] (an empty table) / int3
  const program = [0x0f, 0x01, 0x1e, 0x00, 0x30, 0xcc, HLT];
  const made = await machine(program, { 0x3000: [0, 0, 0, 0, 0, 0] });
  made.setCatches([{ kind: "exception" }]);
  const vectors: (number | undefined)[] = [];
  for (;;) {
    const result = made.run(100);
    if (result.reason === "tripleFault") break;
    vectors.push(caughtOf(result).vector);
    assert.equal(made.cpu().rip, 0x1005n);
  }
  assert.deepEqual(vectors, [13, 8]);
});

test("INT n, INT3 and HLT stop before they are carried out", async () => {
  const stops = await catching(
    [0xcd, 0x21, 0xcc, 0xcd, 0x80, HLT],
    [
      { kind: "softwareInterrupt", vectors: [0x80, 3] },
      { kind: "instruction", instruction: "hlt" },
    ],
  );
  assert.deepEqual(
    stops.map(({ rip, vector, catches }) => [rip, vector, catches]),
    [
      [0x1002n, 3, [0]],
      [0x1003n, 0x80, [0]],
      [0x1005n, undefined, [1]],
    ],
  );
});

test("the magic instruction stops wherever it stands, and only XCHG BX,BX of 16 bits is it", async () => {
  const program = [0x87, 0xdb, 0x66, 0x87, 0xdb, 0x87, 0xd9, 0x87, 0xdb, HLT];
  const stops = await catching(program, [{ kind: "instruction", instruction: "magic" }]);
  assert.deepEqual(
    stops.map(({ rip }) => rip),
    [0x1000n, 0x1007n],
  );
});

test("ports stop behind the access, block transfers included, with what was moved", async () => {
  // mov al, 7 / out 80h, al / mov dx, 80h / mov cx, 3 / mov si, 3000 / rep outsb / in al, 61h / hlt
  const program = [0xb0, 7, 0xe6, 0x80, 0xba, 0x80, 0, 0xb9, 3, 0, 0xbe, 0, 0x30, 0xf3, 0x6e, 0xe4, 0x61, HLT];
  const catches: Catch[] = [{ kind: "port", first: 0x80, last: 0x80, access: "write" }];
  const stops = await catching(program, catches, { 0x3000: [1, 2, 3] });
  assert.deepEqual(
    stops.map(({ port, value, size, at, rip }) => [port, value, size, at, rip]),
    [
      [0x80, 7n, 1, 0x1002n, 0x1004n],
      [0x80, 1n, 1, 0x100dn, 0x100dn],
      [0x80, 2n, 1, 0x100dn, 0x100dn],
      [0x80, 3n, 1, 0x100dn, 0x100fn],
    ],
  );
  const two = await catching(program, [{ ...catches[0]!, condition: detailIs("value", 2) }], { 0x3000: [1, 2, 3] });
  assert.deepEqual(
    two.map(({ value }) => value),
    [2n],
  );
  const read = await catching(program, [{ kind: "port", first: 0x60, last: 0x6f, access: "read" }], {
    0x3000: [1, 2, 3],
  });
  assert.deepEqual(
    read.map(({ port, access, rip }) => [port, access, rip]),
    [[0x61, "read", 0x1011n]],
  );
});

test("control registers and MSRs: read, write, change", async () => {
  // mov eax, cr0 / mov cr0, eax / or eax, 2 / mov cr0, eax / mov ecx, 0xc0000080 / rdmsr / or ah, 8 / wrmsr / wrmsr / hlt
  const program = [
    0x0f, 0x20, 0xc0, 0x0f, 0x22, 0xc0, 0x66, 0x83, 0xc8, 0x02, 0x0f, 0x22, 0xc0, // cr0: read, same, MP set
    0x66, 0xb9, 0x80, 0, 0, 0xc0, 0x0f, 0x32, 0x80, 0xcc, 0x08, 0x0f, 0x30, 0x0f, 0x30, HLT,
  ]; // prettier-ignore
  const stops = await catching(program, [
    { kind: "control", register: "cr0", access: "change" },
    { kind: "control", register: "cr0", access: "read" },
    { kind: "msr", index: 0xc0000080, access: "write" },
    { kind: "msr", index: 0xc0000080, access: "change" },
    { kind: "msr", index: 0x10, access: "readWrite" },
  ]);
  const cr0 = 0x60000010n;
  assert.deepEqual(
    stops.map(({ at, access, register, before, value, catches }) => [at, access, register, before, value, catches]),
    [
      [0x1000n, "read", "cr0", undefined, cr0, [1]],
      [0x100an, "write", "cr0", cr0, cr0 | 2n, [0]],
      [0x1018n, "write", "msr:0xc0000080", 0n, 0x800n, [2, 3]],
      [0x101an, "write", "msr:0xc0000080", 0x800n, 0x800n, [2]],
    ],
  );
});

test("registers and flags stop behind the instruction that changes them", async () => {
  // mov cx, 5 / mov cx, 5 / cmp cx, 5 / mov ds, cx / hlt
  const program = [0xb9, 5, 0, 0xb9, 5, 0, 0x83, 0xf9, 5, 0x8e, 0xd9, HLT];
  const stops = await catching(program, [
    { kind: "register", register: "cx" },
    { kind: "register", register: "ds.base" },
    { kind: "register", register: "rflags" },
  ]);
  assert.deepEqual(
    stops.map(({ rip, register, before, value }) => [rip, register, before, value]),
    [
      [0x1003n, "cx", 0n, 5n],
      [0x1009n, "rflags", 2n, 0x46n],
      [0x100bn, "ds.base", 0n, 0x50n],
    ],
  );
  const made = await machine(program);
  assert.throws(() => made.setCatches([{ kind: "register", register: "rip" }]), RangeError);
});

test("an interrupt stops at its handler's first instruction", async () => {
  // The 8254 runs from power-on; the first 8259 at vector 20h: icw1 … mask / sti / hlt / hlt
  const out = (port: number, value: number): number[] => [0xb0, value, 0xe6, port];
  const program = [
    ...out(0x20, 0x11), ...out(0x21, 0x20), ...out(0x21, 4), ...out(0x21, 1), ...out(0x21, 0xfe),
    ...out(0x43, 0x30), ...out(0x40, 0x10), ...out(0x40, 0), 0xfb, HLT, 0xfa, HLT,
  ]; // prettier-ignore
  const stops = await catching(program, [{ kind: "interrupt", vectors: [0x20] }]);
  assert.deepEqual(
    stops.map(({ vector, rip, at }) => [vector, rip, at]),
    [[0x20, BigInt(HANDLER), BigInt(ORIGIN + program.length - 2)]],
  );
});

test("watchpoints: all that an instruction touches, changes only when bytes change, conditions", async () => {
  // mov byte [3000], 1 / mov byte [3000], 1 / mov ax, [3000] / mov [3000], ax / hlt
  const write = [0xc6, 0x06, 0x00, 0x30, 0x01];
  const program = [...write, ...write, 0xa1, 0, 0x30, 0xa3, 0, 0x30, HLT];
  const at = (access: Watchpoint["access"], length: number, address = 0x3000n): Watchpoint => ({
    ...{ space: "phys", address, length, access },
  });
  const stopsIn = (made: Machine, list: readonly Watchpoint[]): unknown[] => {
    made.setWatchpoints(list);
    const seen: unknown[] = [];
    for (let result = made.run(50); result.reason !== "halted"; result = made.run(50)) {
      if (result.reason === "watchpoint") seen.push([made.cpu().rip, result.access, result.watchpoints]);
      else assert.equal(result.reason, "budget");
    }
    return seen;
  };
  const stops = async (list: readonly Watchpoint[]): Promise<unknown[]> => {
    const translated = await machine(again(program), {}, 1);
    assert.deepEqual(stopsIn(translated, list), stopsIn(await machine(again(program)), list));
    assert.ok((translated.translation?.regions ?? 0) > 0, "something was translated");
    return stopsIn(await machine(program), list);
  };
  assert.deepEqual(await stops([at("change", 2)]), [[0x1005n, "write", [0]]]);
  assert.deepEqual(await stops([at("read", 4096), at("change", 1), at("write", 1, 0x3001n)]), [
    [0x1005n, "write", [1]],
    [0x100dn, "read", [0]],
    [0x1010n, "write", [2]],
  ]);
  const never: CompiledExpression = { text: "0", type: { bits: 64, signed: false }, root: number(0) };
  assert.deepEqual(await stops([{ ...at("write", 2), condition: never }]), []);
});

test("breakpoints come and go without the rest of the decoded code", async () => {
  // 1000: mov cx, 1000 / 1003: nop / loop 1003 / hlt
  const made = await machine([0xb9, 0xe8, 3, 0x90, 0xe2, 0xfd, HLT]);
  made.setBreakpoints([{ space: "lin", address: 0x1004n }]);
  for (let n = 1000n; n > 990n; n--) {
    assert.deepEqual(made.run(10_000), { reason: "breakpoint", space: "lin", address: 0x1004n });
    assert.equal(made.cpu().gpr[1], n);
    made.ignoreBreakpointOnce();
  }
  made.setBreakpoints([{ space: "phys", address: 0x1003n }]);
  assert.deepEqual(made.run(10_000), { reason: "breakpoint", space: "phys", address: 0x1003n });
  made.setBreakpoints([]);
  assert.equal(made.run(10_000).reason, "halted");
});
