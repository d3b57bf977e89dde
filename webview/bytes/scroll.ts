/** Scrolling over more rows than a page can be high: positions of the scroll bar stand for rows. */

/** Browsers take elements up to some thirty million pixels. */
const MAX_HEIGHT = 8_000_000;

export class RowScroller {
  /** Rows in all. */
  rows = 0;
  /** First row on the screen. */
  top = 0;
  private readonly area: HTMLElement;
  private readonly space: HTMLElement;
  private readonly rowHeight: number;
  /** What the last programmatic scroll asked for: its event changes nothing. */
  private expected = -1;

  /** `space` gives the area its height. */
  constructor(area: HTMLElement, space: HTMLElement, rowHeight: number, changed: () => void) {
    this.area = area;
    this.space = space;
    this.rowHeight = rowHeight;
    area.addEventListener("scroll", () => {
      if (Math.abs(area.scrollTop - this.expected) > 1) {
        this.top = rowAt(area.scrollTop, this.span, this.lastTop);
        this.expected = area.scrollTop;
      }
      changed();
    });
    area.addEventListener(
      "wheel",
      (event) => {
        if (!this.isScaled || event.ctrlKey || event.deltaY === 0) return;
        // A turn of the wheel is some rows, however many rows a pixel of the scroll bar stands for.
        event.preventDefault();
        const lines = event.deltaMode === 0 ? event.deltaY / this.rowHeight : event.deltaY;
        this.goTo(this.top + Math.sign(lines) * Math.max(1, Math.round(Math.abs(lines))));
        changed();
      },
      { passive: false },
    );
    new ResizeObserver(changed).observe(area);
  }

  setRows(rows: number): void {
    this.rows = rows;
    this.space.style.height = `${Math.min(rows * this.rowHeight, MAX_HEIGHT)}px`;
    this.goTo(Math.min(this.top, this.lastTop));
  }

  /** Whole rows that fit. */
  get visible(): number {
    return Math.max(1, Math.floor(this.area.clientHeight / this.rowHeight));
  }

  goTo(row: number): void {
    this.top = Math.max(0, Math.min(row, this.lastTop));
    const target = this.lastTop === 0 ? 0 : (this.top / this.lastTop) * this.span;
    this.expected = Math.round(target);
    this.area.scrollTop = this.expected;
    // What the browser made of it.
    this.expected = this.area.scrollTop;
  }

  /** Scrolls as little as shows the row. */
  reveal(row: number): void {
    if (row < this.top) this.goTo(row);
    else if (row >= this.top + this.visible) this.goTo(row - this.visible + 1);
  }

  /** Puts the row into the middle unless it is on the screen. */
  centre(row: number): void {
    if (row < this.top || row >= this.top + this.visible) this.goTo(row - Math.floor(this.visible / 2));
  }

  private get lastTop(): number {
    return Math.max(0, this.rows - this.visible);
  }

  private get span(): number {
    return Math.max(0, this.area.scrollHeight - this.area.clientHeight);
  }

  private get isScaled(): boolean {
    return this.rows * this.rowHeight > MAX_HEIGHT;
  }
}

/** The row that a position of the scroll bar stands for. */
export function rowAt(position: number, span: number, lastTop: number): number {
  return span === 0 ? 0 : Math.round((Math.min(position, span) / span) * lastTop);
}
