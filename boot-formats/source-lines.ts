/** Which source line the code at a physical address came from, and back (docs/firmware.md). */
import { parseLineTable } from "./dwarf-lines.ts";
import { parseElf, PT_LOAD } from "./elf.ts";
import { elfSymbols } from "./elf-symbols.ts";
import { FormatError } from "./errors.ts";
import { SymbolIndex } from "./symbol-table.ts";
import type { SymbolPlace } from "./symbol-table.ts";

/** A run of code of one line: from `address` on, as addresses of the module go. */
export interface SourceRow {
  address: number;
  /** Index in the module's files; -1 where no line is known. */
  file: number;
  line: number;
}

/** A label or function. */
export interface ModuleSymbol {
  name: string;
  /** As nm shows it (symbol-table.ts). */
  type: string;
  /** Of the module. */
  address: number;
  /** Bytes, 0 where they are not known. */
  size: number;
  /** Linear address at which it runs, where that is another one than the physical. */
  linear?: bigint;
}

export interface SourceCode {
  /** Of the module. */
  address: number;
  bytes: Uint8Array;
  /** A 1 for each byte that memory may have otherwise. */
  unknown?: Uint8Array;
}

/** One assembled or linked piece of code. */
export interface SourceModuleData {
  /** Physical addresses at which the module's address 0 appears: more than one where memory shows it at several places. */
  bases: readonly number[];
  files: readonly string[];
  /** Ascending addresses. */
  rows: readonly SourceRow[];
  code: readonly SourceCode[];
  symbols?: readonly ModuleSymbol[];
}

/** What dist/firmware/lines.json holds. */
interface LineFile {
  files: string[];
  modules: {
    bases: number[];
    code: { address: number; base64: string }[];
    rows: [number, number, number][];
    /** Name, type, address, size. */
    symbols: [string, string, number, number][];
  }[];
}

const MAX_MODULES = 1000;

export class SourceLines {
  readonly #data: SourceModuleData;
  /** Addresses (of the module) of each "file:line". */
  readonly #addresses = new Map<string, number[]>();
  readonly #symbols: SymbolIndex;

  constructor(data: SourceModuleData) {
    this.#data = data;
    for (const { address, file, line } of data.rows) {
      const path = data.files[file];
      if (path === undefined) continue;
      const key = `${line}:${path}`;
      const known = this.#addresses.get(key);
      if (known) known.push(address);
      else this.#addresses.set(key, [address]);
    }
    this.#symbols = new SymbolIndex(
      (data.symbols ?? []).map(({ name, type, address, size }) => ({
        name,
        type,
        address: BigInt(address),
        size: BigInt(size),
      })),
    );
  }

  /** Paths of its sources. */
  get files(): readonly string[] {
    return this.#data.files;
  }

  /** Source file and line (from 1) of the code at a physical address. */
  lineAt(physical: number): { path: string; line: number } | undefined {
    const { bases, rows, files } = this.#data;
    for (const base of bases) {
      const address = physical - base;
      if (!this.#codeAt(address, 1)) continue;
      const row = rows[lastAtOrBelow(rows, address)];
      const path = row && files[row.file];
      if (row && path !== undefined) return { path, line: row.line };
    }
    return undefined;
  }

  /** Physical addresses at which runs of a line's code begin. */
  addressesOf(path: string, line: number): number[] {
    const addresses = this.#addresses.get(`${line}:${path}`) ?? [];
    return this.#data.bases.flatMap((base) => addresses.map((address) => base + address));
  }

  /** The module's own bytes at a physical address; undefined when it does not have all of them. */
  bytesAt(physical: number, length: number): Uint8Array | undefined {
    for (const base of this.#data.bases) {
      const bytes = this.#codeAt(physical - base, length);
      if (bytes) return bytes;
    }
    return undefined;
  }

  /** Whether the module's byte at a physical address is what memory must hold there. */
  isKnown(physical: number): boolean {
    return this.#data.bases.some((base) =>
      this.#data.code.some(
        ({ address, bytes, unknown }) =>
          physical - base >= address &&
          physical - base < address + bytes.length &&
          unknown?.[physical - base - address] !== 1,
      ),
    );
  }

  /** The label that code at a physical address stands behind. */
  symbolAt(physical: number): SymbolPlace | undefined {
    for (const base of this.#data.bases) {
      const found = this.#codeAt(physical - base, 1) && this.#symbols.at(BigInt(physical - base));
      if (found) return found;
    }
    return undefined;
  }

  /** Where a label is: its physical address, and the linear one if that is another. */
  symbolAddress(name: string): { physical: number; linear?: bigint } | undefined {
    if (this.#symbols.byName(name) === undefined) return undefined;
    const found = this.#data.symbols?.find((one) => one.name === name);
    if (found === undefined) return undefined;
    return {
      physical: (this.#data.bases[0] ?? 0) + found.address,
      ...(found.linear === undefined ? {} : { linear: found.linear }),
    };
  }

  /** Names of labels that begin so, at most `limit`. */
  symbolsStartingWith(prefix: string, limit: number): string[] {
    return this.#symbols.startingWith(prefix, limit);
  }

  #codeAt(address: number, length: number): Uint8Array | undefined {
    const chunk = this.#data.code.find(
      (one) => address >= one.address && address + length <= one.address + one.bytes.length,
    );
    return chunk?.bytes.subarray(address - chunk.address, address - chunk.address + length);
  }
}

