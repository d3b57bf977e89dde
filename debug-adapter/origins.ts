/** Where bytes in memory came from: the disk blocks behind an address. */
import type { Address } from "./address.ts";
import type { DiskOrigin, Target } from "./target.ts";

/** Bytes of one question. */
export const MAX_ORIGINS = 1 << 24;
/** Pages that a question about linear addresses looks up. */
const PAGE = 4096n;

/** The origins of `length` bytes from `at`, in the order of addresses; linear ones page by page through the page tables. */
export async function originsAt(target: Target, at: Address, length: number): Promise<DiskOrigin[]> {
  if (at.space === "phys") return target.origins(at.address, length);
  const found: DiskOrigin[] = [];
  const end = at.address + BigInt(length);
  for (let linear = at.address; linear < end;) {
    const { paging, physical, pageSize } = await target.walk(linear);
    const page = BigInt(pageSize ?? PAGE);
    // Without paging the rest is one piece.
    const next = paging === "off" ? end : (linear / page + 1n) * page;
    const bytes = Number((next < end ? next : end) - linear);
    if (physical !== undefined) found.push(...(await target.origins(physical, bytes)));
    linear += BigInt(bytes);
  }
  return found;
}
