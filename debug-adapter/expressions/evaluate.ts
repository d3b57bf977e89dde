/** Evaluates expressions over a machine in another thread: what they ask for is fetched as they ask for it. */
import type { CpuState, PhaseName, Space } from "../../emulator/machine/api.ts";
import { codeWidth, prepare } from "../../emulator/machine/inspect-expression.ts";
import type { CompiledExpression, Readers, ValueType } from "../../emulator/machine/inspect-expression.ts";
import { prepareMessage } from "../../emulator/machine/inspect-message.ts";
import type { MessagePart } from "../../emulator/machine/inspect-message.ts";
import { phaseNumber, registerOf } from "../../emulator/machine/inspect-registers.ts";
import { inSpace, lin } from "../address.ts";
import type { Address } from "../address.ts";
import { compile } from "./parser.ts";
import type { SymbolTable } from "./symbols.ts";

/** What `$vector`, `$error`, `$port` and `$value` are: of what the machine has stopped at. */
export interface CaughtValues {
  vector?: number;
  error?: number;
  port?: number;
  value?: bigint;
}

/** What an expression may look at. */
export interface ExpressionContext {
  cpu: CpuState;
  readMemory(space: Space, address: bigint, length: number): Promise<Uint8Array>;
  /** A model specific register that `cpu` does not list; undefined when there is none. */
  readMsr?(index: number): Promise<bigint | undefined>;
  phase?(): Promise<PhaseName | undefined>;
  caught?: CaughtValues;
  symbols?: SymbolTable;
}

/** A number, and the space that it is an address of when the expression said so. */
export interface ExpressionValue {
  value: bigint;
  type: ValueType & { bits: number };
  space?: Space;
}

/** Evaluates an expression. Rejects with ExpressionError. */
export async function evaluateExpression(text: string, context: ExpressionContext): Promise<ExpressionValue> {
  return evaluateCompiled(compile(text, context.symbols), context);
}

/** Evaluates an expression as an address: linear unless it says otherwise. */
export async function evaluateAddress(text: string, context: ExpressionContext): Promise<Address> {
  const { value, space } = await evaluateExpression(text, context);
  return space === undefined ? lin(value) : inSpace(space, value);
}

export async function evaluateCompiled(
  expression: CompiledExpression,
  context: ExpressionContext,
): Promise<ExpressionValue> {
  const run = prepare(expression);
  const [value, bits] = await fetching(context, (readers): [bigint, number] => [
    run(readers),
    expression.type.bits === "code" ? codeWidth(readers) : expression.type.bits,
  ]);
  const { space } = expression.type;
  return { value, type: { ...expression.type, bits }, ...(space === undefined ? {} : { space }) };
}

/** Writes a log message. */
export const writeMessage = (parts: readonly MessagePart[], context: ExpressionContext): Promise<string> =>
  fetching(context, prepareMessage(parts));

/** Thrown by a reader that first has to fetch something. */
class Missing extends Error {
  readonly fetch: () => Promise<void>;

  constructor(fetch: () => Promise<void>) {
    super("A value has to be fetched first.");
    this.fetch = fetch;
  }
}

/**
 * Runs a synchronous computation over readers that answer from what has been fetched; whenever something is missing it is
 * fetched, and the computation starts anew. It asks for no more than there are memory accesses in the expression, so this ends.
 */
async function fetching<T>(context: ExpressionContext, compute: (readers: Readers) => T): Promise<T> {
  const memory = new Map<string, Uint8Array>();
  const msrs = new Map(context.cpu.msrs.map(({ index, value }) => [index, value as bigint | undefined]));
  let phase: { value: bigint | undefined } | undefined;
  const readers: Readers = {
    register(name) {
      if (name === "vector" || name === "error" || name === "port") return optional(context.caught?.[name]);
      if (name === "value") return context.caught?.value;
      if (name !== "phase") return registerOf(context.cpu, name);
      if (phase !== undefined || context.phase === undefined) return phase?.value;
      throw new Missing(async () => {
        const current = await context.phase?.();
        phase = { value: current === undefined ? undefined : phaseNumber(current) };
      });
    },
    msr(index) {
      if (msrs.has(index) || context.readMsr === undefined) return msrs.get(index);
      throw new Missing(async () => {
        msrs.set(index, await context.readMsr?.(index));
      });
    },
    memory(space, address, length) {
      const key = `${space}:${address}:${length}`;
      const bytes = memory.get(key);
      if (bytes !== undefined) return bytes;
      throw new Missing(async () => {
        memory.set(key, await context.readMemory(space, address, length));
      });
    },
  };
  for (;;) {
    try {
      return compute(readers);
    } catch (error) {
      if (!(error instanceof Missing)) throw error;
      await error.fetch();
    }
  }
}

const optional = (value: number | undefined): bigint | undefined => (value === undefined ? undefined : BigInt(value));
