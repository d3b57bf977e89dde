import type { Device, DeviceState, PortHandler, SetLine, Timebase, Timer } from "./device.ts";

const FIFO_SIZE = 16;
const RECEIVE_TRIGGERS = [1, 4, 8, 14] as const;
/** Host input beyond this many bytes waiting is refused. */
const INBOX_LIMIT = 1 << 20;

const IER_RECEIVED = 0x01;
const IER_THR_EMPTY = 0x02;
const IER_LINE = 0x04;
const IER_MODEM = 0x08;
const LCR_DLAB = 0x80;
const MCR_OUT2 = 0x08;
const MCR_LOOP = 0x10;
const LSR_DATA_READY = 0x01;
const LSR_OVERRUN = 0x02;
/** Transmitter holding register and shift register empty: always, see the class. */
const LSR_IDLE = 0x60;
/** A terminal that is connected and ready: DCD, DSR, CTS. */
const MODEM_CONNECTED = 0xb0;

const IIR_NONE = 0x01;
const IIR_MODEM = 0x00;
const IIR_THR_EMPTY = 0x02;
const IIR_RECEIVED = 0x04;
const IIR_LINE = 0x06;
const IIR_TIMEOUT = 0x0c;

type UartState = {
  divisor: number;
  ier: number;
  fifoOn: boolean;
  trigger: number;
  lcr: number;
  mcr: number;
  overrun: boolean;
  /** MSR: status in the upper, changes in the lower half. */
  msr: number;
  scratch: number;
  fifo: Uint8Array;
  fifoHead: number;
  fifoCount: number;
  thrEmptyPending: boolean;
  timeoutPending: boolean;
  /** A character is on its way in. */
  receiving: boolean;
  inbox: Uint8Array;
  inboxHead: number;
};

function powerOn(): UartState {
  return {
    divisor: 1,
    ier: 0,
    fifoOn: false,
    trigger: 1,
    lcr: 0,
    mcr: 0,
    overrun: false,
    msr: MODEM_CONNECTED,
    scratch: 0,
    fifo: new Uint8Array(FIFO_SIZE),
    fifoHead: 0,
    fifoCount: 0,
    thrEmptyPending: false,
    timeoutPending: false,
    receiving: false,
    inbox: new Uint8Array(0),
    inboxHead: 0,
  };
}

/**
 * A 16550A UART (National PC16550D data sheet). Sending takes no time: a byte is out as soon as it is written, and the
 * transmitter is always empty. (At 115200 baud a kernel's log would cost seconds of guest time.) Receiving takes the time
 * that the divisor and the frame say, so that a guest has time to process what is pasted; input waits outside while
 * the FIFO is full or in loopback mode and is never lost. The interrupt reaches its line through OUT2, as on a PC.
 */
export class Uart implements Device, PortHandler {
  readonly name: string;
  readonly #time: Timebase;
  readonly #irq: SetLine;
  readonly #output: (byte: number) => void;
  readonly #receiver: Timer;
  readonly #timeout: Timer;
  #state = powerOn();

  constructor(name: string, time: Timebase, irq: SetLine, output: (byte: number) => void) {
    this.name = name;
    this.#time = time;
    this.#irq = irq;
    this.#output = output;
    this.#receiver = { id: `${name}.receiver`, fire: () => this.#receive() };
    this.#timeout = { id: `${name}.timeout`, fire: () => this.#characterTimeout() };
    time.register(this.#receiver);
    time.register(this.#timeout);
  }

  /** Input that waits outside survives: it is in the terminal, not in the machine. */
  reset(): void {
    const { inbox, inboxHead } = this.#state;
    this.#state = { ...powerOn(), inbox, inboxHead };
    this.#time.cancel(this.#receiver);
    this.#time.cancel(this.#timeout);
    this.#startReceiving();
    this.#update();
  }

  save(): DeviceState {
    return structuredClone(this.#state);
  }

  restore(state: DeviceState): void {
    this.#state = structuredClone(state) as UartState;
  }

  /** Bytes from the terminal; returns how many were accepted (all, unless a megabyte is waiting). */
  input(bytes: Uint8Array): number {
    const state = this.#state;
    const waiting = state.inbox.subarray(state.inboxHead);
    const accepted = bytes.subarray(0, Math.max(0, INBOX_LIMIT - waiting.length));
    const inbox = new Uint8Array(waiting.length + accepted.length);
    inbox.set(waiting);
    inbox.set(accepted, waiting.length);
    state.inbox = inbox;
    state.inboxHead = 0;
    this.#startReceiving();
    return accepted.length;
  }

  readPort(port: number): number {
    const state = this.#state;
    switch (port & 7) {
      case 0:
        return state.lcr & LCR_DLAB ? state.divisor & 0xff : this.#readReceived();
      case 1:
        return state.lcr & LCR_DLAB ? state.divisor >> 8 : state.ier;
      case 2: {
        const cause = this.#cause();
        if (cause === IIR_THR_EMPTY) {
          state.thrEmptyPending = false;
          this.#update();
        }
        return cause | (state.fifoOn ? 0xc0 : 0);
      }
      case 3:
        return state.lcr;
      case 4:
        return state.mcr;
      case 5: {
        const value = LSR_IDLE | (state.fifoCount ? LSR_DATA_READY : 0) | (state.overrun ? LSR_OVERRUN : 0);
        if (state.overrun) {
          state.overrun = false;
          this.#update();
        }
        return value;
      }
      case 6: {
        const value = state.msr;
        state.msr &= 0xf0;
        this.#update();
        return value;
      }
      default:
        return state.scratch;
    }
  }

  writePort(port: number, _size: number, value: number): void {
    const state = this.#state;
    switch (port & 7) {
      case 0:
        if (state.lcr & LCR_DLAB) state.divisor = (state.divisor & 0xff00) | value;
        else this.#transmit(value);
        return;
      case 1:
        if (state.lcr & LCR_DLAB) {
          state.divisor = (state.divisor & 0xff) | (value << 8);
          return;
        }
        if (value & ~state.ier & IER_THR_EMPTY) state.thrEmptyPending = true;
        state.ier = value & 0x0f;
        break;
      case 2:
        this.#writeFifoControl(value);
        break;
      case 3:
        state.lcr = value;
        return;
      case 4:
        state.mcr = value & 0x1f;
        this.#updateModem();
        this.#startReceiving();
        break;
      case 7:
        state.scratch = value;
        return;
      default:
        // LSR and MSR: factory test only.
        return;
    }
    this.#update();
  }

  #transmit(byte: number): void {
    const state = this.#state;
    // The holding register is full for no time at all, but the request must show an edge for each byte.
    state.thrEmptyPending = false;
    this.#update();
    if (state.mcr & MCR_LOOP) this.#push(byte);
    else this.#output(byte);
    state.thrEmptyPending = true;
    this.#update();
  }

  #writeFifoControl(value: number): void {
    const state = this.#state;
    const on = (value & 1) !== 0;
    if (on !== state.fifoOn || (on && value & 2)) {
      state.fifoHead = 0;
      state.fifoCount = 0;
      state.timeoutPending = false;
      this.#time.cancel(this.#timeout);
    }
    if (on && value & 4) state.thrEmptyPending = true;
    state.fifoOn = on;
    state.trigger = on ? (RECEIVE_TRIGGERS[value >> 6] ?? 1) : 1;
    this.#startReceiving();
  }

  #readReceived(): number {
    const state = this.#state;
    if (state.fifoCount === 0) return 0;
    const byte = state.fifo[state.fifoHead] as number;
    state.fifoHead = (state.fifoHead + 1) % FIFO_SIZE;
    state.fifoCount--;
    state.timeoutPending = false;
    this.#awaitTimeout();
    this.#startReceiving();
    this.#update();
    return byte;
  }

