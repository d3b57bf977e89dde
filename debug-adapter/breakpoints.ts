/** Source, instruction, function (address) and data breakpoints: what the client set, and what the machine is told. */
import type { DebugProtocol } from "@vscode/debugprotocol";
import type { CompiledExpression } from "../emulator/machine/inspect-expression.ts";
import type { MessagePart } from "../emulator/machine/inspect-message.ts";
import { describe, lin, parseReference, phys, plus, reference } from "./address.ts";
import type { Address } from "./address.ts";
import { argumentsOf, integerOf, optionalInteger, optionalText, textOf } from "./arguments.ts";
import type { Arguments } from "./arguments.ts";
import { instructionAt } from "./disassembly.ts";
import { ExpressionError } from "./expressions/errors.ts";
import { evaluateAddress, evaluateCompiled, writeMessage } from "./expressions/evaluate.ts";
import type { ExpressionContext } from "./expressions/evaluate.ts";
import { hitConditionText, parseHitCondition, stopsAtHit } from "./expressions/hit-condition.ts";
import type { HitCondition } from "./expressions/hit-condition.ts";
import { compileMessage } from "./expressions/messages.ts";
import { compile } from "./expressions/parser.ts";
import type { SymbolTable } from "./expressions/symbols.ts";
import { codeBits, linearIp } from "./registers.ts";
import { wireSource } from "./sources.ts";
import type { Sources } from "./sources.ts";
import type { Breakpoint, ConditionalBreakpoint, StopResult, Target, Watchpoint } from "./target.ts";

/** What the machine holds at most (layout.ts), less what stepping sets for itself. */
const MAX_EXECUTION = 990;
const MAX_DATA = 255;
/** Bytes that one data breakpoint may watch. */
const MAX_WATCHED = 1 << 20;

type Kind = "source" | "instruction" | "function" | "data";

/** Lines that one question about possible places may cover. */
const MAX_LINES = 2000;
const LINE_MAX = 1 << 24;

interface ClientBreakpoint {
  id: number;
  kind: Kind;
  /** A line's code may lie at several addresses; all others have one. */
  places: Address[];
  /** Of source breakpoints: where it was set. */
  line?: SourcePlace;
  condition?: CompiledExpression;
  hitCondition?: HitCondition;
  /** Written at each hit that counts, instead of a stop. */
  message?: { parts: MessagePart[]; text: string };
  /** How often it was reached with its condition true. */
  hits: number;
  /** Of data breakpoints. */
  length: number;
  access: Watchpoint["access"];
}

interface SourcePlace {
  file: string;
  line: number;
}

interface Place {
  places: Address[];
  line?: SourcePlace;
  length?: number;
  access?: Watchpoint["access"];
}

export const BREAKPOINT_MODES: DebugProtocol.BreakpointMode[] = [
  {
    mode: "linear",
    label: "Linear address",
    description: "Holds for a linear address, whatever is mapped there.",
    appliesTo: ["instruction", "data"],
  },
  {
    mode: "physical",
    label: "Physical address",
    description: "Holds for the guest physical address that is mapped there now, wherever it is mapped later.",
    appliesTo: ["instruction", "data"],
  },
];

/** A data id says it all: space and address, length. */
const dataId = (at: Address, length: number): string => `${describe(at)}+${length}`;

function parseDataId(text: string): { at: Address; length: number } {
  const match = /^(.+)\+([0-9]{1,7})$/.exec(text);
  const at = parseReference(match?.[1] ?? "");
  const length = Number(match?.[2]);
  if (at === undefined || length < 1 || length > MAX_WATCHED) {
    throw new Error(`The data id "${text}" is not one that dataBreakpointInfo gave.`);
  }
  return { at, length };
}

/** What breakpoints need of the session. */
export interface BreakpointServices {
  /** What an expression may look at now. */
  context(): Promise<ExpressionContext>;
  symbols?(): SymbolTable | undefined;
  /** A line for the user: what a logpoint says (with where it was set, if that is known), or what is wrong with a condition. */
  tell(line: string, place?: SourcePlace): void;
  /** A breakpoint's state is another one than the client was told. */
  changed(breakpoint: DebugProtocol.Breakpoint): void;
}

