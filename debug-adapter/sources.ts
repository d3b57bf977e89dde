/**
 * Source lines of the code in memory: of the built-in firmware, loader and demo, and of what the launch configuration
 * names. A module's lines count only where memory holds that module's very bytes: another boot sector at 0x7c00 is not
 * taken for ours.
 */
import path from "node:path";
import type { DebugProtocol } from "@vscode/debugprotocol";
import type { SymbolPlace } from "../boot-formats/symbol-table.ts";

/** One assembled or linked piece of code, at its guest physical addresses. */
export interface SourceModule {
  /** Source file and line of the instruction at an address. */
  lineAt(physical: number): SourceLine | undefined;
  /** The addresses at which a line's code begins. */
  addressesOf(file: string, line: number): readonly number[];
  /** Absolute paths of its sources. */
  readonly files: readonly string[];
  /** The bytes that it has at an address; undefined when it has not all of them. */
  bytesAt(physical: number, length: number): Uint8Array | undefined;
  /** Whether its byte there is what memory must hold; a listing does not tell all of them. True unless given. */
  isKnown?(physical: number): boolean;
  /** The label that an address stands behind. */
  symbolAt?(physical: number): SymbolPlace | undefined;
  /** Where a label is; `linear` if that is another address than the physical one. */
  symbolAddress?(name: string): { physical: number; linear?: bigint } | undefined;
  /** Names of labels that begin so. */
  symbolsStartingWith?(prefix: string, limit: number): string[];
}

/** A file of the user's, and the code that it tells of. */
interface OwnModule {
  file: string;
  module: SourceModule;
}

/** A symbol, and the module that has it: the name of a file, or of a part of Bootscope. */
export interface ModuleSymbol extends SymbolPlace {
  module: string;
}

export interface SourceLine {
  /** Absolute path. */
  path: string;
  line: number;
}

/** Reads guest physical memory, up to the first byte that is none. */
export type ReadPhysical = (address: bigint, length: number) => Promise<Uint8Array>;

/** Bytes looked at on each side of an instruction, and how many of them may have changed since: loaders keep variables in code. */
const NEIGHBOURHOOD = 24;
/** The same for a label, which has no instruction of its own to compare: all boot sectors begin alike. */
const LABEL_NEIGHBOURHOOD = 96;
const MAY_DIFFER = 1 / 4;
/** Lines that a breakpoint on a line without code may move down. */
const MAX_MOVE = 64;

export class Sources {
  readonly #builtin: () => readonly SourceModule[];
  #own: readonly SourceModule[] = [];
  /** Files of the user's own modules. */
  #files: ReadonlyMap<SourceModule, string> = new Map();

  /** @param builtin gives what Bootscope brings along; asked only when lines are wanted */
  constructor(builtin: () => readonly SourceModule[]) {
    this.#builtin = builtin;
  }

  /** The user's own modules. */
  get own(): readonly SourceModule[] {
    return this.#own;
  }

  get builtin(): readonly SourceModule[] {
    return this.#builtin();
  }

  get #modules(): readonly SourceModule[] {
    return [...this.#own, ...this.#builtin()];
  }

  /** Takes these beside the built-in ones; the user's own come first. */
  use(modules: readonly OwnModule[]): void {
    this.#own = modules.map(({ module }) => module);
    this.#files = new Map(modules.map(({ file, module }) => [module, file]));
  }

  /** Whether there is any line for code at an address, if it is there. */
  covers(physical: bigint): boolean {
    return this.#modules.some((one) => one.bytesAt(Number(physical), 1) !== undefined);
  }

  /** The line of the instruction that memory holds at an address, `code` being its bytes. */
  async lineAt(physical: bigint | undefined, code: Uint8Array, read: ReadPhysical): Promise<SourceLine | undefined> {
    if (physical === undefined || code.length === 0) return undefined;
    const at = Number(physical);
    for (const one of this.#modules) if (await isThere(one, at, code, read)) return one.lineAt(at);
    return undefined;
  }

  /** The label that code or data at an address stands behind, where memory holds that module. */
  async symbolAt(physical: bigint, read: ReadPhysical): Promise<ModuleSymbol | undefined> {
    const at = Number(physical);
    for (const one of this.#modules) {
      const found = one.symbolAt?.(at);
      if (found === undefined || !(await isAround(one, at, read, LABEL_NEIGHBOURHOOD))) continue;
      // Parts of Bootscope have their sources in folders of their names.
      return { ...found, module: path.basename(this.#files.get(one) ?? path.dirname(one.files[0] ?? "")) };
    }
    return undefined;
  }

  /** The first line from `line` on that has code, and where; undefined when there is none near. */
  bind(file: string, line: number): { line: number; addresses: bigint[] } | undefined {
    const own = this.#of(file);
    for (let tried = line; tried <= line + MAX_MOVE; tried++) {
      const addresses = own.flatMap(([module, name]) => module.addressesOf(name, tried));
      if (addresses.length > 0) return { line: tried, addresses: [...new Set(addresses)].map(BigInt) };
    }
    return undefined;
  }

  /** Whether code of that file belongs to an address with these bytes. */
  async isLoaded(file: string, physical: bigint, code: Uint8Array, read: ReadPhysical): Promise<boolean> {
    for (const [module] of this.#of(file)) if (await isThere(module, Number(physical), code, read)) return true;
    return false;
  }

  knows(file: string): boolean {
    return this.#of(file).length > 0;
  }

  /** The modules with code of a file, and how each spells its path. */
  #of(file: string): [SourceModule, string][] {
    return this.#modules.flatMap((module): [SourceModule, string][] => {
      const name = module.files.find((one) => samePath(one, file));
      return name === undefined ? [] : [[module, name]];
    });
  }
}

/** Whether memory holds this module's instruction, and by and large what stands around it: short ones are alike anywhere. */
async function isThere(module: SourceModule, at: number, code: Uint8Array, read: ReadPhysical): Promise<boolean> {
  const own = module.bytesAt(at, code.length);
  const isSame = (byte: number, index: number): boolean =>
    byte === code[index] || module.isKnown?.(at + index) === false;
  return own?.every(isSame) === true && isAround(module, at, read);
}

/** Whether memory around an address is by and large this module's. */
async function isAround(module: SourceModule, at: number, read: ReadPhysical, reach = NEIGHBOURHOOD): Promise<boolean> {
  let compared = 0;
  let differ = 0;
  // Read apart, since there may be no memory in front.
  const places = [Math.max(0, at - reach), at];
  const around = await Promise.all(places.map((from) => read(BigInt(from), reach)));
  for (const [place, memory] of around.entries()) {
    const from = places[place] ?? 0;
    memory.forEach((byte, index) => {
      const expected = module.bytesAt(from + index, 1)?.[0];
      if (expected === undefined || module.isKnown?.(from + index) === false) return;
      compared++;
      if (expected !== byte) differ++;
    });
  }
  return differ <= compared * MAY_DIFFER;
}

const samePath = (one: string, other: string): boolean => path.resolve(one) === path.resolve(other);

export const wireSource = (file: string): DebugProtocol.Source => ({ name: path.basename(file), path: file });
