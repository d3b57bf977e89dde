/** The requests for page tables, over tables made by hand. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ExpressionContext } from "../expressions/evaluate.ts";
import type { PageTableRow } from "../protocol.ts";
import { PageTables } from "./page-tables.ts";
import { ACCESSED, DIRTY, HandMade, LARGE, MODES, NX, PRESENT, RW, USER_PAGE, every } from "./page-tables/hand-made.ts";
import { rootsInUse } from "./page-tables/roots.ts";

const MEMORY = 0x40000;

class Panel {
  readonly guest: HandMade;
  readonly tables: PageTables;

  constructor(guest: HandMade) {
    this.guest = guest;
    this.tables = new PageTables(guest);
  }

  async context(): Promise<ExpressionContext> {
    return { cpu: await this.guest.cpu(), readMemory: this.guest.readMemory };
  }

  async overview(args: Record<string, unknown> = {}) {
    return this.tables.overview(args, await this.context());
  }

  async rows(depth: number, linear: bigint | number = 0, args: Record<string, unknown> = {}): Promise<PageTableRow[]> {
    const asked = { depth, linear: `0x${linear.toString(16)}`, ...args };
    return (await this.tables.rows(asked, await this.context())).rows;
  }

  async mappings(address: string, args: Record<string, unknown> = {}) {
    return this.tables.mappings({ address, ...args }, await this.context());
  }

  async map(args: Record<string, unknown>) {
    return this.tables.map(args, await this.context());
  }
}

const brief = (row: PageTableRow): string =>
  [
    row.linear,
    `${row.entries} × ${row.span.toString(16)}`,
    row.kind,
    row.physical ?? "",
    ...(row.entries > 1 ? [row.order] : []),
    row.rights,
    ...(row.change === undefined ? [] : [row.change]),
  ].join(" ");

/** A page of each size, in the lower and the upper half. */
function everySize(): HandMade {
  return new HandMade(MEMORY, "4-level")
    .set(0x1000, { 0: 0x2000n | PRESENT | RW | USER_PAGE | ACCESSED, 511: 0x3000n | PRESENT | RW })
    .set(0x2000, { 0: 0x4000n | PRESENT | RW | USER_PAGE, 4: 0x1_0000_0000n | LARGE | PRESENT })
    .set(0x3000, { 510: 0x5000n | PRESENT | RW | NX })
    .set(0x4000, { 1: 0x6000n | PRESENT | RW | USER_PAGE })
    .set(0x5000, { 8: 0x100_0000n | LARGE | PRESENT | RW, 9: 0x120_0000n | LARGE | PRESENT | RW | DIRTY | ACCESSED })
    .set(0x6000, {
      0: 0x7000n | PRESENT | RW | USER_PAGE,
      1: 0x8000n | PRESENT | RW | USER_PAGE,
      2: 0x9000n | PRESENT | USER_PAGE,
      4: 0x9000n | PRESENT | USER_PAGE,
      5: 0xdead_0000n,
    });
}

test("without paging there are no tables", async () => {
  const panel = new Panel(new HandMade(MEMORY, "4-level"));
  panel.guest.move({ cr0: 1n });
  assert.deepEqual(await panel.overview(), { paging: "off", roots: [] });
  await assert.rejects(panel.rows(0), /Paging is off/);
});

test("totals by size and rights", async () => {
  const panel = new Panel(everySize());
  assert.deepEqual(await panel.overview(), {
    paging: "4-level",
    roots: [{ root: "0x1000", of: "only", current: true }],
    root: "0x1000",
    totals: {
      pages: [
        { size: 2 ** 30, count: 1 },
        { size: 2 ** 21, count: 2 },
        { size: 4096, count: 4 },
      ],
      mapped: 2 ** 30 + 2 * 2 ** 21 + 4 * 4096,
      user: 4 * 4096,
      writableExecutable: 2 * 4096,
      tables: 6,
      references: 5,
      unread: 0,
      outside: 0,
    },
  });
});

