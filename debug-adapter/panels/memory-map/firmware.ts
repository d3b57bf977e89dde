/** What a BIOS keeps in memory (IBM PC/AT Technical Reference; PCI Firmware Specification 3.0, 5.2). */
import type { Target } from "../../target.ts";
import type { Region } from "./region.ts";

const BDA = 0x400n;
const BDA_BYTES = 0x100;
/** Segment of the EBDA, and KiB of conventional memory, in the BDA. */
const EBDA_SEGMENT = 0x0e;
const BASE_MEMORY_KIB = 0x13;
const CONVENTIONAL = 0xa_0000n;
const VGA_END = 0xc_0000n;
const ROM_END = 0xf_0000n;
const ROM_STEP = 0x800n;
const ROM_UNIT = 512n;
const ROM_SHADOW = 0xe_0000n;
const MIB = 0x10_0000n;
const FOUR_GIB = 1n << 32n;
const FLASH_STEP = 0x1_0000n;
const FLASH_MAX_STEPS = 16;

type Memory = Pick<Target, "readMemory">;

/** @param hasFirmware a BIOS runs, or ran, on this machine */
export async function firmwareRegions(target: Memory, hasFirmware: boolean): Promise<Region[]> {
  const made = [
    region(
      CONVENTIONAL,
      VGA_END,
      "VGA memory",
      "the window of the display adapter",
      "the PC's memory map: a0000 to bffff",
    ),
  ];
  const bda = await target.readMemory("phys", BDA, BDA_BYTES);
  const view = new DataView(bda.buffer, bda.byteOffset, bda.byteLength);
  const kib = bda.length === BDA_BYTES ? view.getUint16(BASE_MEMORY_KIB, true) : 0;
  if (hasFirmware && kib > 0 && kib <= 640) {
    const source = "the BIOS: it has filled in the BDA";
    made.push(region(0n, BDA, "interrupt vectors (IVT)", "real-mode vectors 00 to ff", source));
    made.push(region(BDA, BDA + 0x100n, "BIOS data area (BDA)", `${kib} KiB of conventional memory`, source));
    const ebda = BigInt(view.getUint16(EBDA_SEGMENT, true)) * 16n;
    if (ebda >= 0x8_0000n && ebda < CONVENTIONAL) {
      const [size = 0] = await target.readMemory("phys", ebda, 1);
      const end = ebda + BigInt(size) * 1024n;
      if (size > 0 && end <= CONVENTIONAL) {
        made.push(region(ebda, end, "extended BIOS data area (EBDA)", `${size} KiB`, "segment at 40:0e of the BDA"));
      }
    }
  }
  made.push(...(await optionRoms(target)));
  if (hasFirmware) made.push(...(await biosRoms(target)));
  return made;
}

const region = (first: bigint, end: bigint, owner: string, detail: string, source: string): Region => ({
  first,
  end,
  layer: "firmware",
  owner,
  detail,
  source,
});

/** ROMs by their headers: 55 AA, length in units of 512 bytes; one every 2 KiB at most. */
async function optionRoms(target: Memory): Promise<Region[]> {
  const bytes = await target.readMemory("phys", VGA_END, Number(ROM_END - VGA_END));
  const made: Region[] = [];
  for (let at = 0n; at < BigInt(bytes.length);) {
    const start = Number(at);
    const units = bytes[start + 2] ?? 0;
    const end = at + BigInt(units) * ROM_UNIT;
    const whole = bytes[start] === 0x55 && bytes[start + 1] === 0xaa && units > 0 && end <= BigInt(bytes.length);
    if (!whole) {
      at += ROM_STEP;
      continue;
    }
    const first = VGA_END + at;
    const owner = first === VGA_END ? "video BIOS" : "option ROM";
    made.push(region(first, VGA_END + end, owner, `${units / 2} KiB`, "its header: 55 aa and a length"));
    at += ((end - at + ROM_STEP - 1n) / ROM_STEP) * ROM_STEP;
  }
  return made;
}

/** The flash chip ends at 4 GiB, and its last part answers, or lies in RAM, below 1 MiB. */
async function biosRoms(target: Memory): Promise<Region[]> {
  let first = FOUR_GIB;
  for (let step = 0; step < FLASH_MAX_STEPS; step++) {
    if ((await target.readMemory("phys", first - FLASH_STEP, 1)).length === 0) break;
    first -= FLASH_STEP;
  }
  if (first === FOUR_GIB) return [];
  const bytes = FOUR_GIB - first;
  const shadow = MIB - bytes > ROM_SHADOW ? MIB - bytes : ROM_SHADOW;
  return [
    region(
      shadow,
      MIB,
      "BIOS",
      "its end below 1 MiB: shadow of the flash chip",
      "the chipset shows the flash chip here",
    ),
    region(first, FOUR_GIB, "flash chip (BIOS)", `${bytes / 1024n} KiB`, "memory that answers below 4 GiB"),
  ];
}
