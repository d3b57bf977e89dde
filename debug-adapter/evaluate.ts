/** The evaluate, setExpression and completions requests: expressions, assignments, and the debug console. */
import type { DebugProtocol } from "@vscode/debugprotocol";
import type { CompiledExpression, ExpressionNode } from "../emulator/machine/inspect-expression.ts";
import { nameOf } from "../emulator/machine/inspect-message.ts";
import { describe, hex, inSpace, lin, reference } from "./address.ts";
import { integerOf, optionalInteger, optionalText, textOf } from "./arguments.ts";
import type { Arguments } from "./arguments.ts";
import { completions } from "./console/completion.ts";
import { DebugConsole } from "./console/console.ts";
import { failAt } from "./expressions/errors.ts";
import { evaluateCompiled } from "./expressions/evaluate.ts";
import type { CaughtValues, ExpressionContext, ExpressionValue } from "./expressions/evaluate.ts";
import { compile, compileAssignment } from "./expressions/parser.ts";
import type { SymbolTable } from "./expressions/symbols.ts";
import { BIT_FIELDS, bitNames } from "./flags.ts";
import type { BeginWork } from "./progress.ts";
import { codeBits, registerMemory } from "./registers.ts";
import type { CpuState, Target } from "./target.ts";
import type { Variables } from "./variables.ts";

type Result = DebugProtocol.EvaluateResponse["body"];

/** What evaluating needs of the session. */
export interface EvaluateServices {
  /** One line a breakpoint. */
  breakpoints(): string[];
  /** Guest RAM in bytes. */
  memoryBytes(): number;
  symbols?(): SymbolTable | undefined;
  /** Reads the symbols that there are by now. */
  symbolsReady?(): Promise<void>;
  /** Of what the machine has stopped at. */
  caught?(): CaughtValues | undefined;
  /** Begins work that takes long, so that it can be followed and cancelled. */
  work?: BeginWork;
}

export class Evaluate {
  readonly #target: Target;
  readonly #variables: Variables;
  readonly #services: EvaluateServices;
  readonly #console: DebugConsole;
  #mayWrite: () => void = () => undefined;

