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
  /** Offset in `all` of each page that was mapped by the board, and its rights. */
  readonly pages = new Map<number, { offset: number; access: "none" | "read" | "readWrite" }>();
  intr = false;

  constructor(ramBytes: number) {
    this.ramBytes = ramBytes;
    this.all = new Uint8Array(ramBytes + Extra.SIZE);
    this.extra = this.all.subarray(ramBytes);
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
    for (let done = 0; done < bytes; done += PAGE) {
      this.pages.set((physical + done) / PAGE, { offset: offset + done, access });
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
    const page = this.pages.get(Math.floor(physical / PAGE));
    if (!page) return physical < this.ramBytes ? this.all[physical] : undefined;
    return page.access === "none" ? undefined : this.all[page.offset + (physical % PAGE)];
  }

  /** Writes as the processor; false where the board is asked. */
  write(physical: number, value: number): boolean {
    const page = this.pages.get(Math.floor(physical / PAGE));
    if (page ? page.access !== "readWrite" : physical >= this.ramBytes) return false;
    this.all[page ? page.offset + (physical % PAGE) : physical] = value;
    return true;
  }
}
