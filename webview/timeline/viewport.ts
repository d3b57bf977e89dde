/** The part of the timeline on the screen: from instruction counts to pixels and back. */

/** Instructions that the strip shows at least, and a boot that has not begun. */
const MIN_SPAN = 20;
const TICK_PIXELS = 90;
/** Room behind the last instruction, as a part of the whole. */
const MARGIN = 0.02;

export interface Tick {
  icount: number;
  label: string;
}

export class Viewport {
  start = 0;
  span = MIN_SPAN;
  /** Pixels. */
  width = 1;
  /** The whole boot is shown, whatever is added. */
  fitted = true;
  #end = MIN_SPAN;

  /** The boot has got so far. */
  extend(end: number): void {
    this.#end = Math.max(MIN_SPAN, end * (1 + MARGIN));
    if (this.fitted) this.fit();
  }

  fit(): void {
    this.fitted = true;
    this.start = 0;
    this.span = this.#end;
  }

  x(icount: number): number {
    return ((icount - this.start) / this.span) * this.width;
  }

  icount(x: number): number {
    return this.start + (x / this.width) * this.span;
  }

  /** Makes everything `factor` times as wide; what is at `x` stays there. */
  zoom(factor: number, x = this.width / 2): void {
    const at = this.icount(x);
    const span = Math.min(this.#end, Math.max(MIN_SPAN, this.span / factor));
    this.#show(at - (x / this.width) * span, span);
  }

  pan(pixels: number): void {
    this.#show(this.start + (pixels / this.width) * this.span, this.span);
  }

  /** Shows a stretch with some room around it. */
  reveal(from: number, to: number): void {
    const room = Math.max(MIN_SPAN, to - from) * 0.05;
    this.#show(from - room, to - from + 2 * room);
  }

  /** Moves as little as is needed to have a place on the screen. */
  include(icount: number): void {
    if (icount < this.start || icount > this.start + this.span) this.#show(icount - this.span / 2, this.span);
  }

  #show(start: number, wanted: number): void {
    const span = Math.min(this.#end, Math.max(MIN_SPAN, wanted));
    this.fitted = span === this.#end;
    this.span = span;
    this.start = Math.max(0, Math.min(start, this.#end - span));
  }

  /** Round instruction counts, far enough apart for their labels. */
  ticks(): Tick[] {
    const wanted = (this.span / this.width) * TICK_PIXELS;
    const power = 10 ** Math.floor(Math.log10(wanted));
    const step = Math.max(1, [1, 2, 5, 10].map((unit) => unit * power).find((size) => size >= wanted) ?? 10 * power);
    const ticks: Tick[] = [];
    for (let at = Math.ceil(this.start / step) * step; at <= this.start + this.span; at += step) {
      ticks.push({ icount: at, label: shortCount(at, step) });
    }
    return ticks;
  }
}

const UNITS: readonly [number, string][] = [
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];

/** 1250000 → "1.25 M", with as many digits as tell it from one that is `step` further. */
export function shortCount(value: number, step = 1): string {
  const [unit, name] = UNITS.find(([size]) => value >= size) ?? [1, ""];
  if (unit === 1) return String(Math.round(value));
  const digits = Math.max(0, Math.ceil(Math.log10(unit / step)));
  const text = (value / unit).toFixed(Math.min(9, digits));
  return `${text.includes(".") ? text.replace(/\.?0+$/, "") : text}\u202f${name}`;
}

/** 1250000 → "1 250 000", with narrow spaces that do not break. */
export const longCount = (value: number): string => String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, "\u202f");
