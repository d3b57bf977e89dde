/** The guest's first serial port as lines in the debug console, for clients without a serial console of their own. */
import type { DebugProtocol } from "@vscode/debugprotocol";

/** A line that grows longer is sent in pieces. */
const MAX_LINE = 4096;

export class GuestOutput {
  readonly #send: (body: DebugProtocol.OutputEvent["body"]) => void;
  readonly #decoder = new TextDecoder();
  #line = "";

  constructor(send: (body: DebugProtocol.OutputEvent["body"]) => void) {
    this.#send = send;
  }

  add(source: number | "debug", bytes: Uint8Array): void {
    if (source !== 0) return;
    this.#line += this.#decoder.decode(bytes, { stream: true }).replaceAll("\r", "");
    const end = this.#line.lastIndexOf("\n") + 1;
    if (end > 0) this.#emit(end);
    else if (this.#line.length > MAX_LINE) this.flush();
  }

  /** Sends an unfinished line (a prompt), too. */
  flush(): void {
    if (this.#line !== "") this.#emit(this.#line.length);
  }

  #emit(length: number): void {
    const output = this.#line.slice(0, length);
    this.#line = this.#line.slice(length);
    this.#send({ category: "stdout", output });
  }
}
