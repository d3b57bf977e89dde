/** What is fuzzed: a parser, inputs that it takes, and what an input must not make it do. */
import assert from "node:assert/strict";
import { FormatError } from "../../../boot-formats/errors.ts";
import type { Field } from "../../../boot-formats/fields.ts";

export interface Subject {
  name: string;
  /** Sound inputs, made in an empty folder. */
  seeds: (folder: string) => Promise<Uint8Array[]>;
  /** Throws for inputs that show a fault, a FormatError for those that are merely no good. */
  parse: (bytes: Uint8Array) => unknown;
  /** Inputs may become longer and shorter: not images, whose size is that of a disk. */
  resizable: boolean;
  /** Makes checksums fit again, so that what lies behind them is reached. */
  repair?: (bytes: Uint8Array) => void;
}

/** No input of the seeds' size needs more output than this. */
export const OUTPUT_LIMIT = 32 * 1024 * 1024;

/** Runs a parser of something that may be no good, without ending what comes after it. */
export async function tolerant(body: () => unknown): Promise<void> {
  try {
    await body();
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    assert.match(error.message, /^[A-Z][^\n]*\.$/, "one sentence");
  }
}

/** Fields lie within what they were read from. */
export function checkFields(fields: readonly Field[], size: number): void {
  for (const field of fields) {
    const { name, offset, length } = field;
    assert.ok(
      offset >= 0 && length >= 0 && offset + length <= size,
      `${name}: ${offset}+${length} leaves ${size} bytes`,
    );
    checkFields(field.children ?? [], size);
  }
}
