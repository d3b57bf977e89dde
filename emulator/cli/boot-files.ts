/** Reads what a boot is made of from files. Their content is checked by the direct boot (direct-boot.ts). */
import { readFile, stat } from "node:fs/promises";
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
  const config: MachineConfig = { memoryMiB, kernel, cmdline, ...(files.entry ? { entry: files.entry } : {}) };
  if (files.initrd === undefined) return config;
  const initrd = await readWhole("initrd", files.initrd);
  if (initrd.length === 0) throw new BootInputError(`The initrd "${files.initrd}" is empty.`);
  return { ...config, initrd };
}

const inMiB = (bytes: number): number => Math.ceil(bytes / MIB);

async function readWhole(what: "kernel" | "initrd", path: string): Promise<Uint8Array> {
  if (path === "") throw new BootInputError(`The path of the ${what} is empty.`);
  try {
    // Looked at before it is opened: to open a pipe would wait for its writer.
    const found = await stat(path);
    if (found.isDirectory()) throw new BootInputError(`The ${what} "${path}" is a directory: a file was expected.`);
    if (!found.isFile()) throw new BootInputError(`The ${what} "${path}" is not a regular file.`);
    if (found.size > MAX_FILE) {
      throw new BootInputError(
        `The ${what} "${path}" has ${inMiB(found.size)} MiB: at most ${inMiB(MAX_FILE)} are read.`,
      );
    }
    return new Uint8Array(await readFile(path));
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