test("rows of each level, neighbours folded, and by themselves", async () => {
  const panel = new Panel(everySize());
  assert.deepEqual((await panel.rows(0)).map(brief), [
    "0x0 1 × 8000000000 table 0x2000 urwx",
    "0xffffff8000000000 1 × 8000000000 table 0x3000 -rwx",
  ]);
  assert.deepEqual((await panel.rows(1, 0xffffffff81000000n)).map(brief), [
    "0xffffffff80000000 1 × 40000000 table 0x5000 -rw-",
  ]);
  const [large] = await panel.rows(2, 0xffffffff81000000n);
  assert.ok(large);
  assert.equal(brief(large), "0xffffffff81000000 2 × 200000 page 0x1000000 consecutive -rw-");
  // What the processor notes by itself parts no run.
  assert.deepEqual([large.accessed, large.dirty, large.flags], [1, 1, ["P", "RW", "PS"]]);
  assert.equal(large.entryAddress, "0x5040");
  const single = await panel.rows(2, 0xffffffff81000000n, { first: 8, count: 3 });
  assert.deepEqual(single.map(brief), [
    "0xffffffff81000000 1 × 200000 page 0x1000000 -rw-",
    "0xffffffff81200000 1 × 200000 page 0x1200000 -rw-",
  ]);
  assert.deepEqual((await panel.rows(3, 0x200000)).map(brief), [
    "0x200000 2 × 1000 page 0x7000 consecutive urwx",
    "0x202000 1 × 1000 page 0x9000 ur-x",
    "0x204000 1 × 1000 page 0x9000 ur-x",
    "0x205000 1 × 1000 absent  ",
  ]);
  assert.deepEqual(await panel.rows(3, 0x40000000), [], "there is no such table");
});

test("tables for whole stretches of the same are one row", async () => {
  // As a kernel with address sanitizer has its shadow: one table for all, and one page for all of that.
  const guest = new HandMade(MEMORY, "4-level")
    .set(0x1000, { 300: 0x2003n })
    .set(
      0x2000,
      every(() => 0x3003n),
    )
    .set(
      0x3000,
      every(() => 0x4003n),
    )
    .set(
      0x4000,
      every(() => 0x5001n),
    );
  const panel = new Panel(guest);
  const base = 0xffff960000000000n;
  assert.deepEqual((await panel.rows(1, base)).map(brief), [
    "0xffff960000000000 512 × 40000000 table 0x3000 same -rwx",
  ]);
  assert.deepEqual((await panel.rows(3, base)).map(brief), ["0xffff960000000000 512 × 1000 page 0x5000 same -r-x"]);
  const [row] = await panel.rows(2, base + (7n << 30n), { first: 3, count: 1 });
  assert.ok(row);
  assert.equal(brief(row), "0xffff9601c0600000 1 × 200000 table 0x4000 -rwx");
  assert.deepEqual([row.mapped, row.references], [2 ** 21, 512]);
  const { totals } = await panel.overview();
  assert.deepEqual([totals?.mapped, totals?.tables], [2 ** 39, 4]);
  // From any one page back to all of its 134 million addresses, from wherever one wants to see them.
  const last = await panel.mappings("phys:0x5123", { from: 2 ** 27 - 1, count: 5 });
  assert.equal(last.total, 2 ** 27);
  assert.deepEqual(
    last.mappings.map(({ linear }) => linear),
    ["0xffff967ffffff123"],
  );
});

test("a table that maps itself ends, and says so", async () => {
  const panel = new Panel(new HandMade(MEMORY, "4-level").set(0x1000, { 511: 0x1003n }));
  for (const depth of [0, 1, 2]) {
    const [row] = await panel.rows(depth, 0xfffffffffffff000n);
    assert.deepEqual([row?.kind, row?.circular], ["table", true]);
  }
  const [page] = await panel.rows(3, 0xfffffffffffff000n);
  assert.ok(page);
  assert.equal(brief(page), "0xfffffffffffff000 1 × 1000 page 0x1000 -rwx");
  assert.deepEqual((await panel.overview()).totals?.pages, [{ size: 4096, count: 1 }]);
  assert.deepEqual((await panel.mappings("phys:0x1000")).tables, ["PML4E", "PDPTE", "PDE", "PTE"]);
});

