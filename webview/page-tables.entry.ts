/** The Page Tables panel: what is mapped where, as a tree and as a map, and how an address is translated. */
import "./ui/base.css";
import "./page-tables.css";
import type { MappingsResponse, PageTableRow, PageTablesResponse } from "../debug-adapter/protocol.ts";
import { MapView } from "./page-tables/map-view.ts";
import { PageTree, isFoldable } from "./page-tables/model.ts";
import { inMemory, mappingsOutcome, walkOutcome } from "./page-tables/outcome.ts";
import { placeOf, type Paging } from "./page-tables/places.ts";
import type { Shown } from "./page-tables/range.ts";
import { RootChoice } from "./page-tables/root-choice.ts";
import { summaryOf } from "./page-tables/summary.ts";
import { TableView } from "./page-tables/table-view.ts";
import { rightsWords, sizeText, targetText } from "./page-tables/words.ts";
import type { SessionState } from "./messages.ts";
import { button, textField } from "./ui/controls.ts";
import { element } from "./ui/dom.ts";
import { hex } from "./ui/format.ts";
import { clearFailure, connect, onStop, recall, remember, reportFailure, request, send } from "./ui/host.ts";
import { statusLine } from "./ui/status.ts";

interface Memory {
  address: string;
  root: string;
  changedOnly: boolean;
  open: string[];
  map?: Shown;
}

/** Unfolded rows that are remembered. */
const MAX_OPEN = 500;
const MAPPINGS_AT_ONCE = 20;

const before = recall<Memory>();
let stopped = false;
let overview: PageTablesResponse = { paging: "off", roots: [] };
let changedOnly = before?.changedOnly ?? false;
let mapped = before?.map;
let reading: Promise<void> = Promise.resolve();

const report = (error: unknown): void => reportFailure(error instanceof Error ? error.message : String(error));

const field = textField({
  label: "Linear address to translate, or phys: address to find where it is mapped",
  value: before?.address ?? "cs:rip",
  placeholder: "0xffffffff81000000, rsp+8, phys:0x100000",
  onEnter: () => translate(),
});
const roots = new RootChoice(before?.root ?? "", () => {
  save();
  if (stopped) readNow().catch(report);
});
const changesButton = element(
  "button",
  { class: "toggle", "aria-pressed": String(changedOnly), title: "Show only what is new, gone or changed" },
  "Changed only",
);
changesButton.addEventListener("click", () => {
  changedOnly = !changedOnly;
  changesButton.setAttribute("aria-pressed", String(changedOnly));
  save();
  tree
    .showChangedOnly(changedOnly)
    .then(() => table.refresh())
    .catch(report);
});
const bar = element(
  "div",
  { class: "toolbar" },
  field.element,
  button({
    label: "Walk",
    title: "Translate this address and go to it in the tree",
    primary: true,
    onClick: () => translate(),
  }),
  ...roots.elements,
  changesButton,
);

/** The root, when it is not simply CR3's. */
const rootOf = (): { root?: string } => roots.argument(overview.roots);

const tree = new PageTree(
  async (wanted) => (await request("bootscope/pageTableRows", { ...wanted, ...rootOf() })).rows,
  before?.open,
);
const table = new TableView(tree, {
  chosen: tellChosen,
  activated: (row) => {
    if (row.kind === "page" && row.entries === 1) showInMemory(row.physical);
    else if (!isFoldable(row)) showInMemory(row.entryAddress);
    else if (row.kind === "page") showInMemory(row.physical);
    else walkTo(row.linear);
  },
  key: (key, row) => {
    const keys: Record<string, () => void> = {
      m: () => showInMemory(row.physical),
      e: () => showInMemory(row.entryAddress),
      w: () => walkTo(row.linear),
    };
    const act = keys[key];
    act?.();
    return act !== undefined;
  },
  toggled: () => save(),
  failed: report,
});
const map = new MapView(
  {
    load: (first, last, buckets) => request("bootscope/pageMap", { first, last, buckets, ...rootOf() }),
    chosen: (place) => void reveal(place).catch(report),
    moved: (shown) => {
      mapped = shown;
      save();
    },
    failed: report,
  },
  before?.map,
);
const summary = element("p", { class: "note summary" });
const chosenLine = element("div", { class: "chosen", role: "status" });
const result = element("div", { class: "result" });
const content = element("div", { class: "content" }, summary, map.element, table.element, chosenLine, result);
const status = statusLine(content);
document.getElementById("panel")?.append(status.element, bar, content);
void tree.showChangedOnly(changedOnly);

const show = onStop(readNow, (session: SessionState) => {
  status.show(session);
  stopped = session.state === "stopped";
});
connect({
  session: ({ session }) => show(session),
  show: ({ address }) => {
    field.value = address;
    translate();
  },
});

