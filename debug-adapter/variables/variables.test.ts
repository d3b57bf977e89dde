/** Trees over a made-up machine: what a boot does not come by. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { GPR_NAMES, SEGMENT_NAMES } from "../../emulator/machine/api.ts";
import type { CpuState, Segment } from "../../emulator/machine/api.ts";
import { registerOf } from "../../emulator/machine/inspect-registers.ts";
import { Variables, wantedOf } from "./variables.ts";

const GDT = 0x1000n;
const LDT = 0x3000n;
const IDT = 0x4000n;
const TSS = 0x5000n;
const EFER_LONG = 0x500n;

const segment = (selector: number, attributes: number, base = 0n, limit = 0xffffffff): Segment => ({
  selector,
  base,
  limit,
  attributes,
  unusable: attributes === 0,
});

/** 32-bit protected mode with flat segments, 32 entries in the GDT. */
function processor(): CpuState {
  const segments = Object.fromEntries(SEGMENT_NAMES.map((name) => [name, segment(0x10, 0xc093)]));
  return {
    mode: "protected32",
    icount: 255n,
    time: 1000n,
    cpl: 0,
    gpr: GPR_NAMES.map(() => 0n),
    rip: 0n,
    rflags: 2n,
    segments: {
      ...segments,
      cs: segment(8, 0xc09b),
      ldtr: segment(0x20, 0x82, LDT, 0x17),
      tr: segment(0x28, 0x8b, TSS, 0x6b + 8),
    } as CpuState["segments"],
    gdtr: { base: GDT, limit: 0xff },
    idtr: { base: IDT, limit: 0x7f },
    cr0: 0x11n,
    cr2: 0n,
    cr3: 0n,
    cr4: 0n,
    cr8: 0n,
    efer: 0n,
    xcr0: 1n,
    dr: [0x1234n, 0n, 0n, 0n, 0xffff0ff0n, 0x400n | 3n | (1n << 16n) | (3n << 18n)],
    fpu: {
      cw: 0x37f,
      sw: 0x3800,
      tag: 0x80,
      opcode: 0,
      ip: 0n,
      dp: 0n,
      st: Array.from({ length: 8 }, (_, n) => ({
        mantissa: n === 0 ? 0x8000000000000000n : 0n,
        signExponent: n === 0 ? 0x4000 : 0,
      })),
    },
    mxcsr: 0x1f80,
    xmm: Array.from({ length: 16 }, () => new Uint8Array(16)),
    msrs: [],
    halted: false,
  };
}

/** Variables over memory that is all there, and a processor whose plain registers can be written. */
function machine(change: (cpu: CpuState) => void = () => undefined) {
  const cpu = processor();
  change(cpu);
  const memory = new Uint8Array(0x10000);
  const view = new DataView(memory.buffer);
  const written: [string, bigint][] = [];
  const variables = new Variables({
    cpu: () => Promise.resolve(cpu),
    msrs: () => Promise.resolve([]),
    device: () => Promise.resolve(undefined),
    deviceNames: () => Promise.resolve([]),
    readMemory: (_, address, length) => Promise.resolve(memory.slice(Number(address), Number(address) + length)),
    writeMemory: (_, address, bytes) => {
      memory.set(bytes, Number(address));
      return Promise.resolve(bytes.length);
    },
    writeRegister: (name, value) => {
      written.push([name, value]);
      const index = (GPR_NAMES as readonly string[]).indexOf(name);
      if (index >= 0) cpu.gpr[index] = value;
      return Promise.resolve();
    },
  });
  const reference = async (...path: string[]): Promise<number> => {
    const [scope, ...rest] = path;
    let at = variables.scopes().find(({ name }) => name === scope)?.variablesReference ?? 0;
    for (const name of rest) {
      const found = (await variables.variables(at)).find((one) => one.name === name);
      assert.ok(found, name);
      at = found.variablesReference;
    }
    return at;
  };
  const rows = async (...path: string[]): Promise<string[]> =>
    (await variables.variables(await reference(...path))).map(({ name, value }) => `${name}: ${value}`);
  return { cpu, view, memory, written, variables, reference, rows };
}

const FLAT_CODE = 0x00cf9b000000ffffn;
const FLAT_DATA = 0x00cf93000000ffffn;

