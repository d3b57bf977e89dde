/** Where a breakpoint is that a client asks for: lines, references, symbols and expressions become addresses. */
import type { CompiledExpression, ExpressionNode } from "../emulator/machine/inspect-expression.ts";
import { describe, inSpace, lin, parseReference, phys, plus, segmented } from "./address.ts";
import type { Address } from "./address.ts";
import { integerOf, optionalInteger, optionalText, textOf } from "./arguments.ts";
import type { Arguments } from "./arguments.ts";
import { readBreakpointMode } from "./breakpoint-modes.ts";
import { boundPlace } from "./breakpoint-state.ts";
import type { BreakpointKind, SourcePlace } from "./breakpoints.ts";
import { readDataPlace } from "./data-breakpoints.ts";
import type { DataAccess, DataPlace } from "./data-breakpoints.ts";
import { evaluateCompiled } from "./expressions/evaluate.ts";
import type { ExpressionContext } from "./expressions/evaluate.ts";
import { compile } from "./expressions/parser.ts";
import type { Sources } from "./sources.ts";
import type { Target } from "./target.ts";

const LINE_MAX = 1 << 24;

export interface Located {
  /** A line's code may lie at several addresses; data has none. */
  places: readonly Address[];
  line?: SourcePlace;
  data?: { place: DataPlace; access: DataAccess };
  /** It may be found elsewhere later: a symbol, or what is mapped only then. */
  mayMove: boolean;
}

export interface LocateServices {
  target: Pick<Target, "walk">;
  sources: Sources;
  context(): Promise<ExpressionContext>;
}

/** Rejects with one sentence. */
export async function locate(
  kind: BreakpointKind,
  request: Arguments,
  file: string | undefined,
  services: LocateServices,
): Promise<Located> {
  switch (kind) {
    case "source":
      return line(request, file ?? "", services);
    case "instruction":
      return instruction(request, services);
    case "function":
      return functionNamed(textOf(request, "name"), services);
    case "data":
      return data(request, services);
  }
}

function line(request: Arguments, file: string, { sources }: LocateServices): Located {
  const { space } = readBreakpointMode(optionalText(request, "mode"));
  const bound = sources.bind(file, integerOf(request, "line", 1, LINE_MAX));
  if (bound === undefined) throw new Error(whyUnbound(file, sources));
  const places = bound.addresses.map((address) => inSpace(space ?? "phys", address));
  return { places, line: { file, line: bound.line }, mayMove: false };
}

const whyUnbound = (file: string, sources: Sources): string =>
  sources.knows(file)
    ? "There is no code at this line or near below it."
    : 'No line information is known for this file: name its ELF file in "symbols" of the launch configuration.';

async function instruction(request: Arguments, services: LocateServices): Promise<Located> {
  const text = textOf(request, "instructionReference");
  const base = parseReference(text) ?? parseSegmented(text);
  if (base === undefined) {
    throw new Error(
      `The instruction reference "${text}" is not an address: "0x7c00", "phys:0x7c00" or "07c0:0000" was expected.`,
    );
  }
  const at = plus(base, optionalInteger(request, "offset", -Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER) ?? 0);
  const { space } = readBreakpointMode(optionalText(request, "mode"));
  if (space !== "phys" || at.space === "phys") return { places: [at], mayMove: false };
  const { physical } = await services.target.walk(at.address);
  // Until something is mapped there, code that runs there tells when it is.
  return physical === undefined ? { places: [at], mayMove: true } : { places: [phys(physical)], mayMove: false };
}

/** "07c0:0000" */
function parseSegmented(text: string): Address | undefined {
  const match = /^\s*([0-9a-f]{4}):([0-9a-f]{4}|[0-9a-f]{8})\s*$/i.exec(text);
  if (match?.[1] === undefined || match[2] === undefined) return undefined;
  return segmented(BigInt(`0x${match[1]}`), BigInt(`0x${match[2]}`));
}

async function functionNamed(name: string, services: LocateServices): Promise<Located> {
  const context = await services.context();
  const expression: CompiledExpression = compile(name, context.symbols);
  const { value, space } = await evaluateCompiled(expression, context);
  const at = space === undefined ? lin(value) : inSpace(space, value);
  // Made of registers or memory, it is what it was when it was set; symbols may come to lie elsewhere.
  return { places: [at], mayMove: isConstant(expression.root) };
}

function isConstant(node: ExpressionNode): boolean {
  switch (node.op) {
    case "number":
      return true;
    case "cast":
    case "unary":
      return isConstant(node.operand);
    case "binary":
      return isConstant(node.left) && isConstant(node.right);
    case "choose":
      return isConstant(node.condition) && isConstant(node.yes) && isConstant(node.no);
    case "register":
    case "msr":
    case "memory":
    case "segment":
      return false;
  }
}

async function data(request: Arguments, { target }: LocateServices): Promise<Located> {
  const { place, access } = readDataPlace(request);
  const bound = await boundPlace(place, target);
  return { places: [], data: { place: bound, access }, mayMove: bound.kind === "memory" && bound.bind === true };
}

/** Whether a breakpoint is where it was. */
export function samePlace(one: Located | undefined, other: Located | undefined): boolean {
  if (one === other) return true;
  if (one === undefined || other === undefined) return false;
  const text = ({ places, data: watched }: Located): string =>
    [
      ...places.map(describe),
      JSON.stringify(watched, (_, value: unknown) => (typeof value === "bigint" ? `${value}` : value)),
    ].join();
  return text(one) === text(other);
}