test("what changed since the last stop", async () => {
  const panel = new Panel(everySize());
  assert.equal((await panel.overview()).since, undefined, "no stop before");
  // The guest maps a page, takes one away, makes one read-only, and reads another.
  panel.guest.set(0x6000, {
    0: 0x7000n | PRESENT | USER_PAGE,
    2: 0n,
    4: 0x9000n | PRESENT | USER_PAGE | ACCESSED,
    6: 0xa000n | PRESENT | RW | USER_PAGE,
  });
  panel.guest.move({ icount: 50n });
  const overview = await panel.overview();
  assert.deepEqual([overview.since, overview.changes], [{ icount: "0x1", root: "0x1000" }, 3]);
  const [lower, upper] = await panel.rows(0);
  assert.deepEqual([lower?.changesBelow, upper?.changesBelow], [3, undefined]);
  const rows = await panel.rows(3, 0x200000);
  assert.deepEqual(rows.map(brief), [
    "0x200000 1 × 1000 page 0x7000 ur-x changed",
    "0x201000 1 × 1000 page 0x8000 urwx",
    "0x202000 1 × 1000 page 0x9000 ur-x gone",
    "0x204000 1 × 1000 page 0x9000 ur-x touched",
    "0x205000 1 × 1000 absent  ",
    "0x206000 1 × 1000 page 0xa000 urwx new",
  ]);
  assert.equal(rows[0]?.before, "0x7007");

  // A write by the user at the same stop is compared with the same stop before.
  panel.guest.set(0x6000, { 7: 0xb000n | PRESENT });
  panel.guest.move();
  assert.equal((await panel.overview()).changes, 4);
  // Another process: its tables against those of the one before.
  panel.guest.set(0x8000, { 0: 0x2000n | PRESENT | RW | USER_PAGE, 1: 0x2000n | PRESENT });
  panel.guest.move({ icount: 60n, cr3: 0x8000n });
  const other = await panel.overview();
  assert.deepEqual([other.root, other.since], ["0x8000", { icount: "0x32", root: "0x1000" }]);
  assert.deepEqual(
    (await panel.rows(0)).map(({ index, change }) => [index, change]),
    [
      [0, "touched"],
      [1, "new"],
      [511, "gone"],
    ],
  );
  // Switched on again, or another kind of paging: nothing to compare with.
  panel.guest.move({ icount: 2n });
  assert.equal((await panel.overview()).since, undefined);
  panel.guest.move({ icount: 3n, ...MODES.PAE });
  assert.equal((await panel.overview()).since, undefined);
});

test("the map of the whole space and of a part", async () => {
  const panel = new Panel(everySize());
  const whole = await panel.map({ buckets: 512 });
  assert.deepEqual([whole.first, whole.last], ["0x0", "0xffffffffffffffff"]);
  assert.deepEqual(
    whole.lanes.map(({ rights, shares }) => [rights, shares.findIndex((share) => share > 0), shares.length]),
    [
      ["ur-x", 0, 512],
      ["urwx", 0, 512],
      ["-r-x", 0, 512],
      ["-rw-", 511, 512],
    ].sort(([a], [b]) => order(a as string) - order(b as string)),
  );
  const part = await panel.map({ first: "0x200000", last: "0x204fff", buckets: 5 });
  assert.deepEqual(part.lanes, [
    { rights: "ur-x", shares: [0, 0, 1, 0, 1] },
    { rights: "urwx", shares: [1, 1, 0, 0, 0] },
  ]);
  assert.deepEqual((await panel.map({ first: "0x200000", last: "0x207fff", buckets: 2 })).lanes, [
    { rights: "ur-x", shares: [0.25, 0.25] },
    { rights: "urwx", shares: [0.5, 0] },
  ]);
  await assert.rejects(panel.map({ first: "0x800000000000", buckets: 1 }), /"first" must be a linear address/);
  await assert.rejects(panel.map({ first: "0x2", last: "0x1", buckets: 1 }), /"last" must not be below "first"/);
});

/** The lanes come in the order of rights: write, user, execute. */
const order = (rights: string): number =>
  (rights[2] === "w" ? 1 : 0) + (rights[0] === "u" ? 2 : 0) + (rights[3] === "x" ? 4 : 0);

test("from an address to its mappings, both ways", async () => {
  const panel = new Panel(everySize());
  assert.deepEqual(await panel.mappings("phys:0x9010"), {
    space: "phys",
    physical: "0x9010",
    total: 2,
    mappings: [
      { linear: "0x202010", pageSize: 4096, rights: "ur-x", entryAddress: "0x6010" },
      { linear: "0x204010", pageSize: 4096, rights: "ur-x", entryAddress: "0x6020" },
    ],
    tables: [],
  });
  assert.equal((await panel.mappings("0x204010")).total, 2);
  assert.deepEqual((await panel.mappings("0xffffffff81000010")).physical, "0x1000010");
  assert.deepEqual(await panel.mappings("0x7000"), { space: "lin", total: 0, mappings: [], tables: [] });
  assert.deepEqual((await panel.mappings("phys:0x6008")).tables, ["PTE"]);
});

