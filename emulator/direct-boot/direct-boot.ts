/**
 * Direct boot: puts a kernel, its initrd and its command line into memory as a boot loader would, with the tables that
 * firmware would have left, and says in which state the processor enters the kernel (docs/direct-boot.md).
 */
import { buildBootParams, E820_ACPI, E820_RAM, E820_RESERVED, type E820Entry } from "../../boot-formats/boot-params.ts";
import { parseBzImage } from "../../boot-formats/bzimage.ts";
import { EM_386, EM_X86_64, isElf, parseElf, PT_LOAD, type Elf } from "../../boot-formats/elf.ts";
import { buildAcpiTables } from "./acpi-tables.ts";
import { buildGdt, buildIdentityPageTables, cpuAtEntry } from "./cpu-setup.ts";
import {
  DirectBootError,
  type DirectBoot,
  type DirectBootConfig,
  type KernelInfo,
  type LayoutRange,
  type MemoryWrite,
} from "./types.ts";

const MIB = 1024 * 1024;
const PAGE = 4096;
/** RAM ends below the PCI hole at 3 GiB. */
const MAX_MEMORY_MIB = 3072;

const STACK_TOP = 0x7000;
const BOOT_PARAMS_ADDRESS = 0x7000;
const CMDLINE_ADDRESS = 0x2_0000;
/** Room for the command line, its terminating zero included. */
const CMDLINE_ROOM = 0x1_0000;
const LOW_RAM_END = 0x9_fc00;
const EBDA_END = 0xa_0000;
const ACPI_ADDRESS = 0xe_0000;
const BIOS_ADDRESS = 0xf_0000;
const HIGH_MEMORY = 0x10_0000;
const IOAPIC_ADDRESS = 0xfec0_0000;
const LAPIC_ADDRESS = 0xfee0_0000;

/** Offset of the 64-bit entry in the protected-mode part (boot.rst, "64-bit boot protocol"). */
const ENTRY_64_OFFSET = 0x200;
/** What an ELF kernel, which has no header to say so, takes: the values of every x86-64 kernel since 2.6.31. */
const ELF_CMDLINE_SIZE = 2047;
const ELF_INITRD_MAX = 0x7fff_ffff;

/** A kernel in its place. */
interface LoadedKernel {
  writes: MemoryWrite[];
  ranges: LayoutRange[];
  /** Physical range that the kernel needs for itself until it has read the memory map. */
  claim: { start: number; end: number };
  info: KernelInfo;
  header?: Uint8Array;
  cmdlineSize: number;
  initrdAddrMax: number;
}

const hex = (value: number): string => `0x${value.toString(16)}`;
const mib = (bytes: number): string => `${Math.ceil(bytes / MIB)} MiB`;

/** Everything of the user's in its place. */
interface Placed {
  ramEnd: number;
  kernel: LoadedKernel;
  cmdline: Uint8Array;
  initrd: MemoryWrite | undefined;
}

/**
 * What the kernel says of itself. Throws DirectBootError or FormatError, each with one sentence for the user, when the
 * configuration cannot boot. Of a bzImage only the header is looked at, of an initrd its size.
 */
export function checkDirectBoot(config: DirectBootConfig): KernelInfo {
  return placeAll(config).kernel.info;
}

function placeAll(config: DirectBootConfig): Placed {
  const { memoryMiB } = config;
  if (!Number.isInteger(memoryMiB) || memoryMiB < 1 || memoryMiB > MAX_MEMORY_MIB) {
    throw new DirectBootError(`Memory of ${memoryMiB} MiB: a whole number from 1 to ${MAX_MEMORY_MIB} was expected.`);
  }
  const ramEnd = memoryMiB * MIB;
  const kernel = isElf(config.kernel) ? loadElf(config.kernel, config.entry) : loadBzImage(config.kernel, config.entry);
  if (kernel.claim.end > ramEnd) {
    throw new DirectBootError(
      `The kernel needs memory up to ${mib(kernel.claim.end)}, the machine has ${memoryMiB} MiB: give it more.`,
    );
  }
  const cmdline = encodeCmdline(config.cmdline, kernel.cmdlineSize);
  const initrd = config.initrd && config.initrd.length > 0 ? placeInitrd(config.initrd, kernel, ramEnd) : undefined;
  return { ramEnd, kernel, cmdline, initrd };
}

