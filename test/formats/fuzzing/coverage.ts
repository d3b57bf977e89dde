/** Which blocks of this project's parsers have run, by V8's own coverage: what guides the fuzzing. */
import { Session, type Profiler } from "node:inspector";

const PARSERS = "/boot-formats/";

export class BlockCoverage {
  readonly #session = new Session();
  /** By function: which of its characters belong to blocks that ran. */
  readonly #ran = new Map<string, Uint8Array>();

  constructor() {
    this.#session.connect();
    this.#post("Profiler.enable");
    this.#post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  }

  /** Whether anything ran since the last call that had never run before; from then on it has if it is to be `kept`. */
  take(kept: boolean): boolean {
    const { result } = this.#post("Profiler.takePreciseCoverage") as Profiler.TakePreciseCoverageReturnType;
    let isNew = false;
    for (const { url, functions } of result) {
      if (!url.includes(PARSERS)) continue;
      for (const { functionName, ranges } of functions) {
        isNew = this.#mark(`${url} ${functionName}`, ranges, kept) || isNew;
      }
    }
    return isNew;
  }

  /** Ranges come outermost first: an inner one says how often its own block ran. */
  #mark(name: string, ranges: readonly Profiler.CoverageRange[], kept: boolean): boolean {
    const [whole] = ranges;
    if (!whole || whole.count === 0) return false;
    const { startOffset: start, endOffset: end } = whole;
    const now = new Uint8Array(end - start).fill(1);
    for (const { startOffset, endOffset, count } of ranges.slice(1)) {
      now.fill(count > 0 ? 1 : 0, startOffset - start, endOffset - start);
    }
    const key = `${name} ${start}`;
    const before = this.#ran.get(key);
    if (!before) {
      if (kept) this.#ran.set(key, now);
      return true;
    }
    let isNew = false;
    for (let at = 0; at < now.length; at++) {
      if (now[at] === 0 || before[at] === 1) continue;
      if (kept) before[at] = 1;
      isNew = true;
    }
    return isNew;
  }

  /** Answers come before `post` returns. */
  #post(method: string, parameters: object = {}): unknown {
    let answer: unknown;
    this.#session.post(method, parameters, (error, result) => {
      if (error) throw error;
      answer = result;
    });
    return answer;
  }
}
