import type { Device, DeviceState, PortHandler, SetLine } from "./device.ts";
import { Keyboard } from "./keyboard.ts";

const STATUS_OUTPUT_FULL = 0x01;
const STATUS_SYSTEM = 0x04;
const STATUS_COMMAND = 0x08;
const STATUS_UNLOCKED = 0x10;
const STATUS_AUX = 0x20;
const STATUS_TIMEOUT = 0x40;

const CONFIG_KEYBOARD_IRQ = 0x01;
const CONFIG_AUX_IRQ = 0x02;
const CONFIG_SYSTEM = 0x04;
const CONFIG_KEYBOARD_OFF = 0x10;
const CONFIG_AUX_OFF = 0x20;
const CONFIG_TRANSLATE = 0x40;

/** Scan code set 2 to set 1, as the controller translates it (codes 0x00 to 0x7F, and 0x83 and 0x84 beside). */
const TO_SET_1 = Uint8Array.from([
  0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29, 0x59, 0x65, 0x38, 0x2a,
  0x70, 0x1d, 0x10, 0x02, 0x5a, 0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11, 0x03, 0x5b, 0x67, 0x2e, 0x2d, 0x20, 0x12, 0x05,
  0x04, 0x5c, 0x68, 0x39, 0x2f, 0x21, 0x14, 0x13, 0x06, 0x5d, 0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5e, 0x6a,
  0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5f, 0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60, 0x6c, 0x34, 0x35, 0x26,
  0x27, 0x19, 0x0c, 0x61, 0x6d, 0x73, 0x28, 0x74, 0x1a, 0x0d, 0x62, 0x6e, 0x3a, 0x36, 0x1c, 0x1b, 0x75, 0x2b, 0x63,
  0x76, 0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b, 0x7c, 0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f, 0x52, 0x53,
  0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45, 0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54,
]);

type ControllerState = {
  config: number;
  /** Bits of the output port beside reset and A20. */
  outputPort: number;
  /** Byte at port 0x60, and which status bits go with it. */
  output: number;
  full: boolean;
  outputStatus: number;
  /** Controller command that waits for its data byte, 0 when none. */
  awaits: number;
  lastWasCommand: boolean;
  /** Translation saw a break prefix (0xF0). */
  breakSeen: boolean;
  ram: Uint8Array;
};

export interface ControllerOutputs {
  keyboardIrq: SetLine;
  auxIrq: SetLine;
  setA20(enabled: boolean): void;
  a20(): boolean;
  reset(cause: string): void;
}

function powerOn(): ControllerState {
  return {
    config: CONFIG_KEYBOARD_IRQ | CONFIG_SYSTEM | CONFIG_TRANSLATE,
    outputPort: 0xcc,
    output: 0,
    full: false,
    outputStatus: 0,
    awaits: 0,
    lastWasCommand: false,
    breakSeen: false,
    ram: new Uint8Array(32),
  };
}

/**
 * The 8042 keyboard controller of a PC (ports 0x60 and 0x64; IBM PS/2 Hardware Interface Technical Reference) with a keyboard on its
 * first port and nothing on its second one, where every byte sent is answered by 0xFE with the time-out bit.
 * Bytes move without delay; one waits at port 0x60 at a time.
 */
export class KeyboardController implements Device, PortHandler {
  readonly name = "i8042";
  readonly #outputs: ControllerOutputs;
  readonly #keyboard = new Keyboard();
  #state: ControllerState = powerOn();

  constructor(outputs: ControllerOutputs) {
    this.#outputs = outputs;
  }

  reset(): void {
    this.#state = powerOn();
    this.#keyboard.reset();
    this.#update();
  }

