/** Registers and memory of devices in the physical address space. */
import type { CpuState, Target } from "../../target.ts";
import { bytesIn, numberIn, parts } from "../../variables/devices/device-items.ts";
import { PAGE } from "./region.ts";
import type { Region } from "./region.ts";

const MSR_APIC_BASE = 0x1b;
const APIC_ENABLED = 1n << 11n;
/** Fixed on this board, as on PCs of its kind (82093AA, 3.0; IA-PC HPET 1.0a, 2.3.1). */
const IO_APIC = 0xfec0_0000n;
const HPET = 0xfed0_0000n;
const HPET_BYTES = 0x400n;
const COMMAND = 0x04;
const COMMAND_MEMORY = 2;
const FIRST_BAR = 0x10;
const BARS = 6;

/** Sizes of memory BARs by "vendor:device" and number: reading one back would need a write to it. */
const BAR_BYTES: Readonly<Record<string, readonly [name: string, sizes: Readonly<Record<number, bigint>>]>> = {
  "1234:1111": ["VGA adapter", { 0: 0x100_0000n, 2: 0x1000n }],
  "1af4:1001": ["virtio disk", { 4: 0x4000n }],
  "1af4:1003": ["virtio console", { 4: 0x4000n }],
};

export async function deviceRegions(
  target: Pick<Target, "device" | "deviceNames">,
  cpu: CpuState,
  problems: string[],
): Promise<Region[]> {
  const names = await target.deviceNames();
  const made: Region[] = [];
  const apic = cpu.msrs.find(({ index }) => index === MSR_APIC_BASE)?.value ?? 0n;
  if ((apic & APIC_ENABLED) !== 0n) {
    const first = apic & 0x000f_ffff_ffff_f000n;
    made.push(device(first, first + PAGE, "local APIC", "registers", "IA32_APIC_BASE"));
  }
  if (names.includes("ioapic")) made.push(device(IO_APIC, IO_APIC + PAGE, "I/O APIC", "registers", "the board"));
  if (names.includes("hpet")) made.push(device(HPET, HPET + HPET_BYTES, "HPET", "registers", "the board"));
  const pci = await target.device("pci");
  for (const one of pci === undefined ? [] : parts(pci, "functions")) {
    made.push(...functionRegions(numberIn(one, "devfn"), bytesIn(one, "config"), problems));
  }
  return made;
}

const device = (first: bigint, end: bigint, owner: string, detail: string, source: string): Region => ({
  first,
  end,
  layer: "devices",
  owner,
  detail,
  source,
});

/** The memory BARs of a function that answers in memory (PCI Local Bus specification 3.0, 6.2.5). */
function functionRegions(devfn: number, config: Uint8Array, problems: string[]): Region[] {
  const view = new DataView(config.buffer, config.byteOffset, config.byteLength);
  if ((view.getUint16(COMMAND, true) & COMMAND_MEMORY) === 0) return [];
  const digits = (value: number): string => value.toString(16).padStart(4, "0");
  const id = `${digits(view.getUint16(0, true))}:${digits(view.getUint16(2, true))}`;
  const place = `00:${(devfn >> 3).toString(16).padStart(2, "0")}.${devfn & 7}`;
  const [name, sizes] = BAR_BYTES[id] ?? [`PCI device ${id}`, {}];
  const made: Region[] = [];
  for (let bar = 0; bar < BARS; bar++) {
    const value = view.getUint32(FIRST_BAR + bar * 4, true);
    const first = BigInt((value & ~15) >>> 0);
    if ((value & 1) !== 0 || first === 0n) continue;
    const bytes = sizes[bar];
    if (bytes === undefined)
      problems.push(`The size of BAR${bar} of ${place} (${id}) at 0x${first.toString(16)} is not known.`);
    else made.push(device(first, first + bytes, name, `BAR${bar} of ${place}`, `PCI configuration space of ${place}`));
  }
  return made;
}
