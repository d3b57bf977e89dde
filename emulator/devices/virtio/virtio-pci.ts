import type { CpuLines, DeviceState, MmioHandler, PortHandler } from "../device.ts";
import type { PciBar, PciDevice, PciFunctionDescription, PciSlot } from "../pci.ts";
import { GuestMemory } from "./guest-memory.ts";
import { QueueError, VirtQueue } from "./virt-queue.ts";

const VENDOR = 0x1af4;
/** Device status. */
const DRIVER_OK = 0x04;
const FEATURES_OK = 0x08;
const NEEDS_RESET = 0x40;
/** Interrupt status. */
const ISR_QUEUE = 1;
const ISR_CONFIG = 2;

const FEATURE_ANY_LAYOUT = 27;
const FEATURE_INDIRECT = 28;
const FEATURE_EVENT_INDEX = 29;
/** Bit 0 of the second word. */
const FEATURE_VERSION_1 = 1;
const NO_VECTOR = 0xffff;

const LEGACY_BAR = 0;
const LEGACY_BYTES = 128;
const MODERN_BAR = 4;
const MODERN_BYTES = 0x4000;
/** Parts of the memory range, a page each. */
const COMMON = 0x0000;
const ISR = 0x1000;
const CONFIG = 0x2000;
const NOTIFY = 0x3000;
const PAGE = 0x1000;
const NOTIFY_MULTIPLIER = 4;

/** Where the capabilities lie in configuration space; the last one gives access to the ranges from there. */
const CAPABILITIES = 0x40;
const CONFIG_ACCESS = 0x90;
const ACCESS_BAR = CONFIG_ACCESS + 4;
const ACCESS_OFFSET = CONFIG_ACCESS + 8;
const ACCESS_LENGTH = CONFIG_ACCESS + 12;
const ACCESS_DATA = CONFIG_ACCESS + 16;

export interface VirtioOptions {
  readonly lines: Pick<CpuLines, "dmaRead" | "dmaWrite">;
  readonly slot: PciSlot;
  /** Device number on the bus. */
  readonly device: number;
}

interface VirtioKind {
  name: string;
  /** Device type (VIRTIO 1.1, chapter 5). */
  type: number;
  /** Transitional PCI device id. */
  deviceId: number;
  classCode: number;
  /** Feature bits of the first word, besides those of the queues. */
  features: number;
  queueSizes: readonly number[];
}

/** [type, offset, length] of the capabilities that name parts of the memory range, in their order. */
const PARTS: readonly (readonly [number, number, number])[] = [
  [1, COMMON, PAGE],
  [3, ISR, PAGE],
  [4, CONFIG, PAGE],
  [2, NOTIFY, PAGE],
];

type Registers = PciFunctionDescription["registers"];

/** Virtio's vendor capabilities (VIRTIO 1.1, section 4.1.4): 20 bytes each. */
function capabilities(): Registers {
  const registers: [number, number, number, 1 | 2 | 4][] = [
    [0x06, 0x0010, 0, 2],
    [0x34, CAPABILITIES, 0, 1],
  ];
  const add = (at: number, type: number, bar: number, offset: number, length: number, last: boolean): void => {
    registers.push([at, 0x09 | ((last ? 0 : at + 20) << 8) | (20 << 16) | (type << 24), 0, 4]);
    registers.push([at + 4, bar, 0, 4], [at + 8, offset, 0, 4], [at + 12, length, 0, 4]);
  };
  PARTS.forEach(([type, offset, length], i) => add(CAPABILITIES + i * 20, type, MODERN_BAR, offset, length, false));
  registers.push([CAPABILITIES + 3 * 20 + 16, NOTIFY_MULTIPLIER, 0, 4]);
  add(CONFIG_ACCESS, 5, 0, 0, 0, true);
  registers.push(
    [ACCESS_BAR, 0, 0xff, 1],
    [ACCESS_OFFSET, 0, -1, 4],
    [ACCESS_LENGTH, 0, -1, 4],
    [ACCESS_DATA, 0, -1, 4],
  );
  return registers;
}

