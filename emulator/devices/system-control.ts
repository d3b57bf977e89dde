import type { CpuLines, Device, DeviceState, PortHandler } from "./device.ts";

/**
 * What a PC has of its own beside its chips (PIIX3 data sheet 290550): the A20 gate with system control port A, the reset
 * control register at 0xCF9, and the two storage bytes of the power management's command port.
 */
export class SystemControl implements Device {
  readonly name = "system-control";
  readonly #lines: CpuLines;
  #a20 = true;
  #resetControl = 0;
  readonly #apm = new Uint8Array(2);

  constructor(lines: CpuLines) {
    this.#lines = lines;
  }

  reset(): void {
    this.#resetControl = 0;
    this.#apm.fill(0);
    this.setA20(true);
  }

  save(): DeviceState {
    return { a20: this.#a20, resetControl: this.#resetControl, apm: this.#apm.slice() };
  }

  restore(state: DeviceState): void {
    this.#resetControl = state["resetControl"] as number;
    this.#apm.set(state["apm"] as Uint8Array);
    this.setA20(state["a20"] as boolean);
  }

  get a20(): boolean {
    return this.#a20;
  }

  setA20(enabled: boolean): void {
    this.#a20 = enabled;
    this.#lines.setA20(enabled);
  }

  /** System control port A, 0x92: bit 1 is A20, a rising bit 0 resets. The A20 gate is shared with the keyboard controller; the last writer wins. */
  readonly portA: PortHandler = {
    readPort: () => (this.#a20 ? 2 : 0),
    writePort: (_port, _size, value) => {
      this.setA20((value & 2) !== 0);
      if (value & 1) this.#lines.requestReset("port 0x92");
    },
  };

  /** Reset control register, 0xCF9: a rising bit 2 resets. */
  readonly resetPort: PortHandler = {
    readPort: () => this.#resetControl,
    writePort: (_port, _size, value) => {
      const rises = (value & ~this.#resetControl & 4) !== 0;
      this.#resetControl = value & 6;
      if (rises) this.#lines.requestReset("port 0xCF9");
    },
  };

  /** Ports 0xB2 and 0xB3: there is no system management mode that would hear a command. */
  readonly apmPorts: PortHandler = {
    readPort: (port) => this.#apm[port & 1] as number,
    writePort: (port, _size, value) => {
      this.#apm[port & 1] = value;
    },
  };
}
