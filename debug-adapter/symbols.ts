/**
 * Symbols of all that runs: of the user's own files, of the kernel in memory, and of the built-in firmware, loader and demo.
 * The kernel's are read when one is first asked for after the kernel has begun (kernel-symbols.ts).
 */
import path from "node:path";
import { SymbolIndex } from "../boot-formats/symbol-table.ts";
import type { SymbolEntry, SymbolPlace } from "../boot-formats/symbol-table.ts";
import { hex, lin, phys } from "./address.ts";
import type { Address } from "./address.ts";
import type { SymbolTable } from "./expressions/symbols.ts";
import { inKernelImage, readKernelSymbols } from "./kernel-symbols.ts";
import type { KernelSymbols } from "./kernel-symbols.ts";
import type { ModuleSymbol, ReadPhysical, SourceModule, Sources } from "./sources.ts";
import type { PhaseName, Target, TargetConfig } from "./target.ts";

/** Addresses of a System.map or the like: nothing but names. */
export interface SymbolList {
  /** Path of the file. */
  file: string;
  symbols: readonly SymbolEntry[];
  /** Added to the addresses. */
  offset: bigint;
}

/** Paging is on (SDM vol. 3, 2.5). */
const CR0_PG = 1n << 31n;
/** What KASLR moves a kernel by is searched for in these steps, so far (CONFIG_PHYSICAL_ALIGN, RANDOMIZE_BASE_MAX_OFFSET). */
const SLIDE_STEP = 0x20_0000n;
const SLIDE_MAX = 0x4000_0000n;
const BANNER = "Linux version ";
/** The module of what was found in memory. */
const KERNEL = "kernel";

/** What symbols need of the session. */
export interface SymbolServices {
  /** Guest RAM in bytes. */
  memoryBytes(): number;
  /** A line for the user. */
  tell(line: string): void;
  /** Names that were not known may be known now. */
  changed(): Promise<void>;
}

/** How memory is looked at: a caller with many questions brings its own, which remembers. */
export interface SymbolReader {
  /** Physical address of what is mapped there. */
  physical(at: Address): Promise<bigint | undefined>;
  readPhysical: ReadPhysical;
}

interface List extends SymbolList {
  index: SymbolIndex;
  /** Whether these are a Linux kernel's, which moves itself. */
  linux: boolean;
  /** How far it was moved; undefined while that is not known. */
  slide: bigint | undefined;
}

export class Symbols implements SymbolTable {
  readonly #target: Target;
  readonly #sources: Sources;
  readonly #services: SymbolServices;
  #lists: List[] = [];
  /** Folders of the built-in sources that this boot runs. */
  #builtin: ReadonlySet<string> = new Set();
  #kernel: KernelSymbols | undefined;
  #phase: PhaseName | undefined;
  #reading: { phase: PhaseName; done: Promise<void> } | undefined;
  /** Somebody asked for a name that was not known. */
  #missed = false;

  constructor(target: Target, sources: Sources, services: SymbolServices) {
    this.#target = target;
    this.#sources = sources;
    this.#services = services;
  }

