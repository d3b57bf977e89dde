/** The Memory panel: bytes of the linear or the physical address space, to be read and written. */
import "./ui/base.css";
import "./memory.css";
import type { SessionState } from "./messages.ts";
import { BreakpointMarks } from "./memory/breakpoint-marks.ts";
import { Details } from "./memory/details.ts";
import { MemoryEditor } from "./memory/editor.ts";
import { MemoryGrid } from "./memory/grid.ts";
import { inOtherSpace, locate, type AskPlace } from "./memory/locate.ts";
import { MemoryPages } from "./memory/pages.ts";
import { PlaceHistory } from "./memory/places.ts";
import { placeText, spaceEnd, type Place } from "./memory/spaces.ts";
import { Toolbar } from "./memory/toolbar.ts";
import { hexText, numberOf, type Unit } from "./memory/units.ts";
import { element } from "./ui/dom.ts";
import { base64Of, bytesOf } from "./ui/format.ts";
import { clearFailure, connect, onStop, recall, remember, reportFailure, request, send } from "./ui/host.ts";
import { statusLine } from "./ui/status.ts";

/** Bytes at the cursor whose values are shown. */
const LONGEST_VALUE = 8;
/** Where the stack is, in every mode of the processor. */
const FIRST_EXPRESSION = "ss:rsp";

interface Memory {
  expression: string;
  isFollowing: boolean;
  unit: Unit;
  place?: { space: Place["space"]; address: string };
}

let memory = recall<Memory>() ?? { expression: FIRST_EXPRESSION, isFollowing: true, unit: 1 };
let session: Pick<SessionState, "id" | "state"> = { id: "", state: "none" };
/** Session and stop that were read last. */
let readStop = "";
let isDescribing = false;
let isOutdated = false;
/** Jumps so far: one that was overtaken while its address was asked for does not take place. */
let jumps = 0;
/** Whether a place was gone to: the grid's own first one was chosen by nobody. */
let hasPlace = false;

const places = new PlaceHistory();
const pages = new MemoryPages(
  async (memoryReference, count) => {
    const body = await request("readMemory", { memoryReference, count });
    return { bytes: bytesOf(body?.data ?? ""), unreadable: body?.unreadableBytes ?? 0 };
  },
  (failure) => {
    if (failure !== undefined && session.state === "stopped") reportFailure(failure);
    grid.schedule();
    showBytes();
  },
);
const editor = new MemoryEditor(pages, async (place, bytes) => {
  if (session.state !== "stopped") throw new Error("The machine must be stopped to change its memory.");
  await request("writeMemory", { memoryReference: placeText(place), data: base64Of(bytes) });
});
const askPlace: AskPlace = async (address) => {
  if (session.state !== "stopped") throw new Error("The machine must be stopped to look for an address.");
  return request("bootscope/place", { address });
};
const details = new Details({
  toggleBreakpoint: (address) => send({ type: "toggleBreakpoint", address }),
  show: (panel, address) => send({ type: "show", panel, address }),
  followPointer: () => act(goToPointer),
});
const marks = new BreakpointMarks(askPlace, () => grid.schedule());
const grid = new MemoryGrid(pages, marks, {
  moved: () => {
    keep();
    showBytes();
    describe().catch(fail);
  },
  write: (place, bytes) => act(() => editor.write(place, bytes)),
  key,
});
grid.setUnit(memory.unit);
const toolbar = new Toolbar(memory.expression, memory.isFollowing, memory.unit, {
  go: (expression) => {
    memory = { ...memory, expression };
    act(() => goTo(expression));
  },
  follow: (isFollowing) => {
    memory = { ...memory, isFollowing, expression: toolbar.expression };
    keep();
    if (isFollowing) act(() => goTo(memory.expression));
  },
  setSpace: (space) => act(() => changeSpace(space)),
  setUnit: (unit) => {
    memory = { ...memory, unit };
    keep();
    grid.setUnit(unit);
  },
  back: () => travel("back"),
  forward: () => travel("forward"),
  jump: (place) => act(async () => leap(place === "RAM end" ? await endOfRam() : place)),
});
const content = element("div", { class: "content" }, grid.element, details.element);
const status = statusLine(content);
document.getElementById("panel")?.append(status.element, toolbar.element, content);
if (memory.place !== undefined) {
  arrive({ space: memory.place.space, address: BigInt(memory.place.address) }, "first row");
}

const show = onStop(read, (state) => {
  status.show(state);
  if (state.id !== session.id || state.state === "starting") {
    pages.forget();
    editor.forget();
    grid.schedule();
  }
  if (state.state !== "stopped") {
    pages.running();
    marks.outdate(false);
  }
  session = { id: state.id, state: state.state };
});
connect({
  session: ({ session: state }) => show(state),
  show: ({ address }) => {
    memory = { ...memory, expression: address, isFollowing: false };
    toolbar.expression = address;
    toolbar.setFollowing(false);
    grid.focus();
    act(() => goTo(address));
  },
  breakpoints: ({ addresses }) => {
    marks.set(addresses);
    grid.schedule();
    details.setBreakpoints(new Set(addresses));
  },
});

