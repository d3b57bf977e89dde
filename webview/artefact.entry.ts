/** An editor of a boot artefact: its structure beside its bytes and the disassembly of its boot code. */
import "./ui/base.css";
import "./artefact.css";
import { CodeView } from "./artefact/code-view.ts";
import { HexView } from "./bytes/hex-view.ts";
import { ask, connect, recall, remember, send } from "./artefact/host.ts";
import type { ArtefactInfo, CodeInfo, Row } from "./artefact/messages.ts";
import { rangeText, visible } from "./bytes/text.ts";
import { TreeTable } from "./bytes/tree-table.ts";
import { Tree } from "./bytes/tree.ts";
import { button, dropdown, textField } from "./ui/controls.ts";
import { element } from "./ui/dom.ts";
import { bytesOf } from "./ui/format.ts";

/** Where the user was, for when the editor comes back. */
interface Memory {
  name: string;
  stream: number;
  offset: number;
}

let info: ArtefactInfo | undefined;
let name = "";
let stream = 0;
/** Counts choices: an answer about an earlier one is not shown. */
let turn = 0;

const say = (message: string | undefined): void => {
  failure.textContent = message === undefined ? "" : visible(message);
};
const said = (error: unknown): void => say(error instanceof Error ? error.message : String(error));

const title = element("span", { class: "title" });
const failure = element("span", { class: "failure", role: "alert" });
const status = element("span", { class: "sr-only", role: "status" });
const buttons = element("span", { class: "actions" });
const problems = element("ul", { class: "problems", "aria-label": "What is wrong" });
const details = element("div", { class: "details", "aria-live": "polite" });

const tree = new Tree((id) => ask("children", { id }));
const table = new TreeTable(tree, { chosen: chooseRow, activated: activateRow, failed: say });
const hex = new HexView(async (from, offset, length) => bytesOf(await ask("bytes", { stream: from, offset, length })), {
  chosen: (from, offset) => void chooseByte(from, offset),
  failed: say,
});
const code = new CodeView({
  disassemble: (args) => ask("disassemble", args),
  chosen: (from, line) => {
    showStream(from);
    hex.markCode(line.offset, line.length);
  },
  failed: say,
});

const streamChoice = dropdown("Bytes shown", (value) => {
  showStream(Number(value));
  details.replaceChildren();
});
const codeChoice = dropdown("Boot code", (value) => showCode(Number(value)));
const goTo = textField({ label: "Go to offset", value: "", placeholder: "Go to offset: 0x1be", onEnter: goToOffset });
const here = ([16, 32, 64] as const).map((bits) =>
  button({
    label: `${bits}`,
    title: `Disassemble as ${bits}-bit code from the chosen byte on`,
    onClick: () => fromHere(bits),
  }),
);

const codePane = element(
  "section",
  { class: "pane code-pane", "aria-label": "Boot code" },
  element("div", { class: "toolbar" }, codeChoice.element, element("span", { class: "hint" }, "From here:"), ...here),
  code.element,
);
const hexPane = element(
  "section",
  { class: "pane hex-pane", "aria-label": "Bytes" },
  element("div", { class: "toolbar" }, streamChoice.element, goTo.element),
  hex.element,
);
const right = element("div", { class: "right" }, hexPane, codePane);
const treePane = element("section", { class: "pane tree-pane", "aria-label": "Structure" }, table.element, details);
const content = element("div", { class: "content", hidden: "" }, treePane, right);
const notice = element("div", { class: "notice", role: "status" });
const header = element("div", { class: "header" }, title, buttons, failure, status);
document.getElementById("panel")?.append(header, problems, notice, content);

connect({
  loading: (message) => {
    if (info === undefined) notice.textContent = `Reading ${visible(message.name)}…`;
  },
  refused: ({ name: file, message }) => {
    content.hidden = true;
    problems.replaceChildren();
    buttons.replaceChildren();
    title.textContent = visible(file);
    notice.replaceChildren(
      element("p", { class: "problem" }, visible(message)),
      button({ label: "Open as Hex Anyway", primary: true, onClick: () => send({ type: "bytesOnly" }) }),
      button({ label: "Open as Text", onClick: () => send({ type: "action", id: "text" }) }),
    );
  },
  artefact: (message) => {
    info = message.info;
    name = message.name;
    show(message.info);
  },
});

