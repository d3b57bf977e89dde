/** The filters of setExceptionBreakpoints that are on, and which stops they are behind. */
import { matchesEvent } from "../emulator/machine/api.ts";
import type { DebugProtocol } from "@vscode/debugprotocol";
import type { CompiledExpression } from "../emulator/machine/inspect-expression.ts";
import { listOf, optionalText, textOf, textsOf } from "./arguments.ts";
import type { Arguments } from "./arguments.ts";
import { EXCEPTION_FILTERS, filterNamed } from "./exception-filters.ts";
import type { FilterAim } from "./exception-filters.ts";
import type { Catches } from "./catches.ts";
import { narrowed } from "./filter-conditions.ts";
import { ExpressionError } from "./expressions/errors.ts";
import { evaluateCompiled } from "./expressions/evaluate.ts";
import type { CaughtValues, ExpressionContext } from "./expressions/evaluate.ts";
import { compile } from "./expressions/parser.ts";
import type { SymbolTable } from "./expressions/symbols.ts";
import type { BootEvent, Catch, Caught, EventFilter, PhaseName } from "./target.ts";

/** What filters need of the session. */
export interface FilterServices {
  /** A number that no breakpoint has. */
  newId(): number;
  /** What a condition may look at, at a stop with these values. */
  context(caught: CaughtValues): Promise<ExpressionContext>;
  symbols?(): SymbolTable | undefined;
  /** A line for the user. */
  tell(line: string): void;
}

interface ActiveFilter {
  id: number;
  aim: FilterAim;
  label: string;
  condition?: CompiledExpression;
}

/** A filter behind a stop. */
export type FilterHit = Pick<ActiveFilter, "id" | "label" | "condition">;

export class StopFilters {
  readonly #catches: Catches;
  readonly #services: FilterServices;
  #active: readonly ActiveFilter[];
  /** The filter behind each catch. */
  #owners: ActiveFilter[] = [];

  constructor(catches: Catches, services: FilterServices) {
    this.#catches = catches;
    this.#services = services;
    this.#active = EXCEPTION_FILTERS.filter((one) => one.default === true).map(({ filter }) => this.#filter(filter));
  }

  /** Reads which filters a client has switched on; an unknown one is an error. One answer each, in their order. */
  use(args: Arguments): DebugProtocol.Breakpoint[] {
    const wanted = [
      ...textsOf(args, "filters").map((filter): [string, string | undefined] => [filter, undefined]),
      ...listOf({ filterOptions: [], ...args }, "filterOptions", EXCEPTION_FILTERS.length).map(
        (one): [string, string | undefined] => [textOf(one, "filterId"), optionalText(one, "condition")],
      ),
    ];
    const active: ActiveFilter[] = [];
    const answers = wanted.map(([name, condition]): DebugProtocol.Breakpoint => {
      const filter = this.#filter(name);
      try {
        if (condition) active.push(this.#conditional(filter, name, condition));
        else active.push(filter);
        return { id: filter.id, verified: true };
      } catch (error) {
        if (!(error instanceof ExpressionError)) throw error;
        return { id: filter.id, verified: false, message: error.message, reason: "failed" };
      }
    });
    this.#active = active;
    return answers;
  }

  #filter(name: string): ActiveFilter {
    const { aim, label } = filterNamed(name);
    return { id: this.#services.newId(), aim, label };
  }

  #conditional(filter: ActiveFilter, name: string, condition: string): ActiveFilter {
    if (!filterNamed(name).conditional) throw new ExpressionError(`The filter "${filter.label}" takes no condition.`);
    return { ...filter, condition: compile(condition, this.#services.symbols?.()) };
  }

  get phases(): PhaseName[] {
    return this.#active.flatMap(({ aim }) => (aim.kind === "phase" ? [aim.phase] : []));
  }

  get events(): EventFilter[] {
    return this.#active.flatMap(({ aim }) => (aim.kind === "event" ? [aim.event] : []));
  }

  get tripleFault(): boolean {
    return this.#active.some(({ aim }) => aim.kind === "tripleFault");
  }

  get panic(): boolean {
    return this.#active.some(({ aim }) => aim.kind === "panic");
  }

  /** Tells the machine what to catch; nothing when it is not to stop at all. */
  async arm(silent: boolean): Promise<void> {
    const list: [ActiveFilter, Catch][] = silent ? [] : this.#active.flatMap(catchesOf);
    await this.#catches.set(
      "filters",
      list.map(([, one]) => one),
    );
    this.#owners = list.map(([owner]) => owner);
  }

  /** The filters behind what was caught. To be asked as soon as the stop is known. */
  behind(caught: Caught): FilterHit[] {
    const owners = this.#catches.behind("filters", caught).map((place) => this.#owners[place]);
    return [...new Set(owners)].filter((one) => one !== undefined);
  }

  /** Says so where it was a condition that cannot be evaluated that stopped the machine. */
  async explain(hits: readonly FilterHit[], caught: Caught): Promise<void> {
    for (const { condition } of hits) if (condition !== undefined) await this.#holds(condition, caughtValues(caught));
  }

  /** Whether conditions say that an event is none to stop at: `others` are filters that have none. */
  async excludes(event: BootEvent, others: readonly EventFilter[]): Promise<boolean> {
    if (others.some((filter) => matchesEvent(filter, event))) return false;
    const own = this.#active.filter(({ aim }) => aim.kind === "event" && matchesEvent(aim.event, event));
    for (const { condition } of own) {
      if (condition === undefined || (await this.#holds(condition, eventValues(event)))) return false;
    }
    return own.length > 0;
  }

  /** A condition that cannot be evaluated stops, so that the mistake is noticed. */
  async #holds(condition: CompiledExpression, caught: CaughtValues): Promise<boolean> {
    try {
      return (await evaluateCompiled(condition, await this.#services.context(caught))).value !== 0n;
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      this.#services.tell(`The condition of a filter could not be evaluated: ${error.message}`);
      return true;
    }
  }
}

const catchesOf = (filter: ActiveFilter): [ActiveFilter, Catch][] => {
  const { aim, condition } = filter;
  if (aim.kind !== "catch") return [];
  return aim.catches.map((plain) =>
    condition === undefined ? [filter, plain] : [filter, { ...narrowed(plain, condition), condition }],
  );
};

/** What expressions may name of what was caught. */
export function caughtValues({ vector, error, port, value }: Caught): CaughtValues {
  return {
    ...(vector === undefined ? {} : { vector }),
    ...(error === undefined ? {} : { error }),
    ...(port === undefined ? {} : { port }),
    ...(value === undefined ? {} : { value }),
  };
}

/** What expressions may name of an event. */
export const eventValues = ({ vector }: BootEvent): CaughtValues => (vector === undefined ? {} : { vector });
