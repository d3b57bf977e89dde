/** What SMBIOS says of the machine (DMTF DSP0134, version 2.8, chapter 7). */
import { smbiosStructure, smbiosTables, type SmbiosField } from "../../../boot-formats/smbios.ts";

const MIB = 1024 * 1024;
const MAKER = "Bootscope";
const PRODUCT = "Bootscope PC (i440FX + PIIX)";

const byte = (value: number): SmbiosField => [value, 1];
const word = (value: number): SmbiosField => [value, 2];
const dword = (value: number): SmbiosField => [value, 4];

const H_BIOS = 0x0000;
const H_SYSTEM = 0x0100;
const H_CHASSIS = 0x0300;
const H_PROCESSOR = 0x0400;
const H_MEMORY_ARRAY = 0x1000;
const H_MEMORY_DEVICE = 0x1100;
const H_MEMORY_RANGE = 0x1300;
const H_BOOT = 0x2000;
const NO_HANDLE = 0xffff;
const NO_ERRORS = 0xfffe;
const UNKNOWN = 2;
const OTHER = 1;
const SAFE = 3;

/** Files as QEMU's firmware interface has them: the structures, and the entry point that firmware places. */
export function buildSmbiosFiles(firmwareName: string, ramBytes: number): Map<string, Uint8Array> {
  const ramMiB = Math.floor(ramBytes / MIB);
  const { tables, entryPoint } = smbiosTables([
    smbiosStructure(
      0,
      H_BIOS,
      MAKER,
      firmwareName,
      // Segment of the firmware's runtime part, no date, ROM of 64 KiB.
      word(0xe800),
      "",
      byte(0),
      // Characteristics are not given; ACPI is there, and this is a virtual machine.
      dword(0x08),
      dword(0),
      byte(0x01),
      byte(0x10),
      byte(0),
      byte(0),
      byte(0xff),
      byte(0xff),
    ),
    smbiosStructure(
      1,
      H_SYSTEM,
      MAKER,
      PRODUCT,
      "1",
      "",
      // No UUID is set; woken by the power switch.
      dword(0),
      dword(0),
      dword(0),
      dword(0),
      byte(6),
      "",
      "",
    ),
    smbiosStructure(
      3,
      H_CHASSIS,
      MAKER,
      byte(OTHER),
      "",
      "",
      "",
      byte(SAFE),
      byte(SAFE),
      byte(SAFE),
      byte(UNKNOWN),
      dword(0),
      byte(0),
      byte(0),
      byte(0),
      byte(0),
      "",
    ),
    smbiosStructure(
      4,
      H_PROCESSOR,
      "CPU 0",
      // Central processor of an unknown family.
      byte(3),
      byte(UNKNOWN),
      MAKER,
      dword(0),
      dword(0),
      "",
      byte(0),
      word(0),
      word(0),
      word(0),
      // Socket populated, processor enabled; no upgrade known.
      byte(0x41),
      byte(UNKNOWN),
      word(NO_HANDLE),
      word(NO_HANDLE),
      word(NO_HANDLE),
      "",
      "",
      "",
      byte(1),
      byte(1),
      byte(1),
      // 64-bit capable.
      word(0x04),
      word(UNKNOWN),
    ),
    smbiosStructure(
      16,
      H_MEMORY_ARRAY,
      byte(OTHER),
      // System memory without error correction.
      byte(3),
      byte(3),
      dword(ramMiB * 1024),
      word(NO_ERRORS),
      word(1),
      dword(0),
      dword(0),
    ),
    smbiosStructure(
      17,
      H_MEMORY_DEVICE,
      word(H_MEMORY_ARRAY),
      word(NO_ERRORS),
      word(64),
      word(64),
      word(ramMiB),
      // A DIMM of RAM.
      byte(9),
      byte(0),
      "DIMM 0",
      "",
      byte(7),
      word(UNKNOWN),
      word(0),
      MAKER,
      "",
      "",
      "",
      byte(0),
      dword(0),
      word(0),
      word(0),
      word(0),
      word(0),
    ),
    smbiosStructure(
      19,
      H_MEMORY_RANGE,
      dword(0),
      dword(ramMiB * 1024 - 1),
      word(H_MEMORY_ARRAY),
      byte(1),
      dword(0),
      dword(0),
      dword(0),
      dword(0),
    ),
    // No errors detected at boot.
    smbiosStructure(32, H_BOOT, dword(0), word(0), byte(0)),
  ]);
  return new Map([
    ["etc/smbios/smbios-tables", tables],
    ["etc/smbios/smbios-anchor", entryPoint],
  ]);
}