test("any first table can be looked at", async () => {
  const panel = new Panel(everySize().set(0x8000, { 1: 0x2003n }));
  assert.equal((await panel.overview({ root: "phys:0x8000" })).root, "0x8000");
  assert.equal((await panel.rows(0, 0, { root: "cr3 + 0x7000" }))[0]?.index, 1);
  assert.equal((await panel.tables.walk(0x8000200000n, { root: "0x8000" }, await panel.context())).physical, 0x7000n);
});

for (const [mode, entries, span] of [
  ["32-bit", 1024, 2 ** 22],
  ["PAE", 4, 2 ** 30],
] as const) {
  test(`${mode}: the first table`, async () => {
    const guest = new HandMade(MEMORY, mode, 0x1000n).set(
      0x1000,
      every((index) => (index % 2 ? 0n : 0x2001n), entries),
    );
    const panel = new Panel(guest);
    const rows = await panel.rows(0);
    assert.equal(rows.length, entries / 2);
    assert.equal(rows[1]?.linear, `0x${(2 * span).toString(16)}`);
    assert.deepEqual((await panel.overview()).paging, mode);
  });
}

test("page table isolation is told from the tables", async () => {
  const kernel = { 0: 0x4000n | PRESENT | RW | USER_PAGE | NX, 273: 0x5003n, 508: 0x6003n, 511: 0x7003n };
  const user = { 0: 0x4000n | PRESENT | RW | USER_PAGE | ACCESSED, 508: 0x6003n, 511: 0x8003n };
  const roots = async (cr3: bigint, low: Record<number, bigint>, high: Record<number, bigint>) => {
    const guest = new HandMade(MEMORY, "4-level", cr3).set(0x2000, low).set(0x3000, high);
    return (await rootsInUse(guest, await guest.cpu())).map(({ root, of, current }) => [root, of, current]);
  };
  const both = (inUser: boolean) => [
    [0x2000, "kernel", !inUser],
    [0x3000, "user", inUser],
  ];
  assert.deepEqual(await roots(0x2000n, kernel, user), both(false));
  // In user mode, with a process-context identifier.
  assert.deepEqual(await roots(0x3801n, kernel, user), both(true));
  // What lies behind is no table, another process's, or one that maps more.
  assert.deepEqual(await roots(0x2000n, kernel, {}), [[0x2000, "only", true]]);
  assert.deepEqual(await roots(0x2000n, kernel, kernel), [[0x2000, "only", true]]);
  assert.deepEqual(await roots(0x2000n, kernel, { ...user, 1: 0x9007n }), [[0x2000, "only", true]]);
  assert.deepEqual(
    await roots(
      0x2000n,
      kernel,
      every(() => 0x1234_5678_9abc_def1n),
    ),
    [[0x2000, "only", true]],
  );
});

test("a million pages, a table each 512: read in few pieces, all there", async () => {
  const [PML4, PDPT, PD, PT] = [0x1000, 0x2000, 0x10000, 0x100000];
  const tables = 2048;
  const guest = new HandMade(PT + tables * 4096, "4-level").set(PML4, { 0: BigInt(PDPT) | 7n }).set(
    PDPT,
    every((index) => BigInt(PD + index * 4096) | 7n, tables / 512),
  );
  for (let pd = 0; pd < tables / 512; pd++) {
    guest.set(
      PD + pd * 4096,
      every((index) => BigInt(PT + (pd * 512 + index) * 4096) | 7n),
    );
  }
  const words = new Uint32Array(guest.memory.buffer);
  // No two neighbours that could be folded.
  for (let entry = 0; entry < tables * 512; entry++) {
    words[(PT + entry * 8) / 4] = ((entry * 7919) % 0x80000) * 4096 + 5 + (entry % 2) * 2;
  }
  const panel = new Panel(guest);
  const { totals } = await panel.overview();
  assert.deepEqual(totals?.pages, [{ size: 4096, count: 2 ** 20 }]);
  assert.equal(totals.tables, tables + tables / 512 + 2);
  assert.ok(guest.reads < 50, `${guest.reads} reads`);
  const rows = await panel.rows(3, 0xffe00000);
  assert.equal(rows.length, 512);
  assert.equal(rows.at(-1)?.linear, "0xfffff000");
  // One page more than there was, found among a million.
  guest.set(PDPT, { 4: 0x80000n | LARGE | 7n });
  guest.move({ icount: 9n });
  assert.equal((await panel.overview()).changes, 1);
});
