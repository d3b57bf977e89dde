/** Places that were jumped to, and the way back. */
import type { Place } from "./spaces.ts";

const MAX_PLACES = 100;

export class PlaceHistory {
  private readonly behind: Place[] = [];
  private readonly ahead: Place[] = [];

  /** A jump away from a place. */
  leave(place: Place): void {
    const last = this.behind.at(-1);
    if (last === undefined || last.space !== place.space || last.address !== place.address) this.behind.push(place);
    if (this.behind.length > MAX_PLACES) this.behind.shift();
    this.ahead.length = 0;
  }

  get canGoBack(): boolean {
    return this.behind.length > 0;
  }

  get canGoForward(): boolean {
    return this.ahead.length > 0;
  }

  /** The place before this one. */
  back(from: Place): Place | undefined {
    const place = this.behind.pop();
    if (place !== undefined) this.ahead.push(from);
    return place;
  }

  forward(from: Place): Place | undefined {
    const place = this.ahead.pop();
    if (place !== undefined) this.behind.push(from);
    return place;
  }
}