  save(): DeviceState {
    return { ...structuredClone(this.#state), keyboard: this.#keyboard.save() };
  }

  restore(saved: DeviceState): void {
    const { keyboard, ...state } = structuredClone(saved);
    this.#state = state as ControllerState;
    this.#keyboard.restore(keyboard as DeviceState);
  }

  /** Scan codes (set 2) from the host's keyboard. */
  press(codes: readonly number[]): void {
    this.#keyboard.press(codes);
    this.#fill();
  }

  readPort(port: number): number {
    const state = this.#state;
    if (port === 0x64) {
      return (
        STATUS_UNLOCKED |
        (state.full ? STATUS_OUTPUT_FULL | state.outputStatus : 0) |
        (state.config & CONFIG_SYSTEM ? STATUS_SYSTEM : 0) |
        (state.lastWasCommand ? STATUS_COMMAND : 0)
      );
    }
    const value = state.output;
    if (state.full) {
      state.full = false;
      this.#update();
      this.#fill();
    }
    return value;
  }

  writePort(port: number, _size: number, value: number): void {
    const state = this.#state;
    state.lastWasCommand = port === 0x64;
    if (port === 0x64) {
      this.#command(value);
    } else if (state.awaits) {
      const command = state.awaits;
      state.awaits = 0;
      this.#parameter(command, value);
    } else {
      state.config &= ~CONFIG_KEYBOARD_OFF;
      this.#keyboard.command(value);
    }
    this.#fill();
  }

  #command(command: number): void {
    const state = this.#state;
    state.awaits = 0;
    if (command >= 0x20 && command <= 0x3f) {
      this.#answer(command === 0x20 ? state.config : (state.ram[command & 0x1f] as number), 0);
      return;
    }
    if (command >= 0x60 && command <= 0x7f) {
      state.awaits = command;
      return;
    }
    if (command >= 0xf0) {
      // Pulses the output bits that are 0; bit 0 is the processor's reset.
      if (!(command & 1)) this.#outputs.reset(`keyboard controller command 0x${command.toString(16)}`);
      return;
    }
    switch (command) {
      case 0xa7:
        state.config |= CONFIG_AUX_OFF;
        break;
      case 0xa8:
        state.config &= ~CONFIG_AUX_OFF;
        break;
      case 0xa9:
        this.#answer(0x00, 0);
        break;
      case 0xaa:
        state.config |= CONFIG_SYSTEM;
        this.#answer(0x55, 0);
        break;
      case 0xab:
        this.#answer(0x00, 0);
        break;
      case 0xad:
        state.config |= CONFIG_KEYBOARD_OFF;
        break;
      case 0xae:
        state.config &= ~CONFIG_KEYBOARD_OFF;
        break;
      case 0xc0:
        // Input port: keyboard not locked, manufacturing jumper not set, colour display.
        this.#answer(0xa0, 0);
        break;
      case 0xd0:
        this.#answer(state.outputPort | 1 | (this.#outputs.a20() ? 2 : 0), 0);
        break;
      case 0xd1:
      case 0xd2:
      case 0xd3:
      case 0xd4:
        state.awaits = command;
        break;
      case 0xdd:
        this.#outputs.setA20(false);
        break;
      case 0xdf:
        this.#outputs.setA20(true);
        break;
      default:
        // The controller ignores what it does not know.
        break;
    }
    this.#update();
  }

  #parameter(command: number, value: number): void {
    const state = this.#state;
    if (command >= 0x60 && command <= 0x7f) {
      if (command === 0x60) state.config = value;
      else state.ram[command & 0x1f] = value;
      this.#update();
      return;
    }
    switch (command) {
      case 0xd1:
        state.outputPort = value & 0xcc;
        this.#outputs.setA20((value & 2) !== 0);
        if (!(value & 1)) this.#outputs.reset("keyboard controller output port, bit 0 clear");
        return;
      case 0xd2:
        this.#answer(value, 0);
        return;
      case 0xd3:
        this.#answer(value, STATUS_AUX);
        return;
      default:
        state.config &= ~CONFIG_AUX_OFF;
        this.#answer(0xfe, STATUS_AUX | STATUS_TIMEOUT);
    }
  }

  /** Puts a byte of the controller's own into the output buffer, over whatever waits there. */
  #answer(value: number, status: number): void {
    const state = this.#state;
    // A byte that is replaced must still end its request, or the new one has no edge.
    state.full = false;
    this.#update();
    state.output = value;
    state.outputStatus = status;
    state.full = true;
    this.#update();
  }

  /** Moves the keyboard's next byte up when the output buffer is free. */
  #fill(): void {
    const state = this.#state;
    while (!state.full && !(state.config & CONFIG_KEYBOARD_OFF)) {
      const byte = this.#keyboard.take();
      if (byte < 0) return;
      const translated = this.#translate(byte);
      if (translated >= 0) this.#answer(translated, 0);
    }
  }

  /** Set 2 to set 1, -1 for a prefix that only changes what follows. */
  #translate(byte: number): number {
    const state = this.#state;
    if (!(state.config & CONFIG_TRANSLATE)) return byte;
    if (byte === 0xf0) {
      state.breakSeen = true;
      return -1;
    }
    const release = state.breakSeen ? 0x80 : 0;
    state.breakSeen = false;
    if (byte === 0x83) return 0x41 | release;
    if (byte === 0x84) return 0x54 | release;
    return byte < 0x80 ? (TO_SET_1[byte] as number) | release : byte;
  }

  #update(): void {
    const { full, outputStatus, config } = this.#state;
    const fromAux = (outputStatus & STATUS_AUX) !== 0;
    this.#outputs.keyboardIrq(full && !fromAux && (config & CONFIG_KEYBOARD_IRQ) !== 0);
    this.#outputs.auxIrq(full && fromAux && (config & CONFIG_AUX_IRQ) !== 0);
  }
}
