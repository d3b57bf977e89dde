/** "bootscope/pageTables" and its like: the page tables of a machine that stands, and what the stop before left of them. */
import { hex } from "../address.ts";
import { integerOf, optionalInteger, optionalText, textOf, type Arguments } from "../arguments.ts";
import { evaluateAddress, type ExpressionContext } from "../expressions/evaluate.ts";
import { pageEntryFlags } from "../flags.ts";
import type {
  MappingsResponse,
  PageMapResponse,
  PageTableRow,
  PageTableRowsResponse,
  PageTablesResponse,
} from "../protocol.ts";
import type { CpuState, Target, Walk } from "../target.ts";
import { Changes, type Pair } from "./page-tables/changes.ts";
import { EXECUTE, PAGE, USER, WRITE, canonical, pagingOf, placeOf, rightsText } from "./page-tables/paging.ts";
import { Extents } from "./page-tables/extent.ts";
import { mappedShares } from "./page-tables/map.ts";
import { Mappings, tableLevels } from "./page-tables/mappings.ts";
import { rootsInUse } from "./page-tables/roots.ts";
import { findTable, rowsOf, type Row } from "./page-tables/rows.ts";
import { readTables, type Tables } from "./page-tables/tables.ts";
import { walkTables } from "./page-tables/walk.ts";

const MAX_BUCKETS = 4096;
const MAX_MAPPINGS = 1000;
/** Roots whose tables are kept for a stop. */
const MAX_ROOTS = 4;
const PAGING_OFF = "Paging is off: there are no page tables.";

/** Tables below one root, with what is worked out of them as it is asked for. */
interface View {
  tables: Tables;
  extents: Extents;
  changes?: Changes;
}

/** The machine as it stands between two moves or writes. */
interface Stop {
  /** The same object as long as nothing moves or writes. */
  cpu: CpuState;
  views: Map<number, Promise<View>>;
}

export class PageTables {
  readonly #target: Pick<Target, "cpu" | "readMemory">;
  #now: Stop | undefined;
  /** The last stop at another time; its tables as far as they were looked at. */
  #then: Stop | undefined;

  constructor(target: Pick<Target, "cpu" | "readMemory">) {
    this.#target = target;
  }

