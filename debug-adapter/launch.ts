/** The launch request's arguments: read, checked, and turned into a plan of the boot before anything starts. */
import type { BootPlan } from "../emulator/machine/boot-plan.ts";
import { optionalBoolean, optionalInteger, optionalText, textsOf } from "./arguments.ts";
import type { Arguments } from "./arguments.ts";
import { readStopAt } from "./boot-events.ts";
import type { StopAt } from "./boot-events.ts";
import type { TargetConfig } from "./target.ts";

/** Beginnings of source paths as debug information has them, and what stands for them here. */
export type SourceMap = readonly (readonly [from: string, to: string])[];

/** Debug information of the user's own code. */
export interface SymbolFile {
  file: string;
  /** Added to its addresses to get guest physical ones. */
  offset: bigint;
}

export interface Launch {
  config: TargetConfig;
  stopOnEntry: boolean;
  stopAt: StopAt;
  symbols: SymbolFile[];
  sourceMap: SourceMap;
  noDebug: boolean;
  /** What a step into does about interrupts that come in the middle of it. */
  stepInterrupts: "skip" | "into";
  endOnPoweroff: boolean;
  /** Port on which gdb is waited for, 0 for any; undefined for none. */
  gdbPort: number | undefined;
}

const DEFAULT_MEMORY_MIB = 512;
const DEFAULT_CMDLINE = "console=ttyS0";
/** Entries of a list: more drives than any board has. */
const MAX_LIST = 16;
const MAX_SOURCE_MAP = 64;
const MAX_PORT = 65_535;

/** Checks what only the files themselves can tell; rejects with one sentence. */
export type CheckPlan = (plan: BootPlan) => Promise<void>;

/** Rejects with one sentence. */
export async function readLaunch(args: Arguments, check: CheckPlan): Promise<Launch> {
  const plan = readPlan(args);
  const launch: Launch = {
    config: { ...plan, pace: true },
    stopOnEntry: optionalBoolean(args, "stopOnEntry") ?? false,
    stopAt: readStopAt(oneOrMore(args, "stopAt")),
    symbols: symbolsOf(args),
    sourceMap: sourceMapOf(args),
    noDebug: optionalBoolean(args, "noDebug") ?? false,
    stepInterrupts: oneOf(args, "stepInterrupts", ["skip", "into"]) ?? "skip",
    endOnPoweroff: optionalBoolean(args, "endOnPoweroff") ?? true,
    gdbPort: optionalInteger(args, "gdbPort", 0, MAX_PORT),
  };
  await check(plan);
  return launch;
}

/** What is to be booted; paths are not looked at. Throws with one sentence. */
export function readPlan(args: Arguments): BootPlan {
  const kernel = path(args, "kernel", "a bzImage or a vmlinux");
  const initrd = path(args, "initrd", "an initramfs");
  const boot = oneOf(args, "boot", ["full", "direct"]) ?? "full";
  const entry = oneOf(args, "entry", ["64", "32"]);
  const demo = optionalBoolean(args, "demo") ?? false;
  const disks = disksOf(args);
  const cdroms = oneOrMore(args, "cdrom").filter((file) => file !== "");
  const bootable = demo || disks.length > 0 || cdroms.length > 0;
  if (kernel === undefined && boot === "direct") {
    throw new Error('A direct boot needs a "kernel": the path of a bzImage or a vmlinux was expected.');
  }
  if (kernel === undefined && !bootable) {
    throw new Error(
      'The launch configuration names nothing to boot: "kernel" (a bzImage or a vmlinux), "disks", "cdrom" or "demo" was expected.',
    );
  }
  if (kernel === undefined && initrd !== undefined) {
    throw new Error('The launch configuration names an "initrd" without the "kernel" that it belongs to.');
  }
  if (demo && (boot === "direct" || kernel !== undefined)) {
    throw new Error(
      '"demo" boots the built-in demonstration from its disk: it goes neither with "kernel" nor with "boot": "direct".',
    );
  }
  return {
    memoryMiB: memoryOf(args),
    boot,
    firmware: path(args, "firmware", '"builtin", "seabios" or a BIOS image') ?? "builtin",
    ...(kernel === undefined ? {} : { kernel, cmdline: optionalText(args, "cmdline") ?? DEFAULT_CMDLINE }),
    ...(initrd === undefined ? {} : { initrd }),
    disks,
    cdroms,
    ...(entry === undefined ? {} : { entry }),
    ...(demo ? { demo } : {}),
  };
}

