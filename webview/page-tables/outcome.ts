/** What an address translates to, level by level, and which other addresses reach the same memory. */
import type { MappingsResponse, WalkResponse } from "../../debug-adapter/protocol.ts";
import { button } from "../ui/controls.ts";
import { element } from "../ui/dom.ts";
import { hex, size } from "../ui/format.ts";
import { send } from "../ui/host.ts";
import { LEVEL_MEANINGS, chips, rightsWords } from "./words.ts";

export function inMemory(address: string, label = "Show in Memory"): HTMLElement {
  const onClick = (): void => send({ type: "show", panel: "memory", address });
  return button({ label, title: `Show ${address} in the Memory panel`, onClick });
}

const copy = (text: string): HTMLElement =>
  button({ label: "Copy", title: `Copy ${text}`, onClick: () => send({ type: "copy", text }) });

export function walkOutcome({ walk, flags }: WalkResponse): HTMLElement[] {
  const outcome = element("div", { class: "outcome" });
  const linear = element("span", { class: "mono" }, `lin:${hex(walk.linear)}`);
  if (walk.physical === undefined) {
    outcome.append(linear, " is not mapped", walk.fault === undefined ? "." : `: ${walk.fault}.`);
    outcome.classList.add("unmapped");
  } else {
    const physical = `phys:${hex(walk.physical)}`;
    outcome.append(linear, " → ", element("strong", { class: "mono", "data-physical": physical }, physical));
    outcome.append(
      copy(physical),
      inMemory(physical),
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
  const rows = walk.steps.map((step, index) => {
    const address = `phys:${hex(step.entryAddress)}`;
    const link = element("button", { class: "link mono", title: `Show ${address} in the Memory panel` }, address);
    link.addEventListener("click", () => send({ type: "show", panel: "memory", address }));
    return element(
      "tr",
      {},
      element("th", { scope: "row", title: LEVEL_MEANINGS[step.level] ?? "" }, step.level),
      element("td", { class: "mono" }, `[${step.index}]`),
      element("td", {}, link),
      element("td", { class: "mono" }, hex(step.entry)),
      element("td", { class: "flags" }, ...chips(flags[index] ?? [])),
    );
  });
  return element(
    "table",
    { "aria-label": "Page table entries on the way" },
    element("thead", {}, element("tr", {}, ...head)),
    element("tbody", {}, ...rows),
  );
}

/** All linear addresses of a physical one. `choose` goes to one, `more` asks for those behind the last. */
export function mappingsOutcome(
  answer: MappingsResponse,
  choose: (linear: string) => void,
  more: () => void,
): HTMLElement[] {
  const { physical, total, mappings, tables } = answer;
  if (physical === undefined) return [];
  const said: HTMLElement[] = [];
  if (tables.length > 0) {
    const text = `This page holds a table in use (of ${tables.join(", ")} entries).`;
    said.push(element("p", { class: "note", "data-tables": tables.join(" ") }, text));
  }
  if (answer.space === "phys") {
    const name = `phys:${hex(physical)}`;
    const strong = element("strong", { class: "mono", "data-physical": name }, name);
    const text =
      total === 0 ? " is not mapped anywhere." : total === 1 ? " is mapped once:" : ` is mapped ${total} times:`;
    said.unshift(element("div", { class: "outcome" }, strong, text, copy(name), inMemory(name)));
  } else if (total > 1) {
    said.push(element("p", { class: "note" }, `The same memory is mapped ${total} times:`));
  } else return said;
  const items = mappings.map(({ linear, pageSize, rights: granted, entryAddress }) => {
    const link = element("button", { class: "link mono", title: `Walk to lin:${hex(linear)}` }, hex(linear));
    link.addEventListener("click", () => choose(linear));
    const page = `${size(pageSize)} page, ${rightsWords(granted)}, entry at phys:${hex(entryAddress)}`;
    return element("li", { "data-linear": linear }, link, ` ${page}`);
  });
  said.push(element("ul", { class: "mappings", "aria-label": "Linear addresses of this memory" }, ...items));
  if (mappings.length < total) {
    said.push(button({ label: "More", title: `${mappings.length} of ${total} are listed`, onClick: more }));
  }
  return said;
}
