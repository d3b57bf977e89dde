import { Extra } from "../../board/memory-map.ts";
import type { Screen } from "../../machine/api.ts";
import type { CpuLines, DeviceState, MmioHandler, PortHandler } from "../device.ts";
import type { FixedMemory, FixedPorts, PciBar, PciDevice, PciFunctionDescription } from "../pci.ts";
import { edid } from "./edid.ts";
import { MemoryWindow } from "./memory-window.ts";
import { currentMode, describeMode } from "./mode.ts";
import { Change, VgaRegisters } from "./registers.ts";
import { retraceBits } from "./retrace.ts";
import { scanOut } from "./scanout.ts";
import { powerOnState, Vbe, type VgaState } from "./state.ts";
import { enterTextMode } from "./text-mode.ts";
import { readVbe, writeVbe } from "./vbe.ts";

const WINDOW_BASE = 0xa0000;
const WINDOW_BYTES = 0x20000;
const REGISTER_BYTES = 0x1000;
/** What lies where in the register BAR (QEMU docs/specs/standard-vga.txt). */
const VGA_PORTS = 0x400;
const VBE_REGISTERS = 0x500;
const EXTENSION = 0x600;
/** Size of the extension's registers, and the frame buffer's byte order: little endian. */
const EXTENSION_BYTES = 8;
const LITTLE_ENDIAN = 0x1e1e1e1e;

export interface VgaOptions {
  lines: CpuLines;
  /** RAM in bytes: `CpuLines.extra` lies behind it. */
  memoryBytes: number;
  /** Guest time in nanoseconds. */
  now(): number;
  /** The adapter's BIOS. */
  rom?: Uint8Array;
  /** Comes up in text mode, as its BIOS would leave it; else blank, as after power-on. */
  inTextMode: boolean;
  /** What the screen shows changed: "text 80×25", "640×480, 16 colours", "1024×768, 32 bits". */
  screenMode(text: string): void;
}

/**
 * A VGA adapter with the Bochs display interface, as QEMU's "stdvga" (PCI 1234:1111): 16 MiB of video memory behind BAR0,
 * the registers once more behind BAR2, and everything that IBM's VGA answers at (docs/screen.md).
 */
export class Vga implements PciDevice {
  readonly name = "vga";
  readonly pci: PciFunctionDescription = {
    device: 2,
    function: 0,
    vendorId: 0x1234,
    deviceId: 0x1111,
    revision: 2,
    classCode: 0x03_0000,
    headerType: 0,
    registers: [],
  };
  readonly bars: readonly (PciBar | undefined)[];
  readonly rom?: Uint8Array;
  readonly fixedPorts: readonly FixedPorts[];
  readonly fixedMemory: readonly FixedMemory[];
  readonly #options: VgaOptions;
  readonly #vram: Uint8Array;
  readonly #window: MemoryWindow;
  readonly #edid = edid();
  #state: VgaState;
  #registers: VgaRegisters;
  /** What is mapped at the window at present: "start bytes offset", or nothing; undefined when that is not known. */
  #mapped: string | undefined;
  #shownMode = "";

