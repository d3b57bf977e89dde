/** A table of many rows, one of which may be chosen; only the rows on the screen exist. */
import "./row-table.css";
import { RowScroller } from "../bytes/scroll.ts";
import { element, type Content } from "./dom.ts";

/** Pixels; the style sheet has the same. */
const ROW = 22;

export interface Column {
  title: string;
  /** Class of its cells: "mono", "number". */
  class?: string;
}

export interface TableRow {
  /** One for each column. */
  cells: readonly Content[];
  /** Further classes of the row. */
  class?: string;
  /** What it is for tests and styles. */
  name?: string;
}

export interface RowTableActions {
  /** What the row shows; undefined while that is being asked for. */
  row(index: number): TableRow | undefined;
  chosen(index: number): void;
  /** Enter or a double click. */
  activated(index: number): void;
}

export class RowTable {
  readonly element: HTMLElement;
  readonly #rows: HTMLElement;
  readonly #columns: readonly Column[];
  readonly #actions: RowTableActions;
  readonly #scroller: RowScroller;
  readonly #id: string;
  #chosen: number | undefined;

  /** @param id tells its rows from those of other tables of the page */
  constructor(id: string, label: string, columns: readonly Column[], actions: RowTableActions) {
    this.#id = id;
    this.#columns = columns;
    this.#actions = actions;
    const head = columns.map((column) =>
      element("span", { role: "columnheader", class: column.class ?? "" }, column.title),
    );
    this.#rows = element("div", { class: "rows", role: "rowgroup" });
    const space = element("div", { class: "space", role: "presentation" });
    const area = element("div", { class: "area", role: "presentation" }, this.#rows, space);
    this.element = element(
      "div",
      {
        class: "row-table",
        id,
        role: "grid",
        tabindex: "0",
        "aria-label": label,
        "aria-colcount": String(columns.length),
        "aria-rowcount": "1",
      },
      element("div", { class: "head", role: "row", "aria-rowindex": "1" }, ...head),
      area,
    );
    this.#scroller = new RowScroller(area, space, ROW, () => this.#render());
    this.element.addEventListener("keydown", (event) => this.#key(event));
    area.addEventListener("click", (event) => {
      const index = indexOf(event);
      if (index !== undefined) this.#choose(index);
    });
    area.addEventListener("dblclick", (event) => {
      const index = indexOf(event);
      if (index !== undefined) actions.activated(index);
    });
  }

  get chosen(): number | undefined {
    return this.#chosen;
  }

  /** There are so many rows now, and all may show something else. */
  setRows(count: number): void {
    if (this.#chosen !== undefined && this.#chosen >= count) this.#chosen = undefined;
    this.#scroller.setRows(count);
    this.element.setAttribute("aria-rowcount", String(count + 1));
    this.#render();
  }

  /** Rows show something else. */
  refresh(): void {
    this.#render();
  }

  /** Chooses without telling; `undefined` chooses nothing. */
  show(index: number | undefined): void {
    this.#chosen = index;
    if (index !== undefined) this.#scroller.centre(index);
    this.#render();
  }

  #choose(wanted: number): void {
    if (this.#scroller.rows === 0) return;
    const index = Math.max(0, Math.min(wanted, this.#scroller.rows - 1));
    this.#chosen = index;
    this.#scroller.reveal(index);
    this.#render();
    this.#actions.chosen(index);
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const at = this.#chosen ?? -1;
    const page = Math.max(1, this.#scroller.visible - 1);
    const moves: Record<string, number> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: this.#scroller.rows - 1,
    };
    const target = moves[event.key];
    if (target !== undefined) this.#choose(target);
    else if (event.key === "Enter" && this.#chosen !== undefined) this.#actions.activated(this.#chosen);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #render(): void {
    const { top, visible, rows } = this.#scroller;
    const shown = Math.max(0, Math.min(visible + 1, rows - top));
    this.#rows.replaceChildren(...Array.from({ length: shown }, (_, index) => this.#row(top + index)));
    const chosen = this.#chosen;
    if (chosen !== undefined && chosen >= top && chosen < top + shown) {
      this.element.setAttribute("aria-activedescendant", `${this.#id}-${chosen}`);
    } else this.element.removeAttribute("aria-activedescendant");
  }

  #row(index: number): HTMLElement {
    const row = this.#actions.row(index);
    const cells = this.#columns.map((column, at) =>
      element("span", { role: "gridcell", class: column.class ?? "" }, row === undefined ? "…" : row.cells[at]),
    );
    return element(
      "div",
      {
        class: `row ${row?.class ?? ""}`,
        role: "row",
        id: `${this.#id}-${index}`,
        "data-index": String(index),
        "aria-rowindex": String(index + 2),
        "aria-selected": String(index === this.#chosen),
        ...(row?.name !== undefined && { "data-name": row.name }),
      },
      ...cells,
    );
  }
}

function indexOf(event: MouseEvent): number | undefined {
  const target = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-index]") : undefined;
  return target ? Number(target.dataset["index"]) : undefined;
}
