/** One instruction with the state before or after it, laid out as native.c has it. */
export const RECORD = 768;
export const MEMORY_BYTES = 80;

const REGISTERS = 512;
const FLAGS = 640;
const VECTOR = 648;
const CODE = 656;
const MEMORY = 672;
const POINTERS = 752;

/** The last mask of arithmetic flags: CF PF AF ZF SF OF. */
export const ARITHMETIC = 0x8d5;

/** A view of one record in a buffer of them. */
export class SseRecord {
  readonly bytes: Uint8Array;
  private readonly view: DataView;

  constructor(buffer: Uint8Array, index: number) {
    this.bytes = buffer.subarray(index * RECORD, (index + 1) * RECORD);
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, RECORD);
  }

  get controlWord(): number {
    return this.view.getUint16(0, true);
  }
  set controlWord(value: number) {
    this.view.setUint16(0, value, true);
  }
  get statusWord(): number {
    return this.view.getUint16(2, true);
  }
  set statusWord(value: number) {
    this.view.setUint16(2, value, true);
  }
  /** Bit i: physical register i is in use. */
  get tags(): number {
    return this.view.getUint8(4);
  }
  set tags(value: number) {
    this.view.setUint8(4, value);
  }
  get mxcsr(): number {
    return this.view.getUint32(24, true);
  }
  set mxcsr(value: number) {
    this.view.setUint32(24, value, true);
  }
  /** The 10 bytes of physical register `i`; the image has them in stack order. */
  physical(i: number): Uint8Array {
    const st = (i - ((this.statusWord >> 11) & 7)) & 7;
    return this.bytes.subarray(32 + st * 16, 42 + st * 16);
  }
  get xmm(): Uint8Array {
    return this.bytes.subarray(160, 416);
  }
  get registers(): Uint8Array {
    return this.bytes.subarray(REGISTERS, REGISTERS + 128);
  }
  register(i: number): bigint {
    return this.view.getBigUint64(REGISTERS + i * 8, true);
  }
  setRegister(i: number, value: bigint): void {
    this.view.setBigUint64(REGISTERS + i * 8, value, true);
  }
  get flags(): number {
    return this.view.getUint32(FLAGS, true);
  }
  set flags(value: number) {
    this.view.setBigUint64(FLAGS, BigInt(value >>> 0), true);
  }
  /** Before: the length of the code. After: vector of the exception + 1, or 0. */
  get vector(): number {
    return this.view.getUint32(VECTOR, true);
  }
  set vector(value: number) {
    this.view.setUint32(VECTOR, value, true);
  }
  get code(): Uint8Array {
    return this.bytes.subarray(CODE, CODE + this.vector);
  }
  set code(code: Uint8Array | number[]) {
    this.bytes.set(code, CODE);
    this.vector = code.length;
  }
  get memory(): Uint8Array {
    return this.bytes.subarray(MEMORY, MEMORY + MEMORY_BYTES);
  }
  /** RBX and RDI count from the start of the memory. */
  get pointers(): boolean {
    return (this.view.getUint8(POINTERS) & 1) !== 0;
  }
  set pointers(value: boolean) {
    this.view.setUint8(POINTERS, value ? 1 : 0);
  }
}