  /** Totals, roots, and what has changed. */
  async overview(args: Arguments, context: ExpressionContext): Promise<PageTablesResponse> {
    const stop = await this.#stop();
    const paging = pagingOf(stop.cpu);
    if (paging === undefined) return { paging: "off", roots: [] };
    const roots = await rootsInUse(this.#target, stop.cpu);
    const { tables, extents, changes } = await this.#view(stop, args, context);
    const { bytes, pages, mapped } = extents.all();
    const sum = (rights: number): number =>
      bytes.reduce((all, each, at) => all + ((at & rights) === rights ? each : 0), 0);
    const sizes = tables.paging.levels.map(({ span }, depth) => ({ size: span, count: pages[depth] ?? 0 }));
    const then = changes?.then.paging.root;
    return {
      paging: paging.mode,
      roots: roots.map(({ root, ...rest }) => ({ root: hex(root), ...rest })),
      root: hex(tables.paging.root),
      totals: {
        pages: sizes.filter(({ count }) => count > 0),
        mapped,
        user: sum(USER),
        writableExecutable: sum(WRITE | EXECUTE),
        tables: [...tables.pages.values()].filter((words) => words !== undefined).length,
        references: [...tables.references.values()].reduce((all, each) => all + each, 0),
        unread: tables.unread,
        outside: [...tables.pages.values()].filter((words) => words === undefined).length,
      },
      ...(changes !== undefined &&
        then !== undefined &&
        this.#then !== undefined && {
          since: { icount: hex(this.#then.cpu.icount), root: hex(then) },
          changes: changes.count({ now: tables.paging.root, then, depth: 0 }),
        }),
    };
  }

  /** Entries of one table. */
  async rows(args: Arguments, context: ExpressionContext): Promise<PageTableRowsResponse> {
    const view = await this.#view(await this.#stop(), args, context);
    const { tables, changes } = view;
    const place = this.#place(tables, args, "linear");
    const depth = integerOf(args, "depth", 0, tables.paging.levels.length - 1);
    const most = tables.paging.levels[depth]?.entries ?? 0;
    const first = optionalInteger(args, "first", 0, most - 1);
    const count = optionalInteger(args, "count", 1, most);
    const found = findTable(tables, changes, changes?.then.paging.root, place, depth);
    if (found === undefined) return { rows: [] };
    const range = first === undefined ? {} : { first, count: count ?? 1, fold: false };
    return { rows: rowsOf(tables, changes, found, range).map((row) => wireRow(view, row)) };
  }

  /** The drawn map of a part of the address space. */
  async map(args: Arguments, context: ExpressionContext): Promise<PageMapResponse> {
    const { tables, extents } = await this.#view(await this.#stop(), args, context);
    const { paging } = tables;
    const first = args["first"] === undefined ? 0 : this.#place(tables, args, "first");
    const last = args["last"] === undefined ? paging.space - 1 : this.#place(tables, args, "last");
    const buckets = integerOf(args, "buckets", 1, MAX_BUCKETS);
    if (last < first) throw new Error(`"last" must not be below "first".`);
    const shares = mappedShares(extents, first, last + 1, Math.min(buckets, last + 1 - first));
    return {
      first: hex(canonical(paging, first)),
      last: hex(canonical(paging, last)),
      lanes: [...shares]
        .sort(([a], [b]) => a - b)
        .map(([rights, row]) => ({ rights: rightsText(rights), shares: [...row].map(rounded) })),
    };
  }

  /** From an address to all linear ones of the same memory. */
  async mappings(args: Arguments, context: ExpressionContext): Promise<MappingsResponse> {
    const at = await evaluateAddress(textOf(args, "address"), context);
    const { tables } = await this.#view(await this.#stop(), args, context);
    const from = optionalInteger(args, "from", 0, Number.MAX_SAFE_INTEGER) ?? 0;
    const count = optionalInteger(args, "count", 1, MAX_MAPPINGS) ?? 100;
    const physical = at.space === "phys" ? at.address : walkTables(tables, at.address).physical;
    if (physical === undefined) return { space: at.space, total: 0, mappings: [], tables: [] };
    const mappings = new Mappings(tables, Number(physical));
    return {
      space: at.space,
      physical: hex(physical),
      total: mappings.total,
      mappings: mappings.list(from, count).map(({ place, pageSize, rights, entryAddress }) => ({
        linear: hex(canonical(tables.paging, place)),
        pageSize,
        rights: rightsText(rights),
        entryAddress: hex(entryAddress),
      })),
      tables: tableLevels(tables, Number(physical)),
    };
  }

  /** A walk through the tables below another root than CR3's. */
  async walk(linear: bigint, args: Arguments, context: ExpressionContext): Promise<Walk> {
    return walkTables((await this.#view(await this.#stop(), args, context)).tables, linear);
  }

  async #stop(): Promise<Stop> {
    const cpu = await this.#target.cpu();
    if (this.#now?.cpu === cpu) return this.#now;
    // A write at the same stop leaves what is compared with; a machine switched on again has no stop before.
    if (this.#now !== undefined && cpu.icount !== this.#now.cpu.icount) {
      this.#then = cpu.icount > this.#now.cpu.icount ? this.#now : undefined;
    }
    this.#now = { cpu, views: new Map() };
    return this.#now;
  }

  async #view(stop: Stop, args: Arguments, context: ExpressionContext): Promise<View> {
    const root = optionalText(args, "root");
    const paging = pagingOf(stop.cpu, root === undefined ? undefined : (await evaluateAddress(root, context)).address);
    if (paging === undefined) throw new Error(PAGING_OFF);
    const known = stop.views.get(paging.root);
    if (known !== undefined) return known;
    const made = (async (): Promise<View> => {
      const then = await this.#before(stop, paging.root);
      const tables = await readTables(this.#target, paging, then);
      const comparable = then?.paging.mode === paging.mode;
      return { tables, extents: new Extents(tables), ...(comparable && { changes: new Changes(tables, then) }) };
    })();
    const [oldest] = stop.views.keys();
    if (stop.views.size >= MAX_ROOTS && oldest !== undefined) stop.views.delete(oldest);
    stop.views.set(paging.root, made);
    made.catch(() => stop.views.delete(paging.root));
    return made;
  }

  /** The tables below the same root at the stop before, else those of CR3 then. */
  async #before(stop: Stop, root: number): Promise<Tables | undefined> {
    const then = stop === this.#now ? this.#then : undefined;
    const old = then && pagingOf(then.cpu)?.root;
    const view = then?.views.get(root) ?? (old === undefined ? undefined : then?.views.get(old));
    return (await view)?.tables;
  }

  /** Reads a linear address out of the arguments. */
  #place({ paging }: Tables, args: Arguments, name: string): number {
    const text = textOf(args, name);
    const place = /^0x[0-9a-f]{1,16}$/i.test(text) ? placeOf(paging, BigInt(text)) : undefined;
    if (place === undefined) {
      throw new Error(`"${name}" must be a linear address of ${paging.mode} paging, such as "0xffff800000000000".`);
    }
    return place;
  }
}

/** Whatever is mapped stays above 0. */
const rounded = (share: number): number => Math.min(1, Math.ceil(share * 1e4) / 1e4);

function wireRow({ tables, extents, changes }: View, row: Row): PageTableRow {
  const { kind, depth, below, entry, physical } = row;
  const level = tables.paging.levels[depth];
  const flags = pageEntryFlags(entry, kind === "page", level?.name ?? "");
  return {
    kind,
    linear: hex(canonical(tables.paging, row.place)),
    span: level?.span ?? 0,
    depth,
    level: level?.name ?? "",
    index: row.index,
    entries: row.entries,
    ...(kind !== "absent" && { physical: hex(physical) }),
    order: row.order,
    entryAddress: hex(row.entryAddress),
    entry: hex(entry),
    flags: kind === "absent" ? [] : flags.filter((name) => name !== "A" && name !== "D"),
    rights: kind === "absent" ? "" : rightsText(row.rights),
    accessed: row.accessed,
    dirty: row.dirty,
    ...(row.change !== undefined && { change: row.change }),
    ...(row.before !== undefined && { before: hex(row.before) }),
    ...(below !== undefined && wireBelow(tables, extents, changes, row, below)),
  };
}

function wireBelow(
  tables: Tables,
  extents: Extents,
  changes: Changes | undefined,
  row: Row,
  below: Pair,
): Partial<PageTableRow> {
  const { mapped } = extents.of({ table: below.now, depth: below.depth }, row.rights);
  const changesBelow = changes?.count(below) ?? 0;
  return {
    mapped,
    references: tables.references.get(below.now / PAGE) ?? 0,
    ...(changesBelow > 0 && { changesBelow }),
    ...(row.circular && { circular: true as const }),
  };
}
