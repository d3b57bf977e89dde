/** What a command of the debug console is. */
import type { ExpressionContext } from "../expressions/evaluate.ts";
import type { SymbolTable } from "../expressions/symbols.ts";
import type { BeginWork } from "../progress.ts";
import type { Target } from "../target.ts";

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