/** What decides about a stop at a breakpoint. Throws ExpressionError. */
function rulesOf(
  one: Arguments,
  symbols?: SymbolTable,
): Pick<ClientBreakpoint, "condition" | "hitCondition" | "message"> {
  const condition = optionalText(one, "condition");
  const hitCondition = optionalText(one, "hitCondition");
  const message = optionalText(one, "logMessage");
  return {
    ...(condition ? { condition: compile(condition, symbols) } : {}),
    ...(hitCondition ? { hitCondition: parseHitCondition(hitCondition) } : {}),
    ...(message ? { message: { parts: compileMessage(message, symbols), text: message } } : {}),
  };
}

const verified = ({ id, places: [first], line }: ClientBreakpoint): DebugProtocol.Breakpoint => ({
  id,
  verified: true,
  ...(first === undefined ? {} : { instructionReference: reference(first) }),
  ...(line === undefined ? {} : { line: line.line, source: wireSource(line.file) }),
});

export class Breakpoints {
  readonly #target: Target;
  readonly #sources: Sources;
  readonly #services: BreakpointServices;
  #sets: ClientBreakpoint[] = [];
  /** Function breakpoints that name nothing that is known yet. */
  #waiting: { id: number; args: Arguments }[] = [];
  #nextId = 1;

  constructor(target: Target, sources: Sources, services: BreakpointServices) {
    this.#target = target;
    this.#sources = sources;
    this.#services = services;
  }