/** Throws as `checkDirectBoot` does. */
export function prepareDirectBoot(config: DirectBootConfig): DirectBoot {
  const { ramEnd, kernel, cmdline, initrd } = placeAll(config);
  const acpi = buildAcpiTables({ tables: ACPI_ADDRESS, rsdp: BIOS_ADDRESS });
  const bootParams = buildBootParams({
    e820: memoryMap(ramEnd, acpi.tables.physical + acpi.tables.bytes.length),
    cmdline: CMDLINE_ADDRESS,
    acpiRsdp: acpi.rsdp.physical,
    // As the board's adapter comes up without firmware.
    textScreen: { mode: 3, columns: 80, rows: 25, fontHeight: 16 },
    ...(kernel.header ? { header: kernel.header } : {}),
    ...(kernel.info.format === "bzImage" ? { code32Start: kernel.info.loadAddress } : {}),
    ...(initrd ? { initrd: { start: initrd.physical, size: initrd.bytes.length } } : {}),
  });

  const named: [string, string, MemoryWrite][] = [
    ["gdt", "GDT with __BOOT_CS and __BOOT_DS", buildGdt(kernel.info.entry)],
    ["boot_params", "boot_params, the zero page", { physical: BOOT_PARAMS_ADDRESS, bytes: bootParams }],
    ["command line", "kernel command line, zero-terminated", { physical: CMDLINE_ADDRESS, bytes: cmdline }],
    ["ACPI tables", "RSDT, XSDT, FADT, FACS, MADT, HPET, DSDT", acpi.tables],
    ["RSDP", "ACPI root pointer", acpi.rsdp],
  ];
  if (kernel.info.entry === "64") {
    named.push(["page tables", "identity map of 4 GiB in 2 MiB pages", buildIdentityPageTables()]);
  }
  if (initrd) named.push(["initrd", "initial RAM disk", initrd]);
  const layout = named.map(([name, what, { physical, bytes }]) => ({
    name,
    what,
    start: physical,
    end: physical + bytes.length,
  }));
  return {
    writes: [...named.map(([, , write]) => write), ...kernel.writes],
    cpu: cpuAtEntry(kernel.info.entry, kernel.info.entryAddress, BOOT_PARAMS_ADDRESS, STACK_TOP),
    layout: [...layout, ...kernel.ranges].sort((a, b) => a.start - b.start),
    kernelInfo: kernel.info,
  };
}

/** The protected-mode part at its preferred address when relocatable, else at 1 MiB, from where it moves itself. */
function loadBzImage(bytes: Uint8Array, wanted: "64" | "32" = "64"): LoadedKernel {
  const image = parseBzImage(bytes);
  if (wanted === "64" && !image.has64BitEntry) {
    throw new DirectBootError(
      "The kernel has no 64-bit entry (XLF_KERNEL_64 is clear): it is a 32-bit kernel, choose the 32-bit entry.",
    );
  }
  const loadAddress = image.relocatable ? image.prefAddress : HIGH_MEMORY;
  const code = bytes.subarray(image.protectedMode.start, image.protectedMode.end);
  const end = loadAddress + code.length;
  // A kernel runs at its preferred address or above, wherever it was loaded.
  const claimEnd = Math.max(end, Math.max(image.prefAddress, loadAddress) + image.initSize);
  if (loadAddress < HIGH_MEMORY || claimEnd > MAX_MEMORY_MIB * MIB) {
    throw new DirectBootError(
      `The kernel wants to be loaded at ${hex(loadAddress)} and needs ${mib(image.initSize)} there: ` +
        `memory lies from 1 MiB to ${MAX_MEMORY_MIB} MiB.`,
    );
  }
  return {
    writes: [{ physical: loadAddress, bytes: code }],
    ranges: [{ name: "kernel", what: "protected-mode part of the bzImage", start: loadAddress, end }],
    claim: { start: loadAddress, end: claimEnd },
    info: {
      format: "bzImage",
      entry: wanted,
      entryAddress: loadAddress + (wanted === "64" ? ENTRY_64_OFFSET : 0),
      loadAddress,
      protocol: image.protocol,
      version: image.versionText,
    },
    header: bytes.subarray(image.header.start, image.header.end),
    cmdlineSize: image.cmdlineSize,
    initrdAddrMax: image.initrdAddrMax,
  };
}

