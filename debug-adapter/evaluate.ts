/** The evaluate, setExpression and completions requests: expressions, assignments, and the debug console. */
import type { DebugProtocol } from "@vscode/debugprotocol";
import type { CompiledExpression, ExpressionNode } from "../emulator/machine/inspect-expression.ts";
import { nameOf } from "../emulator/machine/inspect-message.ts";
import { describe, hex, inSpace, lin, reference } from "./address.ts";
import { integerOf, optionalInteger, optionalText, textOf } from "./arguments.ts";
import type { Arguments } from "./arguments.ts";
import { completions } from "./console/completion.ts";
import type { ConsoleMotion } from "./console/command.ts";
import { DebugConsole } from "./console/console.ts";
import { failAt } from "./expressions/errors.ts";
import { evaluateCompiled } from "./expressions/evaluate.ts";
import type { CaughtValues, ExpressionContext, ExpressionValue } from "./expressions/evaluate.ts";
import { compile, compileAssignment } from "./expressions/parser.ts";
import type { SymbolTable } from "./expressions/symbols.ts";
import { BIT_FIELDS, bitNames } from "./flags.ts";
import type { BeginWork } from "./progress.ts";
import { codeBits, registerMemory } from "./registers.ts";
import { READ_ONLY_FRAME } from "./stack-registers.ts";
import type { FrameRegisters } from "./stack-registers.ts";
import type { CpuState, Target } from "./target.ts";
import type { Format } from "./variables/tree.ts";
import type { Variables } from "./variables/variables.ts";

type Result = DebugProtocol.EvaluateResponse["body"];

const DECIMAL: Format = { hex: false };
/** What is no number for expressions, or does more than change one when it is written. */
const TREE_NAME = /^[%$]?(?:xmm(?:1[0-5]|[0-9])|(?:st|mm)[0-7]|[c-gs]s|ldtr|tr)$/i;
/** "xmm3 = 0x…", "st0 = 1.5", "ds = 0x18" */
const TREE_ASSIGNMENT = /^([%$]?(?:xmm(?:1[0-5]|[0-9])|(?:st|mm)[0-7]|[c-gs]s|ldtr|tr))\s*=(?!=)(.*)$/is;

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
  /** What expressions see in the frame that a request names; undefined for the current one. */
  frame?(args: Arguments): Promise<FrameRegisters | undefined>;
}

export class Evaluate {
  readonly #target: Target;
  readonly #variables: Variables;
  readonly #services: EvaluateServices;
  readonly #console: DebugConsole;
  #mayWrite: () => void = () => undefined;
  #motion: ConsoleMotion | undefined;

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
      motion: () => this.#motion,
      work: services.work ?? (() => ({ done: () => undefined })),
    });
  }

  /**
   * `mayWrite` is called before the machine is changed, and throws when it must not be; `motion` is what commands move it by.
   */
  async evaluate(args: Arguments, mayWrite: () => void, motion?: ConsoleMotion): Promise<Result> {
    const text = textOf(args, "expression").trim();
    if (optionalText(args, "context") === "repl") {
      this.#mayWrite = mayWrite;
      this.#motion = motion;
      const result = await this.#console.run(text);
      if (result !== undefined) return { result, variablesReference: 0 };
      const [, tree, content = ""] = TREE_ASSIGNMENT.exec(text) ?? [];
      const assignment = tree === undefined ? compileAssignment(text, this.#symbols()) : undefined;
      if (assignment !== undefined || tree !== undefined) {
        if ((await this.#services.frame?.(args)) !== undefined) throw new Error(READ_ONLY_FRAME);
        mayWrite();
        if (assignment === undefined) return this.assign(tree ?? "", content, formatOf(args));
        return this.#write(assignment.target, assignment.value, formatOf(args));
      }
    }
    const expression = await this.#compiled(text, formatOf(args));
    if ("result" in expression) return expression;
    const frame = await this.#services.frame?.(args);
    frame?.check(expression);
    const shown = await this.#show(
      expression,
      { ...(await this.context()), ...(frame && { cpu: frame.cpu }) },
      formatOf(args),
    );
    // Trees are those of the current frame.
    return frame === undefined ? shown : { ...shown, variablesReference: 0 };
  }

  /** Writes what an expression names: a register or a part of one, or memory. */
  async assign(target: string, value: string, format = DECIMAL): Promise<Result> {
    const tree = TREE_NAME.test(target.trim());
    if (tree && (await this.#variables.setNamed(target, value, format))) return this.#named(target, format);
    return this.#write(compile(target.trim(), this.#symbols()), compile(value.trim(), this.#symbols()), format);
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

  /** The expression; or the tree of that name, where there is no such expression. */
  async #compiled(text: string, format: Format): Promise<CompiledExpression | Result> {
    try {
      return compile(text, this.#symbols());
    } catch (error) {
      if ((await this.#variables.named(text)) === undefined) throw error;
      return this.#named(text, format);
    }
  }

  /** What the variables view shows under a name. */
  async #named(name: string, format: Format): Promise<Result> {
    const shown = await this.#variables.named(name, format);
    if (shown === undefined) throw new Error(`There is nothing called "${name}".`);
    const { value, ...rest } = shown;
    return { result: value, ...rest };
  }

  #symbols(): SymbolTable | undefined {
    return this.#services.symbols?.();
  }

  async #show(expression: CompiledExpression, context: ExpressionContext, format: Format): Promise<Result> {
    const shown = await evaluateCompiled(expression, context);
    const { root } = expression;
    const whole = root.op === "register" && root.shift === 0 && root.bits >= 32 ? root.name : undefined;
    const fields = whole === undefined ? undefined : BIT_FIELDS[whole];
    const at = shown.space === undefined ? numberAddress(root, shown, context.cpu) : inSpace(shown.space, shown.value);
    return {
      result:
        fields === undefined
          ? valueText(shown, format)
          : `${hex(shown.value)} ${bitNames(shown.value, fields)}`.trimEnd(),
      type: typeText(shown),
      variablesReference: await this.#variables.referenceOf(root),
      ...(at === undefined ? {} : { memoryReference: reference(at) }),
    };
  }

  async #write(target: CompiledExpression, value: CompiledExpression, format: Format): Promise<Result> {
    const context = await this.context();
    const to = target.root;
    if (to.op === "register") {
      const number = fitting(await evaluateCompiled(value, context), to.bits, target.text);
      await this.#variables.writePart(to, number);
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
    return this.#show(target, await this.context(), format);
  }
}

/** How the client wants numbers to be written. */
export function formatOf({ format }: Arguments): Format {
  return { hex: typeof format === "object" && format !== null && "hex" in format && format.hex === true };
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
function valueText(shown: ExpressionValue, { hex: asHex }: Format): string {
  const { value, type, space } = shown;
  const name = nameOf(value, type);
  if (name !== undefined) return `${name} (${value})`;
  if (space !== undefined) return describe(inSpace(space, value));
  if (asHex) return hex(BigInt.asUintN(type.bits, value));
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
