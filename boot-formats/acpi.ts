/** Builders of ACPI tables (ACPI 6.5, chapter 5): each returns the bytes of one table with its checksum right. */

const OEM_ID = "BOOTSC";
const OEM_TABLE_ID = "BOOTSCOP";

/** Makes all bytes of a range add up to 0 by the byte at `at`. */
function setChecksum(bytes: Uint8Array, at: number, length = bytes.length): void {
  bytes[at] = 0;
  bytes[at] = -bytes.subarray(0, length).reduce((sum, byte) => sum + byte, 0) & 0xff;
}

function putText(bytes: Uint8Array, at: number, text: string): void {
  bytes.set(new TextEncoder().encode(text), at);
}

const HEADER_BYTES = 36;
const CHECKSUM = 9;

/** A system description table: the header of 5.2.6, then `size` bytes that `fill` writes (offsets count the header). */
function table(signature: string, revision: number, size: number, fill: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + size);
  const view = new DataView(bytes.buffer);
  putText(bytes, 0, signature);
  view.setUint32(4, bytes.length, true);
  view.setUint8(8, revision);
  putText(bytes, 10, OEM_ID);
  putText(bytes, 16, OEM_TABLE_ID);
  view.setUint32(24, 1, true);
  putText(bytes, 28, "BTSC");
  view.setUint32(32, 1, true);
  fill(view);
  setChecksum(bytes, CHECKSUM);
  return bytes;
}

/** Root System Description Pointer, revision 2 (5.2.5.3); physical addresses. */
export function buildRsdp(addresses: { rsdt: number; xsdt: number }): Uint8Array {
  const bytes = new Uint8Array(36);
  const view = new DataView(bytes.buffer);
  putText(bytes, 0, "RSD PTR ");
  putText(bytes, 9, OEM_ID);
  view.setUint8(15, 2);
  view.setUint32(16, addresses.rsdt, true);
  view.setUint32(20, bytes.length, true);
  view.setBigUint64(24, BigInt(addresses.xsdt), true);
  // The first checksum covers what ACPI 1.0 defined, the second everything.
  setChecksum(bytes, 8, 20);
  setChecksum(bytes, 32);
  return bytes;
}

/** Root table with 32-bit pointers (5.2.7). */
export function buildRsdt(tables: readonly number[]): Uint8Array {
  return table("RSDT", 1, tables.length * 4, (view) => {
    tables.forEach((address, index) => view.setUint32(HEADER_BYTES + index * 4, address, true));
  });
}

/** Root table with 64-bit pointers (5.2.8). */
export function buildXsdt(tables: readonly number[]): Uint8Array {
  return table("XSDT", 1, tables.length * 8, (view) => {
    tables.forEach((address, index) => view.setBigUint64(HEADER_BYTES + index * 8, BigInt(address), true));
  });
}

/** Firmware ACPI Control Structure (5.2.10); it has no checksum and must lie on a 64-byte boundary. */
export function buildFacs(): Uint8Array {
  const bytes = new Uint8Array(64);
  putText(bytes, 0, "FACS");
  new DataView(bytes.buffer).setUint32(4, bytes.length, true);
  return bytes;
}

/** DSDT of revision 1: integers have 32 bits. */
export function buildDsdt(aml: readonly number[]): Uint8Array {
  return table("DSDT", 1, aml.length, (view) => {
    aml.forEach((byte, index) => view.setUint8(HEADER_BYTES + index, byte));
  });
}

/** Fixed hardware of the PC. Registers are I/O ports. */
export interface FixedHardware {
  /** Physical addresses. */
  facs: number;
  dsdt: number;
  sciInterrupt: number;
  pm1aEvent: number;
  pm1aControl: number;
  pmTimer: number;
  gpe0: { port: number; bytes: number };
  reset: { port: number; value: number };
  /** CMOS index of the century. */
  centuryIndex: number;
}

const IO_SPACE = 1;
const BOOT_LEGACY_DEVICES = 1 << 0;
const BOOT_8042 = 1 << 1;
const FLAG_WBINVD = 1 << 0;
const FLAG_PROC_C1 = 1 << 2;
/** No power and no sleep button among the fixed registers. */
const FLAG_NO_FIXED_POWER_BUTTON = 1 << 4;
const FLAG_NO_FIXED_SLEEP_BUTTON = 1 << 5;
const FLAG_RESET_REGISTER = 1 << 10;
/** Above 100 and 1000 µs: there is no C2 or C3 state. */
const NO_C_STATE = 0xfff;

