/** "bootscope/bootSector": what lies where a BIOS puts a boot sector, field by field, and the disk that it came from. */
import { readBootCode } from "../../boot-formats/disk/boot-code.ts";
import { memorySource, Volume } from "../../boot-formats/disk/byte-source.ts";
import { bootInformation } from "../../boot-formats/disk/el-torito.ts";
import { hasPartitionTable, parseMbr } from "../../boot-formats/disk/mbr.ts";
import { FormatError } from "../../boot-formats/errors.ts";
import { FieldReader, hex as upperHex, type Field } from "../../boot-formats/fields.ts";
import { readFatBootSector } from "../../boot-formats/filesystems/fat/boot-sector.ts";
import { identifyContent } from "../../boot-formats/filesystems/open.ts";
import { hex, phys } from "../address.ts";
import { originText } from "../boot-events.ts";
import { originsAt } from "../origins.ts";
import type { BootSectorOrigin, BootSectorResponse } from "../protocol.ts";
import type { DiskOrigin, Target } from "../target.ts";
import { toWire } from "../wire.ts";
import { wireFields } from "./wire-fields.ts";

const START = 0x7c00;
const LENGTH = 512;
const SIGNATURE_AT = 510;
/** Sectors of a CD. */
const CD_SECTOR = 2048;

/** What the bytes are: one sentence, and their fields at guest physical addresses. */
interface Meaning {
  summary: string;
  fields: Field[];
}

export async function bootSector(target: Target): Promise<BootSectorResponse> {
  const bytes = await target.readMemory("phys", BigInt(START), LENGTH);
  const origins = await originsAt(target, phys(BigInt(START)), LENGTH);
  const { summary, fields } = await meaningOf(bytes, origins[0]?.sectorSize === CD_SECTOR);
  return {
    physical: hex(START),
    data: Buffer.from(bytes).toString("base64"),
    summary,
    fields: wireFields(fields),
    origins: await Promise.all(origins.map((origin) => besideDisk(target, origin, bytes))),
  };
}

/** An origin with the bytes that its disk holds now. */
async function besideDisk(
  target: Pick<Target, "readDrive">,
  origin: DiskOrigin,
  memory: Uint8Array,
): Promise<BootSectorOrigin> {
  const at = origin.lba * origin.sectorSize + origin.offsetInSector;
  const disk = await target.readDrive(origin.drive, at, origin.bytes);
  const first = Number(origin.physical) - START;
  const differ = disk.reduce((count, byte, index) => count + (memory[first + index] === byte ? 0 : 1), 0);
  return { ...toWire(origin), text: originText(origin), disk: Buffer.from(disk).toString("base64"), differ };
}

/** `fromCd`: the bytes came from a CD's sector, so they are a boot image of El Torito, or a piece of one. */
export async function meaningOf(bytes: Uint8Array, fromCd: boolean): Promise<Meaning> {
  if (bytes.length < LENGTH) return { summary: `Only ${bytes.length} of ${LENGTH} bytes are memory.`, fields: [] };
  if (bytes.every((byte) => byte === 0)) {
    return { summary: "All zero: no boot sector was loaded here.", fields: [] };
  }
  const reader = new FieldReader(bytes, START, "the boot sector");
  const information = bootInformation(reader);
  if (fromCd || (information !== undefined && !isSigned(bytes))) return bootImage(reader, information?.field);
  const mbr = parseMbr(bytes, START);
  if (hasPartitionTable(bytes) && mbr.primary.length > 0) {
    const count = mbr.primary.length;
    const table = mbr.protectsGpt ? "it protects a GPT" : `${count} partition${count === 1 ? "" : "s"}`;
    return { summary: `MBR: ${codeName(mbr.field.value)}, ${table}.`, fields: [mbr.field] };
  }
  return (await volumeSector(bytes)) ?? plainSector(reader);
}

const isSigned = (bytes: Uint8Array): boolean => bytes[SIGNATURE_AT] === 0x55 && bytes[SIGNATURE_AT + 1] === 0xaa;

/** The value of an MBR's code for a sentence. */
const codeName = (value: string): string =>
  value === "none" ? "no boot code" : value === "unknown" ? "unknown boot code" : value;

function bootImage(reader: FieldReader, information: Field | undefined): Meaning {
  const code = readBootCode(reader);
  const parts = [...(information ? [information] : []), ...(code?.fields ?? [])];
  const field = reader.group("boot image", 0, LENGTH, code?.name ?? "unknown boot code", parts, {
    note: "Beginning of what the BIOS loaded from the CD, by its El Torito boot catalog: code, without a partition table.",
  });
  return { summary: `El Torito boot image: ${field.value}.`, fields: [field] };
}

/** The first sector of a file system that is known; undefined for others. */
async function volumeSector(bytes: Uint8Array): Promise<Meaning | undefined> {
  // In a volume at its guest address, so that fields say that.
  const memory = new Uint8Array(START + LENGTH);
  memory.set(bytes, START);
  const volume = Volume.whole(memorySource(memory), "guest memory").part(START, LENGTH, "the boot sector");
  const content = await identifyContent(volume);
  if (content === undefined) return undefined;
  if (content.name !== "FAT") return { summary: `Boot sector of a volume: ${content.name}.`, fields: content.fields };
  try {
    const { kind, field } = await readFatBootSector(volume);
    const code = readBootCode(new FieldReader(bytes, START));
    return { summary: `${kind} boot sector: ${code?.name ?? "unknown boot code"}.`, fields: [field] };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    const plain = plainSector(new FieldReader(bytes, START, "the boot sector"));
    return { ...plain, summary: `FAT boot sector, damaged: ${error.message}` };
  }
}

/** Code up to the boot signature, as beginners write it. */
function plainSector(reader: FieldReader): Meaning {
  const code = readBootCode(reader);
  const name = code?.name ?? "unknown code";
  const signed = isSigned(reader.bytes);
  const parts = [
    reader.blob("code", 0, SIGNATURE_AT, {
      value: name,
      ...(code && code.fields.length > 0 && { children: code.fields }),
    }),
    reader.u16("boot_signature", SIGNATURE_AT, (raw) => ({
      value: signed ? "55 AA" : upperHex(raw, 4),
      note: "The BIOS starts only sectors that end with the bytes 55 AA.",
      ...(signed ? {} : { problem: "The boot signature 55 AA is missing." }),
    })),
  ];
  const summary = signed
    ? `Boot sector without a partition table: ${name}.`
    : "No boot sector: the signature (55 aa) at 0x7dfe is missing.";
  return { summary, fields: [reader.group("boot sector", 0, LENGTH, name, parts)] };
}
