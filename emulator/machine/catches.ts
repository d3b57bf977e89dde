/** What a debugger waits for beside addresses: exceptions, interrupts, instructions, accesses to ports and registers. */
import type { Core } from "../core/core.ts";
import { Ct, Exit, L } from "../core/layout.ts";
import type { Catch, Caught } from "./api.ts";
import { placeOfRegister, readPlace } from "./catch-registers.ts";
import type { RegisterPlace } from "./catch-registers.ts";
import type { AccessCatches } from "./host-shell.ts";
import { decision } from "./inspect-expression.ts";
import type { Readers } from "./inspect-expression.ts";
import { machineReaders } from "./inspect-registers.ts";
import type { InspectedMachine } from "./inspect-registers.ts";

const VECTORS = 256;
const NMI = 2;
const PAGE_FAULT = 14;
/** XCR0's number in Ct.CR_READ and Ct.CR_WRITE. */
const XCR0 = 16;
/** Accesses noted of one instruction; each iteration of REP INS is an instruction. */
const MAX_NOTED = 16;

/** What the core has told; which catches it is for is decided behind the instruction. */
type Noted = Omit<Caught, "catches">;
type Armed = Catch & { holds: () => boolean };

export class Catches implements AccessCatches {
  readonly #core: Core;
  readonly #readers: ReturnType<typeof machineReaders>;
  readonly #linearOfRip: (rip: bigint) => bigint;
  readonly #valueOf: (register: string) => bigint | undefined;
  #list: readonly Armed[] = [];
  /** Of "register" catches, in the order of L.CATCH_STATE. */
  #places: RegisterPlace[] = [];
  #noted: Noted[] = [];
  /** What conditions are asked about. */
  #current: Noted | undefined;

  constructor(machine: InspectedMachine) {
    this.#core = machine.core;
    this.#linearOfRip = (rip) => machine.linearOfRip(rip);
    const readers = machineReaders(machine);
    this.#readers = readers;
    this.#valueOf = (register) =>
      register.startsWith("msr:") ? readers.msr(Number(register.slice(4))) : readers.register(register);
  }

  get armed(): boolean {
    return this.#list.length > 0;
  }

  /** Replaces all catches. Throws RangeError with one sentence. */
  set(list: readonly Catch[]): void {
    const places = list.flatMap((one) => (one.kind === "register" ? [placeOfRegister(one.register)] : []));
    if (places.length > (L.CATCH_STATE_MAX as number)) {
      throw new RangeError(`${places.length} watched registers: at most ${L.CATCH_STATE_MAX} are possible.`);
    }
    const readers: Readers = {
      register: (name) => this.#detail(name) ?? this.#readers.register(name),
      msr: (index) => this.#readers.msr(index),
      memory: (...where) => this.#readers.memory(...where),
    };
    this.#list = list.map((one) => ({ ...one, holds: decision(one.condition, readers) }));
    this.#places = places;
    this.#noted = [];
    this.#arm();
  }

