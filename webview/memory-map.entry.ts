/** The Memory Map panel: guest physical memory by owner, to scale, and as a table. */
import "./ui/base.css";
import "./memory-map.css";
import { visible } from "./bytes/text.ts";
import { MAP_HEIGHT, MapDrawing } from "./memory-map/drawing.ts";
import { byteCount, describeRegion, LANES, MemoryMapModel, type Region, type Shown } from "./memory-map/model.ts";
import type { SessionState } from "./messages.ts";
import { Viewport } from "./timeline/viewport.ts";
import { button, textField } from "./ui/controls.ts";
import { element } from "./ui/dom.ts";
import { clearFailure, connect, onStop, recall, remember, reportFailure, request, send } from "./ui/host.ts";
import { RowTable } from "./ui/row-table.ts";
import { statusLine } from "./ui/status.ts";

interface Memory {
  address: string;
  shown?: Shown;
}

const ZOOM = 1.6;
/** Pixels that an arrow key moves. */
const STEP = 60;
const LOW_MEMORY = 0x10_0000;

const remembered = recall<Memory>();
const model = new MemoryMapModel(remembered?.shown);
const view = new Viewport();
let state: SessionState["state"] = "none";
let chosen: Region | undefined;
let lane = 0;
/** Address that was asked for last. */
let asked: number | undefined;
/** Where to go as soon as the map has been read. */
let wanted: string | undefined;
let isRead = false;
let hasView = false;

const canvas = element("canvas", {
  class: "map",
  tabindex: "0",
  role: "application",
  "aria-roledescription": "memory map",
  "aria-label":
    "Guest physical memory by owner. Left and right arrows choose regions, Home and End the first and last, up and down " +
    "change the layer, plus and minus zoom, Enter zooms to the region, 0 shows everything, Shift with arrows moves.",
  "aria-describedby": "details",
});
canvas.style.height = `${MAP_HEIGHT}px`;
const drawing = new MapDrawing(canvas, view);
const details = element("div", { class: "details", id: "details", role: "status" });
const problems = element("div", { class: "problems" });
const table = new RowTable(
  "regions",
  "Regions of guest physical memory",
  [
    { title: "Layer" },
    { title: "First", class: "mono" },
    { title: "Last", class: "mono" },
    { title: "Size", class: "number" },
    { title: "Owner" },
    { title: "What" },
    { title: "Known from" },
  ],
  {
    row: (index) => {
      const region = model.regions[index];
      return region && { cells: cellsOf(region), name: region.owner, class: region.isNew ? "changed" : "" };
    },
    chosen: (index) => choose(model.regions[index], false),
    activated: (index) => reveal(model.regions[index]),
  },
);
const address = textField({
  label: "Address whose owner is wanted",
  value: remembered?.address ?? "",
  placeholder: "Who owns: rsp, phys:0x7c00",
  onEnter: () => goTo(address.value),
});
const zoom = (factor: number): void => {
  view.zoom(factor, chosen === undefined ? undefined : view.x((chosen.first + chosen.end) / 2));
  refresh();
};
const showTo = (end: number): void => {
  view.reveal(0, end);
  refresh();
};
const showAll = (): void => {
  view.fit();
  refresh();
};
const showInMemory = (): void => {
  const first = asked ?? chosen?.first;
  if (first !== undefined) send({ type: "show", panel: "memory", address: `phys:0x${first.toString(16)}` });
};
const status = statusLine(canvas);
document
  .getElementById("panel")
  ?.append(
    element(
      "div",
      { class: "toolbar" },
      button({ label: "−", title: "Zoom out (-)", onClick: () => zoom(1 / ZOOM) }),
      button({ label: "+", title: "Zoom in (+)", onClick: () => zoom(ZOOM) }),
      button({ label: "All", title: "Show the whole address space that is in use (0)", onClick: showAll }),
      button({ label: "RAM", title: "Show RAM", onClick: () => showTo(model.ramEnd) }),
      button({ label: "1 MiB", title: "Show the first MiB", onClick: () => showTo(LOW_MEMORY) }),
      address.element,
      button({ label: "Show in Memory", title: "Show the region in the Memory panel", onClick: showInMemory }),
      status.element,
    ),
    canvas,
    details,
    problems,
    table.element,
  );

let frame = 0;
/** Draws once before the next picture of the window, however much has happened. */
function refresh(): void {
  frame ||= requestAnimationFrame(() => {
    frame = 0;
    drawing.draw(model, { chosen, address: asked });
  });
}

const show = onStop(
  async (session) => {
    const answer = await request("bootscope/memoryMap");
    clearFailure();
    const before = chosen;
    model.set(answer.regions, session.id, session.stop);
    keep();
    isRead = true;
    view.extend(model.end);
    if (!hasView) view.reveal(0, model.ramEnd);
    hasView = true;
    // What was chosen stays so where it still is.
    chosen = before && model.regions.find(({ owner, first }) => owner === before.owner && first === before.first);
    table.setRows(model.regions.length);
    table.show(chosen?.index);
    problems.replaceChildren(...answer.problems.map((problem) => element("div", {}, `⚠ ${visible(problem)}`)));
    tell();
    refresh();
    if (wanted !== undefined) goTo(wanted);
  },
  (session) => {
    status.show(session);
    state = session.state;
    if (state !== "starting" && state !== "none") return;
    model.clear();
    chosen = undefined;
    asked = undefined;
    isRead = false;
    hasView = false;
    table.setRows(0);
    problems.replaceChildren();
    tell();
    refresh();
  },
);
connect({
  session: ({ session }) => show(session),
  show: (message) => {
    address.value = message.address;
    goTo(message.address);
  },
});