/** The loadable segments of a vmlinux at their physical addresses. */
function loadElf(bytes: Uint8Array, wanted?: "64" | "32"): LoadedKernel {
  const elf = parseElf(bytes);
  const mode = elf.bits === 64 ? "64" : "32";
  if (elf.machine !== (elf.bits === 64 ? EM_X86_64 : EM_386)) {
    throw new DirectBootError(
      `The kernel is an ELF file for machine ${elf.machine}: x86-64 (62) or i386 (3) was expected.`,
    );
  }
  if (wanted !== undefined && wanted !== mode) {
    throw new DirectBootError(`The kernel is a ${elf.bits}-bit ELF file: it has no ${wanted}-bit entry.`);
  }
  const segments = elf.segments.filter((segment) => segment.type === PT_LOAD && segment.memorySize > 0n);
  const limit = BigInt(MAX_MEMORY_MIB * MIB);
  for (const segment of segments) {
    const end = segment.physicalAddress + segment.memorySize;
    if (segment.physicalAddress < BigInt(HIGH_MEMORY) || end > limit) {
      throw new DirectBootError(
        `The ELF kernel has a segment at physical 0x${segment.physicalAddress.toString(16)} of ` +
          `${segment.memorySize} bytes: memory for it lies from 1 MiB to ${MAX_MEMORY_MIB} MiB.`,
      );
    }
  }
  const placed = segments
    .map((segment) => {
      const start = Number(segment.physicalAddress);
      return { segment, start, end: start + Number(segment.memorySize) };
    })
    .sort((a, b) => a.start - b.start);
  for (const [index, { start }] of placed.entries()) {
    if (index > 0 && start < placed[index - 1]!.end) {
      throw new DirectBootError(`Two segments of the ELF kernel overlap at physical ${hex(start)}.`);
    }
  }
  const first = placed[0];
  const last = placed[placed.length - 1];
  if (!first || !last) throw new DirectBootError("The ELF kernel has no loadable segment.");
  return {
    writes: placed.map(({ segment, start: physical }) => ({
      physical,
      bytes: bytes.subarray(segment.offset, segment.offset + segment.fileSize),
    })),
    ranges: placed.map((p, index) => ({
      name: `kernel segment ${index}`,
      what: "loadable segment of the ELF kernel",
      start: p.start,
      end: p.end,
    })),
    claim: { start: first.start, end: last.end },
    info: { format: "elf", entry: mode, entryAddress: physicalEntry(elf), loadAddress: first.start },
    cmdlineSize: ELF_CMDLINE_SIZE,
    initrdAddrMax: ELF_INITRD_MAX,
  };
}

/** A vmlinux gives its entry as a physical address; one given as a virtual address is translated. */
function physicalEntry(elf: Elf): number {
  const loads = elf.segments.filter((segment) => segment.type === PT_LOAD);
  if (loads.some((s) => elf.entry >= s.physicalAddress && elf.entry < s.physicalAddress + s.memorySize)) {
    return Number(elf.entry);
  }
  const segment = loads.find((s) => elf.entry >= s.virtualAddress && elf.entry < s.virtualAddress + s.memorySize);
  if (!segment) {
    throw new DirectBootError(
      `The ELF kernel's entry 0x${elf.entry.toString(16)} lies in none of its loadable segments.`,
    );
  }
  return Number(elf.entry - segment.virtualAddress + segment.physicalAddress);
}

function encodeCmdline(cmdline: string, kernelMaximum: number): Uint8Array {
  if (cmdline.includes("\0")) throw new DirectBootError("The command line contains a zero character.");
  const text = new TextEncoder().encode(cmdline);
  const maximum = Math.min(kernelMaximum, CMDLINE_ROOM - 1);
  if (text.length > maximum) {
    throw new DirectBootError(`The command line has ${text.length} bytes, this kernel takes at most ${maximum}.`);
  }
  const bytes = new Uint8Array(text.length + 1);
  bytes.set(text);
  return bytes;
}

/** The initrd as high as the kernel and memory allow, on a page boundary. */
function placeInitrd(initrd: Uint8Array, kernel: LoadedKernel, ramEnd: number): MemoryWrite {
  const top = Math.min(kernel.initrdAddrMax + 1, ramEnd);
  const start = Math.floor((top - initrd.length) / PAGE) * PAGE;
  if (start < kernel.claim.end) {
    const room = Math.max(0, top - kernel.claim.end);
    throw new DirectBootError(
      `The initrd of ${mib(initrd.length)} does not fit: behind the kernel, below ${mib(top)}, ` +
        `there is room for ${Math.floor(room / MIB)} MiB.`,
    );
  }
  return { physical: start, bytes: initrd };
}

/** What firmware would report by INT 15h AX=E820h. */
function memoryMap(ramEnd: number, acpiEnd: number): E820Entry[] {
  const map: E820Entry[] = [
    { start: 0, size: LOW_RAM_END, type: E820_RAM },
    { start: LOW_RAM_END, size: EBDA_END - LOW_RAM_END, type: E820_RESERVED },
    { start: ACPI_ADDRESS, size: Math.ceil(acpiEnd / PAGE) * PAGE - ACPI_ADDRESS, type: E820_ACPI },
    { start: BIOS_ADDRESS, size: HIGH_MEMORY - BIOS_ADDRESS, type: E820_RESERVED },
    { start: HIGH_MEMORY, size: ramEnd - HIGH_MEMORY, type: E820_RAM },
    { start: IOAPIC_ADDRESS, size: PAGE, type: E820_RESERVED },
    { start: LAPIC_ADDRESS, size: PAGE, type: E820_RESERVED },
  ];
  return map;
}
