/**
 * Conditions of breakpoints, decided on the machine's own thread: one that is false and met thousands of times a second
 * costs no message to the debugger (docs/expressions.md).
 */
import type { Breakpoint, ConditionalBreakpoint, RunResult, Space } from "./api.ts";
import { EvaluationError, prepare } from "./inspect-expression.ts";
import type { CompiledExpression } from "./inspect-expression.ts";
import { machineReaders } from "./inspect-registers.ts";
import type { InspectedMachine } from "./inspect-registers.ts";

export class BreakpointConditions {
  readonly #machine: InspectedMachine;
  readonly #readers: ReturnType<typeof machineReaders>;
  readonly #holds = new Map<string, (() => boolean)[]>();
  readonly #spaces = new Set<Space>();

  constructor(machine: InspectedMachine) {
    this.#machine = machine;
    this.#readers = machineReaders(machine);
  }

  /** Replaces what was set before: all breakpoints that the machine has. */
  set(list: readonly ConditionalBreakpoint[]): void {
    this.#holds.clear();
    this.#spaces.clear();
    for (const { condition, ...at } of list) {
      this.#spaces.add(at.space);
      const holds = this.#holds.get(key(at)) ?? [];
      holds.push(condition === undefined ? () => true : this.#decision(condition));
      this.#holds.set(key(at), holds);
    }
  }

  /** Whether a stop is one at breakpoints whose conditions are all false: the machine shall go on, passing over them. */
  passesOver(stop: RunResult): boolean {
    if (stop.reason !== "breakpoint") return false;
    this.#readers.fresh();
    const here = [stop, this.#inOtherSpace(stop)].flatMap((at) => (at && this.#holds.get(key(at))) ?? []);
    return here.length > 0 && !here.some((holds) => holds());
  }

  #decision(condition: CompiledExpression): () => boolean {
    const run = prepare(condition);
    return () => {
      try {
        return run(this.#readers) !== 0n;
      } catch (error) {
        if (error instanceof EvaluationError) return true;
        throw error;
      }
    };
  }

  /** The machine names one of the breakpoints at the instruction; others may know it by its other address. */
  #inOtherSpace({ space, address }: Breakpoint): Breakpoint | undefined {
    if (!this.#spaces.has(space === "lin" ? "phys" : "lin")) return undefined;
    if (space === "lin") {
      const { physical } = this.#machine.walk(address);
      return physical === undefined ? undefined : { space: "phys", address: physical };
    }
    return { space: "lin", address: this.#machine.linearOfRip(this.#readers.register("rip") ?? 0n) };
  }
}

const key = ({ space, address }: Breakpoint): string => `${space}:${address}`;
