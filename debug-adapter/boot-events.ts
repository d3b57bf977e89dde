/** Boot events: what the launch configuration's `stopAt` may name, and how events and disk origins read. */
import { EVENT_KINDS, PHASE_NAMES, isEventFilter } from "../emulator/machine/api.ts";
import type { BootEvent, DiskOrigin, EventFilter, PhaseName } from "../emulator/machine/api.ts";
import { isPhaseName } from "./phases.ts";

export interface StopAt {
  phases: PhaseName[];
  events: EventFilter[];
}

/** Sorts names into phases and events; throws with one sentence on any other. */
export function readStopAt(names: readonly string[]): StopAt {
  const wrong = names.find((name) => !isPhaseName(name) && !isEventFilter(name));
  if (wrong !== undefined) {
    throw new Error(
      `"stopAt" names "${wrong}": a phase (${PHASE_NAMES.join(", ")}) or an event ` +
        `(${EVENT_KINDS.join(", ")}, int13h, int13h:42, device:ide) was expected.`,
    );
  }
  return { phases: names.filter(isPhaseName), events: names.filter((name) => !isPhaseName(name)) };
}

/** "INT 13h AH=42h, drive 80h: extended read (3 times)". */
export const eventText = ({ text, count }: Pick<BootEvent, "text" | "count">): string =>
  count === undefined || count < 2 ? text : `${text} (${count} times)`;

/** "LBA 0 of drive 80h, disk.img". */
export function originText(origin: DiskOrigin): string {
  const { lba, offsetInSector, sectorSize, bytes } = origin;
  const last = lba + Math.floor((offsetInSector + bytes - 1) / sectorSize);
  const blocks = `LBA ${last > lba ? `${lba} to ${last}` : lba}`;
  const from = offsetInSector === 0 ? "" : ` from byte ${offsetInSector}`;
  return `${blocks}${from} of drive ${origin.biosDrive.toString(16).toUpperCase().padStart(2, "0")}h, ${origin.name}`;
}
