/** A bzImage laid out for a view: every part of the file, and every field of its headers. */
import { parseBzImage, type BzImage } from "../bzimage.ts";
import { FieldReader, hex, type Field } from "../fields.ts";
import { peFields } from "./pe.ts";
import { setupHeaderFields } from "./setup-header.ts";

const KERNEL_INFO_MAGIC = "LToP";
const KERNEL_INFO_BYTES = 16;
const SECTOR = 512;

/** kernel_info of protocol 2.15 (boot.rst, "The kernel_info"), empty when it is not there. */
function kernelInfoFields(reader: FieldReader, image: BzImage): Field[] {
  const offset = image.fields.find(({ name }) => name === "kernel_info_offset")?.value ?? 0n;
  const at = image.protectedMode.start + Number(offset);
  if (offset === 0n || at + KERNEL_INFO_BYTES > image.protectedMode.end) return [];
  const magic = reader.text("header", at, 4, { note: `the magic "${KERNEL_INFO_MAGIC}"` });
  if (magic.value !== KERNEL_INFO_MAGIC) return [];
  const size = reader.u32("size", at + 4, { note: "bytes of the fixed part" });
  const children = [
    magic,
    size,
    reader.u32("size_total", at + 8, { note: "bytes with the variable part" }),
    reader.u32("setup_type_max", at + 12, (raw) => ({ value: hex(raw), note: "highest type of setup_data known" })),
  ];
  return [
    reader.group("kernel_info", at, KERNEL_INFO_BYTES, `${size.raw} bytes`, children, {
      note: "more about the kernel for loaders, never changed by them",
    }),
  ];
}

/** Every part of a bzImage in the order of the file. Throws FormatError as `parseBzImage` does. */
export function bzImageFields(bytes: Uint8Array): Field[] {
  const image = parseBzImage(bytes);
  const reader = new FieldReader(bytes, 0, "the bzImage");
  const { setup, protectedMode, header, payload } = image;
  const versionStart = Number(image.fields.find(({ name }) => name === "kernel_version")?.value ?? 0n) + 0x200;
  const version = image.versionText
    ? [reader.blob("kernel version string", versionStart, image.versionText.length, { value: image.versionText })]
    : [];
  const entries: Field[] = [
    reader.blob("32-bit entry", protectedMode.start, 1, {
      value: "startup_32",
      note: "where a loader jumps in protected mode, paging off",
    }),
  ];
  if (image.has64BitEntry && protectedMode.start + SECTOR < protectedMode.end) {
    entries.push(
      reader.blob("64-bit entry", protectedMode.start + SECTOR, 1, {
        value: "startup_64",
        note: "where a loader jumps in long mode, memory mapped to itself",
      }),
    );
  }
  const packed = reader.blob("payload", payload.start, payload.end - payload.start, {
    value: `${payload.end - payload.start} bytes, ${image.compression ?? "of no known compression"}`,
    note: "the compressed ELF vmlinux with its relocations, and the size of both as the last four bytes",
  });
  const code = [...entries, packed, ...kernelInfoFields(reader, image)].sort((a, b) => a.offset - b.offset);
  const fields = [
    ...peFields(bytes),
    reader.group(
      "boot sector and setup code",
      setup.start,
      setup.end - setup.start,
      `${setup.end / SECTOR} sectors`,
      [
        reader.group(
          "setup header",
          header.start,
          header.end - header.start,
          `boot protocol ${image.protocol >> 8}.${String(image.protocol & 0xff).padStart(2, "0")}`,
          setupHeaderFields(reader, image.protocol),
          { note: "what kernel and boot loader tell each other; copied into boot_params" },
        ),
        ...version,
      ],
      { note: "real-mode code: asks the BIOS for memory map and video mode, then enters protected mode" },
    ),
    reader.group(
      "protected-mode code",
      protectedMode.start,
      protectedMode.end - protectedMode.start,
      `${protectedMode.end - protectedMode.start} bytes`,
      code,
      { note: "the decompressor and the compressed kernel, loaded at code32_start" },
    ),
  ];
  if (bytes.length > protectedMode.end) {
    fields.push(
      reader.blob("behind the image", protectedMode.end, bytes.length - protectedMode.end, {
        note: "not loaded: signatures for Secure Boot lie here",
      }),
    );
  }
  return fields;
}
