/** gzip (RFC 1952), one member. Errors of this file are the reason alone, for the caller to complete. */
import { Z_NO_FLUSH, Z_OK, Z_STREAM_END, zlibInflate, zlibInflateInit2, ZStream } from "pako";
import { FormatError } from "../errors.ts";

/** A window of 32 KiB, and gzip's header and trailer checked. */
const GZIP_WINDOW_BITS = 15 + 16;
const CHUNK_BYTES = 256 * 1024;

/** Decompresses one member piece by piece; returns the bytes of input that it takes. */
export function* gunzip(bytes: Uint8Array): Generator<Uint8Array, number> {
  const stream = new ZStream();
  if (zlibInflateInit2(stream, GZIP_WINDOW_BITS) !== Z_OK) throw new FormatError("the decompressor does not start");
  stream.input = bytes;
  stream.next_in = 0;
  stream.avail_in = bytes.length;
  for (;;) {
    stream.output = new Uint8Array(CHUNK_BYTES);
    stream.next_out = 0;
    stream.avail_out = CHUNK_BYTES;
    const status = zlibInflate(stream, Z_NO_FLUSH);
    if (status !== Z_OK && status !== Z_STREAM_END) {
      throw new FormatError(stream.avail_in === 0 ? "it is cut off" : stream.msg || "it is damaged");
    }
    if (stream.next_out > 0) yield stream.output.subarray(0, stream.next_out);
    if (status === Z_STREAM_END) return stream.next_in;
    if (stream.avail_in === 0 && stream.avail_out > 0) throw new FormatError("it is cut off");
  }
}
