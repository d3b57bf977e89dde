/** Instruction, function (address) and data breakpoints: what the client set, and what the machine is told. */
import type { DebugProtocol } from "@vscode/debugprotocol";
import { describe, parseReference, phys, plus, reference } from "./address.ts";
import type { Address } from "./address.ts";
import { optionalInteger, optionalText, textOf } from "./arguments.ts";
import type { Arguments } from "./arguments.ts";
import { evaluateAddress, evaluateExpression } from "./expression.ts";
import type { ExpressionContext } from "./expression.ts";
import type { Breakpoint, StopResult, Target, Watchpoint } from "./target.ts";

/** What the machine holds at most (layout.ts), less what stepping sets for itself. */
const MAX_EXECUTION = 990;
const MAX_DATA = 255;
/** Bytes that one data breakpoint may watch. */
const MAX_WATCHED = 1 << 20;

type Kind = "instruction" | "function" | "data";

interface ClientBreakpoint {
  id: number;
  kind: Kind;
  at: Address;
  condition?: string;
  /** Stops at this hit and all later ones, or at every nth ("%n"). */
  hitCondition?: HitCondition;
  hits: number;
  /** Of data breakpoints. */
  length: number;
  access: Watchpoint["access"];
}

interface Place {
  at: Address;
  length?: number;
  access?: Watchpoint["access"];
}

type HitCondition = (hits: number) => boolean;

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

/** Reads "5", ">= 5", "> 5", "== 5" or "% 5". */
function parseHitCondition(text: string): HitCondition {
  const match = /^\s*(>=|>|==?|%)?\s*([0-9]{1,15})\s*$/.exec(text);
  const count = Number(match?.[2]);
  if (match === null || (match[1] === "%" && count === 0)) {
    throw new Error(`The hit condition "${text}" is none of "5", "> 5", ">= 5", "== 5", "% 5".`);
  }
  const operator = match[1];
  if (operator === ">") return (hits) => hits > count;
  if (operator === "=" || operator === "==") return (hits) => hits === count;
  if (operator === "%") return (hits) => hits % count === 0;
  return (hits) => hits >= count;
}

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

const verified = (set: ClientBreakpoint): DebugProtocol.Breakpoint => ({
  id: set.id,
  verified: true,
  instructionReference: reference(set.at),
});

export class Breakpoints {
  readonly #target: Target;
  readonly #context: () => Promise<ExpressionContext>;
  #sets: ClientBreakpoint[] = [];
  #nextId = 1;

  constructor(target: Target, context: () => Promise<ExpressionContext>) {
    this.#target = target;
    this.#context = context;
  }

  setInstruction(list: readonly Arguments[]): Promise<DebugProtocol.Breakpoint[]> {
    return this.#replace("instruction", list, async (one) => {
      const text = textOf(one, "instructionReference");
      const base = parseReference(text);
      if (base === undefined) throw new Error(`The instruction reference "${text}" is not an address.`);
      const offset = optionalInteger(one, "offset", -Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER) ?? 0;
      return { at: await this.#inMode(plus(base, offset), optionalText(one, "mode")) };
    });
  }

  /** The "function" is an address: "phys:0x7c00", "07c0:0000", "rsp+8". */
  setFunction(list: readonly Arguments[]): Promise<DebugProtocol.Breakpoint[]> {
    return this.#replace("function", list, async (one) => ({
      at: await evaluateAddress(textOf(one, "name"), await this.#context()),
    }));
  }

  setData(list: readonly Arguments[]): Promise<DebugProtocol.Breakpoint[]> {
    return this.#replace("data", list, (one) => {
      const { at, length } = parseDataId(textOf(one, "dataId"));
      const access = optionalText(one, "accessType") ?? "write";
      if (access !== "read" && access !== "write" && access !== "readWrite") {
        throw new Error(`The access type is "${access}": "read", "write" or "readWrite" was expected.`);
      }
      return { at, length, access };
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
      const at = await this.#inMode(await evaluateAddress(name, await this.#context()), optionalText(args, "mode"));
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

  /**
   * Which of the client's breakpoints a stop belongs to. Counts the hit; `[]` when conditions say that it is none,
   * undefined when there is no breakpoint of the client's there.
   */
  async hit(stop: StopResult): Promise<{ ids: number[]; kind: Kind } | undefined> {
    const here = this.#sets.filter((set) => isHit(set, stop));
    if (here.length === 0) return undefined;
    const ids: number[] = [];
    for (const set of here) {
      if (set.condition !== undefined && !(await this.#holds(set.condition))) continue;
      set.hits++;
      if (set.hitCondition === undefined || set.hitCondition(set.hits)) ids.push(set.id);
    }
    return { ids, kind: here[0]?.kind ?? "instruction" };
  }

  /** A condition that cannot be evaluated stops, so that the mistake is noticed. */
  async #holds(condition: string): Promise<boolean> {
    try {
      return (await evaluateExpression(condition, await this.#context())).value !== 0n;
    } catch {
      return true;
    }
  }

  async #replace(
    kind: Kind,
    list: readonly Arguments[],
    locate: (one: Arguments) => Place | Promise<Place>,
  ): Promise<DebugProtocol.Breakpoint[]> {
    const others = this.#sets.filter((set) => set.kind !== kind);
    const room = kind === "data" ? MAX_DATA : MAX_EXECUTION - others.filter((set) => set.kind !== "data").length;
    const added: ClientBreakpoint[] = [];
    const answers: DebugProtocol.Breakpoint[] = [];
    for (const one of list) {
      try {
        if (added.length >= room) throw new Error(`There is room for ${room} such breakpoints only.`);
        const { at, length, access } = await locate(one);
        const condition = optionalText(one, "condition");
        const hitCondition = optionalText(one, "hitCondition");
        const set: ClientBreakpoint = {
          id: this.#nextId++,
          kind,
          at,
          hits: 0,
          length: length ?? 1,
          access: access ?? "write",
          ...(condition ? { condition } : {}),
          ...(hitCondition ? { hitCondition: parseHitCondition(hitCondition) } : {}),
        };
        added.push(set);
        answers.push(verified(set));
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        answers.push({ id: this.#nextId++, verified: false, message });
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

  #execution(): Breakpoint[] {
    return this.#sets.filter((set) => set.kind !== "data").map(({ at }) => ({ ...at }));
  }

  #watched(): Watchpoint[] {
    return this.#sets.filter((set) => set.kind === "data").map(({ at, length, access }) => ({ ...at, length, access }));
  }
}

function isHit(set: ClientBreakpoint, stop: StopResult): boolean {
  if (stop.reason === "breakpoint") {
    return set.kind !== "data" && set.at.space === stop.space && set.at.address === stop.address;
  }
  if (stop.reason === "watchpoint") {
    if (set.kind !== "data" || (set.access !== "readWrite" && set.access !== stop.access)) return false;
    const offset = stop.address - set.at.address;
    return offset > -16n && offset < BigInt(set.length);
  }
  return false;
}
