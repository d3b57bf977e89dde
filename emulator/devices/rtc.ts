import { dateFromDays, daysFromDate } from "./calendar.ts";
import type { Device, DeviceState, PortHandler, SetLine, Timebase, Timer } from "./device.ts";

const SECOND = 1_000_000_000;
/** UIP rises this long before an update (MC146818A data sheet, 244 µs). */
const UPDATE_WARNING = 244_000;

const A_UIP = 0x80;
const B_SET = 0x80;
const B_PERIODIC = 0x40;
const B_ALARM = 0x20;
const B_UPDATE = 0x10;
const B_BINARY = 0x04;
const B_24H = 0x02;

const CENTURY = 0x32;
/** 1 January of year 0, and the days of the years 0 to 9999. */
const YEAR_ZERO = daysFromDate(0, 1, 1);
const DAYS_OF_ALL_YEARS = daysFromDate(10_000, 1, 1) - YEAR_ZERO;
/** Registers that hold the time, beside the century. */
const TIME_REGISTERS = new Set([0, 2, 4, 6, 7, 8, 9, CENTURY]);

/** What CMOS RAM tells firmware. */
export interface CmosContent {
  /** Bytes of RAM below 4 GiB, from address 0. */
  lowBytes: number;
  /** Bytes of RAM from 4 GiB on. */
  highBytes: number;
  /** Further bytes. */
  bytes?: readonly (readonly [index: number, value: number])[];
}

type RtcState = {
  index: number;
  nmiMasked: boolean;
  /** Bytes 0x0A to 0x7F as stored; registers 0 to 9 and the century hold the time only while SET stops the clock. */
  cmos: Uint8Array;
  /** Seconds since 1970 shown at guest time `baseTime`, an exact second boundary of the clock. */
  baseSeconds: number;
  baseTime: number;
  /** Register C: flags that were raised by timers, and the guest times up to which the others were reported. */
  flags: number;
  readUpTo: number;
};

/**
 * The MC146818A clock and its 128 bytes of CMOS RAM at ports 0x70 and 0x71. Time passes with guest time from a
 * configured start. Timers run only for interrupts that are enabled; the flags of register C are computed when read.
 */
export class Rtc implements Device, PortHandler {
  readonly name = "rtc";
  readonly #time: Timebase;
  readonly #irq8: SetLine;
  readonly #alarm: () => void;
  readonly #content: CmosContent;
  readonly #start: number;
  readonly #periodicTimer: Timer = { id: "rtc.periodic", fire: (now) => this.#interruptDue(now) };
  readonly #secondTimer: Timer = { id: "rtc.second", fire: (now) => this.#interruptDue(now) };
  #state: RtcState;

  /**
   * @param start seconds since 1970 at power-on
   * @param alarm called when an enabled alarm goes off (RTC_STS of the power management block)
   */
  constructor(time: Timebase, irq8: SetLine, alarm: () => void, start: number, content: CmosContent) {
    this.#time = time;
    this.#irq8 = irq8;
    this.#alarm = alarm;
    this.#content = content;
    this.#start = start;
    this.#state = this.#powerOn();
    time.register(this.#periodicTimer);
    time.register(this.#secondTimer);
  }

  /** The battery keeps the clock and the CMOS RAM; a reset clears the interrupt enables and flags only. */
  reset(): void {
    const { cmos } = this.#state;
    cmos[0x0b] = this.#registerB & ~(B_PERIODIC | B_ALARM | B_UPDATE | 0x08);
    this.#state.flags = 0;
    this.#state.readUpTo = this.#time.now();
    this.#state.index = 0;
    this.#state.nmiMasked = false;
    this.#arm();
    this.#irq8(false);
  }

  save(): DeviceState {
    return structuredClone(this.#state);
  }

  restore(state: DeviceState): void {
    this.#state = structuredClone(state) as RtcState;
  }

  /** Bit 7 of port 0x70. */
  get nmiMasked(): boolean {
    return this.#state.nmiMasked;
  }

  readPort(port: number): number {
    // The index register is write-only.
    return port & 1 ? this.#read(this.#state.index) : 0xff;
  }

  writePort(port: number, _size: number, value: number): void {
    if (port & 1) {
      this.#write(this.#state.index, value);
    } else {
      this.#state.index = value & 0x7f;
      this.#state.nmiMasked = (value & 0x80) !== 0;
    }
  }

  #powerOn(): RtcState {
    const cmos = new Uint8Array(128);
    cmos[0x0a] = 0x26;
    cmos[0x0b] = B_24H;
    cmos[0x0d] = 0x80;
    // Equipment: coprocessor, pointing device, no floppy drive.
    cmos[0x14] = 0x06;
    // Boot order of QEMU's firmware: hard disk, then CD.
    cmos[0x38] = 0x00;
    cmos[0x3d] = 0x32;
    const put16 = (at: number, value: number): void => {
      cmos[at] = value & 0xff;
      cmos[at + 1] = (value >> 8) & 0xff;
    };
    const { lowBytes, highBytes, bytes } = this.#content;
    const extended = Math.min(0xffff, Math.max(0, Math.floor(lowBytes / 1024) - 1024));
    put16(0x15, Math.min(640, Math.floor(lowBytes / 1024)));
    put16(0x17, extended);
    put16(0x30, extended);
    put16(0x34, Math.min(0xffff, Math.max(0, Math.floor(lowBytes / 65_536) - 256)));
    const high = Math.min(0xff_ffff, Math.floor(highBytes / 65_536));
    put16(0x5b, high & 0xffff);
    cmos[0x5d] = high >> 16;
    for (const [index, value] of bytes ?? []) cmos[index] = value;
    return {
      index: 0,
      nmiMasked: false,
      cmos,
      baseSeconds: Math.floor(this.#start),
      baseTime: 0,
      flags: 0,
      readUpTo: 0,
    };
  }

  get #registerB(): number {
    return this.#state.cmos[0x0b] as number;
  }

  get #stopped(): boolean {
    return (this.#registerB & B_SET) !== 0;
  }

  /** Seconds since 1970 that the clock shows at a guest time. */
  #secondsAt(time: number): number {
    return this.#state.baseSeconds + Math.floor((time - this.#state.baseTime) / SECOND);
  }

  /** Guest time at which the clock comes to show `seconds`. */
  #timeOf(seconds: number): number {
    return this.#state.baseTime + (seconds - this.#state.baseSeconds) * SECOND;
  }

