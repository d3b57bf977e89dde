/** Where bytes in memory came from: the disk blocks behind an address. */
import type { Address } from "./address.ts";
import type { DiskOrigin, Target } from "./target.ts";

/** Bytes of one question. */
export const MAX_ORIGINS = 1 << 24;
/** Pages that a question about linear addresses looks up. */
const PAGE = 4096n;

/** The origins of `length` bytes from `at`, in the order of addresses; linear ones page by page through the page tables. */
export async function originsAt(target: Target, at: Address, length: number): Promise<DiskOrigin[]> {
  if (at.space === "phys") return within(await target.origins(at.address, length), at.address, length);
  const found: DiskOrigin[] = [];
  const end = at.address + BigInt(length);
  for (let linear = at.address; linear < end;) {
    const { paging, physical, pageSize } = await target.walk(linear);
    const page = BigInt(pageSize ?? PAGE);
    // Without paging the rest is one piece.
    const next = paging === "off" ? end : (linear / page + 1n) * page;
    const bytes = Number((next < end ? next : end) - linear);
    if (physical !== undefined) found.push(...within(await target.origins(physical, bytes), physical, bytes));
    linear += BigInt(bytes);
  }
  return found;
}

/** Cuts runs to the range that was asked for. */
function within(runs: readonly DiskOrigin[], physical: bigint, length: number): DiskOrigin[] {
  const end = physical + BigInt(length);
  return runs.flatMap((run) => {
    const first = run.physical > physical ? run.physical : physical;
    const runEnd = run.physical + BigInt(run.bytes);
    const bytes = Number((runEnd < end ? runEnd : end) - first);
    if (bytes <= 0) return [];
    const offset = run.offsetInSector + Number(first - run.physical);
    const sectors = Math.floor(offset / run.sectorSize);
    const offsetInSector = offset % run.sectorSize;
    return [{ ...run, physical: first, bytes, lba: run.lba + sectors, offsetInSector }];
  });
}