/** A path that may be left out; an empty one is left out, too. */
function path(args: Arguments, name: string, what: string): string | undefined {
  const value = args[name];
  if (value === undefined || value === "") return undefined;
  if (typeof value !== "string") throw new Error(`"${name}" must be the path of ${what}.`);
  if (value.includes("\0")) throw new Error(`The path in "${name}" contains a zero byte.`);
  return value;
}

function memoryOf(args: Arguments): number {
  const memory = args["memory"] ?? DEFAULT_MEMORY_MIB;
  if (typeof memory !== "number") throw new Error('"memory" must be a number of MiB.');
  return memory;
}

function oneOf<T extends string>(args: Arguments, name: string, choices: readonly T[]): T | undefined {
  const value = args[name];
  if (value === undefined) return undefined;
  const found = choices.find((choice) => choice === value);
  if (found === undefined) {
    const wanted = choices.map((choice) => `"${choice}"`).join(" or ");
    throw new Error(`"${name}" is ${JSON.stringify(value)}: ${wanted} was expected.`);
  }
  return found;
}

/** A text or a list of texts. */
function oneOrMore(args: Arguments, name: string): string[] {
  const value = args[name];
  if (value === undefined) return [];
  return typeof value === "string" ? [value] : textsOf(args, name);
}

function listIn(args: Arguments, name: string): unknown[] {
  const value = args[name];
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.length > MAX_LIST) {
    throw new Error(`"${name}" must be a list of at most ${MAX_LIST} entries.`);
  }
  return value;
}

function disksOf(args: Arguments): BootPlan["disks"] {
  return listIn(args, "disks").map((one) => {
    if (typeof one === "string" && one !== "") return { path: one, persist: false, bus: "ide" };
    if (typeof one !== "object" || one === null || Array.isArray(one)) {
      throw new Error('Each of "disks" must be the path of an image, or an object with "file", "persist" and "bus".');
    }
    const disk = one as Arguments;
    const file = path(disk, "file", "a disk image");
    if (file === undefined) throw new Error('One of "disks" names no "file": the path of a disk image was expected.');
    return {
      path: file,
      persist: optionalBoolean(disk, "persist") ?? false,
      bus: oneOf(disk, "bus", ["ide", "virtio"]) ?? "ide",
    };
  });
}

function symbolsOf(args: Arguments): SymbolFile[] {
  return listIn(args, "symbols").map((one) => {
    const entry: Arguments = typeof one === "object" && one !== null ? (one as Arguments) : { file: one };
    const file = path(entry, "file", "an ELF file, a System.map or a listing");
    if (file === undefined)
      throw new Error(
        'One of "symbols" names no "file": the path of an ELF file, a System.map or a listing was expected.',
      );
    return { file, offset: offsetOf(entry["offset"]) };
  });
}

function sourceMapOf(args: Arguments): SourceMap {
  const value = args["sourceMap"];
  if (value === undefined) return [];
  const pairs = typeof value === "object" && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
  const isPair = (pair: [string, unknown]): pair is [string, string] => typeof pair[1] === "string";
  if (pairs.length === 0 || pairs.length > MAX_SOURCE_MAP || !pairs.every(isPair)) {
    throw new Error(
      `"sourceMap" must be an object of 1 to ${MAX_SOURCE_MAP} texts: beginnings of paths, and what stands for them here.`,
    );
  }
  return pairs;
}

function offsetOf(value: unknown): bigint {
  if (value === undefined) return 0n;
  if (typeof value === "number" && Number.isSafeInteger(value)) return BigInt(value);
  if (typeof value === "string" && /^(0x[0-9a-f]{1,16}|-?[0-9]{1,19})$/i.test(value)) return BigInt(value);
  throw new Error(
    `The "offset" of a symbol file is ${JSON.stringify(value)}: a number such as 31744 or "0x7c00" was expected.`,
  );
}
