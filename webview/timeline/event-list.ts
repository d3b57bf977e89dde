/** The events of a phase as a list; only the rows on the screen exist, so that it may be long. */
import { element } from "../ui/dom.ts";
import { LANES } from "./model.ts";
import type { TimelineEvent } from "./model.ts";
import { longCount } from "./viewport.ts";

/** Pixels; the style sheet has the same. */
const ROW = 20;

export interface EventListActions {
  choose(event: TimelineEvent): void;
  /** Enter or a double click. */
  open(event: TimelineEvent): void;
}

export class EventList {
  readonly element: HTMLElement;
  readonly #rows: HTMLElement;
  readonly #actions: EventListActions;
  #events: readonly TimelineEvent[] = [];
  #chosen: TimelineEvent | undefined;

  constructor(actions: EventListActions) {
    this.#actions = actions;
    this.#rows = element("div", { class: "rows" });
    this.element = element(
      "div",
      { class: "events", tabindex: "0", role: "listbox", "aria-label": "What happened in the chosen phase" },
      this.#rows,
    );
    this.element.addEventListener("scroll", () => this.#render());
    new ResizeObserver(() => this.#render()).observe(this.element);
    this.element.addEventListener("click", (event) => this.#pick(event, (one) => actions.choose(one)));
    this.element.addEventListener("dblclick", (event) => this.#pick(event, (one) => actions.open(one)));
    this.element.addEventListener("keydown", (event) => this.#key(event));
  }

  show(events: readonly TimelineEvent[], chosen: TimelineEvent | undefined): void {
    const moved = chosen !== this.#chosen;
    this.#events = events;
    this.#chosen = chosen;
    this.#rows.style.height = `${events.length * ROW}px`;
    if (moved && chosen !== undefined) this.#reveal(events.indexOf(chosen));
    this.#render();
  }

  #render(): void {
    const first = Math.max(0, Math.floor(this.element.scrollTop / ROW) - 2);
    const count = Math.ceil(this.element.clientHeight / ROW) + 4;
    this.#rows.replaceChildren(
      ...this.#events.slice(first, first + count).map((event, index) => this.#row(event, first + index)),
    );
    const at = this.#chosen === undefined ? -1 : this.#events.indexOf(this.#chosen);
    if (at >= first && at < first + count) this.element.setAttribute("aria-activedescendant", `event-${at}`);
    else this.element.removeAttribute("aria-activedescendant");
  }

  #row(event: TimelineEvent, index: number): HTMLElement {
    const chosen = event === this.#chosen;
    const row = element(
      "div",
      {
        class: "event",
        id: `event-${index}`,
        role: "option",
        "aria-selected": String(chosen),
        "aria-setsize": String(this.#events.length),
        "aria-posinset": String(index + 1),
        "data-index": String(index),
      },
      element("span", { class: "icount" }, longCount(event.icount)),
      element("span", { class: `dot ${LANES[event.lane]?.colour ?? ""}`, "aria-hidden": "true" }),
      element("span", { class: "text" }, event.text),
      event.count > 1 ? element("span", { class: "count" }, `×${event.count}`) : undefined,
    );
    row.style.top = `${index * ROW}px`;
    return row;
  }

  #pick(event: MouseEvent, act: (one: TimelineEvent) => void): void {
    const row = (event.target as HTMLElement).closest<HTMLElement>("[data-index]");
    const one = this.#events[Number(row?.dataset["index"] ?? -1)];
    if (one !== undefined) act(one);
  }

  #key(event: KeyboardEvent): void {
    const page = Math.max(1, Math.floor(this.element.clientHeight / ROW) - 1);
    const moves: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page };
    const at = this.#chosen === undefined ? -1 : this.#events.indexOf(this.#chosen);
    const last = this.#events.length - 1;
    let wanted = at + (moves[event.key] ?? 0);
    if (event.key === "Home") wanted = 0;
    else if (event.key === "End") wanted = last;
    else if (event.key === "Enter") {
      if (this.#chosen !== undefined) this.#actions.open(this.#chosen);
    } else if (moves[event.key] === undefined) return;
    event.preventDefault();
    const next = this.#events[Math.max(0, Math.min(last, wanted))];
    if (next !== undefined && next !== this.#chosen) this.#actions.choose(next);
  }

  #reveal(index: number): void {
    if (index < 0) return;
    const top = index * ROW;
    const { scrollTop, clientHeight } = this.element;
    if (top < scrollTop) this.element.scrollTop = top;
    else if (top + ROW > scrollTop + clientHeight) this.element.scrollTop = top + ROW - clientHeight;
  }
}
