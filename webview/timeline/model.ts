/** What the timeline shows: phases and events of a boot by instruction count. Counts are numbers: a boot stays far below 2^53. */
import type { EventKind, WireBootEvent } from "../../debug-adapter/protocol.ts";
import type { BootPhase } from "../messages.ts";

export interface TimelineEvent {
  id: number;
  kind: EventKind;
  lane: number;
  icount: number;
  /** Of its last repetition; `icount` when there was none. */
  last: number;
  text: string;
  /** How often it happened. */
  count: number;
  /** Linear address of the instruction, "0x…". */
  address?: string;
}

export interface TimelinePhase {
  name: string;
  label: string;
  start: number;
  /** Where the next one begins; Infinity for the last. */
  end: number;
}

export interface Lane {
  label: string;
  /** Theme colour: `--vscode-charts-<colour>`. */
  colour: "blue" | "green" | "orange" | "purple" | "red" | "yellow";
  kinds: readonly EventKind[];
}

export const LANES: readonly Lane[] = [
  {
    label: "Mode",
    colour: "purple",
    kinds: ["reset", "real-mode", "protected-mode", "paging", "long-mode", "mode", "triple-fault"],
  },
  { label: "Tables", colour: "yellow", kinds: ["gdt", "idt", "cr3", "cr4", "efer"] },
  { label: "BIOS calls", colour: "blue", kinds: ["int"] },
  { label: "Devices", colour: "green", kinds: ["device", "screen", "a20"] },
  { label: "Disks", colour: "orange", kinds: ["disk"] },
];

const laneOf = (kind: EventKind): number =>
  Math.max(
    0,
    LANES.findIndex(({ kinds }) => kinds.includes(kind)),
  );

export class TimelineModel {
  readonly phases: TimelinePhase[] = [];
  /** In the order of instruction counts. */
  readonly events: TimelineEvent[] = [];
  readonly #byId = new Map<number, TimelineEvent>();
  /** Where the machine is known to have been last. */
  position = 0;

  addPhase({ name, label, icount }: BootPhase): void {
    const start = Number(icount);
    const last = this.phases.at(-1);
    if (last !== undefined) last.end = start;
    this.phases.push({ name, label, start, end: Infinity });
    this.moveTo(start);
  }

  addEvents(list: readonly WireBootEvent[]): void {
    for (const wire of list) {
      const known = this.#byId.get(wire.id);
      const event = known ?? this.#insert(wire);
      event.text = wire.text;
      event.count = wire.count ?? 1;
      event.last = Number(wire.lastIcount ?? wire.icount);
      this.moveTo(event.last);
    }
  }

  /** The machine has retired so many instructions. */
  moveTo(icount: number): void {
    this.position = Math.max(this.position, icount);
  }

  #insert(wire: WireBootEvent): TimelineEvent {
    const icount = Number(wire.icount);
    const event: TimelineEvent = {
      id: wire.id,
      kind: wire.kind,
      lane: laneOf(wire.kind),
      icount,
      last: icount,
      text: wire.text,
      count: 1,
      ...(wire.address === undefined ? {} : { address: wire.address }),
    };
    this.#byId.set(event.id, event);
    // Nearly always the newest one; else behind the last that is not later.
    this.events.splice(this.indexAt(icount + 0.5), 0, event);
    return event;
  }

  /** Index of the first event at or behind an instruction count. */
  indexAt(icount: number): number {
    let low = 0;
    let high = this.events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.events[middle]?.icount ?? Infinity) < icount) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  phaseAt(icount: number): TimelinePhase | undefined {
    return this.phases.findLast(({ start }) => start <= icount) ?? this.phases[0];
  }

  eventsOf(phase: TimelinePhase): TimelineEvent[] {
    return this.events.slice(this.indexAt(phase.start), phase.end === Infinity ? undefined : this.indexAt(phase.end));
  }

  /** The next event of a lane in a direction; the nearest to `icount` on that side when none is chosen. */
  neighbour(lane: number, from: TimelineEvent | number, direction: 1 | -1): TimelineEvent | undefined {
    let index =
      typeof from === "number"
        ? this.indexAt(from) - (direction > 0 ? 1 : 0)
        : this.events.indexOf(from, this.indexAt(from.icount));
    for (index += direction; index >= 0 && index < this.events.length; index += direction) {
      const event = this.events[index];
      if (event?.lane === lane) return event;
    }
    return undefined;
  }

  /** The event of a lane nearest to an instruction count, at most `tolerance` away. */
  nearest(lane: number, icount: number, tolerance: number): TimelineEvent | undefined {
    const before = this.neighbour(lane, icount, -1);
    const after = this.neighbour(lane, icount, 1);
    const distance = (event: TimelineEvent | undefined): number =>
      event === undefined
        ? Infinity
        : event.icount <= icount && icount <= event.last
          ? 0
          : Math.min(Math.abs(event.icount - icount), Math.abs(event.last - icount));
    const best = distance(before) <= distance(after) ? before : after;
    return distance(best) <= tolerance ? best : undefined;
  }
}