  #read(index: number): number {
    const { cmos } = this.#state;
    if (TIME_REGISTERS.has(index)) {
      return this.#stopped ? (cmos[index] as number) : this.#field(index, this.#secondsAt(this.#time.now()));
    }
    if (index === 0x0a) return (cmos[index] as number) | (this.#updating() ? A_UIP : 0);
    if (index === 0x0c) return this.#readFlags();
    return cmos[index] as number;
  }

  #write(index: number, value: number): void {
    const { cmos } = this.#state;
    if (TIME_REGISTERS.has(index)) {
      if (!this.#stopped) this.#freeze();
      cmos[index] = value;
      if (!this.#stopped) this.#resume();
      this.#arm();
      return;
    }
    switch (index) {
      case 0x0a:
        cmos[index] = value & 0x7f;
        break;
      case 0x0b: {
        const wasStopped = this.#stopped;
        // Register C must know under which enables its flags arose.
        this.#state.flags |= this.#flagsSince(this.#time.now());
        this.#state.readUpTo = this.#time.now();
        if (!wasStopped && value & B_SET) this.#freeze();
        cmos[index] = value & B_SET ? value & ~B_UPDATE : value;
        if (wasStopped && !this.#stopped) this.#resume();
        this.#interruptDue(this.#time.now());
        break;
      }
      case 0x0c:
      case 0x0d:
        return;
      default:
        cmos[index] = value;
    }
    this.#arm();
  }

  #updating(): boolean {
    if (this.#stopped) return false;
    const since = (this.#time.now() - this.#state.baseTime) % SECOND;
    return since >= SECOND - UPDATE_WARNING;
  }

  /** A time register's content for a time, in the format that register B asks for. */
  #field(index: number, seconds: number): number {
    const days = Math.floor(seconds / 86_400);
    const ofDay = seconds - days * 86_400;
    if (index === 6) return this.#encode(((((days + 4) % 7) + 7) % 7) + 1);
    if (index >= 7) {
      const date = dateFromDays(days);
      if (index === 7) return this.#encode(date % 100);
      if (index === 8) return this.#encode(Math.floor(date / 100) % 100);
      const year = Math.floor(date / 10_000);
      if (index === 9) return this.#encode(year % 100);
      // The century is BCD in any format, as firmware has it.
      const century = Math.floor(year / 100) % 100;
      return ((Math.floor(century / 10) << 4) | (century % 10)) & 0xff;
    }
    if (index === 0) return this.#encode(ofDay % 60);
    if (index === 2) return this.#encode(Math.floor(ofDay / 60) % 60);
    const hour = Math.floor(ofDay / 3600);
    if (this.#registerB & B_24H) return this.#encode(hour);
    return this.#encode(hour % 12 === 0 ? 12 : hour % 12) | (hour >= 12 ? 0x80 : 0);
  }

  #encode(value: number): number {
    return this.#registerB & B_BINARY ? value : (Math.floor(value / 10) << 4) | (value % 10);
  }

  #decode(value: number): number {
    return this.#registerB & B_BINARY ? value : (value >> 4) * 10 + (value & 15);
  }

  #decodeHour(value: number): number {
    if (this.#registerB & B_24H) return this.#decode(value);
    return (this.#decode(value & 0x7f) % 12) + (value & 0x80 ? 12 : 0);
  }

  /** Copies the running time into the registers. */
  #freeze(): void {
    const seconds = this.#secondsAt(this.#time.now());
    for (const index of TIME_REGISTERS) this.#state.cmos[index] = this.#field(index, seconds);
  }

  /** Lets the clock run on from what the registers say; the day of the week follows the date. */
  #resume(): void {
    const state = this.#state;
    const at = (index: number): number => state.cmos[index] as number;
    const century = (at(CENTURY) >> 4) * 10 + (at(CENTURY) & 15);
    let days = daysFromDate(century * 100 + this.#decode(at(9)), this.#decode(at(8)), this.#decode(at(7)));
    // Years have four digits: month 0 or day 0 of year 0 lies at the end of the year 9999 before it.
    if (days < YEAR_ZERO) days += DAYS_OF_ALL_YEARS;
    const ofDay = this.#decodeHour(at(4)) * 3600 + this.#decode(at(2)) * 60 + this.#decode(at(0));
    const now = this.#time.now();
    // Setting the clock does not move its second boundaries.
    state.baseTime += Math.floor((now - state.baseTime) / SECOND) * SECOND;
    state.baseSeconds = days * 86_400 + ofDay;
  }

  /** Nanoseconds of the periodic rate, 0 when it is off: 2^(rate-1) cycles of 32.768 kHz; rates 1 and 2 are 8 and 9. */
  #period(): number {
    const rate = (this.#state.cmos[0x0a] as number) & 15;
    if (rate === 0) return 0;
    // 1 s / 32768 is 30517.578125 ns: exact in binary, rounded to whole nanoseconds where a deadline is made.
    return (1 << ((rate <= 2 ? rate + 7 : rate) - 1)) * (SECOND / 32_768);
  }

  /** First time after `time` at which the alarm goes off, Infinity when it never does. */
  #nextAlarm(time: number): number {
    const { cmos } = this.#state;
    const wanted = (index: number, decoded: number): number => ((cmos[index] as number) >= 0xc0 ? -1 : decoded);
    const second = wanted(1, this.#decode(cmos[1] as number));
    const minute = wanted(3, this.#decode(cmos[3] as number));
    const hour = wanted(5, this.#decodeHour(cmos[5] as number));
    const first = this.#secondsAt(time) + 1;
    let candidate = first;
    while (candidate <= first + 86_400) {
      const ofDay = ((candidate % 86_400) + 86_400) % 86_400;
      if (hour >= 0 && Math.floor(ofDay / 3600) !== hour) candidate += 3600 - (ofDay % 3600);
      else if (minute >= 0 && Math.floor(ofDay / 60) % 60 !== minute) candidate += 60 - (ofDay % 60);
      else if (second >= 0 && ofDay % 60 !== second) candidate++;
      else return this.#timeOf(candidate);
    }
    return Infinity;
  }

  #nextPeriodic(time: number): number {
    const period = this.#period();
    return period === 0 ? Infinity : Math.ceil((Math.floor(time / period) + 1) * period);
  }

  #nextUpdate(time: number): number {
    return this.#stopped ? Infinity : this.#timeOf(this.#secondsAt(time) + 1);
  }

  /** Flags that arose after the last look and up to `now`. */
  #flagsSince(now: number): number {
    const { readUpTo } = this.#state;
    let flags = 0;
    if (this.#nextPeriodic(readUpTo) <= now) flags |= B_PERIODIC;
    if (!this.#stopped) {
      if (this.#nextUpdate(readUpTo) <= now) flags |= B_UPDATE;
      if (flags & B_UPDATE && this.#nextAlarm(readUpTo) <= now) flags |= B_ALARM;
    }
    return flags;
  }

  #readFlags(): number {
    const now = this.#time.now();
    const flags = this.#state.flags | this.#flagsSince(now);
    const value = flags | (flags & this.#registerB & 0x70 ? 0x80 : 0);
    this.#state.flags = 0;
    this.#state.readUpTo = now;
    this.#irq8(false);
    this.#arm();
    return value;
  }

  /** Takes note of what is due and moves the interrupt line. */
  #interruptDue(now: number): void {
    const state = this.#state;
    const before = state.flags;
    state.flags |= this.#flagsSince(now);
    state.readUpTo = now;
    if (state.flags & ~before & this.#registerB & B_ALARM) this.#alarm();
    this.#irq8((state.flags & this.#registerB & 0x70) !== 0);
    this.#arm();
  }

  /** Waits for the next enabled interrupt. A flag that is up already needs no timer until register C is read. */
  #arm(): void {
    const now = this.#time.now();
    const wanted = this.#registerB & ~this.#state.flags;
    this.#schedule(this.#periodicTimer, wanted & B_PERIODIC ? this.#nextPeriodic(now) : Infinity);
    let second = Infinity;
    if (!this.#stopped) {
      if (wanted & B_UPDATE) second = this.#nextUpdate(now);
      if (wanted & B_ALARM) second = Math.min(second, this.#nextAlarm(now));
    }
    this.#schedule(this.#secondTimer, second);
  }

  #schedule(timer: Timer, at: number): void {
    if (at === Infinity) this.#time.cancel(timer);
    else this.#time.schedule(timer, at);
  }
}
