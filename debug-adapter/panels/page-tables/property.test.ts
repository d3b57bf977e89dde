/** Random page tables in every paging mode: what is read of them against the machine's own walk, address by address. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Core } from "../../../emulator/core/core.ts";
import { L, Pm } from "../../../emulator/core/layout.ts";
import { PhysicalMemory } from "../../../emulator/machine/physical.ts";
import type { CpuState, Walk } from "../../target.ts";
import { Extents, rangesOf } from "./extent.ts";
import { MODES } from "./hand-made.ts";
import { mappedShares } from "./map.ts";
import { Mappings } from "./mappings.ts";
import { canonical, pagingOf, rightsText } from "./paging.ts";
import { readTables } from "./tables.ts";
import { walkTables } from "./walk.ts";

const PAGES = 64;
const PAGE = 4096;
const TABLES = 16;

/** xorshift32: the same numbers each time. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** The machine's walk over memory of its own. */
class Guest {
  readonly #buffer = new ArrayBuffer(L.RAM + PAGES * PAGE);
  readonly #physical: PhysicalMemory;
  readonly cpu: CpuState;
  readonly memory = new Uint8Array(this.#buffer, L.RAM);

  constructor(mode: keyof typeof MODES) {
    const u32 = new Uint32Array(this.#buffer);
    const u64 = new BigUint64Array(this.#buffer);
    for (let page = 0; page < PAGES; page++) u32[L.PAGE_MAP / 4 + page] = (L.RAM + page * PAGE) | Pm.READ | Pm.WRITE;
    this.cpu = { ...MODES[mode], cr3: BigInt(PAGE) } as CpuState;
    u64[L.CR0 / 8] = this.cpu.cr0;
    u64[L.CR3 / 8] = this.cpu.cr3;
    u64[L.CR4 / 8] = this.cpu.cr4;
    u64[L.EFER / 8] = this.cpu.efer;
    this.#physical = new PhysicalMemory({ u8: new Uint8Array(this.#buffer), u32, u64 } as unknown as Core);
  }

  walk(linear: bigint): Walk {
    return this.#physical.walk(linear);
  }

  readonly readMemory = (_: string, address: bigint, length: number): Promise<Uint8Array> =>
    Promise.resolve(this.#physical.read(address, length) ?? new Uint8Array());

  /** Fills the first pages with entries that lead to each other, to pages, nowhere, or outside memory. */
  fill(random: (below: number) => number): void {
    const view = new DataView(this.memory.buffer, this.memory.byteOffset);
    const wide = (this.cpu.cr4 & 0x20n) !== 0n;
    for (let page = 0; page < TABLES; page++) {
      // The first table is full, so that some addresses get further.
      const density = page === 1 ? 4 : 1 + random(3);
      for (let at = page * PAGE; at < (page + 1) * PAGE; at += wide ? 8 : 4) {
        if (random(4) >= density) continue;
        const target = random(20) === 0 ? PAGES + random(1 << 10) : random(3) === 0 ? random(PAGES) : random(TABLES);
        const low = target * PAGE + random(PAGE) * (random(2) + 1);
        view.setUint32(at, random(5) === 0 ? random(2 ** 32) : low | (random(4) === 0 ? 0 : 1), true);
        // Bits 32 to 39 of the address, no-execute; the rest has no meaning in a walk.
        if (wide) view.setUint32(at + 4, (random(50) === 0 ? random(4) : 0) | (random(3) === 0 ? 0x80000000 : 0), true);
      }
    }
  }
}

for (const [number, mode] of (Object.keys(MODES) as (keyof typeof MODES)[]).entries()) {
  test(`${mode}: random tables`, async () => {
    for (let round = 0; round < 8; round++) {
      const random = randomNumbers(1 + round + number * 1000);
      const guest = new Guest(mode);
      guest.fill(random);
      const paging = pagingOf(guest.cpu);
      assert.ok(paging);
      const tables = await readTables(guest, paging);
      const extents = new Extents(tables);
      const somewhere = (): number => {
        const place = random(2 ** 32) + (paging.space > 2 ** 32 ? random(2 ** 16) * 2 ** 32 : 0);
        // Often where first entries are the same, so that deep tables are met.
        return random(2) === 0 ? place : place % (paging.levels[0]!.span * 2);
      };
      let mapped = 0;
      for (let count = 0; count < 2000; count++) {
        const place = somewhere();
        const linear = canonical(paging, place);
        const walk = guest.walk(linear);
        assert.deepEqual(walkTables(tables, linear), walk);
        if (walk.physical === undefined) continue;
        if (++mapped % 20 !== 0) continue;
        const page = place - (place % PAGE);
        const shares = mappedShares(extents, page, page + PAGE, 1);
        const rights = `${walk.user ? "u" : "-"}r${walk.writable ? "w" : "-"}${walk.executable ? "x" : "-"}`;
        assert.deepEqual([...shares].map(([each, row]) => [rightsText(each), ...row]), [[rights, 1]]); // prettier-ignore
        const mappings = new Mappings(tables, Number(walk.physical));
        assert.ok(mappings.total >= 1);
        const some = mappings.list(random(mappings.total), 10);
        assert.ok(some.length > 0);
        for (const found of some) assert.equal(guest.walk(canonical(paging, found.place)).physical, walk.physical);
      }
      assert.ok(mapped > 20, `${mapped} of the addresses are mapped`);
      // What the map adds up to is what the totals say, and each range what a walk into it says.
      const bytes = extents.all().mapped;
      const drawn = [...mappedShares(extents, 0, paging.space, 64).values()];
      const sum = drawn.reduce((all, row) => all + row.reduce((one, share) => one + share, 0), 0);
      assert.ok(Math.abs((sum / 64) * paging.space - bytes) <= bytes * 1e-9, `${sum} shares of ${bytes} bytes`);
      let ranges = 0;
      for (const { first, end, rights } of rangesOf(extents)) {
        if (++ranges > 300) break;
        for (const place of [first, end - 1, first + Math.floor((end - first) / 2)]) {
          const walk = guest.walk(canonical(paging, place));
          assert.equal(rightsText(rights)[0], walk.user ? "u" : "-");
          assert.equal(walk.physical === undefined, false);
        }
      }
    }
  });
}