function powerOn() {
  return {
    status: 0,
    isr: 0,
    featureSelect: 0,
    driverFeatureSelect: 0,
    driverFeatures: [0, 0],
    queueSelect: 0,
  };
}

/**
 * A transitional virtio device on PCI (VIRTIO 1.1, section 4.1): ports for old drivers, memory for new ones, INTx. It has no
 * MSI-X, so drivers use the pin.
 */
export abstract class VirtioPci implements PciDevice {
  readonly name: string;
  readonly pci: PciFunctionDescription;
  readonly bars: readonly (PciBar | undefined)[];
  protected readonly memory: GuestMemory;
  protected readonly queues: readonly VirtQueue[];
  readonly #slot: PciSlot;
  readonly #features: readonly [number, number];
  #state = powerOn();

  constructor(kind: VirtioKind, options: VirtioOptions) {
    this.name = kind.name;
    this.#slot = options.slot;
    this.memory = new GuestMemory(options.lines, () => this.#slot.busMaster);
    this.queues = kind.queueSizes.map((size) => new VirtQueue(this.memory, size));
    const rings = (1 << FEATURE_ANY_LAYOUT) | (1 << FEATURE_INDIRECT) | (1 << FEATURE_EVENT_INDEX);
    this.#features = [(kind.features | rings) >>> 0, FEATURE_VERSION_1];
    this.pci = {
      device: options.device,
      function: 0,
      vendorId: VENDOR,
      deviceId: kind.deviceId,
      revision: 0,
      classCode: kind.classCode,
      headerType: 0,
      registers: [[0x2c, VENDOR, 0, 2], [0x2e, kind.type, 0, 2], [0x3d, 1, 0, 1], ...capabilities()],
    };
    this.bars = [
      { kind: "io", bytes: LEGACY_BYTES, width: 4, handler: this.#legacy },
      undefined,
      undefined,
      undefined,
      { kind: "mmio", bytes: MODERN_BYTES, prefetchable: false, handler: this.#modern },
    ];
  }

  /** The device's configuration, as the driver reads it. */
  protected abstract readonly configuration: Uint8Array;
  /** The driver has put something into a queue. */
  protected abstract notified(queue: number): void;
  protected abstract resetDevice(): void;
  protected abstract saveDevice(): DeviceState;
  protected abstract restoreDevice(state: DeviceState): void;
  /** The driver has written the configuration. */
  protected configurationWritten?(offset: number, value: number): void;

  reset(): void {
    this.#state = powerOn();
    for (const queue of this.queues) queue.reset();
    this.resetDevice();
    this.#slot.setInterrupt(false);
  }

  save(): DeviceState {
    return {
      transport: structuredClone(this.#state),
      queues: this.queues.map((queue) => queue.save()),
      device: this.saveDevice(),
    };
  }

  restore(state: DeviceState): void {
    this.#state = structuredClone(state["transport"]) as ReturnType<typeof powerOn>;
    (state["queues"] as DeviceState[]).forEach((one, index) => this.queues[index]?.restore(one));
    this.restoreDevice(state["device"] as DeviceState);
  }

  /** Configuration reads through the access capability. */
  readConfig(offset: number, size: 1 | 2 | 4): number | undefined {
    if (offset < ACCESS_DATA || offset >= ACCESS_DATA + 4) return undefined;
    const window = this.#window();
    if (!window) return 0;
    const value =
      window.bar === LEGACY_BAR
        ? this.#legacy.readPort(window.offset, window.size)
        : this.#modern.readMmio(window.offset, window.size);
    const shifted = value >>> (8 * (offset - ACCESS_DATA));
    return size === 4 ? shifted : shifted & (size === 2 ? 0xffff : 0xff);
  }

  configWritten(offset: number): void {
    if (offset < ACCESS_DATA || offset >= ACCESS_DATA + 4) return;
    const window = this.#window();
    if (!window) return;
    const data = this.#configDword(ACCESS_DATA);
    const value = window.size === 4 ? data : data & (window.size === 2 ? 0xffff : 0xff);
    if (window.bar === LEGACY_BAR) this.#legacy.writePort(window.offset, window.size, value);
    else this.#modern.writeMmio(window.offset, window.size, value);
  }

  /** Whether the device may use a queue: set up, and the driver ready (old drivers are ready with the queue). */
  protected ready(queue: number): boolean {
    const { status } = this.#state;
    const started = (status & DRIVER_OK) !== 0 || (status & FEATURES_OK) === 0;
    return started && (status & NEEDS_RESET) === 0 && this.queues[queue]?.enabled === true;
  }

  /** Gives a chain back and interrupts when the driver wants that. */
  protected complete(queue: VirtQueue, head: number, written: number): void {
    queue.push(head, written);
    if (queue.wantsInterrupt(this.#eventIndices)) this.#interrupt(ISR_QUEUE);
  }

  /** Before waiting for a notification: false when something has come already. */
  protected idle(queue: VirtQueue): boolean {
    if (this.#eventIndices) queue.awaitNotification();
    return !queue.waiting();
  }

  /** Runs what reads a queue; a driver that breaks the rules stops the device until it resets it. */
  protected guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof QueueError)) throw error;
      this.#state.status |= NEEDS_RESET;
      if (this.#state.status & DRIVER_OK) this.#interrupt(ISR_CONFIG);
    }
  }

  get #eventIndices(): boolean {
    return (((this.#state.driverFeatures[0] ?? 0) >>> FEATURE_EVENT_INDEX) & 1) !== 0;
  }

  #interrupt(bit: number): void {
    this.#state.isr |= bit;
    this.#slot.setInterrupt(true);
  }

  /** Reading the interrupt status acknowledges it. */
  #readIsr(): number {
    const { isr } = this.#state;
    this.#state.isr = 0;
    this.#slot.setInterrupt(false);
    return isr;
  }

  #notify(queue: number): void {
    if (this.ready(queue)) this.notified(queue);
  }

  #setStatus(value: number): void {
    if (value === 0) {
      this.reset();
      return;
    }
    const state = this.#state;
    let status = value | (state.status & NEEDS_RESET);
    // Features that were not offered, or a modern driver that is none.
    const [low = 0, high = 0] = state.driverFeatures;
    const [offeredLow, offeredHigh] = this.#features;
    if (low & ~offeredLow || high & ~offeredHigh || !(high & FEATURE_VERSION_1)) status &= ~FEATURES_OK;
    state.status = status;
  }

  #configByte(offset: number): number {
    return this.configuration[offset] ?? 0;
  }

  #readConfiguration(offset: number, size: 1 | 2 | 4): number {
    let value = 0;
    for (let i = 0; i < size; i++) value |= this.#configByte(offset + i) << (8 * i);
    return value >>> 0;
  }

