/** `info tlb`: which pages are mapped where, out of the page tables. */
import { pageEntryFlags } from "../flags.ts";
import { hex } from "../address.ts";
import { evaluateAddress } from "../expressions/evaluate.ts";
import type { Target, Walk } from "../target.ts";
import type { ConsoleServices } from "./command.ts";

/** Runs of pages shown at a time, and page table walks made for them. */
const MAX_RUNS = 64;
const MAX_WALKS = 8192;

interface Run {
  linear: bigint;
  physical: bigint;
  pageSize: bigint;
  pages: bigint;
  flags: string;
}

const TOP_32 = 1n << 32n;
const TOP_64 = 1n << 64n;
/** Linear addresses between the two canonical halves do not exist. */
const LOW_HALF_END = 1n << 47n;
const HIGH_HALF = TOP_64 - LOW_HALF_END;

/** Bytes that an entry of a level covers. */
function coverage(level: string, paging: Walk["paging"]): bigint {
  if (paging === "32-bit") return level === "PDE" ? 1n << 22n : 1n << 12n;
  return { PML4E: 1n << 39n, PDPTE: 1n << 30n, PDE: 1n << 21n }[level] ?? 1n << 12n;
}

/** The pages from an address on; runs of pages that are mapped in a row with the same flags are one line. */
export async function tlb(rest: string, services: ConsoleServices): Promise<string> {
  const { target } = services;
  const start = rest === "" ? 0n : (await evaluateAddress(rest, await services.context())).address;
  const first = await target.walk(start);
  if (first.paging === "off") return "Paging is off: linear addresses are physical ones.";
  const { runs, stoppedAt } = await mappedRuns(target, start, first.paging === "4-level" ? TOP_64 : TOP_32);
  const lines = runs.map(({ linear, physical, pageSize, pages, flags }) => {
    const bytes = pageSize * pages;
    const many = pages === 1n ? "1 page" : `${pages} pages`;
    return `lin:${hex(linear, 16)}-${hex(linear + bytes - 1n, 16)} → phys:${hex(physical, 10)}  ${many} of ${sizeText(pageSize)}  ${flags}`;
  });
  if (stoppedAt !== undefined) lines.push(`(more: info tlb ${hex(stoppedAt)})`);
  return lines.length === 0 ? `Nothing is mapped from lin:${hex(start)} on.` : lines.join("\n");
}

async function mappedRuns(target: Target, start: bigint, top: bigint): Promise<{ runs: Run[]; stoppedAt?: bigint }> {
  const runs: Run[] = [];
  let at = start;
  for (let walks = 0; at < top; walks++) {
    if (at >= LOW_HALF_END && at < HIGH_HALF) at = HIGH_HALF;
    if (walks === MAX_WALKS) return { runs, stoppedAt: at };
    const walk = await target.walk(at);
    const last = walk.steps.at(-1);
    if (walk.physical === undefined || walk.pageSize === undefined || last === undefined) {
      const size = coverage(last?.level ?? "PTE", walk.paging);
      at = (at / size + 1n) * size;
      continue;
    }
    const pageSize = BigInt(walk.pageSize);
    const linear = at - (at % pageSize);
    const physical = walk.physical - (walk.physical % pageSize);
    const flags = rights(walk, last);
    const run = runs.at(-1);
    const ends = run === undefined ? 0n : run.pageSize * run.pages;
    if (
      run?.pageSize === pageSize &&
      run.flags === flags &&
      run.linear + ends === linear &&
      run.physical + ends === physical
    ) {
      run.pages++;
    } else if (runs.length === MAX_RUNS) return { runs, stoppedAt: linear };
    else runs.push({ linear, physical, pageSize, pages: 1n, flags });
    at = linear + pageSize;
  }
  return { runs };
}

/** What all levels grant together, and what the entry says of the page itself. */
function rights(walk: Walk, { entry, level }: Walk["steps"][number]): string {
  const kept = new Set(["PWT", "PCD", "A", "D", "G"]);
  const own = pageEntryFlags(entry, true, level).filter((flag) => kept.has(flag));
  return [walk.user ? "user" : "supervisor", walk.writable ? "rw" : "r-", walk.executable ? "x" : "nx", ...own].join(
    " ",
  );
}

function sizeText(bytes: bigint): string {
  if (bytes >= 1n << 30n) return `${bytes >> 30n} GiB`;
  return bytes >= 1n << 20n ? `${bytes >> 20n} MiB` : `${bytes >> 10n} KiB`;
}
