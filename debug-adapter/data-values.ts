/** The values behind data breakpoints: `$value` in their conditions, and what a stop says of old and new. */
import type { CompiledExpression, ExpressionNode } from "../emulator/machine/inspect-expression.ts";
import type { MessagePart } from "../emulator/machine/inspect-message.ts";
import { describe, hex, plus } from "./address.ts";
import { describePlace } from "./data-breakpoints.ts";
import type { DataAccess, DataPlace } from "./data-breakpoints.ts";
import { byteText } from "./disassembly.ts";
import type { StopResult, Target } from "./target.ts";

/** Bytes of `$value`, and of a value that a stop shows. */
const MAX_VALUE = 8;
/** Watched bytes that are kept of one place, and places of which they are. */
const MAX_KEPT = 4096;
const MAX_PLACES = 64;

type MemoryPlace = DataPlace & { kind: "memory" };

/**
 * An expression about what is watched at a place: `$value` is what lies there, or the watched bits of a register, so that
 * the machine can decide about it.
 */
export function withValue(expression: CompiledExpression, place: DataPlace): CompiledExpression {
  return { ...expression, root: replaced(expression.root, place) };
}

export const messageWithValue = (parts: readonly MessagePart[], place: DataPlace): MessagePart[] =>
  parts.map((part) => (typeof part === "string" ? part : { ...part, expression: withValue(part.expression, place) }));

function replaced(node: ExpressionNode, place: DataPlace): ExpressionNode {
  const inside = (one: ExpressionNode): ExpressionNode => replaced(one, place);
  switch (node.op) {
    case "number":
      return node;
    case "register":
      return node.name === "value" ? valueNode(node, place) : node;
    case "msr":
      return { ...node, index: inside(node.index) };
    case "memory":
      return { ...node, address: inside(node.address) };
    case "segment":
      return { ...node, offset: inside(node.offset) };
    case "cast":
    case "unary":
      return { ...node, operand: inside(node.operand) };
    case "binary":
      return { ...node, left: inside(node.left), right: inside(node.right) };
    case "choose":
      return { ...node, condition: inside(node.condition), yes: inside(node.yes), no: inside(node.no) };
  }
}

function valueNode(node: ExpressionNode & { op: "register" }, place: DataPlace): ExpressionNode {
  if (place.kind === "register") return place.part === undefined ? node : { ...node, ...place.part };
  if (place.kind === "port") return node;
  const size = Math.min(MAX_VALUE, place.length);
  const address: ExpressionNode = { op: "number", value: `${place.at.address}` };
  return { op: "memory", space: place.at.space, size, signed: false, address, at: node.at };
}

/** Remembers what lay at watched places when the machine stood last, to tell what a write has changed. */
export class DataValues {
  readonly #target: Pick<Target, "readMemory">;
  readonly #seen = new Map<number, Uint8Array>();

  constructor(target: Pick<Target, "readMemory">) {
    this.#target = target;
  }

  /** The machine stands: notes what lies at these places, by the ids of their breakpoints. */
  async note(places: readonly (readonly [id: number, place: DataPlace])[]): Promise<void> {
    const kept = places.slice(0, MAX_PLACES);
    for (const id of this.#seen.keys()) if (!kept.some(([one]) => one === id)) this.#seen.delete(id);
    await Promise.all(
      kept.map(async ([id, place]) => {
        if (place.kind === "memory") this.#seen.set(id, await this.#read(place));
      }),
    );
  }

  /**
   * One sentence about a stop at a place in memory; what lies there now is what was seen from here on. `exact`: no write was
   * passed over since then.
   */
  async describe(
    id: number,
    place: MemoryPlace,
    access: DataAccess,
    stop: StopResult & { reason: "watchpoint" },
    exact: boolean,
  ): Promise<string> {
    const before = this.#seen.get(id);
    const now = await this.#read(place);
    this.#seen.set(id, now);
    const what = stop.access === "read" ? "read of" : access === "change" ? "change of" : "write to";
    const intro = `Paused on ${what} ${describePlace(place)}`;
    if (place.length <= MAX_VALUE) return intro + told(stop.access, before && number(before), number(now), exact);
    const offset = Number(stop.address - place.at.address);
    if (offset < 0 || offset >= now.length) return intro;
    const part = (bytes: Uint8Array): string => byteText(bytes.subarray(offset, offset + MAX_VALUE));
    return `${intro}, from ${describe(plus(place.at, offset))} on${told(stop.access, before && part(before), part(now), exact)}`;
  }

  #read({ at, length }: MemoryPlace): Promise<Uint8Array> {
    return this.#target.readMemory(at.space, at.address, Math.min(length, MAX_KEPT));
  }
}

function number(bytes: Uint8Array): string {
  if (bytes.length === 0) return "";
  const value = bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return hex(value, 2 * bytes.length);
}

function told(access: "read" | "write", before: string | undefined, now: string, exact: boolean): string {
  if (now === "") return "";
  if (access === "read" || before === undefined || before === "") return `: ${now}`;
  if (!exact) return `: ${now} (${before} when the machine stood last)`;
  return before === now ? `: ${now}, as before` : `: ${before} → ${now}`;
}
