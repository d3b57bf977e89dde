/** Guest memory as a debugger sees it: no side effects, no accessed or dirty bits, no devices. */
import type { Core } from "../core/core.ts";
import { L, Pm } from "../core/layout.ts";
import type { Walk, WalkStep } from "./api.ts";

const PAGE = 4096;
const ADDRESS_MASK = 0x000000fffffff000n;

export class PhysicalMemory {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  /** Address in the core's memory of a guest physical byte, when there is memory with those rights. */
  #locate(physical: number, rights: number): number | undefined {
    const entry = this.#core.u32[L.PAGE_MAP / 4 + Math.floor(physical / PAGE)]!;
    return entry & rights ? ((entry & ~(PAGE - 1)) >>> 0) + (physical % PAGE) : undefined;
  }

  /** The bytes up to the first one that is no memory; undefined when there is none at all. */
  read(address: bigint, length: number): Uint8Array | undefined {
    const out = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const physical = Number(address) + done;
      const at = physical < 2 ** 32 ? this.#locate(physical, Pm.READ) : undefined;
      if (at === undefined) break;
      const count = Math.min(length - done, PAGE - (physical % PAGE));
      out.set(this.#core.u8.subarray(at, at + count), done);
      done += count;
    }
    return done === 0 && length > 0 ? undefined : out.subarray(0, done);
  }

  /** How many bytes were written: stops at the first one that is no RAM. Code decoded from them is dropped. */
  write(address: bigint, bytes: Uint8Array): number {
    let done = 0;
    while (done < bytes.length) {
      const physical = Number(address) + done;
      const at = physical < 2 ** 32 ? this.#locate(physical, Pm.WRITE) : undefined;
      if (at === undefined) break;
      const count = Math.min(bytes.length - done, PAGE - (physical % PAGE));
      this.#core.exports.dropPage(physical - (physical % PAGE));
      this.#core.exports.touched(physical, count);
      this.#core.u8.set(bytes.subarray(done, done + count), at);
      done += count;
    }
    return done;
  }

  /** Lets memory (RAM followed by `extra`) answer at guest physical addresses: CpuLines.mapMemory. */
  map(physical: number, bytes: number, offset: number, access: "none" | "read" | "readWrite"): void {
    const rights = access === "none" ? 0 : access === "read" ? Pm.READ : Pm.READ | Pm.WRITE;
    for (let done = 0; done < bytes; done += PAGE) {
      this.#core.mapPage((physical + done) / PAGE, (offset + done) / PAGE, rights);
      this.#core.exports.dropPage(physical + done);
    }
    this.#core.exports.flushTlb();
    // Blocks known by their linear address are looked up afresh.
    this.#core.exports.recheck();
  }

  /** A bus master reads: bytes that are no memory are 0xff. */
  dmaRead(physical: number, into: Uint8Array): void {
    this.#forPages(physical, into.length, (from, count, done) => {
      const at = this.#busAddress(from);
      if (at === undefined) into.fill(0xff, done, done + count);
      else into.set(this.#core.u8.subarray(at, at + count), done);
    });
  }

  /** A bus master writes: bytes that meet no memory are lost. */
  dmaWrite(physical: number, bytes: Uint8Array): void {
    this.#forPages(physical, bytes.length, (from, count, done) => {
      const at = this.#busAddress(from);
      if (at === undefined) return;
      this.#core.exports.touched(from, count);
      this.#core.u8.set(bytes.subarray(done, done + count), at);
    });
  }

  /** Where a bus master finds a byte: RAM, whatever the chipset shows the processor there, or mapped memory. */
  #busAddress(physical: number): number | undefined {
    if (physical < this.#core.ram.length) return L.RAM + physical;
    return physical < 2 ** 32 ? this.#locate(physical, Pm.WRITE) : undefined;
  }

  #forPages(physical: number, length: number, work: (from: number, count: number, done: number) => void): void {
    for (let done = 0; done < length;) {
      const from = physical + done;
      const count = Math.min(length - done, PAGE - (from % PAGE));
      work(from, count, done);
      done += count;
    }
  }

  readU64(address: bigint): bigint | undefined {
    const bytes = this.read(address, 8);
    return bytes?.length === 8 ? new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true) : undefined;
  }

  readU32(address: bigint): bigint | undefined {
    const bytes = this.read(address, 4);
    return bytes?.length === 4 ? BigInt(new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true)) : undefined;
  }

  /** Walks the page tables in force (SDM vol. 3, chapter 4). */
  walk(linear: bigint): Walk {
    const u64 = this.#core.u64;
    const cr0 = u64[L.CR0 / 8]!;
    const cr4 = u64[L.CR4 / 8]!;
    const cr3 = u64[L.CR3 / 8]!;
    if (!(cr0 & 0x80000000n)) {
      const physical = linear & 0xffffffffn;
      return {
        linear,
        paging: "off",
        steps: [],
        physical,
        pageSize: PAGE,
        writable: true,
        user: true,
        executable: true,
      };
    }
    if (!(cr4 & 0x20n)) return this.#walk32(linear & 0xffffffffn, cr3, (cr4 & 0x10n) !== 0n);
    const long = (u64[L.EFER / 8]! & 0x400n) !== 0n;
    return this.#walk64(long ? linear : linear & 0xffffffffn, cr3, long);
  }

  #walk32(linear: bigint, cr3: bigint, pse: boolean): Walk {
    const walk: Walk = { linear, paging: "32-bit", steps: [] };
    const pde = this.#step(walk, "PDE", (cr3 & 0xfffff000n) + ((linear >> 22n) & 1023n) * 4n, Number(linear >> 22n), 4);
    if (pde === undefined) return walk;
    if (pse && pde & 0x80n) {
      const high = ((pde >> 13n) & 0xffn) << 32n;
      return finish(walk, high | (pde & 0xffc00000n) | (linear & 0x3fffffn), 1 << 22);
    }
    const index = (linear >> 12n) & 1023n;
    const pte = this.#step(walk, "PTE", (pde & 0xfffff000n) + index * 4n, Number(index), 4);
    return pte === undefined ? walk : finish(walk, (pte & 0xfffff000n) | (linear & 0xfffn), PAGE);
  }

  #walk64(linear: bigint, cr3: bigint, long: boolean): Walk {
    const walk: Walk = { linear, paging: long ? "4-level" : "PAE", steps: [] };
    if (long && BigInt.asUintN(64, BigInt.asIntN(48, linear)) !== linear) {
      walk.fault = "not a canonical address";
      return walk;
    }
    let table = long ? cr3 & ADDRESS_MASK : cr3 & 0xffffffe0n;
    const levels: [string, bigint][] = long
      ? [["PML4E", 39n], ["PDPTE", 30n], ["PDE", 21n], ["PTE", 12n]] // prettier-ignore
      : [["PDPTE", 30n], ["PDE", 21n], ["PTE", 12n]]; // prettier-ignore
    for (const [level, shift] of levels) {
      const index = (linear >> shift) & (long || shift !== 30n ? 511n : 3n);
      const entry = this.#step(walk, level, table + index * 8n, Number(index), 8);
      if (entry === undefined) return walk;
      const large = level === "PTE" || ((entry & 0x80n) !== 0n && shift < 39n && (long || shift === 21n));
      if (large) {
        const size = 1n << shift;
        return finish(walk, (entry & ADDRESS_MASK & ~(size - 1n)) | (linear & (size - 1n)), Number(size));
      }
      table = entry & ADDRESS_MASK;
    }
    return walk;
  }

  /** Reads an entry and notes it; undefined (with the walk's fault set) when it does not lead on. */
  #step(walk: Walk, level: string, entryAddress: bigint, index: number, size: 4 | 8): bigint | undefined {
    const entry = size === 8 ? this.readU64(entryAddress) : this.readU32(entryAddress);
    if (entry === undefined) {
      walk.fault = `${level} lies where there is no memory`;
      return undefined;
    }
    const step: WalkStep = { level, entryAddress, entry, index };
    walk.steps.push(step);
    if (!(entry & 1n)) {
      walk.fault = `${level} not present`;
      return undefined;
    }
    return entry;
  }
}

/** Adds the translation and the rights that all levels grant together. PDPTEs of PAE paging carry none. */
function finish(walk: Walk, physical: bigint, pageSize: number): Walk {
  const steps = walk.paging === "PAE" ? walk.steps.slice(1) : walk.steps;
  walk.physical = physical;
  walk.pageSize = pageSize;
  walk.writable = steps.every((step) => step.entry & 2n);
  walk.user = steps.every((step) => step.entry & 4n);
  walk.executable = walk.paging === "32-bit" || steps.every((step) => !(step.entry >> 63n));
  return walk;
}