/**
 * Fixed ACPI Description Table, revision 3 (5.2.9). There is no SMI command port, so the machine is in ACPI mode from
 * the start; the PM timer has 24 bits.
 */
export function buildFadt(hardware: FixedHardware): Uint8Array {
  const bytes = table("FACP", 3, 244 - HEADER_BYTES, (view) => {
    const port = (at32: number, atGeneric: number, address: number, size: number): void => {
      view.setUint32(at32, address, true);
      genericAddress(view, atGeneric, address, size * 8);
    };
    view.setUint32(36, hardware.facs, true);
    view.setUint32(40, hardware.dsdt, true);
    view.setBigUint64(140, BigInt(hardware.dsdt), true);
    view.setUint16(46, hardware.sciInterrupt, true);
    port(56, 148, hardware.pm1aEvent, 4);
    view.setUint8(88, 4);
    port(64, 172, hardware.pm1aControl, 2);
    view.setUint8(89, 2);
    port(76, 208, hardware.pmTimer, 4);
    view.setUint8(91, 4);
    port(80, 220, hardware.gpe0.port, hardware.gpe0.bytes);
    view.setUint8(92, hardware.gpe0.bytes);
    view.setUint16(96, NO_C_STATE, true);
    view.setUint16(98, NO_C_STATE, true);
    view.setUint8(108, hardware.centuryIndex);
    view.setUint16(109, BOOT_LEGACY_DEVICES | BOOT_8042, true);
    const buttons = FLAG_NO_FIXED_POWER_BUTTON | FLAG_NO_FIXED_SLEEP_BUTTON;
    view.setUint32(112, FLAG_WBINVD | FLAG_PROC_C1 | buttons | FLAG_RESET_REGISTER, true);
    genericAddress(view, 116, hardware.reset.port, 8);
    view.setUint8(128, hardware.reset.value);
  });
  return bytes;
}

/** Generic Address Structure (5.2.3.2) of an I/O port. */
function genericAddress(view: DataView, at: number, port: number, bits: number): void {
  view.setUint8(at, IO_SPACE);
  view.setUint8(at + 1, bits);
  view.setBigUint64(at + 4, BigInt(port), true);
}

/** An ISA interrupt that does not arrive at the IOAPIC input of its own number, edge-triggered and active high. */
export interface InterruptOverride {
  isaIrq: number;
  gsi: number;
  level: boolean;
}

export interface InterruptControllers {
  /** Physical addresses. */
  localApic: number;
  ioApic: number;
  ioApicId: number;
  /** APIC ids of the processors. */
  processors: readonly number[];
  overrides: readonly InterruptOverride[];
}

/** Multiple APIC Description Table, revision 3 (5.2.12), with the 8259 pair present and LINT1 as NMI. */
export function buildMadt(controllers: InterruptControllers): Uint8Array {
  const u16 = (value: number): number[] => [value & 0xff, value >> 8];
  const u32 = (value: number): number[] => [...u16(value & 0xffff), ...u16(value >>> 16)];
  // Polarity bits 01: active high; trigger bits 11: level.
  const flags = (override: InterruptOverride): number => (override.level ? 0x0d : 0);
  const entries = [
    ...controllers.processors.flatMap((id) => [0, 8, id, id, ...u32(1)]),
    ...[1, 12, controllers.ioApicId, 0, ...u32(controllers.ioApic), ...u32(0)],
    ...controllers.overrides.flatMap((o) => [2, 10, 0, o.isaIrq, ...u32(o.gsi), ...u16(flags(o))]),
    ...[4, 6, 0xff, ...u16(0), 1],
  ];
  return table("APIC", 3, 8 + entries.length, (view) => {
    view.setUint32(36, controllers.localApic, true);
    view.setUint32(40, 1, true);
    entries.forEach((byte, index) => view.setUint8(44 + index, byte));
  });
}

/** HPET description table (IA-PC HPET 1.0a, 3.2.4): physical address, and the low half of its capability register. */
export function buildHpet(address: number, capabilities: number): Uint8Array {
  return table("HPET", 1, 20, (view) => {
    view.setUint32(36, capabilities, true);
    view.setBigUint64(44, BigInt(address), true);
  });
}
