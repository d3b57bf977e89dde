import type { Device, DeviceState, PortHandler } from "./device.ts";

type Chip = {
  /** Requests; in edge mode latched on the rising edge until acknowledged, in level mode the line itself. */
  irr: number;
  imr: number;
  isr: number;
  /** Input levels, for edge detection. */
  lines: number;
  /** Bit set: level-triggered (ELCR). */
  elcr: number;
  /** Input with the lowest priority. */
  lowest: number;
  vectorBase: number;
  /** Initialisation word awaited at the odd port: 1 (ICW1, since power-on: mute until then), 2, 3 or 4; 0 in operation. */
  awaits: number;
  wantsIcw4: boolean;
  single: boolean;
  autoEoi: boolean;
  rotateOnAutoEoi: boolean;
  specialMask: boolean;
  fullyNested: boolean;
  readsIsr: boolean;
  polled: boolean;
};

const CASCADE = 2;
/** IRQ0, 1, 2, 8 and 13 are wired edge-triggered on a PC. */
const ELCR_WRITABLE = [0xf8, 0xde] as const;

function powerOn(): Chip {
  return {
    irr: 0,
    imr: 0,
    isr: 0,
    lines: 0,
    elcr: 0,
    lowest: 7,
    vectorBase: 0,
    awaits: 1,
    wantsIcw4: false,
    single: false,
    autoEoi: false,
    rotateOnAutoEoi: false,
    specialMask: false,
    fullyNested: false,
    readsIsr: false,
    polled: false,
  };
}

/** Input with the highest priority among `set`, or 8 places for none: the returned number is its rank, 0 the highest. */
function rank(chip: Chip, set: number): number {
  for (let place = 0; place < 8; place++) {
    if (set & (1 << ((chip.lowest + 1 + place) & 7))) return place;
  }
  return 8;
}

/**
 * The two cascaded 8259A interrupt controllers (Intel 8259A data sheet 231468) with the edge/level registers of the
 * PIIX3 at 0x4D0. Trigger modes come from there; LTIM of ICW1 is ignored, as in the PIIX3. Only the 8086 mode exists.
 * The master's cascade input follows the slave's output.
 */
export class PicPair implements Device, PortHandler {
  readonly name = "pic";
  readonly #output: (level: boolean) => void;
  #chips: [Chip, Chip] = [powerOn(), powerOn()];
  #level = false;

  /** @param output the INTR output of the master */
  constructor(output: (level: boolean) => void) {
    this.#output = output;
  }

  /** Level of the INTR output. */
  get pending(): boolean {
    return this.#level;
  }

  reset(): void {
    this.#chips = [powerOn(), powerOn()];
    this.#update();
  }