function save(): void {
  const open = tree.open.slice(-MAX_OPEN);
  remember<Memory>({ address: field.value, root: roots.value, changedOnly, open, ...(mapped && { map: mapped }) });
}

/** Reads everything anew; what is asked for meanwhile waits for it. */
function readNow(): Promise<void> {
  const now = readAll();
  reading = now.catch(() => undefined);
  return now;
}

/** Everything, for another stop or another root. */
async function readAll(): Promise<void> {
  overview = await request("bootscope/pageTables", roots.isRole ? {} : rootOf());
  // Which table a role stands for is known only now.
  if (roots.isRole && rootOf().root !== undefined) overview = await request("bootscope/pageTables", rootOf());
  roots.offer(overview.roots);
  const paging: Paging = overview.paging;
  content.dataset["paging"] = paging;
  summary.replaceChildren(...summaryOf(overview));
  await Promise.all([tree.refresh(paging), map.refresh(paging)]);
  table.refresh();
  if (table.chosen === undefined) chosenLine.replaceChildren();
  else tellChosen(table.chosen);
  clearFailure();
  await translated(false);
}

function translate(): void {
  if (stopped) reading.then(() => translated(true)).catch(report);
  else reportFailure("The machine must be stopped to walk its page tables.");
}

/** Walks to the address in the field, or finds the addresses of a physical one. */
async function translated(goThere: boolean): Promise<void> {
  const address = field.value.trim();
  if (address === "") return;
  save();
  if (overview.paging === "off") {
    const answer = await request("bootscope/walk", { address: address.replace(/^phys:/, "") });
    clearFailure();
    result.replaceChildren(...walkOutcome(answer));
    return;
  }
  const asked = { address, ...rootOf() };
  const found = await request("bootscope/mappings", { ...asked, count: MAPPINGS_AT_ONCE });
  const walk = found.space === "lin" ? await request("bootscope/walk", asked) : undefined;
  clearFailure();
  const outcome = element("div", {}, ...(walk === undefined ? [] : walkOutcome(walk)));
  const mappings = element("div", {});
  result.replaceChildren(outcome, mappings);
  listMappings(mappings, asked, found);
  const linear = walk?.walk.linear ?? found.mappings[0]?.linear;
  const place = linear === undefined ? undefined : placeOf(overview.paging, linear);
  if (goThere && place !== undefined && walk?.walk.fault !== "not a canonical address") {
    await reveal(place);
    map.show(place);
  }
}

function listMappings(into: HTMLElement, asked: { address: string; root?: string }, found: MappingsResponse): void {
  const more = (): void => {
    request("bootscope/mappings", { ...asked, from: found.mappings.length, count: MAPPINGS_AT_ONCE * 10 })
      .then((next) => listMappings(into, asked, { ...next, mappings: [...found.mappings, ...next.mappings] }))
      .catch(report);
  };
  into.replaceChildren(...mappingsOutcome(found, walkTo, more));
}

function walkTo(linear: string): void {
  field.value = linear;
  translate();
}

/** Goes to a place in the tree. */
async function reveal(place: number): Promise<void> {
  const key = await tree.reveal(place);
  table.refresh();
  if (key !== undefined) table.show(key);
  save();
}

function showInMemory(physical: string | undefined): void {
  if (physical !== undefined) send({ type: "show", panel: "memory", address: `phys:${physical}` });
}

/** Says all of the row that is chosen, with what can be done about it. */
function tellChosen(row: PageTableRow): void {
  const first = BigInt(row.linear);
  const last = first + BigInt(row.span) * BigInt(row.entries) - 1n;
  const parts = [`${hex(first)} – ${hex(last)}`, sizeText(row), targetText(row)];
  if (row.rights !== "") parts.push(rightsWords(row.rights));
  parts.push(
    `${row.level} ${row.entries === 1 ? row.index : `${row.index} to ${row.index + row.entries - 1}`}: ${hex(row.entry, 16)}`,
  );
  if (row.before !== undefined) parts.push(`before: ${hex(row.before, 16)}`);
  const buttons = [inMemory(`phys:${row.entryAddress}`, "Entry in Memory (e)")];
  if (row.physical !== undefined) {
    buttons.unshift(
      inMemory(`phys:${row.physical}`, row.kind === "table" ? "Table in Memory (m)" : "Page in Memory (m)"),
    );
  }
  buttons.push(
    button({ label: "Walk (w)", title: `Walk to ${row.linear}`, onClick: () => walkTo(row.linear) }),
    button({
      label: "On the Map",
      title: "Point at it on the map",
      onClick: () => map.show(placeOf(overview.paging, row.linear)),
    }),
  );
  chosenLine.replaceChildren(
    element("span", { class: "mono" }, parts.join(" · ")),
    element("span", { class: "buttons" }, ...buttons),
  );
}
