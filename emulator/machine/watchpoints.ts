/** Watched memory: what the core is told, and which of its stops are any to the debugger. */
import type { Core } from "../core/core.ts";
import { L } from "../core/layout.ts";
import type { RunResult, Watchpoint } from "./api.ts";
import { decision } from "./inspect-expression.ts";
import { machineReaders } from "./inspect-registers.ts";
import type { InspectedMachine } from "./inspect-registers.ts";
import { readMemory } from "./worker-memory.ts";

/** Kinds of access (L.WATCHPOINTS). */
const READ = 1;
const WRITE = 2;
const ACCESS_BITS = { read: READ, write: WRITE, readWrite: READ | WRITE, change: WRITE } as const;

interface Armed extends Watchpoint {
  holds: () => boolean;
  /** Of "change": the bytes that were there. */
  before?: Uint8Array;
}

export class Watchpoints {
  readonly #machine: InspectedMachine;
  readonly #core: Core;
  readonly #readers: ReturnType<typeof machineReaders>;
  #list: Armed[] = [];
  #comparing = false;

  constructor(machine: InspectedMachine) {
    this.#machine = machine;
    this.#core = machine.core;
    this.#readers = machineReaders(machine);
  }

  /** Replaces all watchpoints. Throws RangeError with one sentence. */
  set(list: readonly Watchpoint[]): void {
    if (list.length > (L.WATCHPOINTS_MAX as number)) {
      throw new RangeError(`${list.length} watchpoints: at most ${L.WATCHPOINTS_MAX} are possible.`);
    }
    const { u32, u64 } = this.#core;
    this.#list = list.map((one) => ({ ...one, holds: decision(one.condition, this.#readers) }));
    this.#comparing = list.some(({ access }) => access === "change");
    u32[L.WATCHPOINTS / 4] = list.length;
    list.forEach(({ space, address, length, access }, i) => {
      const at = L.WATCHPOINTS + 16 + i * 32;
      u64[at / 8] = address;
      u64[at / 8 + 1] = address + BigInt(length) - 1n;
      u32[at / 4 + 4] = space === "lin" ? 1 : 0;
      u32[at / 4 + 5] = ACCESS_BITS[access];
      u32[at / 4 + 6] = 0;
    });
    this.#core.exports.flushTlb();
  }

  /** Before the machine runs: what the debugger wrote meanwhile is no change. */
  begin(): void {
    if (!this.#comparing) return;
    for (const one of this.#list) if (one.access === "change") one.before = this.#bytes(one);
  }

  /** The stop that the core has made for watched memory; undefined when it is none to the debugger. */
  take(): RunResult | undefined {
    const { u32, u64 } = this.#core;
    const access = u32[L.EXIT_DETAIL / 4] === WRITE ? "write" : "read";
    const address = u64[L.EXIT_ADDRESS / 8]!;
    this.#readers.fresh();
    const watchpoints = this.#list.flatMap((one, i) => {
      const at = (L.WATCHPOINTS + 16 + i * 32) / 4 + 6;
      const touched = u32[at] !== 0;
      u32[at] = 0;
      return touched && this.#changed(one) && one.holds() ? [i] : [];
    });
    return watchpoints.length > 0 ? { reason: "watchpoint", address, access, watchpoints } : undefined;
  }

  #changed(one: Armed): boolean {
    if (one.access !== "change") return true;
    const now = this.#bytes(one);
    const { before } = one;
    one.before = now;
    return before === undefined || now.length !== before.length || now.some((byte, i) => byte !== before[i]);
  }

  #bytes({ space, address, length }: Watchpoint): Uint8Array {
    return readMemory(this.#machine, space, address, length);
  }
}