  save(): DeviceState {
    return { chips: structuredClone(this.#chips) };
  }

  restore(state: DeviceState): void {
    this.#chips = structuredClone(state["chips"]) as [Chip, Chip];
    this.#update();
  }

  /** Drives input `irq`, 0 to 15; 2 does not exist. */
  setLine(irq: number, level: boolean): void {
    const chip = this.#chips[irq >> 3];
    if (!chip || irq === CASCADE) return;
    const bit = 1 << (irq & 7);
    if (level) {
      if (chip.elcr & bit || !(chip.lines & bit)) chip.irr |= bit;
      chip.lines |= bit;
    } else {
      if (chip.elcr & bit) chip.irr &= ~bit;
      chip.lines &= ~bit;
    }
    this.#update();
  }

  /** The processor's INTA cycles: the vector, a spurious one (input 7) when the request has gone meanwhile. */
  acknowledge(): number {
    const [master, slave] = this.#chips;
    const input = this.#highest(master, true);
    if (input < 0) return master.vectorBase + 7;
    let vector = master.vectorBase + input;
    if (input === CASCADE) {
      const behind = this.#highest(slave, false);
      if (behind >= 0) this.#take(slave, behind);
      vector = slave.vectorBase + (behind < 0 ? 7 : behind);
    }
    this.#take(master, input);
    this.#update();
    return vector;
  }

  readPort(port: number): number {
    if (port === 0x4d0) return this.#chips[0].elcr;
    if (port === 0x4d1) return this.#chips[1].elcr;
    const isMaster = port < 0xa0;
    const chip = isMaster ? this.#chips[0] : this.#chips[1];
    if (chip.polled) {
      chip.polled = false;
      const input = this.#highest(chip, isMaster);
      if (input < 0) return 7;
      this.#take(chip, input);
      this.#update();
      return 0x80 | input;
    }
    if (port & 1) return chip.imr;
    return chip.readsIsr ? chip.isr : chip.irr;
  }

  writePort(port: number, _size: number, value: number): void {
    if (port === 0x4d0 || port === 0x4d1) {
      const which = port === 0x4d0 ? 0 : 1;
      const chip = this.#chips[which];
      chip.elcr = value & ELCR_WRITABLE[which];
      chip.irr = (chip.irr & ~chip.elcr) | (chip.lines & chip.elcr);
    } else {
      const chip = port < 0xa0 ? this.#chips[0] : this.#chips[1];
      if (port & 1) this.#writeOdd(chip, value);
      else if (value & 0x10) this.#writeIcw1(chip, value);
      else if (value & 0x08) this.#writeOcw3(chip, value);
      else this.#writeOcw2(chip, value);
    }
    this.#update();
  }

  #writeIcw1(chip: Chip, value: number): void {
    // The edge detectors start over: a line that is high now must fall before it can request again.
    chip.irr = chip.lines & chip.elcr;
    chip.imr = 0;
    chip.isr = 0;
    chip.lowest = 7;
    chip.specialMask = false;
    chip.readsIsr = false;
    chip.polled = false;
    chip.autoEoi = false;
    chip.rotateOnAutoEoi = false;
    chip.fullyNested = false;
    chip.wantsIcw4 = (value & 1) !== 0;
    chip.single = (value & 2) !== 0;
    chip.awaits = 2;
  }

  #writeOdd(chip: Chip, value: number): void {
    switch (chip.awaits) {
      case 2:
        chip.vectorBase = value & 0xf8;
        chip.awaits = chip.single ? (chip.wantsIcw4 ? 4 : 0) : 3;
        break;
      case 3:
        // The cascade is wired on input 2, whatever ICW3 says.
        chip.awaits = chip.wantsIcw4 ? 4 : 0;
        break;
      case 4:
        chip.fullyNested = (value & 0x10) !== 0;
        chip.autoEoi = (value & 0x02) !== 0;
        chip.awaits = 0;
        break;
      default:
        chip.imr = value;
    }
  }

  #writeOcw3(chip: Chip, value: number): void {
    if (value & 0x04) chip.polled = true;
    if (value & 0x02) chip.readsIsr = (value & 1) !== 0;
    if (value & 0x40) chip.specialMask = (value & 0x20) !== 0;
  }

  #writeOcw2(chip: Chip, value: number): void {
    const rotate = (value & 0x80) !== 0;
    const specific = (value & 0x40) !== 0;
    const eoi = (value & 0x20) !== 0;
    if (!eoi) {
      if (specific && rotate) chip.lowest = value & 7;
      else if (!specific) chip.rotateOnAutoEoi = rotate;
      return;
    }
    let input = value & 7;
    if (!specific) {
      // In special mask mode a non-specific EOI does not clear a bit that is masked.
      const place = rank(chip, chip.specialMask ? chip.isr & ~chip.imr : chip.isr);
      if (place === 8) return;
      input = (chip.lowest + 1 + place) & 7;
    }
    chip.isr &= ~(1 << input);
    if (rotate) chip.lowest = input;
  }

  /** Input to serve next, or -1. */
  #highest(chip: Chip, isMaster: boolean): number {
    const wanted = rank(chip, chip.irr & ~chip.imr);
    if (wanted === 8) return -1;
    let serving = chip.specialMask ? chip.isr & ~chip.imr : chip.isr;
    if (isMaster && chip.fullyNested) serving &= ~(1 << CASCADE);
    return wanted < rank(chip, serving) ? (chip.lowest + 1 + wanted) & 7 : -1;
  }

  #take(chip: Chip, input: number): void {
    const bit = 1 << input;
    if (!(chip.elcr & bit)) chip.irr &= ~bit;
    if (!chip.autoEoi) chip.isr |= bit;
    else if (chip.rotateOnAutoEoi) chip.lowest = input;
  }

  #update(): void {
    const [master, slave] = this.#chips;
    if (this.#highest(slave, false) >= 0) master.irr |= 1 << CASCADE;
    else master.irr &= ~(1 << CASCADE);
    const level = this.#highest(master, true) >= 0 && master.awaits === 0;
    if (level !== this.#level) {
      this.#level = level;
      this.#output(level);
    }
  }
}
