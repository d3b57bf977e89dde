/** Volume descriptors of ISO 9660 (ECMA-119, 8) and Joliet (a supplementary one with names in UTF-16). */
import type { Volume } from "../../disk/byte-source.ts";
import { FormatError } from "../../errors.ts";
import { FieldReader, hex, type Field } from "../../fields.ts";

/** Bytes of a sector, in which descriptors are counted whatever the block size. */
export const ISO_SECTOR = 2048;
const FIRST_DESCRIPTOR = 16;
/** There are three or four; the set ends with a terminator. */
const MAX_DESCRIPTORS = 64;
const ROOT_RECORD = 156;
/** Escape sequences by which Joliet tells its level of UCS-2. */
const JOLIET_LEVELS: Readonly<Record<string, number>> = { "%/@": 1, "%/C": 2, "%/E": 3 };

export interface VolumeDescriptor {
  kind: "primary" | "joliet" | "supplementary" | "boot" | "partition" | "terminator" | "unknown";
  /** Sector. */
  sector: number;
  bytes: Uint8Array;
  field: Field;
}

/** Directory and blocks of a primary or supplementary descriptor. */
export interface VolumeTree {
  blockSize: number;
  blocks: number;
  label: string;
  /** The root's directory record. */
  root: Uint8Array;
  /** Its place within the volume. */
  rootAt: number;
  /** ISO date of the volume's making, as Linux takes it for the UUID: "2026-01-01-00-00-00-00". */
  created: string;
}

export function isIsoDescriptor(bytes: Uint8Array): boolean {
  return bytes.length >= 7 && String.fromCharCode(...bytes.subarray(1, 6)) === "CD001";
}

/** All descriptors, the terminator included. @throws FormatError when there is none */
export async function readDescriptors(volume: Volume): Promise<VolumeDescriptor[]> {
  const found: VolumeDescriptor[] = [];
  for (let index = 0; index < MAX_DESCRIPTORS; index++) {
    const sector = FIRST_DESCRIPTOR + index;
    if (!volume.has(sector * ISO_SECTOR, ISO_SECTOR)) break;
    const bytes = await volume.read(sector * ISO_SECTOR, ISO_SECTOR, `the volume descriptor at sector ${sector}`);
    if (!isIsoDescriptor(bytes)) break;
    const descriptor = parseDescriptor(bytes, volume.at(sector * ISO_SECTOR), sector);
    found.push(descriptor);
    if (descriptor.kind === "terminator") break;
  }
  if (found.length === 0) {
    const place = hex(volume.at(FIRST_DESCRIPTOR * ISO_SECTOR));
    throw new FormatError(`There is no ISO 9660 volume descriptor ("CD001") at ${place}.`);
  }
  return found;
}

function parseDescriptor(bytes: Uint8Array, offset: number, sector: number): VolumeDescriptor {
  const reader = new FieldReader(bytes, offset, `the volume descriptor at sector ${sector}`);
  const type = bytes[0]!;
  const escape = String.fromCharCode(...bytes.subarray(88, 91));
  const level = type === 2 ? JOLIET_LEVELS[escape] : undefined;
  const kind = kindOf(type, level);
  const head = [
    reader.u8("type", 0, (raw) => ({ value: `${raw} (${kind})` })),
    reader.text("identifier", 1, 5),
    reader.u8("version", 6),
  ];
  const tree = kind === "primary" || kind === "joliet" || kind === "supplementary";
  const children = tree
    ? [...head, ...treeFields(reader, kind === "joliet")]
    : kind === "boot"
      ? [
          ...head,
          reader.text("boot_system_identifier", 7, 32),
          reader.u32("boot_catalog", 71, { note: "Sector of El Torito's catalog." }),
        ]
      : head;
  const name = kind === "joliet" ? `Joliet descriptor (level ${level})` : `${kind} descriptor`;
  const value = tree ? labelOf(bytes, kind === "joliet") : "";
  return { kind, sector, bytes, field: reader.group(name, 0, ISO_SECTOR, value, children) };
}

function kindOf(type: number, joliet: number | undefined): VolumeDescriptor["kind"] {
  if (joliet !== undefined) return "joliet";
  if (type === 255) return "terminator";
  return (["boot", "primary", "supplementary", "partition"] as const)[type] ?? "unknown";
}

function labelOf(bytes: Uint8Array, wide: boolean): string {
  return isoText(bytes.subarray(40, 72), wide).replaceAll("\0", "").trimEnd();
}

/** Text of a descriptor or a file identifier: bytes, or UTF-16 with the upper byte first. */
export function isoText(bytes: Uint8Array, wide: boolean): string {
  if (!wide) return String.fromCharCode(...bytes);
  let text = "";
  for (let at = 0; at + 1 < bytes.length; at += 2) text += String.fromCharCode(bytes[at]! * 256 + bytes[at + 1]!);
  return text;
}

function treeFields(reader: FieldReader, wide: boolean): Field[] {
  const text = (name: string, at: number, length: number, note?: string): Field => {
    const value = isoText(reader.bytes.subarray(at, at + length), wide)
      .replaceAll("\0", "")
      .trimEnd();
    return reader.text(name, at, length, { value, ...(note === undefined ? {} : { note }) });
  };
  return [
    text("system_identifier", 8, 32),
    text("volume_identifier", 40, 32, "Label."),
    reader.u32("volume_space_size", 80, { note: "Blocks; kept in both byte orders, as all numbers here." }),
    reader.u16("logical_block_size", 128),
    reader.u32("path_table_size", 132, { note: "Bytes of the list of all directories." }),
    reader.u32("path_table", 140, { note: "Its block." }),
    reader.group("root_directory_record", ROOT_RECORD, 34, `block ${reader.u32("", ROOT_RECORD + 2).raw}`, [
      reader.u32("extent", ROOT_RECORD + 2, { note: "Block of the root directory." }),
      reader.u32("data_length", ROOT_RECORD + 10, { note: "Its bytes." }),
    ]),
    text("volume_set_identifier", 190, 128),
    text("publisher_identifier", 318, 128),
    text("data_preparer_identifier", 446, 128),
    text("application_identifier", 574, 128),
    reader.text("volume_creation_date", 813, 16, { note: "Year to hundredths of a second, as digits." }),
    reader.text("volume_modification_date", 830, 16),
  ];
}

/** @throws FormatError when the descriptor's numbers are impossible */
export function volumeTree(volume: Volume, { bytes, sector, kind }: VolumeDescriptor): VolumeTree {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const blockSize = view.getUint16(128, true);
  if (![512, 1024, 2048].includes(blockSize)) {
    throw new FormatError(
      `In the volume descriptor at ${hex(volume.at(sector * ISO_SECTOR))} a block has ${blockSize} bytes: 512, 1024 or 2048 were expected.`,
    );
  }
  const digits = String.fromCharCode(...bytes.subarray(830, 846));
  const date =
    /^\d{16}$/.test(digits) && !/^0+$/.test(digits) ? digits : String.fromCharCode(...bytes.subarray(813, 829));
  return {
    blockSize,
    blocks: view.getUint32(80, true),
    label: labelOf(bytes, kind === "joliet"),
    root: bytes.subarray(ROOT_RECORD, ROOT_RECORD + 34),
    rootAt: sector * ISO_SECTOR + ROOT_RECORD,
    created: date.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/, "$1-$2-$3-$4-$5-$6-$7"),
  };
}