test("tables come page by page, with runs of empty entries as one", async () => {
  const { view, variables, reference, rows } = machine();
  view.setBigUint64(Number(GDT) + 8, FLAT_CODE, true);
  view.setBigUint64(Number(GDT) + 0x10, FLAT_DATA, true);
  view.setBigUint64(Number(GDT) + 0xf8, FLAT_DATA, true);
  assert.deepEqual(await rows("Descriptor tables", "GDT"), [
    "0x0000: 0x0000000000000000 null",
    `0x0008: 0x00cf9b000000ffff base 0x0 limit 0xffffffff 32-bit code, readable, DPL 0`,
    `0x0010: 0x00cf93000000ffff base 0x0 limit 0xffffffff 32-bit data, writable, DPL 0`,
    "0x0018 to 0x00f0: null (28 entries)",
    `0x00f8: 0x00cf93000000ffff base 0x0 limit 0xffffffff 32-bit data, writable, DPL 0`,
  ]);
  const gdt = (await variables.variables(await reference("Descriptor tables"))).find(({ name }) => name === "GDT");
  assert.deepEqual([gdt?.indexedVariables, gdt?.namedVariables], [32, 0]);
  const page = await variables.variables(gdt?.variablesReference ?? 0, { filter: "indexed", start: 2, count: 3 });
  assert.deepEqual(
    page.map(({ name }) => name),
    ["0x0010", "0x0018 to 0x0020"],
  );
  assert.deepEqual(await variables.variables(gdt?.variablesReference ?? 0, { filter: "named" }), []);
  assert.deepEqual(await variables.variables(gdt?.variablesReference ?? 0, { start: 32 }), []);
  assert.throws(() => wantedOf({ filter: "all" }), /"indexed" or "named" was expected/);
  assert.throws(() => wantedOf({ start: -1 }), /"start" must be a whole number/);
});

test("in long mode system descriptors take two places, whichever page they lie in", async () => {
  const { view, variables, reference } = machine((cpu) => {
    cpu.efer = EFER_LONG;
    cpu.mode = "long";
  });
  view.setBigUint64(Number(GDT) + 0x28, 0x12008b345678006bn, true);
  view.setBigUint64(Number(GDT) + 0x30, 0xffff8800n, true);
  const at = await reference("Descriptor tables", "GDT");
  const [tss] = await variables.variables(at, { filter: "indexed", start: 5, count: 1 });
  assert.equal(tss?.name, "0x0028");
  assert.match(tss?.value ?? "", /^0x00000000ffff880012008b345678006b base 0xffff880012345678 limit 0x6b TSS \(busy\)/);
  assert.deepEqual(await variables.variables(at, { filter: "indexed", start: 6, count: 1 }), [], "its upper half");
  const base = await variables.setVariable(tss?.variablesReference ?? 0, "base", "0x1122334455667788");
  assert.equal(base.value, "0x1122334455667788");
  assert.equal(view.getBigUint64(Number(GDT) + 0x28, true), 0x55008b667788006bn);
  assert.equal(view.getBigUint64(Number(GDT) + 0x30, true), 0x11223344n);
});

test("gates name their handlers where these lie: at the base of their code segment", async () => {
  const { view, variables, reference } = machine();
  view.setBigUint64(Number(GDT) + 8, 0x00409b020000ffffn, true);
  view.setBigUint64(Number(IDT) + 8 * 13, 0x00018e0000085678n, true);
  const gates = await variables.variables(await reference("Descriptor tables", "IDT"));
  const fault = gates.find(({ name }) => name === "13 #GP");
  assert.equal(fault?.value, "0x0008:0x15678 interrupt gate, DPL 0");
  assert.equal(fault.memoryReference, "0x35678");
  assert.deepEqual(
    (await variables.variables(fault.variablesReference)).map(({ name, value }) => `${name}: ${value}`),
    [
      "descriptor: 0x00018e0000085678",
      "selector: 0x8",
      "offset: 0x15678",
      "type: 0xe interrupt gate",
      "DPL: 0",
      "P: 1",
    ],
  );
  await variables.setVariable(fault.variablesReference, "offset", "0x89abcdef");
  assert.equal(view.getBigUint64(Number(IDT) + 8 * 13, true), 0x89ab8e000008cdefn);
  await variables.setVariable(fault.variablesReference, "type", "trap gate");
  assert.equal(view.getBigUint64(Number(IDT) + 8 * 13, true), 0x89ab8f000008cdefn);
});

