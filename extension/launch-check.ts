/**
 * Says what is wrong with a launch before anything starts, in one sentence. The checks are those of the machine itself:
 * its direct boot is a pure function that says why a configuration cannot boot.
 */
import { FormatError } from "../boot-formats/errors.ts";
import { BootInputError, readBootFiles } from "../emulator/cli/boot-files.ts";
import { prepareDirectBoot } from "../emulator/direct-boot/direct-boot.ts";
import type { PhaseName } from "../emulator/machine/api.ts";

const PHASES: readonly PhaseName[] = ["decompressor", "kernel", "init"];

/** What a launch configuration says; nothing of it is trusted to have the right type. */
export type LaunchInput = Record<string, unknown>;

/** The sentence, or undefined when the launch may go ahead. */
export async function launchProblem(input: LaunchInput): Promise<string | undefined> {
  try {
    checkPhases(input["stopAt"]);
    const config = await readBootFiles({
      kernel: text(input, "kernel") ?? "",
      initrd: text(input, "initrd"),
      cmdline: text(input, "cmdline"),
      memoryMiB: wholeNumber(input, "memory"),
      entry: entryOf(input["entry"]),
    });
    prepareDirectBoot(config);
    return undefined;
  } catch (error) {
    if (error instanceof BootInputError) return error.message;
    if (error instanceof FormatError) return `Cannot boot ${String(input["kernel"])}: ${error.message}`;
    throw error;
  }
}

function text(input: LaunchInput, key: string): string | undefined {
  const value = input[key];
  if (value === undefined || typeof value === "string") return value;
  throw new BootInputError(`"${key}" is ${JSON.stringify(value)}: a text was expected.`);
}

function wholeNumber(input: LaunchInput, key: string): number | undefined {
  const value = input[key];
  if (value === undefined || typeof value === "number") return value;
  throw new BootInputError(`"${key}" is ${JSON.stringify(value)}: a number was expected.`);
}

function entryOf(value: unknown): "64" | "32" | undefined {
  if (value === undefined || value === "64" || value === "32") return value;
  throw new BootInputError(`"entry" is ${JSON.stringify(value)}: "64" or "32" was expected.`);
}

function checkPhases(stopAt: unknown): void {
  const names: unknown[] = Array.isArray(stopAt) ? stopAt : stopAt === undefined ? [] : [stopAt];
  const wrong = names.find((name) => !PHASES.some((phase) => phase === name));
  if (wrong !== undefined) {
    throw new BootInputError(`"stopAt" names ${JSON.stringify(wrong)}: phases are ${PHASES.join(", ")}.`);
  }
}
