/** The 512 bytes that IDENTIFY DEVICE and IDENTIFY PACKET DEVICE return (ATA/ATAPI-6, sections 8.15.8 and 8.16.8). */

import type { DriveSettings } from "./drive-settings.ts";

/** What of the data a disk's settings change. */
export interface DiskSettings extends DriveSettings {
  /** Sectors of 512 bytes. */
  sectors: number;
  /** Translation in force for addresses by cylinder, head and sector. */
  heads: number;
  sectorsPerTrack: number;
  /** Sectors between interrupts of READ and WRITE MULTIPLE, 0 for none. */
  multiple: number;
  writeCache: boolean;
  lookAhead: boolean;
}

export const DEFAULT_HEADS = 16;
export const DEFAULT_SECTORS_PER_TRACK = 63;
export const MAX_MULTIPLE = 16;
const MAX_CYLINDERS = 16383;
const MAX_LBA28 = 0x0fff_ffff;

function cylinders(sectors: number, heads: number, sectorsPerTrack: number): number {
  return Math.max(1, Math.min(MAX_CYLINDERS, Math.floor(sectors / (heads * sectorsPerTrack))));
}

/** Text as ATA has it: padded by blanks, the bytes of each word swapped. */
function text(words: Uint16Array, first: number, count: number, value: string): void {
  const padded = value.padEnd(count * 2).slice(0, count * 2);
  for (let i = 0; i < count; i++) {
    words[first + i] = (padded.charCodeAt(2 * i) << 8) | padded.charCodeAt(2 * i + 1);
  }
}

function bytesOf(words: Uint16Array): Uint8Array {
  const bytes = new Uint8Array(512);
  words.forEach((word, i) => {
    bytes[2 * i] = word;
    bytes[2 * i + 1] = word >> 8;
  });
  // Word 255: a signature, and the byte that brings the sum of all to 0.
  bytes[510] = 0xa5;
  bytes[511] = -bytes.reduce((sum, byte) => sum + byte, 0);
  return bytes;
}

/** Words that disks and CD drives share: names, and the transfer modes of a drive that can do all. */
function common(serial: string, model: string): Uint16Array {
  const words = new Uint16Array(256);
  text(words, 10, 10, serial);
  text(words, 23, 4, "1.0");
  text(words, 27, 20, model);
  // Words 54 to 58, 64 to 70, 88 are valid.
  words[53] = 7;
  // PIO modes 3 and 4, 120 ns cycles.
  words[64] = 3;
  for (const word of [65, 66, 67, 68]) words[word] = 120;
  // ATA/ATAPI-4 to -6.
  words[80] = 0x70;
  // A drive alone on its cable, without jumper.
  words[93] = 0x6001;
  return words;
}

export function identifyDisk(serial: string, settings: DiskSettings): Uint8Array {
  const { sectors, heads, sectorsPerTrack } = settings;
  const words = common(serial, "BOOTSCOPE HARDDISK");
  const tracks = cylinders(sectors, heads, sectorsPerTrack);
  words[0] = 0x0040;
  words[1] = cylinders(sectors, DEFAULT_HEADS, DEFAULT_SECTORS_PER_TRACK);
  words[3] = DEFAULT_HEADS;
  words[6] = DEFAULT_SECTORS_PER_TRACK;
  words[47] = 0x8000 | MAX_MULTIPLE;
  // DMA, LBA, IORDY; standby timer values as standard.
  words[49] = 0x2f00;
  words[50] = 0x4000;
  words[54] = tracks;
  words[55] = heads;
  words[56] = sectorsPerTrack;
  const capacity = tracks * heads * sectorsPerTrack;
  words[57] = capacity & 0xffff;
  words[58] = capacity >>> 16;
  words[59] = settings.multiple > 0 ? 0x100 | settings.multiple : 0;
  const lba28 = Math.min(sectors, MAX_LBA28);
  words[60] = lba28 & 0xffff;
  words[61] = lba28 >>> 16;
  words[63] = (settings.multiwordMode << 8) | 0x07;
  // Look-ahead, write cache, power management; 48-bit addresses, FLUSH CACHE (EXT).
  words[82] = 0x0068;
  words[83] = 0x7400;
  words[84] = 0x4000;
  words[85] = 0x0008 | (settings.lookAhead ? 0x40 : 0) | (settings.writeCache ? 0x20 : 0);
  words[86] = 0x3400;
  words[87] = 0x4000;
  words[88] = (settings.ultraMode << 8) | 0x3f;
  for (let i = 0; i < 4; i++) words[100 + i] = Math.floor(sectors / 2 ** (16 * i)) & 0xffff;
  return bytesOf(words);
}

export function identifyCd(serial: string, { multiwordMode, ultraMode }: DriveSettings): Uint8Array {
  const words = common(serial, "BOOTSCOPE CD-ROM");
  // Packets of 12 bytes, CD-ROM, removable medium, DRQ within 50 µs.
  words[0] = 0x85c0;
  words[49] = 0x0f00;
  words[63] = (multiwordMode << 8) | 0x07;
  words[82] = 0x4210;
  words[83] = 0x4000;
  words[84] = 0x4000;
  words[85] = 0x4210;
  words[87] = 0x4000;
  words[88] = (ultraMode << 8) | 0x3f;
  return bytesOf(words);
}
