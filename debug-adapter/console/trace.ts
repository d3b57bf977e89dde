/** `trace`: every executed instruction, into a file. */
import { evaluateExpression } from "../expressions/evaluate.ts";
import type { TraceConfig, TraceStatus } from "../target.ts";
import type { Command } from "./command.ts";
import { filePath } from "./memory-commands.ts";
import { parseRange } from "./ranges.ts";

const written = ({ file, lines, problem }: TraceStatus): string =>
  `${lines} ${lines === 1 ? "line" : "lines"} in ${file}.${problem === undefined ? "" : ` ${problem}`}`;

export const TRACE: Command = {
  name: "trace",
  usage: "trace on FILE [user|kernel] [first N] [in RANGE] | trace off | trace",
  summary: "write each executed instruction to a file",
  details: [
    "FILE: an absolute path, in quotes if there are blanks in it; a file of that name is replaced.",
    "user, kernel: only instructions at privilege level 3, or at the others. first N: so many lines.",
    "RANGE: FROM..TO (TO excluded) or FROM, LENGTH: only instructions that begin there.",
    "A line has the instructions retired before, ring and code size, the address (CS:IP outside 64-bit code), the code,",
    'the instruction, and "; faults" where it raised an exception. The machine is some 100 times slower meanwhile.',
    '"trace" alone tells how far it is.',
  ].join("\n"),
  words: ["on", "off"],
  async run(_format, rest, services) {
    const { target } = services;
    if (rest === "") {
      const status = await target.traceStatus();
      return status === undefined ? "Nothing is traced." : written(status);
    }
    if (rest === "off") {
      const status = await target.trace(undefined);
      return status === undefined ? "Nothing was traced." : written(status);
    }
    const match =
      /^on\s+("[^"]+"|\S+)(?:\s+(user|kernel))?(?:\s+first\s+((?:(?!\s+in\s).)+?))?(?:\s+in\s+(.+))?$/s.exec(rest);
    if (match?.[1] === undefined) throw new Error(`"${TRACE.usage}" was expected, not "trace ${rest}".`);
    const [, file, ring, first, range] = match;
    const context = await services.context();
    const config: TraceConfig = { file: filePath(file) };
    if (ring === "user" || ring === "kernel") config.ring = ring;
    if (first !== undefined) {
      const { value } = await evaluateExpression(first, context);
      if (value < 1n || value > BigInt(Number.MAX_SAFE_INTEGER))
        throw new Error(`"first ${first}": a number of lines was expected.`);
      config.most = Number(value);
    }
    if (range !== undefined) {
      const { start, length } = await parseRange(range, context);
      config.ranges = [{ ...start, length }];
    }
    const before = await target.trace(config);
    const begun = `Tracing to ${config.file}.`;
    return before === undefined ? begun : `${written(before)}\n${begun}`;
  },
};
