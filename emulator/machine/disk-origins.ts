import type { DiskTransfer } from "../devices/device.ts";

/** A run of guest memory that came from one drive in a row. */
export interface OriginRun {
  physical: number;
  bytes: number;
  drive: number;
  /** First byte in the image. */
  offset: number;
  icount: number;
  by: DiskTransfer["by"];
}

/** Runs kept at most; beyond it the oldest go. */
const MAX_RUNS = 65_536;

/**
 * Which disk blocks guest memory was filled from: for every byte the last transfer that reached it, as runs sorted by
 * address. A transfer that continues the one before it on both sides extends its run, so a kernel read by many commands
 * is one run.
 */
export class DiskOrigins {
  /** Sorted by address, without overlaps. */
  #runs: OriginRun[] = [];

  add(transfer: DiskTransfer, icount: number): void {
    const { physical, bytes, drive, offset, by } = transfer;
    if (bytes <= 0) return;
    const runs = this.#runs;
    const end = physical + bytes;
    let first = this.#firstEndingBehind(physical);
    let last = first;
    const kept: OriginRun[] = [];
    for (; last < runs.length && runs[last]!.physical < end; last++) {
      const run = runs[last]!;
      if (run.physical < physical) kept.push({ ...run, bytes: physical - run.physical });
      const over = run.physical + run.bytes - end;
      if (over > 0) kept.push({ ...run, physical: end, offset: run.offset + run.bytes - over, bytes: over });
    }
    const fresh: OriginRun = { physical, bytes, drive, offset, icount, by };
    const before = kept.find((run) => run.physical < physical) ?? runs[first - 1];
    if (before && continues(before, fresh)) {
      if (!kept.includes(before)) first--;
      fresh.physical = before.physical;
      fresh.offset = before.offset;
      fresh.bytes += before.bytes;
      fresh.icount = before.icount;
      kept.splice(0, kept[0] === before ? 1 : 0);
    }
    const behind = kept.filter((run) => run.physical >= end);
    const ahead = kept.filter((run) => run.physical < fresh.physical);
    runs.splice(first, last - first, ...ahead, fresh, ...behind);
    if (runs.length > MAX_RUNS) this.#forgetOldest();
  }

  /** The runs that reach into a range, whole, by address. */
  find(physical: number, length: number): OriginRun[] {
    const found: OriginRun[] = [];
    for (let i = this.#firstEndingBehind(physical); i < this.#runs.length; i++) {
      const run = this.#runs[i]!;
      if (run.physical >= physical + length) break;
      found.push(run);
    }
    return found;
  }

  /** Index of the first run whose end lies behind an address. */
  #firstEndingBehind(physical: number): number {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const run = this.#runs[middle]!;
      if (run.physical + run.bytes <= physical) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #forgetOldest(): void {
    const byAge = [...this.#runs].sort((a, b) => a.icount - b.icount);
    const limit = byAge[MAX_RUNS / 8]!.icount;
    this.#runs = this.#runs.filter((run) => run.icount > limit);
  }
}

function continues(before: OriginRun, run: OriginRun): boolean {
  return (
    before.physical + before.bytes === run.physical &&
    before.offset + before.bytes === run.offset &&
    before.drive === run.drive &&
    before.by === run.by
  );
}
