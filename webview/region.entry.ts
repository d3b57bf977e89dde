/** The 0x7c00 panel: the bytes where a BIOS puts a boot sector, and whatever code they are. */
import "./ui/base.css";
import "./region.css";
import type { MemoryResponse, OriginsResponse, WireInstruction } from "../debug-adapter/protocol.ts";
import { dropdown } from "./ui/controls.ts";
import { element } from "./ui/dom.ts";
import { addressOf, byteText, bytesOf, hex, printable } from "./ui/format.ts";
import { clearFailure, connect, onStop, recall, remember, reportFailure, request, send } from "./ui/host.ts";
import { statusLine } from "./ui/status.ts";

const START = 0x7c00;
const LENGTH = 512;
/** Pieces from a disk that are told at most. */
const MAX_ORIGINS = 3;
/** Bytes in a row of the dump, and the width of the view in pixels from which there are more. */
const PER_ROW = { narrow: 8, wide: 16, from: 560 };

type CodeSize = "auto" | "16" | "32" | "64";
interface Memory {
  codeSize: CodeSize;
}

let memory = recall<Memory>() ?? { codeSize: "16" };
let previous: { session: string; stop: number; before: Uint8Array | undefined; now: Uint8Array } | undefined;
let breakpoints: ReadonlySet<string> = new Set();
let perRow = PER_ROW.wide;
let session = { id: "", stop: 0, stopped: false };

