/** The command line's arguments. */
import { parseArgs } from "node:util";
import { PHASE_NAMES, isEventFilter, type EventFilter, type PhaseName } from "../machine/api.ts";
import {
  BootInputError,
  DEFAULT_CMDLINE,
  DEFAULT_MEMORY_MIB,
  MEMORY_MAX_MIB,
  MEMORY_MIN_MIB,
} from "../machine/boot-files.ts";
import type { BootPlan, DiskPlan } from "../machine/boot-plan.ts";

export type Until =
  | { kind: "phase"; phase: PhaseName }
  | { kind: "event"; filter: EventFilter }
  | { kind: "icount"; icount: bigint }
  | { kind: "serial"; text: string }
  | { kind: "poweroff" };

export interface RunCommand {
  plan: BootPlan;
  until: Until;
  /** Seconds of wall time; no limit when undefined. */
  timeout: number | undefined;
  json: boolean;
  /** Print the VGA screen when the run ends. */
  screenText: boolean;
  /** Print boot events as they come. */
  events: boolean;
  /** Port on which gdb is waited for, 0 for any; undefined for none. */
  gdb: number | undefined;
  /** Texts whose first appearance on the serial port is to be printed with its icount. */
  marks: readonly string[];
}

export const HELP = `Usage: bootscope run [--kernel FILE] [--disk FILE] [--cdrom FILE] [--demo] [options]

Boots an emulated x86-64 PC from its reset vector. The serial port is on stdin and stdout.

  --kernel FILE      bzImage or ELF vmlinux; put on a virtual disk behind the built-in loader
  --initrd FILE      initramfs
  --cmdline TEXT     kernel command line (default "${DEFAULT_CMDLINE}")
  --disk FILE        disk image, IDE (may be repeated); an ISO becomes a CD
  --virtio FILE      the same as a virtio disk
  --persist          write changes of the disks back when the run ends; without it they are lost
  --cdrom FILE       CD image (may be repeated)
  --demo             boot the built-in demonstration
  --firmware WHAT    builtin (default), seabios, or the path of a BIOS image
  --boot HOW         full (default): from the reset vector; direct: straight into the kernel
  --memory MIB       guest memory, ${MEMORY_MIN_MIB} to ${MEMORY_MAX_MIB} MiB (default ${DEFAULT_MEMORY_MIB})
  --entry BITS       entry of a bzImage in a direct boot: 64 (default) or 32
  --until WHAT       where to stop: a phase (${PHASE_NAMES.join(", ")}),
                     an event (protected-mode, long-mode, paging, a20, int13h, int13h:42, disk, …),
                     icount:N, serial:TEXT, or poweroff (default)
  --events           print boot events on stderr as they come
  --gdb PORT         wait for gdb on 127.0.0.1:PORT (0: any free one) before the first
                     instruction, and run when it says so
  --mark TEXT        say on stderr at which instruction TEXT first came on the serial
                     port (may be repeated)
  --screen-text      print the VGA text screen when the run ends
  --timeout SECONDS  give up after this much wall time
  --json             print the result as one JSON object on stdout; the guest's
                     serial output then goes to stderr
  --help             this text

When stdin is a terminal, it is the guest's console: Ctrl-A x quits, Ctrl-A Ctrl-A sends Ctrl-A.
When it is not, its lines are typed one by one whenever the guest waits.

Exit codes: 0 reached, 2 bad input, 3 the guest ended earlier, 4 time-out.
`;

