/** Marks on the axis of addresses: round in hexadecimal, far enough apart for their labels. */
import type { Viewport } from "../timeline/viewport.ts";

const TICK_PIXELS = 90;

export interface Tick {
  address: number;
  label: string;
}

export function addressTicks({ start, span, width }: Pick<Viewport, "start" | "span" | "width">): Tick[] {
  const wanted = Math.max(1, (span / width) * TICK_PIXELS);
  const step = 2 ** Math.ceil(Math.log2(wanted));
  const ticks: Tick[] = [];
  for (let address = Math.ceil(start / step) * step; address <= start + span; address += step) {
    ticks.push({ address, label: addressLabel(address) });
  }
  return ticks;
}

const UNITS: readonly (readonly [number, string])[] = [
  [2 ** 30, "GiB"],
  [2 ** 20, "MiB"],
];

/** "512 MiB" where that is exact, else "0x7c00". */
function addressLabel(address: number): string {
  const unit = address === 0 ? undefined : UNITS.find(([size]) => address % size === 0);
  return unit === undefined ? `0x${address.toString(16)}` : `${address / unit[0]}\u202f${unit[1]}`;
}
