/** A structure in guest memory: its fields as a tree beside its bytes, highlighted both ways. */
import "./field-view.css";
import type { WireField } from "../../debug-adapter/protocol.ts";
import type { Row } from "../artefact/messages.ts";
import { button } from "../ui/controls.ts";
import { element } from "../ui/dom.ts";
import { byteText } from "../ui/format.ts";
import { reportFailure, send } from "../ui/host.ts";
import { FieldRows } from "./field-rows.ts";
import { HexView, type ByteMark, type RowWidth } from "./hex-view.ts";
import { rangeText, visible } from "./text.ts";
import { TreeTable } from "./tree-table.ts";
import { Tree } from "./tree.ts";

export interface Structure {
  /** Guest physical address of the first byte. */
  base: number;
  bytes: Uint8Array;
  fields: readonly WireField[];
}

export interface FieldViewOptions {
  /** What is special about a byte, beside that it has changed. */
  mark?: (address: number) => ByteMark | undefined;
  /** The user went to a byte, or to the first one of a field. */
  went?: (address: number) => void;
}

export class FieldView {
  readonly tree: HTMLElement;
  readonly hex: HTMLElement;
  /** What is known of the field that is chosen, and where it leads. */
  readonly details: HTMLElement;
  private readonly rows = new FieldRows();
  private readonly model = new Tree((id) => Promise.resolve(this.rows.children(id)));
  private readonly table: TreeTable;
  private readonly view: HexView;
  private readonly options: FieldViewOptions;
  private now: Structure = { base: 0, bytes: new Uint8Array(), fields: [] };
  private before: Structure | undefined;
  private isEmpty = true;

  constructor(options: FieldViewOptions = {}) {
    this.options = options;
    this.table = new TreeTable(this.model, {
      chosen: (row) => this.chooseRow(row),
      activated: (row) => this.activate(row),
      failed: reportFailure,
    });
    const read = (_: number, offset: number, length: number): Promise<Uint8Array> =>
      Promise.resolve(this.now.bytes.subarray(offset, offset + length));
    this.view = new HexView(
      read,
      {
        chosen: (_, offset) => void this.chooseByte(this.now.base + offset),
        failed: (message) => reportFailure(message ?? ""),
      },
      { mark: (offset) => this.mark(offset) },
    );
    this.tree = this.table.element;
    this.hex = this.view.element;
    this.details = element("div", { class: "details", "aria-live": "polite" });
  }

  /** `before` is what was there at the stop before. What is chosen and unfolded stays. */
  async show(structure: Structure, before: Structure | undefined): Promise<void> {
    this.now = structure;
    this.before = before;
    this.rows.set(structure.fields, before?.fields);
    await this.model.replaceRoots(this.rows.rows);
    const [only, ...others] = this.rows.rows;
    if (this.isEmpty && only !== undefined && others.length === 0) await this.model.unfold(only.id);
    this.isEmpty = only === undefined;
    this.table.refresh();
    this.view.setBytes(structure.base, structure.bytes.length);
    const { chosenId } = this.table;
    const field = chosenId === undefined ? undefined : this.rows.field(chosenId);
    if (chosenId === undefined || field === undefined || this.model.indexOf(chosenId) < 0) {
      this.table.show(undefined);
      this.view.markAround(0, 0);
      this.details.replaceChildren();
    } else this.explain(this.model.visible[this.model.indexOf(chosenId)]?.row);
  }

  setWidth(width: RowWidth): void {
    this.view.setWidth(width);
  }

  markCode(address: number, length: number): void {
    this.view.markCode(address - this.now.base, length);
  }

  private mark(offset: number): ByteMark | undefined {
    const { base, bytes } = this.now;
    const old = this.before?.bytes[offset];
    const marks = [
      ...(old !== undefined && old !== bytes[offset] ? [{ kind: "changed", text: `was ${byteText(old)}` }] : []),
      ...[this.options.mark?.(base + offset)].filter((mark) => mark !== undefined),
    ];
    if (marks.length === 0) return undefined;
    return { kind: marks.map(({ kind }) => kind).join(" "), text: marks.map(({ text }) => text).join(", ") };
  }

  private holds({ offset, length }: Row): boolean {
    const { base, bytes } = this.now;
    return length > 0 && offset >= base && offset < base + bytes.length;
  }

  private chooseRow(row: Row): void {
    this.explain(row);
    if (!this.holds(row)) {
      this.view.markAround(0, 0);
      return;
    }
    this.view.markField(row.offset - this.now.base, row.length);
    this.options.went?.(row.offset);
  }

  private async chooseByte(address: number): Promise<void> {
    const path = this.rows.pathTo(address);
    for (const row of path.slice(0, -1)) await this.model.unfold(row.id);
    this.table.refresh();
    const last = path.at(-1);
    this.table.show(last?.id);
    this.explain(last);
    this.view.markAround(last === undefined ? 0 : last.offset - this.now.base, last?.length ?? 0);
    this.options.went?.(address);
  }

  /** Enter, or a double click: to where the field points, else to its bytes. */
  private activate(row: Row): void {
    const target = this.rows.field(row.id)?.pointsTo;
    if (target !== undefined) showInMemory(target);
    else if (this.holds(row)) this.hex.focus();
    else if (row.length > 0) showInMemory(this.rows.field(row.id)?.offset ?? "0x0");
  }

  private explain(row: Row | undefined): void {
    const field = row && this.rows.field(row.id);
    if (row === undefined || field === undefined) {
      this.details.replaceChildren();
      return;
    }
    const size = row.length === 1 ? "1 byte" : `${row.length} bytes`;
    const range = row.length === 0 ? "" : `${rangeText(row.offset, row.length)} · ${size}`;
    const { offset, pointsTo } = field;
    this.details.replaceChildren(
      element(
        "div",
        { class: "first" },
        element("strong", {}, visible(row.name)),
        element("span", { class: "mono" }, visible(row.value)),
        ...(row.was === undefined ? [] : [element("span", { class: "hint" }, `was ${visible(row.was)}`)]),
        element("span", { class: "hint" }, range),
        ...(pointsTo === undefined ? [] : [memoryButton(`Follow to ${pointsTo}`, pointsTo)]),
        ...(row.length === 0 ? [] : [memoryButton("Show in Memory", offset)]),
      ),
      ...(row.problem === undefined ? [] : [element("div", { class: "problem" }, `⚠ ${visible(row.problem)}`)]),
      ...(row.note === undefined ? [] : [element("div", { class: "note" }, visible(row.note))]),
    );
  }
}

function showInMemory(physical: string): void {
  send({ type: "show", panel: "memory", address: `phys:${physical}` });
}

function memoryButton(label: string, physical: string): HTMLElement {
  return button({ label, title: `Show phys:${physical} in the Memory view`, onClick: () => showInMemory(physical) });
}
