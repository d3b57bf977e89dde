/**
 * The 0x7c00 panel: the structure of a boot sector over the bytes where a BIOS puts it, the code that they are, and how
 * they differ from the disk that they came from.
 */
import "./ui/base.css";
import "./region.css";
import type { BootSectorResponse } from "../debug-adapter/protocol.ts";
import { FieldView, type Structure } from "./bytes/field-view.ts";
import { StopHistory } from "./bytes/stop-history.ts";
import { CodeList } from "./region/code-list.ts";
import { DiskBytes } from "./region/disk-bytes.ts";
import { dropdown } from "./ui/controls.ts";
import { element } from "./ui/dom.ts";
import { addressOf, bytesOf, hex } from "./ui/format.ts";
import { clearFailure, connect, onStop, recall, remember, reportFailure, request, send } from "./ui/host.ts";
import { statusLine } from "./ui/status.ts";

const START = 0x7c00;
const LENGTH = 512;
/** Widths of the view in pixels: from here the panes are side by side, and rows of bytes have sixteen. */
const SIDE_BY_SIDE = 760;
const WIDE_ROWS = 1100;

type CodeSize = "auto" | "16" | "32" | "64";

const PANES = ["fields", "bytes", "code"] as const;
type Pane = (typeof PANES)[number];

interface Memory {
  codeSize: CodeSize;
  /** Panes that are shown; by the view's width until the user chooses. */
  panes?: Pane[];
}

let memory: Memory = { codeSize: "16", ...recall<Partial<Memory>>() };
let session = { id: "", stop: 0, stopped: false };
let disk = new DiskBytes([], START, new Uint8Array());
let isNarrow = true;
const history = new StopHistory<Structure>();

const codeSize = dropdown("Code size of the disassembly", (value) => {
  keep({ codeSize: value as CodeSize });
  if (session.stopped) read().catch(fail);
});
codeSize.setChoices(
  [
    { value: "16", label: "16-bit code" },
    { value: "32", label: "32-bit code" },
    { value: "64", label: "64-bit code" },
    { value: "auto", label: "As the CPU runs" },
  ],
  memory.codeSize,
);

const toggles = PANES.map((pane) => {
  const label = `${pane.charAt(0).toUpperCase()}${pane.slice(1)}`;
  const made = element("button", { class: "toggle", title: `Show or hide the pane ${label}` }, label);
  made.addEventListener("click", () => toggle(pane));
  return { pane, made };
});
const summary = element("span", { class: "summary" });
const origin = element("span", { class: "summary origin" });
const difference = element("span", { class: "summary difference" });

const code = new CodeList({
  chosen: (address, length) => view.markCode(address, length),
  toggleBreakpoint: (address) => send({ type: "toggleBreakpoint", address }),
});
const view = new FieldView({
  mark: (address) => disk.mark(address),
  went: (address) => code.reveal(address),
});
view.tree.setAttribute("aria-label", "Fields at 0x7c00");
view.hex.setAttribute("aria-label", "Bytes from 0x7c00");
const fields = element("div", { class: "pane fields" }, view.tree, view.details);
const panes: Readonly<Record<Pane, HTMLElement>> = { fields, bytes: view.hex, code: code.element };
const content = element("div", { class: "panes" }, fields, view.hex, code.element);
const status = statusLine(content);
document
  .getElementById("panel")
  ?.append(
    status.element,
    element(
      "div",
      { class: "toolbar" },
      codeSize.element,
      element("span", { class: "toggles", role: "group", "aria-label": "Panes" }, ...toggles.map(({ made }) => made)),
      summary,
      origin,
      difference,
    ),
    content,
  );

new ResizeObserver(([entry]) => {
  const width = entry?.contentRect.width ?? 0;
  isNarrow = width < SIDE_BY_SIDE;
  view.setWidth(width < WIDE_ROWS ? 8 : 16);
  layOut();
}).observe(content);
layOut();

const show = onStop(read, (state) => {
  status.show(state);
  session = { id: state.id, stop: state.stop, stopped: state.state === "stopped" };
});
connect({
  session: ({ session: state }) => show(state),
  breakpoints: ({ addresses }) => code.setBreakpoints(addresses),
});

function keep(changes: Partial<Memory>): void {
  memory = { ...memory, ...changes };
  remember(memory);
}

/** All panes where there is room; else bytes and code, as fields are many. */
function shownPanes(): readonly Pane[] {
  return memory.panes ?? (isNarrow ? ["bytes", "code"] : PANES);
}

function toggle(pane: Pane): void {
  const shown = shownPanes();
  const wanted = PANES.filter((one) => (one === pane) !== shown.includes(one));
  if (wanted.length > 0) keep({ panes: wanted });
  layOut();
}

function layOut(): void {
  const shown = shownPanes();
  for (const { pane, made } of toggles) {
    made.setAttribute("aria-pressed", String(shown.includes(pane)));
    panes[pane].hidden = !shown.includes(pane);
  }
  content.classList.toggle("stacked", isNarrow);
}

async function read(): Promise<void> {
  const bits = memory.codeSize === "auto" ? undefined : (Number(memory.codeSize) as 16 | 32 | 64);
  const { id, stop } = session;
  const [answer, { instructions = [] }, next] = await Promise.all([
    request("bootscope/bootSector"),
    request("bootscope/memory", {
      address: `phys:${hex(START)}`,
      length: LENGTH,
      disassemble: true,
      ...(bits !== undefined && { bits }),
    }),
    nextInstruction(),
  ]);
  clearFailure();
  await render(answer, id, stop);
  code.show(instructions, next);
}

/** Physical address of the next instruction, where it is mapped. */
async function nextInstruction(): Promise<bigint | undefined> {
  const { walk } = await request("bootscope/walk", { address: "cs:rip" });
  return walk.physical === undefined ? undefined : BigInt(walk.physical);
}

async function render(answer: BootSectorResponse, id: string, stop: number): Promise<void> {
  const base = Number(addressOf(answer.physical));
  const structure: Structure = { base, bytes: bytesOf(answer.data), fields: answer.fields };
  disk = new DiskBytes(answer.origins, base, structure.bytes);
  summary.textContent = answer.summary;
  origin.textContent = disk.source;
  difference.textContent = disk.difference;
  difference.classList.toggle("differs", disk.differ);
  await view.show(structure, history.next(id, stop, structure));
}

function fail(error: unknown): void {
  reportFailure(error instanceof Error ? error.message : String(error));
}
