/** Disks and CDs as an editor shows them: tables, volumes with their file systems, and boot code. */
import type { ByteSource, Volume } from "../../boot-formats/disk/byte-source.ts";
import { readElTorito, type BootImage } from "../../boot-formats/disk/el-torito.ts";
import { sizeText } from "../../boot-formats/disk/mbr.ts";
import { FormatError } from "../../boot-formats/errors.ts";
import { identifyContent, openFileSystem } from "../../boot-formats/filesystems/open.ts";
import type { CodeInfo } from "../../webview/artefact/messages.ts";
import { fieldNode, fieldProblems, fileStream, type Artefact, type ArtefactNode } from "./node.ts";
import { readDisk, type Disk, type DiskVolume } from "./volumes.ts";

const SECTOR = 512;
const BOOT_ADDRESS = "31744"; // 0x7c00
/** Code of an MBR ends before the disk signature; that of a volume goes on up to the boot signature. */
const MBR_CODE = 440;
const VOLUME_CODE = 510;
/** Of a CD's boot image, at most this much is told as code. */
const MAX_IMAGE_CODE = 64 * 1024;

const LAYOUTS = { none: "Disk", mbr: "MBR disk", gpt: "GPT disk", hybrid: "GPT disk with hybrid MBR" };

/** @throws FormatError when the disk cannot be read at all */
export async function diskArtefact(source: ByteSource): Promise<Artefact> {
  const disk = await readDisk(source);
  const { layout } = disk;
  // Without a partition table the first sector need not be a boot sector.
  const problems = [...layout.problems, ...(layout.kind === "none" ? [] : fieldProblems(layout.fields))];
  const nodes = layout.fields.map((field) => fieldNode(field, 0));
  const codes: CodeInfo[] = [];
  const first = await disk.whole.read(0, SECTOR, "the boot sector");
  if (first[510] === 0x55 && first[511] === 0xaa && first.subarray(0, MBR_CODE).some((byte) => byte !== 0)) {
    const [label, length] = layout.kind === "none" ? ["Boot sector", VOLUME_CODE] : ["MBR", MBR_CODE];
    codes.push(...sectorCodes(label, first, 0, length));
  }
  if (disk.isCd) {
    const { images, added } = await bootCatalog(disk, problems);
    nodes.push(...added);
    codes.push(...images);
  }
  for (const volume of disk.volumes) {
    nodes.push(volumeNode(volume));
    codes.push(...(await volumeCodes(volume)));
  }
  const kind = disk.isCd
    ? "CD image (ISO 9660)"
    : layout.kind === "none"
      ? await wholeKind(disk)
      : LAYOUTS[layout.kind];
  const count = disk.volumes.filter(({ partition }) => partition).length;
  const summary = [
    sizeText(layout.size),
    ...(count > 0 ? [`${count} ${count === 1 ? "partition" : "partitions"}`] : []),
    ...(layout.bootCode ? [`boot code: ${layout.bootCode.name}`] : []),
  ].join(" · ");
  return {
    kind,
    summary,
    problems: [...new Set(problems)],
    streams: [fileStream(source)],
    codes,
    actions: [
      { id: "browse", label: "Browse Contents", title: "Show the files of its volumes in the view Boot Artefacts" },
      {
        id: "extract",
        label: "Extract Here…",
        title: "Write the files of a volume into a new folder beside the image",
      },
    ],
    nodes,
  };
}

async function wholeKind({ whole }: Disk): Promise<string> {
  const content = await identifyContent(whole);
  return content ? `${content.name} without partition table` : "Disk without partition table";
}

function bootCode(label: string, offset: number, length: number): CodeInfo {
  return { label: `${label} (16-bit)`, stream: 0, offset, length, bits: 16, address: BOOT_ADDRESS };
}

