/**
 * boot_params, the "zero page" that a loader hands to the kernel (kernel Documentation/arch/x86/zero-page.rst and
 * arch/x86/include/uapi/asm/bootparam.h), and the E820 memory map in it.
 */
import { FormatError } from "./errors.ts";

export const BOOT_PARAMS_BYTES = 4096;

/** Types of E820 ranges (ACPI 6.5, 15.1). */
export const E820_RAM = 1;
export const E820_RESERVED = 2;
export const E820_ACPI = 3;

export interface E820Entry {
  /** Physical address. */
  start: number;
  /** Bytes. */
  size: number;
  type: number;
}

export interface BootParams {
  /** The setup header of the bzImage from 0x1f1 on; without one (an ELF kernel) the fields below stand alone. */
  header?: Uint8Array;
  e820: readonly E820Entry[];
  /** Physical address of the zero-terminated command line. */
  cmdline: number;
  /** Physical address and bytes of the initrd. */
  initrd?: { start: number; size: number };
  /** Physical address where the protected-mode part was loaded: the 32-bit entry. */
  code32Start?: number;
  /** Physical address of the ACPI RSDP (protocol 2.14 and later look here first). */
  acpiRsdp: number;
  /** The VGA text mode in which the kernel finds the screen; without it, the kernel uses none. */
  textScreen?: TextScreen;
}

export interface TextScreen {
  /** Number of the mode for the BIOS. */
  mode: number;
  columns: number;
  rows: number;
  /** Scan lines of a character. */
  fontHeight: number;
}

/** Fields of screen_info, which starts boot_params. */
const VIDEO_MODE = 0x06;
const VIDEO_COLS = 0x07;
const VIDEO_LINES = 0x0e;
const VIDEO_IS_VGA = 0x0f;
const VIDEO_POINTS = 0x10;
const ACPI_RSDP_ADDR = 0x070;
const E820_ENTRIES = 0x1e8;
const HEADER = 0x1f1;
const BOOT_FLAG = 0x1fe;
const HEADER_MAGIC = 0x202;
const VERSION = 0x206;
const TYPE_OF_LOADER = 0x210;
const LOADFLAGS = 0x211;
const CODE32_START = 0x214;
const RAMDISK_IMAGE = 0x218;
const RAMDISK_SIZE = 0x21c;
const CMD_LINE_PTR = 0x228;
const E820_TABLE = 0x2d0;
const E820_MAX_ENTRIES = 128;
/** "Undefined" of boot.rst's list of loaders: there is no number of our own. */
const LOADER_UNDEFINED = 0xff;
const LOADED_HIGH = 0x01;
const HDRS = 0x53726448;

/** The 4096 bytes of boot_params. */
export function buildBootParams(params: BootParams): Uint8Array {
  const bytes = new Uint8Array(BOOT_PARAMS_BYTES);
  const view = new DataView(bytes.buffer);
  if (params.header) {
    if (HEADER + params.header.length > 0x290) {
      throw new FormatError(
        `The setup header of ${params.header.length} bytes is longer than boot_params has room for.`,
      );
    }
    bytes.set(params.header, HEADER);
  } else {
    view.setUint16(BOOT_FLAG, 0xaa55, true);
    view.setUint32(HEADER_MAGIC, HDRS, true);
    view.setUint16(VERSION, 0x20f, true);
  }
  view.setUint8(TYPE_OF_LOADER, LOADER_UNDEFINED);
  view.setUint8(LOADFLAGS, view.getUint8(LOADFLAGS) | LOADED_HIGH);
  if (params.code32Start !== undefined) view.setUint32(CODE32_START, params.code32Start, true);
  view.setUint32(CMD_LINE_PTR, params.cmdline, true);
  if (params.initrd) {
    view.setUint32(RAMDISK_IMAGE, params.initrd.start, true);
    view.setUint32(RAMDISK_SIZE, params.initrd.size, true);
  }
  view.setBigUint64(ACPI_RSDP_ADDR, BigInt(params.acpiRsdp), true);
  if (params.textScreen) {
    view.setUint8(VIDEO_MODE, params.textScreen.mode);
    view.setUint8(VIDEO_COLS, params.textScreen.columns);
    view.setUint8(VIDEO_LINES, params.textScreen.rows);
    view.setUint8(VIDEO_IS_VGA, 1);
    view.setUint16(VIDEO_POINTS, params.textScreen.fontHeight, true);
  }
  if (params.e820.length > E820_MAX_ENTRIES) {
    throw new FormatError(`The memory map has ${params.e820.length} entries, boot_params holds ${E820_MAX_ENTRIES}.`);
  }
  view.setUint8(E820_ENTRIES, params.e820.length);
  for (const [index, entry] of params.e820.entries()) {
    const at = E820_TABLE + index * 20;
    view.setBigUint64(at, BigInt(entry.start), true);
    view.setBigUint64(at + 8, BigInt(entry.size), true);
    view.setUint32(at + 16, entry.type, true);
  }
  return bytes;
}
