import type { Device, DeviceState, MmioHandler, Timebase, Timer } from "./device.ts";

/** Register offsets in the 4 KiB page (SDM volume 3, table 11-1). */
const enum Reg {
  Id = 0x20,
  Version = 0x30,
  Tpr = 0x80,
  Apr = 0x90,
  Ppr = 0xa0,
  Eoi = 0xb0,
  Rrd = 0xc0,
  Ldr = 0xd0,
  Dfr = 0xe0,
  Svr = 0xf0,
  Esr = 0x280,
  IcrLow = 0x300,
  IcrHigh = 0x310,
  TimerInitial = 0x380,
  TimerCurrent = 0x390,
  TimerDivide = 0x3e0,
}

/** Eight registers each: in service, trigger mode, request; up to ESR. */
const ISR = 0x100;
const TMR = 0x180;
const IRR = 0x200;
const IRR_END = 0x280;
const LVT_FIRST = 0x320;
const LVT_LAST = 0x370;
/** Order of the local vector table, by register. */
const LVT_COUNT = 6;
const LVT_TIMER = 0;
const LVT_LINT0 = 3;
const LVT_ERROR = 5;
/** Writable bits: timer (vector, mask, periodic), thermal, performance, LINT0, LINT1, error. */
const LVT_WRITABLE = [0x300ff, 0x107ff, 0x107ff, 0x1a7ff, 0x1a7ff, 0x100ff] as const;
const LVT_MASKED = 0x1_0000;
const LVT_PERIODIC = 0x2_0000;

/** Integrated APIC, version 0x14, six LVT entries, no EOI-broadcast suppression. */
const VERSION = 0x0005_0014;

const ESR_SEND_VECTOR = 0x20;
const ESR_RECEIVE_VECTOR = 0x40;
const ESR_REGISTER = 0x80;

export const enum DeliveryMode {
  Fixed = 0,
  LowestPriority = 1,
  Smi = 2,
  Nmi = 4,
  Init = 5,
  StartUp = 6,
  ExtInt = 7,
}

type ApicState = {
  baseLow: number;
  baseHigh: number;
  id: number;
  tpr: number;
  ldr: number;
  dfr: number;
  svr: number;
  isr: number[];
  tmr: number[];
  irr: number[];
  esr: number;
  /** Errors since the last write to ESR. */
  errors: number;
  icrLow: number;
  icrHigh: number;
  lvt: number[];
  timerInitial: number;
  timerDivide: number;
  /** Guest time at which the running countdown began; -1 when the timer stands still. */
  timerStart: number;
};

export interface LocalApicOutputs {
  /** Something about deliverability may have changed. */
  changed(): void;
  /** The end of a level-triggered interrupt, for the I/O APIC. */
  broadcastEoi(vector: number): void;
  raiseNmi(): void;
  /** INIT sent by the processor to itself. */
  init(): void;
}

function powerOn(): ApicState {
  return {
    baseLow: 0xfee0_0900,
    baseHigh: 0,
    id: 0,
    tpr: 0,
    ldr: 0,
    dfr: 0xffff_ffff,
    svr: 0xff,
    isr: new Array<number>(8).fill(0),
    tmr: new Array<number>(8).fill(0),
    irr: new Array<number>(8).fill(0),
    esr: 0,
    errors: 0,
    icrLow: 0,
    icrHigh: 0,
    // LINT0 is in ExtINT mode, the "virtual wire" that firmware sets up (MP specification 1.4, section 3.6.2.2).
    lvt: [LVT_MASKED, LVT_MASKED, LVT_MASKED, 0x700, LVT_MASKED, LVT_MASKED],
    timerInitial: 0,
    timerDivide: 0,
    timerStart: -1,
  };
}

/** Highest vector set in a 256-bit register, or -1. */
function highest(words: readonly number[]): number {
  for (let index = 7; index >= 0; index--) {
    const word = words[index] as number;
    if (word !== 0) return index * 32 + 31 - Math.clz32(word);
  }
  return -1;
}

function setBit(words: number[], vector: number, on: boolean): void {
  const index = vector >> 5;
  const word = words[index] as number;
  words[index] = on ? word | (1 << (vector & 31)) : word & ~(1 << (vector & 31));
}

/**
 * The local APIC of the only processor in xAPIC mode (SDM volume 3, chapter 11), without TSC deadline and x2APIC. Its timer's bus
 * clock runs at 1 GHz: one tick is one nanosecond of guest time, before the divider.
 */
