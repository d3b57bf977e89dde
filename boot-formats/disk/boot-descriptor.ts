/** What this project's own boot loader is to load: the descriptor behind its second stage (emulator/firmware/loader). */
import type { Volume } from "./byte-source.ts";
import { FieldReader, hex, type Field } from "../fields.ts";

const SECTOR = 512;
const STAGE2_SECTOR = 1;
const DESCRIPTOR_SECTOR = 17;
const STAGE2_MAGIC = "BSS2";
const MAGIC = "BOOTDESC";
const CMDLINE_AT = 64;
const CMDLINE_MAX = 2048;

/** Second stage and descriptor; none when their magics are not there. */
export async function readBootDescriptor(disk: Volume): Promise<Field[]> {
  const at = DESCRIPTOR_SECTOR * SECTOR;
  const length = CMDLINE_AT + CMDLINE_MAX;
  if (!disk.has(at, length)) return [];
  const stage2 = new FieldReader(
    await disk.read(STAGE2_SECTOR * SECTOR, (DESCRIPTOR_SECTOR - STAGE2_SECTOR) * SECTOR, "the second stage"),
    disk.at(STAGE2_SECTOR * SECTOR),
    "the second stage",
  );
  const reader = new FieldReader(
    await disk.read(at, length, "the boot descriptor"),
    disk.at(at),
    "the boot descriptor",
  );
  const magic = reader.text("magic", 0, 8);
  const stage2Magic = stage2.text("magic", 0, 4);
  if (magic.value !== MAGIC || stage2Magic.value !== STAGE2_MAGIC) return [];
  const sector = (name: string, place: number, note: string): Field =>
    reader.u64(name, place, (raw) => ({ value: `sector ${raw}`, note }));
  const cmdlineBytes = reader.u32("cmdline_bytes", 32, (raw) => ({
    note: "Bytes of the command line, with the zero that ends it.",
    ...(raw > CMDLINE_MAX ? { problem: `${raw} bytes: at most ${CMDLINE_MAX} fit.` } : {}),
  }));
  return [
    stage2.group("second stage", 0, stage2.bytes.length, "loaded to 0x8000", [stage2Magic], {
      note: `Code of the boot loader: reads kernel and initramfs as the descriptor says, after the magic at ${hex(stage2.base)}.`,
    }),
    reader.group("boot descriptor", 0, length, "what is to be loaded", [
      magic,
      sector("kernel_lba", 8, "First sector of the kernel (bzImage)."),
      reader.u32("kernel_bytes", 16),
      sector("initrd_lba", 20, "First sector of the initramfs."),
      reader.u32("initrd_bytes", 28, { note: "0: there is none." }),
      cmdlineBytes,
      reader.text("cmdline", CMDLINE_AT, Math.min(cmdlineBytes.raw, CMDLINE_MAX), { note: "Kernel command line." }),
    ]),
  ];
}
