/** What is known of the byte at the cursor: its addresses, symbol, origin and values, and what can be done with it. */
import type { PlaceResponse } from "../../debug-adapter/protocol.ts";
import { button } from "../ui/controls.ts";
import { element } from "../ui/dom.ts";
import { hex } from "../ui/format.ts";
import { isCanonical, type Place } from "./spaces.ts";
import { decimalText, numbersAt } from "./units.ts";

export interface DetailActions {
  toggleBreakpoint(address: string): void;
  /** Shows the page tables of the byte, or its owner. */
  show(panel: "page-tables" | "memory-map", address: string): void;
  followPointer(): void;
}

export class Details {
  readonly element: HTMLElement;
  private readonly place = element("div", { class: "place" });
  private readonly values = element("div", { class: "values" });
  private readonly breakpoint: HTMLElement;
  private readonly pageTables: HTMLElement;
  private known: PlaceResponse | undefined;
  private cursor: Place = { space: "lin", address: 0n };
  private breakpoints: ReadonlySet<string> = new Set();

  constructor(actions: DetailActions) {
    this.breakpoint = button({
      label: "Breakpoint",
      title: "Stop when the instruction here is reached (F9; again: remove)",
      onClick: () => actions.toggleBreakpoint(this.reference),
    });
    this.pageTables = button({
      label: "Page Tables",
      title: "Show how this linear address is translated",
      onClick: () => actions.show("page-tables", hex(this.cursor.address)),
    });
    const owner = button({
      label: "Owner",
      title: "Show whose memory this is in the memory map",
      onClick: () => actions.show("memory-map", this.reference),
    });
    const pointer = button({
      label: "Go to Pointer",
      title: "Go to the linear address that lies here: eight bytes, or four where numbers of four are shown (F12)",
      onClick: () => actions.followPointer(),
    });
    const tools = element("div", { class: "tools" }, pointer, this.breakpoint, this.pageTables, owner);
    const words = element("div", { class: "words" }, this.place, this.values);
    this.element = element("section", { class: "details", "aria-label": "At the cursor" }, words, tools);
  }

  /** Physical where the byte has a physical address, as that holds whatever is mapped where. */
  get reference(): string {
    const physical = this.cursor.space === "phys" ? this.cursor.address : this.known?.physical;
    return physical === undefined ? hex(this.cursor.address) : `phys:${hex(physical)}`;
  }

  setBreakpoints(addresses: ReadonlySet<string>): void {
    this.breakpoints = addresses;
    this.showBreakpoint();
  }

  /** The cursor is there; what is known of it comes later. */
  showBytes(cursor: Place, bytes: readonly (number | undefined)[]): void {
    if (cursor.space !== this.cursor.space || cursor.address !== this.cursor.address) this.known = undefined;
    this.cursor = cursor;
    this.values.replaceChildren(
      ...numbersAt(bytes).map(({ unit, value }) =>
        element(
          "span",
          { class: "value" },
          element("span", { class: "size" }, `${8 * unit} bit `),
          element("span", { class: "mono" }, `${hex(value)} = ${decimalText(value, unit)}`),
        ),
      ),
    );
    this.values.title = [...this.values.children].map((value) => value.textContent).join("\n");
    this.pageTables.toggleAttribute("disabled", cursor.space === "phys");
    this.render();
  }

  showPlace(known: PlaceResponse): void {
    this.known = known;
    this.render();
  }

  private render(): void {
    const { space, address } = this.cursor;
    const { known } = this;
    const words: (string | HTMLElement)[] = [element("strong", { class: "mono" }, `${space}:${hex(address)}`)];
    if (space === "lin" && known !== undefined) {
      const physical = known.physical;
      if (physical !== undefined) words.push(" → ", element("span", { class: "mono" }, `phys:${hex(physical)}`));
      else if (!isCanonical(this.cursor)) words.push(" is not canonical");
      else words.push(` is not mapped${known.fault === undefined ? "" : `: ${known.fault}`}`);
    }
    if (known?.symbol !== undefined) words.push(" · ", element("span", { class: "symbol mono" }, known.symbol));
    if (known?.origin !== undefined) words.push(" · ", element("span", { class: "origin" }, `from ${known.origin}`));
    this.place.replaceChildren(...words);
    this.place.title = this.place.textContent ?? "";
    this.showBreakpoint();
  }

  private showBreakpoint(): void {
    this.breakpoint.textContent = this.breakpoints.has(this.reference) ? "Remove Breakpoint" : "Breakpoint";
  }
}
