/** Disassembly of boot code, asked for a screenful at a time as the list is scrolled. */
import { element } from "../ui/dom.ts";
import type { CodeInfo, CodeLine, Requests } from "./messages.ts";

const LINES = 128;
/** Lines that are kept in the list. */
const MAX_LINES = 20_000;

export interface CodeActions {
  disassemble(args: Requests["disassemble"]["arguments"]): Promise<CodeLine[]>;
  chosen(stream: number, line: CodeLine): void;
  failed(message: string): void;
}

export class CodeView {
  readonly element: HTMLElement;
  private readonly actions: CodeActions;
  private code: CodeInfo | undefined;
  private lines: CodeLine[] = [];
  private chosen = -1;
  private ended = true;
  private asking = false;

  constructor(actions: CodeActions) {
    this.actions = actions;
    this.element = element("div", {
      class: "disassembly mono",
      role: "listbox",
      tabindex: "0",
      "aria-label": "Disassembly",
    });
    this.element.addEventListener("scroll", () => void this.fill());
    this.element.addEventListener("keydown", (event) => this.key(event));
    this.element.addEventListener("click", (event) => {
      const row = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-at]") : undefined;
      if (row) this.choose(Number(row.dataset["at"]));
    });
  }

  show(code: CodeInfo | undefined): void {
    this.code = code;
    this.lines = [];
    this.chosen = -1;
    this.ended = code === undefined;
    this.element.replaceChildren();
    this.element.scrollTop = 0;
    if (code === undefined) this.element.append(element("p", { class: "hint" }, "No boot code is known here."));
    void this.fill();
  }

  /** Asks for more lines when the end of the list is near. */
  private async fill(): Promise<void> {
    const { code } = this;
    const near = this.element.scrollTop + 2 * this.element.clientHeight >= this.element.scrollHeight;
    if (!code || this.ended || this.asking || !near || this.lines.length >= MAX_LINES) return;
    const last = this.lines.at(-1);
    const offset = last ? last.offset + last.length : code.offset;
    const end = code.offset + code.length;
    const address = String(BigInt(code.address) + BigInt(offset - code.offset));
    this.asking = true;
    try {
      const args = { stream: code.stream, offset, end, bits: code.bits, address, count: LINES };
      const lines = await this.actions.disassemble(args);
      if (this.code !== code) return;
      this.ended = lines.length === 0;
      for (const line of lines) this.append(line);
    } catch (error) {
      this.ended = true;
      this.actions.failed(error instanceof Error ? error.message : String(error));
    } finally {
      this.asking = false;
    }
    void this.fill();
  }

  private append(line: CodeLine): void {
    const at = this.lines.push(line) - 1;
    this.element.append(
      element(
        "div",
        { class: "line", role: "option", id: `line-${at}`, "data-at": String(at), "aria-selected": "false" },
        element("span", { class: "address" }, line.address),
        element("span", { class: "bytes" }, line.bytes),
        element("span", { class: "instruction" }, line.text),
      ),
    );
  }

  private choose(at: number): void {
    const line = this.lines[Math.max(0, Math.min(at, this.lines.length - 1))];
    if (!line || !this.code) return;
    this.element.children[this.chosen]?.setAttribute("aria-selected", "false");
    this.chosen = this.lines.indexOf(line);
    const row = this.element.children[this.chosen];
    row?.setAttribute("aria-selected", "true");
    row?.scrollIntoView({ block: "nearest" });
    this.element.setAttribute("aria-activedescendant", `line-${this.chosen}`);
    this.actions.chosen(this.code.stream, line);
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const moves: Record<string, number> = {
      ArrowDown: this.chosen + 1,
      ArrowUp: this.chosen - 1,
      PageDown: this.chosen + 20,
      PageUp: this.chosen - 20,
      Home: 0,
      End: this.lines.length - 1,
    };
    const target = moves[event.key];
    if (target === undefined) return;
    event.preventDefault();
    this.choose(target);
  }
}
