/** gdb's break- and watchpoints: the Z and z packets. They live beside guest memory, so no loader overwrites them. */
import { linearIp } from "../registers.ts";
import type { CpuState, StopResult, Watchpoint } from "../target.ts";
import { plainStop } from "./host.ts";
import type { GdbHost, GdbStop } from "./host.ts";

/** What one gdb may set of either kind; the machine's own limits are those of all its debuggers together. */
const MAX_POINTS = 250;
/** Bytes that one watchpoint may watch. */
const MAX_WATCHED = 1n << 20n;
const ADDRESS_END = 1n << 64n;

const ACCESS = { "2": "write", "3": "read", "4": "readWrite" } as const;
const WATCH_REASON = { write: "watch", read: "rwatch", readWrite: "awatch" } as const;

/** "0" and "1" (software and hardware breakpoints, the same here), or "2" to "4" (write, read and access). */
type Kind = "0" | "1" | keyof typeof ACCESS;

interface Point {
  kind: Kind;
  address: bigint;
  /** Watched bytes; of breakpoints, what gdb calls their kind. */
  length: bigint;
}

const isExecution = ({ kind }: Point): boolean => kind === "0" || kind === "1";

export class Points {
  readonly #host: GdbHost;
  #points: Point[] = [];

  constructor(host: GdbHost) {
    this.#host = host;
  }

  /** The packet behind its `Z`: "0,7c00,1". Throws RangeError with one sentence. */
  async insert(text: string): Promise<void> {
    const point = parse(text);
    // Inserting twice is no mistake: gdb does so when it is not sure that the first was received.
    if (this.#points.some((one) => same(one, point))) return;
    if (this.#points.filter((one) => isExecution(one) === isExecution(point)).length >= MAX_POINTS) {
      throw new RangeError(`At most ${MAX_POINTS} breakpoints and as many watchpoints are possible.`);
    }
    await this.#set([...this.#points, point], point);
  }

  /** The packet behind its `z`. */
  async remove(text: string): Promise<void> {
    const point = parse(text);
    const left = this.#points.filter((one) => !same(one, point));
    if (left.length < this.#points.length) await this.#set(left, point);
  }

  async clear(): Promise<void> {
    if (this.#points.length === 0) return;
    this.#points = [];
    await this.#host.setBreakpoints([]);
    await this.#host.setWatchpoints([]);
  }

  /** How gdb is told of a stop: with the name of its own point behind it, if there is one. */
  describe(stop: StopResult, cpu: CpuState): GdbStop {
    const plain = plainStop(stop);
    if (stop.reason === "breakpoint") {
      const here = linearIp(cpu);
      const hit = this.#points.find((one) => isExecution(one) && one.address === here);
      if (hit !== undefined) return { ...plain, reason: hit.kind === "0" ? "swbreak:;" : "hwbreak:;" };
    }
    if (stop.reason === "watchpoint") {
      const hit = this.#points.find((one) => isWatched(one, stop));
      if (hit !== undefined) {
        const access = ACCESS[hit.kind as keyof typeof ACCESS];
        return { ...plain, reason: `${WATCH_REASON[access]}:${stop.address.toString(16)};` };
      }
    }
    return plain;
  }

  /** Whether one of gdb's points is behind a stop. */
  owns(stop: StopResult, cpu: CpuState): boolean {
    return this.describe(stop, cpu).reason !== "";
  }

  async #set(list: Point[], changed: Point): Promise<void> {
    if (isExecution(changed)) {
      const breakpoints = list.filter(isExecution).map(({ address }) => ({ space: "lin" as const, address }));
      await this.#host.setBreakpoints(breakpoints);
    } else {
      await this.#host.setWatchpoints(list.filter((one) => !isExecution(one)).map(watchpoint));
    }
    this.#points = list;
  }
}

const same = (a: Point, b: Point): boolean => a.kind === b.kind && a.address === b.address && a.length === b.length;

function watchpoint({ kind, address, length }: Point): Watchpoint {
  return { space: "lin", address, length: Number(length), access: ACCESS[kind as keyof typeof ACCESS] };
}

/** The machine names the first byte that was both watched and touched, of the first watchpoint that it finds. */
function isWatched(point: Point, stop: StopResult & { reason: "watchpoint" }): boolean {
  if (isExecution(point)) return false;
  const access = ACCESS[point.kind as keyof typeof ACCESS];
  const offset = stop.address - point.address;
  return (access === "readWrite" || access === stop.access) && offset >= 0n && offset < point.length;
}

function parse(text: string): Point {
  const match = /^([0-4]),([0-9a-f]{1,16}),([0-9a-f]{1,8})(;.*)?$/i.exec(text);
  if (match?.[1] === undefined) throw new RangeError("A kind from 0 to 4, an address and a length were expected.");
  const point = { kind: match[1] as Kind, address: BigInt(`0x${match[2]}`), length: BigInt(`0x${match[3]}`) };
  if (isExecution(point)) return point;
  if (point.length < 1n || point.length > MAX_WATCHED || point.address + point.length > ADDRESS_END) {
    throw new RangeError(`1 to ${MAX_WATCHED} bytes below 2^64 can be watched.`);
  }
  return point;
}
