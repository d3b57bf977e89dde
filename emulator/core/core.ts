import { L, Exit, Pm } from "./layout.ts";
import { loadCoreModule } from "./load.ts";

const WASM_PAGE = 65536;
const GUEST_PAGE = 4096;
/** Guest RAM lies below the PCI hole. */
export const MAX_MEMORY_MIB = 3072;
/** Faults delivered in one `run` before it returns anyway: a guest that only faults retires nothing. */
const FAULTS_PER_RUN = 50_000;
/** What `env.unwind` throws: made once, since a guest fault is no error of ours and wants no stack trace. */
const UNWIND = new Error("A guest fault unwinds the core.");
const NO_EXCEPTION = 0xffffffff;
const NO_PORT = 0xffffffff;
/** No fault is to be delivered. */
const NO_FAULT = -1;

/** A fault that a run has stopped before. */
interface PassedFault {
  vector: number;
  icount: number;
  rip: bigint;
}

/** Functions that the core calls, besides its own unwinding. */
export interface CoreHost {
  readPort(port: number, size: 1 | 2 | 4): number;
  writePort(port: number, size: 1 | 2 | 4, value: number): void;
  /** REP INS and OUTS: see PortHandler. How many elements were transferred. */
  readPortBlock?(port: number, size: 1 | 2 | 4, into: Uint8Array): number;
  writePortBlock?(port: number, size: 1 | 2 | 4, from: Uint8Array): number;
  readMmio(physical: number, size: 1 | 2 | 4): number;
  writeMmio(physical: number, size: 1 | 2 | 4, value: number): void;
  /** Vector of the interrupt taken, or 256 and more when there is none after all. */
  acknowledge(): number;
  readApicBase(): bigint;
  writeApicBase(value: bigint): void;
  readCr8(): number;
  writeCr8(value: number): void;
  /** Code that L.NOTIFY asks for is about to run for the first time: enum Notify, and where it lies. */
  codeNotify(kind: number, physical: number): void;
  /** Something that L.EVENTS asks for happens: enum Ev, its value, and the RIP of the instruction that does it. */
  bootEvent(kind: number, value: bigint, rip: bigint): void;
  /** A register that L.CATCH asks for was accessed: enum Ct, its number, and what was read or what it held before. */
  caught?(kind: number, register: number, value: bigint): void;
  /** An unmasked x87 exception waits while CR0.NE is 0: the FERR# pin. */
  ferr(): void;
}

interface CoreExports {
  initialize(): void;
  run(): number;
  settleFault(): number;
  deliverFault(vector: number): void;
  attention(): void;
  recheck(): void;
  flushTlb(): void;
  flushBlocks(): void;
  dropPage(page: number): void;
  /** Forgets decoded code with an instruction at an address; not while the core runs. */
  dropCodeAt(address: bigint, linear: boolean): void;
  touched(physical: number, size: number): void;
  debugRegistersChanged(): void;
  decodedLength(bytes: number, mode: number): number;
  getFlags(): number;
  setFlags(value: number): void;
  refreshMode(): void;
  resetCpu(): void;
  /** Value of a model specific register that exists; 0 else. */
  peekMsr(index: number): bigint;
  pokeMsr(index: number, value: bigint): void;
  /** Forgets the translation of a region, by its place in the table. */
  dropRegion(place: number): void;
  /** Takes back a stop that was asked for behind an instruction and not reached yet; so does the next `run`. */
  unpatch(): void;
}

/** The processor: the WebAssembly core with its memory. Registers and caches are at the addresses of layout.ts. */
export class Core {
  readonly memory: WebAssembly.Memory;
  readonly u8: Uint8Array;
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  readonly u64: BigUint64Array;
  readonly f64: Float64Array;
  readonly exports: CoreExports;
  /** Functions that the core can call: translated code goes behind those of its own. */
  readonly table: WebAssembly.Table;
  /** Guest RAM; index 0 is physical 0. */
  readonly ram: Uint8Array;
  /** Memory behind the RAM for ROMs and video memory. */
  readonly extra: Uint8Array;
  /** Vectors of the exceptions to stop before (Exit.EXCEPTION); undefined: none. */
  caughtExceptions: ReadonlySet<number> | undefined;
  #passed: PassedFault | undefined;
  #undelivered: PassedFault | undefined;
  readonly #functions: WebAssembly.Exports;

