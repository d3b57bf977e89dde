/**
 * The part of the address space that the map shows, in places (places.ts), cut into equal stretches. All sizes are powers
 * of two, and stretches begin at multiples of theirs, so that they are what page tables are made of.
 */

/** What a stretch covers at least, in bytes. */
const MIN_STRETCH = 64;

/** What is shown of an address space of so many bytes. */
export interface Shown {
  first: number;
  end: number;
  space: number;
}

export class MapRange {
  first: number;
  end: number;
  /** Stretches on the screen. */
  buckets = 1;
  /** The stretch that is pointed at. */
  cursor = 0;
  #space: number;

  constructor({ first, end, space }: Shown = { first: 0, end: 2 ** 32, space: 2 ** 32 }) {
    this.first = first;
    this.end = end;
    this.#space = space;
  }

  get shown(): Shown {
    return { first: this.first, end: this.end, space: this.#space };
  }

  get stretch(): number {
    return (this.end - this.first) / this.buckets;
  }

  /** First place of the stretch pointed at. */
  get place(): number {
    return this.first + this.cursor * this.stretch;
  }

  /** Another address space is shown from end to end; the same one stays as it is. */
  setSpace(space: number): void {
    if (space === this.#space) return;
    this.#space = space;
    this.whole();
  }

  whole(): void {
    this.first = 0;
    this.end = this.#space;
  }

  /** Room for so many stretches at most; what is pointed at stays. */
  resize(most: number): void {
    const { place } = this;
    this.buckets = 2 ** Math.floor(Math.log2(Math.max(1, most)));
    this.#show(this.first, this.end - this.first);
    this.pointAt(place);
  }

  move(stretches: number): void {
    const cursor = this.cursor + stretches;
    const over = cursor < 0 ? cursor : cursor >= this.buckets ? cursor - this.buckets + 1 : 0;
    if (over !== 0) this.#show(this.first + over * this.stretch, this.end - this.first);
    this.cursor = Math.max(0, Math.min(this.buckets - 1, cursor));
  }

  pointAt(place: number): void {
    const at = Math.floor((place - this.first) / this.stretch);
    this.cursor = Math.max(0, Math.min(this.buckets - 1, at));
  }

  /** Moves as little as is needed to have a place on the map, and points at it. */
  include(place: number): void {
    const span = this.end - this.first;
    if (place < this.first || place >= this.end) this.#show(place - span / 2, span);
    this.pointAt(place);
  }

  /** Shows `factor` times as much detail; where the stretch pointed at begins stays in its place. */
  zoom(factor: number): void {
    const { place } = this;
    const span = (this.end - this.first) / factor;
    this.#show(place - (this.cursor / this.buckets) * span, span);
    this.pointAt(place);
  }

  #show(first: number, span: number): void {
    const whole = Math.max(this.buckets * MIN_STRETCH, 2 ** Math.round(Math.log2(span)));
    const shown = Math.min(this.#space, whole);
    const stretch = shown / this.buckets;
    this.first = Math.max(0, Math.min(Math.round(first / stretch) * stretch, this.#space - shown));
    this.end = this.first + shown;
  }
}
