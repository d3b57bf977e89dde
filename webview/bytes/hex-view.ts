/** The bytes of a stream in rows; only the rows on the screen exist, and only their bytes are asked for. */
import "./hex-view.css";
import { element } from "../ui/dom.ts";
import { byteText, printable } from "../ui/format.ts";
import { ByteCache, type ReadBytes } from "./byte-cache.ts";
import type { StreamInfo } from "../artefact/messages.ts";
import { RowScroller } from "./scroll.ts";

/** Pixels; the style sheet has the same. */
const ROW = 20;

/** Bytes in a row. */
export type RowWidth = 8 | 16;

/** What is special about a byte. */
export interface ByteMark {
  /** A class of the panel's own style sheet. */
  kind: string;
  /** For people: "was 00". */
  text: string;
}

export interface HexOptions {
  /** Address of the first byte; 0 unless given. */
  base?: number;
  mark?: (offset: number) => ByteMark | undefined;
}

export interface HexActions {
  /** The user went to a byte. */
  chosen(stream: number, offset: number): void;
  failed(message: string | undefined): void;
}

interface Range {
  offset: number;
  length: number;
}

export class HexView {
  readonly element: HTMLElement;
  private readonly rows: HTMLElement;
  private readonly scroller: RowScroller;
  private readonly cache: ByteCache;
  private readonly actions: HexActions;
  private base: number;
  private readonly mark: (offset: number) => ByteMark | undefined;
  private width: RowWidth = 16;
  private streams: readonly StreamInfo[] = [];
  private stream = 0;
  private cursor = 0;
  private field: Range = { offset: 0, length: 0 };
  private code: Range = { offset: 0, length: 0 };
  private digits = 8;

