import type { Device, DeviceState, MmioHandler, Timebase, Timer } from "./device.ts";

const TIMERS = 3;
const NS_PER_TICK = 10;
const TWO_32 = 0x1_0000_0000;
/** Revision 1, three timers, 64-bit counter, legacy replacement, vendor 8086. */
const CAPABILITIES = 0x8086_a201;
const FEMTOSECONDS_PER_TICK = 10_000_000;
/** I/O APIC inputs that a timer may be routed to: 20 to 23, which nothing else uses. */
const ROUTES = 0x00f0_0000;
const FIRST_ROUTE = 20;

const GENERAL_ENABLE = 1;
const GENERAL_LEGACY = 2;

const TN_LEVEL = 0x0002;
const TN_ENABLE = 0x0004;
const TN_PERIODIC = 0x0008;
const TN_VALUE_SET = 0x0040;
const TN_32BIT = 0x0100;
const TN_WRITABLE = 0x3f4e;
/** Periodic capable, 64 bits. */
const TN_CAPABILITIES = 0x0030;

type TimerState = {
  config: number;
  comparatorLow: number;
  comparatorHigh: number;
  periodLow: number;
  periodHigh: number;
  /** The upper half of a comparator write follows a lower half that set the accumulator. */
  highSets: boolean;
  /** Guest time of the armed match. */
  dueAt: number;
};

type HpetState = {
  config: number;
  status: number;
  /** Counter while halted, or at guest time `startedAt` while running. */
  counterLow: number;
  counterHigh: number;
  startedAt: number;
  timers: TimerState[];
};

export interface HpetOutputs {
  /** Timers 0 and 1 take over IRQ0 and IRQ8, or give them back. */
  legacyChanged(active: boolean): void;
  /** Level of an ISA IRQ (0 or 8) in legacy replacement. */
  isaIrq(irq: number, level: boolean): void;
  /** Level of an I/O APIC input. */
  ioApicPin(pin: number, level: boolean): void;
}

function powerOn(): HpetState {
  return {
    config: 0,
    status: 0,
    counterLow: 0,
    counterHigh: 0,
    startedAt: 0,
    timers: Array.from({ length: TIMERS }, () => ({
      config: TN_CAPABILITIES,
      comparatorLow: 0xffff_ffff,
      comparatorHigh: 0xffff_ffff,
      periodLow: 0,
      periodHigh: 0,
      highSets: false,
      dueAt: Infinity,
    })),
  };
}

/**
 * The high precision event timer (IA-PC HPET specification 1.0a) at 0xFED00000: a 64-bit counter of 100 MHz and three
 * comparators, all of them capable of periodic interrupts; no FSB messages.
 */
export class Hpet implements Device, MmioHandler {
  readonly name = "hpet";
  readonly #time: Timebase;
  readonly #outputs: HpetOutputs;
  readonly #timers: readonly Timer[];
  #state = powerOn();
  /** The counter as last computed, in halves. */
  #low = 0;
  #high = 0;

