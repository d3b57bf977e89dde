/** Says what is wrong with a launch before anything starts, in one sentence: which file, what it is, what was expected. */
import { constants } from "node:fs";
import { access, readFile, stat } from "node:fs/promises";
import { parseBzImage } from "../boot-formats/bzimage.ts";
import { EM_386, EM_X86_64, isElf, parseElf, PT_LOAD } from "../boot-formats/elf.ts";
import { FormatError } from "../boot-formats/errors.ts";

const MIB = 1024 * 1024;
const MEMORY = { least: 16, most: 3072 };
const LARGEST_FILE = 2048 * MIB;
/** Everything below is taken by legacy devices and the boot parameters. */
const KERNEL_FLOOR = MIB;

const PHASES = ["decompressor", "kernel", "init"];

/** What a launch configuration says; nothing of it is trusted to have the right type. */
export type LaunchInput = Record<string, unknown>;

class LaunchProblem extends Error {}

export async function launchProblem(input: LaunchInput): Promise<string | undefined> {
  try {
    checkPlainValues(input);
    const memory = Number(input["memory"] ?? 512) * MIB;
    const kernel = filePath(input, "kernel");
    if (kernel === undefined)
      throw new LaunchProblem('The launch configuration names no "kernel": give the path of a bzImage or vmlinux.');
    const needed = await checkKernel(kernel, String(input["cmdline"] ?? ""), input["entry"]);
    if (needed > memory) {
      throw new LaunchProblem(
        `The kernel ${kernel} needs ${inMiB(needed)} MiB to start, the guest has ${memory / MIB}: raise "memory".`,
      );
    }
    const initrd = filePath(input, "initrd");
    if (initrd !== undefined) {
      const size = await checkFile("initrd", initrd);
      if (needed + size > memory) {
        throw new LaunchProblem(
          `The initrd ${initrd} (${inMiB(size)} MiB) does not fit beside the kernel (${inMiB(needed)} MiB) into the guest's ${memory / MIB} MiB: raise "memory".`,
        );
      }
    }
    return undefined;
  } catch (error) {
    if (error instanceof LaunchProblem) return error.message;
    throw error;
  }
}

function inMiB(bytes: number): number {
  return Math.ceil(bytes / MIB);
}

function filePath(input: LaunchInput, key: "kernel" | "initrd"): string | undefined {
  const value = input[key];
  if (value === undefined || value === "") return undefined;
  if (typeof value !== "string")
    throw new LaunchProblem(`"${key}" must be the path of a file, not ${JSON.stringify(value)}.`);
  return value;
}

function checkPlainValues(input: LaunchInput): void {
  const { memory, cmdline, entry, stopAt } = input;
  if (
    memory !== undefined &&
    !(Number.isInteger(memory) && Number(memory) >= MEMORY.least && Number(memory) <= MEMORY.most)
  ) {
    throw new LaunchProblem(
      `"memory" must be a whole number of MiB from ${MEMORY.least} to ${MEMORY.most}, not ${JSON.stringify(memory)}.`,
    );
  }
  if (cmdline !== undefined && typeof cmdline !== "string") {
    throw new LaunchProblem(`"cmdline" must be a text, not ${JSON.stringify(cmdline)}.`);
  }
  if (entry !== undefined && entry !== "64" && entry !== "32") {
    throw new LaunchProblem(`"entry" must be "64" or "32", not ${JSON.stringify(entry)}.`);
  }
  const stops: unknown[] = Array.isArray(stopAt) ? stopAt : stopAt === undefined ? [] : [stopAt];
  const wrong = stops.find((stop) => typeof stop !== "string" || !PHASES.includes(stop));
  if (wrong !== undefined) {
    throw new LaunchProblem(`"stopAt" must name phases (${PHASES.join(", ")}), not ${JSON.stringify(wrong)}.`);
  }
}

/** Size of a file that can be read. */
async function checkFile(key: string, file: string): Promise<number> {
  const found = await stat(file).catch((error: NodeJS.ErrnoException) => {
    throw new LaunchProblem(
      error.code === "ENOENT" || error.code === "ENOTDIR"
        ? `There is no ${key} at ${file}.`
        : `The ${key} ${file} cannot be read (${error.code ?? error.message}).`,
    );
  });
  if (found.isDirectory())
    throw new LaunchProblem(`The ${key} ${file} is a directory: the path of a file was expected.`);
  if (!found.isFile()) throw new LaunchProblem(`The ${key} ${file} is no regular file.`);
  if (found.size === 0) throw new LaunchProblem(`The ${key} ${file} is empty.`);
  if (found.size > LARGEST_FILE)
    throw new LaunchProblem(`The ${key} ${file} has ${inMiB(found.size)} MiB: too large for a ${key}.`);
  await access(file, constants.R_OK).catch(() => {
    throw new LaunchProblem(`The ${key} ${file} cannot be read: permission denied.`);
  });
  return found.size;
}

/** Bytes of memory up to the end of what the kernel needs to start. */
async function checkKernel(file: string, cmdline: string, entry: unknown): Promise<number> {
  await checkFile("kernel", file);
  const bytes = await readFile(file);
  try {
    if (isElf(bytes)) return elfEnd(bytes);
    const image = parseBzImage(bytes);
    if (entry !== "32" && !image.has64BitEntry) throw new FormatError('It has no 64-bit entry: set "entry" to "32".');
    const length = Buffer.byteLength(cmdline);
    if (length > image.cmdlineSize) {
      throw new FormatError(`The command line has ${length} bytes, this kernel takes ${image.cmdlineSize}.`);
    }
    return Math.max(image.prefAddress, KERNEL_FLOOR) + image.initSize;
  } catch (error) {
    if (error instanceof FormatError) throw new LaunchProblem(`Cannot boot ${file}: ${error.message}`);
    throw error;
  }
}

function elfEnd(bytes: Uint8Array): number {
  const elf = parseElf(bytes);
  if (elf.machine !== EM_X86_64 && elf.machine !== EM_386) {
    throw new FormatError(`It is an ELF file for another processor (machine ${elf.machine}): x86 was expected.`);
  }
  const ends = elf.segments.filter(({ type }) => type === PT_LOAD).map((one) => one.physicalAddress + one.memorySize);
  if (ends.length === 0) throw new FormatError("It is an ELF file without a segment to load: a vmlinux was expected.");
  return Number(ends.reduce((a, b) => (a > b ? a : b)));
}
