/** The map of the address space, to scale: one lane for each combination of rights, with zoom down to single pages. */
import type { PageMapResponse } from "../../debug-adapter/protocol.ts";
import { button } from "../ui/controls.ts";
import { element } from "../ui/dom.ts";
import { hex } from "../ui/format.ts";
import { linearOf, linearText, spaceOf, type Paging } from "./places.ts";
import { MapRange, type Shown } from "./range.ts";
import { rightsWords, roughSize } from "./words.ts";

/** Pixels. */
const LANE = 11;
const LANE_GAP = 2;
const AXIS = 14;
const NAMES = 44;
/** What is mapped at all can be seen. */
const MIN_MARK = 2;
const MAX_BUCKETS = 2048;
const ZOOM = 4;

export interface MapActions {
  load(first: string, last: string, buckets: number): Promise<PageMapResponse>;
  /** A place is to be shown in the tree. */
  chosen(place: number): void;
  /** The range on show is another one. */
  moved(shown: Shown): void;
  failed(message: string): void;
}

/** The theme's colour for a combination of rights: what is both writable and executable stands out. */
function colourOf(rights: string, style: CSSStyleDeclaration): string {
  const [write, execute] = [rights.includes("w"), rights.includes("x")];
  const name = write && execute ? "red" : execute ? "blue" : write ? "green" : "purple";
  return style.getPropertyValue(`--vscode-charts-${name}`) || style.color;
}

export class MapView {
  readonly element: HTMLElement;
  readonly #actions: MapActions;
  readonly #canvas: HTMLCanvasElement;
  readonly #readout: HTMLElement;
  readonly #range: MapRange;
  #paging: Paging = "off";
  #lanes: PageMapResponse["lanes"] = [];
  #asked = 0;
  #drawing = false;
  #width = NAMES + 1;

