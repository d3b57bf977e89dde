/** Draws the regions of memory on a canvas, to scale, one lane a layer; and says what lies under a point of it. */
import type { Viewport } from "../timeline/viewport.ts";
import { LANES, type MemoryMapModel, type Region } from "./model.ts";
import { addressTicks } from "./ticks.ts";

/** Pixels. */
const AXIS = 18;
const LANE = 22;
const MARK = 2;
/** Room for the names of the lanes, left of everything. */
const NAMES = 84;
/** How far beside a region a click may be. */
const REACH = 5;
/** Regions within others are drawn lower, down to this depth. */
const MAX_DEPTH = 3;
const INSET = 3;
export const MAP_HEIGHT = AXIS + LANES.length * LANE;

interface Colours {
  text: string;
  faint: string;
  line: string;
  focus: string;
  changed: string;
  border: string;
  lanes: string[];
}

export interface Marks {
  chosen?: Region | undefined;
  /** An address that was asked for. */
  address?: number | undefined;
}

export class MapDrawing {
  readonly canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  readonly #view: Viewport;
  #colours: Colours;
  #font: string;
  /** Device pixels of a pixel. */
  #scale = 1;

  constructor(canvas: HTMLCanvasElement, view: Viewport) {
    const context = canvas.getContext("2d");
    if (context === null) throw new Error("This window has no canvas to draw the memory map on.");
    this.canvas = canvas;
    this.#context = context;
    this.#view = view;
    [this.#colours, this.#font] = theme();
  }

  /** Takes the theme's colours and fonts anew. */
  restyle(): void {
    [this.#colours, this.#font] = theme();
  }

  resize(width: number): void {
    this.#scale = window.devicePixelRatio;
    this.#view.width = Math.max(1, width - NAMES);
    this.canvas.width = Math.round(width * this.#scale);
    this.canvas.height = Math.round(MAP_HEIGHT * this.#scale);
  }

  draw(model: MemoryMapModel, marks: Marks): void {
    const context = this.#context;
    context.setTransform(this.#scale, 0, 0, this.#scale, 0, 0);
    context.clearRect(0, 0, this.#view.width + NAMES, MAP_HEIGHT);
    context.font = this.#font;
    context.textBaseline = "middle";
    context.fillStyle = this.#colours.faint;
    LANES.forEach(({ label }, lane) => context.fillText(label, 0, AXIS + (lane + 0.5) * LANE));
    context.save();
    context.translate(NAMES, 0);
    context.beginPath();
    context.rect(0, 0, this.#view.width, MAP_HEIGHT);
    context.clip();
    this.#axis();
    this.#regions(model, marks.chosen);
    if (marks.address !== undefined) this.#address(marks.address);
    context.restore();
  }

  /** From a place on the canvas to one of the viewport, in pixels. */
  viewX(canvasX: number): number {
    return canvasX - NAMES;
  }

  at(model: MemoryMapModel, canvasX: number, y: number): Region | undefined {
    const lane = Math.floor((y - AXIS) / LANE);
    const x = this.viewX(canvasX);
    if (x < 0 || lane < 0 || lane >= LANES.length) return undefined;
    const reach = this.#view.icount(REACH) - this.#view.icount(0);
    return model.at(lane, this.#view.icount(x), reach);
  }

  #axis(): void {
    const context = this.#context;
    context.fillStyle = this.#colours.faint;
    context.strokeStyle = this.#colours.line;
    context.lineWidth = 1;
    context.beginPath();
    for (const { address, label } of addressTicks(this.#view)) {
      const x = Math.round(this.#view.x(address)) + 0.5;
      context.moveTo(x, AXIS - 4);
      context.lineTo(x, MAP_HEIGHT);
      context.fillText(label, x + 3, AXIS / 2);
    }
    context.globalAlpha = 0.4;
    context.stroke();
    context.globalAlpha = 1;
  }

  #regions(model: MemoryMapModel, chosen: Region | undefined): void {
    /** Pixel up to which something is drawn in a lane and depth: many regions in one pixel are one mark. */
    const drawn = new Map<number, number>();
    model.regions.forEach((region, index) => {
      const [from, to] = [this.#view.x(region.first), this.#view.x(region.end)];
      if (to < 0 || from > this.#view.width) return;
      const x = Math.round(from);
      const end = Math.max(x + MARK, Math.round(to));
      const depth = Math.min(region.depth, MAX_DEPTH);
      const key = region.lane * (MAX_DEPTH + 1) + depth;
      if (end <= (drawn.get(key) ?? -Infinity) && region !== chosen) return;
      drawn.set(key, end);
      const next = model.regions[index + 1];
      const room = next?.lane === region.lane ? Math.max(x, Math.min(end, this.#view.x(next.first))) : end;
      this.#region(region, x, end, depth, region === chosen, room);
    });
  }

  #region(region: Region, x: number, end: number, depth: number, isChosen: boolean, room: number): void {
    const context = this.#context;
    const top = AXIS + region.lane * LANE + 2 + depth * INSET;
    const height = LANE - 4 - depth * INSET;
    context.fillStyle = this.#colours.lanes[region.lane] ?? this.#colours.text;
    context.globalAlpha = region.lane === 0 && !/RAM/.test(region.owner) ? 0.15 : 0.35 + depth * 0.2;
    context.fillRect(x, top, end - x, height);
    context.globalAlpha = 1;
    context.lineWidth = 1;
    context.strokeStyle = this.#colours.border;
    if (end - x > 4) context.strokeRect(x + 0.5, top + 0.5, end - x - 1, height - 1);
    if (region.isNew) {
      context.fillStyle = this.#colours.changed;
      context.fillRect(x, top, end - x, 2);
    }
    if (isChosen) {
      context.strokeStyle = this.#colours.focus;
      context.lineWidth = 2;
      context.strokeRect(x - 1, top - 1, Math.max(MARK, end - x) + 2, height + 2);
    }
    const left = Math.max(x, 0);
    this.#text(region.owner, left + 4, top + height / 2, Math.min(room, this.#view.width) - left - 6);
  }

  #address(address: number): void {
    const context = this.#context;
    const x = Math.round(this.#view.x(address)) + 0.5;
    context.strokeStyle = this.#colours.focus;
    context.lineWidth = 1;
    context.setLineDash([4, 3]);
    context.beginPath();
    context.moveTo(x, AXIS - 6);
    context.lineTo(x, MAP_HEIGHT);
    context.stroke();
    context.setLineDash([]);
  }

  /** A text that is cut where its room ends; nothing when that is too little to read. */
  #text(text: string, x: number, y: number, room: number): void {
    if (room < 16) return;
    const context = this.#context;
    context.fillStyle = this.#colours.text;
    let shown = text;
    if (context.measureText(text).width > room) {
      const each = context.measureText("n").width;
      shown = `${text.slice(0, Math.max(1, Math.floor(room / each) - 1))}…`;
    }
    context.fillText(shown, x, y);
  }
}

function theme(): [Colours, string] {
  const style = getComputedStyle(document.body);
  const variable = (...names: string[]): string =>
    names.map((name) => style.getPropertyValue(`--vscode-${name}`).trim()).find((value) => value !== "") ?? style.color;
  const colours: Colours = {
    text: variable("foreground"),
    faint: variable("descriptionForeground"),
    line: variable("editorIndentGuide-background1", "editorIndentGuide-background", "contrastBorder", "panel-border"),
    focus: variable("focusBorder", "contrastActiveBorder"),
    changed: variable("editorGutter-modifiedBackground", "charts-yellow"),
    border: variable("contrastBorder", "panel-border", "descriptionForeground"),
    lanes: LANES.map(({ colour }) => variable(`charts-${colour}`)),
  };
  return [colours, `11px ${variable("font-family")}`];
}
