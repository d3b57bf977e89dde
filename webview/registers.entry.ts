/** The Registers panel: every register at the last stop, what changed since the stop before, and editing. */
import "./ui/base.css";
import "./registers.css";
import type { WireCpu } from "../debug-adapter/protocol.ts";
import type { SessionState } from "./messages.ts";
import { textField } from "./ui/controls.ts";
import { element, icon } from "./ui/dom.ts";
import { count } from "./ui/format.ts";
import { clearFailure, connect, onStop, recall, remember, reportFailure, request, send } from "./ui/host.ts";
import { registerGroups, type RegisterRow } from "./ui/register-list.ts";
import { setRegister } from "./ui/set-register.ts";
import { statusLine } from "./ui/status.ts";

/** Values by register name at the stop before and at the last one; outlives the hidden panel. */
interface Memory {
  session: string;
  stop: number;
  before: Record<string, string>;
  now: Record<string, string>;
  open: Record<string, boolean>;
}

const COPY = "M5.5 5.5h7v8h-7zM10.5 3v-.5h-7v8H4";

let memory: Memory = recall<Memory>() ?? { session: "", stop: 0, before: {}, now: {}, open: {} };
const summary = element("div", { class: "summary" });
const list = element("div", { class: "groups mono" });
const content = element("div", {}, summary, list);
const status = statusLine(content);
document.getElementById("panel")?.append(status.element, content);

const show = onStop(
  async (session) => {
    const { cpu, modeLabel } = await request("bootscope/cpu");
    clearFailure();
    render(session, cpu, modeLabel);
  },
  (session) => status.show(session),
);
connect({ session: ({ session }) => show(session) });

function render(session: SessionState, cpu: WireCpu, modeLabel: string): void {
  const groups = registerGroups(cpu);
  const values = Object.fromEntries(groups.flatMap((group) => group.rows.map((row) => [row.name, row.value])));
  const sameSession = memory.session === session.id;
  const before = !sameSession ? {} : memory.stop === session.stop ? memory.before : memory.now;
  memory = { ...memory, session: session.id, stop: session.stop, before, now: values };
  remember(memory);
  summary.replaceChildren(
    element("strong", {}, modeLabel),
    ` · CPL ${cpu.cpl} · ${count(cpu.icount)} instructions`,
    cpu.halted ? " · halted" : "",
    session.phase === undefined ? "" : ` · ${session.phase}`,
  );
  list.replaceChildren(
    ...groups.map((group) => {
      const details = element("details", {}, element("summary", {}, group.title));
      details.open = memory.open[group.title] ?? group.open;
      details.addEventListener("toggle", () => {
        memory.open[group.title] = details.open;
        remember(memory);
      });
      const rows = element(
        "div",
        { class: `rows ${group.title.toLowerCase().replace(" ", "-")}` },
        ...group.rows.map(renderRow),
      );
      details.append(rows);
      return details;
    }),
  );
}

function renderRow(row: RegisterRow): HTMLElement {
  const old = memory.before[row.name];
  const changed = old !== undefined && old !== row.value;
  const value = element(row.editable ? "button" : "span", {
    class: "value",
    "data-register": row.name,
    ...(row.editable && { "aria-label": `${row.name}: ${row.value}. Press Enter to edit.` }),
    title: changed ? `was ${old}` : row.editable ? "Click or Enter to edit" : "",
  });
  value.append(...shortened(row.value));
  const line = element(
    "div",
    { class: changed ? "row changed" : "row" },
    element("span", { class: "name" }, row.name),
    value,
  );
  if (changed) line.append(element("span", { class: "mark", "aria-label": "changed" }, "●"));
  const copy = element(
    "button",
    { class: "copy", title: `Copy ${row.name}`, "aria-label": `Copy ${row.name}` },
    icon(COPY),
  );
  copy.addEventListener("click", () => send({ type: "copy", text: `0x${row.value.replace(" ", "")}` }));
  line.append(copy);
  if (row.note !== undefined) line.append(element("span", { class: "note" }, row.note));
  if (row.bits !== undefined) line.append(renderBits(row));
  if (row.editable) value.addEventListener("click", () => edit(row, value));
  return line;
}

/** Leading zeros are there to line the digits up, but step back. */
function shortened(value: string): Node[] {
  const zeros = /^0*(?=.)/.exec(value)?.[0] ?? "";
  return [element("span", { class: "zeros" }, zeros), document.createTextNode(value.slice(zeros.length))];
}

function renderBits(row: RegisterRow): HTMLElement {
  const chips = (row.bits ?? [])
    // All flags are shown, for they are read together; of control registers only what is on.
    .filter((bit) => bit.set || row.name === "rflags")
    .map((bit) =>
      element("span", { class: bit.set ? "chip" : "chip off", title: `${bit.meaning}: ${bit.set ? 1 : 0}` }, bit.name),
    );
  return element("span", { class: "bits" }, ...chips);
}

function edit(row: RegisterRow, value: HTMLElement): void {
  const close = (): void => {
    field.element.replaceWith(value);
    value.focus();
  };
  const field = textField({
    label: `New value of ${row.name}`,
    value: `0x${row.value.replace(/^0+(?=.)/, "")}`,
    onEscape: close,
    onEnter: (text) => {
      clearFailure();
      setRegister(row.name, text).then(close, (error: unknown) => {
        reportFailure(error instanceof Error ? error.message : String(error));
      });
    },
  });
  value.replaceWith(field.element);
  field.element.focus();
}
