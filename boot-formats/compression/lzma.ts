/**
 * The .lzma format ("LZMA alone") of lib/decompress_unlzma.c: a header of 13 bytes, then one LZMA stream. Errors of
 * this file are the reason alone, for the caller to complete.
 */
import { FormatError } from "../errors.ts";
import { Dictionary, LzmaDecoder, lzmaProperties, MAX_DICTIONARY, RangeDecoder } from "./lzma-decoder.ts";

const HEADER_BYTES = 13;
const UNKNOWN_SIZE = 0xffff_ffff_ffff_ffffn;
const MIN_DICTIONARY = 4096;

/** Decompresses one .lzma stream piece by piece; returns the bytes of input that it takes. */
export function* unlzma(bytes: Uint8Array): Generator<Uint8Array, number> {
  if (bytes.length < HEADER_BYTES) throw new FormatError("it is cut off within its header");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const properties = lzmaProperties(view.getUint8(0));
  const dictionary = Math.max(view.getUint32(1, true), MIN_DICTIONARY);
  if (dictionary > MAX_DICTIONARY) {
    throw new FormatError(`its dictionary of ${dictionary} bytes is above the bound of ${MAX_DICTIONARY}`);
  }
  // Without a size, an end marker tells.
  const size = view.getBigUint64(5, true);
  if (size !== UNKNOWN_SIZE && size >> 48n !== 0n) throw new FormatError(`its size of ${size} bytes is impossible`);
  const coder = new RangeDecoder(bytes, HEADER_BYTES);
  const output = new Dictionary(dictionary);
  yield* new LzmaDecoder(properties).decode(coder, output, size === UNKNOWN_SIZE ? undefined : Number(size));
  if (output.pending > 0) yield output.take();
  return coder.at;
}