  /** Registers of drivers before VIRTIO 1.0 (section 4.1.4.8). */
  readonly #legacy: PortHandler = {
    readPort: (port, size) => {
      const state = this.#state;
      const queue = this.queues[state.queueSelect];
      switch (port) {
        case 0:
          return this.#features[0];
        case 4:
          return (state.driverFeatures[0] ?? 0) >>> 0;
        case 8:
          return queue?.page ?? 0;
        case 12:
          return queue?.size ?? 0;
        case 14:
          return state.queueSelect;
        case 18:
          return state.status;
        case 19:
          return this.#readIsr();
        default:
          return port >= 20 ? this.#readConfiguration(port - 20, size) : 0;
      }
    },
    writePort: (port, _size, value) => {
      const state = this.#state;
      switch (port) {
        case 4:
          state.driverFeatures[0] = (value & this.#features[0]) >>> 0;
          return;
        case 8: {
          const queue = this.queues[state.queueSelect];
          if (queue) queue.page = value;
          return;
        }
        case 14:
          state.queueSelect = value & 0xffff;
          return;
        case 16:
          this.#notify(value & 0xffff);
          return;
        case 18:
          this.#setStatus(value & 0xff);
          return;
        default:
          if (port >= 20) this.configurationWritten?.(port - 20, value);
      }
    },
  };

