/**
 * Execution breakpoints: what the core is told, and their conditions, decided on the machine's own thread: one that is
 * false and met thousands of times a second costs no message to the debugger (docs/expressions.md).
 */
import type { Core } from "../core/core.ts";
import { L } from "../core/layout.ts";
import type { Breakpoint, ConditionalBreakpoint, RunResult, Space } from "./api.ts";
import { decision } from "./inspect-expression.ts";
import { machineReaders } from "./inspect-registers.ts";
import type { InspectedMachine } from "./inspect-registers.ts";

/** Changed breakpoints up to which the blocks of each are looked for, rather than all blocks dropped. */
const MAX_SINGLE_DROPS = 32;

export class Breakpoints {
  readonly #machine: InspectedMachine;
  readonly #core: Core;
  readonly #readers: ReturnType<typeof machineReaders>;
  #places: ReadonlyMap<string, Breakpoint> = new Map();
  readonly #holds = new Map<string, (() => boolean)[]>();
  readonly #spaces = new Set<Space>();

  constructor(machine: InspectedMachine) {
    this.#machine = machine;
    this.#core = machine.core;
    this.#readers = machineReaders(machine);
  }

  /** Replaces all breakpoints. Throws RangeError with one sentence. Not while the core runs. */
  set(list: readonly ConditionalBreakpoint[]): void {
    const places = new Map(list.map(({ space, address }) => [key({ space, address }), { space, address }]));
    if (places.size > (L.BREAKPOINTS_MAX as number)) {
      throw new RangeError(`${places.size} breakpoints: at most ${L.BREAKPOINTS_MAX} are possible.`);
    }
    this.#place(places);
    this.#holds.clear();
    this.#spaces.clear();
    for (const { condition, ...at } of list) {
      this.#spaces.add(at.space);
      const holds = this.#holds.get(key(at)) ?? [];
      holds.push(decision(condition, this.#readers));
      this.#holds.set(key(at), holds);
    }
  }

  #place(places: ReadonlyMap<string, Breakpoint>): void {
    const { u32, u64, exports } = this.#core;
    u32[L.BREAKPOINTS / 4] = places.size;
    [...places.values()].forEach(({ space, address }, i) => {
      const at = L.BREAKPOINTS + 16 + i * 16;
      u64[at / 8] = address;
      u32[at / 4 + 2] = space === "lin" ? 1 : 0;
    });
    // Blocks are decoded with their breakpoints: those that got or lost one are decoded anew.
    const before = this.#places;
    this.#places = places;
    const changed = [...before, ...places].filter(([at]) => before.has(at) !== places.has(at));
    if (changed.length > MAX_SINGLE_DROPS) exports.flushBlocks();
    else for (const [, { space, address }] of changed) exports.dropCodeAt(address, space === "lin");
  }

  /**
   * The stop at the breakpoints before which the machine stands; undefined when there are none, or none whose
   * condition holds.
   */
  take(): RunResult | undefined {
    this.#readers.fresh();
    const address = this.#machine.linearOfRip(this.#core.u64[L.RIP / 8]!);
    const here: Breakpoint[] = [{ space: "lin", address }];
    if (this.#spaces.has("phys")) {
      const { physical } = this.#machine.walk(address);
      if (physical !== undefined) here.push({ space: "phys", address: physical });
    }
    const at = here.find((one) => this.#holds.get(key(one))?.some((holds) => holds()));
    return at && { reason: "breakpoint", ...at };
  }
}

const key = ({ space, address }: Breakpoint): string => `${space}:${address}`;