  private constructor(memory: WebAssembly.Memory, exports: WebAssembly.Exports, ramBytes: number, extraBytes: number) {
    this.memory = memory;
    this.exports = exports as unknown as CoreExports;
    this.#functions = exports;
    this.table = exports["table"] as WebAssembly.Table;
    this.u8 = new Uint8Array(memory.buffer);
    this.u32 = new Uint32Array(memory.buffer);
    this.i32 = new Int32Array(memory.buffer);
    this.u64 = new BigUint64Array(memory.buffer);
    this.f64 = new Float64Array(memory.buffer);
    this.ram = new Uint8Array(memory.buffer, L.RAM, ramBytes);
    this.extra = new Uint8Array(memory.buffer, L.RAM + ramBytes, extraBytes);
  }

  /** @param extraBytes memory behind the RAM, a multiple of 64 KiB; the processor reaches it where `mapPage` says */
  static async create(memoryMiB: number, host: CoreHost, extraBytes = 0): Promise<Core> {
    if (!Number.isInteger(memoryMiB) || memoryMiB < 1 || memoryMiB > MAX_MEMORY_MIB) {
      throw new RangeError(`Memory of ${memoryMiB} MiB: expected a whole number from 1 to ${MAX_MEMORY_MIB}.`);
    }
    const ramBytes = memoryMiB * 2 ** 20;
    const pages = (L.RAM + ramBytes + extraBytes) / WASM_PAGE;
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    const instance = await WebAssembly.instantiate(await loadCoreModule(), {
      env: {
        memory,
        abort: () => {
          throw new Error("The processor core aborted.");
        },
        unwind: () => {
          throw UNWIND;
        },
        mmioRead: (physical: number, size: number) => host.readMmio(physical >>> 0, size as 1 | 2 | 4),
        mmioWrite: (physical: number, size: number, value: number) => {
          host.writeMmio(physical >>> 0, size as 1 | 2 | 4, value >>> 0);
        },
        portRead: (port: number, size: number) => host.readPort(port & 0xffff, size as 1 | 2 | 4),
        portWrite: (port: number, size: number, value: number) => {
          host.writePort(port & 0xffff, size as 1 | 2 | 4, value >>> 0);
        },
        portReadBlock: (port: number, size: number, address: number, count: number) => {
          const into = new Uint8Array(memory.buffer, address >>> 0, count * size);
          return host.readPortBlock?.(port & 0xffff, size as 1 | 2 | 4, into) ?? 0;
        },
        portWriteBlock: (port: number, size: number, address: number, count: number) => {
          const from = new Uint8Array(memory.buffer, address >>> 0, count * size);
          return host.writePortBlock?.(port & 0xffff, size as 1 | 2 | 4, from) ?? 0;
        },
        acknowledge: () => host.acknowledge(),
        codeNotify: (kind: number, physical: number) => {
          host.codeNotify(kind, physical >>> 0);
        },
        bootEvent: (kind: number, value: bigint, rip: bigint) => {
          host.bootEvent(kind, BigInt.asUintN(64, value), BigInt.asUintN(64, rip));
        },
        caught: (kind: number, register: number, value: bigint) => {
          host.caught?.(kind, register >>> 0, BigInt.asUintN(64, value));
        },
        ferr: () => {
          host.ferr();
        },
        readApicBase: () => host.readApicBase(),
        writeApicBase: (value: bigint) => {
          host.writeApicBase(BigInt.asUintN(64, value));
        },
        readCr8: () => host.readCr8(),
        writeCr8: (value: number) => {
          host.writeCr8(value);
        },
      },
    });
    const core = new Core(memory, instance.exports, ramBytes, extraBytes);
    for (let page = 0; page < ramBytes / GUEST_PAGE; page++) core.mapPage(page, page, Pm.READ | Pm.WRITE);
    core.exports.initialize();
    return core;
  }

  /** A function of the core, for translated code to import. */
  helper(name: string): WebAssembly.ExportValue {
    return this.#functions[name]!;
  }

  /** Maps a guest physical page (by number) to a page of RAM and `extra` with the given rights; 0 rights: a device. */
  mapPage(physicalPage: number, ramPage: number, rights: number): void {
    this.u32[L.PAGE_MAP / 4 + physicalPage] = rights === 0 ? 0 : (L.RAM + ramPage * GUEST_PAGE) | rights;
  }

  /** Instructions retired since power-on. Exact while the core is not running. */
  get icount(): number {
    return this.number64(L.TARGET) - this.i32[L.BUDGET / 4]!;
  }

