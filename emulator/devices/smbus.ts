import type { Device, DeviceState, PortHandler } from "./device.ts";

const STATUS = 0;
const CONTROL = 2;
const COMMAND = 3;
const ADDRESS = 4;
const BLOCK_DATA = 7;
const REGISTERS = 16;
/** The transaction ended because nobody answered. */
const DEVICE_ERROR = 0x04;
/** Bits of the status that are cleared by writing them as one. */
const STATUS_CLEARABLE = 0x1e;
const START = 0x40;

/**
 * The SMBus host controller of the PIIX4 (Intel data sheet 290562, section 7.3) with nothing on its bus: every transaction
 * ends at once with an error, as when no device acknowledges its address.
 */
export class SmbusHost implements Device, PortHandler {
  readonly name = "smbus";
  readonly #registers = new Uint8Array(REGISTERS);

  reset(): void {
    this.#registers.fill(0);
  }

  save(): DeviceState {
    return { registers: this.#registers.slice() };
  }

  restore(state: DeviceState): void {
    this.#registers.set(state["registers"] as Uint8Array);
  }

  readPort(port: number): number {
    const offset = port & 15;
    return offset === BLOCK_DATA ? 0 : (this.#registers[offset] as number);
  }

  writePort(port: number, _size: number, value: number): void {
    const offset = port & 15;
    const registers = this.#registers;
    if (offset === STATUS) {
      registers[STATUS]! &= ~(value & STATUS_CLEARABLE);
    } else if (offset === CONTROL) {
      registers[CONTROL] = value & ~START;
      if (value & START) registers[STATUS]! |= DEVICE_ERROR;
    } else if (offset >= COMMAND && offset <= ADDRESS + 2) {
      registers[offset] = value;
    }
  }
}
