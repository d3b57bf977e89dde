import { AcpiPm } from "../devices/acpi-pm.ts";
import type { CpuLines, Device, DeviceState, DiskTransfer, MmioHandler } from "../devices/device.ts";
import { DmaController } from "../devices/dma-controller.ts";
import type { EventQueue } from "../devices/event-queue.ts";
import type { FwCfg } from "../devices/fw-cfg.ts";
import { Hpet } from "../devices/hpet.ts";
import { KeyboardController } from "../devices/i8042.ts";
import { PiixIde } from "../devices/ide/piix-ide.ts";
import { IoApic } from "../devices/io-apic.ts";
import { LocalApic } from "../devices/local-apic.ts";
import { PciBus } from "../devices/pci.ts";
import { PicPair } from "../devices/pic.ts";
import { Pit } from "../devices/pit.ts";
import { Rtc } from "../devices/rtc.ts";
import { SmbusHost } from "../devices/smbus.ts";
import { SystemControl } from "../devices/system-control.ts";
import { Uart } from "../devices/uart.ts";
import { VirtioBlk } from "../devices/virtio/virtio-blk.ts";
import { VirtioConsole } from "../devices/virtio/virtio-console.ts";
import { Vga } from "../devices/vga/vga.ts";
import type { Drive } from "../disks/disk-image.ts";
import type { Screen } from "../machine/api.ts";
import {
  CHIPSET,
  HOST_DEVFN,
  ISA_DEVFN,
  PIRQ_ROUTES,
  PM_BASE,
  PM_DEVFN,
  PM_MISC,
  SMBUS_BASE,
  SMBUS_CONTROL,
} from "./chipset.ts";
import { diskCmos } from "./cmos.ts";
import { firmwareConfig, type BoardFirmware } from "./firmware-config.ts";
import { placeDrives } from "./drive-places.ts";
import { configureAsFirmware, ELCR_HIGH } from "./firmware-state.ts";
import { FirstUse } from "./first-use.ts";
import { claimFixedPorts } from "./fixed-ports.ts";
import { InterruptRouter } from "./interrupt-router.ts";
import { MmioMap } from "./mmio-map.ts";
import { PciWindows } from "./pci-windows.ts";
import { PortMap } from "./port-map.ts";
import { PAM_FIRST, ShadowMemory } from "./shadow.ts";

const IO_APIC_BASE = 0xfec0_0000;
const HPET_BASE = 0xfed0_0000;
const HPET_BYTES = 0x400;
const PAGE = 0x1000;
const PM_PORT_COUNT = 64;
const SMBUS_PORT_COUNT = 16;
/** RAM beyond this continues at 4 GiB (for the sizes in CMOS). */
const LOW_RAM_LIMIT = 0xc000_0000;
const IRQ_PIT = 0;
const IRQ_KEYBOARD = 1;
const IRQ_RTC = 8;
const IRQ_SCI = 9;
const IRQ_MOUSE = 12;
const IRQ_FPU = 13;
/** Number of the virtio console among the serial ports. */
const VIRTIO_CONSOLE = 2;
/** Of the first IDE channel; the second's is the next. */
const IRQ_IDE = 14;

export interface BoardOptions {
  /** RAM in bytes. */
  memoryBytes: number;
  /** Wall time of the clock at power-on, seconds since 1970. */
  rtcTime: number;
  lines: CpuLines;
  /** The machine's deadlines; must call `lines.attention()` on an earlier one (its second argument). */
  queue: EventQueue;
  /** A byte sent by COM1 (port 0), COM2 (port 1) or the virtio console (port 2). */
  serialOutput(port: number, byte: number): void;
  /** A byte written to debug port 0x402 or 0xE9. */
  debugOutput(byte: number): void;
  /** What runs from the reset vector on; without it the board comes up as firmware would leave it for a kernel. */
  firmware?: BoardFirmware;
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
 * QEMU's `pc` board: i440FX, PIIX3, PIIX4 power management. All devices, how they are wired to each other and to the processor,
 * and who answers which port and physical address (docs/devices.md). Without firmware it comes up in the state in which firmware
 * leaves it for a kernel.
 */
export class Board {
  readonly #lines: CpuLines;
  readonly #queue: EventQueue;
  readonly #hasFirmware: boolean;
  readonly #firstUse: FirstUse;
  readonly #ports: PortMap;
  readonly #memory: MmioMap;
  readonly #windows: PciWindows;
  readonly #shadow: ShadowMemory;
  readonly #router: InterruptRouter;
  readonly #control: SystemControl;
  readonly #pic = new PicPair(() => this.#updateIntr());
  readonly #localApic: LocalApic;
  /** The local APIC, or its stand-in until its first use. */
  #apicPage!: MmioHandler;
  readonly #ioApic: IoApic;
  readonly #hpet: Hpet;
  readonly #pit: Pit;
  readonly #rtc: Rtc;
  readonly #pm: AcpiPm;
  readonly #smbus = new SmbusHost();
  readonly #keyboard: KeyboardController;
  readonly #uarts: readonly [Uart, Uart];
  readonly #dma = new DmaController();
  readonly #pci: PciBus;
  readonly #vga: Vga;
  readonly #console: VirtioConsole;
  readonly #fwCfg: FwCfg | undefined;
  readonly #devices: readonly Device[];
  /** Levels of the PIT's and the clock's own outputs, which the HPET may replace. */
  #pitLevel = false;
  #rtcLevel = false;
  #intr = false;