  constructor(actions: MapActions, shown?: Shown) {
    this.#actions = actions;
    this.#range = new MapRange(shown);
    this.#canvas = element("canvas", {});
    this.#readout = element("span", { class: "readout mono", role: "status" });
    const zoom = (label: string, title: string, onClick: () => void): HTMLElement => button({ label, title, onClick });
    const strip = element(
      "div",
      {
        class: "strip",
        tabindex: "0",
        role: "group",
        "aria-label":
          "Map of the address space. Arrow keys point at a stretch, plus and minus zoom, 0 shows all, Enter goes to it in the tree.",
      },
      this.#canvas,
    );
    this.element = element(
      "div",
      { class: "map" },
      strip,
      element(
        "div",
        { class: "map-bar" },
        zoom("+", "Zoom in on the stretch pointed at (+)", () => this.#zoom(ZOOM)),
        zoom("−", "Zoom out (-)", () => this.#zoom(1 / ZOOM)),
        zoom("All", "Show the whole address space (0)", () => this.#whole()),
        this.#readout,
      ),
    );
    strip.addEventListener("keydown", (event) => this.#key(event));
    this.#canvas.addEventListener("click", (event) => {
      this.#point(event);
      actions.chosen(this.#range.place);
    });
    this.#canvas.addEventListener("dblclick", () => this.#zoom(ZOOM));
    this.#canvas.addEventListener(
      "wheel",
      (event) => {
        if (event.ctrlKey || event.deltaY === 0) return;
        event.preventDefault();
        this.#point(event);
        this.#zoom(event.deltaY < 0 ? 2 : 0.5);
      },
      { passive: false },
    );
    new ResizeObserver(() => this.#resize(strip.clientWidth)).observe(strip);
    // A theme of another kind is told by the body's class.
    new MutationObserver(() => this.#draw()).observe(document.body, { attributeFilter: ["class", "style"] });
  }

  /** Reads the map anew. */
  async refresh(paging: Paging): Promise<void> {
    this.#paging = paging;
    if (paging === "off") return;
    this.#range.setSpace(spaceOf(paging));
    await this.#load();
  }

  /** Points at a place. */
  show(place: number): void {
    const { first, end } = this.#range;
    this.#range.include(place);
    if (first === this.#range.first && end === this.#range.end) this.#tell();
    else this.#reload();
  }

  /** Pixels of a stretch. */
  get #pixels(): number {
    return (this.#width - NAMES) / this.#range.buckets;
  }

  #resize(width: number): void {
    this.#width = Math.max(NAMES + 1, width);
    const { buckets } = this.#range;
    this.#range.resize(Math.min(MAX_BUCKETS, this.#width - NAMES));
    if (buckets === this.#range.buckets) this.#draw();
    else this.#reload();
  }

  #reload(): void {
    if (this.#paging === "off") return;
    this.#actions.moved(this.#range.shown);
    this.#load().catch((error: Error) => this.#actions.failed(error.message));
  }

  async #load(): Promise<void> {
    const asked = ++this.#asked;
    const { first, end, buckets } = this.#range;
    const answer = await this.#actions.load(
      linearText(this.#paging, first),
      linearText(this.#paging, end - 1),
      buckets,
    );
    if (asked !== this.#asked) return;
    this.#lanes = answer.lanes;
    this.#tell();
  }

  #zoom(factor: number): void {
    this.#range.zoom(factor);
    this.#reload();
  }

  #whole(): void {
    const { place } = this.#range;
    this.#range.whole();
    this.#range.pointAt(place);
    this.#reload();
  }

  #point(event: MouseEvent): void {
    const x = event.clientX - this.#canvas.getBoundingClientRect().left - NAMES;
    this.#range.pointAt(this.#range.first + Math.floor(x / this.#pixels) * this.#range.stretch);
    this.#tell();
  }

  #key(event: KeyboardEvent): void {
    if (event.altKey || event.metaKey) return;
    const move = (direction: 1 | -1): void => {
      const { first } = this.#range;
      this.#range.move(event.ctrlKey ? this.#toMapped(direction) : event.shiftKey ? direction * 16 : direction);
      if (first === this.#range.first) this.#tell();
      else this.#reload();
    };
    const keys: Record<string, () => void> = {
      ArrowLeft: () => move(-1),
      ArrowRight: () => move(1),
      "+": () => this.#zoom(ZOOM),
      "=": () => this.#zoom(ZOOM),
      "-": () => this.#zoom(1 / ZOOM),
      "0": () => this.#whole(),
      Home: () => this.show(0),
      End: () => this.show(spaceOf(this.#paging) - 1),
      Enter: () => this.#actions.chosen(this.#range.place),
    };
    const act = keys[event.key];
    if (act === undefined) return;
    event.preventDefault();
    act();
  }

  /** Stretches to the next one where anything is mapped. */
  #toMapped(direction: 1 | -1): number {
    const { cursor, buckets } = this.#range;
    for (let at = cursor + direction; at >= 0 && at < buckets; at += direction) {
      if (this.#lanes.some(({ shares }) => (shares[at] ?? 0) > 0)) return at - cursor;
    }
    return direction * buckets;
  }

  /** Says what is at the stretch that is pointed at, and draws it. */
  #tell(): void {
    const { place, stretch, cursor } = this.#range;
    const last = Math.min(spaceOf(this.#paging), place + stretch) - 1;
    const [from, to] = [linearOf(this.#paging, place), linearOf(this.#paging, last)];
    const parts = this.#lanes.flatMap(({ rights, shares }) => {
      const share = shares[cursor] ?? 0;
      if (share === 0) return [];
      const part = share === 1 ? "all" : share < 0.001 ? "a little" : `${(share * 100).toFixed(1)} %`;
      return [`${rights} ${part}`];
    });
    this.#readout.textContent = `${hex(from)} – ${hex(to)} (${roughSize(stretch)}): ${parts.join(", ") || "nothing mapped"}`;
    this.#draw();
  }

  #draw(): void {
    if (this.#drawing) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      this.#paint();
    });
  }

  #paint(): void {
    const context = this.#canvas.getContext("2d");
    if (context === null) return;
    const { cursor } = this.#range;
    const width = this.#width;
    const pixels = this.#pixels;
    const height = AXIS + Math.max(1, this.#lanes.length) * (LANE + LANE_GAP);
    const scale = window.devicePixelRatio;
    this.#canvas.width = Math.round(width * scale);
    this.#canvas.height = Math.round(height * scale);
    this.#canvas.style.width = `${width}px`;
    this.#canvas.style.height = `${height}px`;
    this.#canvas.setAttribute("aria-label", this.#lanes.map(({ rights }) => rightsWords(rights)).join("; "));
    context.scale(scale, scale);
    const style = getComputedStyle(this.#canvas);
    // As high as a lane: larger letters would lie over the next one, and be cut off above the first.
    context.font = `${LANE}px ${style.fontFamily}`;
    context.textBaseline = "middle";
    const faint = style.getPropertyValue("--vscode-descriptionForeground") || style.color;
    for (const [lane, { rights, shares }] of this.#lanes.entries()) {
      const top = AXIS + lane * (LANE + LANE_GAP);
      context.fillStyle = faint;
      context.fillText(rights, 0, top + LANE / 2);
      context.globalAlpha = 0.15;
      context.fillRect(NAMES, top + LANE - 1, width, 1);
      context.globalAlpha = 1;
      context.fillStyle = colourOf(rights, style);
      for (const [bucket, share] of shares.entries()) {
        if (share === 0) continue;
        const mark = Math.max(MIN_MARK, share * LANE);
        context.fillRect(NAMES + bucket * pixels, top + LANE - mark, Math.max(MIN_MARK, pixels), mark);
      }
    }
    this.#axis(context, width, height, faint);
    context.fillStyle = style.getPropertyValue("--vscode-focusBorder") || style.color;
    context.fillRect(NAMES + (cursor + 0.5) * pixels - 0.5, AXIS - 3, 1, height);
  }

  /** Where the map begins, ends, and passes the hole between the halves. */
  #axis(context: CanvasRenderingContext2D, width: number, height: number, faint: string): void {
    const { first, end } = this.#range;
    const middle = spaceOf(this.#paging) / 2;
    context.fillStyle = faint;
    context.textAlign = "left";
    context.fillText(hex(linearOf(this.#paging, first)), NAMES, AXIS / 2 - 1);
    context.textAlign = "right";
    context.fillText(hex(linearOf(this.#paging, end - 1)), width, AXIS / 2 - 1);
    context.textAlign = "left";
    if (this.#paging !== "4-level" || first >= middle || end <= middle) return;
    const x = NAMES + ((middle - first) / (end - first)) * (width - NAMES);
    for (let y = 0; y < height; y += 4) context.fillRect(x, y, 1, 2);
  }
}
