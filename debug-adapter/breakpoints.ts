/** Source, instruction, function (address) and data breakpoints: what the client set, and what the machine is told. */
import type { DebugProtocol } from "@vscode/debugprotocol";
import type { CompiledExpression } from "../emulator/machine/inspect-expression.ts";
import { describe, lin, phys, reference } from "./address.ts";
import type { Address } from "./address.ts";
import { argumentsOf, integerOf, optionalInteger, textOf } from "./arguments.ts";
import type { Arguments } from "./arguments.ts";
import { locate, samePlace } from "./breakpoint-places.ts";
import type { Located } from "./breakpoint-places.ts";
import { rulesOf } from "./breakpoint-rules.ts";
import type { Rules } from "./breakpoint-rules.ts";
import { boundPlace, codeState, dataState } from "./breakpoint-state.ts";
import type { PlaceState } from "./breakpoint-state.ts";
import type { CodeAnchor } from "./code-map.ts";
import type { Catches } from "./catches.ts";
import { armed, dataInfo, describePlace, watchedBits } from "./data-breakpoints.ts";
import type { DataPlace, DataRow } from "./data-breakpoints.ts";
import { DataValues } from "./data-values.ts";
import { instructionAt } from "./disassembly.ts";
import { caughtText } from "./exceptions.ts";
import { ExpressionError } from "./expressions/errors.ts";
import { evaluateCompiled, writeMessage } from "./expressions/evaluate.ts";
import type { CaughtValues, ExpressionContext } from "./expressions/evaluate.ts";
import { hitConditionText, stopsAtHit } from "./expressions/hit-condition.ts";
import type { SymbolTable } from "./expressions/symbols.ts";
import { codeBits, linearIp } from "./registers.ts";
import { wireSource } from "./sources.ts";
import type { Sources } from "./sources.ts";
import { caughtValues } from "./stop-filters.ts";
import type { Breakpoint, Catch, ConditionalBreakpoint, StopResult, Target, Watchpoint } from "./target.ts";

/** What the machine holds at most (layout.ts), less what stepping sets for itself. */
const MAX_EXECUTION = 990;
const MAX_DATA = 255;
/** Lines that one question about possible places may cover. */
const MAX_LINES = 2000;
const LINE_MAX = 1 << 24;
/** Breakpoints whose state is looked at anew at one stop. */
const MAX_REFRESHED = 200;

export type BreakpointKind = "source" | "instruction" | "function" | "data";

export interface SourcePlace {
  file: string;
  line: number;
}

interface ClientBreakpoint {
  readonly id: number;
  readonly kind: BreakpointKind;
  /** As the client asked for it. */
  readonly request: Arguments;
  /** Of source breakpoints. */
  readonly file?: string;
  /** Where it is; undefined when it could not be set. */
  located?: Located;
  rules: Rules;
  /** Why it could not be set, or what is to be known about the place where it is. */
  state: PlaceState;
  /** How often it was reached with its condition true. */
  hits: number;
  /** What the client knows of it. */
  told: string;
}

/** What breakpoints need of the session. */
export interface BreakpointServices {
  /** What an expression may look at now, or at a stop with these values. */
  context(caught?: CaughtValues): Promise<ExpressionContext>;
  symbols?(): SymbolTable | undefined;
  /** A line for the user: what a logpoint says (with where it was set, if that is known), or what is wrong with a condition. */
  tell(line: string, place?: SourcePlace): void;
  /** The state of a breakpoint is another one than the client knows. */
  changed(breakpoint: DebugProtocol.Breakpoint): void;
  /** A row of the variables view. */
  row(reference: number, name: string): Promise<DataRow | undefined>;
  /** What was seen to run from a linear address up to another, in order. */
  seen(from: bigint, end: bigint): readonly CodeAnchor[];
  /** The session runs without debugging: nothing stops. */
  silent(): boolean;
}

/** The client's breakpoints behind a stop. */
export interface Hit {
  /** Those that stop; empty when conditions, hit counts or messages say that none does. */
  ids: number[];
  kind: BreakpointKind;
  /** One sentence about it, where there is more to say than the address. */
  description?: string;
}

/** Which of the client's breakpoints may be behind a stop. */
type Candidates = readonly ClientBreakpoint[];

export class Breakpoints {
  readonly #target: Target;
  readonly #sources: Sources;
  readonly #services: BreakpointServices;
  readonly #catches: Catches;
  readonly #values: DataValues;
  #sets: readonly ClientBreakpoint[] = [];
  /** The breakpoint behind each watchpoint and each catch that the machine has. */
  #watched: Candidates = [];
  #caught: Candidates = [];
  #nextId = 1;
  #nextRefreshed = 0;
  /** Changes are made one after the other. */
  #work: Promise<unknown> = Promise.resolve();