  constructor(time: Timebase, outputs: HpetOutputs) {
    this.#time = time;
    this.#outputs = outputs;
    this.#timers = Array.from({ length: TIMERS }, (_, index) => ({
      id: `hpet.timer${index}`,
      fire: (now: number) => this.#match(index, now),
    }));
    for (const timer of this.#timers) time.register(timer);
  }

  reset(): void {
    this.#state = powerOn();
    for (const timer of this.#timers) this.#time.cancel(timer);
    for (let pin = 0; pin < 4; pin++) this.#outputs.ioApicPin(FIRST_ROUTE + pin, false);
    this.#outputs.legacyChanged(false);
  }

  save(): DeviceState {
    return structuredClone(this.#state);
  }

  restore(state: DeviceState): void {
    this.#state = structuredClone(state) as HpetState;
  }

  get legacy(): boolean {
    return (this.#state.config & (GENERAL_LEGACY | GENERAL_ENABLE)) === (GENERAL_LEGACY | GENERAL_ENABLE);
  }

  readMmio(offset: number, size: 1 | 2 | 4): number {
    const value = this.#read(offset & 0x3fc) >>> ((offset & 3) * 8);
    return size === 4 ? value : value & (size === 1 ? 0xff : 0xffff);
  }

  writeMmio(offset: number, size: 1 | 2 | 4, value: number): void {
    // The specification allows aligned 32- and 64-bit accesses only.
    if (size !== 4 || offset & 3) return;
    this.#write(offset & 0x3fc, value >>> 0);
  }

  #read(register: number): number {
    const state = this.#state;
    const timer = register >= 0x100 ? state.timers[(register - 0x100) >> 5] : undefined;
    if (timer) {
      switch (register & 0x1f) {
        case 0x00:
          return timer.config;
        case 0x04:
          return ROUTES;
        case 0x08:
          return timer.comparatorLow;
        case 0x0c:
          return timer.comparatorHigh;
        default:
          return 0;
      }
    }
    switch (register) {
      case 0x000:
        return CAPABILITIES;
      case 0x004:
        return FEMTOSECONDS_PER_TICK;
      case 0x010:
        return state.config;
      case 0x020:
        return state.status;
      case 0x0f0:
        this.#count();
        return this.#low;
      case 0x0f4:
        this.#count();
        return this.#high;
      default:
        return 0;
    }
  }

  #write(register: number, value: number): void {
    const state = this.#state;
    const index = (register - 0x100) >> 5;
    const timer = register >= 0x100 ? state.timers[index] : undefined;
    if (timer) {
      this.#writeTimer(timer, index, register & 0x1f, value);
      return;
    }
    switch (register) {
      case 0x010:
        this.#writeConfig(value & 3);
        return;
      case 0x020:
        state.status &= ~value;
        this.#driveRoutes();
        return;
      case 0x0f0:
      case 0x0f4:
        // Writing a running counter is undefined by the specification; here it goes on from the new value.
        this.#count();
        state.counterLow = register === 0x0f0 ? value : this.#low;
        state.counterHigh = register === 0x0f4 ? value : this.#high;
        state.startedAt = this.#time.now();
        this.#armAll(true);
        return;
      default:
        return;
    }
  }

  #writeConfig(value: number): void {
    const state = this.#state;
    const wasLegacy = this.legacy;
    const toggled = (state.config ^ value) & GENERAL_ENABLE;
    if (toggled) {
      this.#count();
      state.counterLow = this.#low;
      state.counterHigh = this.#high;
      state.startedAt = this.#time.now();
    }
    state.config = value;
    if (wasLegacy !== this.legacy) this.#outputs.legacyChanged(this.legacy);
    this.#driveRoutes();
    if (toggled) this.#armAll(true);
  }

  #writeTimer(timer: TimerState, index: number, register: number, value: number): void {
    switch (register) {
      case 0x00: {
        timer.config = (value & TN_WRITABLE) | TN_CAPABILITIES;
        const route = (value >> 9) & 0x1f;
        // A route that is not among the capabilities reads back as 0.
        if (!((ROUTES >>> route) & 1)) timer.config &= ~0x3e00;
        if (timer.config & TN_32BIT) {
          timer.comparatorHigh = 0;
          timer.periodHigh = 0;
        }
        this.#driveRoutes();
        break;
      }
      case 0x08:
        timer.highSets = !(timer.config & TN_PERIODIC) || (timer.config & TN_VALUE_SET) !== 0;
        if (timer.highSets) timer.comparatorLow = value;
        if (timer.config & TN_PERIODIC) timer.periodLow = value;
        timer.config &= ~TN_VALUE_SET;
        break;
      case 0x0c:
        if (timer.config & TN_32BIT) return;
        if (timer.highSets || !(timer.config & TN_PERIODIC)) timer.comparatorHigh = value;
        if (timer.config & TN_PERIODIC) timer.periodHigh = value;
        break;
      default:
        return;
    }
    this.#arm(timer, index, register !== 0x00);
  }

  /** Computes the counter into `#low` and `#high`. */
  #count(): void {
    const state = this.#state;
    let ticks = 0;
    if (state.config & GENERAL_ENABLE) ticks = Math.floor((this.#time.now() - state.startedAt) / NS_PER_TICK);
    const low = state.counterLow + (ticks % TWO_32);
    this.#low = low >>> 0;
    this.#high = (state.counterHigh + Math.floor(ticks / TWO_32) + (low >= TWO_32 ? 1 : 0)) >>> 0;
  }

  #armAll(fresh: boolean): void {
    this.#state.timers.forEach((timer, index) => this.#arm(timer, index, fresh));
  }

  /** Schedules the next match. `fresh`: a match at this very tick has not happened yet. */
  #arm(timer: TimerState, index: number, fresh: boolean): void {
    const owner = this.#timers[index] as Timer;
    timer.dueAt = Infinity;
    if (this.#state.config & GENERAL_ENABLE && timer.config & TN_ENABLE) {
      this.#count();
      let distance = (timer.comparatorLow - this.#low) >>> 0;
      if (!(timer.config & TN_32BIT)) {
        const borrow = timer.comparatorLow < this.#low ? 1 : 0;
        distance += ((timer.comparatorHigh - this.#high - borrow) >>> 0) * TWO_32;
        // Farther than 2^49 ticks (65 days): beyond what guest time can count to.
        if (distance > 2 ** 49) distance = Infinity;
      }
      if (distance === 0 && !fresh) distance = timer.config & TN_32BIT ? TWO_32 : Infinity;
      const { startedAt } = this.#state;
      const elapsed = Math.floor((this.#time.now() - startedAt) / NS_PER_TICK);
      timer.dueAt = startedAt + (elapsed + distance) * NS_PER_TICK;
    }
    if (timer.dueAt === Infinity) this.#time.cancel(owner);
    else this.#time.schedule(owner, timer.dueAt);
  }

  #match(index: number, now: number): void {
    const state = this.#state;
    const timer = state.timers[index] as TimerState;
    if (timer.config & TN_PERIODIC) {
      const period = timer.periodHigh * TWO_32 + timer.periodLow;
      if (period > 0 && period < 2 ** 49) {
        const periods = Math.floor((now - timer.dueAt) / NS_PER_TICK / period) + 1;
        const ahead = periods * period;
        const low = timer.comparatorLow + (ahead % TWO_32);
        timer.comparatorLow = low >>> 0;
        if (!(timer.config & TN_32BIT)) {
          timer.comparatorHigh = (timer.comparatorHigh + Math.floor(ahead / TWO_32) + (low >= TWO_32 ? 1 : 0)) >>> 0;
        }
      }
    }
    this.#arm(timer, index, false);
    if (timer.config & TN_LEVEL) {
      state.status |= 1 << index;
      this.#driveRoutes();
      return;
    }
    if (this.legacy && index < 2) {
      this.#outputs.isaIrq(index * 8, true);
      this.#outputs.isaIrq(index * 8, false);
    } else {
      const pin = (timer.config >> 9) & 0x1f;
      if (pin < FIRST_ROUTE) return;
      this.#outputs.ioApicPin(pin, true);
      this.#driveRoutes();
    }
  }

  /** Level-triggered timers hold their lines while their status bit is set. */
  #driveRoutes(): void {
    const { status, timers } = this.#state;
    let pins = 0;
    for (let index = 0; index < TIMERS; index++) {
      if (!(status & (1 << index))) continue;
      const config = (timers[index] as TimerState).config;
      if (this.legacy && index < 2) continue;
      const pin = (config >> 9) & 0x1f;
      if (config & TN_ENABLE && pin >= FIRST_ROUTE) pins |= 1 << pin;
    }
    if (this.legacy) {
      this.#outputs.isaIrq(0, (status & 1) !== 0);
      this.#outputs.isaIrq(8, (status & 2) !== 0);
    }
    for (let pin = FIRST_ROUTE; pin < FIRST_ROUTE + 4; pin++) this.#outputs.ioApicPin(pin, (pins & (1 << pin)) !== 0);
  }
}
