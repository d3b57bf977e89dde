/** A VGA adapter without a board, for its tests. */
import { Extra } from "../../board/memory-map.ts";
import type { CpuLines } from "../device.ts";
import { Vga } from "./vga.ts";

export const MEMORY_BYTES = 16 << 20;
const WINDOW = 0xa0000;

export interface VgaBench {
  vga: Vga;
  vram: Uint8Array;
  /** Guest time, to be set. */
  clock: { now: number };
  /** What was mapped at the window, and which modes were shown. */
  log: string[];
  out: (port: number, ...values: number[]) => void;
  in: (port: number) => number;
  /** A register behind an index port. */
  set: (port: number, index: number, value: number) => void;
  get: (port: number, index: number) => number;
  vbe: (index: number, value: number) => void;
  readVbe: (index: number) => number;
  /** Window accesses by physical address. */
  poke: (physical: number, value: number, size?: 1 | 2 | 4) => void;
  peek: (physical: number, size?: 1 | 2 | 4) => number;
}

export function vgaBench(options: { inTextMode?: boolean } = {}): VgaBench {
  const log: string[] = [];
  const extra = new Uint8Array(Extra.SIZE);
  const nothing = (): void => undefined;
  const lines: CpuLines = {
    setIntr: nothing,
    raiseNmi: nothing,
    attention: nothing,
    requestReset: nothing,
    requestPowerOff: nothing,
    setA20: nothing,
    extra,
    mapMemory: (physical, bytes, offset, access) =>
      log.push(`${access} ${physical.toString(16)}+${bytes.toString(16)} ${offset.toString(16)}`),
    dmaRead: nothing,
    dmaWrite: nothing,
    insDestination: () => -1,
  };
  const clock = { now: 0 };
  const vga = new Vga({
    lines,
    memoryBytes: MEMORY_BYTES,
    now: () => clock.now,
    inTextMode: options.inTextMode ?? false,
    screenMode: (text) => log.push(text),
  });
  const [registers, vbe] = vga.fixedPorts;
  const [window] = vga.fixedMemory;
  if (!registers || !vbe || !window) throw new Error("The adapter decodes neither ports nor memory.");
  vga.reset();
  log.length = 0;
  const bench: VgaBench = {
    vga,
    vram: extra.subarray(Extra.VRAM, Extra.VRAM + Extra.VRAM_SIZE),
    clock,
    log,
    out: (port, ...values) => {
      for (const value of values) registers.handler.writePort(port, 1, value);
    },
    in: (port) => registers.handler.readPort(port, 1),
    set: (port, index, value) => {
      bench.out(port, index);
      bench.out(port + 1, value);
    },
    get: (port, index) => {
      bench.out(port, index);
      return bench.in(port + 1);
    },
    vbe: (index, value) => {
      vbe.handler.writePort(0x1ce, 2, index);
      vbe.handler.writePort(0x1cf, 2, value);
    },
    readVbe: (index) => {
      vbe.handler.writePort(0x1ce, 2, index);
      return vbe.handler.readPort(0x1cf, 2);
    },
    poke: (physical, value, size = 1) => window.handler.writeMmio(physical - WINDOW, size, value),
    peek: (physical, size = 1) => window.handler.readMmio(physical - WINDOW, size),
  };
  return bench;
}
