/** The Initramfs panel: the archive where it lies in guest memory, and what lies at an address of it. */
import "./ui/base.css";
import "./initramfs.css";
import type { InitramfsEntry, InitramfsResponse, InitramfsSegment } from "../debug-adapter/protocol.ts";
import { visible } from "./bytes/text.ts";
import { Entries, FIRST_PAGE } from "./initramfs/entries.ts";
import type { SessionState } from "./messages.ts";
import { button, textField } from "./ui/controls.ts";
import { element } from "./ui/dom.ts";
import { hex, size } from "./ui/format.ts";
import { clearFailure, connect, onStop, recall, remember, reportFailure, request, send } from "./ui/host.ts";
import { RowTable } from "./ui/row-table.ts";
import { statusLine } from "./ui/status.ts";

interface Memory {
  filter: string;
  address: string;
}

const remembered = recall<Memory>() ?? { filter: "", address: "" };
let state: SessionState["state"] = "none";
/** What the list was read for: filter, and session and stop. */
let asked = 0;
let edits = "";
/** The archive's first byte, and where "Show in Memory" goes to: there, or to what was chosen of it. */
let archive: string | undefined;
let target: string | undefined;

const filter = textField({
  label: "Filter the list by path",
  value: remembered.filter,
  placeholder: "Filter by path",
  onEnter: () => refresh(),
});
filter.element.addEventListener("input", () => refresh());
const address = textField({
  label: "Address to look up in the initramfs",
  value: remembered.address,
  placeholder: "What lies at: phys:0x1ff9a000",
  onEnter: () => void lookUp(),
});
const showInMemory = button({
  label: "Show in Memory",
  title: "Show the chosen file, or the archive, in the Memory panel",
  onClick: () => {
    if (target !== undefined) send({ type: "show", panel: "memory", address: target });
  },
});
const source = element("div", { class: "source" });
const notes = element("div", { class: "notes", role: "status" });
const segments = element("div", { class: "segments" });
const found = element("div", { class: "found", role: "status" });
const entries = new Entries(
  async (from, count) => (await ask({ from, count })).entries,
  () => table.refresh(),
  fail,
);
const table = new RowTable(
  "entries",
  "Files of the initramfs",
  [
    { title: "Mode", class: "mono" },
    { title: "Owner", class: "number" },
    { title: "Bytes", class: "number" },
    { title: "Address", class: "mono" },
    { title: "Path" },
  ],
  {
    row: (index) => {
      const entry = entries.at(index);
      return entry && { cells: cellsOf(entry), name: entry.path, class: entry.overwritten ? "overwritten" : "" };
    },
    chosen: (index) => choose(entries.at(index)),
    activated: (index) => {
      choose(entries.at(index));
      if (target !== undefined) send({ type: "show", panel: "memory", address: target });
    },
  },
);
const shown = element("div", { class: "shown" }, source, notes, segments);
const status = statusLine(shown);
document
  .getElementById("panel")
  ?.append(
    status.element,
    shown,
    element(
      "div",
      { class: "toolbar" },
      filter.element,
      address.element,
      button({ label: "Look Up", title: "Tell what of the archive lies at the address", onClick: () => void lookUp() }),
      showInMemory,
    ),
    found,
    table.element,
  );

const show = onStop(
  async (session) => {
    // A change by the user at the same stop: memory may be another.
    const stop = `${session.id} ${session.stop}`;
    const again = edits === stop;
    edits = stop;
    await read(again);
  },
  (session) => {
    status.show(session);
    state = session.state;
    if (state === "none" || state === "starting") clear();
  },
);
connect({ session: ({ session }) => show(session) });

function clear(): void {
  asked++;
  edits = "";
  archive = undefined;
  target = undefined;
  for (const part of [source, notes, segments, found]) part.replaceChildren();
  entries.begin([]);
  table.setRows(0);
}

/** The answer once the archive has been read; what has been overtaken meanwhile gets none. */
async function ask(args: { from: number; count: number; again?: boolean }): Promise<InitramfsResponse> {
  const number = asked;
  for (let { again = false } = args; ; again = false) {
    const answer = await request("bootscope/initramfs", { ...args, again, filter: filter.value.trim() });
    if (answer.reading === undefined || number !== asked) return answer;
    const { done, total } = answer.reading;
    notes.textContent = `Reading the archive: ${Math.floor((100 * done) / total)} %`;
  }
}

