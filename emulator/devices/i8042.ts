import type { Device, DeviceState, PortHandler, SetLine, Timebase, Timer } from "./device.ts";
import { codeInSet1 } from "./keyboard-sets.ts";
import { Keyboard } from "./keyboard.ts";
import { Mouse } from "./mouse.ts";

const STATUS_OUTPUT_FULL = 0x01;
const STATUS_SYSTEM = 0x04;
const STATUS_COMMAND = 0x08;
const STATUS_UNLOCKED = 0x10;
const STATUS_AUX = 0x20;

const CONFIG_KEYBOARD_IRQ = 0x01;
const CONFIG_AUX_IRQ = 0x02;
const CONFIG_SYSTEM = 0x04;
const CONFIG_KEYBOARD_OFF = 0x10;
const CONFIG_AUX_OFF = 0x20;
const CONFIG_TRANSLATE = 0x40;

/** Time that a byte takes from a device to the controller, some 11 bits at 12 kHz; keys and movements keep to it. */
const BYTE_NS = 1_000_000;

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
  /** Guest time from which the next byte of a key or a movement may come. */
  inputFrom: number;
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
    inputFrom: 0,
  };
}

/**
 * The 8042 keyboard controller of a PC (ports 0x60 and 0x64; IBM PS/2 Hardware Interface Technical Reference) with a keyboard on its
 * first port and a mouse on its second one. Commands are answered without delay; keys and movements take the time of the
 * line, so that a guest can follow what was typed at once. One byte waits at port 0x60 at a time.
 */
export class KeyboardController implements Device, PortHandler {
  readonly name = "i8042";
  readonly #outputs: ControllerOutputs;
  readonly #keyboard = new Keyboard();
  readonly #mouse = new Mouse();
  readonly #time: Timebase;
  readonly #timer: Timer = { id: "i8042", fire: () => this.#fill() };
  #state: ControllerState = powerOn();

  constructor(time: Timebase, outputs: ControllerOutputs) {
    this.#time = time;
    this.#outputs = outputs;
    time.register(this.#timer);
  }

  reset(): void {
    this.#state = powerOn();
    this.#keyboard.reset();
    this.#mouse.reset();
    this.#time.cancel(this.#timer);
    this.#update();
  }

  save(): DeviceState {
    return { ...structuredClone(this.#state), keyboard: this.#keyboard.save(), mouse: this.#mouse.save() };
  }

  restore(saved: DeviceState): void {
    const { keyboard, mouse, ...state } = structuredClone(saved);
    this.#state = state as ControllerState;
    this.#keyboard.restore(keyboard as DeviceState);
    this.#mouse.restore(mouse as DeviceState);
  }

  /** Scan codes (set 2) from the host's keyboard. */
  press(codes: readonly number[]): void {
    this.#keyboard.press(codes);
    this.#fill();
  }

  /** Counts moved (right, down and the wheel towards the user are positive) and buttons down (bit 0 left, 1 right, 2 middle). */
  move(dx: number, dy: number, wheel: number, buttons: number): void {
    this.#mouse.move(dx, dy, wheel, buttons);
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
        this.#mouse.command(value);
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

  /** Moves a device's next byte up when the output buffer is free: answers first, then what the user did. */
  #fill(): void {
    const state = this.#state;
    while (!state.full) {
      const keyboard = !(state.config & CONFIG_KEYBOARD_OFF);
      const aux = !(state.config & CONFIG_AUX_OFF);
      if (keyboard && this.#fromKeyboard(this.#keyboard.takeAnswer())) continue;
      if (aux && this.#fromMouse(this.#mouse.takeAnswer())) continue;
      if (!(keyboard && this.#keyboard.hasKeys) && !(aux && this.#mouse.hasMovement)) return;
      const now = this.#time.now();
      if (now < state.inputFrom) {
        this.#time.schedule(this.#timer, state.inputFrom);
        return;
      }
      state.inputFrom = now + BYTE_NS;
      if (!(keyboard && this.#fromKeyboard(this.#keyboard.takeKey()))) this.#fromMouse(this.#mouse.takeMovement());
    }
  }

  /** Whether there was a byte. */
  #fromKeyboard(byte: number): boolean {
    if (byte < 0) return false;
    const translated = this.#translate(byte);
    if (translated >= 0) this.#answer(translated, 0);
    return true;
  }

  #fromMouse(byte: number): boolean {
    if (byte < 0) return false;
    this.#answer(byte, STATUS_AUX);
    return true;
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
    return codeInSet1(byte) | release;
  }

  #update(): void {
    const { full, outputStatus, config } = this.#state;
    const fromAux = (outputStatus & STATUS_AUX) !== 0;
    this.#outputs.keyboardIrq(full && !fromAux && (config & CONFIG_KEYBOARD_IRQ) !== 0);
    this.#outputs.auxIrq(full && fromAux && (config & CONFIG_AUX_IRQ) !== 0);
  }
}
