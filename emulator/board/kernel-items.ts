import { parseBzImage } from "../../boot-formats/bzimage.ts";
import { isElf } from "../../boot-formats/elf.ts";

/** Keys of the firmware configuration device (QEMU's include/standard-headers/linux/qemu_fw_cfg.h). */
const enum Key {
  KERNEL_ADDRESS = 0x07,
  KERNEL_SIZE = 0x08,
  INITRD_ADDRESS = 0x0a,
  INITRD_SIZE = 0x0b,
  KERNEL_ENTRY = 0x10,
  KERNEL_DATA = 0x11,
  INITRD_DATA = 0x12,
  CMDLINE_ADDRESS = 0x13,
  CMDLINE_SIZE = 0x14,
  CMDLINE_DATA = 0x15,
  SETUP_ADDRESS = 0x16,
  SETUP_SIZE = 0x17,
  SETUP_DATA = 0x18,
}

/** Where QEMU's loader puts the parts (its hw/i386/x86.c): what its option ROMs for kernels expect. */
const SETUP = 0x1_0000;
const CMDLINE = 0x2_0000;
const KERNEL = 0x10_0000;
/** Room at the end of RAM for tables of the firmware's. */
const TABLE_ROOM = 0x2_0000;
const PAGE = 4096;

/** Setup header fields (kernel Documentation/arch/x86/boot.rst), as offsets in the first sectors. */
const TYPE_OF_LOADER = 0x210;
const LOADFLAGS = 0x211;
const RAMDISK_IMAGE = 0x218;
const RAMDISK_SIZE = 0x21c;
const HEAP_END_PTR = 0x224;
const CMD_LINE_PTR = 0x228;
const LOADER_QEMU = 0xb0;
const CAN_USE_HEAP = 0x80;

/**
 * A kernel, its initrd and its command line as items of the firmware configuration device, the setup code filled in as the
 * boot protocol says. An ELF kernel has no such entry: nothing is offered.
 */
export function kernelItems(
  kernel: Uint8Array,
  initrd: Uint8Array | undefined,
  cmdline: string,
  ramBytes: number,
): Map<number, Uint8Array> {
  const items = new Map<number, Uint8Array>();
  if (isElf(kernel)) return items;
  const image = parseBzImage(kernel);
  const text = new TextEncoder().encode(cmdline);
  const line = new Uint8Array(text.length + 1);
  line.set(text);
  const setup = kernel.slice(image.setup.start, image.setup.end);
  const view = new DataView(setup.buffer);
  view.setUint8(TYPE_OF_LOADER, LOADER_QEMU);
  view.setUint8(LOADFLAGS, view.getUint8(LOADFLAGS) | CAN_USE_HEAP);
  view.setUint16(HEAP_END_PTR, CMDLINE - SETUP - 0x200, true);
  view.setUint32(CMD_LINE_PTR, CMDLINE, true);
  if (initrd) {
    const top = Math.min(image.initrdAddrMax + 1, ramBytes - TABLE_ROOM);
    const at = Math.max(0, Math.floor((top - initrd.length) / PAGE) * PAGE);
    view.setUint32(RAMDISK_IMAGE, at, true);
    view.setUint32(RAMDISK_SIZE, initrd.length, true);
    items.set(Key.INITRD_ADDRESS, u32(at));
    items.set(Key.INITRD_SIZE, u32(initrd.length));
    items.set(Key.INITRD_DATA, initrd);
  }
  const code = kernel.subarray(image.protectedMode.start);
  items.set(Key.SETUP_ADDRESS, u32(SETUP));
  items.set(Key.SETUP_SIZE, u32(setup.length));
  items.set(Key.SETUP_DATA, setup);
  items.set(Key.CMDLINE_ADDRESS, u32(CMDLINE));
  items.set(Key.CMDLINE_SIZE, u32(line.length));
  items.set(Key.CMDLINE_DATA, line);
  items.set(Key.KERNEL_ADDRESS, u32(KERNEL));
  items.set(Key.KERNEL_ENTRY, u32(KERNEL));
  items.set(Key.KERNEL_SIZE, u32(code.length));
  items.set(Key.KERNEL_DATA, code);
  return items;
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}