  constructor(target: Target, sources: Sources, catches: Catches, services: BreakpointServices) {
    this.#target = target;
    this.#sources = sources;
    this.#catches = catches;
    this.#services = services;
    this.#values = new DataValues(target);
  }

  /** A number that no other breakpoint has. */
  newId(): number {
    return this.#nextId++;
  }

  /** Breakpoints on lines of one file; they replace those that the file had. */
  setSource(args: Arguments, list: readonly Arguments[]): Promise<DebugProtocol.Breakpoint[]> {
    const file = fileOf(args);
    return this.#replace("source", list, file);
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

  setInstruction(list: readonly Arguments[]): Promise<DebugProtocol.Breakpoint[]> {
    return this.#replace("instruction", list);
  }

  /** The "function" is a symbol or an address: "phys:0x7c00", "07c0:0000", "rsp+8". */
  setFunction(list: readonly Arguments[]): Promise<DebugProtocol.Breakpoint[]> {
    return this.#replace("function", list);
  }

  setData(list: readonly Arguments[]): Promise<DebugProtocol.Breakpoint[]> {
    return this.#replace("data", list);
  }

  /** Whether what is named can be watched, and the id to watch it by. */
  dataInfo(args: Arguments): Promise<DebugProtocol.DataBreakpointInfoResponse["body"]> {
    return dataInfo(args, {
      context: () => this.#services.context(),
      row: (reference, name) => this.#services.row(reference, name),
      bound: (place) => boundPlace(place, this.#target),
    });
  }

  /** Tells a machine that has just been launched all that is set. */
  arm(): Promise<void> {
    return this.#inTurn(async () => {
      for (const set of this.#sets) set.hits = 0;
      await this.#armExecution(this.#sets);
      await this.#armData(this.#sets);
    });
  }

  /** The machine stands: remembers what lies at watched places. */
  async noteValues(): Promise<void> {
    await this.#values.note(
      this.#sets.flatMap(({ id, located }): [number, DataPlace][] =>
        located?.data === undefined ? [] : [[id, located.data.place]],
      ),
    );
  }

  /**
   * Looks again at what could not be set yet, at symbols that may be known now, and at what is mapped and loaded; tells the
   * client what has changed.
   */
  refresh(): Promise<void> {
    return this.#inTurn(async () => {
      const turn = this.#turn();
      for (const kind of ["execution", "data"] as const) {
        const list = turn.filter((set) => (set.kind === "data") === (kind === "data"));
        const before = list.map(({ located }) => located);
        for (const set of list) await this.#locate(set);
        if (list.every((set, index) => samePlace(set.located, before[index]))) continue;
        await (kind === "data" ? this.#armData(this.#sets) : this.#armExecution(this.#sets));
      }
      for (const set of turn) {
        const wire = await this.#wire(set);
        const text = JSON.stringify(wire);
        if (text !== set.told) this.#services.changed(wire);
        set.told = text;
      }
    });
  }

  /** Names that were not known may be known now. Does not wait: the symbols may have been read for a breakpoint. */
  symbolsChanged(): Promise<void> {
    // A machine that fails meanwhile says so by itself.
    void this.refresh().catch(() => undefined);
    return Promise.resolve();
  }

  /** The breakpoints to look at now: all, or where there are very many of them, one part after the other. */
  #turn(): ClientBreakpoint[] {
    if (this.#sets.length <= MAX_REFRESHED) return [...this.#sets];
    const first = this.#nextRefreshed % this.#sets.length;
    this.#nextRefreshed = first + MAX_REFRESHED;
    return [...this.#sets, ...this.#sets].slice(first, first + MAX_REFRESHED);
  }

  /** One line a breakpoint: what and where it is, what decides about it, and how often it was hit. */
  lines(): string[] {
    return this.#sets.map(({ id, kind, located, rules, state, hits }) => {
      if (located === undefined) return `${id}  ${kind}  not set: ${state.message ?? ""}`;
      const { data, places, line } = located;
      const what =
        data === undefined ? places.map(describe).join(", ") : `${data.access} of ${describePlace(data.place)}`;
      const all = [
        ...(line === undefined ? [] : [`${line.file}:${line.line}`]),
        ...(rules.condition === undefined ? [] : [`if ${rules.condition.text}`]),
        ...(rules.hitCondition === undefined ? [] : [`at hits ${hitConditionText(rules.hitCondition)}`]),
        ...(rules.message === undefined ? [] : [`logs "${rules.message.text}"`]),
        `${hits} ${hits === 1 ? "hit" : "hits"}`,
      ];
      return `${id}  ${kind}  ${what}  (${all.join("; ")})`;
    });
  }

  /**
   * Which of the client's breakpoints a stop belongs to. Counts the hit; undefined when there is no breakpoint of the
   * client's there. To be asked as soon as the stop is known.
   */
  hit(stop: StopResult): Promise<Hit | undefined> {
    // What the machine names are places in the lists that it has now.
    if (stop.reason === "watchpoint") {
      return this.#decide(
        stop.watchpoints.flatMap((place) => this.#watched[place] ?? []),
        stop,
        [],
      );
    }
    if (stop.reason === "catch") {
      const places = this.#catches.behind("data", stop.caught);
      return this.#decide(
        places.flatMap((place) => this.#caught[place] ?? []),
        stop,
        [],
      );
    }
    return stop.reason === "breakpoint" ? this.#hitCode(stop) : Promise.resolve(undefined);
  }

  async #hitCode(stop: StopResult & { reason: "breakpoint" }): Promise<Hit | undefined> {
    const here = await this.#bothAddresses(stop);
    const isHere = ({ space, address }: Address): boolean =>
      here.some((at) => at.space === space && at.address === address);
    return this.#decide(
      this.#sets.filter(({ kind, located }) => kind !== "data" && located?.places.some(isHere) === true),
      stop,
      here,
    );
  }

  async #decide(sets: Candidates, stop: StopResult, here: readonly Address[]): Promise<Hit | undefined> {
    const first = sets[0];
    if (first === undefined) return undefined;
    const ids: number[] = [];
    let description: string | undefined;
    for (const set of sets) {
      const { line, data } = set.located ?? {};
      if (line !== undefined && !(await this.#isLoaded(line.file, here))) continue;
      const caught = stop.reason === "catch" ? stop.caught : undefined;
      if (
        data !== undefined &&
        caught?.before !== undefined &&
        caught.value !== undefined &&
        data.access === "change"
      ) {
        if (watchedBits(data.place, caught.before) === watchedBits(data.place, caught.value)) continue;
      }
      const values = caught === undefined ? {} : caughtValues(caught);
      const { condition, hitCondition, message } = set.rules;
      if (condition !== undefined && !(await this.#holds(condition, values))) continue;
      set.hits++;
      if (hitCondition !== undefined && !stopsAtHit(hitCondition, set.hits)) continue;
      if (message === undefined) {
        ids.push(set.id);
        description ??= await this.#describe(set, stop);
      } else this.#services.tell(await writeMessage(message.parts, await this.#services.context(values)), line);
    }
    if (ids.length === 0) await this.noteValues();
    return { ids, kind: first.kind, ...(description === undefined ? {} : { description }) };
  }

  async #describe({ id, located, rules }: ClientBreakpoint, stop: StopResult): Promise<string | undefined> {
    if (located?.data === undefined) return undefined;
    const { place, access } = located.data;
    if (stop.reason === "catch") return `Paused: ${caughtText(stop.caught).text}`;
    if (stop.reason !== "watchpoint" || place.kind !== "memory") return undefined;
    return this.#values.describe(id, place, access, stop, rules.condition === undefined);
  }

  /** Where the machine stands, as both kinds of address: it names only one of the breakpoints there. */
  async #bothAddresses({ space, address }: Breakpoint): Promise<Address[]> {
    if (space === "phys") return [phys(address), lin(linearIp(await this.#target.cpu()))];
    const { physical } = await this.#target.walk(address);
    return physical === undefined ? [lin(address)] : [lin(address), phys(physical)];
  }

  /** A condition that cannot be evaluated stops, so that the mistake is noticed. */
  async #holds(condition: CompiledExpression, caught: CaughtValues): Promise<boolean> {
    try {
      return (await evaluateCompiled(condition, await this.#services.context(caught))).value !== 0n;
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      this.#services.tell(`The condition of a breakpoint could not be evaluated: ${error.message}`);
      return true;
    }
  }

  /** Whether it is the file's own code that lies at an address, and not another's. */
  async #isLoaded(file: string, here: readonly Address[]): Promise<boolean> {
    const at = here.find(({ space }) => space === "phys");
    if (at === undefined) return false;
    const bits = codeBits((await this.#target.cpu()).mode);
    const one = await instructionAt(at, bits, (...where) => this.#target.readMemory(...where));
    if (one === undefined) return false;
    return this.#sources.isLoaded(file, at.address, one.bytes, (...where) => this.#target.readMemory("phys", ...where));
  }

  #replace(kind: BreakpointKind, list: readonly Arguments[], file?: string): Promise<DebugProtocol.Breakpoint[]> {
    return this.#inTurn(async () => {
      const others = this.#sets.filter((set) => set.kind !== kind || (kind === "source" && set.file !== file));
      const added = list.map((request): ClientBreakpoint => {
        const set = { id: this.newId(), kind, request, rules: {}, state: { verified: false }, hits: 0, told: "" };
        return file === undefined ? set : { ...set, file };
      });
      const ready = [...others];
      for (const set of added) {
        ready.push(set);
        await this.#locate(set);
        if (set.located === undefined) continue;
        if (isFull(ready, kind)) fail(set, "There is no room for further breakpoints of this kind.");
        // What the machine refuses must not take the others along.
        else if (kind === "data") await this.#armData(ready).catch((error: unknown) => fail(set, messageOf(error)));
      }
      this.#sets = ready;
      await (kind === "data" ? this.#armData(ready) : this.#armExecution(ready));
      if (kind === "data") await this.noteValues();
      const answers: DebugProtocol.Breakpoint[] = [];
      for (const set of added) {
        const wire = await this.#wire(set);
        set.told = JSON.stringify(wire);
        answers.push(wire);
      }
      return answers;
    });
  }

  /** Finds out where a breakpoint is, if that is not known or may have changed. */
  async #locate(set: ClientBreakpoint): Promise<void> {
    if (set.located !== undefined && !set.located.mayMove) return;
    try {
      const located = await locate(set.kind, set.request, set.file, {
        target: this.#target,
        sources: this.#sources,
        context: () => this.#services.context(),
      });
      set.rules = rulesOf(set.request, located.data?.place, this.#services.symbols?.());
      set.located = located;
    } catch (error) {
      // What was found once stays where it was.
      if (set.located === undefined) fail(set, messageOf(error));
    }
  }

  async #wire(set: ClientBreakpoint): Promise<DebugProtocol.Breakpoint> {
    const { id, located } = set;
    if (located === undefined) return { id, ...set.state };
    const { data, line, places } = located;
    const [first] = places;
    if (this.#services.silent()) set.state = { verified: false, message: "This session runs without debugging." };
    else if (data !== undefined) set.state = await dataState(data.place, this.#target);
    else if (line !== undefined) set.state = await this.#lineState(line.file, places);
    else if (first !== undefined) {
      set.state = await codeState(first, this.#target, (from, end) => this.#services.seen(from, end));
    }
    return {
      id,
      ...set.state,
      ...(first === undefined ? {} : { instructionReference: reference(first) }),
      ...(line === undefined ? {} : { line: line.line, source: wireSource(line.file) }),
    };
  }

  /** A line with code can be set before the code is loaded. */
  async #lineState(file: string, places: readonly Address[]): Promise<PlaceState> {
    for (const at of places) if (await this.#isLoaded(file, [phys(at.address)])) return { verified: true };
    return { verified: true, message: "Its code is not in memory now: it counts once it is." };
  }

  async #armExecution(sets: readonly ClientBreakpoint[]): Promise<void> {
    const list = this.#services.silent() ? [] : sets.filter(({ kind }) => kind !== "data");
    await this.#target.setBreakpoints(
      list.flatMap(({ located, rules: { condition } }): ConditionalBreakpoint[] =>
        (located?.places ?? []).map((at) => ({ ...at, ...(condition === undefined ? {} : { condition }) })),
      ),
    );
  }

  async #armData(sets: readonly ClientBreakpoint[]): Promise<void> {
    const watched: [ClientBreakpoint, Watchpoint][] = [];
    const caught: [ClientBreakpoint, Catch][] = [];
    for (const set of this.#services.silent() ? [] : sets) {
      if (set.located?.data === undefined) continue;
      const { place, access } = set.located.data;
      const condition = set.rules.condition === undefined ? {} : { condition: set.rules.condition };
      const one = armed(place, access);
      if ("watchpoint" in one) watched.push([set, { ...one.watchpoint, ...condition }]);
      else caught.push([set, { ...one.caught, ...condition }]);
    }
    if (watched.length > 0 || this.#watched.length > 0)
      await this.#target.setWatchpoints(watched.map(([, one]) => one));
    this.#watched = watched.map(([set]) => set);
    await this.#catches.set(
      "data",
      caught.map(([, one]) => one),
    );
    this.#caught = caught.map(([set]) => set);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#work.then(work);
    this.#work = done.catch(() => undefined);
    return done;
  }
}

function fail(set: ClientBreakpoint, message: string): void {
  delete set.located;
  const { name } = set.request;
  const isName = set.kind === "function" && typeof name === "string" && /^[`A-Za-z_.$@][\w.$@]*`?$/.test(name);
  set.state = { verified: false, message, reason: isName ? "pending" : "failed" };
}

function isFull(sets: readonly ClientBreakpoint[], kind: BreakpointKind): boolean {
  const alike = sets.filter((set) => (set.kind === "data") === (kind === "data"));
  const count = alike.reduce(
    (sum, { located }) => sum + (located?.data === undefined ? (located?.places.length ?? 0) : 1),
    0,
  );
  return count > (kind === "data" ? MAX_DATA : MAX_EXECUTION);
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const fileOf = (args: Arguments): string => textOf(argumentsOf(args["source"]), "path");
