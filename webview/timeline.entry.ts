/** The Timeline panel: the boot's phases and events by instruction count. */
import "./ui/base.css";
import "./timeline.css";
import type { SessionState } from "./messages.ts";
import { EventList } from "./timeline/event-list.ts";
import { LANES, TimelineModel } from "./timeline/model.ts";
import type { TimelineEvent, TimelinePhase } from "./timeline/model.ts";
import { Strip, STRIP_HEIGHT } from "./timeline/strip.ts";
import type { Selection } from "./timeline/strip.ts";
import { longCount, Viewport } from "./timeline/viewport.ts";
import { button } from "./ui/controls.ts";
import { element } from "./ui/dom.ts";
import { connect, send } from "./ui/host.ts";
import { statusLine } from "./ui/status.ts";

const ZOOM = 1.6;
/** Pixels that an arrow key moves. */
const STEP = 60;

let model = new TimelineModel();
let state: SessionState["state"] = "none";
/** The user's choice; without one the phase under way is shown. */
let chosen: Selection = {};
/** Lane of the arrow keys; −1 is the band of phases. */
let lane = -1;
const view = new Viewport();

const canvas = element("canvas", {
  class: "strip",
  tabindex: "0",
  role: "application",
  "aria-roledescription": "timeline",
  "aria-label":
    "Phases and events of the boot. Left and right arrows choose, Home and End the first and last, up and down change the lane, " +
    "plus and minus zoom, 0 shows everything, Shift with arrows moves.",
  "aria-describedby": "details",
});
canvas.style.height = `${STRIP_HEIGHT}px`;
const strip = new Strip(canvas, view);
const list = new EventList({
  choose: (event) => choose({ event, ...phaseOf(event) }),
  open: (event) => {
    view.zoom(8, view.x(event.icount));
    choose({ event, ...phaseOf(event) });
  },
});
const details = element("div", { class: "details", id: "details", role: "status" });
const summary = element("span", { class: "summary" });
const status = statusLine();
const zoom = (factor: number): void => {
  view.zoom(factor, chosen.event === undefined ? undefined : view.x(chosen.event.icount));
  refresh();
};
const showAll = (): void => {
  view.fit();
  refresh();
};
document
  .getElementById("panel")
  ?.append(
    element(
      "div",
      { class: "toolbar" },
      button({ label: "−", title: "Zoom out (-)", onClick: () => zoom(1 / ZOOM) }),
      button({ label: "+", title: "Zoom in (+)", onClick: () => zoom(ZOOM) }),
      button({ label: "All", title: "Show the whole boot (0)", onClick: showAll }),
      summary,
      status.element,
    ),
    canvas,
    element("div", { class: "below" }, list.element, details),
  );

const phaseOf = (event: TimelineEvent): Selection => {
  const phase = model.phaseAt(event.icount);
  return phase === undefined ? {} : { phase };
};

function choose(selection: Selection): void {
  chosen = selection;
  const { event, phase } = selection;
  if (event !== undefined) {
    lane = event.lane;
    view.include(event.icount);
  } else if (phase !== undefined) {
    lane = -1;
    view.include(phase.start);
  }
  refresh();
}

/** The phase whose events are listed. */
const shownPhase = (): TimelinePhase | undefined => chosen.phase ?? model.phases.at(-1);

let frame = 0;
/** Draws once before the next picture of the window, however much has happened. */
function refresh(): void {
  frame ||= requestAnimationFrame(() => {
    frame = 0;
    view.extend(model.position);
    const phase = shownPhase();
    strip.draw(model, { ...chosen, ...(phase && { phase }) }, state === "running");
    list.show(phase === undefined ? [] : model.eventsOf(phase), chosen.event);
    summary.textContent = `${longCount(model.position)} instructions, ${model.events.length} events`;
    details.replaceChildren(...(chosen.event ? eventDetails(chosen.event) : phase ? phaseDetails(phase) : []));
  });
}

