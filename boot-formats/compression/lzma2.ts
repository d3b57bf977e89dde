/**
 * LZMA2, the form of LZMA within .xz (The .xz File Format 1.1.0, 5.3.1; kernel lib/xz/xz_dec_lzma2.c): chunks of at most
 * 2 MiB of output, each of which says what of the decoder begins anew. Errors of this file are the reason alone.
 */
import { FormatError } from "../errors.ts";
import {
  Dictionary,
  LzmaDecoder,
  lzmaProperties,
  MAX_DICTIONARY,
  RangeDecoder,
  type LzmaProperties,
} from "./lzma-decoder.ts";

/** Control bytes: stored with and without a new dictionary; from COMPRESSED on, bits 5 and 6 say what begins anew. */
const STORED_NEW_DICTIONARY = 1;
const STORED = 2;
const COMPRESSED = 0x80;
const NEW_STATE = 1;
const NEW_PROPERTIES = 2;
const NEW_DICTIONARY = 3;
/** A stored chunk is handed on before it could fill the smallest dictionary. */
const PIECE_BYTES = 2048;

/** Bytes of a dictionary by its code in the filter's flags. */
function dictionaryBytes(code: number): number {
  if (code > 40) throw new FormatError(`its dictionary size code ${code} is impossible`);
  return code === 40 ? 0xffff_ffff : (2 | (code & 1)) * 2 ** ((code >> 1) + 11);
}

/** Decompresses chunks up to the one that ends them; returns the bytes of input that they take. */
export function* unlzma2(bytes: Uint8Array, dictionaryCode: number): Generator<Uint8Array, number> {
  // A larger one is not refused: only distances beyond the bound would be.
  const dictionary = Math.min(dictionaryBytes(dictionaryCode), MAX_DICTIONARY);
  let output: Dictionary | undefined;
  let properties: LzmaProperties | undefined;
  let decoder: LzmaDecoder | undefined;
  let at = 0;
  const next = (): number => {
    const byte = bytes[at++];
    if (byte === undefined) throw new FormatError("it is cut off");
    return byte;
  };
  const u16 = (): number => (next() << 8) | next();
  for (;;) {
    const control = next();
    if (control === 0) return at;
    if (control < COMPRESSED && control > STORED) throw new FormatError(`the chunk at byte ${at - 1} is damaged`);
    const reset = control < COMPRESSED ? 0 : (control >> 5) & 3;
    if (control === STORED_NEW_DICTIONARY || reset === NEW_DICTIONARY) output = new Dictionary(dictionary);
    if (!output) throw new FormatError("its first chunk begins no dictionary");
    if (control < COMPRESSED) {
      const end = at + 2 + u16() + 1;
      if (end > bytes.length) throw new FormatError("it is cut off");
      while (at < end) {
        for (const stop = Math.min(at + PIECE_BYTES, end); at < stop; at++) output.put(bytes[at]!);
        yield output.take();
      }
      continue;
    }
    const size = ((control & 0x1f) << 16) + u16() + 1;
    const compressed = u16() + 1;
    if (reset >= NEW_PROPERTIES) properties = lzmaProperties(next());
    if (reset >= NEW_STATE && properties) decoder = new LzmaDecoder(properties);
    if (!decoder) throw new FormatError("its first chunk begins no state");
    const coder = new RangeDecoder(bytes.subarray(0, at + compressed), at);
    yield* decoder.decode(coder, output, output.total + size);
    if (output.pending > 0) yield output.take();
    at += compressed;
    if (coder.at !== at) throw new FormatError(`the chunk that ends at byte ${at} has bytes to spare`);
  }
}
