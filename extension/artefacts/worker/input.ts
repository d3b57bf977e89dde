import { stat, readFile } from "node:fs/promises";
import { FormatError } from "../../../boot-formats/errors.ts";
import type { FileInput } from "./protocol.ts";

/** Larger kernels and archives are refused: nobody boots them. */
const MAX_BYTES = 2 ** 30;

/** The whole file. @throws FormatError when it is too large to be a kernel or an initramfs */
export async function readInput(input: FileInput): Promise<Uint8Array> {
  if ("bytes" in input) return input.bytes;
  const { size } = await stat(input.path);
  if (size > MAX_BYTES) {
    throw new FormatError(`The file has ${size} bytes: a kernel or an initramfs of at most ${MAX_BYTES} was expected.`);
  }
  return readFile(input.path);
}
