/**
 * The disk from which the built-in loader boots: MBR, second stage, descriptor, kernel and initramfs in consecutive
 * sectors. Layout and limits are those of loader/layout.inc (docs/firmware.md).
 */
import { FormatError } from "../../boot-formats/errors.ts";
import type { DiskSegment } from "../disks/composed-disk.ts";

const SECTOR = 512;
const STAGE2_LBA = 1;
const STAGE2_SECTORS = 16;
const DESCRIPTOR_LBA = STAGE2_LBA + STAGE2_SECTORS;
const DESCRIPTOR_SECTORS = 8;
/** Where the partition with kernel and initramfs begins: 1 MiB, as partitioning tools have it. */
const PARTITION_LBA = 2048;
const CMDLINE_OFFSET = 64;
const CMDLINE_MAX = 2048;
/** Code of the MBR; the disk signature and the partition table follow. */
const MBR_CODE = 440;
/** "Non-FS data": a partition that holds no file system. */
const PARTITION_TYPE = 0xda;
/** The protected-mode part must fit below what 32 bits of the descriptor can say, and below the PCI hole in any case. */
const FILE_MAX = 0xc000_0000;

/** The assembled loader. */
export interface LoaderImages {
  /** At most 440 bytes, for 0x7C00. */
  mbr: Uint8Array;
  /** At most 16 sectors, for 0x8000. */
  stage2: Uint8Array;
}

/** What the disk is to boot. */
export interface BootPayload {
  /** A bzImage. */
  kernel: Uint8Array;
  initrd?: Uint8Array;
  cmdline: string;
}

const sectorsOf = (bytes: number): number => Math.ceil(bytes / SECTOR);

/** A partition table entry (MBR) for sectors beyond CHS: both ends say "use LBA". */
function partitionEntry(type: number, lba: number, sectors: number): Uint8Array {
  const entry = new Uint8Array(16);
  const view = new DataView(entry.buffer);
  entry.set([0x80, 0xfe, 0xff, 0xff, type, 0xfe, 0xff, 0xff]);
  view.setUint32(8, lba, true);
  view.setUint32(12, sectors, true);
  return entry;
}

/**
 * Size and ranges of a disk that boots `payload` by the built-in loader, for `composedDisk`. Throws FormatError when a
 * part does not fit: an empty kernel, a command line longer than 2047 bytes, files of 3 GiB and more.
 */
export function composeBootDisk(payload: BootPayload, loader: LoaderImages): { size: number; segments: DiskSegment[] } {
  const { kernel, initrd } = payload;
  if (loader.mbr.length > MBR_CODE) {
    throw new FormatError(`The loader's first stage has ${loader.mbr.length} bytes: an MBR has room for ${MBR_CODE}.`);
  }
  if (loader.stage2.length > STAGE2_SECTORS * SECTOR) {
    throw new FormatError(
      `The loader's second stage has ${loader.stage2.length} bytes: ${STAGE2_SECTORS * SECTOR} are set aside for it.`,
    );
  }
  for (const [what, bytes] of [
    ["kernel", kernel],
    ["initrd", initrd],
  ] as const) {
    if (bytes && bytes.length >= FILE_MAX) {
      throw new FormatError(`The ${what} has ${bytes.length} bytes: less than ${FILE_MAX} were expected.`);
    }
  }
  if (kernel.length === 0) throw new FormatError("The kernel is empty: a bzImage was expected.");
  const cmdline = new TextEncoder().encode(`${payload.cmdline}\0`);
  if (cmdline.length > CMDLINE_MAX) {
    throw new FormatError(`The command line has ${cmdline.length - 1} bytes: at most ${CMDLINE_MAX - 1} fit.`);
  }
  const initrdBytes = initrd?.length ?? 0;
  const initrdLba = PARTITION_LBA + sectorsOf(kernel.length);
  const end = initrdLba + sectorsOf(initrdBytes);

  const head = new Uint8Array((DESCRIPTOR_LBA + DESCRIPTOR_SECTORS) * SECTOR);
  head.set(loader.mbr);
  head.set(partitionEntry(PARTITION_TYPE, PARTITION_LBA, end - PARTITION_LBA), 446);
  head.set([0x55, 0xaa], 510);
  head.set(loader.stage2, STAGE2_LBA * SECTOR);
  const descriptor = new DataView(head.buffer, DESCRIPTOR_LBA * SECTOR);
  head.set(new TextEncoder().encode("BOOTDESC"), DESCRIPTOR_LBA * SECTOR);
  descriptor.setBigUint64(8, BigInt(PARTITION_LBA), true);
  descriptor.setUint32(16, kernel.length, true);
  descriptor.setBigUint64(20, BigInt(initrdBytes > 0 ? initrdLba : 0), true);
  descriptor.setUint32(28, initrdBytes, true);
  descriptor.setUint32(32, cmdline.length, true);
  head.set(cmdline, DESCRIPTOR_LBA * SECTOR + CMDLINE_OFFSET);

  const segments: DiskSegment[] = [
    { at: 0, bytes: head },
    { at: PARTITION_LBA * SECTOR, bytes: kernel },
  ];
  if (initrd && initrdBytes > 0) segments.push({ at: initrdLba * SECTOR, bytes: initrd });
  return { size: end * SECTOR, segments };
}