  /** What is to be launched runs these parts of ours, and these lists of the user's hold for it. */
  use({ boot, firmware, kernel, demo }: TargetConfig, lists: readonly SymbolList[]): void {
    this.#lists = lists.map((list) => {
      const index = new SymbolIndex(list.symbols);
      const linux = index.byName("linux_banner") !== undefined || index.byName("start_kernel") !== undefined;
      return { ...list, index, linux, slide: linux ? undefined : 0n };
    });
    const folders = [
      ...(boot === "full" && firmware === "builtin" ? ["bios"] : []),
      ...(boot === "full" && kernel !== undefined ? ["loader"] : []),
      ...(demo === true ? ["demo"] : []),
    ];
    this.#builtin = new Set(folders);
  }

  /** A machine is about to start: its kernel may lie elsewhere than the last one's. */
  restart(): void {
    for (const list of this.#lists) if (list.linux) list.slide = undefined;
    this.#kernel = undefined;
    this.#phase = undefined;
    this.#reading = undefined;
  }

  /** The machine has entered a phase. */
  began(phase: PhaseName): void {
    this.#phase = phase;
  }

  /** The machine stands at the kernel's first instruction: reads its symbols, if one was asked for in vain. */
  async kernelBegins(): Promise<void> {
    if (this.#missed) await this.ready();
  }

  /** Reads what there is to be read by now. Until then names are looked up in what is known. */
  async ready(): Promise<void> {
    const phase = this.#phase;
    if ((phase !== "kernel" && phase !== "init") || this.#kernel !== undefined) return;
    // A kernel that has none when it begins may have been another one, as a hypervisor or a second loader.
    if (this.#reading?.phase !== phase) this.#reading = { phase, done: this.#read() };
    await this.#reading.done;
    if (this.#kernel === undefined) await this.#findSlides();
  }

  lookup(name: string): Address | undefined {
    const found = this.#own(name) ?? this.#ofKernel(name) ?? this.#ofLists(name) ?? this.#ofBuiltin(name);
    this.#missed ||= found === undefined;
    return found;
  }

  startingWith(prefix: string, limit: number): string[] {
    const names = [
      ...this.#sources.own.flatMap((module) => module.symbolsStartingWith?.(prefix, limit) ?? []),
      ...(this.#kernel?.index.startingWith(prefix, limit) ?? []),
      ...this.#lists.flatMap(({ index }) => index.startingWith(prefix, limit)),
      ...this.#builtinModules().flatMap((module) => module.symbolsStartingWith?.(prefix, limit) ?? []),
    ];
    return [...new Set(names)].slice(0, limit);
  }

  /**
   * The symbol that an address belongs to, and how far behind its beginning. A name of a module counts only where memory
   * holds that module's bytes.
   */
  async describe(at: Address, via: SymbolReader = this.#reader): Promise<ModuleSymbol | undefined> {
    await this.ready();
    if (at.space === "lin") {
      const known = this.#linear(at.address);
      if (known !== undefined) return known;
    }
    const physical = await via.physical(at);
    if (physical === undefined) return undefined;
    const own = await this.#sources.symbolAt(physical, via.readPhysical);
    if (own !== undefined) return own;
    // Before it has its own page tables a kernel runs where it was loaded.
    const asLoaded = at.space === "phys" || (physical === at.address && (await this.#target.cpu()).cpl === 0);
    return asLoaded && this.#kernel !== undefined ? ofModule(KERNEL, inKernelImage(this.#kernel, physical)) : undefined;
  }

  /** Linear addresses at which code begins, by the symbols known now. */
  codeBetween(from: bigint, end: bigint): bigint[] {
    const lists = this.#lists.flatMap(({ index, offset, slide }) => {
      if (slide === undefined) return [];
      const moved = offset + slide;
      return index.textBetween(from - moved, end - moved).map((address) => address + moved);
    });
    return [...(this.#kernel?.index.textBetween(from, end) ?? []), ...lists];
  }

  #linear(address: bigint): ModuleSymbol | undefined {
    const kernel = this.#kernel;
    if (kernel !== undefined && address >= kernel.start && address < kernel.end) {
      return ofModule(KERNEL, kernel.index.at(address));
    }
    for (const { file, index, offset, slide } of this.#lists) {
      const found = slide === undefined ? undefined : index.at(address - offset - slide);
      if (found !== undefined) return ofModule(path.basename(file), found);
    }
    return undefined;
  }

  #own(name: string): Address | undefined {
    return firstAddress(this.#sources.own, name);
  }

  #ofBuiltin(name: string): Address | undefined {
    return firstAddress(this.#builtinModules(), name);
  }

  #builtinModules(): readonly SourceModule[] {
    if (this.#builtin.size === 0) return [];
    return this.#sources.builtin.filter(({ files }) => this.#builtin.has(path.basename(path.dirname(files[0] ?? ""))));
  }

  #ofKernel(name: string): Address | undefined {
    const found = this.#kernel?.index.byName(name);
    return found && lin(found.address);
  }

  #ofLists(name: string): Address | undefined {
    for (const { index, offset, slide } of this.#lists) {
      const found = slide === undefined ? undefined : index.byName(name);
      if (found !== undefined) return lin(found.address + offset + (slide ?? 0n));
    }
    return undefined;
  }

  readonly #reader: SymbolReader = {
    physical: async ({ space, address }) => {
      if (space === "phys") return address;
      const { cr0 } = await this.#target.cpu();
      if ((cr0 & CR0_PG) === 0n) return BigInt.asUintN(32, address);
      return (await this.#target.walk(address)).physical;
    },
    readPhysical: (...where) => this.#target.readMemory("phys", ...where),
  };

  async #read(): Promise<void> {
    const atEntry = (await this.#target.phases()).at(-1);
    const { icount } = await this.#target.cpu();
    const stands = atEntry?.name === "kernel" && atEntry.icount === icount;
    const found = await readKernelSymbols(this.#target, this.#services.memoryBytes(), stands);
    if (found === undefined) return;
    this.#kernel = found;
    this.#services.tell(found.text);
    const start = found.index.byName("_text")?.address;
    for (const list of this.#lists) {
      const linked = list.index.byName("_text")?.address;
      if (list.linux && linked !== undefined && start !== undefined) this.#moved(list, start - linked - list.offset);
    }
    await this.#services.changed();
  }

  /** A kernel without a table of its own has its banner where the list says, and as far from there as it was moved. */
  async #findSlides(): Promise<void> {
    for (const list of this.#lists) {
      const banner = list.index.byName("linux_banner");
      if (list.slide !== undefined || banner === undefined) continue;
      for (let slide = 0n; slide < SLIDE_MAX; slide += SLIDE_STEP) {
        const bytes = await this.#target.readMemory("lin", banner.address + list.offset + slide, BANNER.length);
        if (Buffer.from(bytes).toString("latin1") !== BANNER) continue;
        this.#moved(list, slide);
        await this.#services.changed();
        break;
      }
    }
  }

  #moved(list: List, slide: bigint): void {
    list.slide = slide;
    const how = slide === 0n ? "not moved by KASLR" : `KASLR slide ${hex(slide)}`;
    this.#services.tell(`${list.index.size.toLocaleString("en-US")} symbols from ${list.file}, ${how}.`);
  }
}

const ofModule = (module: string, found: SymbolPlace | undefined): ModuleSymbol | undefined =>
  found && { ...found, module };

function firstAddress(modules: readonly SourceModule[], name: string): Address | undefined {
  for (const module of modules) {
    const found = module.symbolAddress?.(name);
    if (found !== undefined) return found.linear === undefined ? phys(BigInt(found.physical)) : lin(found.linear);
  }
  return undefined;
}
