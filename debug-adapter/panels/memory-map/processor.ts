/** What the processor itself points at: page tables, descriptor tables, the task's state, the stack. */
import { hex } from "../../address.ts";
import type { CpuState, Target } from "../../target.ts";
import { pagingOf } from "../page-tables/paging.ts";
import { rootsInUse } from "../page-tables/roots.ts";
import { readTables } from "../page-tables/tables.ts";
import { joined, PAGE } from "./region.ts";
import type { Region } from "./region.ts";

/** Bytes of the first table of PAE paging (SDM vol. 3, 4.4.1). */
const PAE_ROOT_BYTES = 32n;
/** Linear addresses of one question, so that a wrong limit costs little: descriptor tables have 64 KiB at most. */
const MAX_PAGES = 17;
/** Tables by the entries that they hold. */
const TABLES = {
  PML4E: "PML4",
  PDPTE: "page directory pointers",
  PDE: "page directory",
  PTE: "page table",
} as const;

type Reads = Pick<Target, "walk" | "readMemory">;

export async function processorRegions(target: Reads, cpu: CpuState, problems: string[]): Promise<Region[]> {
  const made = await pageTables(target, cpu, problems);
  if (cpu.mode !== "real" && cpu.mode !== "vm86") {
    made.push(...(await table(target, "GDT", cpu.gdtr.base, cpu.gdtr.limit, "GDTR")));
    made.push(...(await table(target, "IDT", cpu.idtr.base, cpu.idtr.limit, "IDTR")));
    const { tr, ldtr } = cpu.segments;
    if (!tr.unusable && tr.selector !== 0) made.push(...(await table(target, "TSS", tr.base, tr.limit, "TR")));
    if (!ldtr.unusable && ldtr.selector !== 0)
      made.push(...(await table(target, "LDT", ldtr.base, ldtr.limit, "LDTR")));
  }
  made.push(...(await stack(target, cpu)));
  return made;
}

/** The pages that the tables from CR3 on occupy, by level, and those for user mode that page table isolation adds. */
async function pageTables(target: Reads, cpu: CpuState, problems: string[]): Promise<Region[]> {
  const made: Region[] = [];
  for (const { root, of, current } of await rootsInUse(target, cpu)) {
    const paging = pagingOf(cpu, BigInt(root));
    if (paging === undefined) continue;
    const tables = await readTables(target, paging);
    if (tables.unread > 0) problems.push(`${tables.unread} page tables below ${hex(root)} are too many to be shown.`);
    const source = current ? `CR3 (${hex(cpu.cr3)})` : `page table isolation: the ${of} tables beside those of CR3`;
    for (const [page, uses] of tables.uses) {
      const levels = paging.levels.flatMap(({ name }, depth) => ((uses >> depth) & 1 ? [TABLES[name]] : []));
      const isPaeRoot = paging.mode === "PAE" && page === Math.floor(root / Number(PAGE));
      const first = isPaeRoot ? BigInt(root) : BigInt(page) * PAGE;
      const end = first + (isPaeRoot ? PAE_ROOT_BYTES : PAGE);
      made.push({ first, end, layer: "processor", owner: "page tables", detail: levels.join(", "), source });
    }
  }
  return joined(made);
}

/** Physical pieces of a linear range. */
async function table(target: Reads, owner: string, base: bigint, limit: number, register: string): Promise<Region[]> {
  if (base === 0n && limit === 0) return [];
  const made: Region[] = [];
  const end = base + BigInt(limit) + 1n;
  for (let at = base, page = 0; at < end && page < MAX_PAGES; page++) {
    const stop = (at / PAGE + 1n) * PAGE;
    const bytes = (stop < end ? stop : end) - at;
    const { physical } = await target.walk(at);
    if (physical !== undefined) {
      const detail = `lin:${hex(base)}, ${limit + 1} bytes`;
      made.push({ first: physical, end: physical + bytes, layer: "processor", owner, detail, source: register });
    }
    at += bytes;
  }
  return joined(made);
}

/** The page that SS:RSP points into; how far the stack reaches is not known to the processor. */
async function stack(target: Reads, cpu: CpuState): Promise<Region[]> {
  const rsp = cpu.gpr[4] ?? 0n;
  const { ss } = cpu.segments;
  const offset = cpu.mode === "long" ? rsp : (ss.attributes & 0x4000) === 0 ? rsp & 0xffffn : rsp & 0xffff_ffffn;
  const linear = cpu.mode === "long" ? offset : (ss.base + offset) & 0xffff_ffffn;
  const { physical } = await target.walk(linear);
  if (physical === undefined) return [];
  const first = physical & ~(PAGE - 1n);
  const detail = `the page that SS:RSP points into (lin:${hex(linear)}, phys:${hex(physical)})`;
  return [{ first, end: first + PAGE, layer: "processor", owner: "stack", detail, source: "SS:RSP" }];
}
