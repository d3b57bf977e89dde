import { AcpiPm } from "../devices/acpi-pm.ts";
import type { CpuLines, DeviceState, DiskTransfer } from "../devices/device.ts";
import type { EventQueue } from "../devices/event-queue.ts";
import { Hpet } from "../devices/hpet.ts";
import { KeyboardController } from "../devices/i8042.ts";
import { IoApic } from "../devices/io-apic.ts";
import { LocalApic } from "../devices/local-apic.ts";
import { PciBus } from "../devices/pci.ts";
import { PicPair } from "../devices/pic.ts";
import { Pit } from "../devices/pit.ts";
import { Rtc } from "../devices/rtc.ts";
import { Uart } from "../devices/uart.ts";
import type { Drive } from "../disks/disk-image.ts";
import type { Firmware, Screen } from "../machine/api.ts";
import { CHIPSET, PM_BASE, PM_DEVFN, PM_MISC } from "./chipset.ts";
import { PortMap } from "./port-map.ts";

const IO_APIC_BASE = 0xfec0_0000;
const HPET_BASE = 0xfed0_0000;
const PAGE = 0x1000;
/** RAM beyond this continues at 4 GiB (for the sizes in CMOS). */
const LOW_RAM_LIMIT = 0xc000_0000;
const IRQS = 16;
const IRQ_PIT = 0;
const IRQ_RTC = 8;
const IRQ_SCI = 9;
const IRQ_FPU = 13;

export interface BoardOptions {
  /** RAM in bytes. */
  memoryBytes: number;
  /** Wall time of the clock at power-on, seconds since 1970. */
  rtcTime: number;
  lines: CpuLines;
  /** The machine's deadlines; must call `lines.attention()` on an earlier one (its second argument). */
  queue: EventQueue;
  /** A byte sent by COM1 (port 0) or COM2 (port 1). */
  serialOutput(port: number, byte: number): void;
  /** A byte written to debug port 0x402 or 0xE9. */
  debugOutput(byte: number): void;
  /** What runs from the reset vector on; without it the board comes up as firmware would leave it for a kernel. */
  firmware?: Firmware & { kernel?: Uint8Array; initrd?: Uint8Array; cmdline?: string };
  drives?: readonly Drive[];
  /** A drive put bytes into guest memory. */
  diskTransfer?(transfer: DiskTransfer): void;
  /** The guest touched a device for the first time: its name. */
  deviceUsed?(name: string): void;
  /** The screen came to show another mode: its description. */
  screenMode?(text: string): void;
  /** Told about accesses that no device answers, for debugging; ports byte by byte. */
  unclaimed?: (space: "port" | "mmio", address: number, write: boolean) => void;
}

/**
 * An i440FX/PIIX board without firmware, in the state in which firmware leaves it: all devices, how they are wired to
 * each other and to the processor, and who answers which port and physical address (docs/devices.md).
 */
export class Board {
  readonly #lines: CpuLines;
  readonly #queue: EventQueue;
  readonly #unclaimed: (space: "port" | "mmio", address: number, write: boolean) => void;
  readonly #pic = new PicPair(() => this.#updateIntr());
  readonly #localApic: LocalApic;
  readonly #ioApic: IoApic;
  readonly #hpet: Hpet;
  readonly #pit: Pit;
  readonly #rtc: Rtc;
  readonly #pm: AcpiPm;
  readonly #keyboard: KeyboardController;
  readonly #uarts: readonly [Uart, Uart];
  readonly #pci: PciBus;
  readonly #ports: PortMap;
  readonly #pmSlot: number;
  /** Ports of the PM1 block at present, -1 when it is not decoded. */
  #pmBase = -1;
  /** Levels of the PIT's and the clock's own outputs, which the HPET may replace. */
  #pitLevel = false;
  #rtcLevel = false;
  #a20 = true;
  #resetControl = 0;
  #intr = false;

