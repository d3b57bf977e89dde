import type { Phase, PhaseName } from "./api.ts";

/**
 * Recognises the phases of a direct boot from what the machine executes (docs/direct-boot.md): the decompressor is the
 * entry of a bzImage; the kernel proper begins with the first 64-bit instruction at a multiple of 2 MiB that is not the
 * entry itself (where `startup_64` of a decompressed kernel always lies); init with the first instruction in ring 3.
 */
export class PhaseRecogniser {
  readonly #phases: Phase[] = [];
  readonly #onPhase: (phase: Phase) => void;

  constructor(first: PhaseName, onPhase: (phase: Phase) => void) {
    this.#onPhase = onPhase;
    this.#enter(first, 0);
  }

  get phases(): readonly Phase[] {
    return this.#phases;
  }

  /** Kinds of code that the core must still report (bits as L.NOTIFY). */
  get wanted(): number {
    return (this.#has("init") ? 0 : 1) | (this.#has("kernel") ? 0 : 2);
  }

  /** Code of a kind is about to run for the first time: 1 user mode, 2 64-bit code at a multiple of 2 MiB. */
  notify(kind: number, icount: number): Phase | undefined {
    // The entry itself, at icount 0, belongs to the phase that the boot began with.
    if (kind === 2 && !this.#has("kernel") && icount > 0) return this.#enter("kernel", icount);
    if (kind === 1 && !this.#has("init")) return this.#enter("init", icount);
    return undefined;
  }

  #has(name: PhaseName): boolean {
    return this.#phases.some((phase) => phase.name === name);
  }

  #enter(name: PhaseName, icount: number): Phase {
    const phase: Phase = { name, icount: BigInt(icount) };
    this.#phases.push(phase);
    this.#onPhase(phase);
    return phase;
  }
}