  /** Breakpoints on lines of one file; they replace those that the file had. */
  setSource(args: Arguments, list: readonly Arguments[]): Promise<DebugProtocol.Breakpoint[]> {
    const file = fileOf(args);
    const replaced = (set: ClientBreakpoint): boolean => set.kind === "source" && set.line?.file === file;
    return this.#replace("source", replaced, list, (one) => {
      const bound = this.#sources.bind(file, integerOf(one, "line", 1, LINE_MAX));
      if (bound === undefined) throw new Error(this.#whyUnbound(file));
      return { places: bound.addresses.map(phys), line: { file, line: bound.line } };
    });
  }

  /** The lines with code between two lines of a file. */
  locations(args: Arguments): DebugProtocol.BreakpointLocation[] {
    const file = fileOf(args);
    const first = integerOf(args, "line", 1, LINE_MAX);
    const last = Math.min(optionalInteger(args, "endLine", 1, LINE_MAX) ?? first, first + MAX_LINES);
    const found: DebugProtocol.BreakpointLocation[] = [];
    for (let line = first; line <= last; line++) {
      const bound = this.#sources.bind(file, line);
      if (bound === undefined) break;
      line = bound.line;
      if (line <= last) found.push({ line });
    }
    return found;
  }

  #whyUnbound(file: string): string {
    return this.#sources.knows(file)
      ? "There is no code at this line or near below it."
      : 'No line information is known for this file: name its ELF file in "symbols" of the launch configuration.';
  }

  setInstruction(list: readonly Arguments[]): Promise<DebugProtocol.Breakpoint[]> {
    return this.#replace("instruction", isKind("instruction"), list, async (one) => {
      const text = textOf(one, "instructionReference");
      const base = parseReference(text);
      if (base === undefined) throw new Error(`The instruction reference "${text}" is not an address.`);
      const offset = optionalInteger(one, "offset", -Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER) ?? 0;
      return { places: [await this.#inMode(plus(base, offset), optionalText(one, "mode"))] };
    });
  }

  /** The "function" is an address: "phys:0x7c00", "07c0:0000", "rsp+8". */
  setFunction(list: readonly Arguments[]): Promise<DebugProtocol.Breakpoint[]> {
    this.#waiting = [];
    return this.#replace("function", isKind("function"), list, (one) => this.#functionPlace(one));
  }

  async #functionPlace(one: Arguments): Promise<Place> {
    return { places: [await evaluateAddress(textOf(one, "name"), await this.#services.context())] };
  }

  /** Names that were not known may be known now: tries again what waits for one. */
  async refresh(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { id, args } of waiting) {
      const [answer] = await this.#replace("function", () => false, [args], (one) => this.#functionPlace(one), id);
      if (answer?.verified === true) this.#services.changed(answer);
    }
  }

  setData(list: readonly Arguments[]): Promise<DebugProtocol.Breakpoint[]> {
    return this.#replace("data", isKind("data"), list, (one) => {
      const { at, length } = parseDataId(textOf(one, "dataId"));
      const access = optionalText(one, "accessType") ?? "write";
      if (access !== "read" && access !== "write" && access !== "readWrite") {
        throw new Error(`The access type is "${access}": "read", "write" or "readWrite" was expected.`);
      }
      return { places: [at], length, access };
    });
  }

  /** Whether what an address expression names can be watched, and the id to watch it by. */
  async dataInfo(args: Arguments): Promise<DebugProtocol.DataBreakpointInfoResponse["body"]> {
    const name = textOf(args, "name");
    if ((optionalInteger(args, "variablesReference", 0, Number.MAX_SAFE_INTEGER) ?? 0) !== 0) {
      return { dataId: null, description: `"${name}" is no memory: a data breakpoint watches an address.` };
    }
    try {
      const length = optionalInteger(args, "bytes", 1, MAX_WATCHED) ?? 1;
      const at = await this.#inMode(
        await evaluateAddress(name, await this.#services.context()),
        optionalText(args, "mode"),
      );
      return {
        dataId: dataId(at, length),
        description: `${length === 1 ? "1 byte" : `${length} bytes`} at ${describe(at)}`,
        accessTypes: ["read", "write", "readWrite"],
        canPersist: true,
      };
    } catch (error) {
      return { dataId: null, description: error instanceof Error ? error.message : String(error) };
    }
  }

  /** Tells a machine that has just been launched all that is set. */
  async arm(): Promise<void> {
    for (const set of this.#sets) set.hits = 0;
    await this.#target.setBreakpoints(this.#execution());
    await this.#target.setWatchpoints(this.#watched());
  }

  /** One line a breakpoint: what and where it is, what decides about it, and how often it was hit. */
  lines(): string[] {
    return this.#sets.map(({ id, kind, places, line, length, access, condition, hitCondition, message, hits }) => {
      const where = places.map(describe).join(", ");
      const what = kind === "data" ? `${access} of ${length === 1 ? "1 byte" : `${length} bytes`} at ${where}` : where;
      const rules = [
        ...(line === undefined ? [] : [`${line.file}:${line.line}`]),
        ...(condition === undefined ? [] : [`if ${condition.text}`]),
        ...(hitCondition === undefined ? [] : [`at hits ${hitConditionText(hitCondition)}`]),
        ...(message === undefined ? [] : [`logs "${message.text}"`]),
        `${hits} ${hits === 1 ? "hit" : "hits"}`,
      ];
      return `${id}  ${kind}  ${what}  (${rules.join("; ")})`;
    });
  }

  /**
   * Which of the client's breakpoints a stop belongs to. Counts the hit; `[]` when conditions say that it is none,
   * undefined when there is no breakpoint of the client's there.
   */
  async hit(stop: StopResult): Promise<{ ids: number[]; kind: Kind } | undefined> {
    const at = stop.reason === "breakpoint" ? await this.#bothAddresses(stop) : [];
    const here = this.#sets.filter((set) => isHit(set, stop, at));
    if (here.length === 0) return undefined;
    const ids: number[] = [];
    for (const set of here) {
      if (set.line !== undefined && !(await this.#isLoaded(set.line.file, at))) continue;
      if (set.condition !== undefined && !(await this.#holds(set.condition))) continue;
      set.hits++;
      if (set.hitCondition !== undefined && !stopsAtHit(set.hitCondition, set.hits)) continue;
      if (set.message === undefined) ids.push(set.id);
      else this.#services.tell(await writeMessage(set.message.parts, await this.#services.context()), set.line);
    }
    return { ids, kind: here[0]?.kind ?? "instruction" };
  }

  /** Where the machine stands, as both kinds of address: it names only one of the breakpoints there. */
  async #bothAddresses({ space, address }: Breakpoint): Promise<Address[]> {
    if (space === "phys") return [phys(address), lin(linearIp(await this.#target.cpu()))];
    const { physical } = await this.#target.walk(address);
    return physical === undefined ? [lin(address)] : [lin(address), phys(physical)];
  }

  /** A condition that cannot be evaluated stops, so that the mistake is noticed. */
  async #holds(condition: CompiledExpression): Promise<boolean> {
    try {
      return (await evaluateCompiled(condition, await this.#services.context())).value !== 0n;
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      this.#services.tell(`The condition of a breakpoint could not be evaluated: ${error.message}`);
      return true;
    }
  }

  /** Whether it is the file's own code that the machine stopped at, and not another's at the same address. */
  async #isLoaded(file: string, here: readonly Address[]): Promise<boolean> {
    const at = here.find(({ space }) => space === "phys");
    if (at === undefined) return false;
    const bits = codeBits((await this.#target.cpu()).mode);
    const one = await instructionAt(at, bits, (...where) => this.#target.readMemory(...where));
    if (one === undefined) return false;
    return this.#sources.isLoaded(file, at.address, one.bytes, (...where) => this.#target.readMemory("phys", ...where));
  }

  async #replace(
    kind: Kind,
    replaced: (set: ClientBreakpoint) => boolean,
    list: readonly Arguments[],
    locate: (one: Arguments) => Place | Promise<Place>,
    /** Of the breakpoint, when it is tried anew. */
    known?: number,
  ): Promise<DebugProtocol.Breakpoint[]> {
    const others = this.#sets.filter((set) => !replaced(set));
    const taken = others.filter((set) => (set.kind === "data") === (kind === "data")).flatMap(({ places }) => places);
    let room = (kind === "data" ? MAX_DATA : MAX_EXECUTION) - taken.length;
    const added: ClientBreakpoint[] = [];
    const answers: DebugProtocol.Breakpoint[] = [];
    for (const one of list) {
      try {
        const rules = rulesOf(one, this.#services.symbols?.());
        const { places, line, length, access } = await locate(one);
        room -= places.length;
        if (room < 0) throw new Error("There is no room for further breakpoints of this kind.");
        const set: ClientBreakpoint = {
          id: known ?? this.#nextId++,
          kind,
          places,
          hits: 0,
          length: length ?? 1,
          access: access ?? "write",
          ...(line ? { line } : {}),
          ...rules,
        };
        added.push(set);
        answers.push(verified(set));
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        const id = known ?? this.#nextId++;
        answers.push({ id, verified: false, message });
        if (kind === "function") this.#waiting.push({ id, args: one });
      }
    }
    this.#sets = [...others, ...added];
    if (kind === "data") await this.#target.setWatchpoints(this.#watched());
    else await this.#target.setBreakpoints(this.#execution());
    return answers;
  }

  async #inMode(at: Address, mode: string | undefined): Promise<Address> {
    if (mode !== "physical" || at.space === "phys") return at;
    const { physical } = await this.#target.walk(at.address);
    if (physical === undefined)
      throw new Error(`Nothing is mapped at ${describe(at)} now, so it has no physical address.`);
    return phys(physical);
  }

  /** With their conditions: the machine passes over what they exclude by itself. */
  #execution(): ConditionalBreakpoint[] {
    return this.#sets
      .filter((set) => set.kind !== "data")
      .flatMap(({ places, condition }) =>
        places.map((at) => ({ ...at, ...(condition === undefined ? {} : { condition }) })),
      );
  }

  #watched(): Watchpoint[] {
    return this.#sets
      .filter((set) => set.kind === "data")
      .flatMap(({ places, length, access }) => places.map((at) => ({ ...at, length, access })));
  }
}

const isKind =
  (kind: Kind) =>
  (set: ClientBreakpoint): boolean =>
    set.kind === kind;

function fileOf(args: Arguments): string {
  return textOf(argumentsOf(args["source"]), "path");
}

/** @param here where the machine stands, when it stopped at a breakpoint */
function isHit(set: ClientBreakpoint, stop: StopResult, here: readonly Address[]): boolean {
  if (stop.reason === "breakpoint") {
    const isHere = ({ space, address }: Address): boolean =>
      here.some((at) => at.space === space && at.address === address);
    return set.kind !== "data" && set.places.some(isHere);
  }
  if (stop.reason === "watchpoint") {
    if (set.kind !== "data" || (set.access !== "readWrite" && set.access !== stop.access)) return false;
    return set.places.some(({ address }) => {
      const offset = stop.address - address;
      return offset > -16n && offset < BigInt(set.length);
    });
  }
  return false;
}