function keep(): void {
  const { shown } = model;
  remember<Memory>({ address: address.value, ...(shown && { shown }) });
}

/** Goes to an address expression, and tells who owns the byte there. */
function goTo(expression: string): void {
  keep();
  // While the machine moves the map is none; it comes with the next stop.
  wanted = isRead && state === "stopped" ? undefined : expression;
  if (wanted === undefined) locate(expression).catch(fail);
}

async function locate(expression: string): Promise<void> {
  const { physical, space, address: linear } = await request("bootscope/place", { address: expression.trim() });
  if (physical === undefined) throw new Error(`${space}:${linear} is not mapped: nothing lies there.`);
  clearFailure();
  asked = Number(physical);
  const owners = model.ownersOf(asked);
  const [owner] = owners;
  chosen = owner;
  if (owner !== undefined) lane = owner.lane;
  table.show(owner?.index);
  const room = owner === undefined ? 0x1000 : owner.end - owner.first;
  view.reveal(Math.max(0, asked - room), asked + room);
  const words = owners.map((region) => `${region.owner} (${LANES[region.lane]?.label ?? ""})`);
  details.textContent = `phys:${physical} belongs to ${words.length === 0 ? "nobody that is known" : words.join(", in ")}.`;
  refresh();
}

function choose(region: Region | undefined, inTable = true): void {
  chosen = region;
  asked = undefined;
  if (region !== undefined) {
    lane = region.lane;
    if (region.end < view.start || region.first > view.start + view.span) {
      view.include((region.first + region.end) / 2);
    }
  }
  if (inTable) table.show(region?.index);
  tell();
  refresh();
}

function reveal(region: Region | undefined): void {
  if (region === undefined) return;
  choose(region);
  view.reveal(region.first, region.end);
  refresh();
}

function tell(): void {
  const fresh = model.regions.filter(({ isNew }) => isNew).length;
  const all = `${model.regions.length} regions${fresh === 0 ? "" : `, ${fresh} new since the stop shown before`}.`;
  details.textContent =
    chosen === undefined ? (model.regions.length === 0 ? "" : all) : visible(describeRegion(chosen));
}

function cellsOf(region: Region): string[] {
  return [
    LANES[region.lane]?.label ?? "",
    `0x${region.first.toString(16)}`,
    `0x${(region.end - 1).toString(16)}`,
    byteCount(region.end - region.first),
    `${region.isNew ? "● " : ""}${region.owner}`,
    visible(region.detail),
    visible(region.source),
  ];
}

function move(direction: 1 | -1): void {
  const from = chosen?.lane === lane ? chosen : view.icount(direction > 0 ? 0 : view.width);
  const region = model.neighbour(lane, from, direction);
  if (region !== undefined) choose(region);
}

function changeLane(direction: 1 | -1): void {
  const from = chosen?.first ?? view.start;
  for (let next = lane + direction; next >= 0 && next < LANES.length; next += direction) {
    const region = model.at(next, from, Infinity);
    if (region === undefined) continue;
    lane = next;
    choose(region);
    return;
  }
}

function moveToEnd(direction: 1 | -1): void {
  const region = model.neighbour(lane, direction > 0 ? Infinity : 0, direction > 0 ? -1 : 1);
  if (region !== undefined) choose(region);
}

const KEYS: Record<string, () => void> = {
  ArrowLeft: () => move(-1),
  ArrowRight: () => move(1),
  ArrowUp: () => changeLane(-1),
  ArrowDown: () => changeLane(1),
  Home: () => moveToEnd(-1),
  End: () => moveToEnd(1),
  "+": () => zoom(ZOOM),
  "=": () => zoom(ZOOM),
  "-": () => zoom(1 / ZOOM),
  "0": showAll,
  Enter: () => reveal(chosen),
  Escape: () => choose(undefined),
};

// The window gives the panel its keys: they belong to the map unless something else has been chosen.
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
    else view.zoom(Math.exp(-event.deltaY / 400), drawing.viewX(event.offsetX));
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
    const under = drawing.at(model, event.offsetX, event.offsetY);
    canvas.title = under === undefined ? "" : visible(describeRegion(under));
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
  endDrag();
  if (clicked) choose(drawing.at(model, event.offsetX, event.offsetY));
});
canvas.addEventListener("pointercancel", endDrag);
canvas.addEventListener("dblclick", (event) => reveal(drawing.at(model, event.offsetX, event.offsetY)));

function endDrag(): void {
  drag = undefined;
  canvas.classList.remove("dragging");
}

new ResizeObserver(([entry]) => {
  drawing.resize(entry?.contentRect.width ?? 1);
  refresh();
}).observe(canvas);
for (const [target, attribute] of [
  [document.documentElement, "style"],
  [document.body, "class"],
] as const) {
  new MutationObserver(() => {
    drawing.restyle();
    refresh();
  }).observe(target, { attributes: true, attributeFilter: [attribute] });
}

function fail(error: unknown): void {
  reportFailure(error instanceof Error ? error.message : String(error));
}
