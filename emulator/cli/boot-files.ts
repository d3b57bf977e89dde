/** Reads what a boot is made of from files, and checks it before anything starts. */
import { open } from "node:fs/promises";
import { parseBzImage } from "../../boot-formats/bzimage.ts";
import { EM_X86_64, PT_LOAD, isElf, parseElf } from "../../boot-formats/elf.ts";
import { FormatError } from "../../boot-formats/errors.ts";
import type { MachineConfig } from "../machine/api.ts";

/** Input that cannot be booted: one sentence for the user. */
export class BootInputError extends Error {}

export const DEFAULT_CMDLINE = "console=ttyS0";
export const DEFAULT_MEMORY_MIB = 512;
/** What the machine can be given: a kernel needs some, and RAM must end below the PCI hole at 3 GiB. */
export const MEMORY_MIN_MIB = 16;
export const MEMORY_MAX_MIB = 3072;
/** Larger files are refused unread. */
const MAX_FILE = 1 << 30;
/** Room beside kernel and initrd for boot_params, page tables and the memory below 1 MiB. */
const LOW_MEMORY = 1 << 20;
const MIB = 1 << 20;

export interface BootFiles {
  kernel: string;
  initrd?: string | undefined;
  cmdline?: string | undefined;
  memoryMiB?: number | undefined;
  entry?: "64" | "32" | undefined;
}

/** Rejects with BootInputError. */
export async function readBootFiles(files: BootFiles): Promise<MachineConfig> {
  const memoryMiB = files.memoryMiB ?? DEFAULT_MEMORY_MIB;
  if (!Number.isSafeInteger(memoryMiB) || memoryMiB < MEMORY_MIN_MIB || memoryMiB > MEMORY_MAX_MIB) {
    throw new BootInputError(
      `The memory size is ${memoryMiB} MiB: a whole number from ${MEMORY_MIN_MIB} to ${MEMORY_MAX_MIB} was expected.`,
    );
  }
  const cmdline = files.cmdline ?? DEFAULT_CMDLINE;
  if (cmdline.includes("\0")) throw new BootInputError("The kernel command line contains a zero byte.");
  const kernel = await readWhole("kernel", files.kernel);
  const needs = checkKernel(files.kernel, kernel, files.entry, cmdline);
  const config: MachineConfig = { memoryMiB, kernel, cmdline, ...(files.entry ? { entry: files.entry } : {}) };
  const memory = memoryMiB * MIB;
  if (needs.end > memory) {
    throw new BootInputError(
      `The kernel "${files.kernel}" needs ${inMiB(needs.end)} MiB of memory, but the machine has ${memoryMiB} MiB.`,
    );
  }
  if (files.initrd === undefined) return config;
  const initrd = await readWhole("initrd", files.initrd);
  if (initrd.length === 0) throw new BootInputError(`The initrd "${files.initrd}" is empty.`);
  const room = Math.min(memory, needs.initrdLimit) - needs.end;
  if (initrd.length > room) {
    throw new BootInputError(
      `The initrd "${files.initrd}" has ${inMiB(initrd.length)} MiB, which does not fit beside the kernel ` +
        `into ${memoryMiB} MiB of memory.`,
    );
  }
  return { ...config, initrd };
}

const inMiB = (bytes: number): number => Math.ceil(bytes / MIB);

async function readWhole(what: "kernel" | "initrd", path: string): Promise<Uint8Array> {
  if (path === "") throw new BootInputError(`The path of the ${what} is empty.`);
  try {
    const file = await open(path, "r");
    try {
      const stat = await file.stat();
      if (stat.isDirectory()) throw new BootInputError(`The ${what} "${path}" is a directory: a file was expected.`);
      if (!stat.isFile()) throw new BootInputError(`The ${what} "${path}" is not a regular file.`);
      if (stat.size > MAX_FILE) {
        throw new BootInputError(
          `The ${what} "${path}" has ${inMiB(stat.size)} MiB: at most ${inMiB(MAX_FILE)} are read.`,
        );
      }
      return new Uint8Array(await file.readFile());
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof BootInputError) throw error;
    throw new BootInputError(`The ${what} "${path}" ${whyUnreadable(error)}.`);
  }
}

function whyUnreadable(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  switch (code) {
    case "ENOENT":
    case "ENOTDIR":
      return "does not exist";
    case "EACCES":
    case "EPERM":
      return "may not be read (permission denied)";
    case "EISDIR":
      return "is a directory: a file was expected";
    default:
      return `cannot be read (${code || String(error)})`;
  }
}

/** Where the memory that the kernel needs ends, and up to where an initrd may lie (physical addresses). */
interface KernelNeeds {
  end: number;
  initrdLimit: number;
}

function checkKernel(path: string, bytes: Uint8Array, entry: "64" | "32" | undefined, cmdline: string): KernelNeeds {
  try {
    if (isElf(bytes)) return checkElf(bytes);
    const image = parseBzImage(bytes);
    if (entry !== "32" && !image.has64BitEntry) {
      throw new FormatError("The bzImage is a 32-bit kernel without a 64-bit entry: choose the 32-bit entry for it.");
    }
    if (Buffer.byteLength(cmdline) > image.cmdlineSize) {
      throw new FormatError(`The command line is longer than the ${image.cmdlineSize} bytes that this kernel takes.`);
    }
    return { end: image.prefAddress + image.initSize, initrdLimit: image.initrdAddrMax + 1 };
  } catch (error) {
    if (error instanceof FormatError)
      throw new BootInputError(`The kernel "${path}" cannot be booted: ${error.message}`);
    throw error;
  }
}

function checkElf(bytes: Uint8Array): KernelNeeds {
  const elf = parseElf(bytes);
  if (elf.machine !== EM_X86_64) {
    throw new FormatError(`The ELF file is for machine ${elf.machine}: ${EM_X86_64} (x86-64) was expected.`);
  }
  const loads = elf.segments.filter(({ type }) => type === PT_LOAD);
  const ends = loads.map(({ physicalAddress, memorySize }) => Number(physicalAddress + memorySize));
  if (ends.length === 0) throw new FormatError("The ELF file has no segment to load: a vmlinux was expected.");
  return { end: Math.max(LOW_MEMORY, ...ends), initrdLimit: Number.MAX_SAFE_INTEGER };
}
