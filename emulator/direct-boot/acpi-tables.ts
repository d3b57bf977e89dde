/** The ACPI tables of the board: i440FX and PIIX, one processor, IOAPIC, HPET (docs/direct-boot.md). */
import {
  buildDsdt,
  buildFacs,
  buildFadt,
  buildHpet,
  buildMadt,
  buildRsdp,
  buildRsdt,
  buildXsdt,
} from "../../boot-formats/acpi.ts";
import {
  amlPackage,
  busNumbers,
  device,
  eisaId,
  fixedMemory,
  integer,
  ioPorts,
  irq,
  memoryWindow,
  name,
  portWindow,
  resources,
  scope,
} from "../../boot-formats/aml.ts";
import type { MemoryWrite } from "./types.ts";

const LAPIC_ADDRESS = 0xfee0_0000;
const IOAPIC_ADDRESS = 0xfec0_0000;
const HPET_ADDRESS = 0xfed0_0000;
/** Revision 1, three comparators, 64-bit counter, legacy replacement, vendor 8086: what the device itself says. */
const HPET_CAPABILITIES = 0x8086_a201;
const PM_PORTS = 0x600;
const GPE_PORTS = 0xafe0;
const SCI = 9;
const RESET_PORT = 0xcf9;
/** Full reset: RST_CPU and SYS_RST of the PIIX3's reset control register. */
const RESET_VALUE = 6;

/** A device on the ISA bus with fixed resources. */
function isaDevice(path: string, id: string, uid: number, ...descriptors: number[][]): number[] {
  return device(path, name("_HID", eisaId(id)), name("_UID", integer(uid)), name("_CRS", resources(...descriptors)));
}

/** The DSDT's objects: soft-off, the PCI root bridge, the ISA bridge with its devices, the HPET. */
function dsdtAml(): number[] {
  const pciRoot = device(
    "PCI0",
    name("_HID", eisaId("PNP0A03")),
    name("_ADR", integer(0)),
    name("_UID", integer(0)),
    name(
      "_CRS",
      resources(
        busNumbers(0, 0xff),
        ioPorts(0xcf8, 8),
        portWindow(0, 0xcf7),
        portWindow(0xd00, 0xffff),
        memoryWindow(0xa_0000, 0xb_ffff),
        memoryWindow(0xc000_0000, 0xfebf_ffff),
      ),
    ),
    // Device 1, INTA#: the power management function, wired to the SCI. Nothing else on the bus interrupts.
    name("_PRT", amlPackage(amlPackage(integer(0x1_ffff), integer(0), integer(0), integer(SCI)))),
    device(
      "ISA",
      name("_ADR", integer(0x1_0000)),
      isaDevice("RTC", "PNP0B00", 0, ioPorts(0x70, 2), irq(8)),
      isaDevice("KBD", "PNP0303", 0, ioPorts(0x60, 1), ioPorts(0x64, 1), irq(1)),
      isaDevice("MOU", "PNP0F13", 0, irq(12)),
      isaDevice("COM1", "PNP0501", 1, ioPorts(0x3f8, 8), irq(4)),
      isaDevice("COM2", "PNP0501", 2, ioPorts(0x2f8, 8), irq(3)),
    ),
  );
  const hpet = device(
    "HPET",
    name("_HID", eisaId("PNP0103")),
    name("_UID", integer(0)),
    name("_CRS", resources(fixedMemory(HPET_ADDRESS, 0x400, false))),
  );
  // SLP_TYPa, SLP_TYPb and two reserved elements: sleep type 0 is soft-off.
  const softOff = name("\\_S5", amlPackage(integer(0), integer(0), integer(0), integer(0)));
  return [...softOff, ...scope("\\_SB", pciRoot, hpet)];
}

const alignUp = (value: number, alignment: number): number => Math.ceil(value / alignment) * alignment;

/**
 * All tables, laid out from the physical address `tables` on, and the RSDP with the FACS behind it at `rsdp`, which is
 * within 0xE0000 … 0xFFFFF on a 16-byte boundary, where kernels look for it.
 */
export function buildAcpiTables(at: { tables: number; rsdp: number }): { tables: MemoryWrite; rsdp: MemoryWrite } {
  const facs = { physical: alignUp(at.rsdp + 36, 64), bytes: buildFacs() };
  const placed: MemoryWrite[] = [];
  let next = at.tables;
  const place = (bytes: Uint8Array): number => {
    const physical = next;
    placed.push({ physical, bytes });
    next = alignUp(physical + bytes.length, 16);
    return physical;
  };
  const dsdt = place(buildDsdt(dsdtAml()));
  const fadt = place(
    buildFadt({
      facs: facs.physical,
      dsdt,
      sciInterrupt: SCI,
      pm1aEvent: PM_PORTS,
      pm1aControl: PM_PORTS + 4,
      pmTimer: PM_PORTS + 8,
      gpe0: { port: GPE_PORTS, bytes: 4 },
      reset: { port: RESET_PORT, value: RESET_VALUE },
      centuryIndex: 0x32,
    }),
  );
  const madt = place(
    buildMadt({
      localApic: LAPIC_ADDRESS,
      ioApic: IOAPIC_ADDRESS,
      ioApicId: 0,
      processors: [0],
      overrides: [
        { isaIrq: 0, gsi: 2, level: false },
        { isaIrq: SCI, gsi: SCI, level: true },
      ],
    }),
  );
  const hpet = place(buildHpet(HPET_ADDRESS, HPET_CAPABILITIES));
  const rsdt = place(buildRsdt([fadt, madt, hpet]));
  const xsdt = place(buildXsdt([fadt, madt, hpet]));
  const rsdp = { physical: at.rsdp, bytes: buildRsdp({ rsdt, xsdt }) };
  return { tables: join(placed), rsdp: join([rsdp, facs]) };
}

/** One write that holds several, zero between them. */
function join(parts: readonly MemoryWrite[]): MemoryWrite {
  const physical = parts[0]!.physical;
  const last = parts[parts.length - 1]!;
  const bytes = new Uint8Array(last.physical + last.bytes.length - physical);
  for (const part of parts) bytes.set(part.bytes, part.physical - physical);
  return { physical, bytes };
}
