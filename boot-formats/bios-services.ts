/** What BIOS calls do, by interrupt and AH, in few words (Phoenix BIOS manual; EDD-3; ACPI 15.1; VBE 3.0; PCI BIOS 2.1). */

const SERVICES: Readonly<Record<number, Readonly<Record<number, string>>>> = {
  0x10: {
    0x00: "set video mode",
    0x01: "set cursor shape",
    0x02: "set cursor position",
    0x03: "read cursor position",
    0x05: "select display page",
    0x06: "scroll up",
    0x07: "scroll down",
    0x08: "read character and attribute",
    0x09: "write character and attribute",
    0x0a: "write character",
    0x0b: "set background or palette",
    0x0c: "write pixel",
    0x0d: "read pixel",
    0x0e: "teletype output",
    0x0f: "get video mode",
    0x10: "palette",
    0x11: "fonts",
    0x12: "alternate select",
    0x13: "write string",
    0x1a: "display combination",
    0x1b: "functionality information",
    0x4f: "VBE",
  },
  0x11: {},
  0x12: {},
  0x13: {
    0x00: "reset drives",
    0x01: "status of the last operation",
    0x02: "read sectors",
    0x03: "write sectors",
    0x04: "verify sectors",
    0x08: "get drive parameters",
    0x09: "initialise drive parameters",
    0x0c: "seek",
    0x0d: "alternate reset",
    0x10: "test drive ready",
    0x11: "recalibrate",
    0x15: "get drive type",
    0x16: "media change",
    0x41: "check for extensions",
    0x42: "extended read",
    0x43: "extended write",
    0x44: "extended verify",
    0x47: "extended seek",
    0x48: "extended drive parameters",
    0x4b: "El Torito emulation",
    0x4e: "set hardware configuration",
  },
  0x14: { 0x00: "initialise port", 0x01: "send character", 0x02: "receive character", 0x03: "port status" },
  0x15: {
    0x24: "A20 gate",
    0x41: "wait for external event",
    0x4f: "keyboard intercept",
    0x53: "APM",
    0x86: "wait",
    0x87: "move block",
    0x88: "extended memory size",
    0x89: "switch to protected mode",
    0xc0: "system configuration",
    0xc1: "extended BIOS data area",
    0xe8: "memory map",
    0xec: "intended mode (AMD)",
  },
  0x16: {
    0x00: "read key",
    0x01: "check for key",
    0x02: "shift flags",
    0x03: "typematic rate",
    0x05: "store key",
    0x10: "read enhanced key",
    0x11: "check for enhanced key",
    0x12: "enhanced shift flags",
  },
  0x17: { 0x00: "print character", 0x01: "initialise printer", 0x02: "printer status" },
  0x18: {},
  0x19: {},
  0x1a: {
    0x00: "read tick count",
    0x01: "set tick count",
    0x02: "read clock",
    0x03: "set clock",
    0x04: "read date",
    0x05: "set date",
    0x06: "set alarm",
    0xb1: "PCI BIOS",
    0xbb: "TCG BIOS",
  },
};
/** Interrupts that are one service each. */
const WHOLE: Readonly<Record<number, string>> = {
  0x11: "equipment list",
  0x12: "low memory size",
  0x18: "no boot device",
  0x19: "bootstrap loader",
};

export const isBiosInterrupt = (vector: number): boolean => SERVICES[vector] !== undefined;

/** The service of an interrupt, given AH where that is known. Undefined for interrupts that are none of the BIOS. */
export function biosService(vector: number, ah: number | undefined): string | undefined {
  const whole = WHOLE[vector];
  if (whole !== undefined) return whole;
  return ah === undefined ? undefined : SERVICES[vector]?.[ah];
}
