/** The trace of executed instructions, exact: one entry for each, in the order in which they ran. */
import type { Core } from "../core/core.ts";
import { Key, L } from "../core/layout.ts";
import type { TracedInstruction } from "./api.ts";

export class InstructionTrace {
  readonly #core: Core;
  readonly #listener: (instruction: TracedInstruction) => void;
  /** Noted, but what became of it is not known yet. */
  #last: TracedInstruction | undefined;

  /** Begins: the machine goes instruction by instruction until `end`. */
  constructor(core: Core, listener: (instruction: TracedInstruction) => void) {
    this.#core = core;
    this.#listener = listener;
    core.u32[L.TRACE_COUNT / 4] = 0;
    core.u32[L.TRACE / 4] = 1;
  }

  /** Behind each stretch in the core. */
  drain(): void {
    const { u32 } = this.#core;
    const count = u32[L.TRACE_COUNT / 4]!;
    u32[L.TRACE_COUNT / 4] = 0;
    for (let i = 0; i < count; i++) this.#add(this.#read(L.TRACE_RECORDS + i * L.TRACE_RECORD));
  }

  end(): void {
    this.drain();
    this.#core.u32[L.TRACE / 4] = 0;
    const last = this.#last;
    this.#last = undefined;
    // Noted, and then stopped before it.
    if (last && last.icount < this.#core.icount) this.#listener(last);
  }

  #add(next: TracedInstruction): void {
    const last = this.#last;
    this.#last = next;
    if (!last) return;
    if (last.icount < next.icount) this.#listener(last);
    // Not retired: it has faulted, unless the machine had only stopped before it.
    else if (last.linear !== next.linear) this.#listener({ ...last, faulted: true });
  }

  #read(at: number): TracedInstruction {
    const { u8, u32, u64 } = this.#core;
    const key = u32[(at + 28) / 4]!;
    return {
      icount: this.#core.number64(at),
      linear: u64[(at + 8) / 8]!,
      rip: u64[(at + 16) / 8]!,
      physical: u32[(at + 24) / 4]!,
      bits: ([16, 32, 64] as const)[(key & Key.SIZE_MASK) as 0 | 1 | 2],
      user: (key & Key.USER) !== 0,
      selector: u32[(at + 32) / 4]! & 0xffff,
      bytes: u8.slice(at + 40, at + 40 + u32[(at + 36) / 4]!),
      faulted: false,
    };
  }
}
