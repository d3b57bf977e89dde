/** Code as the client sees it: disassembly in the size that runs there, with the source lines that are known of it. */
import type { DebugProtocol } from "@vscode/debugprotocol";
import { lin } from "./address.ts";
import type { Address } from "./address.ts";
import { integerOf, optionalBoolean, optionalInteger } from "./arguments.ts";
import type { Arguments } from "./arguments.ts";
import { CodeMap } from "./code-map.ts";
import type { CodeAnchor } from "./code-map.ts";
import { disassemble, instructionAt, wireInstruction } from "./disassembly.ts";
import { ipMinusLinear, referenceOf } from "./memory.ts";
import { codeBits, isSegmentedMode, linearIp, segmentLinear } from "./registers.ts";
import { wireSource } from "./sources.ts";
import type { ReadPhysical, SourceLine, Sources } from "./sources.ts";
import { symbolicInstruction } from "./symbolic-code.ts";
import type { Symbols } from "./symbols.ts";
import type { CpuState, Target } from "./target.ts";

/** Instructions that one request may ask for, and look back. */
const MAX_INSTRUCTIONS = 1 << 16;
const PAGE = 0x1000;
const PAGE_MASK = ~0xfffn;
/** Places that were asked for and are remembered: an instruction begins there to the client. */
const MAX_ASKED = 64;
/** Paging is on (SDM vol. 3, 2.5). */
const CR0_PG = 1n << 31n;

export class CodeView {
  readonly #target: Target;
  readonly #sources: Sources;
  readonly #symbols: Symbols;
  readonly #map = new CodeMap();
  readonly #asked = new Set<bigint>();
  /** Lines of the processor states that were asked about: a stop is asked about more than once. */
  #lines = new WeakMap<CpuState, Promise<SourceLine | undefined>>();

  constructor(target: Target, sources: Sources, symbols: Symbols) {
    this.#target = target;
    this.#sources = sources;
    this.#symbols = symbols;
  }

  /** The machine is another one: nothing was seen to run yet. */
  clear(): void {
    this.#map.clear();
    this.#asked.clear();
    this.#lines = new WeakMap();
  }

  /** The machine stands here. */
  note(cpu: CpuState): void {
    this.#map.note(linearIp(cpu), codeBits(cpu.mode));
  }

  /** What was seen to run from a linear address up to another, in order. */
  seen(from: bigint, end: bigint): CodeAnchor[] {
    return this.#map.within(from, end);
  }

  /** The source line of the next instruction. */
  lineOf(cpu: CpuState): Promise<SourceLine | undefined> {
    let line = this.#lines.get(cpu);
    if (line === undefined) this.#lines.set(cpu, (line = this.#findLine(cpu)));
    return line;
  }

  async #findLine(cpu: CpuState): Promise<SourceLine | undefined> {
    const at = lin(linearIp(cpu));
    const paging = (cpu.cr0 & CR0_PG) !== 0n;
    const physical = paging ? (await this.#target.walk(at.address)).physical : BigInt.asUintN(32, at.address);
    if (physical === undefined || !this.#sources.covers(physical)) return undefined;
    const one = await instructionAt(at, codeBits(cpu.mode), (...where) => this.#target.readMemory(...where));
    return one && this.#lineAt(physical, one.bytes);
  }

  /** The standard `disassemble` request; in names unless `resolveSymbols` is false. */
  async disassemble(args: Arguments): Promise<NonNullable<DebugProtocol.DisassembleResponse["body"]>> {
    const cpu = await this.#target.cpu();
    const at = referenceOf(args);
    const instructionOffset = optionalInteger(args, "instructionOffset", -MAX_INSTRUCTIONS, MAX_INSTRUCTIONS) ?? 0;
    const count = integerOf(args, "instructionCount", 0, MAX_INSTRUCTIONS);
    const inNames = optionalBoolean(args, "resolveSymbols") !== false;
    if (inNames) await this.#symbols.ready();
    this.#ask(at);
    const memory = this.#memory(cpu);
    const list = await disassemble(
      {
        at,
        instructionOffset,
        count,
        bits: codeBits(cpu.mode),
        ipMinusLinear: ipMinusLinear(cpu),
        anchors: (from, end) => this.#map.within(from, end),
        starts: (from, end) => this.#starts(from, end),
      },
      (...where) => this.#target.readMemory(...where),
    );
    const context = {
      ipMinusLinear: ipMinusLinear(cpu),
      dataBase: segmentLinear(cpu, "ds", 0n),
      bits: codeBits(cpu.mode),
      segmented: isSegmentedMode(cpu.mode),
      describe: (where: Address) => this.#symbols.describe(where, memory),
      read: (linear: bigint, length: number) => this.#target.readMemory("lin", linear, length),
    };
    const instructions: DebugProtocol.DisassembledInstruction[] = [];
    for (const one of list) {
      const line = one.valid
        ? await this.#sources.lineAt(await memory.physical(one.at), one.bytes, memory.readPhysical)
        : undefined;
      instructions.push({
        ...(inNames ? await symbolicInstruction(one, context) : wireInstruction(one)),
        ...(line === undefined ? {} : { location: wireSource(line.path), line: line.line }),
      });
    }
    return { instructions };
  }

  #ask({ space, address }: Address): void {
    if (space !== "lin") return;
    this.#asked.delete(address);
    this.#asked.add(address);
    if (this.#asked.size <= MAX_ASKED) return;
    const [oldest] = this.#asked;
    if (oldest !== undefined) this.#asked.delete(oldest);
  }

  #starts(from: bigint, end: bigint): bigint[] {
    const asked = [...this.#asked].filter((address) => address >= from && address < end);
    return [...this.#symbols.codeBetween(from, end), ...asked];
  }

  #lineAt(physical: bigint | undefined, code: Uint8Array): Promise<SourceLine | undefined> {
    return this.#sources.lineAt(physical, code, (...where) => this.#target.readMemory("phys", ...where));
  }

  /** Memory for one request, which asks for much of the same: each page is walked to and read once. */
  #memory(cpu: CpuState): { physical(at: Address): Promise<bigint | undefined>; readPhysical: ReadPhysical } {
    const walks = new Map<bigint, Promise<bigint | undefined>>();
    const pages = new Map<bigint, Promise<Uint8Array>>();
    const paging = (cpu.cr0 & CR0_PG) !== 0n;
    const physical = async ({ space, address }: Address): Promise<bigint | undefined> => {
      if (space === "phys") return address;
      if (!paging) return BigInt.asUintN(32, address);
      const page = address & PAGE_MASK;
      let base = walks.get(page);
      if (base === undefined) walks.set(page, (base = this.#target.walk(page).then((walk) => walk.physical)));
      const start = await base;
      return start === undefined ? undefined : start + (address - page);
    };
    const readPhysical: ReadPhysical = async (address, length) => {
      const page = address & PAGE_MASK;
      const offset = Number(address - page);
      // What goes over the end of a page is rare.
      if (offset + length > PAGE) return this.#target.readMemory("phys", address, length);
      let bytes = pages.get(page);
      if (bytes === undefined) pages.set(page, (bytes = this.#target.readMemory("phys", page, PAGE)));
      return (await bytes).subarray(offset, offset + length);
    };
    return { physical, readPhysical };
  }
}