async function read(again = false): Promise<void> {
  const number = ++asked;
  remember<Memory>({ filter: filter.value, address: address.value });
  let answer: InitramfsResponse;
  try {
    answer = await ask({ from: 0, count: FIRST_PAGE, again });
  } catch (error) {
    if (number === asked) clear();
    throw error;
  }
  if (number !== asked) return;
  clearFailure();
  entries.begin(answer.entries);
  const { place } = answer;
  archive = place && `phys:${place.physical}`;
  target = archive;
  source.replaceChildren(...sourceOf(answer));
  notes.replaceChildren(...notesOf(answer));
  segments.replaceChildren(...(answer.segments.length > 0 ? [segmentTable(answer.segments, place?.physical)] : []));
  table.show(undefined);
  table.setRows(answer.total);
}

function refresh(): void {
  if (state === "stopped") read().catch(fail);
}

async function lookUp(): Promise<void> {
  remember<Memory>({ filter: filter.value, address: address.value });
  if (state !== "stopped") return reportFailure("The machine must be stopped to look into its memory.");
  try {
    const { text, entry, physical } = await request("bootscope/initramfsAt", { address: address.value.trim() });
    clearFailure();
    found.textContent = text;
    target = `phys:${physical}`;
    // The list is that of all entries only without a filter.
    if (entry !== undefined && filter.value.trim() === "") table.show(entry);
  } catch (error) {
    fail(error);
  }
}

function choose(entry: InitramfsEntry | undefined): void {
  if (entry === undefined) return;
  target = entry.physical === undefined ? archive : `phys:${entry.physical}`;
  const where =
    entry.physical === undefined
      ? entry.size === 0
        ? "has no content"
        : `lies in the decompressed data of segment ${entry.segment}, not in memory`
      : `content at phys:${entry.physical}${entry.overwritten ? ", overwritten by now" : ""}`;
  found.textContent = `${visible(entry.path)}: ${where}.${entry.problem === undefined ? "" : ` ${entry.problem}`}`;
}

function sourceOf({ place, source: from }: InitramfsResponse): (HTMLElement | string)[] {
  if (place === undefined) return [from];
  const end = BigInt(place.physical) + BigInt(place.size) - 1n;
  const range = `phys:${place.physical} to phys:${hex(end)}`;
  return [element("span", { class: "mono place" }, range), `, ${sizeText(place.size)}, by ${from}.`];
}

function notesOf({ comparison, problems }: InitramfsResponse): HTMLElement[] {
  const same = comparison !== undefined && comparison.differ === 0;
  return [
    ...(same ? [element("div", { class: "same" }, comparison.text)] : []),
    ...problems.map((problem) => element("div", { class: "problem" }, `⚠ ${problem}`)),
  ];
}

function segmentTable(list: readonly InitramfsSegment[], physical = "0x0"): HTMLElement {
  const head = ["Segment", "Compression", "Address", "Bytes", "Unpacked", "Files"].map((text) =>
    element("th", { scope: "col" }, text),
  );
  const rows = list.map((segment, number) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, `${number}: ${visible(segment.name)}`),
      element("td", {}, segment.compression ?? "none"),
      element("td", { class: "mono" }, `phys:${hex(BigInt(physical) + BigInt(segment.offset))}`),
      element("td", { class: "number" }, grouped(segment.size)),
      element("td", { class: "number" }, grouped(segment.unpackedSize)),
      element("td", { class: "number" }, grouped(segment.entries)),
      element("td", { class: "problem" }, segment.problem === undefined ? "" : `⚠ ${visible(segment.problem)}`),
    ),
  );
  return element(
    "table",
    { "aria-label": "Segments of the initramfs" },
    element("thead", {}, element("tr", {}, ...head)),
    element("tbody", {}, ...rows),
  );
}

function cellsOf(entry: InitramfsEntry): (HTMLElement | string)[] {
  const link = entry.target === undefined ? "" : ` → ${visible(entry.target)}`;
  const problem = entry.problem === undefined ? "" : `  ⚠ ${entry.problem}`;
  return [
    entry.mode,
    `${entry.uid}:${entry.gid}`,
    grouped(entry.size),
    entry.physical === undefined ? "" : `phys:${entry.physical}`,
    `${visible(entry.path)}${link}${problem}`,
  ];
}

const grouped = (value: number): string => String(value).replace(/\B(?=(\d{3})+$)/g, "\u202f");

/** "4 KiB", and bytes where that is no round number. */
const sizeText = (bytes: number): string => (bytes % 1024 === 0 ? size(bytes) : `${grouped(bytes)} bytes`);

function fail(error: unknown): void {
  reportFailure(error instanceof Error ? error.message : String(error));
}
