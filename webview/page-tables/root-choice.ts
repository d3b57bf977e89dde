/** Which first table is shown: CR3's, one of those of page table isolation, or any other. */
import type { PageTablesResponse } from "../../debug-adapter/protocol.ts";
import { dropdown, textField } from "../ui/controls.ts";

type Roots = PageTablesResponse["roots"];

const OTHER = "other";

export class RootChoice {
  readonly elements: HTMLElement[];
  /** "" for CR3, "kernel" or "user", or an address expression. */
  value: string;
  readonly #changed: () => void;
  readonly #list = dropdown("First table", (value) => this.#choose(value));
  readonly #other;

  constructor(value: string, changed: () => void) {
    this.value = value;
    this.#changed = changed;
    this.#other = textField({
      label: "Physical address of the first table",
      value: this.isRole ? "" : value,
      placeholder: "phys:0x1234000",
      onEnter: (text) => {
        this.value = text.trim();
        this.#changed();
      },
    });
    this.#other.element.classList.add("other-root");
    this.#other.element.hidden = this.isRole;
    this.elements = [this.#list.element, this.#other.element];
    this.offer([]);
  }

  /** One of the tables in use, whatever its address. */
  get isRole(): boolean {
    return ["", "kernel", "user"].includes(this.value);
  }

  /** What requests are to be told; nothing for CR3. */
  argument(roots: Roots): { root?: string } {
    if (!this.isRole) return { root: this.value };
    const found = roots.find(({ of }) => of === this.value);
    return found === undefined ? {} : { root: `phys:${found.root}` };
  }

  /** Lists the tables in use. */
  offer(roots: Roots): void {
    const isolated = roots.filter(({ of }) => of !== "only");
    const current = roots.find((root) => root.current);
    const choices = [
      { value: "cr3", label: current === undefined ? "CR3" : `CR3: phys:${current.root}` },
      ...isolated.map(({ root, of, current: now }) => ({
        value: of,
        label: `${of === "kernel" ? "Kernel's tables" : "Tables for user mode"}: phys:${root}${now ? " (CR3)" : ""}`,
      })),
      { value: OTHER, label: "Other…" },
    ];
    const selected = !this.isRole ? OTHER : choices.some(({ value }) => value === this.value) ? this.value : "cr3";
    this.#list.setChoices(choices, selected);
  }

  #choose(value: string): void {
    this.#other.element.hidden = value !== OTHER;
    if (value === OTHER) {
      this.#other.element.focus();
      return;
    }
    this.value = value === "cr3" ? "" : value;
    this.#changed();
  }
}
