import { L, Notify } from "../core/layout.ts";
import type { Core } from "../core/core.ts";
import type { BootPlaces, Phase, PhaseName } from "./api.ts";
import type { PhysicalMemory } from "./physical.ts";

const BOOT_SECTOR = 0x7c00;
/** Offset of "HdrS" in a setup header (Linux boot protocol). */
const HEADER_MAGIC = 0x202;
const HDRS = 0x53726448n;

/**
 * Recognises the phases of a boot from what the machine executes (docs/phases.md): the reset vector; the first 16-bit
 * code at 0x7c00; a kernel's setup code (a jump over "HdrS"); its 32-bit entry (with ESI at a boot_params whose header
 * says so); the first 64-bit code at a multiple of 2 MiB, where `startup_64` of a decompressed kernel always lies; and
 * after it the first instruction in ring 3.
 */
export class PhaseRecogniser {
  readonly #phases: Phase[] = [];
  readonly #core: Core;
  readonly #memory: PhysicalMemory;
  readonly #onPhase: (phase: Phase) => void;
  readonly #places: BootPlaces = {};

  constructor(first: PhaseName, core: Core, memory: PhysicalMemory, onPhase: (phase: Phase) => void) {
    this.#core = core;
    this.#memory = memory;
    this.#onPhase = onPhase;
    this.#enter(first, 0);
  }

  get phases(): readonly Phase[] {
    return this.#phases;
  }

  get places(): Readonly<BootPlaces> {
    return this.#places;
  }

  /** The registers and the memory of the phase that the boot begins with are set up; its code is at `physical`. */
  begin(physical: bigint): void {
    this.#notePlace(this.#phases[0]!.name, physical);
  }

  /** Kinds of code that the core must still report (bits of L.NOTIFY). */
  get wanted(): number {
    const kernelNear = this.#has("decompressor") || this.#has("kernel");
    let wanted = 0;
    if (kernelNear && !this.#has("init")) wanted |= Notify.USER;
    if (!this.#has("kernel")) wanted |= Notify.ALIGNED64;
    if (kernelNear) return wanted;
    if (!this.#has("setup")) wanted |= Notify.BOOT16;
    if (this.#has("bootloader")) wanted |= Notify.FLAT32;
    return wanted;
  }

  /** Code of a kind at a physical address is about to run for the first time. */
  notify(kind: Notify, physical: number, icount: number): Phase | undefined {
    const name = this.#nameOf(kind, physical, icount);
    if (name === undefined || this.#has(name)) return undefined;
    this.#notePlace(name, BigInt(physical));
    return this.#enter(name, icount);
  }

  #nameOf(kind: Notify, physical: number, icount: number): PhaseName | undefined {
    switch (kind) {
      case Notify.USER:
        return "init";
      case Notify.ALIGNED64:
        // The entry itself, at icount 0, belongs to the phase that the boot began with.
        return icount > 0 ? "kernel" : undefined;
      case Notify.BOOT16:
        if (physical === BOOT_SECTOR && !this.#has("bootloader")) return "bootloader";
        return this.#has("bootloader") && physical !== BOOT_SECTOR ? "setup" : undefined;
      case Notify.FLAT32:
        return this.#bootParamsAtEsi() ? "decompressor" : undefined;
      default:
        return undefined;
    }
  }

  #notePlace(name: PhaseName, physical: bigint): void {
    if (name !== "setup" && name !== "decompressor" && name !== "kernel") return;
    this.#places[name] = physical;
    if (name !== "setup" && this.#bootParamsAtEsi()) this.#places.bootParams ??= this.#esi();
  }

  /** A kernel's 32-bit and 64-bit entries find boot_params at (R)SI, with a setup header in it (Linux boot protocol). */
  #bootParamsAtEsi(): boolean {
    return this.#memory.readU32(this.#esi() + BigInt(HEADER_MAGIC)) === HDRS;
  }

  #esi(): bigint {
    return BigInt(this.#core.u32[(L.REGS + 6 * 8) / 4]!);
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
