/** Regions of guest physical memory as the map shows them. Addresses are numbers: they have 40 bits. */
import type { MemoryLayer, MemoryRegion } from "../../debug-adapter/protocol.ts";

export interface Lane {
  layer: MemoryLayer;
  label: string;
  /** Theme colour: `--vscode-charts-<colour>`. */
  colour: "blue" | "green" | "orange" | "purple" | "red" | "yellow" | "lines";
}

export const LANES: readonly Lane[] = [
  { layer: "e820", label: "RAM (E820)", colour: "green" },
  { layer: "firmware", label: "Firmware", colour: "yellow" },
  { layer: "loader", label: "Loader", colour: "orange" },
  { layer: "handover", label: "Handed over", colour: "purple" },
  { layer: "kernel", label: "Kernel", colour: "blue" },
  { layer: "processor", label: "Processor", colour: "red" },
  { layer: "devices", label: "Devices", colour: "lines" },
];

export interface Region {
  /** Place in the list. */
  index: number;
  first: number;
  /** Behind the last byte. */
  end: number;
  lane: number;
  owner: string;
  detail: string;
  source: string;
  /** How many regions of its lane it lies within. */
  depth: number;
  /** It was not so at the stop that was shown before. */
  isNew: boolean;
}

/** What was shown last, for a panel that comes back. */
export interface Shown {
  /** Of one session, as `set` has them. */
  session: string;
  stop: number;
  keys: readonly string[];
  /** Of the stop before. */
  before?: readonly string[];
}

/** Regions whose memory is worth keeping. */
const MAX_SHOWN = 20_000;

const keyOf = ({ first, end, layer, owner }: MemoryRegion): string => `${layer} ${owner} ${first} ${end}`;

export class MemoryMapModel {
  regions: readonly Region[] = [];
  /** Behind the last byte of all regions; of RAM. */
  end = 0;
  ramEnd = 0;
  #shown: Shown | undefined;

  /** @param shown what another page of this panel left */
  constructor(shown?: Shown) {
    this.#shown = shown;
  }

  get shown(): Shown | undefined {
    return this.regions.length > MAX_SHOWN ? undefined : this.#shown;
  }

  /** What is new is so against the stop that was shown before, of the same session. */
  set(list: readonly MemoryRegion[], session: string, stop: number): void {
    const last = this.#shown?.session === session ? this.#shown : undefined;
    const known = last?.stop === stop ? last.before : last?.keys;
    this.#shown = { session, stop, keys: list.map(keyOf), ...(known && { before: known }) };
    const before = known && new Set(known);
    const open: { lane: number; end: number }[] = [];
    this.regions = list.map((wire, index) => {
      const [first, end] = [Number(wire.first), Number(wire.end)];
      const lane = LANES.findIndex(({ layer }) => layer === wire.layer);
      // The list is in the order of lanes and addresses, what contains before what it contains.
      for (let last = open.at(-1); last && (last.lane !== lane || last.end < end); last = open.at(-1)) open.pop();
      const depth = open.length;
      open.push({ lane, end });
      const { owner, detail, source } = wire;
      const isNew = before !== undefined && !before.has(keyOf(wire));
      return { index, first, end, lane, owner, detail, source, depth, isNew };
    });
    const ram = this.regions.filter(({ lane, owner }) => lane === 0 && /RAM/.test(owner));
    this.ramEnd = Math.max(0, ...ram.map(({ end }) => end));
    this.end = this.regions.reduce((most, { end }) => Math.max(most, end), 0);
  }

  /** Another machine: nothing is known of the stop before. */
  clear(): void {
    this.regions = [];
    this.end = 0;
    this.ramEnd = 0;
    this.#shown = undefined;
  }

  /** Regions that hold an address, the smallest first. */
  ownersOf(address: number): Region[] {
    return this.regions
      .filter(({ first, end }) => address >= first && address < end)
      .sort((a, b) => a.end - a.first - (b.end - b.first));
  }

  /** The smallest region of a lane at an address, or the nearest one at most `reach` away. */
  at(lane: number, address: number, reach: number): Region | undefined {
    let best: Region | undefined;
    let bestScore = Infinity;
    for (const region of this.regions) {
      if (region.lane !== lane) continue;
      const distance = address < region.first ? region.first - address : Math.max(0, address - region.end + 1);
      if (distance > reach) continue;
      // Of those that hold it the smallest; only where none does the nearest.
      const score = distance === 0 ? region.end - region.first : 2 ** 60 + distance;
      if (score < bestScore) [best, bestScore] = [region, score];
    }
    return best;
  }

  /** The next region of a lane from one of it, or from an address. */
  neighbour(lane: number, from: Region | number, direction: 1 | -1): Region | undefined {
    const list = this.regions.filter((region) => region.lane === lane);
    if (typeof from !== "number") return list[list.indexOf(from) + direction];
    return direction > 0 ? list.find(({ first }) => first >= from) : list.findLast(({ first }) => first <= from);
  }
}

/** "0x7c00–0x7dff" */
export const rangeText = ({ first, end }: Region): string =>
  `0x${first.toString(16)}–0x${Math.max(first, end - 1).toString(16)}`;

const UNITS = ["bytes", "KiB", "MiB", "GiB"];

/** 4608 → "4.5 KiB"; three digits. */
export function byteCount(bytes: number): string {
  let [value, unit] = [bytes, 0];
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = value >= 100 || Number.isInteger(value) ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ${UNITS[unit] ?? ""}`;
}

/** One sentence about a region. */
export const describeRegion = (region: Region): string =>
  [
    `${region.owner}, ${rangeText(region)}, ${byteCount(region.end - region.first)}`,
    ...(region.detail === "" ? [] : [region.detail]),
    `known from ${region.source}`,
    ...(region.isNew ? ["new since the stop shown before"] : []),
  ].join("; ") + ".";
