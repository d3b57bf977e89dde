/** What expressions need of a table of symbols, wherever it comes from (an ELF file, System.map, kallsyms). */
import type { Address } from "../address.ts";

export interface SymbolTable {
  /** Address of a symbol; names are case-sensitive. */
  lookup(name: string): Address | undefined;
  /** Names that begin so, at most `limit`, for completion. */
  startingWith(prefix: string, limit: number): string[];
}
