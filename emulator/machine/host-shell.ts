import type { Board } from "../board/board.ts";
import type { Core, CoreHost } from "../core/core.ts";
import { L } from "../core/layout.ts";

/** Accesses that a debugger may wait for, told as they happen. */
export interface AccessCatches {
  /** Whether an access to a port is waited for. */
  port(port: number, size: number, access: "read" | "write", value: number): boolean;
  wantsPort(port: number, size: number): boolean;
  /** An interrupt of this vector is about to be delivered. */
  interrupt(vector: number): void;
  register(kind: number, register: number, value: bigint): void;
}

/** Breaks the circle between core and board: the core calls here, the board is attached when it exists. */
export class HostShell implements CoreHost {
  core: Core | undefined;
  /** What the debugger waits for, while it waits for anything. */
  catches: AccessCatches | undefined;
  #board: Board | undefined;
  #listener: Pick<CoreHost, "codeNotify" | "bootEvent"> | undefined;

  attach(board: Board, listener: Pick<CoreHost, "codeNotify" | "bootEvent">): void {
    this.#board = board;
    this.#listener = listener;
  }
  now(): number {
    return this.core ? this.core.f64[L.NOW / 8]! : 0;
  }
  readPort(port: number, size: 1 | 2 | 4): number {
    const value = this.#board!.readPort(port, size);
    if (this.catches?.port(port, size, "read", value)) return value;
    if (size === 1) this.#hold(port, value, this.#board!.portSteadyUntil(port));
    return value;
  }
  writePort(port: number, size: 1 | 2 | 4, value: number): void {
    this.catches?.port(port, size, "write", value);
    this.#board!.writePort(port, size, value);
  }
  /** Spares the core the next reads of a port whose value is known for a while. */
  #hold(port: number, value: number, until: number): void {
    const { core } = this;
    if (!core || until === 0) return;
    core.u32[L.PORT_HOLD / 4] = port;
    core.u32[L.PORT_HOLD_VALUE / 4] = value;
    core.f64[L.PORT_HOLD_UNTIL / 8] = until;
  }
  readPortBlock(port: number, size: 1 | 2 | 4, into: Uint8Array): number {
    // One by one, each to be looked at.
    if (this.catches?.wantsPort(port, size)) return 0;
    return this.#board!.readPortBlock(port, size, into);
  }
  writePortBlock(port: number, size: 1 | 2 | 4, from: Uint8Array): number {
    if (this.catches?.wantsPort(port, size)) return 0;
    return this.#board!.writePortBlock(port, size, from);
  }
  readMmio(physical: number, size: 1 | 2 | 4): number {
    return this.#board!.readMmio(physical, size);
  }
  writeMmio(physical: number, size: 1 | 2 | 4, value: number): void {
    this.#board!.writeMmio(physical, size, value);
  }
  acknowledge(): number {
    if (this.#board!.hasInterrupt) {
      const vector = this.#board!.acknowledgeInterrupt();
      this.catches?.interrupt(vector);
      return vector;
    }
    // The line fell after all: the core must not ask again.
    this.core!.u32[L.INTR / 4] = 0;
    return 256;
  }
  readApicBase(): bigint {
    if (!this.#board) return 0xfee00900n;
    return BigInt(this.#board.apicBaseLow >>> 0) | (BigInt(this.#board.apicBaseHigh >>> 0) << 32n);
  }
  writeApicBase(value: bigint): void {
    this.#board!.writeApicBase(Number(value & 0xffffffffn), Number(value >> 32n));
  }
  readCr8(): number {
    return this.#board!.tpr >> 4;
  }
  writeCr8(value: number): void {
    this.#board!.tpr = value << 4;
  }
  codeNotify(kind: number, physical: number): void {
    this.#listener?.codeNotify(kind, physical);
  }
  bootEvent(kind: number, value: bigint, rip: bigint): void {
    this.#listener?.bootEvent(kind, value, rip);
  }
  caught(kind: number, register: number, value: bigint): void {
    this.catches?.register(kind, register, value);
  }
  ferr(): void {
    this.#board!.raiseFerr();
  }
}