/** A sector's code, and the same from where its first jump leads: over a parameter block, which is no code. */
function sectorCodes(label: string, sector: Uint8Array, offset: number, length: number): CodeInfo[] {
  const all = bootCode(label, offset, length);
  const target = 2 + (sector[1] ?? 0);
  if (sector[0] !== 0xeb || target < 4 || target >= Math.min(length, 0x80)) return [all];
  const address = String(Number(BOOT_ADDRESS) + target);
  return [all, { ...bootCode(`${label} behind its first jump`, offset + target, length - target), address }];
}

async function volumeCodes({ partition, volume }: DiskVolume): Promise<CodeInfo[]> {
  if (!partition || !volume.has(0, SECTOR)) return [];
  const sector = await volume.read(0, SECTOR, "a boot sector");
  // Boot sectors of volumes begin with a jump over their parameter block.
  const jumps = sector[0] === 0xeb || sector[0] === 0xe9 || sector[0] === 0xfa || sector[0] === 0x33;
  if (sector[510] !== 0x55 || sector[511] !== 0xaa || !jumps) return [];
  return sectorCodes(`Boot sector of partition ${partition.number}`, sector, volume.at(0), VOLUME_CODE);
}

async function bootCatalog(disk: Disk, problems: string[]): Promise<{ images: CodeInfo[]; added: ArtefactNode[] }> {
  try {
    const catalog = await readElTorito(disk.whole);
    if (!catalog) return { images: [], added: [] };
    problems.push(...catalog.problems);
    return {
      images: catalog.images.filter((image) => isBiosCode(image)).map((image) => imageCode(image, disk.whole.size)),
      added: catalog.fields.map((field) => fieldNode(field, 0)),
    };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    problems.push(error.message);
    return { images: [], added: [] };
  }
}

function isBiosCode({ platform, bootable }: BootImage): boolean {
  return platform === "x86 BIOS" && bootable;
}

function imageCode({ offset, sectors, loadSegment }: BootImage, diskSize: number): CodeInfo {
  const length = Math.min(Math.max(sectors, 1) * SECTOR, MAX_IMAGE_CODE, Math.max(0, diskSize - offset));
  const address = loadSegment === 0 ? BOOT_ADDRESS : String(loadSegment * 16);
  return { ...bootCode("Boot image of the CD", offset, length), address };
}

function volumeNode({ partition, volume }: DiskVolume): ArtefactNode {
  const name = partition ? `partition ${partition.number}` : "whole disk";
  const label = partition?.name ? `"${partition.name}", ` : "";
  const value = partition ? `${label}${partition.typeName}, ${sizeText(volume.size)}` : sizeText(volume.size);
  return {
    name,
    value,
    note: "What lies in it: see Browse Contents for its files.",
    // The whole disk is no field that a byte belongs to; what is found in it may be.
    ...(partition ? { stream: 0 } : {}),
    offset: volume.start,
    length: volume.size,
    children: () => volumeChildren(volume, 0),
  };
}

/** What lies in a volume, whose bytes are those of a stream. */
export async function volumeChildren(volume: Volume, stream: number): Promise<ArtefactNode[]> {
  const place = { offset: volume.start, length: 0 };
  const content = await identifyContent(volume);
  if (!content) return [{ name: "content", value: "unknown", note: "No file system was recognised.", ...place }];
  if (!content.readable) {
    const fields = content.fields.map((field) => fieldNode(field, stream));
    return [{ name: "content", value: content.name, note: "It is not read here.", ...place }, ...fields];
  }
  const system = await openFileSystem(volume);
  const words = [system.kind, ...(system.label ? [`label "${system.label}"`] : []), system.uuid];
  return [
    {
      name: "file system",
      value: words.filter((word) => word !== "").join(", "),
      note: "Its files are shown by Browse Contents.",
      ...place,
      ...(system.problems[0] === undefined ? {} : { problem: system.problems[0] }),
    },
    ...system.fields.map((field) => fieldNode(field, stream)),
  ];
}
