/** The processor's side of a board for tests: memory by pages, and a log of everything else. */
import type { CpuLines } from "../devices/device.ts";
import { Extra } from "./memory-map.ts";

const PAGE = 4096;

export class TestLines implements CpuLines {
  readonly log: string[] = [];
  readonly ramBytes: number;
  /** RAM and what follows it; allocated lazily by the host's operating system. */
  readonly all: Uint8Array;
  readonly extra: Uint8Array;
  /** For each page: the one of `all` that answers, times 4, and its rights (1 read, 2 write). */
  readonly #pages = new Int32Array(1 << 20);
  intr = false;

  constructor(ramBytes: number) {
    this.ramBytes = ramBytes;
    this.all = new Uint8Array(ramBytes + Extra.SIZE);
    this.extra = this.all.subarray(ramBytes);
    for (let page = 0; page < ramBytes / PAGE; page++) this.#pages[page] = page * 4 + 3;
  }

  setIntr(level: boolean): void {
    this.intr = level;
  }
  raiseNmi(): void {
    this.log.push("nmi");
  }
  attention(): void {
    this.log.push("attention");
  }
  requestReset(cause: string): void {
    this.log.push(cause);
  }
  requestPowerOff(): void {
    this.log.push("power off");
  }
  setA20(enabled: boolean): void {
    this.log.push(`a20 ${enabled}`);
  }
  mapMemory(physical: number, bytes: number, offset: number, access: "none" | "read" | "readWrite"): void {
    if ((physical | bytes | offset) % PAGE !== 0) throw new Error("mapMemory takes whole pages");
    if (access !== "none" && offset + bytes > this.all.length) throw new Error("mapped beyond the memory's end");
    const rights = access === "none" ? 0 : access === "read" ? 1 : 3;
    for (let done = 0; done < bytes; done += PAGE) {
      this.#pages[(physical + done) / PAGE] = rights === 0 ? 0 : ((offset + done) / PAGE) * 4 + rights;
    }
  }
  dmaRead(physical: number, into: Uint8Array): void {
    into.forEach((_, index) => {
      const at = physical + index;
      into[index] = at < this.ramBytes ? (this.all[at] as number) : 0xff;
    });
  }
  dmaWrite(physical: number, bytes: Uint8Array): void {
    if (physical < this.ramBytes) this.all.set(bytes.subarray(0, this.ramBytes - physical), physical);
  }
  insDestination(): number {
    return -1;
  }

  /** What the processor sees at a physical address; undefined where the board is asked. */
  read(physical: number): number | undefined {
    const page = this.#pages[Math.floor(physical / PAGE)] ?? 0;
    return page & 1 ? this.all[(page >> 2) * PAGE + (physical % PAGE)] : undefined;
  }

  /** Writes as the processor; false where the board is asked. */
  write(physical: number, value: number): boolean {
    const page = this.#pages[Math.floor(physical / PAGE)] ?? 0;
    if (!(page & 2)) return false;
    this.all[(page >> 2) * PAGE + (physical % PAGE)] = value;
    return true;
  }
}
