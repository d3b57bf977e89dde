import type { DeviceState } from "./device.ts";
import { fromSet2 } from "./keyboard-sets.ts";

const ACK = 0xfa;
const RESEND = 0xfe;
const ECHO = 0xee;
const SELF_TEST_PASSED = 0xaa;
/** An MF2 keyboard. */
const IDENTITY = [0xab, 0x83] as const;
/** Scan codes that wait for the guest beyond this are lost: nobody types so much ahead. */
const KEY_LIMIT = 4096;

type KeyboardState = {
  /** Answers to commands, sent before any key. */
  answers: number[];
  keys: number[];
  scanning: boolean;
  leds: number;
  typematic: number;
  scanSet: number;
  /** Set 3: every key tells its release. */
  allReleases: boolean;
  /** Command that waits for its parameter, 0 when none. */
  awaits: number;
  lastSent: number;
};

function powerOn(): KeyboardState {
  return {
    answers: [],
    keys: [],
    scanning: true,
    leds: 0,
    typematic: 0x2b,
    scanSet: 2,
    allReleases: false,
    awaits: 0,
    lastSent: 0,
  };
}

/**
 * A PS/2 keyboard: answers commands and sends scan codes (IBM PS/2 Hardware Interface Technical Reference, Keyboards).
 * Keys held down are not repeated here: whoever presses them does that. Keys that a real keyboard would lose, since its
 * buffer has 16 bytes, wait instead.
 */
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

  /** Next byte of an answer, -1 when there is none. */
  takeAnswer(): number {
    return this.#sent(this.#state.answers.shift());
  }

  /** Next byte of a key, -1 when there is none. */
  takeKey(): number {
    return this.#sent(this.#state.keys.shift());
  }

  get hasKeys(): boolean {
    return this.#state.keys.length > 0;
  }

  /** Keys as scan codes of set 2; lost while the guest has scanning off, or (as a whole) when too many wait. */
  press(codes: readonly number[]): void {
    const { keys, scanning, scanSet, allReleases } = this.#state;
    if (!scanning || keys.length + codes.length > KEY_LIMIT) return;
    const bytes = codes.map((code) => code & 0xff);
    keys.push(...fromSet2(bytes, scanSet, allReleases));
  }

  /** A byte sent by the controller. */
  command(byte: number): void {
    const state = this.#state;
    const awaited = state.awaits;
    state.awaits = 0;
    // A new command interrupts whatever was being answered.
    state.answers.length = 0;
    if (awaited && byte < 0x80) {
      this.#parameter(awaited, byte);
      return;
    }
    switch (byte) {
      case 0xed:
      case 0xf0:
      case 0xf3:
      case 0xfb:
      case 0xfc:
      case 0xfd:
        // The last three are about single keys of set 3, one code each.
        state.awaits = byte;
        state.answers.push(ACK);
        return;
      case ECHO:
        state.answers.push(ECHO);
        return;
      case 0xf2:
        state.answers.push(ACK, ...IDENTITY);
        return;
      case 0xf4:
        state.scanning = true;
        state.answers.push(ACK);
        return;
      case 0xf5:
      case 0xf6: {
        const { leds } = state;
        this.#state = { ...powerOn(), leds, scanning: byte === 0xf6, answers: [ACK] };
        return;
      }
      case 0xf7:
      case 0xf8:
      case 0xf9:
      case 0xfa:
        // All keys of set 3: with releases (0xF8 and 0xFA) or without; whether they repeat does not matter here.
        state.allReleases = byte === 0xf8 || byte === 0xfa;
        state.answers.push(ACK);
        return;
      case RESEND:
        state.answers.push(state.lastSent);
        return;
      case 0xff:
        this.#state = powerOn();
        this.#state.answers.push(ACK, SELF_TEST_PASSED);
        return;
      default:
        state.answers.push(RESEND);
    }
  }

  #parameter(command: number, value: number): void {
    const state = this.#state;
    if (command === 0xed) {
      state.leds = value & 7;
    } else if (command === 0xf3) {
      state.typematic = value & 0x7f;
    } else if (command === 0xf0) {
      if (value === 0) {
        state.answers.push(ACK, state.scanSet);
        return;
      }
      if (value > 3) {
        state.answers.push(RESEND);
        return;
      }
      state.scanSet = value;
      // What was pressed before would be misread.
      state.keys.length = 0;
    } else {
      // More codes may follow, up to the next command.
      state.awaits = command;
    }
    state.answers.push(ACK);
  }

  #sent(byte: number | undefined): number {
    if (byte === undefined) return -1;
    if (byte !== RESEND) this.#state.lastSent = byte;
    return byte;
  }
}