const codeSize = dropdown("Code size of the disassembly", (value) => {
  memory = { codeSize: value as CodeSize };
  remember(memory);
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
const summary = element("span", { class: "summary" });
const origin = element("span", { class: "summary origin" });
const dump = element("div", { class: "dump mono", tabindex: "0", role: "region", "aria-label": "Bytes from 0x7c00" });
const code = element("div", {
  class: "code mono",
  tabindex: "0",
  role: "listbox",
  "aria-label": "Disassembly from 0x7c00. Arrow keys choose an instruction, F9 or Enter sets a breakpoint.",
});
const content = element("div", { class: "columns" }, dump, code);
const status = statusLine(content);
document
  .getElementById("panel")
  ?.append(status.element, element("div", { class: "toolbar" }, codeSize.element, summary, origin), content);

new ResizeObserver(([entry]) => {
  const wanted = (entry?.contentRect.width ?? 0) < PER_ROW.from ? PER_ROW.narrow : PER_ROW.wide;
  if (wanted === perRow) return;
  perRow = wanted;
  renderDump();
}).observe(content);

const show = onStop(read, (state) => {
  status.show(state);
  session = { id: state.id, stop: state.stop, stopped: state.state === "stopped" };
});
connect({
  session: ({ session: state }) => show(state),
  breakpoints: ({ addresses }) => {
    breakpoints = new Set(addresses);
    markBreakpoints();
  },
});

async function read(): Promise<void> {
  const bits = memory.codeSize === "auto" ? undefined : (Number(memory.codeSize) as 16 | 32 | 64);
  const [answer, next, { origins }] = await Promise.all([
    request("bootscope/memory", {
      address: `phys:${hex(START)}`,
      length: LENGTH,
      disassemble: true,
      ...(bits !== undefined && { bits }),
    }),
    nextInstruction(),
    request("bootscope/origins", { address: `phys:${hex(START)}`, length: LENGTH }),
  ]);
  clearFailure();
  origin.textContent = originText(origins);
  render(answer, next);
}

/** Physical address of the next instruction, where it is mapped. */
async function nextInstruction(): Promise<bigint | undefined> {
  const { walk } = await request("bootscope/walk", { address: "cs:rip" });
  return walk.physical === undefined ? undefined : BigInt(walk.physical);
}

function render(answer: MemoryResponse, next: bigint | undefined): void {
  const bytes = bytesOf(answer.data);
  const before =
    previous?.session !== session.id ? undefined : previous.stop === session.stop ? previous.before : previous.now;
  previous = { session: session.id, stop: session.stop, before, now: bytes };
  summary.textContent = describe(bytes);
  renderDump();
  code.replaceChildren(...instructions(answer.instructions ?? [], next));
  choose(undefined);
  markBreakpoints();
}

/** Where the bytes came from, as far as the first few pieces tell. */
function originText(origins: OriginsResponse["origins"]): string {
  const pieces = origins.slice(0, MAX_ORIGINS).map(({ text, bytes, physical }) => {
    const whole = bytes >= LENGTH && addressOf(physical) <= START;
    return whole ? text : `${hex(addressOf(physical), 4)}: ${text}`;
  });
  if (origins.length > MAX_ORIGINS) pieces.push(`${origins.length - MAX_ORIGINS} more`);
  return pieces.length === 0 ? "" : `Loaded from ${pieces.join("; ")}.`;
}

function renderDump(): void {
  if (previous !== undefined) dump.replaceChildren(...rows(previous.now, previous.before, perRow));
}

function describe(bytes: Uint8Array): string {
  if (bytes.length < LENGTH) return `Only ${bytes.length} of ${LENGTH} bytes are memory.`;
  if (bytes.every((byte) => byte === 0)) return "All zero: no boot sector was loaded here.";
  const signature = bytes[510] === 0x55 && bytes[511] === 0xaa;
  return signature ? "Boot sector signature 55 aa at 0x7dfe." : "No boot sector signature (55 aa) at 0x7dfe.";
}

function rows(bytes: Uint8Array, before: Uint8Array | undefined, width: number): HTMLElement[] {
  const made: HTMLElement[] = [];
  for (let offset = 0; offset < bytes.length; offset += width) {
    const row = bytes.subarray(offset, offset + width);
    const cells = Array.from(row, (byte, index) => {
      const old = before?.[offset + index];
      const changed = old !== undefined && old !== byte;
      const kind = changed ? "byte changed" : byte === 0 ? "byte zero" : "byte";
      return element("span", { class: kind, ...(changed && { title: `was ${byteText(old)}` }) }, byteText(byte));
    });
    made.push(
      element(
        "div",
        { class: "line" },
        element("span", { class: "address" }, hex(START + offset, 4)),
        element("span", { class: "bytes" }, ...cells),
        element("span", { class: "text", "aria-hidden": "true" }, Array.from(row, printable).join("")),
      ),
    );
  }
  return made;
}

/** One line each; a run of equal instructions (zeros, mostly) is told once. */
function instructions(list: readonly WireInstruction[], next: bigint | undefined): HTMLElement[] {
  const made: HTMLElement[] = [];
  for (let index = 0; index < list.length;) {
    const first = list[index];
    if (first === undefined) break;
    const isNext = next === addressOf(first.address);
    made.push(line(first, isNext));
    index++;
    let repeated = 0;
    while (
      list[index]?.text === first.text &&
      list[index]?.bytes === first.bytes &&
      addressOf(list[index]?.address ?? "0") !== next
    ) {
      index++;
      repeated++;
    }
    if (repeated > 0) made.push(element("div", { class: "repeat" }, `and ${repeated} more of the same`));
  }
  return made;
}

function line(instruction: WireInstruction, isNext: boolean): HTMLElement {
  const number = addressOf(instruction.address);
  const address = hex(number, 4);
  const row = element(
    "div",
    {
      class: isNext ? "line next" : "line",
      role: "option",
      id: `at-${address}`,
      "aria-selected": "false",
      "data-breakpoint": `phys:${hex(number)}`,
    },
    element("span", { class: "gutter", title: "Toggle a breakpoint on this physical address" }),
    element("span", { class: "address" }, address),
    element("span", { class: "bytes" }, instruction.bytes),
    element("span", { class: "text" }, instruction.text),
  );
  if (isNext) row.setAttribute("aria-current", "step");
  return row;
}

function markBreakpoints(): void {
  for (const row of code.querySelectorAll<HTMLElement>("[data-breakpoint]")) {
    row.classList.toggle("breakpoint", breakpoints.has(row.dataset["breakpoint"] ?? ""));
  }
}

function chosen(): HTMLElement | undefined {
  return code.querySelector<HTMLElement>("[aria-selected=true]") ?? undefined;
}

function choose(row: HTMLElement | undefined): void {
  chosen()?.setAttribute("aria-selected", "false");
  if (row === undefined) {
    code.removeAttribute("aria-activedescendant");
    return;
  }
  row.setAttribute("aria-selected", "true");
  code.setAttribute("aria-activedescendant", row.id);
  row.scrollIntoView({ block: "nearest" });
}

function toggle(row: HTMLElement | undefined): void {
  const address = row?.dataset["breakpoint"];
  if (address !== undefined) send({ type: "toggleBreakpoint", address });
}

code.addEventListener("click", (event) => {
  const target = event.target as HTMLElement;
  const row = target.closest<HTMLElement>("[role=option]") ?? undefined;
  if (row === undefined) return;
  choose(row);
  if (target.classList.contains("gutter")) toggle(row);
});
code.addEventListener("keydown", (event) => {
  const all = [...code.querySelectorAll<HTMLElement>("[role=option]")];
  const row = chosen();
  const at = row === undefined ? -1 : all.indexOf(row);
  if (event.key === "ArrowDown") choose(all[Math.min(at + 1, all.length - 1)]);
  else if (event.key === "ArrowUp") choose(all[Math.max(at - 1, 0)]);
  else if (event.key === "Enter" || event.key === "F9") toggle(row);
  else return;
  event.preventDefault();
  event.stopPropagation();
});

function fail(error: unknown): void {
  reportFailure(error instanceof Error ? error.message : String(error));
}
