import type { CpuLines, Device, DeviceState, PortHandler } from "./device.ts";

const KEY_SIGNATURE = 0x00;
const KEY_ID = 0x01;
const KEY_DIRECTORY = 0x19;
const KEY_FIRST_FILE = 0x20;
/** Version 1 with the DMA interface. */
const ID = 3;
/** "QEMU CFG", what the DMA address register reads as. */
const DMA_SIGNATURE = [0x51, 0x45, 0x4d, 0x55, 0x20, 0x43, 0x46, 0x47] as const;

const DMA_ERROR = 1;
const DMA_READ = 2;
const DMA_SKIP = 4;
const DMA_SELECT = 8;
const DMA_WRITE = 16;
const CONTROL_BYTES = 16;

/** There is nothing at 4 GiB and above. */
const ADDRESS_LIMIT = 2 ** 32;

const MAX_FILES = 256;
const NAME_BYTES = 56;
const DIRECTORY_ENTRY = 64;
const ZEROS = new Uint8Array(0x1_0000);

/**
 * QEMU's firmware configuration device (QEMU's docs/specs/fw_cfg): items by a number, files by name in a directory, read by
 * ports 0x510 (selector) and 0x511 (data) or by DMA through 0x514 to 0x51B. Nothing can be written.
 */
export class FwCfg implements Device {
  readonly name = "fw-cfg";
  readonly #lines: CpuLines;
  readonly #ramBytes: number;
  readonly #items = new Map<number, Uint8Array>();
  readonly #address = new Uint8Array(8);
  readonly #control = new Uint8Array(CONTROL_BYTES);
  #selected = 0;
  #offset = 0;
  #item: Uint8Array | undefined;

  /**
   * @param items content by key, beside the signature, the version and the directory
   * @param files content by name
   */
  constructor(
    lines: CpuLines,
    ramBytes: number,
    items: ReadonlyMap<number, Uint8Array>,
    files: ReadonlyMap<string, Uint8Array>,
  ) {
    this.#lines = lines;
    this.#ramBytes = ramBytes;
    for (const [key, bytes] of items) this.#items.set(key, bytes);
    this.#items.set(KEY_SIGNATURE, Uint8Array.from(DMA_SIGNATURE.slice(0, 4)));
    this.#items.set(KEY_ID, Uint8Array.of(ID, 0, 0, 0));
    this.#items.set(KEY_DIRECTORY, this.#addFiles(files));
    this.#select(0);
  }

  /** Puts the files behind keys of their own, by name; the directory (all numbers big-endian). */
  #addFiles(files: ReadonlyMap<string, Uint8Array>): Uint8Array {
    const names = [...files.keys()].sort();
    if (names.length > MAX_FILES)
      throw new RangeError(`${names.length} fw_cfg files: at most ${MAX_FILES} are possible.`);
    const directory = new Uint8Array(4 + names.length * DIRECTORY_ENTRY);
    const view = new DataView(directory.buffer);
    view.setUint32(0, names.length);
    names.forEach((name, index) => {
      const text = new TextEncoder().encode(name);
      if (text.length >= NAME_BYTES) {
        throw new RangeError(`The fw_cfg file name "${name}" has ${text.length} bytes: at most ${NAME_BYTES - 1} fit.`);
      }
      const bytes = files.get(name)!;
      const at = 4 + index * DIRECTORY_ENTRY;
      view.setUint32(at, bytes.length);
      view.setUint16(at + 4, KEY_FIRST_FILE + index);
      directory.set(text, at + 8);
      this.#items.set(KEY_FIRST_FILE + index, bytes);
    });
    return directory;
  }

  reset(): void {
    this.#address.fill(0);
    this.#select(0);
  }

  save(): DeviceState {
    return { selected: this.#selected, offset: this.#offset, address: this.#address.slice() };
  }

  restore(state: DeviceState): void {
    this.#select(state["selected"] as number);
    this.#offset = state["offset"] as number;
    this.#address.set(state["address"] as Uint8Array);
  }

  /** Ports 0x510 (selector, 16 bits) and 0x511 (data, bytes). */
  readonly ports: PortHandler = {
    readPort: (port, size) => {
      if (port === 0x511) return this.#next();
      return size === 1 ? 0xff : 0xffff;
    },
    writePort: (port, size, value) => {
      if (port === 0x510 && size === 2) this.#select(value);
    },
  };

  /** Ports 0x514 to 0x51B: physical address of a control block, big-endian; its last byte starts the transfer. */
  readonly dmaPorts: PortHandler = {
    readPort: (port, size) => {
      let value = 0;
      for (let byte = 0; byte < size; byte++)
        value |= (DMA_SIGNATURE[(port - 0x514 + byte) & 7] as number) << (byte * 8);
      return value >>> 0;
    },
    writePort: (port, size, value) => {
      const at = port - 0x514;
      for (let byte = 0; byte < size; byte++) this.#address[(at + byte) & 7] = value >>> (byte * 8);
      if (at + size === 8) this.#transfer();
    },
  };

  #next(): number {
    if (!this.#item || this.#offset >= this.#item.length) return 0;
    return this.#item[this.#offset++] as number;
  }

  #select(key: number): void {
    // Bit 14 asks for writing, which nothing takes; bit 15 is for items of the architecture.
    this.#selected = key & 0xbfff;
    this.#offset = 0;
    this.#item = this.#items.get(this.#selected);
  }

  /** Carries out the control block: 32-bit control, 32-bit length, 64-bit address. The control becomes 0, or the error bit. */
  #transfer(): void {
    const block = bigEndian(this.#address, 0, 8);
    this.#address.fill(0);
    if (block >= ADDRESS_LIMIT) return;
    this.#lines.dmaRead(block, this.#control);
    const control = bigEndian(this.#control, 0, 4);
    const length = bigEndian(this.#control, 4, 4);
    const target = bigEndian(this.#control, 8, 8);
    if (control & DMA_SELECT) this.#select((control >>> 16) & 0xffff);
    let result = 0;
    if (control & DMA_READ) this.#copy(target, length);
    else if (control & DMA_WRITE) result = DMA_ERROR;
    else if (control & DMA_SKIP) this.#skip(length);
    this.#lines.dmaWrite(block, Uint8Array.of(0, 0, 0, result));
  }

  #skip(length: number): void {
    this.#offset = Math.min(this.#item?.length ?? 0, this.#offset + length);
  }

  /** Bytes of the item, then zeros; where there is no RAM, nothing is worth the work. */
  #copy(target: number, length: number): void {
    const size = this.#item?.length ?? 0;
    const start = Math.min(this.#offset, size);
    const part = this.#item?.subarray(start, Math.min(size, start + length)) ?? ZEROS.subarray(0, 0);
    this.#skip(length);
    if (target >= ADDRESS_LIMIT) return;
    if (part.length > 0) this.#lines.dmaWrite(target, part);
    const end = Math.min(target + length, this.#ramBytes);
    for (let at = target + part.length; at < end; at += ZEROS.length) {
      this.#lines.dmaWrite(at, ZEROS.subarray(0, Math.min(ZEROS.length, end - at)));
    }
  }
}

function bigEndian(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let index = 0; index < count; index++) value = value * 256 + (bytes[at + index] as number);
  return value;
}
