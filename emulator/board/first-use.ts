import type { MmioHandler, PortHandler } from "../devices/device.ts";
import type { MmioMap } from "./mmio-map.ts";
import type { PortMap } from "./port-map.ts";

/**
 * Tells when the guest touches a device for the first time. Until then a stand-in answers for its handlers and takes
 * itself out at the first access, so that later ones cost nothing.
 */
export class FirstUse {
  readonly #used = new Set<string>();
  readonly #watched: { name: string; arm(): void; disarm(): void }[] = [];
  readonly #tell: (name: string) => void;

  constructor(tell: (name: string) => void) {
    this.#tell = tell;
  }

  /** Adds a device's handler to a port map: its slot there. */
  ports(map: PortMap, name: string, handler: PortHandler, width: 1 | 2 | 4): number {
    const slot = map.add(handler, width);
    const standIn: PortHandler = {
      readPort: (port, size) => {
        this.#touched(name);
        return handler.readPort(port, size);
      },
      writePort: (port, size, value) => {
        this.#touched(name);
        handler.writePort(port, size, value);
      },
    };
    this.#watch(name, standIn, handler, (one) => {
      map.replace(slot, one);
    });
    return slot;
  }

  /** The same for registers in memory. */
  memory(map: MmioMap, name: string, handler: MmioHandler): number {
    const slot = map.add(handler);
    this.registers(name, handler, (one) => {
      map.replace(slot, one);
    });
    return slot;
  }

  /** Registers in memory that are dispatched by `install`'s owner. */
  registers(name: string, handler: MmioHandler, install: (handler: MmioHandler) => void): void {
    const standIn: MmioHandler = {
      readMmio: (offset, size) => {
        this.#touched(name);
        return handler.readMmio(offset, size);
      },
      writeMmio: (offset, size, value) => {
        this.#touched(name);
        handler.writeMmio(offset, size, value);
      },
    };
    this.#watch(name, standIn, handler, install);
  }

  /** After power-on: nothing was used yet. */
  reset(): void {
    this.restore([]);
  }

  /** Names of the devices used so far. */
  save(): string[] {
    return [...this.#used].sort();
  }

  restore(used: readonly string[]): void {
    this.#used.clear();
    for (const name of used) this.#used.add(name);
    for (const one of this.#watched) {
      if (this.#used.has(one.name)) one.disarm();
      else one.arm();
    }
  }

  #watch<T>(name: string, standIn: T, handler: T, install: (handler: T) => void): void {
    this.#watched.push({
      name,
      arm: () => {
        install(standIn);
      },
      disarm: () => {
        install(handler);
      },
    });
    install(standIn);
  }

  #touched(name: string): void {
    for (const one of this.#watched) if (one.name === name) one.disarm();
    this.#used.add(name);
    this.#tell(name);
  }
}
