/** What BIOS calls do, by interrupt and AH, in few words (Phoenix BIOS manual; EDD-3; ACPI 15.1; VBE 3.0; PCI BIOS 2.1). */

const SERVICES: Readonly<Record<number, Readonly<Record<number, string>>>> = {
  0x10: {
    0x00: "set video mode",
    0x01: "set cursor shape",
    0x02: "set cursor position",
    0x03: "get cursor position",
    0x05: "select page",
    0x06: "scroll up",
    0x07: "scroll down",
    0x08: "read character",
    0x09: "write character and attribute",
    0x0a: "write character",
    0x0b: "set palette or border",
    0x0c: "write pixel",
    0x0d: "read pixel",
    0x0e: "teletype output",
    0x0f: "get video mode",
    0x10: "palette registers",
    0x11: "character generator",
    0x12: "alternate select",
    0x13: "write string",
    0x1a: "display combination",
    0x1b: "video state information",
    0x4f: "VBE",
  },
  0x13: {
    0x00: "reset drive",
    0x01: "get status",
    0x02: "read sectors",
    0x03: "write sectors",
    0x04: "verify sectors",
    0x08: "get drive parameters",
    0x0c: "seek",
    0x0d: "reset hard disk",
    0x10: "test drive ready",
    0x15: "get drive type",
    0x41: "check extensions",
    0x42: "extended read",
    0x43: "extended write",
    0x44: "extended verify",
    0x47: "extended seek",
    0x48: "extended drive parameters",
    0x4b: "El Torito emulation",
  },
  0x14: { 0x00: "set up serial port", 0x01: "send character", 0x02: "receive character", 0x03: "get status" },
  0x15: {
    0x24: "A20 gate",
    0x53: "APM",
    0x86: "wait",
    0x87: "move extended memory",
    0x88: "get extended memory size",
    0xc0: "get configuration",
    0xe8: "get memory map",
    0xec: "target operating mode",
  },
  0x16: {
    0x00: "read key",
    0x01: "check for key",
    0x02: "get shift flags",
    0x03: "set typematic rate",
    0x05: "store key",
    0x10: "read enhanced key",
    0x11: "check for enhanced key",
    0x12: "get enhanced shift flags",
  },
  0x17: { 0x00: "print character", 0x01: "set up printer", 0x02: "get printer status" },
  0x1a: {
    0x00: "get tick count",
    0x01: "set tick count",
    0x02: "get RTC time",
    0x03: "set RTC time",
    0x04: "get RTC date",
    0x05: "set RTC date",
    0x06: "set alarm",
    0xb1: "PCI BIOS",
    0xbb: "TCG BIOS",
  },
};

/** Interrupts that are one service each. */
const WHOLE: Readonly<Record<number, string>> = {
  0x11: "get equipment list",
  0x12: "get low memory size",
  0x18: "no boot device",
  0x19: "load the operating system",
};

/** The service of an interrupt, given AH where that is known. Undefined for interrupts that are none of the BIOS. */
export function biosService(vector: number, ah: number | undefined): string | undefined {
  const whole = WHOLE[vector];
  if (whole !== undefined) return whole;
  return ah === undefined ? undefined : SERVICES[vector]?.[ah];
}
