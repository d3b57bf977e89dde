/** Page tables of a real boot: Debian's cloud kernel with page table isolation, at its entry and in user mode. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type {
  MappingsResponse,
  PageMapResponse,
  PageTableRow,
  PageTableRowsResponse,
  PageTablesResponse,
  WalkResponse,
} from "../../debug-adapter/protocol.ts";
import { busyboxInitramfs, cloudKernel } from "../../scripts/guests/guests.ts";
import type { Client } from "./client.ts";
import { client } from "./fixture.ts";

const overviewOf = (session: Client, root?: string): Promise<PageTablesResponse> =>
  session.ask("bootscope/pageTables", root === undefined ? {} : { root });

async function rowsOf(session: Client, depth: number, linear: string, more: object = {}): Promise<PageTableRow[]> {
  return (await session.ask<PageTableRowsResponse>("bootscope/pageTableRows", { depth, linear, ...more })).rows;
}

const walkOf = async (session: Client, address: string, root?: string): Promise<WalkResponse["walk"]> =>
  (await session.ask<WalkResponse>("bootscope/walk", { address, ...(root !== undefined && { root }) })).walk;

/** Every row of the tree, tables that several entries share once. */
async function allRows(session: Client): Promise<PageTableRow[]> {
  const rows: PageTableRow[] = [];
  const seen = new Set<string>();
  const visit = async (depth: number, linear: string): Promise<void> => {
    for (const row of await rowsOf(session, depth, linear)) {
      if (row.change === "gone") continue;
      rows.push(row);
      if (row.kind !== "table" || seen.has(`${depth} ${row.physical ?? ""}`)) continue;
      seen.add(`${depth} ${row.physical ?? ""}`);
      await visit(depth + 1, row.linear);
    }
  };
  await visit(0, "0x0");
  return rows;
}

test("the cloud kernel's page tables, with isolation", { timeout: 600_000 }, async (t) => {
  const { vmlinuz: kernel } = await cloudKernel();
  const session = client(t);
  const stopAt = ["kernel", "init"];
  const cmdline = "console=ttyS0 pti=on";
  await session.launch({ boot: "direct", kernel, initrd: await busyboxInitramfs(), cmdline, stopAt });
  assert.equal((await session.stopped()).description, "Paused at phase Kernel");

  // The decompressor's tables map what it needs one to one.
  const early = await overviewOf(session);
  assert.equal(early.paging, "4-level");
  assert.deepEqual(early.roots.map(({ of, current }) => [of, current]), [["only", true]]); // prettier-ignore
  const own = await session.ask<MappingsResponse>("bootscope/mappings", { address: "rip" });
  assert.deepEqual(own.mappings.map(({ linear }) => linear), [own.physical]); // prettier-ignore
  assert.equal(early.since, undefined);

  assert.equal((await session.move("continue")).description, "Paused at phase Init");
  console.log("# the guest is in user mode");
  const late = await overviewOf(session);
  assert.deepEqual(
    late.roots.map(({ of, current }) => [of, current]),
    [
      ["kernel", false],
      ["user", true],
    ],
  );
  const [kernelRoot, userRoot] = late.roots.map(({ root }) => root);
  assert.ok(kernelRoot && userRoot);
  assert.equal(BigInt(userRoot), BigInt(kernelRoot) + 4096n);
  assert.equal(late.root, userRoot);
  assert.equal(late.since?.root, early.root, "compared with what CR3 had at the stop before");
  const whole = await overviewOf(session, `phys:${kernelRoot}`);
  assert.ok(
    (whole.totals?.mapped ?? 0) > (late.totals?.mapped ?? 0),
    "the kernel maps more than it leaves to user mode",
  );

  // Each row is what a walk by the machine itself says of its first and its last address.
  const rows = await allRows(session);
  const pages = rows.filter(({ kind }) => kind === "page");
  assert.ok(pages.length > 20);
  for (const row of pages.slice(0, 200)) {
    const first = await walkOf(session, row.linear);
    assert.equal(first.physical, row.physical);
    assert.equal(first.pageSize, row.span);
    assert.equal(first.steps.at(-1)?.entryAddress, row.entryAddress);
    assert.equal(`${first.user ? "u" : "-"}r${first.writable ? "w" : "-"}${first.executable ? "x" : "-"}`, row.rights);
    const offset = BigInt(row.span) * BigInt(row.entries - 1);
    const last = await walkOf(session, `0x${(BigInt(row.linear) + offset).toString(16)}`);
    const behind = row.order === "same" ? 0n : offset;
    assert.equal(BigInt(last.physical ?? 0), BigInt(row.physical ?? 0) + behind);
  }

  // Where the program runs: it is mapped for the user, and for the kernel without the right to execute it there.
  const rip = (await walkOf(session, "rip")).physical ?? "";
  const user = await session.ask<MappingsResponse>("bootscope/mappings", { address: `phys:${rip}` });
  assert.ok(user.total >= 1 && user.mappings.some(({ rights }) => /^ur.x$/.test(rights)));
  const asked = { address: `phys:${rip}`, root: `phys:${kernelRoot}` };
  const both = await session.ask<MappingsResponse>("bootscope/mappings", asked);
  assert.ok(both.total > user.total, "the kernel has all memory mapped once more");
  assert.ok(both.mappings.every(({ rights }) => !(rights.startsWith("u") && rights.endsWith("x"))));
  for (const { linear } of both.mappings) {
    assert.equal((await walkOf(session, linear, `phys:${kernelRoot}`)).physical, rip);
  }
  const table = (await walkOf(session, "rip")).steps[1]?.entryAddress ?? "";
  const holds = await session.ask<MappingsResponse>("bootscope/mappings", { ...asked, address: `phys:${table}` });
  assert.deepEqual(holds.tables, ["PDPTE"]);

  // "info mem" and the totals tell of the same bytes.
  const { result } = await session.ask<{ result: string }>("evaluate", { expression: "info mem", context: "repl" });
  const bytes = [...result.matchAll(/ 0x([0-9a-f]+) bytes$/gm)].reduce(
    (sum, [, each]) => sum + Number(`0x${each ?? ""}`),
    0,
  );
  assert.equal(bytes, late.totals?.mapped);
  const { lanes } = await session.ask<PageMapResponse>("bootscope/pageMap", { buckets: 512 });
  assert.ok(
    lanes.some(({ rights, shares }) => rights.startsWith("u") && shares.slice(0, 256).some((share) => share > 0)),
  );
  assert.ok(
    lanes.every(({ rights, shares }) => !rights.startsWith("u") || shares.slice(256).every((share) => share === 0)),
  );

  // A page that the program takes in its next steps is new since this stop.
  await rowsOf(session, 3, "0x0");
  await session.move("stepIn");
  const next = await overviewOf(session);
  assert.equal(next.since?.root, userRoot);
  assert.ok(next.changes !== undefined);
  for (const [command, args, message] of [
    ["bootscope/pageTableRows", { depth: 9, linear: "0x0" }, /"depth" must be a whole number/],
    ["bootscope/pageTableRows", { depth: 0, linear: "0x800000000000" }, /"linear" must be a linear address of 4-level/],
    ["bootscope/pageMap", { buckets: 0 }, /"buckets" must be a whole number/],
    ["bootscope/mappings", {}, /"address" must be a text/],
    ["bootscope/pageTables", { root: "nothing" }, /Character 1/],
  ] as const) {
    assert.match(await session.refused(command, args), message);
  }
  await session.close();
  assert.equal(session.stderr, "");
});
