import type { DeviceState } from "../devices/device.ts";

const IRQS = 16;
const PIRQS = 4;
/** In a PIRQ route register: not routed. */
const ROUTE_OFF = 0x80;
/** IRQ0, 1, 2, 8 and 13 cannot be had by PCI (PIIX3 data sheet, PIRQRC). */
const ROUTABLE = 0xdef8;

/**
 * Which interrupt line is up: the ISA devices' own, and the PCI pins that the PIIX3 routes to it. The pins of the devices
 * rotate over its four inputs: pin p of device d is on PIRQ (d - 1 + p) mod 4, as on QEMU's board.
 */
export class InterruptRouter {
  readonly #setIrq: (irq: number, level: boolean) => void;
  readonly #route: (pirq: number) => number;
  #isa = 0;
  /** For each PIRQ, which devices hold it up. */
  readonly #pci = new Int32Array(PIRQS);
  /** Lines that are up. */
  #up = 0;

  /**
   * @param setIrq drives the interrupt controllers
   * @param route register of a PIRQ (0 to 3) at present
   */
  constructor(setIrq: (irq: number, level: boolean) => void, route: (pirq: number) => number) {
    this.#setIrq = setIrq;
    this.#route = route;
  }

  reset(): void {
    this.#isa = 0;
    this.#pci.fill(0);
    this.update();
  }

  save(): DeviceState {
    return { isa: this.#isa, pci: [...this.#pci], up: this.#up };
  }

  restore(state: DeviceState): void {
    this.#isa = state["isa"] as number;
    this.#pci.set(state["pci"] as number[]);
    this.#up = state["up"] as number;
  }

  /** Line of a device on the ISA bus; numbers beyond 15 do not exist. */
  isa(irq: number, level: boolean): void {
    if (irq >= IRQS) return;
    this.#isa = level ? this.#isa | (1 << irq) : this.#isa & ~(1 << irq);
    this.update();
  }

  /** Pin (0 for INTA#) of a PCI device. */
  pci(device: number, pin: number, level: boolean): void {
    const pirq = (device + pin + 3) & 3;
    const bit = 1 << device;
    this.#pci[pirq] = level ? this.#pci[pirq]! | bit : this.#pci[pirq]! & ~bit;
    this.update();
  }

  /** After a line or a route has changed. */
  update(): void {
    let up = this.#isa;
    for (let pirq = 0; pirq < PIRQS; pirq++) {
      const route = this.#route(pirq);
      if (this.#pci[pirq] !== 0 && !(route & ROUTE_OFF)) up |= (1 << (route & 15)) & ROUTABLE;
    }
    const changed = up ^ this.#up;
    if (changed === 0) return;
    this.#up = up;
    for (let irq = 0; irq < IRQS; irq++) {
      if (changed & (1 << irq)) this.#setIrq(irq, (up & (1 << irq)) !== 0);
    }
  }
}
