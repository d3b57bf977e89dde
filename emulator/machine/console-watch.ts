/** Reads the guest's console as text lines, for what a kernel says when it cannot go on. */
export class ConsoleWatch {
  #line = "";
  #reason = "";

  /** Message of a kernel panic, once the kernel has printed all it will. */
  feed(byte: number): string | undefined {
    if (byte !== 10 && byte !== 13) {
      // A line without end is cut: nothing that we look for is that long.
      if (this.#line.length < 1000) this.#line += String.fromCharCode(byte);
      return undefined;
    }
    const line = this.#line;
    this.#line = "";
    const panic = /Kernel panic - not syncing: (.*)/.exec(line);
    if (!panic) return undefined;
    // The second mention closes the report ("---[ end Kernel panic …"): the dump is complete.
    if (line.includes("---[ end Kernel panic")) return this.#reason || panic[1]!.replace(/ \]---$/, "");
    this.#reason = panic[1]!;
    return undefined;
  }
}
