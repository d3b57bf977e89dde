import type { Drive } from "../disks/disk-image.ts";

const SECTOR = 512;
const HEADS = 16;
const SECTORS_PER_TRACK = 63;
const MAX_CYLINDERS = 16383;
/** Above this, firmware must translate to reach the whole disk by cylinder, head and sector. */
const MAX_BIOS_CYLINDERS = 1024;
const TRANSLATE_LBA = 1;
/** "Type 47": the geometry is given. */
const USER_TYPE = 47;

/**
 * CMOS bytes about the IDE hard disks, as QEMU leaves them for its firmware: types (0x12, 0x19, 0x1A), geometries (0x1B
 * and 0x24), and the translation of each of the four drives (0x39, two bits each).
 *
 * @param drives in the places of primary master and slave, secondary master and slave
 */
export function diskCmos(drives: readonly (Drive | undefined)[]): [index: number, value: number][] {
  const bytes: [number, number][] = [];
  let types = 0;
  let translation = 0;
  drives.slice(0, 4).forEach((drive, place) => {
    if (drive?.kind !== "disk") return;
    const sectors = Math.ceil(drive.image.bytes / SECTOR);
    const wanted = Math.floor(sectors / (HEADS * SECTORS_PER_TRACK));
    const cylinders = Math.min(MAX_CYLINDERS, Math.max(2, wanted));
    if (cylinders > MAX_BIOS_CYLINDERS) translation |= TRANSLATE_LBA << (2 * place);
    if (place > 1) return;
    types |= 0xf0 >> (4 * place);
    bytes.push([0x19 + place, USER_TYPE]);
    const [low, high] = [cylinders & 0xff, cylinders >> 8];
    const geometry = [low, high, HEADS, 0xff, 0xff, 0xc8, low, high, SECTORS_PER_TRACK];
    geometry.forEach((value, index) => bytes.push([0x1b + 9 * place + index, value]));
  });
  bytes.push([0x12, types], [0x39, translation]);
  return bytes;
}