  constructor(options: VgaOptions) {
    this.#options = options;
    if (options.rom) this.rom = options.rom;
    this.#vram = options.lines.extra.subarray(Extra.VRAM, Extra.VRAM + Extra.VRAM_SIZE);
    this.#window = new MemoryWindow(this.#vram);
    this.#state = powerOnState(this.#vram.length);
    this.#registers = this.#attach();
    const ports: PortHandler = {
      readPort: (port) => this.#registers.read(port),
      writePort: (port, _size, value) => this.#writeRegister(port, value),
    };
    const vbePorts: PortHandler = {
      readPort: (port, size) => (size === 1 ? 0xff : this.#readVbePort(port)),
      writePort: (port, size, value) => {
        if (size === 2) this.#writeVbePort(port, value);
      },
    };
    const window: MmioHandler = {
      readMmio: (offset, size) => this.#readWindow(offset, size),
      writeMmio: (offset, size, value) => this.#writeWindow(offset, size, value),
    };
    const registers: MmioHandler = {
      readMmio: (offset, size) => this.#readBar(offset, size),
      writeMmio: (offset, size, value) => this.#writeBar(offset, size, value),
    };
    this.bars = [
      { kind: "memory", bytes: Extra.VRAM_SIZE, prefetchable: true, offset: Extra.VRAM },
      undefined,
      { kind: "mmio", bytes: REGISTER_BYTES, prefetchable: false, handler: registers },
    ];
    this.fixedPorts = [
      { first: 0x3b0, last: 0x3df, width: 1, handler: ports },
      // The data port answers at 0x1CF and, for those who want it aligned, at 0x1D0.
      { first: 0x1ce, last: 0x1d1, width: 2, handler: vbePorts },
    ];
    this.fixedMemory = [{ physical: WINDOW_BASE, bytes: WINDOW_BYTES, handler: window }];
  }

  reset(): void {
    this.#state = powerOnState(this.#vram.length);
    this.#registers = this.#attach();
    this.#shownMode = "";
    if (this.#options.inTextMode) enterTextMode(this.#state, this.#vram);
    this.#mapped = undefined;
    this.#update(Change.BOTH);
  }

  /** All but the video memory, which is part of the machine's memory. */
  save(): DeviceState {
    return { ...structuredClone(this.#state), shownMode: this.#shownMode };
  }

  restore(saved: DeviceState): void {
    const { shownMode, ...state } = structuredClone(saved);
    this.#state = state as unknown as VgaState;
    this.#registers = this.#attach();
    this.#shownMode = shownMode as string;
    this.#mapped = undefined;
    this.#mapWindow();
  }

  screen(): Screen {
    return scanOut(this.#state, this.#vram);
  }

  #attach(): VgaRegisters {
    const state = this.#state;
    return new VgaRegisters(state, { retrace: () => retraceBits(state, this.#options.now()) });
  }

  #writeRegister(port: number, value: number): void {
    const change = this.#registers.write(port, value & 0xff);
    if (change !== Change.NONE) this.#update(change);
  }

  #update(change: Change): void {
    if (change & Change.WINDOW) this.#mapWindow();
    if (!(change & Change.MODE)) return;
    const mode = describeMode(currentMode(this.#state));
    // The screen goes off and on while a mode is set: what counts is what it shows then.
    if (mode === "" || mode === this.#shownMode) return;
    this.#shownMode = mode;
    this.#options.screenMode(mode);
  }

  /** Lets the processor at the video memory without us, where it needs no translation. */
  #mapWindow(): void {
    const { lines, memoryBytes } = this.#options;
    const direct = this.#window.direct(this.#state);
    const wanted = direct ? `${direct.start} ${direct.bytes} ${direct.offset}` : "";
    if (wanted === this.#mapped) return;
    if (this.#mapped !== "") lines.mapMemory(WINDOW_BASE, WINDOW_BYTES, 0, "none");
    this.#mapped = wanted;
    if (direct) {
      const offset = memoryBytes + Extra.VRAM + direct.offset;
      lines.mapMemory(WINDOW_BASE + direct.start, direct.bytes, offset, "readWrite");
    }
  }

  #readWindow(offset: number, size: 1 | 2 | 4): number {
    const state = this.#state;
    if (size === 1) return this.#window.read(state, offset);
    let value = 0;
    for (let byte = 0; byte < size; byte++) value |= this.#window.read(state, offset + byte) << (byte * 8);
    return value >>> 0;
  }

  #writeWindow(offset: number, size: 1 | 2 | 4, value: number): void {
    const state = this.#state;
    for (let byte = 0; byte < size; byte++) this.#window.write(state, offset + byte, (value >>> (byte * 8)) & 0xff);
  }

  #readVbePort(port: number): number {
    return port === 0x1ce ? this.#state.vbeIndex : readVbe(this.#state);
  }

  #writeVbePort(port: number, value: number): void {
    if (port === 0x1ce) this.#state.vbeIndex = value;
    else if (writeVbe(this.#state, value, this.#vram)) this.#update(Change.BOTH);
  }

  /** The register BAR: identification of the monitor, VGA's ports, the display interface, QEMU's extension. */
  #readBar(offset: number, size: 1 | 2 | 4): number {
    let value = 0;
    for (let byte = 0; byte < size; byte++) value |= this.#readBarByte(offset + byte) << (byte * 8);
    return value >>> 0;
  }

  #readBarByte(offset: number): number {
    if (offset < this.#edid.length) return this.#edid[offset] as number;
    if (offset >= VGA_PORTS && offset < VGA_PORTS + 0x20) return this.#registers.read(0x3c0 + offset - VGA_PORTS);
    const index = (offset - VBE_REGISTERS) >> 1;
    if (index >= 0 && index < (Vbe.COUNT as number)) return (this.#readVbeRegister(index) >> ((offset & 1) * 8)) & 0xff;
    if (offset >= EXTENSION && offset < EXTENSION + 4) return offset === EXTENSION ? EXTENSION_BYTES : 0;
    if (offset >= EXTENSION + 4 && offset < EXTENSION + 8) return LITTLE_ENDIAN & 0xff;
    return offset < VGA_PORTS ? 0 : 0xff;
  }

  #writeBar(offset: number, size: 1 | 2 | 4, value: number): void {
    if (offset >= VGA_PORTS && offset < VGA_PORTS + 0x20) {
      for (let byte = 0; byte < size; byte++) {
        this.#writeRegister(0x3c0 + offset + byte - VGA_PORTS, value >>> (byte * 8));
      }
      return;
    }
    const index = (offset - VBE_REGISTERS) >> 1;
    if (index < 0 || index >= (Vbe.COUNT as number) || size === 1) return;
    this.#writeVbeRegister(index, value & 0xffff);
    if (size === 4) this.#writeVbeRegister(index + 1, value >>> 16);
  }

  /** Without moving the index that the ports use. */
  #readVbeRegister(index: number): number {
    return readVbe({ ...this.#state, vbeIndex: index });
  }

  #writeVbeRegister(index: number, value: number): void {
    const before = this.#state.vbeIndex;
    this.#state.vbeIndex = index;
    this.#writeVbePort(0x1cf, value);
    this.#state.vbeIndex = before;
  }
}
