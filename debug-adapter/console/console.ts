/** The commands of the debug console: which there are, how a line is read, and what help says. */
import { EVENTS, ORIGIN, PHASES, TRANSLATE, WALK } from "./boot-commands.ts";
import type { Command, ConsoleServices } from "./command.ts";
import { PRINT, examiners } from "./examine.ts";
import { INFO } from "./info.ts";
import { DUMP, FIND, LOAD } from "./memory-commands.ts";
import { TRACE } from "./trace.ts";
import { MOTION } from "./motion-commands.ts";

const EXPRESSIONS = [
  "Expressions: registers (rax, ah, cs.base, cr0.pe, flags.zf, msr[0xc0000080]), numbers, C operators,",
  "  phys:0x7c00, lin:0x7c00, 07c0:0000, cs:ip, phys[0x7c00], u32 lin[rsp + 8], word ds:[si], $icount, $phase.",
  "NAME = EXPRESSION             write a register, a field of one, or memory: u8 phys[0x500] = 1",
].join("\n");

export class DebugConsole {
  readonly #services: ConsoleServices;
  readonly #commands: ReadonlyMap<string, Command>;

  constructor(services: ConsoleServices) {
    this.#services = services;
    const help: Command = {
      name: "help",
      usage: "help [COMMAND]",
      summary: "this list, or more about a command",
      run: (_format, rest) => Promise.resolve(this.#help(rest)),
    };
    const list = [
      ...examiners(),
      PRINT,
      { ...PRINT, name: "p", usage: "p[/FORMAT] EXPRESSION" },
      INFO,
      TRANSLATE,
      WALK,
      FIND,
      DUMP,
      LOAD,
      TRACE,
      ORIGIN,
      PHASES,
      EVENTS,
      ...MOTION,
      help,
    ];
    this.#commands = new Map(list.map((command) => [command.name, command]));
  }

  /** Carries out a line; undefined when it is no command. Rejects with an Error of one sentence. */
  async run(line: string): Promise<string | undefined> {
    const [, name = "", format, rest = ""] = /^([a-z]+)(?:\/(\S*))?(?:\s+(.*))?$/s.exec(line.trim()) ?? [];
    const command = this.#commands.get(name);
    if (command === undefined) return undefined;
    if (format !== undefined && !command.usage.includes("/FORMAT")) {
      throw new Error(`"${name}" takes no format: ${command.usage} was expected.`);
    }
    if (command.alone && rest !== "") throw new Error(`Nothing was expected behind "${name}".`);
    return command.run(format ?? "", rest, this.#services);
  }

  get commands(): readonly Command[] {
    return [...this.#commands.values()];
  }

  #help(name: string): string {
    if (name === "") {
      const lines = this.commands.map(({ usage, summary }) => `${usage.padEnd(29)} ${summary}`);
      return [EXPRESSIONS, ...lines].join("\n");
    }
    const command = this.#commands.get(name);
    if (command === undefined) {
      throw new Error(`There is no command "${name}": one of ${[...this.#commands.keys()].join(", ")} was expected.`);
    }
    const { usage, summary, details } = command;
    return [`${usage}: ${summary}`, ...(details === undefined ? [] : [details])].join("\n");
  }
}
