#!/usr/bin/env node
/** The command line: `bootscope run …`. */
import { FormatError } from "../../boot-formats/errors.ts";
import { BootInputError } from "../machine/boot-files.ts";
import { checkPlan, openPlan } from "../machine/boot-plan.ts";
import { Machine } from "../machine/machine.ts";
import { HELP, parseCommand } from "./options.ts";
import { ExitCode, run } from "./run.ts";
import type { Drive } from "./run.ts";

async function main(): Promise<ExitCode> {
  try {
    const command = parseCommand(process.argv.slice(2));
    if (command === "help") {
      process.stdout.write(HELP);
      return ExitCode.REACHED;
    }
    await checkPlan(command.plan);
    const config = await openPlan(command.plan);
    const drive = command.gdb === undefined ? undefined : gdbOn(command.gdb);
    return await run(command, config, (...machine) => Machine.create(...machine), process, drive);
  } catch (error) {
    if (!(error instanceof BootInputError || error instanceof FormatError)) throw error;
    process.stderr.write(`bootscope: ${error.message}\n`);
    return ExitCode.BAD_INPUT;
  }
}

/** The gdb server is part of the debug adapter; only here do the two meet, and only when it is asked for. */
function gdbOn(port: number): Drive {
  return async (...run) => {
    const { driveByGdb } = await import("../../debug-adapter/gdb/run-host.ts");
    return driveByGdb(port, ...run).catch((error: unknown) => {
      throw new BootInputError(error instanceof Error ? error.message : String(error));
    });
  };
}

// Whoever reads our output may go before we do.
process.stdout.on("error", () => process.exit());
process.exitCode = await main();