  constructor(options: BoardOptions) {
    const { lines, queue, memoryBytes } = options;
    this.#lines = lines;
    this.#queue = queue;
    this.#hasFirmware = options.firmware !== undefined;
    const unclaimed = options.unclaimed ?? ((): void => undefined);
    this.#firstUse = new FirstUse((name) => options.deviceUsed?.(name));
    this.#ports = new PortMap((port, write) => {
      unclaimed("port", port, write);
    });
    this.#memory = new MmioMap((physical, write) => {
      unclaimed("mmio", physical, write);
    });
    this.#router = new InterruptRouter(
      (irq, level) => {
        this.#pic.setLine(irq, level);
        // IRQ0 is input 2 of the I/O APIC.
        this.#ioApic.setLine(irq === IRQ_PIT ? 2 : irq, level);
      },
      (pirq) => this.#pci.configByte(ISA_DEVFN, PIRQ_ROUTES + pirq),
    );
    this.#control = new SystemControl(lines);
    this.#localApic = new LocalApic(queue, {
      changed: () => this.#updateIntr(),
      broadcastEoi: (vector) => this.#ioApic.endOfInterrupt(vector),
      raiseNmi: () => lines.raiseNmi(),
      init: () => lines.requestReset("INIT message of the local APIC"),
    });
    this.#ioApic = new IoApic(this.#localApic);
    this.#hpet = new Hpet(queue, {
      legacyChanged: () => this.#driveLegacyIrqs(),
      isaIrq: (irq, level) => this.#router.isa(irq, level),
      ioApicPin: (pin, level) => this.#ioApic.setLine(pin, level),
    });
    this.#pit = new Pit(queue, (level) => {
      this.#pitLevel = level;
      if (!this.#hpet.legacy) this.#router.isa(IRQ_PIT, level);
    });
    this.#pm = new AcpiPm(
      queue,
      (level) => this.#router.isa(IRQ_SCI, level),
      () => lines.requestPowerOff(),
    );
    const places = placeDrives(options.drives ?? []);
    if (options.firmware) this.#fwCfg = firmwareConfig(options.firmware, places.bootOrder, lines, memoryBytes);
    const lowBytes = Math.min(memoryBytes, LOW_RAM_LIMIT);
    this.#rtc = new Rtc(
      queue,
      (level) => {
        this.#rtcLevel = level;
        if (!this.#hpet.legacy) this.#router.isa(IRQ_RTC, level);
      },
      () => this.#pm.rtcAlarm(),
      options.rtcTime,
      { lowBytes, highBytes: memoryBytes - lowBytes, bytes: diskCmos(places.ide.map((place) => place?.drive)) },
    );
    this.#keyboard = new KeyboardController(queue, {
      keyboardIrq: (level) => this.#router.isa(IRQ_KEYBOARD, level),
      auxIrq: (level) => this.#router.isa(IRQ_MOUSE, level),
      setA20: (enabled) => this.#control.setA20(enabled),
      a20: () => this.#control.a20,
      reset: (cause) => lines.requestReset(cause),
    });
    const uart = (name: string, port: number, irq: number): Uart =>
      new Uart(
        name,
        queue,
        (level) => this.#router.isa(irq, level),
        (byte) => options.serialOutput(port, byte),
      );
    this.#uarts = [uart("com1", 0, 4), uart("com2", 1, 3)];
    this.#pci = new PciBus(CHIPSET, {
      changed: (devfn, offset) => this.#configChanged(devfn, offset),
      interrupt: (device, pin, level) => this.#router.pci(device, pin, level),
    });
    this.#shadow = new ShadowMemory(lines, memoryBytes, options.firmware?.bios);
    this.#windows = new PciWindows(this.#ports, this.#memory, this.#firstUse, lines, memoryBytes);

    claimFixedPorts(this.#ports, this.#firstUse, {
      pic: this.#pic,
      pit: this.#pit,
      keyboard: this.#keyboard,
      rtc: this.#rtc,
      uarts: this.#uarts,
      pm: this.#pm,
      pci: this.#pci,
      dma: this.#dma,
      control: this.#control,
      fwCfg: this.#fwCfg,
      debugOutput: (byte) => options.debugOutput(byte),
      clearFerr: () => this.#router.isa(IRQ_FPU, false),
    });
    this.#claimMemory(unclaimed);
    const pm1 = this.#firstUse.ports(this.#ports, "acpi-pm", this.#pm.pm1, 4);
    this.#vga = new Vga({
      lines,
      memoryBytes,
      now: () => queue.now(),
      ...(options.firmware?.vgaRom ? { rom: options.firmware.vgaRom } : {}),
      inTextMode: options.firmware === undefined,
      screenMode: (text) => options.screenMode?.(text),
    });
    const ide = new PiixIde(options.drives ?? [], {
      time: queue,
      lines,
      slot: this.#pci.slot(1, 1),
      irqs: [(level) => this.#router.isa(IRQ_IDE, level), (level) => this.#router.isa(IRQ_IDE + 1, level)],
      diskTransfer: (transfer) => options.diskTransfer?.(transfer),
    });
    const disks = places.virtio.map(
      ({ drive, index, slot }) =>
        new VirtioBlk({
          lines,
          slot: this.#pci.slot(slot, 0),
          device: slot,
          time: queue,
          image: drive.image,
          drive: index,
          diskTransfer: (transfer) => options.diskTransfer?.(transfer),
        }),
    );
    this.#console = new VirtioConsole({
      lines,
      slot: this.#pci.slot(places.consoleSlot, 0),
      device: places.consoleSlot,
      time: queue,
      output: (bytes) => {
        for (const byte of bytes) options.serialOutput(VIRTIO_CONSOLE, byte);
      },
    });
    const pciDevices = [ide, this.#vga, ...disks, this.#console];
    for (const device of pciDevices) this.#pci.plug(device);
    const smbus = this.#firstUse.ports(this.#ports, "smbus", this.#smbus, 1);
    this.#windows.addPorts(PM_DEVFN, smbus, SMBUS_PORT_COUNT, () => this.#smbusBase());
    this.#windows.addPorts(PM_DEVFN, pm1, PM_PORT_COUNT, () => this.#pmBase());
    for (const [devfn, fn, device] of this.#pci.plugged()) this.#windows.add(devfn, fn, device);
    this.#devices = [
      this.#pic,
      this.#ioApic,
      this.#localApic,
      this.#hpet,
      this.#pit,
      this.#rtc,
      this.#pm,
      this.#smbus,
      this.#keyboard,
      ...this.#uarts,
      this.#dma,
      this.#control,
      ...(this.#fwCfg ? [this.#fwCfg] : []),
      this.#pci,
      ...pciDevices,
    ];
    this.reset();
  }

  /** Hard reset: every device as after power-on; the clock and its CMOS RAM go on. */
  reset(): void {
    this.#router.reset();
    for (const device of this.#devices) device.reset();
    this.#applyConfiguration();
    if (!this.#hasFirmware) {
      configureAsFirmware(this.#pci);
      this.#pic.writePort(0x4d1, 1, ELCR_HIGH);
    }
    this.#firstUse.reset();
    this.#updateIntr();
  }

  save(): DeviceState {
    const state: Record<string, unknown> = {
      pitLevel: this.#pitLevel,
      rtcLevel: this.#rtcLevel,
      router: this.#router.save(),
      used: this.#firstUse.save(),
      timers: this.#queue.save(),
    };
    for (const device of this.#devices) state[device.name] = device.save();
    return state;
  }

  /** State of one device by name; undefined when there is none of that name. */
  device(name: string): DeviceState | undefined {
    return this.#devices.find((device) => device.name === name)?.save();
  }

  get deviceNames(): readonly string[] {
    return this.#devices.map(({ name }) => name);
  }

  restore(state: DeviceState): void {
    for (const device of this.#devices) device.restore(state[device.name] as DeviceState);
    this.#router.restore(state["router"] as DeviceState);
    this.#firstUse.restore(state["used"] as string[]);
    this.#pitLevel = state["pitLevel"] as boolean;
    this.#rtcLevel = state["rtcLevel"] as boolean;
    this.#applyConfiguration();
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

  /** Up to when reads of a byte port give what the last one gave (PortHandler), 0 when nobody knows. */
  portSteadyUntil(port: number): number {
    return this.#ports.steadyUntil(port);
  }

  /** A part of REP INS or OUTS (PortHandler): how many elements were transferred. */
  readPortBlock(port: number, size: 1 | 2 | 4, into: Uint8Array): number {
    return this.#ports.readBlock(port, size, into);
  }

  writePortBlock(port: number, size: 1 | 2 | 4, from: Uint8Array): number {
    return this.#ports.writeBlock(port, size, from);
  }

  /** A physical address that is no memory; all ones where nobody answers. */
  readMmio(physical: number, size: 1 | 2 | 4): number {
    const apic = physical - this.#localApic.base;
    if (apic >= 0 && apic < PAGE && this.#localApic.enabled) return this.#apicPage.readMmio(apic, size);
    return this.#memory.read(physical, size);
  }

  writeMmio(physical: number, size: 1 | 2 | 4, value: number): void {
    const apic = physical - this.#localApic.base;
    if (apic >= 0 && apic < PAGE && this.#localApic.enabled) this.#apicPage.writeMmio(apic, size, value);
    else this.#memory.write(physical, size, value);
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

  /**
   * Bytes typed at COM1 (0), COM2 (1) or the virtio console (2); returns how many were accepted. They wait until the guest
   * can take them.
   */
  serialInput(port: number, bytes: Uint8Array): number {
    const target = port === VIRTIO_CONSOLE ? this.#console : this.#uarts[port];
    if (!target) {
      throw new RangeError(`There is no serial port ${port}; expected 0 (COM1), 1 (COM2) or 2 (virtio console).`);
    }
    return target.input(bytes);
  }

  /** Scan codes (set 2) of the PS/2 keyboard. */
  keyboardInput(codes: readonly number[]): void {
    this.#keyboard.press(codes);
  }

  /** Movement in counts (right and down are positive) and buttons (bit 0 left, 1 right, 2 middle). */
  mouseInput(dx: number, dy: number, wheel: number, buttons: number): void {
    this.#keyboard.move(dx, dy, wheel, buttons);
  }

  /** What the screen shows. */
  screen(): Screen {
    return this.#vga.screen();
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
    this.#router.isa(IRQ_FPU, true);
  }

  /** After the HPET took over IRQ0 and IRQ8 or gave them back. */
  #driveLegacyIrqs(): void {
    const own = !this.#hpet.legacy;
    this.#router.isa(IRQ_PIT, own && this.#pitLevel);
    this.#router.isa(IRQ_RTC, own && this.#rtcLevel);
  }

  #updateIntr(): void {
    const level = this.hasInterrupt;
    if (level === this.#intr) return;
    this.#intr = level;
    this.#lines.setIntr(level);
  }

  #configChanged(devfn: number, offset: number): void {
    if (devfn === HOST_DEVFN && (offset === 0x58 || offset === 0x5c)) this.#applyShadow();
    else if (devfn === ISA_DEVFN && offset === PIRQ_ROUTES) this.#router.update();
    this.#windows.update(devfn);
  }

  /** Brings everything that follows from configuration space to what it says. */
  #applyConfiguration(): void {
    this.#applyShadow();
    this.#router.update();
    this.#windows.update();
  }

  #applyShadow(): void {
    this.#shadow.apply((register) => this.#pci.configByte(HOST_DEVFN, PAM_FIRST + register));
  }

  /** Where the PIIX4 decodes the PM1 block; -1 for nowhere. */
  #pmBase(): number {
    if (!(this.#pci.configByte(PM_DEVFN, PM_MISC) & 1)) return -1;
    return (this.#pci.configByte(PM_DEVFN, PM_BASE) & 0xc0) | (this.#pci.configByte(PM_DEVFN, PM_BASE + 1) << 8);
  }

  #smbusBase(): number {
    if (!(this.#pci.configByte(PM_DEVFN, SMBUS_CONTROL) & 1)) return -1;
    return (this.#pci.configByte(PM_DEVFN, SMBUS_BASE) & 0xf0) | (this.#pci.configByte(PM_DEVFN, SMBUS_BASE + 1) << 8);
  }

  /** The devices in memory at addresses that never move. */
  #claimMemory(unclaimed: (space: "mmio", address: number, write: boolean) => void): void {
    const memory = this.#memory;
    this.#firstUse.registers("local-apic", this.#localApic, (handler) => (this.#apicPage = handler));
    memory.claim(this.#firstUse.memory(memory, "io-apic", this.#ioApic), IO_APIC_BASE, PAGE);
    const hpet: MmioHandler = {
      readMmio: (offset, size) => {
        if (offset < HPET_BYTES) return this.#hpet.readMmio(offset, size);
        unclaimed("mmio", HPET_BASE + offset, false);
        return size === 4 ? 0xffff_ffff : size === 2 ? 0xffff : 0xff;
      },
      writeMmio: (offset, size, value) => {
        if (offset < HPET_BYTES) this.#hpet.writeMmio(offset, size, value);
        else unclaimed("mmio", HPET_BASE + offset, true);
      },
    };
    memory.claim(this.#firstUse.memory(memory, "hpet", hpet), HPET_BASE, PAGE);
    memory.claim(memory.add(this.#shadow), 0xc_0000, 0x4_0000);
  }
}
