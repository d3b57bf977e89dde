import type { Device, DeviceState, PortHandler, SetLine, Timebase, Timer } from "./device.ts";
import { Oscillator } from "./oscillator.ts";

const PM_CLOCK = new Oscillator(3_579_545);
const COUNTER_BITS = 0x100_0000;
/** TMR_STS follows bit 23. */
const HALF = 0x80_0000;

const STS_TIMER = 0x0001;
const STS_RTC = 0x0400;
/** Timer, bus master, global lock, power button, RTC, wake. */
const STS_CLEARABLE = 0x8531;
const EN_WRITABLE = 0x0521;
const CNT_SCI_EN = 0x0001;
/** BM_RLD and the sleep type. */
const CNT_WRITABLE = 0x1c02;
const CNT_SLP_EN = 0x2000;

type PmState = {
  status: number;
  enable: number;
  control: number;
  gpeStatus: number;
  gpeEnable: number;
  /** Guest time up to which TMR_STS was reported. */
  readUpTo: number;
};

/**
 * The fixed power-management registers of the PIIX4 (Intel data sheet 290562; ACPI 6.5, section 4.8): PM1 event and
 * control, the 24-bit timer, and one block of general-purpose events in the place where QEMU's tables have it.  There is no system management mode and no SMI
 * command port: the block is always in ACPI mode (SCI_EN is set). Sleep type 0 is soft off (S5); the others have no effect.
 */
export class AcpiPm implements Device {
  readonly name = "acpi-pm";
  readonly #time: Timebase;
  readonly #sci: SetLine;
  readonly #powerOff: () => void;
  readonly #timer: Timer = { id: "acpi-pm.overflow", fire: () => this.#update() };
  #state: PmState = { status: 0, enable: 0, control: CNT_SCI_EN, gpeStatus: 0, gpeEnable: 0, readUpTo: 0 };

  constructor(time: Timebase, sci: SetLine, powerOff: () => void) {
    this.#time = time;
    this.#sci = sci;
    this.#powerOff = powerOff;
    time.register(this.#timer);
  }

  reset(): void {
    this.#state = {
      status: 0,
      enable: 0,
      control: CNT_SCI_EN,
      gpeStatus: 0,
      gpeEnable: 0,
      readUpTo: this.#time.now(),
    };
    this.#update();
  }

  save(): DeviceState {
    return structuredClone(this.#state);
  }

  restore(state: DeviceState): void {
    this.#state = structuredClone(state) as PmState;
  }

  /** The clock's alarm went off. */
  rtcAlarm(): void {
    this.#state.status |= STS_RTC;
    this.#update();
  }

  /** PM1a event (0), control (4) and timer (8), as ports relative to their base. */
  readonly pm1: PortHandler = {
    readPort: (port, size) => this.#readPm1(port & 0x3f, size),
    writePort: (port, size, value) => this.#writePm1(port & 0x3f, size, value),
  };

  /** General-purpose event block 0: status (2 bytes), enable (2 bytes). */
  readonly gpe: PortHandler = {
    readPort: (port, size) => {
      const word = this.#state.gpeStatus | (this.#state.gpeEnable << 16);
      return extract(word, port & 3, size);
    },
    writePort: (port, size, value) => {
      const state = this.#state;
      const shift = (port & 3) * 8;
      const mask = size === 4 ? -1 : ((1 << (size * 8)) - 1) << shift;
      const bits = (value << shift) & mask;
      state.gpeStatus &= ~bits & 0xffff;
      state.gpeEnable = ((state.gpeEnable & ~(mask >>> 16)) | (bits >>> 16)) & 0xffff;
    },
  };

  #readPm1(offset: number, size: 1 | 2 | 4): number {
    const state = this.#state;
    if (offset >= 8) {
      const ticks = PM_CLOCK.ticksAt(this.#time.now()) % COUNTER_BITS;
      return offset < 12 ? extract(ticks, offset & 3, size) : allOnes(size);
    }
    if (offset >= 4) return extract(state.control, offset & 3, size);
    this.#noteTimer();
    return extract(state.status | (state.enable << 16), offset, size);
  }

  #writePm1(offset: number, size: 1 | 2 | 4, value: number): void {
    const state = this.#state;
    if (offset >= 8) return;
    const shift = (offset & 3) * 8;
    const mask = size === 4 ? -1 : ((1 << (size * 8)) - 1) << shift;
    const bits = (value << shift) & mask;
    if (offset >= 4) {
      state.control = (state.control & ~(mask & CNT_WRITABLE)) | (bits & CNT_WRITABLE);
      if (bits & CNT_SLP_EN && (state.control & 0x1c00) === 0) this.#powerOff();
    } else {
      this.#noteTimer();
      state.status &= ~(bits & STS_CLEARABLE);
      state.enable = ((state.enable & ~(mask >>> 16)) | (bits >>> 16)) & EN_WRITABLE;
    }
    this.#update();
  }

  /** Raises TMR_STS when bit 23 has changed since the last look. */
  #noteTimer(): void {
    const state = this.#state;
    const now = this.#time.now();
    const halves = Math.floor(PM_CLOCK.ticksAt(now) / HALF);
    if (halves !== Math.floor(PM_CLOCK.ticksAt(state.readUpTo) / HALF)) state.status |= STS_TIMER;
    state.readUpTo = now;
  }

  #update(): void {
    this.#noteTimer();
    const { status, enable } = this.#state;
    this.#sci((status & enable) !== 0);
    if (enable & STS_TIMER && !(status & STS_TIMER)) {
      const halves = Math.floor(PM_CLOCK.ticksAt(this.#time.now()) / HALF);
      this.#time.schedule(this.#timer, PM_CLOCK.timeOf((halves + 1) * HALF));
    } else {
      this.#time.cancel(this.#timer);
    }
  }
}

function allOnes(size: 1 | 2 | 4): number {
  return size === 4 ? 0xffff_ffff : size === 2 ? 0xffff : 0xff;
}

function extract(word: number, offset: number, size: 1 | 2 | 4): number {
  return ((word >>> (offset * 8)) & allOnes(size)) >>> 0;
}
