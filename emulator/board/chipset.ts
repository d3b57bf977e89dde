import type { PciFunctionDescription } from "../devices/pci.ts";

/** Device 0 function 0: the host bridge. */
export const HOST_DEVFN = 0x00;
/** Device 1 function 0: the ISA bridge, and its first PIRQ route register. */
export const ISA_DEVFN = 0x08;
export const PIRQ_ROUTES = 0x60;
/** Device 1 function 3: the PIIX4's power management function. */
export const PM_DEVFN = 0x0b;
/** Its registers: base of the PM1 block (PMBA), and the bit that decodes it (PMREGMISC). */
export const PM_BASE = 0x40;
export const PM_MISC = 0x80;
/** Base of the SMBus host's ports, and the bit that decodes them. */
export const SMBUS_BASE = 0x90;
export const SMBUS_CONTROL = 0xd2;

/**
 * The functions of the chip set on bus 0: i440FX host bridge (Intel data sheet 290549), PIIX3 ISA bridge (290550), PIIX4
 * power management (290562). None of them has base address registers.
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
      // PAM: shadowing of 0xC0000 to 0xFFFFF.
      [0x59, 0, 0x30, 1],
      [0x5a, 0, 0x3333_3333, 4],
      [0x5e, 0, 0x3333, 2],
      // SMRAM: storage, there is no system management mode.
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
      // PIRQA to PIRQD: not routed.
      [PIRQ_ROUTES, 0x8080_8080, 0x8f8f_8f8f | 0, 4],
      [0x69, 0x02, 0xff, 1],
      [0x70, 0x80, 0xff, 1],
      [0x76, 0x0c0c, 0xffff, 2],
      [0x78, 0x02, 0xff, 1],
      [0xa0, 0x08, 0xff, 1],
      [0xa8, 0x0f, 0xff, 1],
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
      [0x04, 0x0000, 0x0001, 2],
      [0x06, 0x0280, 0, 2],
      [0x3d, 1, 0, 1],
      [PM_BASE, 0x0001, 0xffc0, 4],
      // DEVACTB: system management counts as set up, as QEMU says when there is none.
      [0x58, 0x0200_0000, 0xffff_ffff | 0, 4],
      // DEVRESA to DEVRESC: what is decoded on the ISA bus; both COM ports, no parallel port.
      [0x5f, 0x10, 0, 1],
      [0x63, 0x60, 0, 1],
      [0x67, 0x98, 0, 1],
      [PM_MISC, 0x00, 0x01, 1],
      [SMBUS_BASE, 0x0001, 0xfff0, 4],
      [SMBUS_CONTROL, 0x00, 0xff, 1],
    ],
  },
];
