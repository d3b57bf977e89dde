/** The disassembly of the region: a list of instructions with a gutter for breakpoints. */
import type { WireInstruction } from "../../debug-adapter/protocol.ts";
import { element } from "../ui/dom.ts";
import { addressOf, hex } from "../ui/format.ts";

export interface CodeListActions {
  /** The user went to an instruction of so many bytes. */
  chosen(address: number, length: number): void;
  /** At an address expression ("phys:0x7c00"). */
  toggleBreakpoint(address: string): void;
}

/** A line of the list, and the bytes that it tells of: with a run of equal instructions more than its own. */
interface Line {
  address: number;
  length: number;
  span: number;
  row: HTMLElement;
}

export class CodeList {
  readonly element: HTMLElement;
  private readonly actions: CodeListActions;
  private lines: Line[] = [];
  private chosen: Line | undefined;
  private breakpoints: ReadonlySet<string> = new Set();

  constructor(actions: CodeListActions) {
    this.actions = actions;
    this.element = element("div", {
      class: "code mono",
      tabindex: "0",
      role: "listbox",
      "aria-label": "Disassembly from 0x7c00. Arrow keys choose an instruction, F9 or Enter sets a breakpoint.",
    });
    this.element.addEventListener("click", (event) => this.click(event));
    this.element.addEventListener("keydown", (event) => this.key(event));
  }

  /** `next` is the physical address of the next instruction to be executed. */
  show(instructions: readonly WireInstruction[], next: bigint | undefined): void {
    const at = this.chosen?.address;
    this.lines = [];
    this.element.replaceChildren(...this.rows(instructions, next));
    this.markBreakpoints();
    this.mark(at === undefined ? undefined : this.lines.find(({ address }) => address === at));
  }

  setBreakpoints(addresses: readonly string[]): void {
    this.breakpoints = new Set(addresses);
    this.markBreakpoints();
  }

  /** Chooses the instruction that a byte belongs to, without telling. */
  reveal(address: number): void {
    this.mark(this.lines.find((line) => address >= line.address && address < line.address + line.span));
    this.chosen?.row.scrollIntoView({ block: "nearest" });
  }

  /** One line each; a run of equal instructions (zeros, mostly) is told once. */
  private rows(list: readonly WireInstruction[], next: bigint | undefined): HTMLElement[] {
    const made: HTMLElement[] = [];
    let first: WireInstruction | undefined;
    let repeated = 0;
    const endRun = (): void => {
      if (repeated > 0) made.push(element("div", { class: "repeat" }, `and ${repeated} more of the same`));
      repeated = 0;
    };
    for (const instruction of list) {
      const address = addressOf(instruction.address);
      const line = this.lines.at(-1);
      if (first?.text === instruction.text && first.bytes === instruction.bytes && address !== next && line) {
        line.span += line.length;
        repeated++;
        continue;
      }
      endRun();
      first = instruction;
      const length = instruction.bytes.replaceAll(" ", "").length / 2;
      const row = lineElement(instruction, address === next);
      this.lines.push({ address: Number(address), length, span: length, row });
      made.push(row);
    }
    endRun();
    return made;
  }

  private markBreakpoints(): void {
    for (const { row } of this.lines) {
      row.classList.toggle("breakpoint", this.breakpoints.has(row.dataset["breakpoint"] ?? ""));
    }
  }

  private mark(line: Line | undefined): void {
    this.chosen?.row.setAttribute("aria-selected", "false");
    this.chosen = line;
    line?.row.setAttribute("aria-selected", "true");
    if (line === undefined) this.element.removeAttribute("aria-activedescendant");
    else this.element.setAttribute("aria-activedescendant", line.row.id);
  }

  private choose(line: Line | undefined): void {
    if (line === undefined) return;
    this.mark(line);
    line.row.scrollIntoView({ block: "nearest" });
    this.actions.chosen(line.address, line.length);
  }

  private toggle(line: Line | undefined): void {
    const address = line?.row.dataset["breakpoint"];
    if (address !== undefined) this.actions.toggleBreakpoint(address);
  }

  private click(event: MouseEvent): void {
    const target = event.target instanceof Element ? event.target : undefined;
    const line = this.lines.find(({ row }) => row === target?.closest("[role=option]"));
    this.choose(line);
    if (target?.classList.contains("gutter") === true) this.toggle(line);
  }

  private key(event: KeyboardEvent): void {
    const at = this.chosen === undefined ? -1 : this.lines.indexOf(this.chosen);
    const last = this.lines.length - 1;
    if (event.key === "ArrowDown") this.choose(this.lines[Math.min(at + 1, last)]);
    else if (event.key === "ArrowUp") this.choose(this.lines[Math.max(at - 1, 0)]);
    else if (event.key === "Home") this.choose(this.lines[0]);
    else if (event.key === "End") this.choose(this.lines[last]);
    else if (event.key === "Enter" || event.key === "F9") this.toggle(this.chosen);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

function lineElement(instruction: WireInstruction, isNext: boolean): HTMLElement {
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
