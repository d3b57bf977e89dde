import type { Device, DeviceState, MmioHandler } from "./device.ts";
import type { LocalApic } from "./local-apic.ts";

const PINS = 24;
/** Version 0x11, 24 entries. */
const VERSION = 0x11 | ((PINS - 1) << 16);
const MASKED = 0x1_0000;
const LEVEL = 0x8000;
const REMOTE_IRR = 0x4000;
/** Vector, delivery mode, destination mode, polarity, trigger mode, mask; delivery status and remote IRR are read-only. */
const WRITABLE = 0x1_afff;

type IoApicState = { id: number; select: number; low: number[]; high: number[]; lines: number };

function powerOn(): IoApicState {
  return {
    id: 0,
    select: 0,
    low: new Array<number>(PINS).fill(MASKED),
    high: new Array<number>(PINS).fill(0),
    lines: 0,
  };
}

/**
 * The 82093AA I/O APIC (Intel data sheet 290566) at 0xFEC00000. A line's level means "asserted": the polarity bit is
 * storage. As the data sheet has it, an edge on a masked pin is lost.
 */
export class IoApic implements Device, MmioHandler {
  readonly name = "ioapic";
  readonly #target: LocalApic;
  #state = powerOn();

  constructor(target: LocalApic) {
    this.#target = target;
  }

  reset(): void {
    const { lines } = this.#state;
    this.#state = powerOn();
    this.#state.lines = lines;
  }

  save(): DeviceState {
    return structuredClone(this.#state);
  }

  restore(state: DeviceState): void {
    this.#state = structuredClone(state) as IoApicState;
  }

  setLine(pin: number, level: boolean): void {
    const state = this.#state;
    const bit = 1 << pin;
    const before = (state.lines & bit) !== 0;
    if (before === level) return;
    state.lines ^= bit;
    if (!level) return;
    const low = state.low[pin] as number;
    if (low & LEVEL) this.#serveLevel(pin);
    else if (!(low & MASKED)) this.#send(pin, false);
  }

  /** End of interrupt of a level-triggered vector: pins that are still asserted request again. */
  endOfInterrupt(vector: number): void {
    const state = this.#state;
    for (let pin = 0; pin < PINS; pin++) {
      const low = state.low[pin] as number;
      if ((low & 0xff) !== vector || !(low & LEVEL) || !(low & REMOTE_IRR)) continue;
      state.low[pin] = low & ~REMOTE_IRR;
      this.#serveLevel(pin);
    }
  }

  readMmio(offset: number, size: 1 | 2 | 4): number {
    let value = 0;
    if ((offset & 0xfc) === 0x00) value = this.#state.select;
    else if ((offset & 0xfc) === 0x10) value = this.#readRegister(this.#state.select);
    value >>>= (offset & 3) * 8;
    return size === 4 ? value : value & (size === 1 ? 0xff : 0xffff);
  }

  writeMmio(offset: number, size: 1 | 2 | 4, value: number): void {
    if ((offset & 0xff) === 0x00) this.#state.select = value & 0xff;
    // The window takes 32-bit writes only.
    else if ((offset & 0xff) === 0x10 && size === 4) this.#writeRegister(this.#state.select, value >>> 0);
  }

  #readRegister(index: number): number {
    const state = this.#state;
    if (index === 0) return state.id;
    if (index === 1) return VERSION;
    if (index === 2) return state.id;
    const pin = (index - 0x10) >> 1;
    const words = index & 1 ? state.high : state.low;
    return index >= 0x10 && pin < PINS ? (words[pin] as number) : 0;
  }

  #writeRegister(index: number, value: number): void {
    const state = this.#state;
    if (index === 0) {
      state.id = value & 0x0f00_0000;
      return;
    }
    const pin = (index - 0x10) >> 1;
    if (index < 0x10 || pin >= PINS) return;
    if (index & 1) {
      state.high[pin] = (value & 0xff00_0000) >>> 0;
      return;
    }
    const before = state.low[pin] as number;
    let next = (value & WRITABLE) | (before & REMOTE_IRR);
    if (!(next & LEVEL)) next &= ~REMOTE_IRR;
    state.low[pin] = next;
    if (next & LEVEL) this.#serveLevel(pin);
  }

  #serveLevel(pin: number): void {
    const low = this.#state.low[pin] as number;
    if (low & (MASKED | REMOTE_IRR) || !(this.#state.lines & (1 << pin))) return;
    if (this.#send(pin, true)) this.#state.low[pin] = low | REMOTE_IRR;
  }

  /** Sends the message of a pin; true when the local APIC will answer it with an EOI. */
  #send(pin: number, level: boolean): boolean {
    const low = this.#state.low[pin] as number;
    const destination = (this.#state.high[pin] as number) >>> 24;
    if (!this.#target.isAddressed(destination, (low & 0x800) !== 0)) return false;
    return this.#target.deliver((low >> 8) & 7, low & 0xff, level);
  }
}
