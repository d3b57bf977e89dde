/**
 * The pages that hold the page tables below a root, read once each however often they are mapped, and what their
 * entries say. Nothing of a guest's tables is trusted: they may be anywhere, and lead to each other in circles.
 */
import type { Target } from "../../target.ts";
import { EXECUTE, PAGE, USER, WRITE, type Paging } from "./paging.ts";

/** Table pages that are read at most: 128 MiB of them, which map 64 GiB page by page. */
const MAX_PAGES = 32_768;
/** Bytes that one read may cover, and pages between two tables that are read with them rather than apart. */
const MAX_READ = 1 << 20;
const MAX_GAP = 4;

const PRESENT = 1;
const WRITABLE = 2;
const FOR_USERS = 4;
const LARGE = 0x80;

export type MemoryReader = Pick<Target, "readMemory">;

/** A table as it is reached: its physical address, and its level by the number of tables above it. */
export interface TableAt {
  table: number;
  depth: number;
}

/** The contents of table pages at one time. */
export class Tables {
  readonly paging: Paging;
  /** By page number; the words of a page that lies where there is no memory are not known. */
  readonly pages = new Map<number, Uint32Array | undefined>();
  /** As what each page serves: bit `depth` for each. */
  readonly uses = new Map<number, number>();
  /** Entries that lead to a table, by page number. */
  readonly references = new Map<number, number>();
  /** Tables that are not known as there are too many. */
  unread = 0;

  constructor(paging: Paging) {
    this.paging = paging;
  }

  /** The words of a table from its first entry on; undefined where it is not known. */
  words(table: number): Uint32Array | undefined {
    const words = this.pages.get(Math.floor(table / PAGE));
    const offset = table % PAGE;
    return offset === 0 ? words : words?.subarray(offset / 4);
  }

  /** Entries that tables of a level have; of 64 bits each take two words. */
  get entryWords(): number {
    return this.paging.entryBytes / 4;
  }

  isPresent(words: Uint32Array, index: number): boolean {
    return (words[index * this.entryWords]! & PRESENT) !== 0;
  }

  /** A present entry that maps a page and leads to no further table. */
  mapsPage(words: Uint32Array, index: number, depth: number): boolean {
    const last = depth === this.paging.levels.length - 1;
    return last || (this.paging.levels[depth]!.pages && (words[index * this.entryWords]! & LARGE) !== 0);
  }

  /** The table that an entry leads to. */
  next(words: Uint32Array, index: number): number {
    return this.#address(words, index);
  }

  /** The page that an entry maps. */
  page(words: Uint32Array, index: number, depth: number): number {
    const { span } = this.paging.levels[depth]!;
    if (this.entryWords === 2) {
      const address = this.#address(words, index);
      return address - (address % span);
    }
    const entry = words[index]!;
    // Bits 13 to 20 of an entry for a 4 MiB page are bits 32 to 39 of its address.
    return span === PAGE
      ? (entry & 0xfffff000) >>> 0
      : ((entry >>> 13) & 0xff) * 2 ** 32 + ((entry & 0xffc00000) >>> 0);
  }

  #address(words: Uint32Array, index: number): number {
    if (this.entryWords === 1) return (words[index]! & 0xfffff000) >>> 0;
    return (words[index * 2 + 1]! & 0xff) * 2 ** 32 + ((words[index * 2]! & 0xfffff000) >>> 0);
  }

  /** What is left of the rights that the tables above grant. */
  rights(words: Uint32Array, index: number, depth: number, granted: number): number {
    if (!this.paging.levels[depth]!.rights) return granted;
    const low = words[index * this.entryWords]!;
    let rights = granted;
    if (!(low & WRITABLE)) rights &= ~WRITE;
    if (!(low & FOR_USERS)) rights &= ~USER;
    if (this.entryWords === 2 && words[index * 2 + 1]! >>> 31) rights &= ~EXECUTE;
    return rights;
  }

  /** An entry's value. */
  entry(words: Uint32Array, index: number): bigint {
    if (this.entryWords === 1) return BigInt(words[index]!);
    return (BigInt(words[index * 2 + 1]!) << 32n) | BigInt(words[index * 2]!);
  }
}

/** Reads all tables below a root; pages equal to those of `known` are shared with it. */
export async function readTables(memory: MemoryReader, paging: Paging, known?: Tables): Promise<Tables> {
  const tables = new Tables(paging);
  let wanted: number[] = [paging.root];
  tables.uses.set(Math.floor(paging.root / PAGE), 1);
  for (let depth = 0; wanted.length > 0; depth++) {
    const room = Math.max(0, MAX_PAGES - tables.pages.size);
    const fresh = [...new Set(wanted.map((table) => Math.floor(table / PAGE)))].filter(
      (page) => !tables.pages.has(page),
    );
    tables.unread += Math.max(0, fresh.length - room);
    await readPages(memory, fresh.sort((a, b) => a - b).slice(0, room), tables, known);
    wanted = depth < paging.levels.length - 1 ? tablesBelow(tables, wanted, depth) : [];
  }
  return tables;
}

/** The tables that those of a level lead to, each once for this level. */
function tablesBelow(tables: Tables, wanted: readonly number[], depth: number): number[] {
  const { entries } = tables.paging.levels[depth]!;
  const below: number[] = [];
  for (const table of wanted) {
    const words = tables.words(table);
    if (words === undefined) continue;
    for (let index = 0; index < entries; index++) {
      if (!tables.isPresent(words, index) || tables.mapsPage(words, index, depth)) continue;
      const next = tables.next(words, index);
      const page = next / PAGE;
      tables.references.set(page, (tables.references.get(page) ?? 0) + 1);
      const uses = tables.uses.get(page) ?? 0;
      if (uses & (2 << depth)) continue;
      tables.uses.set(page, uses | (2 << depth));
      below.push(next);
    }
  }
  return below;
}

/** Reads pages (ascending numbers), those close together by one read. */
async function readPages(memory: MemoryReader, pages: readonly number[], into: Tables, known?: Tables): Promise<void> {
  const keep = (page: number, bytes: Uint8Array): void => {
    if (bytes.length < PAGE) return void into.pages.set(page, undefined);
    const before = known?.pages.get(page);
    const words = new Uint32Array(bytes.slice().buffer);
    into.pages.set(page, before !== undefined && equal(before, words) ? before : words);
  };
  const read = async (run: readonly number[]): Promise<void> => {
    const [first = 0, last = first] = [run[0], run.at(-1)];
    const length = (last - first + 1) * PAGE;
    const bytes = await memory.readMemory("phys", BigInt(first) * BigInt(PAGE), length);
    for (const page of run) {
      const at = (page - first) * PAGE;
      // A read ends at the first hole: what lies behind one is asked for by itself.
      if (page === first || at + PAGE <= bytes.length) keep(page, bytes.subarray(at, at + PAGE));
      else keep(page, await memory.readMemory("phys", BigInt(page) * BigInt(PAGE), PAGE));
    }
  };
  const runs: number[][] = [];
  for (const page of pages) {
    const run = runs.at(-1);
    const [first = page, last = -Infinity] = [run?.[0], run?.at(-1)];
    if (run !== undefined && page - last <= MAX_GAP && (page - first + 1) * PAGE <= MAX_READ) run.push(page);
    else runs.push([page]);
  }
  await Promise.all(runs.map(read));
}

function equal(a: Uint32Array, b: Uint32Array): boolean {
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}
