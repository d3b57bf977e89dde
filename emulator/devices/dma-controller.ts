import type { Device, DeviceState, PortHandler } from "./device.ts";

type Channel = {
  baseAddress: number;
  baseCount: number;
  address: number;
  count: number;
  mode: number;
};

type Controller = {
  channels: Channel[];
  command: number;
  /** Terminal counts reached (bits 0 to 3), cleared by reading the status. */
  terminal: number;
  requests: number;
  mask: number;
  /** The next access to an address or a count is to its high byte. */
  highByte: boolean;
};

const CHANNELS = 4;
const ALL_MASKED = 0x0f;

function powerOn(): Controller {
  return {
    channels: Array.from({ length: CHANNELS }, () => ({
      baseAddress: 0,
      baseCount: 0,
      address: 0,
      count: 0,
      mode: 0,
    })),
    command: 0,
    terminal: 0,
    requests: 0,
    mask: ALL_MASKED,
    highByte: false,
  };
}

/**
 * The two cascaded 8237A DMA controllers of a PC (Intel data sheet 231466) at 0x00 to 0x0F (bytes) and 0xC0 to 0xDF
 * (words, every second port), with their page registers at 0x81 to 0x8F. No device on the board requests a transfer, so
 * none takes place: the registers are what there is to see.
 */
export class DmaController implements Device {
  readonly name = "dma";
  #controllers: [Controller, Controller] = [powerOn(), powerOn()];
  readonly #pages = new Uint8Array(16);

  reset(): void {
    this.#controllers = [powerOn(), powerOn()];
    this.#pages.fill(0);
  }

  save(): DeviceState {
    return { controllers: structuredClone(this.#controllers), pages: this.#pages.slice() };
  }

  restore(state: DeviceState): void {
    this.#controllers = structuredClone(state["controllers"]) as [Controller, Controller];
    this.#pages.set(state["pages"] as Uint8Array);
  }

  /** Ports 0x00 to 0x0F. */
  readonly first: PortHandler = {
    readPort: (port) => read(this.#controllers[0], port & 15),
    writePort: (port, _size, value) => {
      write(this.#controllers[0], port & 15, value);
    },
  };

  /** Ports 0xC0 to 0xDF: the second controller's address lines are shifted by one. */
  readonly second: PortHandler = {
    readPort: (port) => read(this.#controllers[1], (port >> 1) & 15),
    writePort: (port, _size, value) => {
      write(this.#controllers[1], (port >> 1) & 15, value);
    },
  };

  /** Ports 0x81 to 0x8F; those that belong to no channel are storage. */
  readonly pages: PortHandler = {
    readPort: (port) => this.#pages[port & 15] as number,
    writePort: (port, _size, value) => {
      this.#pages[port & 15] = value;
    },
  };
}

function read(chip: Controller, register: number): number {
  if (register < 8) {
    const channel = chip.channels[register >> 1] as Channel;
    const word = register & 1 ? channel.count : channel.address;
    const byte = chip.highByte ? word >> 8 : word & 0xff;
    chip.highByte = !chip.highByte;
    return byte;
  }
  switch (register) {
    case 8: {
      const status = (chip.requests << 4) | chip.terminal;
      chip.terminal = 0;
      return status;
    }
    // Temporary register: only memory-to-memory transfers fill it.
    case 13:
      return 0;
    case 15:
      return 0xf0 | chip.mask;
    default:
      return 0xff;
  }
}

function write(chip: Controller, register: number, value: number): void {
  if (register < 8) {
    const channel = chip.channels[register >> 1] as Channel;
    const merge = (word: number): number =>
      chip.highByte ? (word & 0xff) | (value << 8) : (word & 0xff00) | (value & 0xff);
    if (register & 1) channel.count = channel.baseCount = merge(channel.baseCount);
    else channel.address = channel.baseAddress = merge(channel.baseAddress);
    chip.highByte = !chip.highByte;
    return;
  }
  const bit = 1 << (value & 3);
  switch (register) {
    case 8:
      chip.command = value;
      break;
    case 9:
      chip.requests = value & 4 ? chip.requests | bit : chip.requests & ~bit;
      break;
    case 10:
      chip.mask = value & 4 ? chip.mask | bit : chip.mask & ~bit;
      break;
    case 11:
      (chip.channels[value & 3] as Channel).mode = value;
      break;
    case 12:
      chip.highByte = false;
      break;
    case 13:
      chip.command = 0;
      chip.terminal = 0;
      chip.requests = 0;
      chip.mask = ALL_MASKED;
      chip.highByte = false;
      break;
    case 14:
      chip.mask = 0;
      break;
    case 15:
      chip.mask = value & 15;
      break;
  }
}
