/** The tree table: name, value, meaning and range of every field. Only the rows on the screen exist. */
import "./tree-table.css";
import { element } from "../ui/dom.ts";
import type { Row } from "../artefact/messages.ts";
import { RowScroller } from "./scroll.ts";
import { rangeText, visible } from "./text.ts";
import type { Tree, TreeRow } from "./tree.ts";

/** Pixels; the style sheet has the same. */
const ROW = 22;

export interface TreeTableActions {
  chosen(row: Row): void;
  /** Enter or a double click. */
  activated(row: Row): void;
  failed(message: string): void;
}

export class TreeTable {
  readonly element: HTMLElement;
  private readonly area: HTMLElement;
  private readonly rows: HTMLElement;
  private readonly tree: Tree;
  private readonly actions: TreeTableActions;
  private readonly scroller: RowScroller;
  private chosen: number | undefined;

  constructor(tree: Tree, actions: TreeTableActions) {
    this.tree = tree;
    this.actions = actions;
    const head = ["Name", "Value", "Meaning", "Bytes"].map((text) => element("span", { role: "columnheader" }, text));
    this.rows = element("div", { class: "rows", role: "rowgroup" });
    const space = element("div", { class: "space", role: "presentation" });
    this.area = element("div", { class: "area", role: "presentation" }, this.rows, space);
    this.element = element(
      "div",
      { class: "tree", role: "treegrid", tabindex: "0", "aria-label": "Structure", "aria-colcount": "4" },
      element("div", { class: "head", role: "row" }, ...head),
      this.area,
    );
    this.scroller = new RowScroller(this.area, space, ROW, () => this.render());
    this.element.addEventListener("keydown", (event) => this.key(event));
    this.area.addEventListener("click", (event) => this.click(event));
    this.area.addEventListener("dblclick", (event) => {
      const row = this.rowOf(event);
      if (row && !isTwistie(event)) this.actions.activated(row.row);
    });
  }

  get chosenId(): number | undefined {
    return this.chosen;
  }

  /** Draws anew after the tree changed. */
  refresh(): void {
    this.scroller.setRows(this.tree.visible.length);
    this.element.setAttribute("aria-rowcount", String(this.tree.visible.length + 1));
    this.render();
  }

  /** Chooses without telling; `undefined` chooses nothing. */
  show(id: number | undefined): void {
    this.chosen = id;
    const at = id === undefined ? -1 : this.tree.indexOf(id);
    if (at >= 0) this.scroller.centre(at);
    this.render();
  }

  private choose(at: number): void {
    const found = this.tree.visible[Math.max(0, Math.min(at, this.tree.visible.length - 1))];
    if (!found) return;
    this.chosen = found.row.id;
    this.scroller.reveal(this.tree.indexOf(found.row.id));
    this.render();
    this.actions.chosen(found.row);
  }

  private async toggle({ row, open }: TreeRow, wanted = !open): Promise<void> {
    if (!row.hasChildren || wanted === open) return;
    if (wanted) await this.tree.unfold(row.id).catch((error: Error) => this.actions.failed(error.message));
    else this.tree.fold(row.id);
    this.refresh();
  }

  private click(event: MouseEvent): void {
    const found = this.rowOf(event);
    if (!found) return;
    if (isTwistie(event)) void this.toggle(found);
    else this.choose(this.tree.visible.indexOf(found));
  }

  private rowOf(event: MouseEvent): TreeRow | undefined {
    const target = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-at]") : undefined;
    return target ? this.tree.visible[Number(target.dataset["at"])] : undefined;
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const at = this.chosen === undefined ? -1 : this.tree.indexOf(this.chosen);
    const current = this.tree.visible[at];
    const page = this.scroller.visible - 1;
    const moves: Record<string, () => void> = {
      ArrowDown: () => this.choose(at + 1),
      ArrowUp: () => this.choose(at - 1),
      PageDown: () => this.choose(at + page),
      PageUp: () => this.choose(at - page),
      Home: () => this.choose(0),
      End: () => this.choose(this.tree.visible.length - 1),
      ArrowRight: () => {
        if (current?.open === true) this.choose(at + 1);
        else if (current) void this.toggle(current, true);
      },
      ArrowLeft: () => {
        if (current?.open === true) void this.toggle(current, false);
        else if (current) this.choose(this.tree.indexOf(this.tree.parentOf(current.row.id) ?? current.row.id));
      },
      Enter: () => current && this.actions.activated(current.row),
      " ": () => current && void this.toggle(current),
    };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    move();
  }

  private render(): void {
    const { top, visible: count } = this.scroller;
    const shown = this.tree.visible.slice(top, top + count + 1);
    this.rows.replaceChildren(...shown.map((row, index) => this.row(row, top + index)));
    const at = this.chosen === undefined ? -1 : this.tree.indexOf(this.chosen);
    if (at >= top && at < top + shown.length) this.element.setAttribute("aria-activedescendant", `row-${at}`);
    else this.element.removeAttribute("aria-activedescendant");
  }

  private row({ row, level, open, place, siblings }: TreeRow, at: number): HTMLElement {
    const twistie = element("span", { class: row.hasChildren ? "twistie" : "twistie none", "aria-hidden": "true" });
    const name = element(
      "span",
      { class: "name", role: "gridcell" },
      element("span", { class: "indent", "data-level": String(Math.min(level, 12)) }),
      twistie,
      element("span", { class: row.opens ? "label link" : "label" }, visible(row.name)),
    );
    const meaning = element("span", { class: "meaning", role: "gridcell" });
    if (row.problem !== undefined) meaning.append(element("span", { class: "problem" }, `⚠ ${visible(row.problem)} `));
    if (row.note !== undefined) meaning.append(visible(row.note));
    const range = row.stream === undefined ? "" : rangeText(row.offset, row.length);
    return element(
      "div",
      {
        class: "row",
        role: "row",
        id: `row-${at}`,
        "data-at": String(at),
        "data-name": row.name,
        "aria-rowindex": String(at + 2),
        "aria-level": String(level),
        "aria-posinset": String(place),
        "aria-setsize": String(siblings),
        "aria-selected": String(row.id === this.chosen),
        ...(row.hasChildren ? { "aria-expanded": String(open) } : {}),
      },
      name,
      element(
        "span",
        row.was === undefined
          ? { class: "value mono", role: "gridcell" }
          : { class: "value mono changed", role: "gridcell", title: `was ${visible(row.was)}` },
        visible(row.value),
      ),
      meaning,
      element("span", { class: "range mono", role: "gridcell" }, range),
    );
  }
}

function isTwistie(event: MouseEvent): boolean {
  return event.target instanceof Element && event.target.classList.contains("twistie");
}