function entries(rows: readonly (readonly [string, string | undefined])[]): HTMLElement {
  const known = rows.filter((row): row is [string, string] => row[1] !== undefined);
  return element("dl", {}, ...known.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
}

function eventDetails(event: TimelineEvent): HTMLElement[] {
  const phase = model.phaseAt(event.icount);
  const { address } = event;
  const made = [
    element("h2", {}, event.text),
    entries([
      ["Instruction", longCount(event.icount)],
      ["Phase", phase && `${phase.label} + ${longCount(event.icount - phase.start)}`],
      ["Address", address],
      ["Happened", event.count > 1 ? `${event.count} times, last at ${longCount(event.last)}` : undefined],
      ["Kind", LANES[event.lane]?.label],
    ]),
  ];
  if (address !== undefined) {
    made.push(
      button({
        label: "Toggle Breakpoint There",
        title: `Adds or removes a breakpoint on ${address}`,
        onClick: () => send({ type: "toggleBreakpoint", address }),
      }),
    );
  }
  return made;
}

function phaseDetails(phase: TimelinePhase): HTMLElement[] {
  const end = Math.min(phase.end, model.position);
  const ofPhase = model.eventsOf(phase);
  const perLane = LANES.map(({ label }, index): [string, string | undefined] => {
    const count = ofPhase.filter((event) => event.lane === index).reduce((sum, event) => sum + event.count, 0);
    return [label, count > 0 ? String(count) : undefined];
  });
  return [
    element("h2", {}, phase.label),
    entries([
      ["From", longCount(phase.start)],
      ["Instructions", longCount(end - phase.start) + (phase.end === Infinity ? " so far" : "")],
      ...perLane,
    ]),
  ];
}

/** Home and End: the first or last phase, or event of the lane. */
function moveToEnd(direction: 1 | -1): void {
  if (lane < 0) {
    const phase = model.phases.at(direction > 0 ? -1 : 0);
    if (phase !== undefined) choose({ phase });
    return;
  }
  const event = model.neighbour(lane, direction > 0 ? Infinity : -1, direction > 0 ? -1 : 1);
  if (event !== undefined) choose({ event, ...phaseOf(event) });
}

/** Left and right: the next phase, or the next event of the lane. */
function move(direction: 1 | -1): void {
  if (lane < 0) {
    const at = model.phases.indexOf(shownPhase() as TimelinePhase);
    const phase = model.phases[at + direction];
    if (phase !== undefined) choose({ phase });
    return;
  }
  const event = model.neighbour(lane, chosen.event ?? view.icount(direction > 0 ? 0 : view.width), direction);
  if (event !== undefined) choose({ event, ...phaseOf(event) });
}

function changeLane(direction: 1 | -1): void {
  const from = chosen.event?.icount ?? shownPhase()?.start ?? 0;
  for (let next = lane + direction; next >= -1 && next < LANES.length; next += direction) {
    if (next < 0) {
      const phase = model.phaseAt(from);
      choose(phase === undefined ? {} : { phase });
      return;
    }
    const event = model.nearest(next, from, Infinity);
    if (event === undefined) continue;
    choose({ event, ...phaseOf(event) });
    return;
  }
}

const KEYS: Record<string, () => void> = {
  ArrowLeft: () => move(-1),
  ArrowRight: () => move(1),
  Home: () => moveToEnd(-1),
  End: () => moveToEnd(1),
  ArrowUp: () => changeLane(-1),
  ArrowDown: () => changeLane(1),
  "+": () => zoom(ZOOM),
  "=": () => zoom(ZOOM),
  "-": () => zoom(1 / ZOOM),
  "0": showAll,
  Enter: () => {
    if (chosen.event !== undefined) zoom(8);
    else revealPhase(shownPhase());
  },
  Escape: () => choose({}),
};

function revealPhase(phase: TimelinePhase | undefined): void {
  if (phase === undefined) return;
  view.reveal(phase.start, Math.min(phase.end, model.position));
  refresh();
}

// The window gives the panel its keys: they belong to the strip unless something else has been chosen.
window.addEventListener("focus", () => {
  if (document.activeElement === document.body) canvas.focus();
});
canvas.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const panned = event.shiftKey ? { ArrowLeft: -STEP, ArrowRight: STEP }[event.key] : undefined;
  if (panned !== undefined) {
    view.pan(panned);
    refresh();
  } else {
    const act = KEYS[event.key];
    if (act === undefined) return;
    act();
  }
  event.preventDefault();
  event.stopPropagation();
});

canvas.addEventListener(
  "wheel",
  (event) => {
    event.preventDefault();
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) view.pan(event.deltaX || event.deltaY);
    else view.zoom(Math.exp(-event.deltaY / 400), strip.viewX(event.offsetX));
    refresh();
  },
  { passive: false },
);

let drag: { x: number; moved: boolean } | undefined;
canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  drag = { x: event.offsetX, moved: false };
});
canvas.addEventListener("pointermove", (event) => {
  if (drag === undefined) {
    const under = strip.at(model, event.offsetX, event.offsetY);
    canvas.title = under.event?.text ?? under.phase?.label ?? "";
    return;
  }
  const moved = drag.x - event.offsetX;
  if (!drag.moved && Math.abs(moved) < 4) return;
  canvas.classList.add("dragging");
  view.pan(moved);
  drag = { x: event.offsetX, moved: true };
  refresh();
});
canvas.addEventListener("pointerup", (event) => {
  const clicked = drag?.moved === false;
  drag = undefined;
  canvas.classList.remove("dragging");
  if (clicked) choose(strip.at(model, event.offsetX, event.offsetY));
});
canvas.addEventListener("pointercancel", () => {
  drag = undefined;
  canvas.classList.remove("dragging");
});
canvas.addEventListener("dblclick", (event) => {
  const under = strip.at(model, event.offsetX, event.offsetY);
  if (under.event !== undefined) zoom(8);
  else revealPhase(under.phase);
});

new ResizeObserver(([entry]) => {
  strip.resize(entry?.contentRect.width ?? 1);
  refresh();
}).observe(canvas);
for (const [target, attribute] of [
  [document.documentElement, "style"],
  [document.body, "class"],
] as const) {
  new MutationObserver(() => {
    strip.restyle();
    refresh();
  }).observe(target, { attributes: true, attributeFilter: [attribute] });
}

connect({
  session: ({ session }) => {
    state = session.state;
    status.show(session);
    if (session.icount !== undefined && state === "stopped") model.moveTo(Number(session.icount));
    refresh();
  },
  boot: ({ phases, events }) => {
    model = new TimelineModel();
    chosen = {};
    lane = -1;
    view.fit();
    for (const phase of phases) model.addPhase(phase);
    model.addEvents(events);
    refresh();
  },
  phase: ({ phase }) => {
    model.addPhase(phase);
    refresh();
  },
  progress: ({ icount }) => {
    model.moveTo(Number(icount));
    refresh();
  },
  events: ({ events }) => {
    model.addEvents(events);
    refresh();
  },
});
