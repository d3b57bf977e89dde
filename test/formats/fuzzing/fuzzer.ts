/** Fuzzes one subject: inputs that reach blocks never reached before are kept and changed further. */
import { FormatError } from "../../../boot-formats/errors.ts";
import type { BlockCoverage } from "./coverage.ts";
import { mutate, type Random } from "./mutation.ts";
import type { Subject } from "./subject.ts";

export interface Finding {
  error: string;
  input: Uint8Array;
}

export interface Outcome {
  executions: number;
  /** Inputs kept, the seeds included. */
  corpus: number;
  slowestMs: number;
  /** The most that one input had a parser take. */
  mostBytes: number;
  findings: Finding[];
}

const MAX_MEMORY = 256 * 1024 * 1024;
/** Telling what ran takes longer than most parsers do: it is asked for once in so many inputs. */
const BATCH = 8;
const MAX_CORPUS_BYTES = 48 * 1024 * 1024;
const MAX_INPUT_BYTES = 1024 * 1024;
const MAX_FINDINGS = 10;
/** Of so many inputs the one was found last. */
const RECENT = 12;

function memory(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** What makes two findings the same: the message without its numbers, and where it was thrown. */
function kind(error: string): string {
  const [message = "", ...frames] = error.split("\n");
  const frame = frames.find((line) => line.includes("/boot-formats/")) ?? frames[0] ?? "";
  return message.replaceAll(/\d+/g, "0") + frame.trim();
}

export class Fuzzer {
  readonly #subject: Subject;
  readonly #coverage: BlockCoverage;
  readonly #random: Random;
  /** Told of each input before it is parsed. */
  readonly #begin: (input: Uint8Array) => void;
  readonly #kinds = new Set<string>();
  readonly outcome: Outcome = { executions: 0, corpus: 0, slowestMs: 0, mostBytes: 0, findings: [] };

  constructor(subject: Subject, coverage: BlockCoverage, random: Random, begin: (input: Uint8Array) => void) {
    this.#subject = subject;
    this.#coverage = coverage;
    this.#random = random;
    this.#begin = begin;
  }

  async run(seeds: readonly Uint8Array[], goesOn: (executions: number) => boolean): Promise<Outcome> {
    const random = this.#random;
    const corpus: Uint8Array[] = [...seeds];
    let bytes = seeds.reduce((sum, seed) => sum + seed.length, 0);
    for (const seed of seeds) await this.#execute(seed);
    this.#coverage.take(true);
    const pick = (): Uint8Array => {
      const recent = random(2) === 0 ? Math.min(RECENT, corpus.length) : corpus.length;
      return corpus[corpus.length - 1 - random(recent)]!;
    };
    while (goesOn(this.outcome.executions)) {
      const batch: Uint8Array[] = [];
      for (let count = 0; count < BATCH; count++) {
        const input = mutate(pick(), pick(), this.#subject.resizable, random).slice(0, MAX_INPUT_BYTES);
        if (random(4) > 0) this.#subject.repair?.(input);
        await this.#execute(input);
        batch.push(input);
      }
      if (!this.#coverage.take(false)) continue;
      for (const input of batch) {
        await this.#execute(input);
        if (!this.#coverage.take(true)) continue;
        corpus.push(input);
        bytes += input.length;
        while (bytes > MAX_CORPUS_BYTES && corpus.length > seeds.length + 1) {
          const [old] = corpus.splice(seeds.length + random(corpus.length - seeds.length), 1);
          bytes -= old!.length;
        }
      }
    }
    this.outcome.corpus = corpus.length;
    return this.outcome;
  }

  async #execute(input: Uint8Array): Promise<void> {
    const { outcome } = this;
    this.#begin(input);
    outcome.executions++;
    const before = memory();
    const began = performance.now();
    try {
      await this.#subject.parse(input);
    } catch (error) {
      if (!(error instanceof FormatError)) this.#found(error, input);
    }
    outcome.slowestMs = Math.max(outcome.slowestMs, performance.now() - began);
    const taken = memory() - before;
    outcome.mostBytes = Math.max(outcome.mostBytes, taken);
    if (taken > MAX_MEMORY) this.#found(new Error(`${taken} bytes taken`), input);
  }

  #found(error: unknown, input: Uint8Array): void {
    const told = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const { findings } = this.outcome;
    if (this.#kinds.has(kind(told)) || findings.length >= MAX_FINDINGS) return;
    this.#kinds.add(kind(told));
    findings.push({ error: told, input: input.slice() });
  }
}