/** Reads the arguments behind the program's name; throws BootInputError, and returns "help" when help is asked for. */
export function parseCommand(argv: readonly string[]): RunCommand | "help" {
  const { values, positionals } = parse(argv);
  if (values.help === true) return "help";
  const [command, extra] = positionals;
  if (command === undefined) throw new BootInputError('A command was expected: "run". See --help.');
  if (command !== "run") throw new BootInputError(`There is no command "${command}": "run" was expected. See --help.`);
  if (extra !== undefined) throw new BootInputError(`"${extra}" is not expected behind "run". See --help.`);
  return {
    plan: parsePlan(values),
    until: parseUntil(values.until ?? "poweroff"),
    timeout: values.timeout === undefined ? undefined : seconds(values.timeout),
    json: values.json ?? false,
    screenText: values["screen-text"] ?? false,
    events: values.events ?? false,
    gdb: values.gdb === undefined ? undefined : portNumber(values.gdb),
    marks: (values.mark ?? []).map(nonEmpty("--mark")),
  };
}

function parsePlan(values: ReturnType<typeof parse>["values"]): BootPlan {
  const { kernel, initrd, cmdline } = values;
  const boot = choice("--boot", values.boot, ["full", "direct"]) ?? "full";
  const entry = choice("--entry", values.entry, ["64", "32"]);
  const disk = (bus: DiskPlan["bus"]) => (path: string) => ({ path, bus, persist: values.persist ?? false });
  const disks = [...(values.disk ?? []).map(disk("ide")), ...(values.virtio ?? []).map(disk("virtio"))];
  const cdroms = values.cdrom ?? [];
  const demo = values.demo ?? false;
  if (kernel === undefined && (boot === "direct" || !(demo || disks.length || cdroms.length))) {
    throw new BootInputError("There is nothing to boot: --kernel, --disk, --cdrom or --demo was expected. See --help.");
  }
  return {
    memoryMiB: values.memory === undefined ? DEFAULT_MEMORY_MIB : wholeNumber("--memory", values.memory),
    boot,
    firmware: values.firmware ?? "builtin",
    ...(kernel === undefined ? {} : { kernel }),
    ...(initrd === undefined ? {} : { initrd }),
    ...(cmdline === undefined ? {} : { cmdline }),
    ...(entry === undefined ? {} : { entry }),
    disks,
    cdroms,
    ...(demo ? { demo } : {}),
  };
}

function choice<T extends string>(option: string, text: string | undefined, choices: readonly T[]): T | undefined {
  if (text === undefined) return undefined;
  const found = choices.find((one) => one === text);
  if (found === undefined) throw new BootInputError(`${option} is "${text}": ${choices.join(" or ")} was expected.`);
  return found;
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
        disk: { type: "string", multiple: true },
        virtio: { type: "string", multiple: true },
        persist: { type: "boolean" },
        cdrom: { type: "string", multiple: true },
        demo: { type: "boolean" },
        firmware: { type: "string" },
        boot: { type: "string" },
        events: { type: "boolean" },
        gdb: { type: "string" },
        mark: { type: "string", multiple: true },
        "screen-text": { type: "boolean" },
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

function nonEmpty(option: string): (text: string) => string {
  return (text) => {
    if (text === "") throw new BootInputError(`${option} is empty: a text was expected.`);
    return text;
  };
}

function wholeNumber(option: string, text: string): number {
  if (!/^[0-9]{1,12}$/.test(text)) throw new BootInputError(`${option} is "${text}": a whole number was expected.`);
  return Number(text);
}

function portNumber(text: string): number {
  const port = wholeNumber("--gdb", text);
  if (port > 65_535) throw new BootInputError(`--gdb is "${text}": a port from 0 to 65535 was expected.`);
  return port;
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
  const phase = PHASE_NAMES.find((name) => name === text);
  if (phase !== undefined) return { kind: "phase", phase };
  const icount = /^icount:([0-9]{1,16})$/.exec(text)?.[1];
  if (icount !== undefined) return { kind: "icount", icount: BigInt(icount) };
  if (text.startsWith("serial:") && text.length > "serial:".length) {
    return { kind: "serial", text: text.slice("serial:".length) };
  }
  if (isEventFilter(text)) return { kind: "event", filter: text };
  throw new BootInputError(
    `--until is "${text}": a phase (${PHASE_NAMES.join(", ")}), an event, icount:N, serial:TEXT or poweroff was expected.`,
  );
}
