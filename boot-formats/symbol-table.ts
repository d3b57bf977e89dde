/** Symbols by name and by address, wherever they come from. */

export interface SymbolEntry {
  name: string;
  /** As nm shows it: "T" text, "D" data, "B" bss, "R" read-only, "A" absolute …; small letters are local. */
  type: string;
  address: bigint;
  /** Bytes, where the table says it. */
  size?: bigint;
}

/** The symbol that an address belongs to. */
export interface SymbolPlace {
  name: string;
  /** Bytes from the symbol's address. */
  offset: bigint;
  /** Bytes that belong to it, or up to the next symbol. */
  size: bigint;
}

/** Bytes that the last symbol of a table is taken to have. */
const LAST_SIZE = 0x1000n;

/** Whether a character is a type that nm knows. */
export const isSymbolType = (letter: string): boolean => /^[A-Za-z?-]$/.test(letter);

/** "start_kernel+0x12", or the name alone at its beginning. */
export const placeText = ({ name, offset }: SymbolPlace): string =>
  offset === 0n ? name : `${name}+0x${offset.toString(16)}`;

export class SymbolIndex {
  /** Ascending; one an address, and no absolute ones. */
  readonly #places: readonly SymbolEntry[];
  readonly #byName = new Map<string, SymbolEntry>();
  /** For completion; sorted when first asked for. */
  #names: string[] | undefined;

  constructor(symbols: readonly SymbolEntry[]) {
    for (const symbol of symbols) {
      const known = this.#byName.get(symbol.name);
      // Local symbols of several files may have one name: a global one counts, else the first.
      if (known === undefined || (isLocal(known) && !isLocal(symbol))) this.#byName.set(symbol.name, symbol);
    }
    const sorted = symbols
      .filter(({ type }) => type.toUpperCase() !== "A")
      .sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : preference(a) - preference(b)));
    this.#places = sorted.filter(({ address }, index) => sorted[index - 1]?.address !== address);
  }

  /** Different names. */
  get size(): number {
    return this.#byName.size;
  }

  byName(name: string): SymbolEntry | undefined {
    return this.#byName.get(name);
  }

  /** Addresses of code from one address up to another, ascending. */
  textBetween(from: bigint, end: bigint): bigint[] {
    const found: bigint[] = [];
    for (let index = this.#behind(from - 1n); index < this.#places.length; index++) {
      const place = this.#places[index];
      if (place === undefined || place.address >= end) break;
      if (/^[tTwW]$/.test(place.type)) found.push(place.address);
    }
    return found;
  }

  /** The symbol at or below an address, if the address still belongs to it. */
  at(address: bigint): SymbolPlace | undefined {
    const behind = this.#behind(address);
    const found = this.#places[behind - 1];
    if (found === undefined) return undefined;
    const next = this.#places[behind];
    const room = next === undefined ? LAST_SIZE : next.address - found.address;
    // What lies between a function's end and the next symbol is padding, or code without a name.
    const size = found.size !== undefined && found.size > 0n && found.size < room ? found.size : room;
    const offset = address - found.address;
    return offset < size ? { name: found.name, offset, size } : undefined;
  }

  /** Number of symbols at or below an address. */
  #behind(address: bigint): number {
    let [low, high] = [0, this.#places.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#places[middle]?.address ?? 0n) <= address) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Names that begin so, in alphabetical order, at most `limit`. */
  startingWith(prefix: string, limit: number): string[] {
    const names = (this.#names ??= [...this.#byName.keys()].sort(byCode));
    let [low, high] = [0, names.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (byCode(names[middle] ?? "", prefix) < 0) low = middle + 1;
      else high = middle;
    }
    const found: string[] = [];
    for (let index = low; index < names.length && found.length < limit; index++) {
      const name = names[index] ?? "";
      if (!name.startsWith(prefix)) break;
      found.push(name);
    }
    return found;
  }
}

const byCode = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const isLocal = ({ type }: SymbolEntry): boolean => type === type.toLowerCase();

/** Of several symbols at an address the one that people know it by: global, with few underscores in front, short. */
function preference({ name, type }: SymbolEntry): number {
  const underscores = /^_*/.exec(name)?.[0].length ?? 0;
  return (type === type.toLowerCase() ? 10_000 : 0) + underscores * 1000 + Math.min(name.length, 999);
}