export class LocalApic implements Device, MmioHandler {
  readonly name = "lapic";
  readonly #time: Timebase;
  readonly #outputs: LocalApicOutputs;
  readonly #timer: Timer = { id: "lapic.timer", fire: () => this.#expire() };
  #state = powerOn();
  /** Pending errors raise the error interrupt once only, however deep they nest. */
  #raisingError = false;

  constructor(time: Timebase, outputs: LocalApicOutputs) {
    this.#time = time;
    this.#outputs = outputs;
    time.register(this.#timer);
  }

  reset(): void {
    this.#state = powerOn();
    this.#time.cancel(this.#timer);
    this.#outputs.changed();
  }

  save(): DeviceState {
    return structuredClone(this.#state);
  }

  restore(state: DeviceState): void {
    this.#state = structuredClone(state) as ApicState;
  }

  /** Physical address of the register page. */
  get base(): number {
    return this.#state.baseHigh * 0x1_0000_0000 + ((this.#state.baseLow & 0xffff_f000) >>> 0);
  }

  /** IA32_APIC_BASE bit 11. */
  get enabled(): boolean {
    return (this.#state.baseLow & 0x800) !== 0;
  }

  get baseMsrLow(): number {
    return this.#state.baseLow;
  }

  get baseMsrHigh(): number {
    return this.#state.baseHigh;
  }

  /** Writes IA32_APIC_BASE; false when the processor would raise #GP (reserved bits, x2APIC). */
  writeBaseMsr(low: number, high: number): boolean {
    if (low & 0x6ff || high >>> 0 > 0xff) return false;
    const wasEnabled = this.enabled;
    const state = this.#state;
    const baseLow = ((low & 0xffff_f800) | 0x100) >>> 0;
    if (wasEnabled && !(low & 0x800)) {
      // Disabled globally, the APIC forgets its state (SDM 11.4.3).
      this.#state = powerOn();
      this.#time.cancel(this.#timer);
    }
    this.#state.baseLow = baseLow;
    this.#state.baseHigh = high >>> 0;
    if (state !== this.#state || wasEnabled !== this.enabled) this.#outputs.changed();
    return true;
  }

  /** Whether the 8259's INTR reaches the processor: past a disabled APIC, or through LINT0 in ExtINT mode. */
  get acceptsExtInt(): boolean {
    if (!this.enabled) return true;
    return ((this.#state.lvt[LVT_LINT0] as number) & 0x1_0700) === 0x700;
  }

  /** Whether an interrupt with a priority above PPR waits. */
  get pending(): boolean {
    if (!this.enabled || !(this.#state.svr & 0x100)) return false;
    const vector = highest(this.#state.irr);
    return vector >= 0 && vector >> 4 > this.#ppr() >> 4;
  }

  /** Takes the waiting interrupt: moves it from IRR to ISR. The spurious vector when nothing is deliverable. */
  acknowledge(): number {
    if (!this.pending) return this.#state.svr & 0xff;
    const vector = highest(this.#state.irr);
    setBit(this.#state.irr, vector, false);
    setBit(this.#state.isr, vector, true);
    this.#outputs.changed();
    return vector;
  }

  /** Task priority register, 8 bits. CR8 is its upper half. */
  get tpr(): number {
    return this.#state.tpr;
  }

  set tpr(value: number) {
    this.#state.tpr = value & 0xff;
    this.#outputs.changed();
  }

  /** Whether a message with this destination is for this APIC (SDM 11.6.2). */
  isAddressed(destination: number, logical: boolean): boolean {
    if (destination === 0xff) return true;
    if (!logical) return destination === this.#state.id >>> 24;
    const ldr = this.#state.ldr >>> 24;
    if (this.#state.dfr >>> 28 === 0xf) return (ldr & destination) !== 0;
    return ldr >> 4 === destination >> 4 && (ldr & destination & 0xf) !== 0;
  }

  /** An interrupt message that arrives here; true when it was put into IRR, so that an EOI will follow. */
  deliver(mode: DeliveryMode, vector: number, level: boolean): boolean {
    if (!this.enabled) return false;
    switch (mode) {
      case DeliveryMode.Fixed:
      case DeliveryMode.LowestPriority:
        if (!(this.#state.svr & 0x100)) return false;
        if (vector < 16) {
          this.#error(ESR_RECEIVE_VECTOR);
          return false;
        }
        setBit(this.#state.irr, vector, true);
        setBit(this.#state.tmr, vector, level);
        this.#outputs.changed();
        return true;
      case DeliveryMode.Nmi:
        this.#outputs.raiseNmi();
        return false;
      case DeliveryMode.Init:
        this.#outputs.init();
        return false;
      case DeliveryMode.Smi:
      case DeliveryMode.StartUp:
      case DeliveryMode.ExtInt:
      default:
        // There is no system management mode, a running processor ignores start-up messages, and ExtINT comes by LINT0.
        return false;
    }
  }

  readMmio(offset: number, size: 1 | 2 | 4): number {
    const value = this.#read(offset & 0xff0) >>> ((offset & 3) * 8);
    // Beyond the first 4 of 16 bytes there is nothing; narrow reads are undefined by the SDM and give the bytes asked for.
    if (offset & 0xc) return 0;
    return size === 4 ? value : (value & (size === 1 ? 0xff : 0xffff)) >>> 0;
  }

  writeMmio(offset: number, size: 1 | 2 | 4, value: number): void {
    // Registers are written as aligned 32-bit words; anything else is undefined by the SDM and ignored here.
    if (size !== 4 || offset & 0xf) return;
    this.#write(offset, value >>> 0);
  }

  #read(register: number): number {
    const state = this.#state;
    if (register >= ISR && register < IRR_END) {
      const words = register < TMR ? state.isr : register < IRR ? state.tmr : state.irr;
      return (words[(register >> 4) & 7] as number) >>> 0;
    }
    if (register >= LVT_FIRST && register <= LVT_LAST) {
      return state.lvt[(register - LVT_FIRST) >> 4] as number;
    }
    switch (register as Reg) {
      case Reg.Id:
        return state.id;
      case Reg.Version:
        return VERSION;
      case Reg.Tpr:
        return state.tpr;
      case Reg.Apr:
      case Reg.Rrd:
      case Reg.Eoi:
        return 0;
      case Reg.Ppr:
        return this.#ppr();
      case Reg.Ldr:
        return state.ldr;
      case Reg.Dfr:
        return state.dfr;
      case Reg.Svr:
        return state.svr;
      case Reg.Esr:
        return state.esr;
      case Reg.IcrLow:
        return state.icrLow;
      case Reg.IcrHigh:
        return state.icrHigh;
      case Reg.TimerInitial:
        return state.timerInitial;
      case Reg.TimerCurrent:
        return this.#currentCount();
      case Reg.TimerDivide:
        return state.timerDivide;
      default:
        this.#error(ESR_REGISTER);
        return 0;
    }
  }

  #write(register: number, value: number): void {
    const state = this.#state;
    if (register >= LVT_FIRST && register <= LVT_LAST) {
      this.#writeLvt((register - LVT_FIRST) >> 4, value);
      return;
    }
    switch (register as Reg) {
      case Reg.Id:
        state.id = (value & 0xff00_0000) >>> 0;
        return;
      case Reg.Tpr:
        this.tpr = value;
        return;
      case Reg.Eoi:
        this.#endOfInterrupt();
        return;
      case Reg.Ldr:
        state.ldr = (value & 0xff00_0000) >>> 0;
        return;
      case Reg.Dfr:
        state.dfr = (value | 0x0fff_ffff) >>> 0;
        return;
      case Reg.Svr:
        // Bit 9 (focus processor checking) is storage only.
        if (state.svr & 0x100 && !(value & 0x100)) {
          for (let entry = 0; entry < LVT_COUNT; entry++) state.lvt[entry] = (state.lvt[entry] as number) | LVT_MASKED;
        }
        state.svr = value & 0x3ff;
        this.#outputs.changed();
        return;
      case Reg.Esr:
        state.esr = state.errors;
        state.errors = 0;
        return;
      case Reg.IcrLow:
        state.icrLow = value & 0xc_cfff;
        this.#send();
        return;
      case Reg.IcrHigh:
        state.icrHigh = (value & 0xff00_0000) >>> 0;
        return;
      case Reg.TimerInitial:
        state.timerInitial = value;
        this.#startTimer(value === 0 ? -1 : this.#time.now());
        return;
      case Reg.TimerDivide:
        this.#writeDivide(value & 0xb);
        return;
      case Reg.Version:
      case Reg.Apr:
      case Reg.Ppr:
      case Reg.Rrd:
      case Reg.TimerCurrent:
        return;
      default:
        // ISR, TMR and IRR are read-only; the rest does not exist.
        if (register < ISR || register >= IRR_END) this.#error(ESR_REGISTER);
    }
  }

  #writeLvt(entry: number, value: number): void {
    const state = this.#state;
    const keepsPeriod = ((state.lvt[entry] as number) & LVT_PERIODIC) === (value & LVT_PERIODIC);
    let next = value & (LVT_WRITABLE[entry] ?? 0);
    // Software-disabled, all entries are masked, except that LINT0 keeps the virtual wire of power-on until it is written.
    if (!(state.svr & 0x100)) next |= LVT_MASKED;
    state.lvt[entry] = next;
    if (entry === LVT_TIMER && !keepsPeriod && state.timerStart >= 0) this.#startTimer(state.timerStart);
    if (entry === LVT_LINT0) this.#outputs.changed();
  }

  #ppr(): number {
    const state = this.#state;
    const serving = Math.max(0, highest(state.isr));
    return state.tpr >> 4 >= serving >> 4 ? state.tpr : serving & 0xf0;
  }

  #endOfInterrupt(): void {
    const state = this.#state;
    const vector = highest(state.isr);
    if (vector < 0) return;
    setBit(state.isr, vector, false);
    if ((state.tmr[vector >> 5] as number) & (1 << (vector & 31))) this.#outputs.broadcastEoi(vector);
    this.#outputs.changed();
  }

  /** Sends what the ICR says. No other processor exists, so only messages that include this one have an effect. */
  #send(): void {
    const { icrLow, icrHigh } = this.#state;
    const mode = ((icrLow >> 8) & 7) as DeliveryMode;
    const vector = icrLow & 0xff;
    if (vector < 16 && (mode === DeliveryMode.Fixed || mode === DeliveryMode.LowestPriority)) {
      this.#error(ESR_SEND_VECTOR);
      return;
    }
    const shorthand = (icrLow >> 18) & 3;
    const reachesSelf =
      shorthand === 0 ? this.isAddressed(icrHigh >>> 24, (icrLow & 0x800) !== 0) : shorthand === 1 || shorthand === 2;
    if (!reachesSelf) return;
    // INIT with level de-assert only synchronises arbitration ids.
    if (mode === DeliveryMode.Init && !(icrLow & 0x4000)) return;
    this.deliver(mode, vector, false);
  }

  #error(bit: number): void {
    this.#state.errors |= bit;
    if (this.#raisingError) return;
    this.#raisingError = true;
    this.#raiseLocal(LVT_ERROR);
    this.#raisingError = false;
  }

  /** Raises the timer or error entry; both have no delivery mode and are always fixed. */
  #raiseLocal(entry: typeof LVT_TIMER | typeof LVT_ERROR): void {
    const value = this.#state.lvt[entry] as number;
    if (value & LVT_MASKED) return;
    this.deliver(DeliveryMode.Fixed, value & 0xff, false);
  }

  #divider(): number {
    const code = (this.#state.timerDivide & 3) | ((this.#state.timerDivide & 8) >> 1);
    return code === 7 ? 1 : 2 << code;
  }

  #currentCount(): number {
    const { timerStart, timerInitial, lvt } = this.#state;
    if (timerStart < 0) return 0;
    const elapsed = Math.floor((this.#time.now() - timerStart) / this.#divider());
    if ((lvt[LVT_TIMER] as number) & LVT_PERIODIC) return timerInitial - (elapsed % timerInitial);
    return Math.max(0, timerInitial - elapsed);
  }

  /** A new divider applies to the counts that are left. */
  #writeDivide(value: number): void {
    const state = this.#state;
    const left = this.#currentCount();
    state.timerDivide = value;
    if (state.timerStart < 0 || left === 0) return;
    this.#startTimer(this.#time.now() - (state.timerInitial - left) * this.#divider());
  }

  /** Lets the countdown begin at `start` (possibly past), -1 stops it. */
  #startTimer(start: number): void {
    const state = this.#state;
    state.timerStart = start;
    if (start < 0) {
      this.#time.cancel(this.#timer);
      return;
    }
    const period = state.timerInitial * this.#divider();
    const now = this.#time.now();
    const periodic = ((state.lvt[LVT_TIMER] as number) & LVT_PERIODIC) !== 0;
    const cycles = periodic ? Math.floor((now - start) / period) + 1 : 1;
    const at = start + cycles * period;
    if (at > now) this.#time.schedule(this.#timer, at);
    else this.#time.cancel(this.#timer);
  }

  #expire(): void {
    const state = this.#state;
    if ((state.lvt[LVT_TIMER] as number) & LVT_PERIODIC) this.#startTimer(state.timerStart);
    this.#raiseLocal(LVT_TIMER);
  }
}
