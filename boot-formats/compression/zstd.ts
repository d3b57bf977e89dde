/**
 * Zstandard (RFC 8878), one frame, walked block by block so that its end is known and one block at a time is in hand.
 * The checksum of the content, xxHash64, is left unchecked. Errors of this file are the reason alone.
 */
import { Decompress } from "fzstd";
import { FormatError } from "../errors.ts";

/** The largest window that the kernel takes (ZSTD_WINDOWSIZE_MAX), and that its build asks for (zstd -22 --ultra). */
const WINDOW_LIMIT = 128 * 1024 * 1024;
/** Block_Maximum_Size (3.1.1.2.4). */
const MAX_BLOCK_BYTES = 128 * 1024;
const RLE_BLOCK = 1;
const RESERVED_BLOCK = 3;

/** Bytes of the frame header (3.1.1.1), whose window is checked before the library allocates it. */
function readFrameHeader(bytes: Uint8Array): { size: number; checksum: boolean } {
  const descriptor = bytes[4] ?? 0;
  const single = (descriptor & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const contentBytes = [single ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  const content = 5 + (single ? 0 : 1) + dictionaryBytes;
  const size = content + contentBytes;
  if (size > bytes.length) throw new FormatError("it is cut off within its header");
  let window: number;
  if (single) {
    // The window is the whole content.
    const field = bytes.subarray(content, size);
    window = field.reduceRight((value, byte) => value * 256 + byte, 0) + (contentBytes === 2 ? 256 : 0);
  } else {
    const base = 2 ** (10 + (bytes[5]! >> 3));
    window = base + (base / 8) * (bytes[5]! & 7);
  }
  if (window > WINDOW_LIMIT) {
    throw new FormatError(`its window of ${window} bytes is above the ${WINDOW_LIMIT} that kernels take`);
  }
  return { size, checksum: (descriptor & 4) !== 0 };
}

/** Decompresses one frame piece by piece; returns the bytes of input that it takes. */
export function* unzstd(bytes: Uint8Array): Generator<Uint8Array, number> {
  const header = readFrameHeader(bytes);
  const output: Uint8Array[] = [];
  const stream = new Decompress((part) => {
    if (part.length > 0) output.push(part.slice());
  });
  stream.push(bytes.subarray(0, header.size));
  let at = header.size;
  for (let last = false; !last;) {
    if (at + 3 > bytes.length) throw new FormatError("the last block is missing");
    const block = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);
    last = (block & 1) !== 0;
    const type = (block >> 1) & 3;
    const size = block >> 3;
    if (type === RESERVED_BLOCK || size > MAX_BLOCK_BYTES) throw new FormatError(`the block at byte ${at} is damaged`);
    const end = at + 3 + (type === RLE_BLOCK ? 1 : size) + (last && header.checksum ? 4 : 0);
    if (end > bytes.length) throw new FormatError(`the block at byte ${at} is cut off`);
    stream.push(bytes.subarray(at, end), last);
    yield* output.splice(0);
    at = end;
  }
  return at;
}
