import { Ev, Fl, Key, L } from "../core/layout.ts";
import type { Core } from "../core/core.ts";
import type { DiskTransfer } from "../devices/device.ts";
import type { Drive } from "../disks/disk-image.ts";
import { describeInterrupt } from "./bios-calls.ts";
import { DiskOrigins } from "./disk-origins.ts";
import { matchesEvent } from "./api.ts";
import type { BootEvent, DiskOrigin, EventFilter, EventKind } from "./api.ts";
import type { PhysicalMemory } from "./physical.ts";

/** Events kept of each kind in a phase. */
const MAX_PER_KIND = 512;
/** BIOS calls kept in a phase of each service (further ones are counted by the last of them), and of all. */
const MAX_PER_SERVICE = 128;
const MAX_CALLS = 4096;
const ALL_EVENTS = (1 << 8) - 1;
/** Kinds that the core need not report when they are kept no more. */
const CORE_KINDS: readonly [EventKind, Ev][] = [
  ["cr3", Ev.CR3],
  ["cr4", Ev.CR4],
  ["efer", Ev.EFER],
  ["gdt", Ev.GDT],
  ["idt", Ev.IDT],
  ["mode", Ev.MODE],
];
const PE = 1n;
const PG = 0x80000000n;
const HARD_DISK = 0x80;
const CD = 0xe0;

type Fields = Pick<BootEvent, "address" | "vector" | "ax">;

/**
 * Records what a boot consists of (docs/phases.md): mode switches, table loads, BIOS calls, first uses of devices, disk
 * transfers. All of it is exact and the same in every run of the same boot.
 */
export class BootRecorder {
  readonly #core: Core;
  readonly #memory: PhysicalMemory;
  readonly #drives: readonly Drive[];
  readonly #onEvent: (event: BootEvent, kept: boolean) => void;
  readonly #events: BootEvent[] = [];
  readonly #origins = new DiskOrigins();
  /** How many events of each kind were kept in this phase. */
  readonly #perKind = new Map<EventKind, number>();
  /** How many calls of each interrupt and AH were kept in this phase, and the last of them. */
  readonly #services = new Map<number, { kept: number; last: BootEvent }>();
  #filters: readonly EventFilter[] = [];
  /** The disk event that the next transfer may continue, and where. */
  #disk: { event: BootEvent; drive: number; from: number; end: number; physical: number } | undefined;

  /** @param onEvent called for every event, new or extended; `kept` unless it is past what is kept of its kind */
  constructor(
    core: Core,
    memory: PhysicalMemory,
    drives: readonly Drive[],
    onEvent: (event: BootEvent, kept: boolean) => void,
  ) {
    this.#core = core;
    this.#memory = memory;
    this.#drives = drives;
    this.#onEvent = onEvent;
    this.#arm();
  }

  get events(): readonly BootEvent[] {
    return this.#events;
  }

  set filters(filters: readonly EventFilter[]) {
    this.#filters = filters;
    this.#arm();
  }

  /** From here on everything is kept again: one phase's thousands of mode switches do not crowd out the next one's. */
  phaseBegan(): void {
    this.#perKind.clear();
    this.#services.clear();
    this.#arm();
  }

  /** Whether a filter names an event. */
  wanted(event: BootEvent): boolean {
    return this.#filters.some((filter) => matchesEvent(filter, event));
  }

