/** El Torito: what a BIOS or UEFI firmware boots from a CD ("El Torito" Bootable CD-ROM Format Specification 1.0). */
import type { Volume } from "./byte-source.ts";
import { FormatError } from "../errors.ts";
import { FieldReader, hex, type Field } from "../fields.ts";

const SECTOR = 2048;
/** Boot images are counted in these. */
const VIRTUAL_SECTOR = 512;
/** The boot information table ends at that byte of a boot image. */
const BOOT_INFO_END = 64;
const ENTRY_BYTES = 32;
const FIRST_DESCRIPTOR = 16;
const MAX_DESCRIPTORS = 64;
const SPECIFICATION = "EL TORITO SPECIFICATION";
/** A catalog of so many entries fills 32 sectors. */
const MAX_ENTRIES = 2048;

const PLATFORMS: Readonly<Record<number, string>> = {
  0x00: "x86 BIOS",
  0x01: "PowerPC",
  0x02: "Mac",
  0xef: "UEFI",
};
const MEDIA = ["no emulation", "1.2 MB diskette", "1.44 MB diskette", "2.88 MB diskette", "hard disk"];

export interface BootImage {
  platform: string;
  bootable: boolean;
  /** "no emulation", or what the image is shown as. */
  media: string;
  /** Real-mode segment where the BIOS loads it. */
  loadSegment: number;
  /** Sectors of 512 bytes that the BIOS loads. */
  sectors: number;
  /** Place on the disk. */
  offset: number;
  field: Field;
}

export interface ElTorito {
  /** Place of the catalog on the disk. */
  offset: number;
  images: BootImage[];
  fields: Field[];
  problems: string[];
}

/** @returns undefined when the disk has no boot record volume descriptor */
export async function readElTorito(disk: Volume): Promise<ElTorito | undefined> {
  for (let sector = FIRST_DESCRIPTOR; sector < FIRST_DESCRIPTOR + MAX_DESCRIPTORS; sector++) {
    const at = sector * SECTOR;
    if (!disk.has(at, SECTOR)) return undefined;
    const bytes = await disk.read(at, SECTOR, `the volume descriptor at sector ${sector}`);
    const text = String.fromCharCode(...bytes.subarray(0, 7 + SPECIFICATION.length));
    if (text.slice(1, 6) !== "CD001" || bytes[0] === 255) return undefined;
    if (bytes[0] !== 0 || text.slice(7) !== SPECIFICATION) continue;
    const reader = new FieldReader(bytes, disk.at(at), "the boot record");
    const catalog = reader.u32("boot_catalog", 71, { note: "Sector of the boot catalog." });
    const record = reader.group("El Torito boot record", 0, SECTOR, `catalog at sector ${catalog.raw}`, [
      reader.u8("boot_record_indicator", 0),
      reader.text("iso_identifier", 1, 5),
      reader.u8("version", 6),
      reader.text("boot_system_identifier", 7, 32),
      catalog,
    ]);
    const found = await readCatalog(disk, catalog.raw);
    return { ...found, fields: [record, ...found.fields] };
  }
  return undefined;
}

async function readCatalog(disk: Volume, sector: number): Promise<ElTorito> {
  const images: BootImage[] = [];
  const children: Field[] = [];
  const problems: string[] = [];
  const base = sector * SECTOR;
  const read = async (index: number): Promise<FieldReader> => {
    const at = base + index * ENTRY_BYTES;
    return new FieldReader(await disk.read(at, ENTRY_BYTES, "the boot catalog"), disk.at(at), "the boot catalog");
  };
  const validation = validationEntry(await read(0));
  children.push(validation.field);
  if (validation.field.problem !== undefined) problems.push(validation.field.problem);
  let platform = validation.platform;
  let index = 1;
  /** Entries that the current section still has; the first one belongs to the validation entry. */
  let left = 1;
  let more = true;
  for (; index < MAX_ENTRIES && (left > 0 || more); index++) {
    const reader = await read(index);
    const kind = reader.bytes[0]!;
    if (left > 0 && (kind === 0x88 || kind === 0x00)) {
      const image = await imageEntry(disk, reader, platform);
      images.push(image);
      children.push(image.field);
      left--;
    } else if (kind === 0x90 || kind === 0x91) {
      const header = sectionHeader(reader);
      children.push(header.field);
      platform = header.platform;
      left = header.entries;
      more = kind === 0x90;
    } else if (kind === 0x44) {
      children.push(reader.blob("section entry extension", 0, ENTRY_BYTES, { note: "Selection criteria." }));
    } else {
      break;
    }
  }
  if (index >= MAX_ENTRIES) problems.push(`The boot catalog has more than ${MAX_ENTRIES} entries.`);
  const catalog: Field = {
    name: "El Torito boot catalog",
    offset: disk.at(base),
    length: index * ENTRY_BYTES,
    value: `${images.length} boot images`,
    children,
  };
  return { offset: disk.at(base), images, fields: [catalog], problems };
}

