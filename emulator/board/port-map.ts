import type { PortHandler } from "../devices/device.ts";

const PORTS = 0x1_0000;

/**
 * Dispatch of the 64 Ki I/O ports by one table look-up. An access that is wider than its handler, or that leaves the handler's
 * ports, is split into halves, low half first, as the ISA bus does.
 */
export class PortMap {
  readonly #index = new Uint8Array(PORTS);
  readonly #handlers: PortHandler[] = [];
  readonly #widths: number[] = [];
  readonly #unclaimed: (port: number, write: boolean) => void;

  /** @param unclaimed told about accesses to ports that nobody claims, byte by byte */
  constructor(unclaimed: (port: number, write: boolean) => void) {
    this.#unclaimed = unclaimed;
    // Slot 0: nobody. Reads float high, writes vanish.
    this.add(
      {
        readPort: (port) => {
          this.#unclaimed(port, false);
          return 0xff;
        },
        writePort: (port) => this.#unclaimed(port, true),
      },
      1,
    );
  }

  /** Makes a handler known that takes accesses up to `width` bytes; the number is for `claim`. */
  add(handler: PortHandler, width: 1 | 2 | 4): number {
    this.#widths.push(width);
    return this.#handlers.push(handler) - 1;
  }

  /** Another handler for the ports of this one. */
  replace(slot: number, handler: PortHandler): void {
    this.#handlers[slot] = handler;
  }

  /** Gives free ports `first` to `last` to a handler; ports that another one has stay with it. */
  claim(handler: number, first: number, last: number): void {
    for (let port = first; port <= last && port < PORTS; port++) {
      if (this.#index[port] === 0) this.#index[port] = handler;
    }
  }

  /** Takes those of ports `first` to `last` from a handler that it has. */
  release(handler: number, first: number, last: number): void {
    for (let port = first; port <= last && port < PORTS; port++) {
      if (this.#index[port] === handler) this.#index[port] = 0;
    }
  }

  /** Value as an unsigned number. */
  read(port: number, size: 1 | 2 | 4): number {
    port &= 0xffff;
    const slot = this.#index[port] as number;
    if (this.#isWhole(slot, port, size)) {
      return (this.#handlers[slot] as PortHandler).readPort(port, size);
    }
    const half = (size >> 1) as 1 | 2;
    const low = this.read(port, half);
    return (low | (this.read(port + half, half) << (half * 8))) >>> 0;
  }

  write(port: number, size: 1 | 2 | 4, value: number): void {
    port &= 0xffff;
    const slot = this.#index[port] as number;
    if (this.#isWhole(slot, port, size)) {
      const masked = size === 4 ? value >>> 0 : value & (size === 2 ? 0xffff : 0xff);
      (this.#handlers[slot] as PortHandler).writePort(port, size, masked);
      return;
    }
    const half = (size >> 1) as 1 | 2;
    this.write(port, half, value);
    this.write(port + half, half, value >>> (half * 8));
  }

  /** Guest time up to which a port's byte stays as it was read, 0 when its handler does not say. */
  steadyUntil(port: number): number {
    return this.#handlers[this.#index[port] as number]?.steadyUntil?.(port) ?? 0;
  }

  /** A part of a REP INS: how many elements the port's handler gave as one block. */
  readBlock(port: number, size: 1 | 2 | 4, into: Uint8Array): number {
    const slot = this.#index[port] as number;
    return this.#isWhole(slot, port, size) ? (this.#handlers[slot]?.readBlock?.(port, size, into) ?? 0) : 0;
  }

  writeBlock(port: number, size: 1 | 2 | 4, from: Uint8Array): number {
    const slot = this.#index[port] as number;
    return this.#isWhole(slot, port, size) ? (this.#handlers[slot]?.writeBlock?.(port, size, from) ?? 0) : 0;
  }

  /** Whether an access goes to its handler in one piece. */
  #isWhole(slot: number, port: number, size: 1 | 2 | 4): boolean {
    return size === 1 || (size <= (this.#widths[slot] as number) && this.#index[(port + size - 1) & 0xffff] === slot);
  }
}