  /** From the core: enum Ev, its value, and where the instruction lies. */
  core(kind: number, value: bigint, address: bigint): void {
    switch (kind as Ev) {
      case Ev.CR0:
        this.#cr0(value & 0xffffffffn, value >> 32n, address);
        return;
      case Ev.CR3:
        this.#add("cr3", `CR3 = ${hex(value)}`, { address });
        return;
      case Ev.CR4:
        this.#add("cr4", `CR4 = ${hex(value)}`, { address });
        return;
      case Ev.EFER:
        this.#add("efer", `EFER = ${hex(value)}`, { address });
        return;
      case Ev.GDT:
        this.#add("gdt", `GDT at ${hex(value)}, limit ${hex(this.#core.u32[L.GDTR_LIMIT / 4]!)}`, { address });
        return;
      case Ev.IDT:
        this.#add("idt", `IDT at ${hex(value)}, limit ${hex(this.#core.u32[L.IDTR_LIMIT / 4]!)}`, { address });
        return;
      case Ev.MODE:
        this.#add("mode", modeName(Number(value), (this.#core.u32[L.EFLAGS / 4]! & Fl.VM) !== 0), { address });
        return;
      case Ev.INT:
        this.#interrupt(Number(value), address);
        return;
    }
  }

  reset(address: bigint): void {
    this.#add("reset", "Power on: the processor fetches at the reset vector", { address });
  }

  a20(enabled: boolean): void {
    this.#add("a20", enabled ? "A20 on" : "A20 off: address bit 20 is masked", {});
  }

  deviceUsed(name: string): void {
    this.#add("device", `First use of ${name}`, {});
  }

  screenMode(text: string): void {
    this.#add("screen", `Screen: ${text}`, {});
  }

  tripleFault(detail: string): void {
    this.#add("triple-fault", detail, {});
  }

  /** A drive's bytes have reached memory. */
  transfer(transfer: DiskTransfer): void {
    const icount = this.#icount();
    this.#origins.add(transfer, icount);
    const { drive, offset, physical, bytes, by } = transfer;
    const last = this.#disk;
    if (last?.drive === drive && last.end === offset) {
      last.end += bytes;
      last.event.text = this.#diskText(last.drive, last.from, last.end, last.physical, by);
      last.event.count = (last.event.count ?? 1) + 1;
      last.event.lastIcount = BigInt(icount);
      this.#onEvent(last.event, true);
      return;
    }
    const event = this.#add("disk", this.#diskText(drive, offset, offset + bytes, physical, by), {});
    this.#disk = { event, drive, from: offset, end: offset + bytes, physical };
  }

