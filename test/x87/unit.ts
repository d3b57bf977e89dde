/** Drives the floating-point unit of the core, compiled alone, with the same cases as the native program. */
import { L } from "../../emulator/core/layout.ts";
import { CASE, OUTCOME, caseAt, outcomeAt } from "./records.ts";

interface UnitExports {
  exec(op: number): void;
  getFlags(): number;
  fpuInit(): void;
  x87Access(info: number): number;
  x87TagWord(): number;
  x87SetTagWord(word: number): void;
}

/** Thrown by the core where the processor would raise an exception. */
class Unwind extends Error {}

/** Where the operation, the memory operand and the state image lie in the module's memory, and the instruction's address. */
const OP = L.NULL_OP;
const PAGE = 0x3e0000;
export const OPERAND = PAGE + 0x100;
const IMAGE = PAGE + 0x400;
const CODE = 0x10000000;

/** Linux signals of the processor's exceptions. */
const SIGNALS = new Map([
  [6, 4],
  [16, 8],
]);

export class Unit {
  readonly memory = new WebAssembly.Memory({ initial: 64 });
  readonly view = new DataView(this.memory.buffer);
  readonly bytes = new Uint8Array(this.memory.buffer);
  readonly exports: UnitExports;
  /** Times that a pending exception was told to the outside (CR0.NE clear). */
  ferrCount = 0;

  constructor(module: WebAssembly.Module) {
    const env: WebAssembly.ModuleImports = {};
    for (const { name, kind } of WebAssembly.Module.imports(module)) {
      if (kind === "function") {
        env[name] = () => {
          throw new Error(`the floating-point unit called ${name}`);
        };
      }
    }
    env["memory"] = this.memory;
    env["ferr"] = () => this.ferrCount++;
    env["unwind"] = () => {
      throw new Unwind();
    };
    this.exports = new WebAssembly.Instance(module, { env }).exports as unknown as UnitExports;
    this.reset();
  }

  /** 64-bit mode, CR0 with PE, MP, ET and NE, and one page of memory. */
  reset(): void {
    this.bytes.fill(0, L.REGS, L.STATIC);
    this.view.setUint32(L.KEY, 2, true);
    this.view.setUint32(L.CR0, 0x33, true);
    this.view.setUint32(L.EFLAGS, 2, true);
    this.view.setUint32(L.TLB_BASE, L.TLB, true);
    this.bytes.fill(0xff, L.TLB, L.TLB_END);
    const entry = L.TLB + ((PAGE >>> 7) & ((L.TLB_ENTRIES - 1) << 5));
    this.view.setBigUint64(entry, BigInt(PAGE), true);
    this.view.setBigUint64(entry + 8, BigInt(PAGE), true);
    this.view.setUint32(entry + 24, 0, true);
    this.view.setBigUint64(L.REGS + L.REG_BLOCK_RIP, BigInt(CODE), true);
    this.view.setUint16(L.SEG_CS + L.SEG_SELECTOR, 0x33, true);
    this.exports.fpuInit();
  }

  /** Executes an instruction (optional 66 prefix, opcode, ModRM) with its operand at `address`; the vector it raised, or -1. */
  execute(code: Uint8Array, address: number): number {
    const short = code[0] === 0x66;
    const opcode = code[short ? 1 : 0] ?? 0;
    const modrm = opcode === 0x9b ? 0xc0 : (code[short ? 2 : 1] ?? 0);
    const reg = (modrm >> 3) & 7;
    const rm = modrm & 7;
    const isReg = modrm >= 0xc0;
    const info =
      opcode |
      (isReg ? 0x1000 : 0) |
      ((short ? 1 : 2) << 16) |
      (3 << 18) |
      (3 << 20) |
      (reg << 23) |
      (rm << 26) |
      0x40000000;
    this.bytes.fill(0, OP, OP + 32);
    this.view.setUint8(OP + 2, reg * 8);
    this.view.setUint8(OP + 3, isReg ? rm * 8 : L.REG_TEMP);
    this.view.setUint8(OP + 4, L.REG_ZERO);
    this.view.setInt32(OP + 12, info, true);
    this.view.setBigInt64(OP + 16, BigInt(modrm), true);
    this.view.setBigUint64(L.REGS + L.REG_TEMP, BigInt(address), true);
    this.view.setUint32(L.CUR_OP, OP, true);
    try {
      this.exports.exec(OP);
    } catch (error) {
      if (!(error instanceof Unwind)) throw error;
      return this.view.getUint32(L.EXC_VECTOR, true);
    }
    return -1;
  }

  private load(image: Uint8Array): void {
    this.bytes.set(image, IMAGE);
    this.execute(FRSTOR, IMAGE);
  }

  /** Runs all cases and returns their outcomes as the native program lays them out. */
  run(cases: Uint8Array): Uint8Array {
    const count = cases.length / CASE.size;
    const outcomes = new Uint8Array(count * OUTCOME.size);
    for (let i = 0; i < count; i++) {
      const test = caseAt(cases, i);
      const outcome = outcomeAt(outcomes, i);
      this.load(test.state);
      this.bytes.set(test.memory, OPERAND);
      this.view.setUint32(L.REGS, 0x5555, true);
      this.view.setUint32(L.CC_OP, 0, true);
      this.view.setBigUint64(L.CC_R, BigInt(test.eflags & 0x8d5), true);
      const vector = this.execute(test.code, OPERAND);
      outcome.memory.set(this.bytes.subarray(OPERAND, OPERAND + CASE.memorySize));
      if (vector >= 0) {
        outcome.setSignal(SIGNALS.get(vector) ?? 0xffff);
        this.execute(FNINIT, 0);
        continue;
      }
      outcome.setFlags(this.exports.getFlags());
      outcome.setEax(this.view.getUint32(L.REGS, true));
      this.execute(FNSAVE, IMAGE);
      outcome.state.set(this.bytes.subarray(IMAGE, IMAGE + CASE.stateSize));
    }
    return outcomes;
  }
}

const FRSTOR = Uint8Array.of(0xdd, 0x27);
const FNSAVE = Uint8Array.of(0xdd, 0x37);
const FNINIT = Uint8Array.of(0xdb, 0xe3);