  #arm(): void {
    const { u8, u32, exports } = this.#core;
    const before = u32[L.CATCH / 4]!;
    let bits = 0;
    const exceptions = new Set<number>();
    u8.fill(0, L.CATCH_VECTORS, L.CATCH_VECTORS + VECTORS);
    for (const one of this.#list) {
      switch (one.kind) {
        case "exception":
          for (const vector of one.vectors ?? everyVector()) exceptions.add(vector);
          bits |= 1 << Ct.TRAP;
          break;
        case "interrupt":
          bits |= 1 << Ct.NMI;
          break;
        case "softwareInterrupt":
          for (const vector of one.vectors ?? everyVector()) u8[L.CATCH_VECTORS + vector] = 1;
          bits |= 1 << Ct.INT;
          break;
        case "instruction":
          bits |= 1 << { hlt: Ct.HLT, magic: Ct.MAGIC, syscall: Ct.SYSCALL }[one.instruction];
          break;
        case "control":
          bits |= accessBits(one.access, Ct.CR_READ, Ct.CR_WRITE);
          break;
        case "msr":
          bits |= accessBits(one.access, Ct.MSR_READ, Ct.MSR_WRITE);
          break;
        // The board tells of ports, and the core looks at registers by their places.
        case "port":
        case "register":
          break;
      }
    }
    u32[L.CATCH / 4] = bits;
    this.#core.caughtExceptions = exceptions.size > 0 ? exceptions : undefined;
    this.#places.forEach(({ address, size }, i) => {
      const at = (L.CATCH_STATE + 16 + i * 16) / 4;
      u32[at] = address;
      u32[at + 1] = size;
    });
    u32[L.CATCH_STATE / 4] = this.#places.length;
    // Blocks are decoded with the magic instruction as a breakpoint.
    if ((before ^ bits) & (1 << Ct.MAGIC)) exports.flushBlocks();
  }

  /** Before the machine runs: what the debugger wrote meanwhile is no change. */
  begin(): void {
    this.#noted = [];
    this.#refresh();
  }

  #refresh(): void {
    this.#places.forEach((place, i) => {
      this.#core.u64[(L.CATCH_STATE + 16 + i * 16 + 8) / 8] = readPlace(this.#core, place);
    });
  }

  // ---------------------------------------------------------------- told by the core and the board
  wantsPort(port: number, size: number): boolean {
    return this.#list.some((one) => one.kind === "port" && port <= one.last && port + size > one.first);
  }

  port(port: number, size: number, access: "read" | "write", value: number): boolean {
    if (!this.wantsPort(port, size)) return false;
    this.#note({ kind: "port", at: this.#executing(), port, size, access, value: BigInt(value) });
    return true;
  }

  interrupt(vector: number): void {
    if (!this.#list.some(({ kind }) => kind === "interrupt")) return;
    this.#note({ kind: "interrupt", at: this.#linearOfRip(this.#core.u64[L.RIP / 8]!), vector });
  }

  register(kind: Ct, register: number, value: bigint): void {
    if (kind === Ct.NMI) this.interrupt(NMI);
    else if (kind === Ct.TRAP) {
      this.#note({ kind: "exception", at: this.#linearOfRip(this.#core.u64[L.RIP / 8]!), vector: register });
    } else if (kind === Ct.MSR_READ || kind === Ct.MSR_WRITE) {
      this.#access("msr", `msr:0x${register.toString(16)}`, kind === Ct.MSR_READ, value);
    } else {
      this.#access("control", register === XCR0 ? "xcr0" : `cr${register}`, kind === Ct.CR_READ, value);
    }
  }

  #access(kind: "control" | "msr", register: string, isRead: boolean, value: bigint): void {
    const access = isRead ? "read" : "write";
    this.#note({ kind, at: this.#executing(), register, access, ...(isRead ? { value } : { before: value }) });
  }

  #note(noted: Noted): void {
    if (this.#noted.length < MAX_NOTED) this.#noted.push(noted);
    this.#core.exports.attention();
  }

  /** Linear address of the instruction under way. */
  #executing(): bigint {
    const { u8, u32, u64 } = this.#core;
    return this.#linearOfRip(u64[(L.REGS + L.REG_BLOCK_RIP) / 8]! + BigInt(u8[u32[L.CUR_OP / 4]! + 7]!));
  }

  // ---------------------------------------------------------------- at the end of a stretch in the core
  /** What was caught when the core came back; undefined: nothing, or the conditions do not hold. */
  take(exit: Exit): Caught | undefined {
    const noted = this.#noted;
    this.#noted = [];
    this.#readers.fresh();
    const { u32, u64 } = this.#core;
    const detail = u32[L.EXIT_DETAIL / 4]!;
    const at = this.#linearOfRip(u64[L.RIP / 8]!);
    if (exit === Exit.EXCEPTION) noted.push({ kind: "exception", at, ...this.#exception(detail) });
    else if (exit === Exit.STATE) noted.push(...this.#changes(at));
    else if (exit === Exit.CATCH) {
      const isInterrupt = (detail & 0xff) === (Ct.INT as number);
      noted.push(isInterrupt ? { kind: "softwareInterrupt", at, vector: detail >> 8 } : { kind: "instruction", at });
    }
    for (const one of noted) {
      const whole: Noted =
        one.access === "write" && one.register !== undefined ? { ...one, ...this.#written(one.register) } : one;
      const catches = this.#matching(whole, detail & 0xff);
      if (catches.length > 0) return { ...whole, catches };
    }
    return undefined;
  }

  /** The machine stands before XCHG BX,BX. */
  magic(): Caught | undefined {
    this.#readers.fresh();
    const noted: Noted = { kind: "instruction", at: this.#linearOfRip(this.#core.u64[L.RIP / 8]!) };
    const catches = this.#matching(noted, Ct.MAGIC);
    return catches.length > 0 ? { ...noted, catches } : undefined;
  }

  #written(register: string): Pick<Noted, "value"> {
    const value = this.#valueOf(register);
    return value === undefined ? {} : { value };
  }

  #exception(vector: number): Pick<Noted, "vector" | "error" | "address"> {
    const { u32, u64 } = this.#core;
    return {
      vector,
      ...(u32[L.EXC_HAS_ERROR / 4] === 1 ? { error: u32[L.EXC_ERROR / 4]! } : {}),
      ...(vector === PAGE_FAULT ? { address: u64[L.CR2 / 8]! } : {}),
    };
  }

  #changes(at: bigint): Noted[] {
    const changed = this.#places.flatMap((place, i): Noted[] => {
      const before = this.#core.u64[(L.CATCH_STATE + 16 + i * 16 + 8) / 8]!;
      const value = readPlace(this.#core, place);
      return value === before ? [] : [{ kind: "register", at, register: place.register, before, value }];
    });
    this.#refresh();
    return changed;
  }

  #matching(noted: Noted, instruction: Ct): number[] {
    this.#current = noted;
    const found = this.#list.flatMap((one, i) => (isFor(one, noted, instruction) && one.holds() ? [i] : []));
    this.#current = undefined;
    return found;
  }

  #detail(name: string): bigint | undefined {
    const now = this.#current;
    switch (name) {
      case "vector":
      case "error":
      case "port":
      case "size":
        return now?.[name] === undefined ? undefined : BigInt(now[name]);
      case "exception":
        return now?.vector === undefined ? undefined : BigInt(now.vector);
      case "value":
      case "before":
        return now?.[name];
      default:
        return undefined;
    }
  }
}

