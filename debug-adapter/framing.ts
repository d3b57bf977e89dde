/** Messages on a stream of bytes: a header that tells the length, an empty line, and that many bytes of JSON. */

const SEPARATOR = "\r\n\r\n";
/** Bytes before the empty line: the protocol has one header field. */
const MAX_HEADER = 4096;
/** Bytes of one message from a client; a megabyte of memory to write is the longest that is taken. */
const MAX_MESSAGE = 16 << 20;

/** A message as it goes over the stream. */
export function framed(message: object): string {
  const text = JSON.stringify(message);
  return `Content-Length: ${Buffer.byteLength(text)}${SEPARATOR}${text}`;
}

/**
 * Takes a stream apart. What is no message is passed over up to the next header, and told in one sentence, however much
 * of it there is in a row.
 */
export class MessageReader {
  readonly #heard: (message: unknown) => void;
  readonly #complain: (sentence: string) => void;
  #chunks: Buffer[] = [];
  #length = 0;
  /** Bytes of the message under way; undefined in a header. */
  #wanted: number | undefined;
  #complained = false;

  constructor(heard: (message: unknown) => void, complain: (sentence: string) => void) {
    this.#heard = heard;
    this.#complain = complain;
  }

  push(data: Buffer): void {
    this.#chunks.push(data);
    this.#length += data.length;
    while (this.#wanted === undefined ? this.#header() : this.#body(this.#wanted));
  }

  /** The stream has ended. */
  end(): void {
    if (this.#length > 0 || this.#wanted !== undefined) this.#wrong("The client's last message is not complete.");
  }

  /** Whether there is more to look at. */
  #header(): boolean {
    const bytes = this.#joined();
    const end = bytes.indexOf(SEPARATOR);
    if (end < 0) {
      if (bytes.length <= MAX_HEADER) return false;
      this.#wrong(`There is no header in ${bytes.length} bytes from the client.`);
      // The header that comes next may have begun.
      this.#keep(bytes.subarray(-MAX_HEADER / 2));
      return false;
    }
    const header = bytes.toString("latin1", 0, end);
    this.#keep(bytes.subarray(end + SEPARATOR.length));
    // Behind a message that was cut off, the next header stands in the middle of a line.
    const fields = [...header.matchAll(/Content-Length: *([0-9]+)/gi)];
    const length = Number(fields.at(-1)?.[1] ?? NaN);
    if (fields[0]?.index !== 0) this.#wrong('What the client sent has no header: "Content-Length: N" was expected.');
    else if (length > MAX_MESSAGE)
      this.#wrong(`A message of ${length} bytes is too long: at most ${MAX_MESSAGE} are taken.`);
    if (length <= MAX_MESSAGE) this.#wanted = length;
    return true;
  }

  #body(length: number): boolean {
    if (this.#length < length) return false;
    const bytes = this.#joined();
    this.#keep(bytes.subarray(length));
    this.#wanted = undefined;
    let message: unknown;
    try {
      message = JSON.parse(bytes.toString("utf8", 0, length));
    } catch {
      this.#wrong("A message of the client is not JSON.");
      return true;
    }
    this.#complained = false;
    this.#heard(message);
    return true;
  }

  #joined(): Buffer {
    const bytes = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
    this.#chunks = [bytes];
    return bytes;
  }

  #keep(rest: Buffer): void {
    this.#chunks = [rest];
    this.#length = rest.length;
  }

  #wrong(sentence: string): void {
    if (!this.#complained) this.#complain(sentence);
    this.#complained = true;
  }
}
