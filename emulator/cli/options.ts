/** The command line's arguments. */
import { parseArgs } from "node:util";
import type { PhaseName } from "../machine/api.ts";
import { BootInputError, DEFAULT_CMDLINE, DEFAULT_MEMORY_MIB, MEMORY_MAX_MIB, MEMORY_MIN_MIB } from "./boot-files.ts";
import type { BootFiles } from "./boot-files.ts";

export type Until =
  | { kind: "phase"; phase: PhaseName }
  | { kind: "icount"; icount: bigint }
  | { kind: "serial"; text: string }
  | { kind: "poweroff" };

export interface RunCommand {
  files: BootFiles;
  until: Until;
  /** Seconds of wall time; no limit when undefined. */
  timeout: number | undefined;
  json: boolean;
}

export const HELP = `Usage: bootscope run --kernel FILE [options]

Boots a Linux kernel on an emulated x86-64 PC. The serial port is on stdin and stdout.

  --kernel FILE      bzImage or ELF vmlinux
  --initrd FILE      initramfs
  --cmdline TEXT     kernel command line (default "${DEFAULT_CMDLINE}")
  --memory MIB       guest memory, ${MEMORY_MIN_MIB} to ${MEMORY_MAX_MIB} MiB (default ${DEFAULT_MEMORY_MIB})
  --entry BITS       entry of a bzImage: 64 (default) or 32
  --until WHAT       where to stop: a phase (decompressor, kernel, init), icount:N,
                     serial:TEXT, or poweroff (default)
  --timeout SECONDS  give up after this much wall time
  --json             print the result as one JSON object on stdout; the guest's
                     serial output then goes to stderr
  --help             this text

When stdin is a terminal, it is the guest's console: Ctrl-A x quits, Ctrl-A Ctrl-A sends Ctrl-A.
When it is not, its lines are typed one by one whenever the guest waits.

Exit codes: 0 reached, 2 bad input, 3 the guest ended earlier, 4 time-out.
`;

const PHASES: readonly PhaseName[] = ["decompressor", "kernel", "init"];

/** Reads the arguments behind the program's name; throws BootInputError, and returns "help" when help is asked for. */
export function parseCommand(argv: readonly string[]): RunCommand | "help" {
  const { values, positionals } = parse(argv);
  if (values.help === true) return "help";
  const [command, extra] = positionals;
  if (command === undefined) throw new BootInputError('A command was expected: "run". See --help.');
  if (command !== "run") throw new BootInputError(`There is no command "${command}": "run" was expected. See --help.`);
  if (extra !== undefined) throw new BootInputError(`"${extra}" is not expected behind "run". See --help.`);
  if (values.kernel === undefined) throw new BootInputError("--kernel is missing: the path of a bzImage or a vmlinux.");
  const { entry } = values;
  if (entry !== undefined && entry !== "64" && entry !== "32") {
    throw new BootInputError(`--entry is "${entry}": 64 or 32 was expected.`);
  }
  return {
    files: {
      kernel: values.kernel,
      initrd: values.initrd,
      cmdline: values.cmdline,
      memoryMiB: values.memory === undefined ? undefined : wholeNumber("--memory", values.memory),
      entry,
    },
    until: parseUntil(values.until ?? "poweroff"),
    timeout: values.timeout === undefined ? undefined : seconds(values.timeout),
    json: values.json ?? false,
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        kernel: { type: "string" },
        initrd: { type: "string" },
        cmdline: { type: "string" },
        memory: { type: "string" },
        entry: { type: "string" },
        until: { type: "string" },
        timeout: { type: "string" },
        json: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    // parseArgs explains itself in its first sentence.
    const message = error instanceof Error ? error.message : String(error);
    throw new BootInputError(`${message.split(/\.\s/)[0]}. See --help.`);
  }
}

function wholeNumber(option: string, text: string): number {
  if (!/^[0-9]{1,12}$/.test(text)) throw new BootInputError(`${option} is "${text}": a whole number was expected.`);
  return Number(text);
}

function seconds(text: string): number {
  const value = Number(text);
  if (!/^[0-9]+(\.[0-9]+)?$/.test(text) || value <= 0 || value > 2_000_000) {
    throw new BootInputError(`--timeout is "${text}": a number of seconds above 0 was expected.`);
  }
  return value;
}

function parseUntil(text: string): Until {
  if (text === "poweroff") return { kind: "poweroff" };
  const phase = PHASES.find((name) => name === text);
  if (phase !== undefined) return { kind: "phase", phase };
  const icount = /^icount:([0-9]{1,16})$/.exec(text)?.[1];
  if (icount !== undefined) return { kind: "icount", icount: BigInt(icount) };
  if (text.startsWith("serial:") && text.length > "serial:".length) {
    return { kind: "serial", text: text.slice("serial:".length) };
  }
  throw new BootInputError(
    `--until is "${text}": a phase (${PHASES.join(", ")}), icount:N, serial:TEXT or poweroff was expected.`,
  );
}