  readonly #modern: MmioHandler = {
    readMmio: (offset, size) => {
      if (offset < ISR) {
        const field = this.#readCommon(offset & ~3) >>> (8 * (offset & 3));
        return size === 4 ? field : field & (size === 2 ? 0xffff : 0xff);
      }
      if (offset < CONFIG) return offset === ISR ? this.#readIsr() : 0;
      return offset < NOTIFY ? this.#readConfiguration(offset - CONFIG, size) : 0;
    },
    writeMmio: (offset, _size, value) => {
      if (offset < ISR) this.#writeCommon(offset, value);
      else if (offset >= NOTIFY) this.#notify((offset - NOTIFY) / NOTIFY_MULTIPLIER);
      else if (offset >= CONFIG) this.configurationWritten?.(offset - CONFIG, value);
    },
  };

  /** A double word of the common configuration (section 4.1.4.3). */
  #readCommon(offset: number): number {
    const state = this.#state;
    const queue = this.queues[state.queueSelect];
    switch (offset) {
      case 0:
        return state.featureSelect;
      case 4:
        return this.#features[state.featureSelect] ?? 0;
      case 8:
        return state.driverFeatureSelect;
      case 12:
        return state.driverFeatures[state.driverFeatureSelect] ?? 0;
      case 16:
        return NO_VECTOR + this.queues.length * 0x1_0000;
      case 20:
        // The configuration never changes: its generation stays 0.
        return state.status + state.queueSelect * 0x1_0000;
      case 24:
        return (queue?.size ?? 0) + NO_VECTOR * 0x1_0000;
      case 28:
        return (queue?.enabled ? 1 : 0) + (queue ? state.queueSelect : 0) * 0x1_0000;
      default:
        return offset >= 32 && offset < 56 ? (queue?.addressHalf((offset - 32) / 4) ?? 0) : 0;
    }
  }

  #writeCommon(offset: number, value: number): void {
    const state = this.#state;
    const queue = this.queues[state.queueSelect];
    switch (offset) {
      case 0:
        state.featureSelect = value;
        return;
      case 8:
        state.driverFeatureSelect = value;
        return;
      case 12:
        if (state.driverFeatureSelect < 2 && !(state.status & FEATURES_OK)) {
          state.driverFeatures[state.driverFeatureSelect] = value;
        }
        return;
      case 20:
        this.#setStatus(value & 0xff);
        return;
      case 22:
        state.queueSelect = value & 0xffff;
        return;
      case 24:
        if (queue) queue.size = value & 0xffff;
        return;
      case 28:
        if (value & 1) queue?.enable();
        return;
      default:
        if (offset >= 32 && offset < 56 && offset % 4 === 0) queue?.setAddressHalf((offset - 32) / 4, value);
    }
  }

  /** What the access capability points at, when that is a range and an aligned access of ours. */
  #window(): { bar: number; offset: number; size: 1 | 2 | 4 } | undefined {
    const bar = this.#slot.configByte(ACCESS_BAR);
    const offset = this.#configDword(ACCESS_OFFSET);
    const size = this.#configDword(ACCESS_LENGTH);
    if ((size !== 1 && size !== 2 && size !== 4) || offset % size !== 0) return undefined;
    const bytes = bar === LEGACY_BAR ? LEGACY_BYTES : bar === MODERN_BAR ? MODERN_BYTES : 0;
    return offset < bytes ? { bar, offset, size } : undefined;
  }

  #configDword(offset: number): number {
    let value = 0;
    for (let i = 0; i < 4; i++) value |= this.#slot.configByte(offset + i) << (8 * i);
    return value >>> 0;
  }
}
