/** Code as the client sees it: disassembly in the size that runs there, with the source lines that are known of it. */
import type { DebugProtocol } from "@vscode/debugprotocol";
import { lin } from "./address.ts";
import type { Address } from "./address.ts";
import { integerOf, optionalInteger } from "./arguments.ts";
import type { Arguments } from "./arguments.ts";
import { CodeMap } from "./code-map.ts";
import type { CodeAnchor } from "./code-map.ts";
import { disassemble, instructionAt, wireInstruction } from "./disassembly.ts";
import { ipMinusLinear, referenceOf } from "./memory.ts";
import { codeBits, linearIp } from "./registers.ts";
import { wireSource } from "./sources.ts";
import type { SourceLine, Sources } from "./sources.ts";
import type { CpuState, Target } from "./target.ts";

/** Instructions that one request may ask for, and look back. */
const MAX_INSTRUCTIONS = 1 << 16;
const PAGE = ~0xfffn;
/** Paging is on (SDM vol. 3, 2.5). */
const CR0_PG = 1n << 31n;

export class CodeView {
  readonly #target: Target;
  readonly #sources: Sources;
  readonly #map = new CodeMap();
  /** Lines of the processor states that were asked about: a stop is asked about more than once. */
  #lines = new WeakMap<CpuState, Promise<SourceLine | undefined>>();

  constructor(target: Target, sources: Sources) {
    this.#target = target;
    this.#sources = sources;
  }

  /** The machine is another one: nothing was seen to run yet. */
  clear(): void {
    this.#map.clear();
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

  /** The standard `disassemble` request. */
  async disassemble(args: Arguments): Promise<NonNullable<DebugProtocol.DisassembleResponse["body"]>> {
    const cpu = await this.#target.cpu();
    const list = await disassemble(
      {
        at: referenceOf(args),
        instructionOffset: optionalInteger(args, "instructionOffset", -MAX_INSTRUCTIONS, MAX_INSTRUCTIONS) ?? 0,
        count: integerOf(args, "instructionCount", 0, MAX_INSTRUCTIONS),
        bits: codeBits(cpu.mode),
        ipMinusLinear: ipMinusLinear(cpu),
        anchors: (from, end) => this.#map.within(from, end),
      },
      (...where) => this.#target.readMemory(...where),
    );
    const physical = this.#translator();
    const instructions: DebugProtocol.DisassembledInstruction[] = [];
    for (const one of list) {
      const line = one.valid ? await this.#lineAt(await physical(one.at), one.bytes) : undefined;
      instructions.push({
        ...wireInstruction(one),
        ...(line === undefined ? {} : { location: wireSource(line.path), line: line.line }),
      });
    }
    return { instructions };
  }

  #lineAt(physical: bigint | undefined, code: Uint8Array): Promise<SourceLine | undefined> {
    return this.#sources.lineAt(physical, code, (...where) => this.#target.readMemory("phys", ...where));
  }

  /** Physical addresses, with one walk a page. */
  #translator(): (at: Address) => Promise<bigint | undefined> {
    const pages = new Map<bigint, bigint | undefined>();
    return async ({ space, address }) => {
      if (space === "phys") return address;
      const page = address & PAGE;
      if (!pages.has(page)) pages.set(page, (await this.#target.walk(page)).physical);
      const base = pages.get(page);
      return base === undefined ? undefined : base + (address - page);
    };
  }
}
