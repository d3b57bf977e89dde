/** What the test and the thread in which parsers are fuzzed say to each other. */
import type { Outcome } from "./fuzzer.ts";

/** In `workerData`. */
export interface FuzzSettings {
  /** What is being parsed: the count of inputs, the size of this one, and the input itself. */
  shared: SharedArrayBuffer;
  seed: number;
  /** For each subject. */
  rounds: number;
  /** Likewise. */
  seconds: number;
}

export const INPUT_HEAD_BYTES = 8;

/** The index of a subject goes to the thread, and this comes back. */
export type FuzzReport = Outcome;
