/** Finds a text in a stream of bytes. */
export class SerialSearch {
  readonly #wanted: Uint8Array;
  readonly #recent: number[] = [];

  constructor(text: string) {
    this.#wanted = new TextEncoder().encode(text);
  }

  /** Whether the text is complete with one of these bytes. */
  feed(bytes: Uint8Array): boolean {
    let found = false;
    for (const byte of bytes) {
      this.#recent.push(byte);
      if (this.#recent.length > this.#wanted.length) this.#recent.shift();
      found ||= this.#recent.length === this.#wanted.length && this.#recent.every((one, i) => one === this.#wanted[i]);
    }
    return found;
  }
}