  constructor(options: BoardOptions) {
    const { lines, queue, memoryBytes } = options;
    this.#lines = lines;
    this.#queue = queue;
    this.#unclaimed = options.unclaimed ?? (() => undefined);
    this.#localApic = new LocalApic(queue, {
      changed: () => this.#updateIntr(),
      broadcastEoi: (vector) => this.#ioApic.endOfInterrupt(vector),
      raiseNmi: () => lines.raiseNmi(),
      init: () => lines.requestReset("INIT message of the local APIC"),
    });
    this.#ioApic = new IoApic(this.#localApic);
    this.#hpet = new Hpet(queue, {
      legacyChanged: () => this.#driveLegacyIrqs(),
      isaIrq: (irq, level) => this.#setIrq(irq, level),
      ioApicPin: (pin, level) => this.#ioApic.setLine(pin, level),
    });
    this.#pit = new Pit(queue, (level) => {
      this.#pitLevel = level;
      if (!this.#hpet.legacy) this.#setIrq(IRQ_PIT, level);
    });
    this.#pm = new AcpiPm(
      queue,
      (level) => this.#setIrq(IRQ_SCI, level),
      () => lines.requestPowerOff(),
    );
    const lowBytes = Math.min(memoryBytes, LOW_RAM_LIMIT);
    this.#rtc = new Rtc(
      queue,
      (level) => {
        this.#rtcLevel = level;
        if (!this.#hpet.legacy) this.#setIrq(IRQ_RTC, level);
      },
      () => this.#pm.rtcAlarm(),
      options.rtcTime,
      { lowBytes, highBytes: memoryBytes - lowBytes },
    );
    this.#keyboard = new KeyboardController({
      keyboardIrq: (level) => this.#setIrq(1, level),
      auxIrq: (level) => this.#setIrq(12, level),
      setA20: (enabled) => this.#setA20(enabled),
      a20: () => this.#a20,
      reset: (cause) => lines.requestReset(cause),
    });
    const uart = (name: string, port: number, irq: number): Uart =>
      new Uart(
        name,
        queue,
        (level) => this.#setIrq(irq, level),
        (byte) => options.serialOutput(port, byte),
      );
    this.#uarts = [uart("com1", 0, 4), uart("com2", 1, 3)];
    this.#pci = new PciBus(CHIPSET, {
      changed: (devfn, offset) => {
        if (devfn === PM_DEVFN && (offset === PM_BASE || offset === PM_MISC)) this.#placePm();
      },
      interrupt: () => undefined,
    });
    this.#ports = new PortMap((port, write) => this.#unclaimed("port", port, write));
    this.#pmSlot = this.#ports.add(this.#pm.pm1, 4);
    this.#claimPorts(options);
    this.reset();
  }

  /** Hard reset: every device as after power-on; the clock and its CMOS RAM go on. */
  reset(): void {
    for (const device of this.#devices()) device.reset();
    this.#resetControl = 0;
    this.#setIrq(IRQ_FPU, false);
    this.#setA20(true);
    this.#placePm();
    this.#updateIntr();
  }

  save(): DeviceState {
    const state: Record<string, unknown> = {
      a20: this.#a20,
      resetControl: this.#resetControl,
      pitLevel: this.#pitLevel,
      rtcLevel: this.#rtcLevel,
      timers: this.#queue.save(),
    };
    for (const device of this.#devices()) state[device.name] = device.save();
    return state;
  }

  restore(state: DeviceState): void {
    for (const device of this.#devices()) device.restore(state[device.name] as DeviceState);
    this.#pitLevel = state["pitLevel"] as boolean;
    this.#rtcLevel = state["rtcLevel"] as boolean;
    this.#resetControl = state["resetControl"] as number;
    this.#setA20(state["a20"] as boolean);
    this.#placePm();
    // Last: bringing the devices back may have moved deadlines.
    this.#queue.restore(state["timers"] as DeviceState);
    this.#intr = this.hasInterrupt;
    this.#lines.setIntr(this.#intr);
  }

  /** Value as an unsigned number; all ones where nobody answers. */
  readPort(port: number, size: 1 | 2 | 4): number {
    return this.#ports.read(port, size);
  }

  writePort(port: number, size: 1 | 2 | 4, value: number): void {
    this.#ports.write(port, size, value);
  }

  /** A physical address that is no RAM; all ones where nobody answers. */
  readMmio(physical: number, size: 1 | 2 | 4): number {
    const apic = physical - this.#localApic.base;
    if (apic >= 0 && apic < PAGE && this.#localApic.enabled) return this.#localApic.readMmio(apic, size);
    const hpet = physical - HPET_BASE;
    if (hpet >= 0 && hpet < 0x400) return this.#hpet.readMmio(hpet, size);
    const io = physical - IO_APIC_BASE;
    if (io >= 0 && io < PAGE) return this.#ioApic.readMmio(io, size);
    this.#unclaimed("mmio", physical, false);
    return size === 4 ? 0xffff_ffff : size === 2 ? 0xffff : 0xff;
  }

  writeMmio(physical: number, size: 1 | 2 | 4, value: number): void {
    const apic = physical - this.#localApic.base;
    const hpet = physical - HPET_BASE;
    const io = physical - IO_APIC_BASE;
    if (apic >= 0 && apic < PAGE && this.#localApic.enabled) this.#localApic.writeMmio(apic, size, value);
    else if (hpet >= 0 && hpet < 0x400) this.#hpet.writeMmio(hpet, size, value);
    else if (io >= 0 && io < PAGE) this.#ioApic.writeMmio(io, size, value);
    else this.#unclaimed("mmio", physical, true);
  }

  /** Level of the processor's INTR pin. */
  get hasInterrupt(): boolean {
    return this.#localApic.pending || (this.#pic.pending && this.#localApic.acceptsExtInt);
  }

  /** The processor takes the waiting interrupt: its vector. */
  acknowledgeInterrupt(): number {
    if (this.#localApic.pending || !(this.#pic.pending && this.#localApic.acceptsExtInt)) {
      return this.#localApic.acknowledge();
    }
    return this.#pic.acknowledge();
  }

  /** Bytes typed at COM1 (0) or COM2 (1); returns how many were accepted. They wait until the guest can take them. */
  serialInput(port: number, bytes: Uint8Array): number {
    const uart = this.#uarts[port];
    if (!uart) throw new RangeError(`There is no serial port ${port}; expected 0 (COM1) or 1 (COM2).`);
    return uart.input(bytes);
  }

  /** Scan codes (set 2) of the PS/2 keyboard. */
  keyboardInput(codes: readonly number[]): void {
    this.#keyboard.press(codes);
  }

  mouseInput(_dx: number, _dy: number, _wheel: number, _buttons: number): void {}

  /** What the screen shows. */
  screen(): Screen {
    return { kind: "off" };
  }

  /** IA32_APIC_BASE, bits 0 to 31. */
  get apicBaseLow(): number {
    return this.#localApic.baseMsrLow;
  }

  /** IA32_APIC_BASE, bits 32 to 63. */
  get apicBaseHigh(): number {
    return this.#localApic.baseMsrHigh;
  }

  /** Writes IA32_APIC_BASE; false when the processor must raise #GP(0): reserved bits, x2APIC mode, more than 40 address bits. */
  writeApicBase(low: number, high: number): boolean {
    return this.#localApic.writeBaseMsr(low, high);
  }

  /** Task priority register, 8 bits; CR8 is its upper half. */
  get tpr(): number {
    return this.#localApic.tpr;
  }

  set tpr(value: number) {
    this.#localApic.tpr = value;
  }

  /** The processor's FERR# pin: an unmasked x87 exception in DOS-compatible mode. Holds IRQ13 until the guest writes port 0xF0. */
  raiseFerr(): void {
    this.#setIrq(IRQ_FPU, true);
  }

  #devices(): readonly (
    Pit | PicPair | Rtc | Uart | KeyboardController | LocalApic | IoApic | AcpiPm | Hpet | PciBus
  )[] {
    return [
      this.#pic,
      this.#ioApic,
      this.#localApic,
      this.#hpet,
      this.#pit,
      this.#rtc,
      this.#pm,
      this.#keyboard,
      ...this.#uarts,
      this.#pci,
    ];
  }

  /** An ISA interrupt goes to the 8259s and to the I/O APIC, where IRQ0 is input 2. */
  #setIrq(irq: number, level: boolean): void {
    if (irq >= IRQS) return;
    this.#pic.setLine(irq, level);
    this.#ioApic.setLine(irq === IRQ_PIT ? 2 : irq, level);
  }

  /** After the HPET took over IRQ0 and IRQ8 or gave them back. */
  #driveLegacyIrqs(): void {
    const own = !this.#hpet.legacy;
    this.#setIrq(IRQ_PIT, own && this.#pitLevel);
    this.#setIrq(IRQ_RTC, own && this.#rtcLevel);
  }

  #updateIntr(): void {
    const level = this.hasInterrupt;
    if (level === this.#intr) return;
    this.#intr = level;
    this.#lines.setIntr(level);
  }

  #setA20(enabled: boolean): void {
    this.#a20 = enabled;
    this.#lines.setA20(enabled);
  }

  /** Decodes the PM1 block where the PIIX4's configuration says. */
  #placePm(): void {
    const low = this.#pci.configByte(PM_DEVFN, PM_BASE) & 0xc0;
    const decoded = (this.#pci.configByte(PM_DEVFN, PM_MISC) & 1) !== 0;
    const base = decoded ? low | (this.#pci.configByte(PM_DEVFN, PM_BASE + 1) << 8) : -1;
    if (base === this.#pmBase) return;
    this.#pmBase = base;
    this.#ports.release(this.#pmSlot);
    if (base >= 0) this.#ports.claim(this.#pmSlot, base, base + 0x3f);
  }

  #claimPorts(options: BoardOptions): void {
    const ports = this.#ports;
    const pic = ports.add(this.#pic, 1);
    for (const first of [0x20, 0xa0, 0x4d0]) ports.claim(pic, first, first + 1);
    const pit = ports.add(this.#pit, 1);
    ports.claim(pit, 0x40, 0x43);
    ports.claim(pit, 0x61, 0x61);
    const keyboard = ports.add(this.#keyboard, 1);
    ports.claim(keyboard, 0x60, 0x60);
    ports.claim(keyboard, 0x64, 0x64);
    ports.claim(ports.add(this.#rtc, 1), 0x70, 0x71);
    ports.claim(ports.add(this.#uarts[0], 1), 0x3f8, 0x3ff);
    ports.claim(ports.add(this.#uarts[1], 1), 0x2f8, 0x2ff);
    ports.claim(ports.add(this.#pm.gpe, 4), 0xafe0, 0xafe3);
    ports.claim(ports.add(this.#pci.dataPort, 4), 0xcfc, 0xcff);
    const debug = ports.add(
      { readPort: () => 0xe9, writePort: (_port, _size, value) => options.debugOutput(value) },
      1,
    );
    ports.claim(debug, 0x402, 0x402);
    ports.claim(debug, 0xe9, 0xe9);
    const ferr = ports.add({ readPort: () => 0xff, writePort: () => this.#setIrq(13, false) }, 1);
    ports.claim(ferr, 0xf0, 0xf1);
    ports.claim(ports.add({ readPort: () => 0xff, writePort: () => this.#setIrq(IRQ_FPU, false) }, 1), 0xf0, 0xf0);
    // Port 0x80 shows POST codes, and its writes are what kernels delay by.
    ports.claim(ports.add({ readPort: () => 0xff, writePort: () => undefined }, 1), 0x80, 0x80);
    ports.claim(
      ports.add(
        { readPort: () => (this.#a20 ? 2 : 0), writePort: (_port, _size, value) => this.#writeFastA20(value) },
        1,
      ),
      0x92,
      0x92,
    );
    ports.claim(
      ports.add(
        {
          readPort: (port, size) => this.#readPciAddress(port, size),
          writePort: (port, size, value) => this.#writePciAddress(port, size, value),
        },
        4,
      ),
      0xcf8,
      0xcfb,
    );
  }

  /** System control port A: bit 1 is A20, a rising bit 0 resets. The A20 gate is shared with the keyboard controller; the last writer wins. */
  #writeFastA20(value: number): void {
    this.#setA20((value & 2) !== 0);
    if (value & 1) this.#lines.requestReset("port 0x92");
  }

  /** 0xCF8 is the PCI address as a double word; as a byte, 0xCF9 is the PIIX3's reset control. */
  #readPciAddress(port: number, size: 1 | 2 | 4): number {
    if (size === 4) return this.#pci.addressPort.readPort(port, size);
    if (size === 1 && port === 0xcf9) return this.#resetControl;
    return size === 1 ? 0xff : 0xffff;
  }

  #writePciAddress(port: number, size: 1 | 2 | 4, value: number): void {
    if (size === 4) {
      this.#pci.addressPort.writePort(port, size, value);
    } else if (size === 1 && port === 0xcf9) {
      const rises = (value & ~this.#resetControl & 4) !== 0;
      this.#resetControl = value & 6;
      if (rises) this.#lines.requestReset("port 0xCF9");
    }
  }
}