test("a task state segment has the fields of its size, and its I/O bitmap as ranges", async () => {
  const { view, memory, rows, cpu } = machine();
  view.setUint32(Number(TSS) + 4, 0xdeadbeef, true);
  view.setUint16(Number(TSS) + 8, 0x10, true);
  view.setUint16(Number(TSS) + 0x66, 0x68, true);
  memory.fill(0xff, Number(TSS) + 0x68, Number(TSS) + 0x74);
  memory[Number(TSS) + 0x68 + 1] = 0b11100111;
  const fields = await rows("Descriptor tables", "TSS");
  assert.ok(fields.includes("ESP0: 0xdeadbeef") && fields.includes("SS0: 0x0010"), fields.join("\n"));
  assert.equal(fields.at(-1), "I/O bitmap: 0x000b to 0x000c");
  cpu.segments.tr = segment(0x28, 0x83, TSS, 0x2b);
  const small = await rows("Descriptor tables", "TSS");
  assert.ok(small.includes("SS0: 0xbeef") && !small.some((row) => row.startsWith("ESP0")), small.join("\n"));
  cpu.efer = EFER_LONG;
  cpu.segments.tr = segment(0x28, 0x8b, TSS, 0x67);
  const wide = await rows("Descriptor tables", "TSS");
  assert.ok(wide.includes("RSP0: 0x00000010deadbeef"), wide.join("\n"));
  assert.equal(wide.at(-1), "I/O bitmap: none within the limit: no port is allowed");
});

test("what is edited may keep the words behind its number, and what does not fit is refused", async () => {
  const { written, variables, reference } = machine();
  const control = await reference("Control");
  await variables.setVariable(control, "cr0", "0x00000013 PE ET");
  assert.deepEqual(written.pop(), ["cr0", 0x13n]);
  const debug = await reference("Debug", "dr7");
  await variables.setVariable(debug, "RW0", "3 read or write");
  assert.deepEqual(written.pop(), ["dr7", 0x400n | 3n | (3n << 16n) | (3n << 18n)]);
  await variables.setVariable(debug, "LEN0", "eight bytes");
  assert.deepEqual(written.pop(), ["dr7", 0x400n | 3n | (1n << 16n) | (2n << 18n)]);
  await assert.rejects(
    variables.setVariable(debug, "L0", "2"),
    /0x2 does not fit into the 1 bit of L0: at most 0x1 was expected/,
  );
  await assert.rejects(variables.setVariable(debug, "L0", "yes"), /Character 1 of "yes"/);
  await assert.rejects(variables.setVariable(debug, "L9", "1"), /There is no variable "L9"/);
  const general = await reference("General");
  assert.equal((await variables.setVariable(general, "rax", "-1")).value, "0xffffffffffffffff");
  await assert.rejects(
    variables.setVariable(await reference("General", "rax"), "ax", "-32769"),
    /-32769 does not fit into the 16 bits/,
  );
  assert.deepEqual(written.length, 1);
});

test("debug registers say what they wait for, and x87 registers what they hold", async () => {
  const { rows } = machine();
  assert.ok((await rows("Debug")).includes("dr0: 0x00001234 write of 4 bytes, global"));
  const fpu = await rows("FPU");
  assert.equal(fpu[0], "st0: 2");
  assert.equal(fpu[1], "st1: 0 (empty)");
  assert.ok(fpu.includes("sw: 0x3800 TOP=7"));
  assert.ok(fpu.includes("mm7: 0x8000000000000000"), "TOP is 7: ST0 is the seventh");
  assert.ok((await rows("FPU", "tag")).includes("TAG7: 0 valid"));
});

test("references end when the machine goes on", async () => {
  const { variables, reference } = machine();
  const before = await reference("General");
  assert.equal(await reference("General"), before, "the same at one stop");
  variables.forget();
  await assert.rejects(variables.variables(before), /were those of an earlier stop/);
  const after = await reference("General");
  assert.notEqual(after, before);
  await assert.rejects(variables.variables(after + 100), /There are no variables behind/);
});

test("a client is given only what it said it understands", async () => {
  const { cpu } = machine();
  const context = () => Promise.resolve({ cpu, readMemory: () => Promise.resolve(new Uint8Array()) });
  const target = { cpu: () => Promise.resolve(cpu) } as ConstructorParameters<typeof Variables>[0];
  const plain = new Variables(target, { context, client: () => ({ types: false, memory: false, paging: false }) });
  for (const { name, variablesReference } of plain.scopes()) {
    if (name !== "General" && name !== "Descriptor tables") continue;
    for (const variable of await plain.variables(variablesReference)) {
      assert.deepEqual(
        Object.keys(variable).filter((key) => /type|memoryReference|indexed/i.test(key)),
        [],
        variable.name,
      );
    }
  }
});

test("every register that expressions know by a whole name is shown with its value", async () => {
  const { cpu, variables, reference } = machine((state) => {
    state.gpr = GPR_NAMES.map((_, n) => BigInt(n) * 0x1111n);
  });
  for (const { name, value } of await variables.variables(await reference("General"))) {
    assert.equal(BigInt(value.split(" ")[0] ?? ""), registerOf(cpu, name), name);
  }
});
