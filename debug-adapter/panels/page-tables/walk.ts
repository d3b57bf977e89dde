/** The way of one linear address through tables from any root, as the machine's own walk tells it for CR3. */
import type { Walk } from "../../target.ts";
import { ALL_RIGHTS, EXECUTE, USER, WRITE, placeOf } from "./paging.ts";
import type { Tables } from "./tables.ts";

export function walkTables(tables: Tables, linear: bigint): Walk {
  const { paging } = tables;
  const walk: Walk = { linear, paging: paging.mode, steps: [] };
  const place = placeOf(paging, linear);
  if (place === undefined) return { ...walk, fault: "not a canonical address" };
  let table = paging.root;
  let rights = ALL_RIGHTS;
  for (const [depth, { name, span, entries }] of paging.levels.entries()) {
    const words = tables.words(table);
    if (words === undefined) return { ...walk, fault: `${name} lies where there is no memory` };
    const index = Math.floor(place / span) % entries;
    const entryAddress = BigInt(table + index * paging.entryBytes);
    walk.steps.push({ level: name, entryAddress, entry: tables.entry(words, index), index });
    if (!tables.isPresent(words, index)) return { ...walk, fault: `${name} not present` };
    rights = tables.rights(words, index, depth, rights);
    if (tables.mapsPage(words, index, depth)) {
      walk.physical = BigInt(tables.page(words, index, depth) + (place % span));
      walk.pageSize = span;
      break;
    }
    table = tables.next(words, index);
  }
  walk.writable = (rights & WRITE) !== 0;
  walk.user = (rights & USER) !== 0;
  walk.executable = (rights & EXECUTE) !== 0;
  return walk;
}
