import type { DeviceState } from "./device.ts";

const ACK = 0xfa;
const RESEND = 0xfe;
/** An MF2 keyboard. */
const IDENTITY = [0xab, 0x83] as const;
/** Scan codes that wait beyond this are lost, as in a keyboard. */
const QUEUE_LIMIT = 16;

type KeyboardState = { queue: number[]; scanning: boolean; leds: number; scanSet: number; awaits: number };

function powerOn(): KeyboardState {
  return { queue: [], scanning: true, leds: 0, scanSet: 2, awaits: 0 };
}

/** A PS/2 keyboard: answers commands and sends scan codes (IBM PS/2 Hardware Interface Technical Reference, Keyboards). */
export class Keyboard {
  #state = powerOn();

  reset(): void {
    this.#state = powerOn();
  }

  save(): DeviceState {
    return structuredClone(this.#state);
  }

  restore(state: DeviceState): void {
    this.#state = structuredClone(state) as KeyboardState;
  }

  /** Next byte for the controller, -1 when there is none. */
  take(): number {
    return this.#state.queue.shift() ?? -1;
  }

  /** Scan codes of set 2 as the keys send them; dropped while the guest has scanning off or the queue is full. */
  press(codes: readonly number[]): void {
    const { queue, scanning } = this.#state;
    if (scanning && queue.length + codes.length <= QUEUE_LIMIT) queue.push(...codes.map((code) => code & 0xff));
  }

  /** A byte sent by the controller. */
  command(byte: number): void {
    const state = this.#state;
    const awaited = state.awaits;
    state.awaits = 0;
    // A new command interrupts whatever was being sent.
    state.queue.length = 0;
    if (awaited && byte < 0x80) {
      this.#parameter(awaited, byte);
      return;
    }
    switch (byte) {
      case 0xed:
      case 0xf0:
      case 0xf3:
        state.awaits = byte;
        state.queue.push(ACK);
        return;
      case 0xee:
        state.queue.push(0xee);
        return;
      case 0xf2:
        state.queue.push(ACK, ...IDENTITY);
        return;
      case 0xf4:
        state.scanning = true;
        state.queue.push(ACK);
        return;
      case 0xf5:
      case 0xf6:
        state.scanning = byte === 0xf6;
        state.scanSet = 2;
        state.queue.push(ACK);
        return;
      case 0xff:
        this.#state = powerOn();
        // Acknowledged, then the result of the self test.
        this.#state.queue.push(ACK, 0xaa);
        return;
      default:
        state.queue.push(byte >= 0xf7 && byte <= 0xfd ? ACK : RESEND);
    }
  }

  #parameter(command: number, value: number): void {
    const state = this.#state;
    if (command === 0xed) {
      state.leds = value & 7;
    } else if (command === 0xf0) {
      if (value === 0) {
        state.queue.push(ACK, state.scanSet);
        return;
      }
      if (value > 3) {
        state.queue.push(RESEND);
        return;
      }
      state.scanSet = value;
    }
    state.queue.push(ACK);
  }
}
