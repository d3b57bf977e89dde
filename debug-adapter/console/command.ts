/** What a command of the debug console is. */
import type { Address } from "../address.ts";
import type { ExpressionContext } from "../expressions/evaluate.ts";
import type { SymbolTable } from "../expressions/symbols.ts";
import type { BeginWork } from "../progress.ts";
import type { Target } from "../target.ts";

/** Moves of the machine; they begin once the command is answered. All throw or reject with one sentence. */
export interface ConsoleMotion {
  step(): void;
  next(): void;
  out(): void;
  continue(): void;
  /** So many instructions further. */
  instructions(count: bigint): Promise<void>;
  /** To where so many have been executed since power-on. */
  icount(end: bigint): Promise<void>;
  mode(): void;
  place(to: Address): void;
  /** Sets the instruction pointer. */
  jump(to: Address): Promise<void>;
}

/** What commands need of the session. */
export interface ConsoleServices {
  readonly target: Target;
  /** What an expression may look at now. */
  context(): Promise<ExpressionContext>;
  symbols(): SymbolTable | undefined;
  /** One line a breakpoint. */
  breakpoints(): string[];
  /** Guest RAM in bytes. */
  memoryBytes(): number;
  /** Throws unless the machine may be written to; what is shown of it is out of date afterwards. */
  mayWrite(): void;
  /** How the machine is moved; undefined where another debugger does that. */
  motion(): ConsoleMotion | undefined;
  /** Begins work on much memory, so that it can be followed and cancelled. */
  work: BeginWork;
}

export interface Command {
  readonly name: string;
  /** What may be typed, in one line. */
  readonly usage: string;
  /** One line. */
  readonly summary: string;
  /** What help says about it besides. */
  readonly details?: string;
  /**
   * @param format what stood behind a slash right behind the name, else ""
   * @param rest the remaining text, without blanks around it
   * @returns what is shown; rejects with an Error of one sentence
   */
  run(format: string, rest: string, services: ConsoleServices): Promise<string>;
  /** Words that may begin the remaining text. Unless given, it is an expression. */
  readonly words?: readonly string[];
  /** The command takes nothing. */
  readonly alone?: true;
}