  get #capacity(): number {
    return this.#state.fifoOn ? FIFO_SIZE : 1;
  }

  #push(byte: number): void {
    const state = this.#state;
    if (state.fifoCount >= this.#capacity) {
      state.overrun = true;
      // Without the FIFO the new character replaces the old one; with it the new one is lost.
      if (!state.fifoOn) state.fifo[state.fifoHead] = byte;
    } else {
      state.fifo[(state.fifoHead + state.fifoCount) % FIFO_SIZE] = byte;
      state.fifoCount++;
    }
    this.#awaitTimeout();
  }

  /** Nanoseconds of one character: start, data, parity and stop bits at 115200 baud divided by the divisor. */
  #characterTime(): number {
    const { lcr, divisor } = this.#state;
    const bits = 1 + 5 + (lcr & 3) + (lcr & 8 ? 1 : 0) + (lcr & 4 ? 2 : 1);
    return Math.round((bits * Math.max(1, divisor) * 1_000_000_000) / 115_200);
  }

  /** Below the trigger level, four character times of silence raise the time-out interrupt. */
  #awaitTimeout(): void {
    const state = this.#state;
    if (state.fifoOn && state.fifoCount > 0) {
      this.#time.schedule(this.#timeout, this.#time.now() + 4 * this.#characterTime());
    } else {
      this.#time.cancel(this.#timeout);
    }
  }

  #characterTimeout(): void {
    this.#state.timeoutPending = true;
    this.#update();
  }

  #startReceiving(): void {
    const state = this.#state;
    if (state.receiving || state.inboxHead >= state.inbox.length) return;
    if (state.fifoCount >= this.#capacity || state.mcr & MCR_LOOP) return;
    state.receiving = true;
    this.#time.schedule(this.#receiver, this.#time.now() + this.#characterTime());
  }

  #receive(): void {
    const state = this.#state;
    state.receiving = false;
    if (state.fifoCount < this.#capacity && !(state.mcr & MCR_LOOP) && state.inboxHead < state.inbox.length) {
      this.#push(state.inbox[state.inboxHead++] as number);
      this.#update();
    }
    this.#startReceiving();
  }

  /** In loopback mode DTR, RTS, OUT1 and OUT2 come back as DSR, CTS, RI and DCD. */
  #updateModem(): void {
    const state = this.#state;
    const { mcr } = state;
    const status =
      mcr & MCR_LOOP ? ((mcr & 1) << 5) | ((mcr & 2) << 3) | ((mcr & 4) << 4) | ((mcr & 8) << 4) : MODEM_CONNECTED;
    const before = state.msr & 0xf0;
    // RI is noted when it ends only.
    const changes = ((before ^ status) & 0xb0) | (before & ~status & 0x40);
    state.msr = status | (state.msr & 0x0f) | (changes >> 4);
  }

  #cause(): number {
    const state = this.#state;
    if (state.ier & IER_LINE && state.overrun) return IIR_LINE;
    if (state.ier & IER_RECEIVED) {
      if (state.fifoCount >= state.trigger) return IIR_RECEIVED;
      if (state.timeoutPending) return IIR_TIMEOUT;
    }
    if (state.ier & IER_THR_EMPTY && state.thrEmptyPending) return IIR_THR_EMPTY;
    if (state.ier & IER_MODEM && state.msr & 0x0f) return IIR_MODEM;
    return IIR_NONE;
  }

  #update(): void {
    const gate = (this.#state.mcr & (MCR_OUT2 | MCR_LOOP)) === MCR_OUT2;
    this.#irq(gate && this.#cause() !== IIR_NONE);
  }
}
