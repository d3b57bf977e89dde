/** What a BIOS call asks for, in words: services by interrupt and AH (Phoenix BIOS manual; EDD-3; ACPI 15.1; VBE 3.0). */
import { L } from "../core/layout.ts";
import type { Core } from "../core/core.ts";
import type { PhysicalMemory } from "./physical.ts";

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
/** Services that have no number in AH. */
const WHOLE: Readonly<Record<number, string>> = {
  0x11: "equipment list",
  0x12: "low memory size",
  0x18: "no boot device",
  0x19: "bootstrap loader",
};

/** One line for a software interrupt in real mode, from the registers before it. */
export function describeInterrupt(core: Core, memory: PhysicalMemory, vector: number): string {
  const name = `INT ${hex(vector, 2)}`;
  const services = SERVICES[vector];
  if (!services) return name;
  const whole = WHOLE[vector];
  if (whole !== undefined) return `${name}: ${whole}`;
  const ax = register16(core, 0);
  const ah = ax >> 8;
  const service = services[ah];
  const call = `${name} AH=${hex(ah, 2)}`;
  if (service === undefined) return call;
  return `${call}: ${service}${vector === 0x13 ? diskArguments(core, memory, ah) : details(vector, ax)}`;
}

function diskArguments(core: Core, memory: PhysicalMemory, ah: number): string {
  const dx = register16(core, 2);
  const drive = `, drive ${hex(dx & 0xff, 2)}`;
  if (ah >= 2 && ah <= 4) {
    const cx = register16(core, 1);
    const cylinder = (cx >> 8) | ((cx & 0xc0) << 2);
    const to = `${segment(core, L.SEG_ES)}:${word(register16(core, 3))}`;
    const count = core.u8[L.REGS]!;
    return `${drive}, cylinder ${cylinder}, head ${dx >> 8}, sector ${cx & 0x3f}, ${count} ${plural(count)}, ${to}`;
  }
  if (ah !== 0x42 && ah !== 0x43 && ah !== 0x44) return drive;
  const at = core.u64[(L.SEG_DS + L.SEG_BASE) / 8]! + BigInt(register16(core, 6));
  const packet = memory.read(at, 16);
  if (packet?.length !== 16) return drive;
  const view = new DataView(packet.buffer, packet.byteOffset, 16);
  const count = view.getUint16(2, true);
  const to = `${word(view.getUint16(6, true))}:${word(view.getUint16(4, true))}`;
  return `${drive}, LBA ${view.getBigUint64(8, true)}, ${count} ${plural(count)}, ${to}`;
}

function details(vector: number, ax: number): string {
  if (vector === 0x10 && ax >> 8 === 0) return ` ${hex(ax & 0x7f, 2)}`;
  if (vector === 0x15 && (ax & 0xff00) === 0xe800) return ` (AX=${hex(ax, 4)})`;
  return vector === 0x1a && ax >> 8 === 0xb1 ? ` function ${hex(ax & 0xff, 2)}` : "";
}

function register16(core: Core, index: number): number {
  return core.u32[(L.REGS + index * 8) / 4]! & 0xffff;
}
function segment(core: Core, at: number): string {
  return word(core.u32[(at + L.SEG_SELECTOR) / 4]! & 0xffff);
}
function word(value: number): string {
  return value.toString(16).padStart(4, "0");
}
/** As the field writes numbers of interrupts and drives: 13h, 80h. */
function hex(value: number, digits: number): string {
  return `${value.toString(16).toUpperCase().padStart(digits, "0")}h`;
}
function plural(count: number): string {
  return count === 1 ? "sector" : "sectors";
}
