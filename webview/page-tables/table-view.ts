/** The tree of page tables: one row for each run of entries. Only the rows on the screen exist. */
import type { PageTableRow } from "../../debug-adapter/protocol.ts";
import { RowScroller } from "../bytes/scroll.ts";
import { element } from "../ui/dom.ts";
import { hex } from "../ui/format.ts";
import { isFoldable, type PageTree, type TreeRow } from "./model.ts";
import { LEVEL_MEANINGS, chip, rightsWords, roughSize, rowChips, sizeText, targetText } from "./words.ts";

/** Pixels; the style sheet has the same. */
const ROW = 22;
const COLUMNS = ["Linear address", "Size", "Maps or leads to", "Rights and flags", "Entry at"];

const CHANGES: Record<NonNullable<PageTableRow["change"]>, string> = {
  new: "new since the last stop",
  gone: "gone since the last stop",
  changed: "changed since the last stop",
  touched: "accessed or written since the last stop",
};

export interface TableViewActions {
  chosen(row: PageTableRow): void;
  /** Enter or a double click. */
  activated(row: PageTableRow): void;
  /** Another key, on the chosen row; true if it did something. */
  key(key: string, row: PageTableRow): boolean;
  /** Rows were folded or unfolded. */
  toggled(): void;
  failed(message: string): void;
}

export class TableView {
  readonly element: HTMLElement;
  readonly #tree: PageTree;
  readonly #actions: TableViewActions;
  readonly #area: HTMLElement;
  readonly #rows: HTMLElement;
  readonly #scroller: RowScroller;
  #chosen: string | undefined;

