/** Runs single instructions in the core: 64-bit mode, ring 0, a flat identity mapping, exceptions caught before delivery. */
import { Fl, Key, L, Pm } from "../../emulator/core/layout.ts";
import { ARITHMETIC, MEMORY_BYTES, RECORD, SseRecord } from "./records.ts";

const MIB = 2 ** 20;
const PML4 = 0x1000;
const PDPT = 0x2000;
const PD = 0x3000;
/** The guest's operand memory, and code: each instruction at an address of its own, so that none is overwritten. */
const MEMORY = 0x8000;
const CODE = 0x10000;
const CODE_STEP = 32;
const CODE_END = MIB;

interface CoreExports {
  initialize(): void;
  run(): number;
  flushTlb(): void;
  flushBlocks(): void;
  refreshMode(): void;
  getFlags(): number;
  setFlags(value: number): void;
}

/** Thrown where the core raises an exception. */
class Unwind extends Error {}

export class CoreUnit {
  private readonly memory = new WebAssembly.Memory({ initial: (L.RAM + 2 * MIB) / 65536, maximum: 65536 });
  private readonly view = new DataView(this.memory.buffer);
  private readonly bytes = new Uint8Array(this.memory.buffer);
  private readonly core: CoreExports;
  private nextCode = CODE;

  constructor(module: WebAssembly.Module) {
    const env: WebAssembly.ModuleImports = {};
    for (const { name, kind } of WebAssembly.Module.imports(module)) {
      if (kind === "function") {
        env[name] = () => {
          throw new Error(`the core called ${name}`);
        };
      }
    }
    env["memory"] = this.memory;
    env["readCr8"] = () => 0;
    env["codeNotify"] = () => undefined;
    env["unwind"] = () => {
      throw new Unwind();
    };
    this.core = new WebAssembly.Instance(module, { env }).exports as unknown as CoreExports;
    for (let page = 0; page < (2 * MIB) / 4096; page++) {
      this.view.setUint32(L.PAGE_MAP + page * 4, (L.RAM + page * 4096) | Pm.READ | Pm.WRITE, true);
    }
    this.core.initialize();
    this.view.setUint32(L.RAM + PML4, PDPT | 3, true);
    this.view.setUint32(L.RAM + PDPT, PD | 3, true);
    this.view.setUint32(L.RAM + PD, 0x83, true);
    this.view.setBigUint64(L.CR3, BigInt(PML4), true);
    // PE MP NE ET WP PG; PAE OSFXSR OSXMMEXCPT; LME LMA.
    this.setControl(0x80010033, 0x620);
    this.view.setBigUint64(L.EFER, 0x500n, true);
    // ES CS SS DS FS GS
    for (let i = 0; i < 6; i++) {
      const at = L.SEG + i * L.SEG_SIZE;
      this.bytes.fill(0, at, at + L.SEG_SIZE);
      this.view.setUint32(at + L.SEG_LIMIT, 0xffffffff, true);
      // Present, ring 0, code with L set, or data.
      this.view.setUint32(at + L.SEG_ATTR, i === 1 ? 0xa09b : 0xc093, true);
    }
    this.view.setUint32(L.EFLAGS, 2, true);
    this.view.setUint32(L.CPL, 0, true);
    this.core.refreshMode();
    this.core.flushTlb();
    if ((this.view.getUint32(L.KEY, true) & Key.SIZE_MASK) !== 2) throw new Error("The core is not in 64-bit mode.");
  }

  /** First linear address that is not mapped. */
  readonly mappedEnd = 2 * MIB;

  guestMemory(address: number, bytes: number): Uint8Array {
    return this.bytes.slice(L.RAM + address, L.RAM + address + bytes);
  }

  setControl(cr0: number, cr4: number): void {
    this.view.setBigUint64(L.CR0, BigInt(cr0 >>> 0), true);
    this.view.setBigUint64(L.CR4, BigInt(cr4), true);
  }

  /** The state after each record's instruction. */
  run(before: Uint8Array): Uint8Array {
    const after = before.slice();
    for (let i = 0; i < before.length / RECORD; i++) this.step(new SseRecord(after, i));
    return after;
  }

  /** Executes the record's instruction and makes the record the state after it. */
  step(record: SseRecord): void {
    const view = this.view;
    if (this.nextCode >= CODE_END) {
      this.core.flushBlocks();
      this.nextCode = CODE;
    }
    const at = this.nextCode;
    this.nextCode += CODE_STEP;
    this.bytes.set(record.code, L.RAM + at);
    // What follows must not fault when it is decoded ahead: HLT.
    this.bytes.fill(0xf4, L.RAM + at + record.code.length, L.RAM + at + CODE_STEP);
    this.bytes.set(record.memory, L.RAM + MEMORY);
    for (let i = 0; i < 16; i++) {
      const base = record.pointers && (i === 3 || i === 7) ? BigInt(MEMORY) : 0n;
      view.setBigUint64(L.REGS + i * 8, record.register(i) + base, true);
    }
    this.core.setFlags((record.flags & ARITHMETIC) | 2);
    view.setUint32(L.FPU_CW, record.controlWord, true);
    view.setUint32(L.FPU_SW, record.statusWord, true);
    view.setUint32(L.FPU_TAG, record.tags, true);
    view.setUint32(L.MXCSR, record.mxcsr, true);
    for (let i = 0; i < 8; i++) this.bytes.set(record.physical(i), L.FPU_REGS + i * 16);
    this.bytes.set(record.xmm, L.XMM);
    view.setBigUint64(L.RIP, BigInt(at), true);
    view.setBigUint64(L.TARGET, 1n, true);
    view.setInt32(L.BUDGET, 1, true);
    view.setUint32(L.EXC_VECTOR, 0xffffffff, true);
    let vector = 0;
    try {
      this.core.run();
    } catch (error) {
      if (!(error instanceof Unwind)) throw error;
      vector = view.getUint32(L.EXC_VECTOR, true) + 1;
    }
    this.save(record, vector);
  }

  private save(record: SseRecord, vector: number): void {
    const view = this.view;
    record.vector = vector;
    record.flags = this.core.getFlags() & (Fl.CF | Fl.PF | Fl.AF | Fl.ZF | Fl.SF | Fl.OF);
    record.statusWord = view.getUint32(L.FPU_SW, true);
    record.tags = view.getUint32(L.FPU_TAG, true);
    record.mxcsr = view.getUint32(L.MXCSR, true);
    for (let i = 0; i < 8; i++)
      record.physical(i).set(this.bytes.subarray(L.FPU_REGS + i * 16, L.FPU_REGS + i * 16 + 10));
    record.xmm.set(this.bytes.subarray(L.XMM, L.XMM + 256));
    record.memory.set(this.bytes.subarray(L.RAM + MEMORY, L.RAM + MEMORY + MEMORY_BYTES));
    for (let i = 0; i < 16; i++) {
      let value = view.getBigUint64(L.REGS + i * 8, true);
      const given = record.register(i);
      if (record.pointers && (i === 3 || i === 7) && value === given + BigInt(MEMORY)) value = given;
      record.setRegister(i, value);
    }
  }
}
