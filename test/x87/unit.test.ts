/** What the native comparison cannot show: real mode, CR0 bits, FERR#, operand sizes, tag words. */
import assert from "node:assert/strict";
import { before, beforeEach, describe, test } from "node:test";
import { L } from "../../emulator/core/layout.ts";
import { buildModule } from "./build.ts";
import { OPERAND, Unit } from "./unit.ts";

const FLD1 = Uint8Array.of(0xd9, 0xe8);
const FLDZ = Uint8Array.of(0xd9, 0xee);
const FDIVP = Uint8Array.of(0xde, 0xf9);
const FWAIT = Uint8Array.of(0x9b);
const FNCLEX = Uint8Array.of(0xdb, 0xe2);
const FLDCW = Uint8Array.of(0xd9, 0x2f);
const FNSTENV = Uint8Array.of(0xd9, 0x37);
const FNSTENV_SHORT = Uint8Array.of(0x66, 0xd9, 0x37);
const FLDENV = Uint8Array.of(0xd9, 0x27);
const FADD_M32 = Uint8Array.of(0xd8, 0x07);

const NM = 7;
const MF = 16;

describe("x87 unit", () => {
  let unit: Unit;
  before(async () => {
    unit = new Unit(await buildModule());
  });
  beforeEach(() => {
    unit.reset();
    unit.ferrCount = 0;
  });

  const run = (...list: Uint8Array[]): number[] => list.map((code) => unit.execute(code, OPERAND));
  const setCr0 = (value: number): void => {
    unit.view.setUint32(L.CR0, value, true);
  };
  /** Leaves a division by zero pending. */
  const divideByZero = (): void => {
    unit.view.setUint16(OPERAND, 0x37b, true);
    assert.deepEqual(run(FLDCW, FLD1, FLDZ, FDIVP), [-1, -1, -1, -1]);
  };

  test("a pending exception is raised by the next waiting instruction when CR0.NE is set", () => {
    divideByZero();
    assert.deepEqual(run(FWAIT, FLD1, FNCLEX, FWAIT, FLD1), [MF, MF, -1, -1, -1]);
    assert.equal(unit.ferrCount, 0);
  });

  test("with CR0.NE clear it asserts FERR# once, and nothing is raised", () => {
    setCr0(0x11);
    divideByZero();
    assert.equal(unit.ferrCount, 1);
    assert.deepEqual(run(FWAIT, FLD1), [-1, -1]);
    assert.equal(unit.ferrCount, 1);
    assert.deepEqual(run(FNCLEX, FLDZ, FDIVP), [-1, -1, -1]);
    assert.equal(unit.ferrCount, 2);
  });

  test("EM and TS give #NM; FWAIT heeds TS only with MP", () => {
    setCr0(0x11 | 4);
    assert.deepEqual(run(FLD1, FWAIT), [NM, -1]);
    setCr0(0x11 | 8);
    assert.deepEqual(run(FLD1, FWAIT), [NM, -1]);
    setCr0(0x11 | 8 | 2);
    assert.deepEqual(run(FLD1, FWAIT), [NM, NM]);
  });

  test("real mode keeps linear pointers in both environment layouts", () => {
    setCr0(0x10);
    unit.view.setUint32(L.KEY, 16, true);
    unit.view.setUint16(L.SEG_CS + L.SEG_SELECTOR, 0xf123, true);
    unit.view.setUint16(L.SEG_DS + L.SEG_SELECTOR, 0x2000, true);
    unit.view.setBigUint64(L.SEG_DS, 0x20000n, true);
    unit.view.setBigUint64(L.REGS + L.REG_BLOCK_RIP, 0x4567n, true);
    const instruction = 0xf1230 + 0x4567;
    const data = 0x20000 + (OPERAND - 0x20000);
    const opcode = 0x007;
    assert.deepEqual(run(FLD1, FADD_M32, FNSTENV), [-1, -1, -1]);
    const u32 = (at: number): number => unit.view.getUint32(OPERAND + at, true);
    assert.equal(u32(12), instruction & 0xffff);
    assert.equal(u32(16), ((instruction >>> 16) << 12) | opcode);
    assert.equal(u32(20), data & 0xffff);
    assert.equal(u32(24), (data >>> 16) << 12);
    unit.execute(FNSTENV_SHORT, OPERAND + 32);
    const u16 = (at: number): number => unit.view.getUint16(OPERAND + 32 + at, true);
    assert.equal(u16(6), instruction & 0xffff);
    assert.equal(u16(8), (((instruction >>> 16) & 15) << 12) | opcode);
    assert.equal(u16(10), data & 0xffff);
    assert.equal(u16(12), ((data >>> 16) & 15) << 12);
    // Loaded and stored again it is the same.
    const image = unit.bytes.slice(OPERAND, OPERAND + 28);
    run(FLDENV, FNSTENV);
    assert.deepEqual(unit.bytes.slice(OPERAND, OPERAND + 28), image);
  });

  test("FLDENV with an unmasked flag makes the exception pending", () => {
    run(FNSTENV);
    unit.view.setUint16(OPERAND, 0x37e, true);
    unit.view.setUint16(OPERAND + 4, 0x0001, true);
    assert.deepEqual(run(FLDENV, FWAIT), [-1, MF]);
    assert.equal(unit.view.getUint16(L.FPU_SW, true), 0x8081);
  });

  test("memory operands have their sizes and directions", () => {
    const write = 0x100;
    const access = (opcode: number, reg: number, short = false): number =>
      unit.exports.x87Access(opcode | (reg << 23) | ((short ? 1 : 2) << 16));
    assert.equal(access(0xd8, 0), 4);
    assert.equal(access(0xdc, 7), 8);
    assert.equal(access(0xde, 3), 2);
    assert.equal(access(0xd9, 3), 4 | write);
    assert.equal(access(0xd9, 4), 28);
    assert.equal(access(0xd9, 6, true), 14 | write);
    assert.equal(access(0xdb, 5), 10);
    assert.equal(access(0xdb, 7), 10 | write);
    assert.equal(access(0xdd, 4, true), 94);
    assert.equal(access(0xdd, 6), 108 | write);
    assert.equal(access(0xdf, 6), 10 | write);
    assert.equal(access(0xdf, 7), 8 | write);
    assert.equal(access(0xdd, 5), 0);
  });

  test("the full tag word follows from the registers, and loses all but emptiness", () => {
    run(FLD1, FLDZ);
    assert.equal(unit.exports.x87TagWord(), 0x1fff);
    unit.exports.x87SetTagWord(0xfff2);
    // Registers 0 and 1 are in use; both hold zero.
    unit.bytes.fill(0, L.FPU_REGS, L.FPU_REGS + 128);
    assert.equal(unit.exports.x87TagWord(), 0xfff5 | 0);
  });
});
