const NS_PER_SECOND = 1_000_000_000;

/**
 * A crystal whose frequency is no divisor of 1 GHz, in exact integer arithmetic: seconds and the rest of a second are
 * converted apart, so products stay below 2^53 for frequencies up to 9 MHz and nothing ever drifts.
 */
export class Oscillator {
  readonly hertz: number;

  constructor(hertz: number) {
    this.hertz = hertz;
  }

  /** Whole ticks that have passed at guest time `ns`. */
  ticksAt(ns: number): number {
    const seconds = Math.floor(ns / NS_PER_SECOND);
    const rest = ns - seconds * NS_PER_SECOND;
    return seconds * this.hertz + Math.floor((rest * this.hertz) / NS_PER_SECOND);
  }

  /** First guest nanosecond at which `ticks` ticks have passed. */
  timeOf(ticks: number): number {
    const seconds = Math.floor(ticks / this.hertz);
    const rest = ticks - seconds * this.hertz;
    return seconds * NS_PER_SECOND + Math.ceil((rest * NS_PER_SECOND) / this.hertz);
  }
}
