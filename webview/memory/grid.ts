/** The bytes of an address space as rows of numbers and characters; only the rows on the screen exist. */
import { element } from "../ui/dom.ts";
import { byteText, printable } from "../ui/format.ts";
import type { BreakpointMarks } from "./breakpoint-marks.ts";
import { DigitEntry } from "./digit-entry.ts";
import type { ByteState, MemoryPages } from "./pages.ts";
import { RowWindow } from "./row-window.ts";
import { addressDigits, isCanonical, placeText, spaceEnd, withinSpace, type Place, type Space } from "./spaces.ts";
import { bytesPerRow, unitText, type Unit } from "./units.ts";

/** Pixels; the style sheet has the same. */
const ROW = 20;
/** Characters of which the width is measured. */
const PROBE = 10;

export interface GridActions {
  /** The cursor is at another byte, or what is known of it has changed. */
  moved(): void;
  /** Bytes were typed. */
  write(place: Place, bytes: Uint8Array): void;
  /** Keys that are not the grid's; true if this one was taken. */
  key(event: KeyboardEvent): boolean;
}

/** Where typing goes: into numbers, or into characters. */
type Column = "numbers" | "text";

export class MemoryGrid {
  readonly element: HTMLElement;
  private readonly rows: HTMLElement;
  private readonly area: HTMLElement;
  private readonly probe: HTMLElement;
  private readonly window = new RowWindow();
  private readonly entry = new DigitEntry();
  private readonly pages: MemoryPages;
  private readonly breakpoints: BreakpointMarks;
  private readonly actions: GridActions;
  private space: Space = "lin";
  private unit: Unit = 1;
  private width = 16;
  private column: Column = "numbers";
  private at = 0n;
  /** Other end of the selection. */
  private anchor = 0n;
  /** Where the area was scrolled to by us: its event changes nothing. */
  private expected = -1;
  private isScheduled = false;
  private isDragging = false;

  constructor(pages: MemoryPages, breakpoints: BreakpointMarks, actions: GridActions) {
    this.pages = pages;
    this.breakpoints = breakpoints;
    this.actions = actions;
    this.rows = element("div", { class: "rows", role: "presentation" });
    this.area = element("div", { class: "space", role: "presentation" });
    this.probe = element("span", { class: "probe", "aria-hidden": "true" }, "0".repeat(PROBE));
    this.element = element(
      "div",
      {
        class: "grid mono",
        role: "grid",
        tabindex: "0",
        "aria-label":
          "Guest memory. Arrow keys move, Shift selects, typed digits are written, F2 changes between numbers and characters.",
        "aria-multiselectable": "true",
        "aria-rowcount": "-1",
      },
      this.probe,
      this.rows,
      this.area,
    );
    this.element.addEventListener("scroll", () => this.scrolled());
    this.element.addEventListener("scrollend", () => this.settle());
    this.element.addEventListener("keydown", (event) => {
      if (!this.key(event) && !this.actions.key(event)) return;
      event.preventDefault();
      event.stopPropagation();
    });
    this.element.addEventListener("blur", () => this.drop());
    this.rows.addEventListener("pointerdown", (event) => this.pointed(event, event.shiftKey));
    this.rows.addEventListener("pointerover", (event) => {
      if (this.isDragging && event.buttons === 1) this.pointed(event, true);
    });
    window.addEventListener("pointerup", () => (this.isDragging = false));
    new ResizeObserver(() => this.layOut()).observe(this.element);
  }

  get cursor(): Place {
    return { space: this.space, address: this.at };
  }

  /** The bytes chosen, of which the cursor's is one. */
  get selection(): { place: Place; length: number } {
    const { first, last } = this.chosen;
    return { place: { space: this.space, address: first }, length: Number(last - first) + 1 };
  }

  setUnit(unit: Unit): void {
    this.entry.drop();
    this.unit = unit;
    this.layOut();
  }

  /** Shows a place, in the first row unless it is on the screen already and may stay where it is. */
  show({ space, address }: Place, how: "first row" | "in sight"): void {
    // Where it stands already, a digit that was just typed stays, too.
    if (space !== this.space || withinSpace(space, address) !== this.at) this.entry.drop();
    const stays = space === this.space && how === "in sight";
    this.space = space;
    this.at = this.anchor = withinSpace(space, address);
    this.layOut();
    const row = this.at / BigInt(this.width);
    if (!stays || !this.window.shows(row)) this.window.goTo(row);
    this.follow();
    this.actions.moved();
  }

