/**
 * Says what is wrong with a launch before anything starts, in one sentence. The checks are those of the debug adapter,
 * which are those of the machine itself.
 */
import type { Arguments } from "../debug-adapter/arguments.ts";
import { checkPlan } from "../emulator/machine/boot-plan.ts";
import { readLaunch } from "../debug-adapter/launch.ts";

/** The sentence, or undefined when the launch may go ahead; nothing of the input is trusted to have the right type. */
export async function launchProblem(input: Arguments): Promise<string | undefined> {
  try {
    await readLaunch(input, checkPlan);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
