import type { DeviceState } from "./device.ts";

type ChannelState = {
  mode: number;
  /** Read/write format: 1 low byte, 2 high byte, 3 low then high. */
  format: number;
  bcd: boolean;
  gate: boolean;
  /** Count register: ticks of one cycle, 1 to 65536 (10000 in BCD); 0 while none was written. */
  reload: number;
  /** Count in use by the counting element; 0 before it was loaded. */
  count: number;
  /** Tick at which `count` was (or will be) loaded. */
  start: number;
  /** Ticks counted when the gate stopped modes 0 and 4, or when the first of two bytes stopped mode 0; -1 while counting. */
  paused: number;
  /** Tick at which `reload` takes over at the end of a cycle (mode 2) or half cycle (mode 3); -1 when it has. */
  switchAt: number;
  /** The first byte of a two-byte count; -1 when none is awaited. */
  lowByte: number;
  /** The next read gives the high byte. */
  readsHigh: boolean;
  /** Latched count, and latched status; -1 when not latched. */
  latch: number;
  status: number;
};

function toBcd(value: number): number {
  return (
    (value % 10) |
    ((Math.floor(value / 10) % 10) << 4) |
    ((Math.floor(value / 100) % 10) << 8) |
    ((Math.floor(value / 1000) % 10) << 12)
  );
}

function fromBcd(value: number): number {
  return ((value >> 12) & 15) * 1000 + ((value >> 8) & 15) * 100 + ((value >> 4) & 15) * 10 + (value & 15);
}

/**
 * One counter of the 8254, computed from the tick at which its count was loaded instead of being clocked. Ticks are
 * cycles of its clock since power-on; they never go backwards from call to call. A count of 1 in modes 2 and 3, which the data sheet
 * forbids, gives a constant output.
 */
export class PitChannel {
  readonly #gateAtReset: boolean;
  #state: ChannelState;

  constructor(gateAtReset: boolean) {
    this.#gateAtReset = gateAtReset;
    this.#state = this.#powerOn();
  }

  reset(): void {
    this.#state = this.#powerOn();
  }

  save(): DeviceState {
    return { ...this.#state };
  }

  restore(state: DeviceState): void {
    this.#state = { ...this.#powerOn(), ...(state as Partial<ChannelState>) };
  }

  /** Control word for this channel, the counter latch command (format 0) included. */
  control(word: number, tick: number): void {
    this.#settle(tick);
    const state = this.#state;
    const format = (word >> 4) & 3;
    if (format === 0) {
      this.#latchCount(tick);
      return;
    }
    // Modes 6 and 7 are 2 and 3 again.
    const mode = (word >> 1) & 7;
    state.mode = mode > 5 ? mode - 4 : mode;
    state.format = format;
    state.bcd = (word & 1) !== 0;
    state.reload = 0;
    state.count = 0;
    state.paused = -1;
    state.switchAt = -1;
    state.lowByte = -1;
    state.readsHigh = false;
    state.latch = -1;
    state.status = -1;
  }

  /** Read-back command: bit 5 clear latches the count, bit 4 clear the status. */
  readBack(word: number, tick: number): void {
    this.#settle(tick);
    if (!(word & 0x20)) this.#latchCount(tick);
    if (!(word & 0x10) && this.#state.status < 0) this.#state.status = this.#statusByte(tick);
  }

  write(value: number, tick: number): void {
    this.#settle(tick);
    const state = this.#state;
    switch (state.format) {
      case 1:
        this.#load(value, tick);
        return;
      case 2:
        this.#load(value << 8, tick);
        return;
      default:
        if (state.lowByte < 0) {
          state.lowByte = value;
          // In mode 0 the first byte stops the counting and takes the output low at once.
          if (state.mode === 0 && state.count) {
            state.paused = 0;
            state.start = tick;
          }
        } else {
          const low = state.lowByte;
          state.lowByte = -1;
          this.#load(low | (value << 8), tick);
        }
    }
  }

  read(tick: number): number {
    this.#settle(tick);
    const state = this.#state;
    if (state.status >= 0) {
      const status = state.status;
      state.status = -1;
      return status;
    }
    const value = state.latch >= 0 ? state.latch : this.#value(tick);
    const high = state.format === 2 || (state.format === 3 && state.readsHigh);
    if (state.format === 3) state.readsHigh = !state.readsHigh;
    if (state.format !== 3 || high) state.latch = -1;
    return high ? value >> 8 : value & 0xff;
  }

  setGate(level: boolean, tick: number): void {
    this.#settle(tick);
    const state = this.#state;
    if (level === state.gate) return;
    state.gate = level;
    switch (state.mode) {
      case 0:
      case 4:
        if (!state.count || state.lowByte >= 0) return;
        if (!level) {
          state.paused = Math.max(0, tick - state.start);
        } else if (state.paused >= 0) {
          state.start = tick - state.paused;
          state.paused = -1;
        }
        return;
      default:
        // A rising gate triggers modes 1 and 5 and restarts the cycle of modes 2 and 3.
        if (level && state.reload) {
          state.count = state.reload;
          state.start = tick + 1;
          state.paused = -1;
          state.switchAt = -1;
        } else if (!level && (state.mode === 2 || state.mode === 3) && state.count) {
          state.paused = Math.max(0, tick - state.start);
          state.switchAt = -1;
        }
    }
  }

  /** Level of OUT. */
  output(tick: number): boolean {
    this.#settle(tick);
    const { mode, count } = this.#state;
    if (!count) return mode !== 0;
    const elapsed = this.#elapsed(tick);
    switch (mode) {
      case 0:
        return elapsed >= count && this.#state.lowByte < 0;
      case 1:
        return elapsed < 0 || elapsed >= count;
      case 2:
        return !this.#state.gate || elapsed < 0 || count === 1 || elapsed % count !== count - 1;
      case 3:
        return !this.#state.gate || elapsed < 0 || elapsed % count < (count + 1) >> 1;
      default:
        return elapsed !== count;
    }
  }

  /** First tick after `tick` at which OUT changes (or the counter must be looked at), Infinity when it stays as it is. */
  nextChange(tick: number): number {
    this.#settle(tick);
    const { mode, count, start, paused } = this.#state;
    if (!count || paused >= 0) return Infinity;
    const elapsed = tick - start;
    switch (mode) {
      case 0:
        return elapsed < count ? start + count : Infinity;
      case 1:
        if (elapsed < 0) return start;
        return elapsed < count ? start + count : Infinity;
      case 2:
      case 3: {
        if (count === 1) return this.#state.switchAt >= 0 ? Math.max(tick, start) + 1 : Infinity;
        const first = mode === 2 ? count - 1 : (count + 1) >> 1;
        if (elapsed < 0) return start + first;
        const place = elapsed % count;
        return tick + (place < first ? first - place : count - place);
      }
      default:
        if (elapsed < count) return start + count;
        return elapsed === count ? start + count + 1 : Infinity;
    }
  }

  #powerOn(): ChannelState {
    return {
      mode: 3,
      format: 3,
      bcd: false,
      gate: this.#gateAtReset,
      reload: 0,
      count: 0,
      start: 0,
      paused: -1,
      switchAt: -1,
      lowByte: -1,
      readsHigh: false,
      latch: -1,
      status: -1,
    };
  }

  #load(value: number, tick: number): void {
    const state = this.#state;
    const modulus = state.bcd ? 10_000 : 0x1_0000;
    const decoded = (state.bcd ? fromBcd(value) : value) % modulus;
    state.reload = decoded === 0 ? modulus : decoded;
    switch (state.mode) {
      case 0:
      case 4:
        state.count = state.reload;
        state.start = tick + 1;
        state.paused = state.gate ? -1 : 0;
        return;
      case 2:
      case 3:
        if (state.count && state.gate && tick >= state.start) {
          state.switchAt = this.#boundary(tick);
        } else {
          state.count = state.reload;
          state.start = tick + 1;
          state.paused = state.gate ? -1 : 0;
        }
        return;
      default:
        // Modes 1 and 5 load it at the next trigger.
        return;
    }
  }

