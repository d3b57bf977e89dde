/** The launch request's arguments: read, checked, and turned into a machine's configuration before anything starts. */
import { MEMORY_MAX_MIB, MEMORY_MIN_MIB, readBootFiles } from "../emulator/cli/boot-files.ts";
import type { PhaseName } from "../emulator/machine/api.ts";
import { optionalBoolean, optionalText, textsOf } from "./arguments.ts";
import type { Arguments } from "./arguments.ts";
import { PHASE_NAMES, isPhaseName } from "./phases.ts";
import type { TargetConfig } from "./target.ts";

export interface Launch {
  config: TargetConfig;
  stopOnEntry: boolean;
  stopAt: PhaseName[];
  noDebug: boolean;
  endOnPoweroff: boolean;
}

/** Rejects with one sentence. */
export async function readLaunch(args: Arguments): Promise<Launch> {
  const kernel = args["kernel"];
  if (kernel === undefined || kernel === "") {
    throw new Error('The launch configuration names no "kernel": the path of a bzImage or a vmlinux was expected.');
  }
  if (typeof kernel !== "string") throw new Error('"kernel" must be the path of a bzImage or a vmlinux.');
  const entry = optionalText(args, "entry");
  if (entry !== undefined && entry !== "64" && entry !== "32")
    throw new Error(`"entry" is "${entry}": "64" or "32" was expected.`);
  const memory = args["memory"];
  if (memory !== undefined && typeof memory !== "number") {
    throw new Error(`"memory" must be a number of MiB from ${MEMORY_MIN_MIB} to ${MEMORY_MAX_MIB}.`);
  }
  const options = {
    stopOnEntry: optionalBoolean(args, "stopOnEntry") ?? false,
    stopAt: phasesOf(args),
    noDebug: optionalBoolean(args, "noDebug") ?? false,
    endOnPoweroff: optionalBoolean(args, "endOnPoweroff") ?? true,
  };
  const files = await readBootFiles({
    kernel,
    initrd: optionalText(args, "initrd"),
    cmdline: optionalText(args, "cmdline"),
    memoryMiB: memory,
    entry,
  });
  return { ...options, config: { ...files, pace: true } };
}

function phasesOf(args: Arguments): PhaseName[] {
  const stopAt = args["stopAt"];
  if (stopAt === undefined) return [];
  const names = typeof stopAt === "string" ? [stopAt] : textsOf(args, "stopAt");
  return names.map((name) => {
    if (!isPhaseName(name)) {
      throw new Error(`"stopAt" names the phase "${name}": one of ${PHASE_NAMES.join(", ")} was expected.`);
    }
    return name;
  });
}
