/** Draws phases and events on a canvas, one lane a kind; and says what lies under a point of it. */
import { LANES } from "./model.ts";
import type { TimelineEvent, TimelineModel, TimelinePhase } from "./model.ts";
import type { Viewport } from "./viewport.ts";

export interface Selection {
  phase?: TimelinePhase;
  event?: TimelineEvent;
}

/** Pixels. */
const AXIS = 18;
const BAND = 22;
const LANE = 18;
const MARK = 3;
const GAP = 4;
/** Room for the names of the lanes, left of everything. */
const NAMES = 72;
/** How far beside an event a click may be. */
const REACH = 6;
export const STRIP_HEIGHT = AXIS + BAND + GAP + LANES.length * LANE;

interface Colours {
  text: string;
  faint: string;
  line: string;
  focus: string;
  position: string;
  lanes: string[];
}

export class Strip {
  readonly canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  readonly #view: Viewport;
  #colours: Colours;
  #font: string;
  /** Device pixels of a pixel. */
  #scale = 1;

  constructor(canvas: HTMLCanvasElement, view: Viewport) {
    const context = canvas.getContext("2d");
    if (context === null) throw new Error("This window has no canvas to draw the timeline on.");
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
    this.canvas.height = Math.round(STRIP_HEIGHT * this.#scale);
  }

  /** @param running the machine runs: its position is an open end */
  draw(model: TimelineModel, selection: Selection, running: boolean): void {
    const context = this.#context;
    context.setTransform(this.#scale, 0, 0, this.#scale, 0, 0);
    context.clearRect(0, 0, this.#view.width + NAMES, STRIP_HEIGHT);
    context.font = this.#font;
    context.textBaseline = "middle";
    context.fillStyle = this.#colours.faint;
    context.fillText("Phase", 0, AXIS + BAND / 2);
    LANES.forEach(({ label }, lane) => context.fillText(label, 0, AXIS + BAND + GAP + (lane + 0.5) * LANE));
    context.save();
    context.translate(NAMES, 0);
    context.beginPath();
    context.rect(0, 0, this.#view.width, STRIP_HEIGHT);
    context.clip();
    this.#axis();
    this.#phases(model, selection.phase);
    LANES.forEach((_, lane) => this.#lane(model, lane, selection.event));
    this.#position(model.position, running);
    context.restore();
  }

  /** From a place on the canvas to one of the viewport, in pixels. */
  viewX(canvasX: number): number {
    return canvasX - NAMES;
  }

  /** Lane and phase at a point in pixels; lane −1 is the band of phases. */
  laneAt(y: number): number | undefined {
    if (y < AXIS) return undefined;
    if (y < AXIS + BAND) return -1;
    const lane = Math.floor((y - AXIS - BAND - GAP) / LANE);
    return lane >= 0 && lane < LANES.length ? lane : undefined;
  }

  at(model: TimelineModel, canvasX: number, y: number): Selection {
    const lane = this.laneAt(y);
    const x = this.viewX(canvasX);
    const icount = this.#view.icount(x);
    if (lane === undefined || x < 0 || icount > model.position) return {};
    const phase = model.phaseAt(icount);
    const event = lane < 0 ? undefined : model.nearest(lane, icount, this.#view.icount(REACH) - this.#view.icount(0));
    return { ...(phase && { phase }), ...(event && { event }) };
  }

  #axis(): void {
    const context = this.#context;
    context.fillStyle = this.#colours.faint;
    context.strokeStyle = this.#colours.line;
    context.lineWidth = 1;
    context.beginPath();
    for (const { icount, label } of this.#view.ticks()) {
      const x = Math.round(this.#view.x(icount)) + 0.5;
      context.moveTo(x, AXIS - 4);
      context.lineTo(x, STRIP_HEIGHT);
      context.fillText(label, x + 3, AXIS / 2);
    }
    context.globalAlpha = 0.4;
    context.stroke();
    context.globalAlpha = 1;
  }

  #phases(model: TimelineModel, chosen: TimelinePhase | undefined): void {
    const context = this.#context;
    model.phases.forEach((phase, index) => {
      const from = this.#view.x(phase.start);
      const to = this.#view.x(Math.min(phase.end, Math.max(model.position, phase.start)));
      const width = Math.max(1, to - from);
      if (to < 0 || from > this.#view.width) return;
      context.globalAlpha = index % 2 === 0 ? 0.3 : 0.18;
      context.fillStyle = this.#colours.text;
      context.fillRect(from, AXIS, width, BAND);
      context.globalAlpha = 1;
      if (phase === chosen) {
        context.strokeStyle = this.#colours.focus;
        context.lineWidth = 2;
        context.strokeRect(from + 1, AXIS + 1, Math.max(1, width - 2), BAND - 2);
      }
      const left = Math.max(from, 0);
      this.#text(phase.label, left + 4, AXIS + BAND / 2, Math.min(to, this.#view.width) - left - 6);
    });
  }

  #lane(model: TimelineModel, lane: number, chosen: TimelineEvent | undefined): void {
    const context = this.#context;
    const top = AXIS + BAND + GAP + lane * LANE;
    const colour = this.#colours.lanes[lane] ?? this.#colours.text;
    context.fillStyle = this.#colours.faint;
    const from = this.#view.icount(-MARK);
    const to = this.#view.icount(this.#view.width);
    /** Pixel up to which something is drawn: many events in one pixel are one mark. */
    let drawn = -Infinity;
    let labelled: { event: TimelineEvent; x: number } | undefined;
    const label = (until: number): void => {
      if (labelled !== undefined) this.#text(labelled.event.text, labelled.x, top + LANE / 2, until - labelled.x - 6);
      labelled = undefined;
    };
    for (let index = this.#firstShown(model, from); index < model.events.length; index++) {
      const event = model.events[index];
      if (event === undefined || event.icount > to) break;
      if (event.lane !== lane || event.last < from) continue;
      const x = Math.round(this.#view.x(event.icount));
      const end = Math.max(x + MARK, Math.round(this.#view.x(event.last)));
      if (end <= drawn && event !== chosen) continue;
      if (x > drawn + 1) label(x);
      else labelled = undefined;
      context.fillStyle = colour;
      context.globalAlpha = event.last > event.icount ? 0.45 : 1;
      context.fillRect(x, top + 2, end - x, LANE - 4);
      context.globalAlpha = 1;
      context.fillRect(x, top + 2, MARK, LANE - 4);
      if (event === chosen) {
        context.strokeStyle = this.#colours.focus;
        context.lineWidth = 2;
        context.strokeRect(x - 2, top + 1, Math.max(MARK, end - x) + 4, LANE - 2);
      }
      drawn = Math.max(drawn, end);
      labelled = { event, x: end + 4 };
    }
    label(this.#view.width);
  }

  /** Repetitions of an earlier event may reach into the view: those are few, and looked for a little way back. */
  #firstShown(model: TimelineModel, from: number): number {
    let index = model.indexAt(from);
    for (let back = 0; back < 200 && index > 0; back++) index--;
    return index;
  }

  #position(icount: number, running: boolean): void {
    const context = this.#context;
    const x = Math.round(this.#view.x(icount)) + 0.5;
    context.strokeStyle = this.#colours.position;
    context.lineWidth = 2;
    context.setLineDash(running ? [3, 3] : []);
    context.beginPath();
    context.moveTo(x, AXIS - 6);
    context.lineTo(x, STRIP_HEIGHT);
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
    position: variable("debugIcon-continueForeground", "charts-blue"),
    lanes: LANES.map(({ colour }) => variable(`charts-${colour}`)),
  };
  return [colours, `11px ${variable("font-family")}`];
}
