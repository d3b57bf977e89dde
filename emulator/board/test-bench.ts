import { EventQueue } from "../devices/event-queue.ts";
import { Board, type BoardOptions } from "./board.ts";
import { TestLines } from "./test-lines.ts";

export const RAM_BYTES = 64 << 20;

/** A board with a clock, a log and a guest's hands. */
export class Bench {
  now = 0;
  readonly lines = new TestLines(RAM_BYTES);
  readonly log = this.lines.log;
  readonly unclaimed: string[] = [];
  readonly queue = new EventQueue(
    () => this.now,
    () => this.log.push("attention"),
  );
  readonly board: Board;

  constructor(options: Partial<BoardOptions> = {}) {
    this.board = new Board({
      memoryBytes: RAM_BYTES,
      rtcTime: 1_700_000_000,
      queue: this.queue,
      serialOutput: (port, byte) => this.log.push(`com${port + 1} ${String.fromCharCode(byte)}`),
      debugOutput: (byte) => this.log.push(`debug ${String.fromCharCode(byte)}`),
      unclaimed: (space, address, write) =>
        this.unclaimed.push(`${space} ${write ? "w" : "r"} ${address.toString(16)}`),
      lines: this.lines,
      ...options,
    });
    this.log.length = 0;
  }

  get intr(): boolean {
    return this.lines.intr;
  }

  out(port: number, ...values: number[]): void {
    for (const value of values) this.board.writePort(port, 1, value);
  }

  advanceTo(end: number): void {
    for (let next = this.queue.nextDeadline(); next <= end; next = this.queue.nextDeadline()) {
      this.now = Math.max(this.now, next);
      this.queue.runDue(this.now);
    }
    this.now = end;
  }

  initialisePics(): void {
    this.out(0x20, 0x11);
    this.out(0x21, 0x20, 4, 1, 0);
    this.out(0xa0, 0x11);
    this.out(0xa1, 0x28, 2, 1, 0);
  }

  /** PIT channel 0 in mode 2, 1 kHz. */
  startPit(): void {
    this.out(0x43, 0x34);
    this.out(0x40, 0xa9, 0x04);
  }

  /** Writes PCI configuration: device * 8 + function. */
  config(devfn: number, offset: number, size: 1 | 2 | 4, value: number): void {
    this.board.writePort(0xcf8, 4, 0x8000_0000 + devfn * 256 + (offset & 0xfc));
    this.board.writePort(0xcfc + (offset & 3), size, value);
  }

  readConfig(devfn: number, offset: number): number {
    this.board.writePort(0xcf8, 4, 0x8000_0000 + devfn * 256 + offset);
    return this.board.readPort(0xcfc, 4);
  }

  apic(register: number, value: number): void {
    this.board.writeMmio(0xfee0_0000 + register, 4, value);
  }

  redirect(pin: number, low: number): void {
    this.board.writeMmio(0xfec0_0000, 4, 0x10 + 2 * pin);
    this.board.writeMmio(0xfec0_0010, 4, low);
  }
}
