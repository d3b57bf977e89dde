/** What debuggers read of a machine, against what its own instructions say. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { compile } from "./parser.ts";
import { evaluate } from "../../emulator/machine/inspect-expression.ts";
import { ALL_MSRS } from "../../emulator/machine/inspect-msrs.ts";
import { machineReaders, registerOf } from "../../emulator/machine/inspect-registers.ts";
import { Machine } from "../../emulator/machine/machine.ts";

/** A machine about to execute that code at 0x7c00 in real mode. */
async function machineWith(code: readonly number[]): Promise<Machine> {
  const machine = await Machine.createRaw(
    { memoryMiB: 2, writes: [{ physical: 0x7c00, bytes: Uint8Array.from(code) }] },
    { output: () => undefined, phase: () => undefined },
  );
  machine.writeRegister("cs.selector", 0n);
  machine.writeRegister("cs.base", 0n);
  machine.writeRegister("rip", 0x7c00n);
  return machine;
}

test("each model specific register has the value that RDMSR reads, and no other one exists", async () => {
  // rdmsr / hlt
  const machine = await machineWith([0x0f, 0x32, 0xf4]);
  const values = new Map(machine.msrs().map(({ index, value }) => [index, value]));
  assert.equal(values.size, ALL_MSRS.length);
  const read = (index: number): bigint | undefined => {
    machine.writeRegister("rip", 0x7c00n);
    machine.writeRegister("rcx", BigInt(index));
    const result = machine.core.runToFault(1);
    if ("vector" in result) {
      assert.equal(result.vector, 13);
      return undefined;
    }
    const { gpr } = machine.cpu();
    return (gpr[0] ?? 0n) | ((gpr[2] ?? 0n) << 32n);
  };
  machine.writeRegister("msr:0x200", 0xfe000006n);
  machine.writeRegister("msr:0x277", 0x0001050600070406n);
  const readers = machineReaders(machine);
  for (const [index, name] of ALL_MSRS) {
    const value = read(index);
    // The TSC goes on with every instruction.
    if (name !== "TSC") assert.equal(readers.msr(index), value, `${name} (0x${index.toString(16)})`);
  }
  const ranges = [0, 0x400, 0x480, 0xe00, 0xc0000080, 0xc0000110, 0xc0010000, 0xc0010080, 0xc0011000, 0xc0011040];
  for (let i = 0; i < ranges.length; i += 2) {
    for (let index = ranges[i]!; index < ranges[i + 1]!; index++) {
      assert.equal(readers.msr(index) !== undefined, read(index) !== undefined, `MSR 0x${index.toString(16)}`);
    }
  }
});

test("registers read alone are those of the whole state", async () => {
  const machine = await machineWith([0xf4]);
  machine.writeRegister("r9", 0x123456789abcdef0n);
  machine.writeRegister("rflags", 0x246n);
  machine.writeRegister("xmm1.high", 7n);
  const readers = machineReaders(machine);
  const cpu = machine.cpu();
  const names = [
    "rax",
    "r9",
    "rip",
    "rflags",
    "cs.base",
    "cs.selector",
    "gdtr.limit",
    "cr0",
    "efer",
    "dr7",
    "cpl",
    "mode",
  ];
  for (const name of [...names, "icount", "time", "xmm1.high", "st3.mantissa", "fpu.cw", "mxcsr"]) {
    assert.notEqual(registerOf(cpu, name), undefined, name);
    assert.equal(readers.register(name), registerOf(cpu, name), name);
  }
  assert.equal(readers.register("nonsense"), undefined);
  assert.equal(evaluate(compile("u16 ds:[0x7c00] + r9w"), readers), 0xdef0n + 0xf4n);
});

test("a condition lets the machine run on until it holds", async () => {
  // 7c00: inc ax / 7c01: inc dword [0x500] / 7c06: jmp 7c00
  const machine = await machineWith([0x40, 0x66, 0xff, 0x06, 0x00, 0x05, 0xeb, 0xf8]);
  /** Runs to the next stop; after how many returns to the caller. */
  const run = (): number => {
    machine.ignoreBreakpointOnce();
    for (let returns = 1; returns < 100; returns++) {
      const stop = machine.run(1_000_000);
      if (stop.reason === "breakpoint") return returns;
      assert.equal(stop.reason, "budget");
    }
    return 0;
  };
  const condition = compile("ax == 5 && u32 phys[0x500] == 4");
  machine.setBreakpoints([{ space: "lin", address: 0x7c01n, condition }]);
  assert.equal(run(), 1);
  assert.equal(machine.cpu().gpr[0], 5n);
  // The machine tells one of two breakpoints at the same place; either may hold.
  machine.setBreakpoints([
    { space: "lin", address: 0x7c01n, condition: compile("ax == 100") },
    { space: "phys", address: 0x7c01n, condition: compile("ax == 8") },
  ]);
  assert.equal(run(), 1);
  assert.equal(machine.cpu().gpr[0], 8n);
  machine.setBreakpoints([
    { space: "phys", address: 0x7c01n, condition: compile("0") },
    { space: "lin", address: 0x7c01n },
  ]);
  assert.equal(run(), 1, "one without a condition stops");
  machine.setBreakpoints([{ space: "lin", address: 0x7c01n, condition: compile("u8 phys[0x10000000]") }]);
  assert.equal(run(), 1, "one that cannot be evaluated stops");
  // A condition that is false again and again lets the caller look round now and then.
  machine.setBreakpoints([{ space: "lin", address: 0x7c01n, condition: compile("ax == 20000") }]);
  assert.equal(run(), 20);
  assert.equal(machine.cpu().gpr[0], 20_000n);
});