async function read({ id, stop }: SessionState): Promise<void> {
  const isNewStop = readStop !== `${id} ${stop}`;
  readStop = `${id} ${stop}`;
  marks.outdate(true);
  if (isNewStop) {
    pages.stopped();
    editor.forget();
    clearFailure();
  } else pages.outdate();
  grid.schedule();
  if (!isNewStop || (hasPlace && !memory.isFollowing)) return describe();
  const number = ++jumps;
  const place = await locate(memory.expression, grid.cursor.space, askPlace);
  if (number === jumps) arrive(place, "in sight");
}

async function goTo(expression: string): Promise<void> {
  if (expression === "") return;
  keep();
  const number = ++jumps;
  const place = await locate(expression, grid.cursor.space, askPlace);
  if (number === jumps) leap(place);
}

/** Goes to a place, from which there is a way back to this one. */
function leap(place: Place): void {
  if (hasPlace) places.leave(grid.cursor);
  arrive(place, "first row");
}

function arrive(place: Place, how: "first row" | "in sight"): void {
  hasPlace = true;
  grid.show(place, how);
  toolbar.setSpace(place.space);
  toolbar.setHistory(places.canGoBack, places.canGoForward);
}

function travel(direction: "back" | "forward"): void {
  const place = places[direction](grid.cursor);
  if (place !== undefined) arrive(place, "first row");
}

async function changeSpace(space: Place["space"]): Promise<void> {
  if (space === grid.cursor.space) return;
  // Until it is known where that is, and if it is nowhere.
  toolbar.setSpace(grid.cursor.space);
  leap(await inOtherSpace(grid.cursor, askPlace));
}

async function goToPointer(): Promise<void> {
  const { place } = grid.selection;
  const length = memory.unit === 4 ? 4 : LONGEST_VALUE;
  const address = numberOf(await pages.range(place, length));
  if (address === undefined) throw new Error(`There are no ${length} bytes to be read at ${placeText(place)}.`);
  leap({ space: "lin", address });
}

async function endOfRam(): Promise<Place> {
  const { ram } = await askPlace("phys:0");
  return { space: "phys", address: BigInt(ram) - 1n };
}

async function copy(): Promise<void> {
  const { place, length } = grid.selection;
  send({ type: "copy", text: hexText(await pages.range(place, length)) });
}

async function takeBack(direction: "undo" | "redo"): Promise<void> {
  const place = await editor[direction]();
  if (place !== undefined) arrive(place, "in sight");
}

/** Keys of the grid that lead further than a grid reaches. */
function key(event: KeyboardEvent): boolean {
  const control = event.ctrlKey || event.metaKey;
  const name = `${control ? "Ctrl+" : ""}${event.altKey ? "Alt+" : ""}${event.shiftKey ? "Shift+" : ""}${event.key.toLowerCase()}`;
  const keys: Record<string, () => void> = {
    "Alt+arrowleft": () => travel("back"),
    "Alt+arrowright": () => travel("forward"),
    "Ctrl+c": () => act(copy),
    "Ctrl+z": () => act(() => takeBack("undo")),
    "Ctrl+y": () => act(() => takeBack("redo")),
    "Ctrl+Shift+z": () => act(() => takeBack("redo")),
    "Ctrl+g": () => toolbar.focus(),
    f9: () => send({ type: "toggleBreakpoint", address: details.reference }),
    f12: () => act(goToPointer),
  };
  const action = keys[name];
  action?.();
  return action !== undefined;
}

/** Shows the values at the cursor, as far as the bytes are known. */
function showBytes(): void {
  const { space, address } = grid.cursor;
  const left = spaceEnd(space) - address;
  const length = left < LONGEST_VALUE ? Number(left) : LONGEST_VALUE;
  const bytes = Array.from({ length }, (_, index) => pages.byte(space, address + BigInt(index)).value);
  details.showBytes(grid.cursor, bytes);
}

/** Asks what is known of the byte at the cursor: once at a time, and again when the cursor has moved on meanwhile. */
async function describe(): Promise<void> {
  isOutdated = true;
  if (isDescribing) return;
  isDescribing = true;
  try {
    while (isOutdated && session.state === "stopped") {
      isOutdated = false;
      const text = placeText(grid.cursor);
      const known = await askPlace(text);
      if (text === placeText(grid.cursor)) details.showPlace(known);
    }
  } finally {
    isDescribing = false;
  }
}

function keep(): void {
  const { space, address } = grid.cursor;
  memory = { ...memory, ...(hasPlace && { place: { space, address: String(address) } }) };
  remember(memory);
}

/** Does what the user asked for; what is wrong with it is told. */
function act(action: () => Promise<void>): void {
  clearFailure();
  action().catch(fail);
}

function fail(error: unknown): void {
  reportFailure(error instanceof Error ? error.message : String(error));
}
