/** What the tables amount to, in a line. */
import type { PageTablesResponse } from "../../debug-adapter/protocol.ts";
import { element } from "../ui/dom.ts";
import { count, hex, size } from "../ui/format.ts";
import { roughSize } from "./words.ts";

const number = (value: number): string => count(hex(value));

export function summaryOf({ paging, totals, since, root, changes }: PageTablesResponse): (HTMLElement | string)[] {
  if (totals === undefined) return ["Paging is off: linear addresses are physical ones."];
  const pages = totals.pages.map(({ size: bytes, count: many }) => `${number(many)} × ${size(bytes)}`);
  const parts = [
    `${paging} paging`,
    `${roughSize(totals.mapped)} mapped (${pages.join(", ") || "nothing"})`,
    `${roughSize(totals.user)} for user mode`,
    `${number(totals.tables)} tables`,
  ];
  const said: (HTMLElement | string)[] = [parts.join(" · ")];
  const both = totals.writableExecutable;
  if (both > 0) {
    said.push(
      " · ",
      element("span", { class: "warning", title: "W^X is broken" }, `${roughSize(both)} writable and executable`),
    );
  }
  if (totals.outside > 0) said.push(` · ${number(totals.outside)} tables where there is no memory`);
  if (totals.unread > 0) said.push(` · at least ${number(totals.unread)} tables more, too many to be read`);
  said.push(" · ", element("span", { class: "since" }, changeText(since, root, changes)));
  return said;
}

function changeText(
  since: PageTablesResponse["since"],
  root: PageTablesResponse["root"],
  changes: number | undefined,
): string {
  if (since === undefined) return "changes not known: these tables were not read at an earlier stop";
  const other = since.root === root ? "" : ` (then below phys:${since.root})`;
  const many = changes === undefined || changes === 0 ? "nothing" : number(changes);
  return `${many} changed since ${count(since.icount)} instructions${other}`;
}
