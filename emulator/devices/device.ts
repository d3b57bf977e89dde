/** Contracts between the board's devices, the event queue and the processor. Time is guest nanoseconds (a `number`, exact below 2^53). */

/** What a device needs of the world. Nothing here reads the host's clock. */
export interface Timebase {
  /** Guest time in nanoseconds at the running instruction. */
  now(): number;
  /** Calls `fire` when guest time reaches `at` (at once at the next instruction boundary if that has passed); replaces an earlier time of the same timer. */
  schedule(timer: Timer, at: number): void;
  cancel(timer: Timer): void;
  /** Makes a timer known before its first use, so that a saved deadline finds its owner; a device does so once, when it is built. */
  register(timer: Timer): void;
}

/** A timer belongs to one device and has a stable id, so that snapshots and ties are deterministic. */
export interface Timer {
  readonly id: string;
  fire(now: number): void;
}

/** An interrupt line into a controller. */
export type SetLine = (level: boolean) => void;

/** State of a device as plain data (numbers, strings, booleans, arrays, typed arrays, nested objects). */
export type DeviceState = { readonly [key: string]: unknown };

export interface Device {
  readonly name: string;
  /** Power-on or hard reset. */
  reset(): void;
  save(): DeviceState;
  restore(state: DeviceState): void;
}

export interface PortHandler {
  readPort(port: number, size: 1 | 2 | 4): number;
  writePort(port: number, size: 1 | 2 | 4, value: number): void;
  /**
   * Guest time up to which reading the byte just read from `port` again gives the same, if the guest uses no device
   * meanwhile and no timer fires; 0 when that is not known. Such reads may then never arrive.
   */
  steadyUntil?(port: number): number;
  /**
   * REP INS: fills whole elements of `size` bytes from the start of `into`, as so many `readPort` calls in a row would
   * return, as far as nothing else comes of them: no interrupt, nothing that depends on time. Returns how many elements
   * that were; the next one then comes by `readPort`. `insDestination()` is that of the first byte.
   */
  readBlock?(port: number, size: 1 | 2 | 4, into: Uint8Array): number;
  /** REP OUTS: the same for `writePort`. */
  writeBlock?(port: number, size: 1 | 2 | 4, from: Uint8Array): number;
}

export interface MmioHandler {
  /** `offset` from the start of the region; values up to 32 bits as unsigned numbers, 8-byte accesses arrive as two of 4. */
  readMmio(offset: number, size: 1 | 2 | 4): number;
  writeMmio(offset: number, size: 1 | 2 | 4, value: number): void;
}

/** What the board may do to the processor and to memory. */
export interface CpuLines {
  /** Level of the INTR pin (8259 or local APIC has something deliverable). */
  setIntr(level: boolean): void;
  raiseNmi(): void;
  /** Ends the current run at the next instruction boundary, so that the host re-evaluates deadlines and stops. */
  attention(): void;
  /** INIT/reset requested by the guest. */
  requestReset(cause: string): void;
  requestPowerOff(): void;
  setA20(enabled: boolean): void;
  /** Memory behind the RAM that is not part of it: firmware, expansion ROMs, video memory (board/memory-map.ts). */
  readonly extra: Uint8Array;
  /**
   * Which memory answers at `bytes` (whole pages) from guest physical `physical` on: that from byte `offset` of the RAM
   * followed by `extra`. Accesses without the right arrive at `readMmio` and `writeMmio`; code may be fetched where
   * reading is allowed.
   */
  mapMemory(physical: number, bytes: number, offset: number, access: "none" | "read" | "readWrite"): void;
  /** Bus masters: only RAM and video memory answer; bytes elsewhere are 0xff, writes there are lost. A20 does not matter. */
  dmaRead(physical: number, into: Uint8Array): void;
  dmaWrite(physical: number, bytes: Uint8Array): void;
  /**
   * While `readPort` runs for INS (a drive's data read by PIO): guest physical address that the value goes to; -1 when
   * the value goes to a register.
   */
  insDestination(): number;
}

/** Bytes that a drive put into guest memory, as one run. */
export interface DiskTransfer {
  /** Index of the drive in the machine's configuration. */
  drive: number;
  /** First byte in the image; a multiple of the sector size for all but PIO. */
  offset: number;
  /** Guest physical address of the first byte. */
  physical: number;
  bytes: number;
  by: "pio" | "dma" | "virtio";
}