  /** End of the running cycle (mode 2) or half cycle (mode 3). */
  #boundary(tick: number): number {
    const { mode, count, start } = this.#state;
    const place = (tick - start) % count;
    const half = (count + 1) >> 1;
    return tick + (mode === 3 && place < half ? half : count) - place;
  }

  /** Takes a waiting count over once its tick has come. */
  #settle(tick: number): void {
    const state = this.#state;
    if (state.switchAt < 0 || tick < state.switchAt) return;
    const endedHigh = state.mode === 3 && (state.switchAt - state.start) % state.count === (state.count + 1) >> 1;
    state.count = state.reload;
    state.start = state.switchAt - (endedHigh ? (state.count + 1) >> 1 : 0);
    state.switchAt = -1;
  }

  #elapsed(tick: number): number {
    return this.#state.paused >= 0 ? this.#state.paused : tick - this.#state.start;
  }

  /** What the counting element holds, in the channel's number format. */
  #value(tick: number): number {
    const { mode, count, bcd } = this.#state;
    if (!count) return 0;
    const elapsed = Math.max(0, this.#elapsed(tick));
    const modulus = bcd ? 10_000 : 0x1_0000;
    let value: number;
    if (mode === 2) {
      value = count - (elapsed % count);
    } else if (mode === 3) {
      const high = (count + 1) >> 1;
      const place = elapsed % count;
      value = (count & ~1) - 2 * (place < high ? place : place - high);
    } else {
      value = (((count - elapsed) % modulus) + modulus) % modulus;
    }
    value %= modulus;
    return bcd ? toBcd(value) : value;
  }

  #latchCount(tick: number): void {
    const state = this.#state;
    if (state.latch < 0) state.latch = this.#value(tick);
  }

  #statusByte(tick: number): number {
    const state = this.#state;
    const isNull = !state.count || state.switchAt >= 0 || (state.paused < 0 && tick < state.start);
    return (
      (this.output(tick) ? 0x80 : 0) |
      (isNull ? 0x40 : 0) |
      (state.format << 4) |
      (state.mode << 1) |
      (state.bcd ? 1 : 0)
    );
  }
}