function platformField(reader: FieldReader): { platform: string; field: Field } {
  const field = reader.u8("platform_id", 1, (raw) => ({ value: `${PLATFORMS[raw] ?? "unknown"} (${hex(raw, 2)})` }));
  return { platform: PLATFORMS[field.raw] ?? hex(field.raw, 2), field };
}

function validationEntry(reader: FieldReader): { platform: string; field: Field } {
  const header = reader.u8("header_id", 0);
  const { platform, field } = platformField(reader);
  const key = reader.u16("key", 30, (raw) => ({ value: raw === 0xaa55 ? "55 AA" : hex(raw, 4) }));
  if (header.raw !== 1 || key.raw !== 0xaa55) {
    throw new FormatError(
      `At ${hex(reader.base)} a boot catalog was expected, but it does not begin with 01 and 55 AA.`,
    );
  }
  let sum = 0;
  for (let at = 0; at < ENTRY_BYTES; at += 2) sum = (sum + reader.u16("", at).raw) & 0xffff;
  const problem =
    sum === 0 ? {} : { problem: `The words of the validation entry add up to ${hex(sum, 4)}: 0 was expected.` };
  const children = [
    header,
    field,
    reader.text("id_string", 4, 24, { note: "Maker of the CD." }),
    reader.u16("checksum", 28, (raw) => ({ value: hex(raw, 4), note: "Makes all words add up to 0." })),
    key,
  ];
  return { platform, field: reader.group("validation entry", 0, ENTRY_BYTES, platform, children, problem) };
}

function sectionHeader(reader: FieldReader): { platform: string; entries: number; field: Field } {
  const { platform, field } = platformField(reader);
  const entries = reader.u16("section_entries", 2);
  const children = [
    reader.u8("header_indicator", 0, (raw) => ({ value: raw === 0x91 ? "last (0x91)" : "more follow (0x90)" })),
    field,
    entries,
    reader.text("id_string", 4, 28),
  ];
  return { platform, entries: entries.raw, field: reader.group("section header", 0, ENTRY_BYTES, platform, children) };
}

async function imageEntry(disk: Volume, reader: FieldReader, platform: string): Promise<BootImage> {
  const indicator = reader.u8("boot_indicator", 0, (raw) => ({ value: raw === 0x88 ? "bootable" : "not bootable" }));
  const medium = reader.u8("boot_media_type", 1, (raw) => ({
    value: MEDIA[raw & 0xf] ?? hex(raw, 2),
    note: "What the BIOS shows the image as.",
  }));
  const segment = reader.u16("load_segment", 2, (raw) => ({
    value: raw === 0 ? "0 (that is 0x07C0)" : hex(raw, 4),
    note: "Real-mode segment where the image is loaded.",
  }));
  const sectors = reader.u16("sector_count", 6, { note: "Sectors of 512 bytes that are loaded at once." });
  const lba = reader.u32("load_rba", 8, { note: "First sector of the image, counted in 2048 bytes." });
  const offset = lba.raw * SECTOR;
  if (!disk.has(offset, Math.max(1, sectors.raw) * VIRTUAL_SECTOR)) {
    lba.problem = `The boot image would lie at ${hex(offset)}, beyond the end of the disk.`;
  }
  const children: Field[] = [indicator, medium, segment, reader.u8("system_type", 4), sectors, lba];
  const table = lba.problem === undefined ? await bootInfoTable(disk, lba.raw) : undefined;
  if (table) children.push(table);
  const value = `${platform}, ${medium.value}, sector ${lba.raw}`;
  return {
    platform,
    bootable: indicator.raw === 0x88,
    media: medium.value,
    loadSegment: segment.raw === 0 ? 0x7c0 : segment.raw,
    sectors: sectors.raw,
    offset: disk.at(offset),
    field: reader.group("boot entry", 0, ENTRY_BYTES, value, children),
  };
}

async function bootInfoTable(disk: Volume, lba: number): Promise<Field | undefined> {
  const at = lba * SECTOR;
  if (!disk.has(at, BOOT_INFO_END)) return undefined;
  const bytes = await disk.read(at, BOOT_INFO_END, "the boot image");
  const found = bootInformation(new FieldReader(bytes, disk.at(at), "the boot image"));
  return found?.image === lba ? found.field : undefined;
}

/**
 * The table at byte 8 of a boot image, in which ISOLINUX and GRUB keep the CD's places (mkisofs -boot-info-table), and the
 * sector that it names as the image's own; undefined for images without one.
 */
export function bootInformation(reader: FieldReader): { image: number; field: Field } | undefined {
  const descriptor = reader.u32("bi_pvd", 8, { note: "Sector of the primary volume descriptor." });
  if (descriptor.raw !== FIRST_DESCRIPTOR) return undefined;
  const own = reader.u32("bi_file", 12, { note: "Sector of the image itself." });
  const field = reader.group("boot information table", 8, BOOT_INFO_END - 8, "", [
    descriptor,
    own,
    reader.u32("bi_length", 16, { note: "Bytes of the image." }),
    reader.u32("bi_csum", 20, (raw) => ({ value: hex(raw, 8), note: "Sum of its words from byte 64 on." })),
  ]);
  return { image: own.raw, field };
}
