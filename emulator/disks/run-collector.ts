/** Bytes in a row, both in an image and in guest memory. */
export interface Run {
  /** First byte in the image. */
  offset: number;
  /** First byte in guest physical memory. */
  physical: number;
  bytes: number;
}

/** Joins pieces of a transfer that adjoin both in the image and in guest memory. */
export class RunCollector {
  readonly #report: (run: Run) => void;
  #run: Run | undefined;

  constructor(report: (run: Run) => void) {
    this.#report = report;
  }

  add(offset: number, physical: number, bytes: number): void {
    const run = this.#run;
    if (run && run.offset + run.bytes === offset && run.physical + run.bytes === physical) {
      run.bytes += bytes;
      return;
    }
    this.end();
    this.#run = { offset, physical, bytes };
  }

  end(): void {
    if (this.#run) this.#report(this.#run);
    this.#run = undefined;
  }
}
