/** The Page Tables panel: how an address is translated, level by level. */
import "./ui/base.css";
import "./page-tables.css";
import type { WalkResponse } from "../debug-adapter/protocol.ts";
import { button, textField } from "./ui/controls.ts";
import { element } from "./ui/dom.ts";
import { hex, size } from "./ui/format.ts";
import { clearFailure, connect, onStop, recall, remember, reportFailure, request, send } from "./ui/host.ts";
import { statusLine } from "./ui/status.ts";

interface Memory {
  address: string;
}

const MEANINGS: Record<string, string> = {
  P: "present",
  RW: "writable",
  US: "user may access",
  PWT: "write-through",
  PCD: "cache disabled",
  A: "accessed",
  D: "dirty",
  PS: "maps a large page",
  PAT: "page attribute table",
  G: "global",
  NX: "no execute",
};

const LEVEL_MEANINGS: Record<string, string> = {
  PML4E: "each entry spans 512 GiB",
  PDPTE: "each entry spans 1 GiB",
  PDE: "each entry spans one page table, or maps a large page",
  PTE: "each entry maps a 4 KiB page",
};

let stopped = false;
const field = textField({
  label: "Address to translate",
  value: recall<Memory>()?.address ?? "cs:rip",
  placeholder: "0xffffffff81000000, rsp+8, 07c0:0000",
  onEnter: () => walk(),
});
const bar = element(
  "div",
  { class: "toolbar" },
  field.element,
  button({ label: "Walk", title: "Translate this address", primary: true, onClick: () => walk() }),
);
const result = element("div", { class: "result" });
const status = statusLine(result);
document.getElementById("panel")?.append(status.element, bar, result);

const show = onStop(read, (session) => {
  status.show(session);
  stopped = session.state === "stopped";
});
connect({ session: ({ session }) => show(session) });

function walk(): void {
  if (!stopped) reportFailure("The machine must be stopped to walk its page tables.");
  else read().catch((error: unknown) => reportFailure(error instanceof Error ? error.message : String(error)));
}

async function read(): Promise<void> {
  const address = field.value.trim();
  if (address === "") return;
  remember<Memory>({ address });
  const answer = await request("bootscope/walk", { address });
  clearFailure();
  result.replaceChildren(...render(answer));
}

function render({ walk, flags }: WalkResponse): HTMLElement[] {
  const outcome = element("div", { class: "outcome" });
  const linear = element("span", { class: "mono" }, `lin:${hex(walk.linear)}`);
  if (walk.physical === undefined) {
    outcome.append(linear, " is not mapped", walk.fault === undefined ? "." : `: ${walk.fault}.`);
    outcome.classList.add("unmapped");
  } else {
    const physical = `phys:${hex(walk.physical)}`;
    outcome.append(linear, " → ", element("strong", { class: "mono", "data-physical": physical }, physical));
    outcome.append(
      button({ label: "Copy", title: `Copy ${physical}`, onClick: () => send({ type: "copy", text: physical }) }),
      button({
        label: "Breakpoint",
        title: `Stop at ${physical}, wherever it is mapped (again: remove)`,
        onClick: () => send({ type: "toggleBreakpoint", address: physical }),
      }),
    );
  }
  if (walk.paging === "off") return [outcome, element("p", { class: "note" }, "Paging is off: linear is physical.")];
  return [outcome, rights(walk), table(walk, flags)];
}

function rights(walk: WalkResponse["walk"]): HTMLElement {
  const words = [`${walk.paging} paging`];
  if (walk.pageSize !== undefined) words.push(`${size(walk.pageSize)} page`);
  if (walk.physical !== undefined) {
    words.push(walk.user === true ? "user and kernel" : "kernel only");
    words.push(walk.writable === true ? "writable" : "read-only");
    words.push(walk.executable === true ? "executable" : "not executable");
  }
  return element("p", { class: "note" }, words.join(" · "));
}

function table(walk: WalkResponse["walk"], flags: readonly string[][]): HTMLElement {
  const head = ["Level", "Index", "Entry at", "Entry", "Flags"].map((text) => element("th", { scope: "col" }, text));
  const rows = walk.steps.map((step, index) =>
    element(
      "tr",
      {},
      element("th", { scope: "row", title: LEVEL_MEANINGS[step.level] ?? "" }, step.level),
      element("td", { class: "mono" }, `[${step.index}]`),
      element("td", { class: "mono" }, `phys:${hex(step.entryAddress)}`),
      element("td", { class: "mono" }, hex(step.entry)),
      element("td", { class: "flags" }, ...chips(flags[index] ?? [])),
    ),
  );
  return element(
    "table",
    { "aria-label": "Page table entries on the way" },
    element("thead", {}, element("tr", {}, ...head)),
    element("tbody", {}, ...rows),
  );
}

function chips(names: readonly string[]): HTMLElement[] {
  if (names.length === 0) return [element("span", { class: "chip off" }, "none")];
  return names.map((name) => element("span", { class: "chip", title: MEANINGS[name] ?? name }, name));
}