  constructor(target: Target, variables: Variables, services: EvaluateServices) {
    this.#target = target;
    this.#variables = variables;
    this.#services = services;
    this.#console = new DebugConsole({
      target,
      context: () => this.context(),
      symbols: () => this.#symbols(),
      breakpoints: () => services.breakpoints(),
      memoryBytes: () => services.memoryBytes(),
      mayWrite: () => this.#mayWrite(),
      work: services.work ?? (() => ({ done: () => undefined })),
    });
  }

  /** `mayWrite` is called before the machine is changed, and throws when it must not be. */
  async evaluate(args: Arguments, mayWrite: () => void): Promise<Result> {
    const text = textOf(args, "expression").trim();
    if (optionalText(args, "context") === "repl") {
      this.#mayWrite = mayWrite;
      const result = await this.#console.run(text);
      if (result !== undefined) return { result, variablesReference: 0 };
      const assignment = compileAssignment(text, this.#symbols());
      if (assignment !== undefined) {
        mayWrite();
        return this.#write(assignment.target, assignment.value);
      }
    }
    return this.#show(compile(text, this.#symbols()), await this.context());
  }

  /** Writes what an expression names: a register or a part of one, or memory. */
  assign(target: string, value: string): Promise<Result> {
    return this.#write(compile(target.trim(), this.#symbols()), compile(value.trim(), this.#symbols()));
  }

  completions(args: Arguments, firstColumn: number): DebugProtocol.CompletionsResponse["body"] {
    const text = textOf(args, "text");
    const lines = text.split("\n");
    const line = lines[(optionalInteger(args, "line", 0, lines.length) ?? firstColumn) - firstColumn] ?? "";
    const column = integerOf(args, "column", 0, Number.MAX_SAFE_INTEGER) - firstColumn;
    const before = line.slice(0, Math.max(0, column));
    return { targets: completions(before, firstColumn, this.#console.commands, this.#symbols()) };
  }

  async context(): Promise<ExpressionContext> {
    await this.#services.symbolsReady?.();
    const symbols = this.#symbols();
    const caught = this.#services.caught?.();
    return {
      cpu: await this.#target.cpu(),
      readMemory: (space, address, length) => this.#target.readMemory(space, address, length),
      readMsr: async (index) => (await this.#target.msrs()).find((msr) => msr.index === index)?.value,
      phase: async () => (await this.#target.phases()).at(-1)?.name,
      ...(symbols === undefined ? {} : { symbols }),
      ...(caught === undefined ? {} : { caught }),
    };
  }

  #symbols(): SymbolTable | undefined {
    return this.#services.symbols?.();
  }

  async #show(expression: CompiledExpression, context: ExpressionContext): Promise<Result> {
    const shown = await evaluateCompiled(expression, context);
    const { root } = expression;
    const whole = root.op === "register" && root.shift === 0 && root.bits >= 32 ? root.name : undefined;
    const fields = whole === undefined ? undefined : BIT_FIELDS[whole];
    const at = shown.space === undefined ? numberAddress(root, shown, context.cpu) : inSpace(shown.space, shown.value);
    return {
      result:
        fields === undefined ? valueText(shown) : `${hex(shown.value)} ${bitNames(shown.value, fields)}`.trimEnd(),
      type: typeText(shown),
      variablesReference: whole === undefined ? 0 : this.#variables.referenceOf(whole),
      ...(at === undefined ? {} : { memoryReference: reference(at) }),
    };
  }

  async #write(target: CompiledExpression, value: CompiledExpression): Promise<Result> {
    const context = await this.context();
    const to = target.root;
    if (to.op === "register") {
      const number = fitting(await evaluateCompiled(value, context), to.bits, target.text);
      await this.#variables.writePart(context.cpu, to, number);
    } else if (to.op === "msr") {
      const index = await evaluateCompiled({ ...target, root: to.index }, context);
      const { value: number } = await evaluateCompiled(value, context);
      await this.#target.writeRegister(`msr:${hex(index.value)}`, number);
    } else if (to.op === "memory") {
      const bits = to.size === "code" ? codeBits(context.cpu.mode) : to.size * 8;
      const number = fitting(await evaluateCompiled(value, context), bits, target.text);
      const { value: address } = await evaluateCompiled({ ...target, root: to.address }, context);
      const bytes = Uint8Array.from({ length: bits / 8 }, (_, n) => Number((number >> BigInt(8 * n)) & 0xffn));
      if ((await this.#target.writeMemory(to.space, address, bytes)) < bytes.length) {
        throw new Error(`There is no RAM at ${describe(inSpace(to.space, address))}.`);
      }
    } else failAt(target.text, 0, "a register, a field of one, or memory was expected left of the value");
    return this.#show(target, await this.context());
  }
}

/** The pattern that is written into so many bits. Throws with one sentence. */
function fitting({ value, type }: ExpressionValue, bits: number, name: string): bigint {
  const signed = BigInt.asIntN(64, value);
  const fits = type.signed && signed < 0n ? signed >= -(1n << BigInt(bits - 1)) : value < 1n << BigInt(bits);
  if (!fits)
    throw new Error(`${type.signed ? `${signed}` : hex(value)} does not fit into the ${bits} bits of ${name}.`);
  return BigInt.asUintN(bits, value);
}

/** Hexadecimal and decimal, or the address, or the name. */
function valueText(shown: ExpressionValue): string {
  const { value, type, space } = shown;
  const name = nameOf(value, type);
  if (name !== undefined) return `${name} (${value})`;
  if (space !== undefined) return describe(inSpace(space, value));
  const decimal = type.signed ? BigInt.asIntN(64, value) : value;
  return `${hex(BigInt.asUintN(type.bits, value))} (${decimal})`;
}

function typeText({ type, space }: ExpressionValue): string {
  if (space !== undefined) return space === "phys" ? "physical address" : "linear address";
  if (type.names !== undefined) return type.names;
  if (type.truth) return "bool";
  return `${type.signed ? "i" : "u"}${type.bits}`;
}

/** Where "view memory" of a plain number leads: as a linear address; nowhere for what is too narrow to be one. */
function numberAddress(
  root: ExpressionNode,
  { value, type }: ExpressionValue,
  cpu: CpuState,
): ReturnType<typeof lin> | undefined {
  if (type.names !== undefined || type.truth || type.signed || type.bits < 16) return undefined;
  return lin(root.op === "register" && root.shift === 0 ? registerMemory(cpu, root.name, value) : value);
}
