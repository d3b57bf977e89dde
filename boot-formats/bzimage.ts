/**
 * The bzImage: real-mode setup code with the setup header, protected-mode code, and in it the compressed kernel
 * (kernel Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header").
 */
import { decompress, DEFAULT_OUTPUT_LIMIT, detectCompression, type Compression } from "./compression/decompress.ts";
import { FormatError } from "./errors.ts";
import { isElf } from "./elf.ts";
import { FieldReader } from "./fields.ts";
import { BOOT_FLAG, HDRS_MAGIC, protocolName, setupHeaderFields } from "./kernel/setup-header.ts";

/** A range of bytes within the file, `end` excluded. */
export interface ByteRange {
  start: number;
  end: number;
}

/** One field of the setup header as it stands in the file. */
export interface SetupField {
  name: string;
  range: ByteRange;
  value: bigint;
}

export interface BzImage {
  /** Boot protocol version, major in the high byte: 0x020f is 2.15. */
  protocol: number;
  /** All fields of the setup header that this protocol version has, in file order. */
  fields: SetupField[];
  /** Real-mode part: boot sector and setup code. */
  setup: ByteRange;
  /** Protected-mode part, loaded at 1 MiB or `prefAddress`. */
  protectedMode: ByteRange;
  /** The setup header itself, 0x1f1 up to its end: what a loader copies into boot_params. */
  header: ByteRange;
  /** Compressed kernel, within the file. */
  payload: ByteRange;
  compression: Compression | undefined;
  loadflags: number;
  xloadflags: number;
  /** Whether there is a 64-bit entry at 0x200 of the protected-mode part (XLF_KERNEL_64). */
  has64BitEntry: boolean;
  relocatable: boolean;
  /** Alignment of the load address when relocatable, bytes. */
  kernelAlignment: number;
  prefAddress: number;
  /** Bytes of memory that the kernel needs from its load address on before it has read the memory map. */
  initSize: number;
  /** Highest physical address that the initrd may occupy. */
  initrdAddrMax: number;
  /** Longest command line, terminating zero not counted. */
  cmdlineSize: number;
  /** The text that says which kernel it is ("6.1.0-56-cloud-amd64 (…) #1 SMP …"), empty when there is none. */
  versionText: string;
}

const HEADER_START = 0x1f1;
/** End of the header in the newest protocol: boot_params has room up to here (struct setup_header). */
const HEADER_LIMIT = 0x290;
const MINIMUM_PROTOCOL = 0x20a;
const LOADED_HIGH = 0x01;
const XLF_KERNEL_64 = 0x01;

/** Refuses files of other kinds, each by its name. */
function rejectOtherKinds(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length === 0) throw new FormatError("The kernel file is empty: a bzImage was expected.");
  if (bytes.length >= 0x40 && view.getUint32(0x38, true) === 0x644d5241) {
    throw new FormatError("The kernel is an arm64 Image (magic ARM\\x64 at 0x38): an x86 bzImage was expected.");
  }
  if (isElf(bytes)) throw new FormatError("The kernel is an ELF file, not a bzImage.");
  const compression = detectCompression(bytes);
  if (compression) {
    throw new FormatError(`The kernel file is plain ${compression} data: a bzImage or an ELF vmlinux was expected.`);
  }
  if (bytes.length < 0x202 || view.getUint16(0x1fe, true) !== BOOT_FLAG) {
    throw new FormatError("Not a bzImage: the boot flag 0xAA55 is missing at 0x1FE.");
  }
  if (bytes.length < 0x208 || view.getUint32(0x202, true) !== HDRS_MAGIC) {
    throw new FormatError('Not a bzImage: the magic "HdrS" is missing at 0x202.');
  }
}

function readFields(bytes: Uint8Array, protocol: number): SetupField[] {
  const reader = new FieldReader(bytes, 0, "the setup header");
  return setupHeaderFields(reader, protocol).map(({ name, offset, length, raw }) => ({
    name,
    range: { start: offset, end: offset + length },
    value: BigInt(raw),
  }));
}

