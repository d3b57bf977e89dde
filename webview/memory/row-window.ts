/**
 * Rows of an address space that is larger than any page can be high or a number can count. The scrolling area stands for
 * the rows around the place that is looked at; when that leaves them, the area is laid around it anew.
 */

/** Rows of the scrolling area. A mebibyte, at sixteen bytes a row. */
const SPAN = 1n << 16n;

export class RowWindow {
  /** Row that the beginning of the area stands for. */
  base = 0n;
  /** First row on the screen. */
  top = 0n;
  /** Rows of the space. */
  private total = 0n;
  private visible = 1n;

  /** A space of so many rows, `visible` of which fit on the screen. */
  resize(total: bigint, visible: number): void {
    this.total = total;
    this.visible = BigInt(Math.max(1, visible));
    this.goTo(this.top);
  }

  /** Rows that the area stands for. */
  get rows(): number {
    return Number(this.total < SPAN ? this.total : SPAN);
  }

  /** Rows from the beginning of the area to the first row on the screen. */
  get position(): number {
    return Number(this.top - this.base);
  }

  /** Puts a row at the top of the screen, as far as there are rows below it. */
  goTo(row: bigint): void {
    const last = this.lastTop;
    this.top = row < 0n ? 0n : row > last ? last : row;
    const end = this.base + BigInt(this.rows);
    if (this.top < this.base || this.top + this.visible > end) this.centre();
  }

  /** The user moved the area: its first row on the screen is `position` rows behind its beginning. */
  scrolledTo(position: number): void {
    const row = this.base + BigInt(Math.max(0, Math.round(position)));
    const last = this.lastTop;
    this.top = row > last ? last : row;
  }

  /** Whether the whole row is on the screen. */
  shows(row: bigint): boolean {
    return row >= this.top && row < this.top + this.visible;
  }

  /** Scrolls as little as shows the row. */
  reveal(row: bigint): void {
    if (!this.shows(row)) this.goTo(row < this.top ? row : row - this.visible + 1n);
  }

  /** Whether the area ends near what is on the screen, though the space does not. */
  get isNearEdge(): boolean {
    const margin = SPAN / 8n;
    const end = this.base + BigInt(this.rows);
    const above = this.base > 0n && this.top - this.base < margin;
    const below = end < this.total && end - this.top - this.visible < margin;
    return above || below;
  }

  /** Lays the area around what is on the screen. */
  centre(): void {
    const lastBase = this.total - BigInt(this.rows);
    const wanted = this.top - SPAN / 2n;
    this.base = wanted < 0n ? 0n : wanted > lastBase ? lastBase : wanted;
  }

  private get lastTop(): bigint {
    return this.total > this.visible ? this.total - this.visible : 0n;
  }
}
