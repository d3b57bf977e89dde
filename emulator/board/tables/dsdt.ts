/** The DSDT's objects: soft-off, the PCI root bridge with its interrupt links, the ISA bridge with its devices, the HPET. */
import {
  amlPackage,
  and,
  argument,
  busNumbers,
  byteFields,
  device,
  dwordField,
  eisaId,
  fixedMemory,
  ifTrue,
  integer,
  ioPorts,
  irq,
  less,
  memoryWindow,
  method,
  name,
  orInto,
  pciConfigRegion,
  portWindow,
  reference,
  resources,
  returns,
  scope,
  serializedMethod,
  sharedInterrupts,
  store,
} from "../../../boot-formats/aml.ts";

const SCI = 9;
const HPET_ADDRESS = 0xfed0_0000;
const SLOTS = 32;
const PINS = 4;
const PIIX_SLOT = 1;
/** What a PIRQ may be routed to. */
const LINK_IRQS = [5, 10, 11] as const;
/** Bit 7 of a route register: off. _STA of a link then: present but disabled; else enabled too. */
const ROUTE_OFF = 0x80;
const LINK_DISABLED = 0x09;
const LINK_ENABLED = 0x0b;
/** Offset of the interrupt number in a buffer that holds one such descriptor. */
const INTERRUPT_OFFSET = 5;

/** A device on the ISA bus with fixed resources. */
function isaDevice(path: string, id: string, uid: number, ...descriptors: number[][]): number[] {
  return device(path, name("_HID", eisaId(id)), name("_UID", integer(uid)), name("_CRS", resources(...descriptors)));
}

/** Pin p of a device in slot s arrives at link (s - 1 + p) mod 4; the power management function's at the SCI. */
function routingTable(): number[] {
  const entries: number[][] = [];
  for (let slot = 0; slot < SLOTS; slot++) {
    for (let pin = 0; pin < PINS; pin++) {
      const link = slot === PIIX_SLOT && pin === 0 ? "LNKS" : `LNK${"ABCD"[(slot + pin + 3) & 3]}`;
      entries.push(amlPackage(integer(slot * 0x1_0000 + 0xffff), integer(pin), reference(link), integer(0)));
    }
  }
  return name("_PRT", amlPackage(...entries));
}

/** The PCI interrupt link of a PIRQ: what its route register in the ISA bridge says. */
function interruptLink(letter: string, index: number): number[] {
  const register = reference(`PRQ${index}`);
  return device(
    `LNK${letter}`,
    name("_HID", eisaId("PNP0C0F")),
    name("_UID", integer(index)),
    name("_PRS", resources(sharedInterrupts(...LINK_IRQS))),
    method("_STA", 0, returns(reference("IQST", register))),
    method("_DIS", 0, orInto(register, integer(ROUTE_OFF))),
    method("_CRS", 0, returns(reference("IQCR", register))),
    serializedMethod("_SRS", 1, dwordField(argument(0), INTERRUPT_OFFSET, "PRRI"), store(reference("PRRI"), register)),
  );
}

/** The link of the SCI, which cannot be moved. */
function sciLink(): number[] {
  return device(
    "LNKS",
    name("_HID", eisaId("PNP0C0F")),
    name("_UID", integer(4)),
    name("_PRS", resources(sharedInterrupts(SCI))),
    method("_STA", 0, returns(integer(LINK_ENABLED))),
    method("_DIS", 0),
    name("_CRS", resources(sharedInterrupts(SCI))),
    method("_SRS", 1),
  );
}

export function dsdtAml(): number[] {
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
    routingTable(),
    device(
      "ISA",
      name("_ADR", integer(0x1_0000)),
      pciConfigRegion("P40C", 0x60, 4),
      isaDevice("RTC", "PNP0B00", 0, ioPorts(0x70, 2), irq(8)),
      isaDevice("KBD", "PNP0303", 0, ioPorts(0x60, 1), ioPorts(0x64, 1), irq(1)),
      isaDevice("MOU", "PNP0F13", 0, irq(12)),
      isaDevice("COM1", "PNP0501", 1, ioPorts(0x3f8, 8), irq(4)),
      isaDevice("COM2", "PNP0501", 2, ioPorts(0x2f8, 8), irq(3)),
    ),
  );
  const links = [
    byteFields("PCI0.ISA.P40C", "PRQ0", "PRQ1", "PRQ2", "PRQ3"),
    method(
      "IQST",
      1,
      ifTrue(and(integer(ROUTE_OFF), argument(0)), returns(integer(LINK_DISABLED))),
      returns(integer(LINK_ENABLED)),
    ),
    serializedMethod(
      "IQCR",
      1,
      name("PRR0", resources(sharedInterrupts(0))),
      dwordField(reference("PRR0"), INTERRUPT_OFFSET, "PRRI"),
      ifTrue(less(argument(0), integer(ROUTE_OFF)), store(argument(0), reference("PRRI"))),
      returns(reference("PRR0")),
    ),
    ...["A", "B", "C", "D"].map(interruptLink),
    sciLink(),
  ];
  const hpet = device(
    "HPET",
    name("_HID", eisaId("PNP0103")),
    name("_UID", integer(0)),
    name("_CRS", resources(fixedMemory(HPET_ADDRESS, 0x400, false))),
  );
  // SLP_TYPa, SLP_TYPb and two reserved elements: sleep type 0 is soft-off.
  const softOff = name("\\_S5", amlPackage(integer(0), integer(0), integer(0), integer(0)));
  return [...softOff, ...scope("\\_SB", pciRoot, ...links, hpet)];
}
