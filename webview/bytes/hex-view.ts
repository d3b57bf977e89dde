/** The bytes of a stream, sixteen a row; only the rows on the screen exist, and only their bytes are asked for. */
import { element } from "../ui/dom.ts";
import { byteText, printable } from "../ui/format.ts";
import { ByteCache, type ReadBytes } from "./byte-cache.ts";
import type { StreamInfo } from "../artefact/messages.ts";
import { RowScroller } from "./scroll.ts";

/** Pixels; the style sheet has the same. */
const ROW = 20;
const WIDTH = 16;

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
  private streams: readonly StreamInfo[] = [];
  private stream = 0;
  private cursor = 0;
  private field: Range = { offset: 0, length: 0 };
  private code: Range = { offset: 0, length: 0 };
  private digits = 8;

  constructor(read: ReadBytes, actions: HexActions) {
    this.actions = actions;
    this.cache = new ByteCache(read, (failure) => {
      actions.failed(failure);
      this.render();
    });
    this.rows = element("div", { class: "rows mono", role: "presentation" });
    const space = element("div", { class: "space", role: "presentation" });
    this.element = element(
      "div",
      { class: "hex", role: "grid", tabindex: "0", "aria-label": "Bytes", "aria-colcount": String(WIDTH) },
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
    this.digits = Math.max(8, Math.max(0, this.size - 1).toString(16).length);
    this.scroller.setRows(Math.ceil(this.size / WIDTH));
    this.element.setAttribute("aria-rowcount", String(this.scroller.rows));
    this.scroller.goTo(0);
    this.render();
  }

  /** Marks a field's bytes and shows them. */
  markField(offset: number, length: number): void {
    this.field = { offset, length };
    this.cursor = Math.max(0, Math.min(offset, this.size - 1));
    this.scroller.centre(Math.floor(this.cursor / WIDTH));
    this.render();
  }

  /** Marks a field's bytes around a byte that is on the screen already. */
  markAround(offset: number, length: number): void {
    this.field = { offset, length };
    this.render();
  }

  markCode(offset: number, length: number): void {
    this.code = { offset, length };
    if (length > 0) this.scroller.centre(Math.floor(offset / WIDTH));
    this.render();
  }

  /** Goes to a byte, and tells. */
  choose(offset: number): void {
    if (this.size === 0) return;
    this.cursor = Math.max(0, Math.min(offset, this.size - 1));
    this.scroller.reveal(Math.floor(this.cursor / WIDTH));
    this.render();
    this.actions.chosen(this.stream, this.cursor);
  }

  private get size(): number {
    return this.streams[this.stream]?.size ?? 0;
  }

  private key(event: KeyboardEvent): void {
    if (event.altKey || event.metaKey) return;
    const page = this.scroller.visible * WIDTH;
    const row = this.cursor - (this.cursor % WIDTH);
    const targets: Record<string, number> = {
      ArrowRight: this.cursor + 1,
      ArrowLeft: this.cursor - 1,
      ArrowDown: this.cursor + WIDTH,
      ArrowUp: this.cursor - WIDTH,
      PageDown: this.cursor + page,
      PageUp: this.cursor - page,
      Home: event.ctrlKey ? 0 : row,
      End: event.ctrlKey ? this.size - 1 : row + WIDTH - 1,
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
    const row = Math.floor(this.cursor / WIDTH);
    if (row >= top && row < top + shown) this.element.setAttribute("aria-activedescendant", `byte-${this.cursor}`);
    else this.element.removeAttribute("aria-activedescendant");
  }

  private row(row: number): HTMLElement {
    const start = row * WIDTH;
    const bytes = element("span", { class: "bytes", role: "presentation" });
    const text = element("span", { class: "text", "aria-hidden": "true" });
    for (let offset = start; offset < Math.min(start + WIDTH, this.size); offset++) {
      const byte = this.cache.byte(this.stream, offset);
      const marks = [
        ...(inside(this.field, offset) ? ["field"] : []),
        ...(inside(this.code, offset) ? ["code"] : []),
        ...(offset === this.cursor ? ["cursor"] : []),
        ...(byte === 0 ? ["zero"] : []),
      ].join(" ");
      const attributes = { class: `byte ${marks}`, "data-offset": String(offset) };
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
      element("span", { class: "address", role: "rowheader" }, start.toString(16).padStart(this.digits, "0")),
      bytes,
      text,
    );
  }
}

function inside({ offset, length }: Range, byte: number): boolean {
  return byte >= offset && byte < offset + length;
}