/** Parses and checks a bzImage of boot protocol 2.10 (Linux 2.6.31) or later; throws FormatError. */
export function parseBzImage(bytes: Uint8Array): BzImage {
  rejectOtherKinds(bytes);
  const protocol = bytes[0x206]! | (bytes[0x207]! << 8);
  if (protocol < MINIMUM_PROTOCOL) {
    throw new FormatError(
      `The kernel speaks boot protocol ${protocolName(protocol)}: 2.10 (Linux 2.6.31) or later is needed.`,
    );
  }
  if (bytes.length < HEADER_LIMIT) {
    throw new FormatError(`The bzImage is truncated: ${bytes.length} bytes do not even hold the setup header.`);
  }
  const fields = readFields(bytes, protocol);
  const values = new Map(fields.map((field) => [field.name, Number(field.value)]));
  const value = (name: string): number => values.get(name) ?? 0;
  if (!(value("loadflags") & LOADED_HIGH)) {
    throw new FormatError("The kernel is a zImage (LOADED_HIGH is clear in loadflags): a bzImage was expected.");
  }
  // Four sectors when the field is 0, for boot sectors older than the field (boot.rst).
  const setupEnd = ((value("setup_sects") || 4) + 1) * 512;
  const imageEnd = setupEnd + value("syssize") * 16;
  if (imageEnd > bytes.length) {
    throw new FormatError(
      `The bzImage is truncated: its header announces ${imageEnd} bytes, the file has ${bytes.length}.`,
    );
  }
  const headerEnd = Math.min(0x202 + bytes[0x201]!, HEADER_LIMIT);
  const payload = { start: setupEnd + value("payload_offset"), end: 0 };
  payload.end = payload.start + value("payload_length");
  if (payload.end > imageEnd) {
    throw new FormatError(`The bzImage is damaged: its payload ends at byte ${payload.end}, the image at ${imageEnd}.`);
  }
  const prefAddress = value("pref_address");
  const alignment = value("kernel_alignment");
  if (value("relocatable_kernel") && (alignment === 0 || (alignment & (alignment - 1)) !== 0)) {
    throw new FormatError(`The bzImage is damaged: kernel_alignment is ${alignment}, a power of two was expected.`);
  }
  if (value("init_size") === 0) throw new FormatError("The bzImage is damaged: init_size is 0.");
  return {
    protocol,
    fields,
    setup: { start: 0, end: setupEnd },
    protectedMode: { start: setupEnd, end: imageEnd },
    header: { start: HEADER_START, end: headerEnd },
    payload,
    compression: detectCompression(bytes.subarray(payload.start, payload.end)),
    loadflags: value("loadflags"),
    xloadflags: value("xloadflags"),
    has64BitEntry: (value("xloadflags") & XLF_KERNEL_64) !== 0,
    relocatable: value("relocatable_kernel") !== 0,
    kernelAlignment: alignment,
    prefAddress,
    initSize: value("init_size"),
    initrdAddrMax: value("initrd_addr_max"),
    cmdlineSize: value("cmdline_size"),
    versionText: readVersionText(bytes, value("kernel_version"), setupEnd),
  };
}

/** The string that `kernel_version` points to: its offset in the file less 0x200. */
function readVersionText(bytes: Uint8Array, pointer: number, setupEnd: number): string {
  const start = pointer + 0x200;
  if (pointer === 0 || start >= setupEnd) return "";
  const slice = bytes.subarray(start, Math.min(start + 256, setupEnd));
  const end = slice.indexOf(0);
  return new TextDecoder("latin1").decode(slice.subarray(0, end < 0 ? slice.length : end));
}

/**
 * The ELF vmlinux within a bzImage, decompressed; relocation entries of a relocatable kernel follow it. Throws
 * FormatError when the payload cannot be decompressed within `limit` bytes or is no ELF file.
 */
export async function extractVmlinux(bytes: Uint8Array, limit = DEFAULT_OUTPUT_LIMIT): Promise<Uint8Array> {
  const image = parseBzImage(bytes);
  const payload = bytes.subarray(image.payload.start, image.payload.end);
  const vmlinux = await decompress(payload, limit);
  const announced = new DataView(payload.buffer, payload.byteOffset).getUint32(payload.length - 4, true);
  if (vmlinux.length !== announced) {
    throw new FormatError(
      `The bzImage is damaged: its kernel decompresses to ${vmlinux.length} bytes, ${announced} were announced.`,
    );
  }
  if (!isElf(vmlinux)) throw new FormatError("The bzImage's payload is no ELF file.");
  return vmlinux;
}