  /** Where the bytes of a guest physical range came from, run by run. */
  origins(physical: number, length: number): DiskOrigin[] {
    return this.#origins.find(physical, length).map((run) => {
      const sectorSize = this.#sectorSize(run.drive);
      return {
        drive: run.drive,
        name: this.#drives[run.drive]?.name ?? "",
        biosDrive: this.#biosDrive(run.drive),
        lba: Math.floor(run.offset / sectorSize),
        offsetInSector: run.offset % sectorSize,
        sectorSize,
        physical: BigInt(run.physical),
        bytes: run.bytes,
        icount: BigInt(run.icount),
        by: run.by,
      };
    });
  }

  #cr0(next: bigint, old: bigint, address: bigint): void {
    const changed = next ^ old;
    if (changed & PE && !this.#idle(next & PE ? "protected-mode" : "real-mode")) {
      const on = (next & PE) !== 0n;
      this.#add(on ? "protected-mode" : "real-mode", on ? "CR0.PE 0 → 1" : "CR0.PE 1 → 0", { address });
    }
    if (!(changed & PG)) return;
    const on = (next & PG) !== 0n;
    this.#add("paging", on ? `Paging on, CR3 = ${hex(this.#core.u64[L.CR3 / 8]!)}` : "Paging off", { address });
    if (on && this.#core.u64[L.EFER / 8]! & 0x400n) this.#add("long-mode", "EFER.LMA 0 → 1", { address });
  }

  #add(kind: EventKind, text: string, fields: Fields): BootEvent {
    const event: BootEvent = { id: this.#events.length, kind, icount: BigInt(this.#icount()), text, ...fields };
    const before = this.#perKind.get(kind) ?? 0;
    if (before >= limitOf(kind)) {
      // Not kept, but somebody may want to stop here.
      this.#onEvent(event, false);
      return event;
    }
    this.#perKind.set(kind, before + 1);
    this.#events.push(event);
    this.#onEvent(event, true);
    if (before + 1 === limitOf(kind)) this.#arm();
    return event;
  }

  /** Nothing of this kind is kept any more, and nobody wants to stop at it. */
  #idle(kind: EventKind): boolean {
    return (this.#perKind.get(kind) ?? 0) >= limitOf(kind) && !this.#wantsKind(kind);
  }

  #wantsKind(kind: EventKind): boolean {
    return this.#filters.some((filter) => names(filter, kind));
  }

  #interrupt(vector: number, address: bigint): void {
    const ax = this.#core.u32[L.REGS / 4]! & 0xffff;
    const key = (vector << 8) | (ax >> 8);
    const service = this.#services.get(key);
    const full = (service?.kept ?? 0) >= MAX_PER_SERVICE || (this.#perKind.get("int") ?? 0) >= MAX_CALLS;
    if (full && service) {
      service.last.count = (service.last.count ?? 1) + 1;
      service.last.lastIcount = BigInt(this.#icount());
    }
    if (full && !this.#wantsKind("int")) return;
    const text = describeInterrupt(this.#core, this.#memory, vector);
    if (full) {
      const icount = BigInt(this.#icount());
      this.#onEvent({ id: this.#events.length, kind: "int", icount, text, address, vector, ax }, false);
      return;
    }
    const last = this.#add("int", text, { address, vector, ax });
    this.#services.set(key, { kept: (service?.kept ?? 0) + 1, last });
  }

  /** Which events the core reports: what is still kept or may be stopped at. */
  #arm(): void {
    let events = ALL_EVENTS;
    for (const [kind, bit] of CORE_KINDS) if (this.#idle(kind)) events &= ~(1 << bit);
    this.#core.u32[L.EVENTS / 4] = events;
  }

  #icount(): number {
    return this.#core.f64[L.NOW / 8]! - this.#core.number64(L.SKEW);
  }

  #sectorSize(drive: number): number {
    return this.#drives[drive]?.kind === "cdrom" ? 2048 : 512;
  }

  /** As firmware numbers drives: hard disks from 0x80 on in their order, CDs from 0xE0 on. */
  #biosDrive(drive: number): number {
    const kind = this.#drives[drive]?.kind;
    const before = this.#drives.slice(0, drive).filter((other) => other.kind === kind).length;
    return (kind === "cdrom" ? CD : HARD_DISK) + before;
  }

  #diskText(drive: number, from: number, end: number, physical: number, by: DiskTransfer["by"]): string {
    const size = this.#sectorSize(drive);
    const first = Math.floor(from / size);
    const last = Math.ceil(end / size) - 1;
    const sectors = first === last ? `LBA ${first}` : `LBA ${first} to ${last}`;
    const number = this.#biosDrive(drive).toString(16).toUpperCase();
    return `Drive ${number}h ${sectors} → phys ${hex(BigInt(physical))} (${by === "virtio" ? "virtio" : by.toUpperCase()})`;
  }
}

function limitOf(kind: EventKind): number {
  return kind === "int" ? MAX_CALLS : MAX_PER_KIND;
}

/** Whether a filter may match events of a kind. */
function names(filter: EventFilter, kind: EventKind): boolean {
  return (
    filter === kind ||
    (kind === "int" && filter.startsWith("int")) ||
    (kind === "device" && filter.startsWith("device:"))
  );
}

function modeName(key: number, vm86: boolean): string {
  if (key & Key.REAL) return vm86 ? "Virtual-8086 mode" : "Real mode";
  const size = key & Key.SIZE_MASK;
  if (size === 2) return "64-bit mode";
  const bits = size === 1 ? 32 : 16;
  return key & Key.LONG ? `${bits}-bit compatibility mode` : `${bits}-bit protected mode`;
}

function hex(value: bigint | number): string {
  return `0x${value.toString(16)}`;
}
