import type { PciFunctionDescription } from "../devices/pci.ts";

/** Device 1 function 3: the PIIX4's power management function. */
export const PM_DEVFN = 0x0b;
/** Its registers: base of the PM1 block (PMBA), and the bit that decodes it (PMREGMISC). */
export const PM_BASE = 0x40;
export const PM_MISC = 0x80;
/** Where firmware would have put the PM1 block, as QEMU's does. */
export const PM_PORTS = 0x600;

/**
 * The functions on bus 0: i440FX host bridge (Intel data sheet 290549), PIIX3 ISA bridge (290550), PIIX4 power management
 * (290562). None of them has base address registers. What firmware would have set up before a kernel
 * (PIRQ routing, PM base) has its set-up value at reset, since kernels are booted directly.
 */
export const CHIPSET: readonly PciFunctionDescription[] = [
  {
    device: 0,
    function: 0,
    vendorId: 0x8086,
    deviceId: 0x1237,
    revision: 2,
    classCode: 0x06_0000,
    headerType: 0,
    registers: [
      [0x04, 0x0006, 0x0100, 2],
      [0x06, 0x0280, 0, 2],
      // PAM: shadowing of 0xC0000 to 0xFFFFF; storage, RAM is there in any case.
      [0x59, 0x30, 0xff, 1],
      [0x5a, 0x3333_3333, 0xffff_ffff, 4],
      [0x5e, 0x3333, 0xffff, 2],
      [0x72, 0x02, 0x7f, 1],
    ],
  },
  {
    device: 1,
    function: 0,
    vendorId: 0x8086,
    deviceId: 0x7000,
    revision: 0,
    classCode: 0x06_0100,
    headerType: 0x80,
    registers: [
      [0x04, 0x0007, 0x0008, 2],
      [0x06, 0x0200, 0, 2],
      [0x4c, 0x4d, 0xff, 1],
      [0x4e, 0x0003, 0xffff, 2],
      // PIRQA to PIRQD: not routed, nothing on the bus raises them.
      [0x60, 0x8080_8080, 0x8f8f_8f8f | 0, 4],
      [0x69, 0x02, 0xff, 1],
    ],
  },
  {
    device: 1,
    function: 3,
    vendorId: 0x8086,
    deviceId: 0x7113,
    revision: 3,
    classCode: 0x06_8000,
    headerType: 0,
    registers: [
      [0x04, 0x0001, 0x0001, 2],
      [0x06, 0x0280, 0, 2],
      [0x3c, 9, 0xff, 1],
      [0x3d, 1, 0, 1],
      [PM_BASE, PM_PORTS | 1, 0xffc0, 4],
      [PM_MISC, 0x01, 0x01, 1],
    ],
  },
];
