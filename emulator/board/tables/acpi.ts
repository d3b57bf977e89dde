/** The ACPI tables of the board: i440FX and PIIX, one processor, I/O APIC, HPET (docs/devices.md). */
import {
  buildDsdt,
  buildFacs,
  buildFadt,
  buildHpet,
  buildMadt,
  buildRsdp,
  buildRsdt,
  buildXsdt,
} from "../../../boot-formats/acpi.ts";
import type { LoaderCommand } from "../../../boot-formats/table-loader.ts";
import { dsdtAml } from "./dsdt.ts";

/** Names of the files, as QEMU's firmware interface has them. */
export const TABLES_FILE = "etc/acpi/tables";
export const RSDP_FILE = "etc/acpi/rsdp";

const LAPIC_ADDRESS = 0xfee0_0000;
const IOAPIC_ADDRESS = 0xfec0_0000;
const HPET_ADDRESS = 0xfed0_0000;
/** Revision 1, three comparators, 64-bit counter, legacy replacement, vendor 8086: what the device itself says. */
const HPET_CAPABILITIES = 0x8086_a201;
const PM_PORTS = 0x600;
const GPE_PORTS = 0xafe0;
const SCI = 9;
/** What PCI interrupts may be routed to: level-triggered at the I/O APIC too. */
const PCI_IRQS = [5, 10, 11] as const;
const RESET_PORT = 0xcf9;
/** Full reset: RST_CPU and SYS_RST of the PIIX3's reset control register. */
const RESET_VALUE = 6;
const CENTURY_INDEX = 0x32;

const FACS_ALIGN = 64;
const TABLE_ALIGN = 16;
/** Offsets of pointers and checksums (ACPI 6.5, chapter 5). */
const TABLE_CHECKSUM = 9;
const FADT_FACS = 36;
const FADT_DSDT = 40;
const FADT_X_DSDT = 140;
const ROOT_ENTRIES = 36;
const RSDP_CHECKSUM = 8;
const RSDP_RSDT = 16;
const RSDP_XSDT = 24;
const RSDP_EXTENDED_CHECKSUM = 32;
/** The first checksum covers what ACPI 1.0 defined. */
const RSDP_FIRST_BYTES = 20;
const RSDP_BYTES = 36;

export interface AcpiFiles {
  /** Files by name; pointers in them are offsets in the file that they point into. */
  files: Map<string, Uint8Array>;
  /** How to put them into memory. */
  script: LoaderCommand[];
}

export function buildAcpiFiles(): AcpiFiles {
  const parts: { at: number; bytes: Uint8Array }[] = [];
  let end = 0;
  const place = (bytes: Uint8Array, align = TABLE_ALIGN): number => {
    const at = Math.ceil(end / align) * align;
    parts.push({ at, bytes });
    end = at + bytes.length;
    return at;
  };
  const facs = place(buildFacs(), FACS_ALIGN);
  const dsdt = place(buildDsdt(dsdtAml()));
  const fadt = place(
    buildFadt({
      facs,
      dsdt,
      sciInterrupt: SCI,
      pm1aEvent: PM_PORTS,
      pm1aControl: PM_PORTS + 4,
      pmTimer: PM_PORTS + 8,
      gpe0: { port: GPE_PORTS, bytes: 4 },
      reset: { port: RESET_PORT, value: RESET_VALUE },
      centuryIndex: CENTURY_INDEX,
    }),
  );
  const level = [...PCI_IRQS, SCI].sort((a, b) => a - b);
  const madt = place(
    buildMadt({
      localApic: LAPIC_ADDRESS,
      ioApic: IOAPIC_ADDRESS,
      ioApicId: 0,
      processors: [0],
      overrides: [{ isaIrq: 0, gsi: 2, level: false }, ...level.map((irq) => ({ isaIrq: irq, gsi: irq, level: true }))],
    }),
  );
  const hpet = place(buildHpet(HPET_ADDRESS, HPET_CAPABILITIES));
  const described = [fadt, madt, hpet];
  const rsdt = place(buildRsdt(described));
  const xsdt = place(buildXsdt(described));

  const tables = new Uint8Array(end);
  for (const { at, bytes } of parts) tables.set(bytes, at);
  const pointer = (offset: number, size: 4 | 8): LoaderCommand => ({
    kind: "pointer",
    file: TABLES_FILE,
    source: TABLES_FILE,
    offset,
    size,
  });
  const rsdpPointer = (offset: number, size: 4 | 8): LoaderCommand => ({
    kind: "pointer",
    file: RSDP_FILE,
    source: TABLES_FILE,
    offset,
    size,
  });
  const checksum = (start: number): LoaderCommand => ({
    kind: "checksum",
    file: TABLES_FILE,
    offset: start + TABLE_CHECKSUM,
    start,
    length: parts.find(({ at }) => at === start)!.bytes.length,
  });
  const script: LoaderCommand[] = [
    { kind: "allocate", file: TABLES_FILE, align: FACS_ALIGN, zone: "high" },
    { kind: "allocate", file: RSDP_FILE, align: TABLE_ALIGN, zone: "fseg" },
    pointer(fadt + FADT_FACS, 4),
    pointer(fadt + FADT_DSDT, 4),
    pointer(fadt + FADT_X_DSDT, 8),
    ...described.map((_, index) => pointer(rsdt + ROOT_ENTRIES + index * 4, 4)),
    ...described.map((_, index) => pointer(xsdt + ROOT_ENTRIES + index * 8, 8)),
    ...[fadt, rsdt, xsdt].map(checksum),
    rsdpPointer(RSDP_RSDT, 4),
    rsdpPointer(RSDP_XSDT, 8),
    { kind: "checksum", file: RSDP_FILE, offset: RSDP_CHECKSUM, start: 0, length: RSDP_FIRST_BYTES },
    { kind: "checksum", file: RSDP_FILE, offset: RSDP_EXTENDED_CHECKSUM, start: 0, length: RSDP_BYTES },
  ];
  const files = new Map([
    [TABLES_FILE, tables],
    [RSDP_FILE, buildRsdp({ rsdt, xsdt })],
  ]);
  return { files, script };
}