  focus(): void {
    this.element.focus();
  }

  /** Draws before the next picture of the window. */
  schedule(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    requestAnimationFrame(() => {
      this.isScheduled = false;
      this.render();
    });
  }

  /** Fits rows to the element's size, and keeps the first one, and the cursor in sight where it was. */
  private layOut(): void {
    const { clientWidth, clientHeight } = this.element;
    const top = this.window.top * BigInt(this.width);
    const wasInSight = this.window.shows(this.at / BigInt(this.width));
    const character = this.probe.getBoundingClientRect().width / PROBE;
    const digits = addressDigits(this.space);
    if (clientWidth > 0 && character > 0) this.width = bytesPerRow(clientWidth / character, this.unit, digits);
    // The first row of the element is the head.
    this.window.resize(spaceEnd(this.space) / BigInt(this.width), Math.floor(clientHeight / ROW) - 1);
    this.window.goTo(top / BigInt(this.width));
    if (wasInSight) this.window.reveal(this.at / BigInt(this.width));
    this.area.style.height = `${(this.window.rows + 1) * ROW}px`;
    this.element.setAttribute("aria-colcount", String(1 + this.width / this.unit + this.width));
    this.follow();
  }

  /** Scrolls the area to where the window is. */
  private follow(): void {
    this.element.scrollTop = this.window.position * ROW;
    // What the browser made of it.
    this.expected = this.element.scrollTop;
    this.schedule();
  }

  private scrolled(): void {
    if (Math.abs(this.element.scrollTop - this.expected) <= 1) return;
    this.expected = this.element.scrollTop;
    this.window.scrolledTo(this.element.scrollTop / ROW);
    this.schedule();
  }

  /** The area is laid anew only when it is left alone: under a hand that drags, it would run away. */
  private settle(): void {
    if (!this.window.isNearEdge) return;
    this.window.centre();
    this.follow();
  }