  constructor(read: ReadBytes, actions: HexActions, { base = 0, mark = () => undefined }: HexOptions = {}) {
    this.actions = actions;
    this.base = base;
    this.mark = mark;
    this.cache = new ByteCache(read, (failure) => {
      actions.failed(failure);
      this.render();
    });
    this.rows = element("div", { class: "rows mono", role: "presentation" });
    const space = element("div", { class: "space", role: "presentation" });
    this.element = element(
      "div",
      { class: "hex", role: "grid", tabindex: "0", "aria-label": "Bytes", "aria-colcount": "16" },
      this.rows,
      space,
    );
    this.scroller = new RowScroller(this.element, space, ROW, () => this.render());
    this.element.addEventListener("keydown", (event) => this.key(event));
    this.rows.addEventListener("click", (event) => {
      const cell = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-offset]") : undefined;
      if (cell) this.choose(Number(cell.dataset["offset"]));
    });
  }

  get at(): number {
    return this.cursor;
  }

  setStreams(streams: readonly StreamInfo[]): void {
    this.streams = streams;
    this.cache.clear();
    this.showStream(0);
  }

  showStream(stream: number): void {
    this.stream = stream;
    this.cursor = 0;
    this.field = { offset: 0, length: 0 };
    this.code = { offset: 0, length: 0 };
    this.layOut();
    this.scroller.goTo(0);
    this.render();
  }

  setWidth(width: RowWidth): void {
    if (width === this.width) return;
    this.width = width;
    this.element.classList.toggle("narrow", width === 8);
    this.element.setAttribute("aria-colcount", String(width));
    this.layOut();
    this.scroller.reveal(Math.floor(this.cursor / this.width));
    this.render();
  }

  /** The bytes are others now, at this address; what is chosen stays where the length does. */
  setBytes(base: number, size: number): void {
    this.base = base;
    if (size !== this.size) return this.setStreams([{ label: "", size }]);
    this.cache.clear();
    this.layOut();
    this.render();
  }

  /** Marks a field's bytes and shows them. */
  markField(offset: number, length: number): void {
    this.field = { offset, length };
    this.cursor = Math.max(0, Math.min(offset, this.size - 1));
    this.scroller.centre(Math.floor(this.cursor / this.width));
    this.render();
  }

  /** Marks a field's bytes around a byte that is on the screen already. */
  markAround(offset: number, length: number): void {
    this.field = { offset, length };
    this.render();
  }

  markCode(offset: number, length: number): void {
    this.code = { offset, length };
    if (length > 0) this.scroller.centre(Math.floor(offset / this.width));
    this.render();
  }

  /** Goes to a byte, and tells. */
  choose(offset: number): void {
    if (this.size === 0) return;
    this.cursor = Math.max(0, Math.min(offset, this.size - 1));
    this.scroller.reveal(Math.floor(this.cursor / this.width));
    this.render();
    this.actions.chosen(this.stream, this.cursor);
  }

  private layOut(): void {
    this.digits = Math.max(this.base === 0 ? 8 : 4, (this.base + Math.max(0, this.size - 1)).toString(16).length);
    this.scroller.setRows(Math.ceil(this.size / this.width));
    this.element.setAttribute("aria-rowcount", String(this.scroller.rows));
  }

  private get size(): number {
    return this.streams[this.stream]?.size ?? 0;
  }

  private key(event: KeyboardEvent): void {
    if (event.altKey || event.metaKey) return;
    const { width } = this;
    const page = this.scroller.visible * width;
    const row = this.cursor - (this.cursor % width);
    const targets: Record<string, number> = {
      ArrowRight: this.cursor + 1,
      ArrowLeft: this.cursor - 1,
      ArrowDown: this.cursor + width,
      ArrowUp: this.cursor - width,
      PageDown: this.cursor + page,
      PageUp: this.cursor - page,
      Home: event.ctrlKey ? 0 : row,
      End: event.ctrlKey ? this.size - 1 : row + width - 1,
    };
    const target = targets[event.key];
    if (target === undefined) return;
    event.preventDefault();
    if (target >= 0 || event.key !== "ArrowUp") this.choose(target);
  }

  private render(): void {
    const { top, visible, rows } = this.scroller;
    const shown = Math.min(visible + 1, rows - top);
    this.rows.replaceChildren(...Array.from({ length: Math.max(0, shown) }, (_, index) => this.row(top + index)));
    const row = Math.floor(this.cursor / this.width);
    if (row >= top && row < top + shown) this.element.setAttribute("aria-activedescendant", `byte-${this.cursor}`);
    else this.element.removeAttribute("aria-activedescendant");
  }

  private addressText(offset: number): string {
    return (this.base + offset).toString(16).padStart(this.digits, "0");
  }

  private row(row: number): HTMLElement {
    const start = row * this.width;
    const bytes = element("span", { class: "bytes", role: "presentation" });
    const text = element("span", { class: "text", "aria-hidden": "true" });
    for (let offset = start; offset < Math.min(start + this.width, this.size); offset++) {
      const byte = this.cache.byte(this.stream, offset);
      const special = this.mark(offset);
      const marks = [
        ...(special === undefined ? [] : [special.kind]),
        ...(inside(this.field, offset) ? ["field"] : []),
        ...(inside(this.code, offset) ? ["code"] : []),
        ...(offset === this.cursor ? ["cursor"] : []),
        ...(byte === 0 ? ["zero"] : []),
      ].join(" ");
      const attributes = {
        class: `byte ${marks}`,
        "data-offset": String(offset),
        ...(special === undefined ? {} : { title: special.text }),
      };
      bytes.append(
        element(
          "span",
          {
            ...attributes,
            role: "gridcell",
            id: `byte-${offset}`,
            "aria-colindex": String(offset - start + 1),
            "aria-selected": String(inside(this.field, offset)),
          },
          byte === undefined ? "··" : byteText(byte),
        ),
      );
      text.append(
        element("span", { ...attributes, class: `character ${marks}` }, byte === undefined ? " " : printable(byte)),
      );
    }
    return element(
      "div",
      { class: "line", role: "row", "aria-rowindex": String(row + 1) },
      element("span", { class: "address", role: "rowheader" }, this.addressText(start)),
      bytes,
      text,
    );
  }
}

function inside({ offset, length }: Range, byte: number): boolean {
  return byte >= offset && byte < offset + length;
}