const everyVector = (): number[] => Array.from({ length: VECTORS }, (_, vector) => vector);

function accessBits(access: "read" | "write" | "readWrite" | "change", read: Ct, write: Ct): number {
  return (access === "read" || access === "readWrite" ? 1 << read : 0) | (access === "read" ? 0 : 1 << write);
}

const INSTRUCTIONS: Partial<Record<Ct, string>> = { [Ct.HLT]: "hlt", [Ct.SYSCALL]: "syscall", [Ct.MAGIC]: "magic" };

/** Whether a catch is for what was noted, its condition aside. */
function isFor(one: Catch, noted: Noted, instruction: Ct): boolean {
  if (one.kind !== noted.kind) return false;
  switch (one.kind) {
    case "exception":
    case "interrupt":
    case "softwareInterrupt":
      return one.vectors === undefined || one.vectors.includes(noted.vector ?? -1);
    case "instruction":
      return INSTRUCTIONS[instruction] === one.instruction;
    case "port": {
      const { port = 0, size = 1 } = noted;
      return port <= one.last && port + size > one.first && permits(one.access, noted);
    }
    case "msr":
      return noted.register === `msr:0x${one.index.toString(16)}` && permits(one.access, noted);
    case "control":
      return noted.register === one.register && permits(one.access, noted);
    case "register":
      return noted.register === one.register;
  }
}

function permits(access: "read" | "write" | "readWrite" | "change", noted: Noted): boolean {
  if (access === "change") return noted.access === "write" && noted.before !== noted.value;
  return access === "readWrite" || access === noted.access;
}
