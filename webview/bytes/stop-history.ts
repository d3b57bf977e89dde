/** What was shown at the stop before: against it, changes are told. */

export class StopHistory<T> {
  private last: { place: string; stop: number; before: T | undefined; now: T } | undefined;

  /**
   * Notes what is shown at a stop, and gives what was shown at the stop before: at the same `place`, which names the
   * session, too. Read again at the same stop, the one before stays.
   */
  next(place: string, stop: number, now: T): T | undefined {
    const { last } = this;
    const before = last?.place !== place ? undefined : last.stop === stop ? last.before : last.now;
    this.last = { place, stop, before, now };
    return before;
  }
}