  constructor(tree: PageTree, actions: TableViewActions) {
    this.#tree = tree;
    this.#actions = actions;
    const head = COLUMNS.map((text) => element("span", { role: "columnheader" }, text));
    this.#rows = element("div", { class: "rows", role: "rowgroup" });
    const space = element("div", { class: "space", role: "presentation" });
    this.#area = element("div", { class: "area", role: "presentation" }, this.#rows, space);
    this.element = element(
      "div",
      { class: "tree", role: "treegrid", tabindex: "0", "aria-label": "Page tables", "aria-colcount": "5" },
      element("div", { class: "head", role: "row" }, ...head),
      this.#area,
    );
    this.#scroller = new RowScroller(this.#area, space, ROW, () => this.#render());
    this.element.addEventListener("keydown", (event) => this.#key(event));
    this.#area.addEventListener("click", (event) => {
      const found = this.#rowOf(event);
      if (found === undefined) return;
      if (isTwistie(event)) void this.#toggle(found);
      else this.#choose(this.#tree.indexOf(found.key));
    });
    this.#area.addEventListener("dblclick", (event) => {
      const found = this.#rowOf(event);
      if (found !== undefined && !isTwistie(event)) actions.activated(found.row);
    });
  }

  get chosen(): PageTableRow | undefined {
    return this.#chosen === undefined ? undefined : this.#tree.visible[this.#tree.indexOf(this.#chosen)]?.row;
  }

  /** Draws anew after the tree changed. */
  refresh(): void {
    this.#scroller.setRows(this.#tree.visible.length);
    this.element.setAttribute("aria-rowcount", String(this.#tree.visible.length + 1));
    this.#render();
  }

  /** Chooses a row and brings it on the screen. */
  show(key: string): void {
    const at = this.#tree.indexOf(key);
    if (at < 0) return;
    this.#scroller.centre(at);
    this.#choose(at);
  }

  #choose(wanted: number): void {
    const at = Math.max(0, Math.min(wanted, this.#tree.visible.length - 1));
    const found = this.#tree.visible[at];
    if (found === undefined) return;
    this.#chosen = found.key;
    this.#scroller.reveal(at);
    this.#render();
    this.#actions.chosen(found.row);
  }

  async #toggle({ row, open }: TreeRow, wanted = !open): Promise<void> {
    if (!isFoldable(row) || wanted === open) return;
    if (wanted) await this.#tree.unfold(row).catch((error: Error) => this.#actions.failed(error.message));
    else this.#tree.fold(row);
    this.refresh();
    this.#actions.toggled();
  }

  #rowOf(event: MouseEvent): TreeRow | undefined {
    const target = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-at]") : undefined;
    return target ? this.#tree.visible[Number(target.dataset["at"])] : undefined;
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const at = this.#chosen === undefined ? -1 : this.#tree.indexOf(this.#chosen);
    const current = this.#tree.visible[at];
    const page = this.#scroller.visible - 1;
    const moves: Record<string, () => void> = {
      ArrowDown: () => this.#choose(at + 1),
      ArrowUp: () => this.#choose(at - 1),
      PageDown: () => this.#choose(at + page),
      PageUp: () => this.#choose(at - page),
      Home: () => this.#choose(0),
      End: () => this.#choose(this.#tree.visible.length - 1),
      ArrowRight: () => {
        if (current?.open === true) this.#choose(at + 1);
        else if (current) void this.#toggle(current, true);
      },
      ArrowLeft: () => {
        if (current?.open === true) void this.#toggle(current, false);
        else if (current) this.#choose(this.#tree.indexOf(this.#tree.parentOf(current.key) ?? current.key));
      },
      Enter: () => current && this.#actions.activated(current.row),
      " ": () => current && void this.#toggle(current),
    };
    const move = moves[event.key];
    if (move !== undefined) move();
    else if (current === undefined || !this.#actions.key(event.key, current.row)) return;
    event.preventDefault();
  }

  #render(): void {
    const { top, visible: count } = this.#scroller;
    const shown = this.#tree.visible.slice(top, top + count + 1);
    this.#rows.replaceChildren(...shown.map((row, index) => this.#row(row, top + index)));
    const at = this.#chosen === undefined ? -1 : this.#tree.indexOf(this.#chosen);
    if (at >= top && at < top + shown.length) this.element.setAttribute("aria-activedescendant", `row-${at}`);
    else this.element.removeAttribute("aria-activedescendant");
  }

  #row({ row, key, level, open, position, siblings }: TreeRow, at: number): HTMLElement {
    const foldable = isFoldable(row);
    const first = BigInt(row.linear);
    const last = first + BigInt(row.span) * BigInt(row.entries) - 1n;
    const linear = element(
      "span",
      { class: "linear mono", role: "gridcell", title: `lin:${hex(first)} – ${hex(last)}` },
      element("span", { class: "indent", "data-level": String(level) }),
      element("span", { class: foldable ? "twistie" : "twistie none", "aria-hidden": "true" }),
      hex(first),
    );
    const target = element(
      "span",
      { class: "target", role: "gridcell" },
      element("span", { class: "mono" }, targetText(row)),
    );
    target.append(...notes(row));
    const flags = element("span", { class: "flags", role: "gridcell" });
    if (row.rights !== "") flags.append(chip(row.rights, `all levels together: ${rightsWords(row.rights)}`, "rights"));
    flags.append(...rowChips(row));
    return element(
      "div",
      {
        class: "row",
        role: "row",
        id: `row-${at}`,
        "data-at": String(at),
        "data-kind": row.kind,
        "data-linear": row.linear,
        ...(row.change !== undefined && { "data-change": row.change }),
        "aria-rowindex": String(at + 2),
        "aria-level": String(level),
        "aria-posinset": String(position),
        "aria-setsize": String(siblings),
        "aria-selected": String(key === this.#chosen),
        ...(foldable && { "aria-expanded": String(open) }),
      },
      linear,
      element("span", { class: "size", role: "gridcell" }, sizeText(row)),
      target,
      flags,
      element(
        "span",
        { class: "entry mono", role: "gridcell", title: LEVEL_MEANINGS[row.level] ?? "" },
        `${row.level} phys:${hex(row.entryAddress)}`,
      ),
    );
  }
}

/** What is to be said of a row beside its columns. */
function notes(row: PageTableRow): HTMLElement[] {
  const said: HTMLElement[] = [];
  if (row.change !== undefined) said.push(chip(row.change, CHANGES[row.change], `change ${row.change}`));
  if (row.changesBelow !== undefined) {
    const title = "entries below that are new, gone or changed since the last stop";
    said.push(chip(`${row.changesBelow} below`, title, "change"));
  }
  if (row.circular === true) said.push(chip("circular", "this table is also one of those above it", "some"));
  else if ((row.references ?? 0) > row.entries) {
    said.push(chip(`shared by ${row.references ?? 0}`, "entries anywhere that lead to this table", "some"));
  }
  if (row.mapped !== undefined) said.push(element("span", { class: "hint" }, `maps ${roughSize(row.mapped)}`));
  return said;
}

function isTwistie(event: MouseEvent): boolean {
  return event.target instanceof Element && event.target.classList.contains("twistie");
}