function show({ kind, summary, problems: wrong, streams, codes, actions, rows }: ArtefactInfo): void {
  notice.replaceChildren();
  say(undefined);
  content.hidden = false;
  title.replaceChildren(element("strong", {}, visible(kind)), ` · ${visible(summary)}`);
  buttons.replaceChildren(
    ...actions.map(({ id, label, title: help }) =>
      button({ label, title: help, onClick: () => send({ type: "action", id }) }),
    ),
  );
  problems.replaceChildren(...wrong.map((text) => element("li", {}, `⚠ ${visible(text)}`)));
  content.classList.toggle("bytes-only", rows.length === 0);
  right.classList.toggle("without-code", codes.length === 0);
  streamChoice.setChoices(
    streams.map(({ label }, index) => ({ value: String(index), label })),
    "0",
  );
  streamChoice.element.hidden = streams.length < 2;
  codeChoice.setChoices(
    codes.map(({ label }, index) => ({ value: String(index), label })),
    "0",
  );
  codeChoice.element.hidden = codes.length === 0;
  tree.setRoots(rows);
  stream = 0;
  hex.setStreams(streams);
  details.replaceChildren();
  table.show(undefined);
  table.refresh();
  showCode(0);
  delete content.dataset["settled"];
  void restore(rows).finally(() => (content.dataset["settled"] = ""));
}

/** Goes back to where the user was, else unfolds what is small enough to be seen at once. */
async function restore(rows: readonly Row[]): Promise<void> {
  const memory = recall<Memory>();
  if (memory?.name === name && memory.stream < (info?.streams.length ?? 0)) {
    showStream(memory.stream);
    hex.choose(memory.offset);
    return;
  }
  const first = rows[0];
  if (first?.hasChildren !== true) return;
  await tree.unfold(first.id).catch(said);
  table.refresh();
}

function showStream(index: number): void {
  if (index === stream) return;
  stream = index;
  const { streams = [] } = info ?? {};
  streamChoice.setChoices(
    streams.map(({ label }, number) => ({ value: String(number), label })),
    String(index),
  );
  hex.showStream(index);
}

function chooseRow(row: Row): void {
  turn++;
  say(undefined);
  explain(row);
  if (row.stream === undefined) return;
  showStream(row.stream);
  if (row.length > 0) hex.markField(row.offset, row.length);
  remember<Memory>({ name, stream, offset: row.offset });
}

function activateRow(row: Row): void {
  if (row.opens) send({ type: "open", id: row.id });
  else if (row.stream !== undefined && row.length > 0) hex.element.focus();
}

/** What the columns are too narrow for. */
function explain(row: Row): void {
  const range = row.stream === undefined ? "" : rangeText(row.offset, row.length);
  const size = row.length === 0 ? "" : row.length === 1 ? "1 byte" : `${row.length} bytes`;
  details.replaceChildren(
    element("strong", {}, visible(row.name)),
    " ",
    element("span", { class: "mono" }, visible(row.value)),
    element("div", { class: "hint" }, [range, size].filter((text) => text !== "").join(" · ")),
    ...(row.note === undefined ? [] : [element("div", {}, visible(row.note))]),
    ...(row.problem === undefined ? [] : [element("div", { class: "problem" }, `⚠ ${visible(row.problem)}`)]),
  );
}

/** Finds the deepest field with the byte, and unfolds the tree down to it. */
async function chooseByte(from: number, offset: number): Promise<void> {
  const mine = ++turn;
  remember<Memory>({ name, stream: from, offset });
  try {
    const path = await ask("locate", { stream: from, offset });
    for (const row of path.slice(0, -1)) if (mine === turn) await tree.unfold(row.id);
    if (mine !== turn) return;
    table.refresh();
    const last = path.at(-1);
    table.show(last?.id);
    status.textContent = `Byte ${offset.toString(16)}: ${last ? visible(last.name) : "in no field"}`;
    if (!last) {
      details.replaceChildren();
      hex.markAround(offset, 0);
      return;
    }
    explain(last);
    hex.markAround(last.offset, last.length);
  } catch (error) {
    if (mine === turn) said(error);
  }
}

function showCode(index: number): void {
  code.show(info?.codes[index]);
}

function fromHere(bits: CodeInfo["bits"]): void {
  const size = info?.streams[stream]?.size ?? 0;
  const offset = hex.at;
  right.classList.remove("without-code");
  code.show({ label: "", stream, offset, length: size - offset, bits, address: String(offset) });
}

function goToOffset(text: string): void {
  const size = info?.streams[stream]?.size ?? 0;
  const wanted = /^(0x[0-9a-f]{1,13}|[0-9]{1,15})$/i.test(text.trim()) ? Number(text.trim()) : undefined;
  if (wanted === undefined || wanted >= size) {
    say(`Expected an offset from 0 to 0x${Math.max(0, size - 1).toString(16)}.`);
    return;
  }
  say(undefined);
  hex.choose(wanted);
  hex.element.focus();
}
