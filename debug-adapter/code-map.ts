/**
 * What size of code was seen to run where. The processor's mode says it for the next instruction only: around a mode
 * switch, code of several sizes lies side by side, and each piece must be decoded in its own.
 */
import type { CodeBits } from "./registers.ts";

/** A linear address at which the processor stood, and the size of code that it was about to run there. */
export interface CodeAnchor {
  address: bigint;
  bits: CodeBits;
}

/** Anchors kept; the oldest go first. */
const MAX_ANCHORS = 4096;

export class CodeMap {
  readonly #anchors = new Map<bigint, CodeBits>();

  note(address: bigint, bits: CodeBits): void {
    // Taken out first, so that it becomes the youngest.
    this.#anchors.delete(address);
    this.#anchors.set(address, bits);
    if (this.#anchors.size <= MAX_ANCHORS) return;
    for (const oldest of this.#anchors.keys()) {
      this.#anchors.delete(oldest);
      break;
    }
  }

  /** The anchors from `from` up to but not including `end`, in the order of addresses. */
  within(from: bigint, end: bigint): CodeAnchor[] {
    const found: CodeAnchor[] = [];
    for (const [address, bits] of this.#anchors) if (address >= from && address < end) found.push({ address, bits });
    return found.sort((a, b) => (a.address < b.address ? -1 : 1));
  }

  clear(): void {
    this.#anchors.clear();
  }
}