/** Index of the last row at or below an address; -1 when there is none. */
function lastAtOrBelow(rows: readonly SourceRow[], address: number): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle]!.address <= address) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/**
 * The symbols and (by its DWARF line information) the source lines of a linked ELF file. Its segments' physical addresses
 * count (`p_paddr`), moved by the bases. Throws FormatError when it is no ELF file, not linked, or has neither.
 */
export function sourceLinesOfElf(bytes: Uint8Array, bases: readonly number[] = [0]): SourceModuleData {
  const elf = parseElf(bytes);
  if (elf.segments.length === 0) {
    throw new FormatError("The ELF file has no segments: a linked program was expected, rather than an object file.");
  }
  const section = (name: string): Uint8Array | undefined => {
    const found = elf.sections.find((one) => one.name === name);
    return found && bytes.subarray(found.offset, found.offset + found.fileSize);
  };
  const lines = section(".debug_line");
  const labels = elfSymbols(bytes, elf);
  if (!lines && labels.length === 0) {
    throw new FormatError("The ELF file has neither symbols nor a section .debug_line: assemble it with -g.");
  }
  const [lineStrings, strings] = [section(".debug_line_str"), section(".debug_str")];
  const loaded = elf.segments.filter(({ type, fileSize }) => type === PT_LOAD && fileSize > 0);
  const physical = (address: bigint, within: "file" | "memory" = "file"): number | undefined => {
    for (const { virtualAddress, physicalAddress, fileSize, memorySize } of loaded) {
      const offset = address - virtualAddress;
      if (offset >= 0n && offset <= (within === "file" ? BigInt(fileSize) : memorySize))
        return Number(physicalAddress + offset);
    }
    return undefined;
  };
  const numbers = new Map<string, number>();
  const rows: SourceRow[] = [];
  const table = lines
    ? parseLineTable({ lines, ...(lineStrings ? { lineStrings } : {}), ...(strings ? { strings } : {}) })
    : [];
  for (const { address, file, line } of table) {
    const at = physical(address);
    if (at === undefined) continue;
    if (file !== undefined && !numbers.has(file)) numbers.set(file, numbers.size);
    rows.push({ address: at, file: file === undefined ? -1 : numbers.get(file)!, line });
  }
  return {
    bases,
    files: [...numbers.keys()],
    rows: tidy(rows),
    code: loaded.map(({ physicalAddress, offset, fileSize }) => ({
      address: Number(physicalAddress),
      bytes: bytes.subarray(offset, offset + fileSize),
    })),
    symbols: labels.flatMap(({ name, type, address, size }): ModuleSymbol[] => {
      const at = physical(address, "memory");
      // A constant is no place, even if it looks like one.
      if (at === undefined || type.toUpperCase() === "A") return [];
      const linear = BigInt(at) === address ? {} : { linear: address };
      return [{ name, type, address: at, size: Number(size ?? 0n), ...linear }];
    }),
  };
}

/**
 * In ascending order, one row an address and one for a run of the same line: what a macro makes of a line is one step. Where
 * one sequence ends and another begins, the beginning counts.
 */
function tidy(rows: SourceRow[]): SourceRow[] {
  const sorted = rows
    .map((row, order) => ({ row, order }))
    .sort(
      (a, b) => a.row.address - b.row.address || Number(b.row.file < 0) - Number(a.row.file < 0) || a.order - b.order,
    )
    .map(({ row }) => row);
  const kept: SourceRow[] = [];
  sorted.forEach((row, index) => {
    if (sorted[index + 1]?.address === row.address) return;
    const last = kept[kept.length - 1];
    if (last?.file !== row.file || last.line !== row.line) kept.push(row);
  });
  return kept;
}

/** Several modules as the text of a file; `readSourceLines` reads it. */
export function writeSourceLines(modules: readonly SourceModuleData[]): string {
  const files = [...new Set(modules.flatMap((one) => one.files))];
  const content: LineFile = {
    files,
    modules: modules.map((one) => ({
      bases: [...one.bases],
      code: one.code.map(({ address, bytes }) => ({ address, base64: toBase64(bytes) })),
      rows: one.rows.map(({ address, file, line }) => [address, file < 0 ? -1 : files.indexOf(one.files[file]!), line]),
      symbols: (one.symbols ?? []).map(({ name, type, address, size }) => [name, type, address, size]),
    })),
  };
  return JSON.stringify(content);
}

function toBase64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

/**
 * The modules of such a file; `resolve` gives the path at which a source of that name can be opened. Throws FormatError
 * when the text is something else.
 */
export function readSourceLines(text: string, resolve: (file: string) => string): SourceLines[] {
  let content: LineFile;
  try {
    content = JSON.parse(text) as LineFile;
    if (content.modules.length > MAX_MODULES) throw new RangeError("it has too many modules");
    return content.modules.map(({ bases, code, rows, symbols }) => {
      const used = [...new Set(rows.map(([, file]) => file))].filter((file) => content.files[file] !== undefined);
      return new SourceLines({
        bases,
        files: used.map((file) => resolve(content.files[file]!)),
        rows: rows.map(([address, file, line]) => ({ address, file: used.indexOf(file), line })),
        code: code.map(({ address, base64 }) => ({
          address,
          bytes: Uint8Array.from(atob(base64), (char) => char.charCodeAt(0)),
        })),
        symbols: symbols.map(([name, type, address, size]) => ({ name, type, address, size })),
      });
    });
  } catch (error) {
    throw new FormatError(`The table of source lines cannot be read: ${(error as Error).message}.`);
  }
}