  private pointed(event: PointerEvent, extend: boolean): void {
    const cell = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-address]") : null;
    const address = cell?.dataset["address"];
    if (address === undefined || event.button > 0) return;
    // Rows that are drawn anew come under the pointer again.
    if (this.isDragging && BigInt(address) === this.at) return;
    if (!this.isDragging) this.column = cell?.classList.contains("character") === true ? "text" : "numbers";
    this.isDragging = true;
    this.moveTo(BigInt(address), extend);
  }

  private moveTo(address: bigint, extend: boolean): void {
    this.entry.drop();
    this.at = withinSpace(this.space, address);
    if (!extend) this.anchor = this.at;
    this.window.reveal(this.at / BigInt(this.width));
    this.follow();
    this.actions.moved();
  }

  private drop(): void {
    this.entry.drop();
    this.schedule();
  }

  private key(event: KeyboardEvent): boolean {
    if (event.altKey || event.metaKey) return false;
    const target = this.targetOf(event);
    if (target !== undefined) {
      this.moveTo(target, event.shiftKey);
      return true;
    }
    if (event.ctrlKey) return false;
    switch (event.key) {
      case "F2":
        this.entry.drop();
        this.column = this.column === "text" ? "numbers" : "text";
        break;
      case "Escape":
        if (this.entry.isOpen) this.entry.drop();
        else if (this.anchor !== this.at) this.anchor = this.at;
        else return false;
        break;
      case "Backspace":
        if (!this.entry.isOpen) return false;
        this.entry.back();
        break;
      case "Enter":
        return this.typed(this.entry.finish(this.bytesAt(this.cell, this.unit), this.unit));
      default:
        return this.type(event.key);
    }
    this.schedule();
    return true;
  }

  /** Where a key leads; undefined for keys that do not move. */
  private targetOf(event: KeyboardEvent): bigint | undefined {
    const step = this.column === "text" ? 1n : BigInt(this.unit);
    const from = this.column === "text" ? this.at : this.cell;
    const width = BigInt(this.width);
    const page = width * BigInt(Math.max(1, Math.floor(this.element.clientHeight / ROW) - 2));
    const row = this.at - (this.at % width);
    const targets: Record<string, bigint> = {
      ArrowRight: from + step,
      ArrowLeft: from - step,
      ArrowDown: from + width,
      ArrowUp: from - width,
      PageDown: from + page,
      PageUp: from - page,
      Home: event.ctrlKey ? 0n : row,
      End: (event.ctrlKey ? spaceEnd(this.space) : row + width) - step,
    };
    const target = targets[event.key];
    if (target === undefined) return undefined;
    // Behind the first and the last row there is nothing to go to.
    return target < 0n || target >= spaceEnd(this.space) ? from : target;
  }

  private type(key: string): boolean {
    if (this.column === "text") {
      if (!/^[\x20-\x7e]$/.test(key)) return false;
      this.actions.write(this.cursor, Uint8Array.of(key.charCodeAt(0)));
      this.moveTo(this.at + 1n, false);
      return true;
    }
    if (!/^[0-9a-f]$/i.test(key)) return false;
    this.anchor = this.at;
    if (!this.typed(this.entry.type(key.toLowerCase(), this.unit))) this.schedule();
    return true;
  }

  /** Writes a number that is complete, and goes on to the next. */
  private typed(bytes: Uint8Array | undefined): boolean {
    if (bytes === undefined) return false;
    const address = this.cell;
    this.actions.write({ space: this.space, address }, bytes);
    this.moveTo(address + BigInt(this.unit), false);
    return true;
  }

  /** First byte of the number that the cursor is in. */
  private get cell(): bigint {
    return this.at - (this.at % BigInt(this.unit));
  }

  /** First and last byte chosen: whole numbers, where numbers are chosen. */
  private get chosen(): { first: bigint; last: bigint } {
    const [first, last] = this.at < this.anchor ? [this.at, this.anchor] : [this.anchor, this.at];
    if (this.column === "text") return { first, last };
    const unit = BigInt(this.unit);
    return { first: first - (first % unit), last: last - (last % unit) + unit - 1n };
  }

  private bytesAt(address: bigint, length: number): (number | undefined)[] {
    return Array.from({ length }, (_, index) => this.pages.byte(this.space, address + BigInt(index)).value);
  }

  private render(): void {
    const shown = Math.max(1, Math.ceil(this.element.clientHeight / ROW));
    const rows: HTMLElement[] = [this.head()];
    const end = spaceEnd(this.space) / BigInt(this.width);
    for (let row = this.window.top; rows.length <= shown && row < end; row++) rows.push(this.row(row));
    this.rows.replaceChildren(...rows);
    const id = this.column === "text" ? characterId(this.at) : numberId(this.cell);
    const active = this.rows.querySelector(`#${id}`);
    if (active === null) this.element.removeAttribute("aria-activedescendant");
    else this.element.setAttribute("aria-activedescendant", id);
  }

  /** What the columns' addresses end in. */
  private head(): HTMLElement {
    const numbers = element("span", { class: "numbers", role: "presentation" });
    for (let offset = 0; offset < this.width; offset += this.unit) {
      const text = `+${offset.toString(16)}`.padStart(2 * this.unit);
      numbers.append(element("span", { class: unitClass(offset, this.unit), role: "columnheader" }, text));
    }
    const corner = element("span", { class: "address", role: "columnheader" });
    corner.append((this.space === "phys" ? "physical" : "linear").padEnd(addressDigits(this.space)));
    return element("div", { class: "line head", role: "row" }, corner, numbers);
  }

  private row(row: bigint): HTMLElement {
    const start = row * BigInt(this.width);
    const states = Array.from({ length: this.width }, (_, index) => this.pages.byte(this.space, start + BigInt(index)));
    const numbers = element("span", { class: "numbers", role: "presentation" });
    for (let offset = 0; offset < this.width; offset += this.unit) {
      numbers.append(this.number(start, offset, states.slice(offset, offset + this.unit)));
    }
    const text = element("span", { class: "text", role: "presentation" });
    states.forEach((state, offset) => text.append(this.character(start + BigInt(offset), offset, state)));
    const place: Place = { space: this.space, address: start };
    const header = element("span", { class: "address", role: "rowheader" });
    header.append(start.toString(16).padStart(addressDigits(this.space), "0"));
    const canonical = isCanonical(place);
    const attributes = canonical ? {} : { title: "Not canonical: the processor takes no such linear address." };
    const kind = canonical ? "line" : "line outside";
    return element("div", { class: kind, role: "row", ...attributes }, header, numbers, text);
  }

  private number(start: bigint, offset: number, states: readonly ByteState[]): HTMLElement {
    const address = start + BigInt(offset);
    const bytes = states.map(({ value }) => value);
    const isCursor = address === this.cell;
    const isOpen = isCursor && this.entry.isOpen;
    const isUnknown = states.some((state) => state.isUnknown);
    const text = isOpen ? this.entry.textOver(bytes) : isUnknown ? " ".repeat(2 * this.unit) : unitText(bytes);
    const marks = this.marks(address, this.unit, states);
    if (isCursor) marks.push(this.column === "numbers" ? "cursor" : "mirror");
    if (isOpen) marks.push("typing");
    const changed = states.some(({ was }) => was !== undefined);
    const was = changed ? unitText(states.map(({ was: old, value }) => old ?? value)) : undefined;
    return element(
      "span",
      {
        class: [unitClass(offset, this.unit), ...marks].join(" "),
        role: "gridcell",
        id: numberId(address),
        "data-address": String(address),
        "aria-colindex": String(2 + offset / this.unit),
        ...this.told(address, this.unit, isUnknown ? "not read yet" : text, was, marks),
      },
      text,
    );
  }

  private character(address: bigint, offset: number, state: ByteState): HTMLElement {
    const marks = this.marks(address, 1, [state]);
    if (address === this.at) marks.push(this.column === "text" ? "cursor" : "mirror");
    const text = state.value === undefined ? " " : printable(state.value);
    const was = state.was === undefined ? undefined : byteText(state.was);
    return element(
      "span",
      {
        class: ["character", ...marks].join(" "),
        role: "gridcell",
        id: characterId(address),
        "data-address": String(address),
        "aria-colindex": String(2 + this.width / this.unit + offset),
        ...this.told(address, 1, state.value === undefined ? "nothing" : text, was, marks),
      },
      text,
    );
  }

  private marks(address: bigint, length: number, states: readonly ByteState[]): string[] {
    const { first, last } = this.chosen;
    const marks: string[] = [];
    if (this.at !== this.anchor && address >= first && address <= last) marks.push("selected");
    if (states.some(({ was }) => was !== undefined)) marks.push("changed");
    if (states.some(({ isEdited }) => isEdited)) marks.push("edited");
    if (states.every(({ value }) => value === 0)) marks.push("zero");
    if (states.every(({ value, isUnknown }) => value === undefined && !isUnknown)) marks.push("missing");
    for (let offset = 0; offset < length; offset++) {
      const place = { space: this.space, address: address + BigInt(offset) };
      if (this.breakpoints.has(place)) marks.push("breakpoint");
    }
    return marks;
  }

  /** What a cell says beside its look: to the mouse that rests on it, and to screen readers. */
  private told(
    address: bigint,
    length: number,
    text: string,
    was: string | undefined,
    marks: readonly string[],
  ): Record<string, string> {
    const words = [
      ...(marks.includes("edited") ? ["edited"] : []),
      ...(was === undefined ? [] : [`${was} at the last stop`]),
      ...(marks.includes("breakpoint") ? ["breakpoint"] : []),
      ...(marks.includes("missing") ? [length === 1 ? "no memory here" : "no memory in all of it"] : []),
    ];
    const place = placeText({ space: this.space, address });
    return {
      "aria-selected": String(marks.includes("selected") || marks.includes("cursor")),
      "aria-label": [text, ...words, place].join(", "),
      ...(words.length > 0 && { title: words.join(", ") }),
    };
  }
}

const numberId = (address: bigint): string => `number-${address.toString(16)}`;
const characterId = (address: bigint): string => `character-${address.toString(16)}`;

/** A gap parts the bytes of a row by eights. */
const unitClass = (offset: number, unit: number): string =>
  offset > 0 && offset % 8 === 0 && unit < 8 ? "number eighth" : "number";
