/**
 * `memory` events: a client that shows memory is told when a request of anybody has written to it. Clients know memory by
 * the references that they read it with, and one write may concern several of them.
 */
import type { DebugProtocol } from "@vscode/debugprotocol";
import type { Space } from "../emulator/machine/api.ts";
import { parseReference } from "./address.ts";
import type { Arguments } from "./arguments.ts";
import type { Target } from "./target.ts";

/** References that are remembered, the latest ones. */
const MAX_VIEWS = 64;

type Body = DebugProtocol.MemoryEvent["body"];

/** What was read through a reference: bytes from `first` up to `end`, counted from where the reference points. */
interface View {
  first: number;
  end: number;
}

export class MemoryViews {
  readonly #tell: (body: Body) => void;
  readonly #views = new Map<string, View>();
  #written: { space: Space; address: bigint; count: number }[] = [];

  constructor(tell: (body: Body) => void) {
    this.#tell = tell;
  }

  /** A target through which every write is noticed. */
  watch(target: Target): Target {
    return {
      ...target,
      writeMemory: async (space, address, bytes) => {
        const count = await target.writeMemory(space, address, bytes);
        if (count > 0) this.#note(space, address, count);
        return count;
      },
    };
  }

  /** A readMemory request that was answered. */
  read({ memoryReference, offset = 0, count }: Arguments): void {
    if (typeof memoryReference !== "string" || typeof offset !== "number" || typeof count !== "number") return;
    const view = this.#views.get(memoryReference) ?? { first: offset, end: offset };
    this.#views.delete(memoryReference);
    this.#views.set(memoryReference, {
      first: Math.min(view.first, offset),
      end: Math.max(view.end, offset + count),
    });
    const [oldest] = this.#views.keys();
    if (this.#views.size > MAX_VIEWS && oldest !== undefined) this.#views.delete(oldest);
  }

  #note(space: Space, address: bigint, count: number): void {
    // Behind the response of the request that wrote.
    if (this.#written.length === 0) setImmediate(() => this.#flush());
    this.#written.push({ space, address, count });
  }

  #flush(): void {
    const written = this.#written;
    this.#written = [];
    for (const [memoryReference, view] of this.#views) {
      const base = parseReference(memoryReference);
      if (base === undefined) continue;
      for (const { space, address, count } of written) {
        // Which linear addresses a physical write concerns is not known, nor the other way round: all that was read may.
        if (space !== base.space) {
          this.#tell({ memoryReference, offset: view.first, count: view.end - view.first });
          break;
        }
        const offset = Number(address - base.address);
        if (offset + count > view.first && offset < view.end) this.#tell({ memoryReference, offset, count });
      }
    }
  }
}