  /** A 64-bit field as a number; exact below 2^53. */
  number64(address: number): number {
    return this.u32[address / 4]! + this.u32[address / 4 + 1]! * 2 ** 32;
  }

  /** Sets a 64-bit field to a whole number below 2^53. */
  setNumber64(address: number, value: number): void {
    this.u32[address / 4] = value >>> 0;
    this.u32[address / 4 + 1] = Math.floor(value / 2 ** 32);
  }

  /**
   * Runs at most `budget` instructions. Guest faults are delivered on the way; an instruction that faults over and
   * over ends the run with Exit.BUDGET before the budget is used up.
   */
  run(budget: number): Exit {
    const icount = this.icount;
    this.setNumber64(L.TARGET, icount + budget);
    this.i32[L.BUDGET / 4] = budget;
    this.u32[L.PORT_HOLD / 4] = NO_PORT;
    let fault = this.#takeUndelivered();
    for (let faults = 0; faults < FAULTS_PER_RUN; faults++) {
      try {
        if (fault !== NO_FAULT) {
          const vector = fault;
          fault = NO_FAULT;
          this.exports.deliverFault(vector);
        }
        return this.exports.run();
      } catch (thrown) {
        if (thrown !== UNWIND) throw thrown;
        if (this.u32[L.EXC_VECTOR / 4] === NO_EXCEPTION) return this.u32[L.EXIT / 4]!;
        const between = this.u32[L.CUR_OP / 4] === (L.NULL_OP as number);
        fault = this.exports.settleFault() >>> 0;
        if (this.caughtExceptions !== undefined && this.#stopsBefore(fault, between)) return Exit.EXCEPTION;
      }
    }
    while (fault !== NO_FAULT) {
      try {
        this.exports.deliverFault(fault);
        fault = NO_FAULT;
      } catch (thrown) {
        if (thrown !== UNWIND) throw thrown;
        fault = this.exports.settleFault() >>> 0;
      }
    }
    return Exit.BUDGET;
  }

  /** Whether to stop before a fault is delivered: once. EXIT_DETAIL is its vector. `between`: no instruction was executing. */
  #stopsBefore(vector: number, between: boolean): boolean {
    if (!this.caughtExceptions?.has(vector)) return false;
    const rip = this.u64[L.RIP / 8]!;
    const passed = this.#passed;
    if (passed?.vector === vector && passed.icount === this.icount && passed.rip === rip) return false;
    this.#passed = { vector, icount: this.icount, rip };
    this.u32[L.EXIT_DETAIL / 4] = vector;
    // An instruction runs into its fault again. A fault on the way to a handler is kept: what led there is over.
    if (between || this.u32[L.DELIVERING / 4] !== NO_EXCEPTION) this.#undelivered = this.#passed;
    return true;
  }

  /** The fault that the last run stopped before, if it is still to be delivered. */
  #takeUndelivered(): number {
    const fault = this.#undelivered;
    this.#undelivered = undefined;
    if (fault === undefined) return NO_FAULT;
    if (fault.icount === this.icount && fault.rip === this.u64[L.RIP / 8]!) return fault.vector;
    // The debugger has moved the processor elsewhere.
    this.u32[L.DELIVERING / 4] = NO_EXCEPTION;
    return NO_FAULT;
  }

  /**
   * Runs at most `budget` instructions and stops at the first fault, undelivered, RIP and registers as it found them.
   * For tests that compare single instructions.
   */
  runToFault(budget: number): { exit: Exit } | { vector: number; error: number } {
    const icount = this.icount;
    this.setNumber64(L.TARGET, icount + budget);
    this.i32[L.BUDGET / 4] = budget;
    try {
      return { exit: this.exports.run() };
    } catch (thrown) {
      if (thrown !== UNWIND) throw thrown;
      const op = this.u32[L.CUR_OP / 4]!;
      this.i32[L.BUDGET / 4]! += this.u8[op + 6]!;
      this.u64[L.RIP / 8] = this.u64[(L.REGS + L.REG_BLOCK_RIP) / 8]! + BigInt(this.u8[op + 7]!);
      return { vector: this.u32[L.EXC_VECTOR / 4]!, error: this.u32[L.EXC_ERROR / 4]! };
    }
  }

  /** Writes a model specific register as WRMSR would; false where that raises #GP. */
  writeMsr(index: number, value: bigint): boolean {
    try {
      this.exports.pokeMsr(index, value);
      return true;
    } catch (thrown) {
      if (thrown !== UNWIND) throw thrown;
      return false;
    }
  }
}
