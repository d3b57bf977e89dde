/** The controls above the bytes: where to go, in which space, and what a number is. */
import { button, checkbox, dropdown, textField } from "../ui/controls.ts";
import { element } from "../ui/dom.ts";
import { LOWER_END, spaceEnd, type Place, type Space } from "./spaces.ts";
import { UNITS, type Unit } from "./units.ts";

export interface ToolbarActions {
  go(expression: string): void;
  follow(isOn: boolean): void;
  setSpace(space: Space): void;
  setUnit(unit: Unit): void;
  back: () => void;
  forward: () => void;
  /** A place, or the end of RAM. */
  jump(place: Place | "RAM end"): void;
}

const SPACES = [
  { value: "lin", label: "Linear" },
  { value: "phys", label: "Physical" },
];

export class Toolbar {
  readonly element: HTMLElement;
  private readonly field;
  private readonly followBox;
  private readonly spaces;
  private readonly backButton: HTMLElement;
  private readonly forwardButton: HTMLElement;
  private readonly middleButton: HTMLElement;
  private space: Space = "lin";

  constructor(expression: string, isFollowing: boolean, unit: Unit, actions: ToolbarActions) {
    const go = (): void => actions.go(this.field.value.trim());
    this.field = textField({
      label: "Address to show",
      value: expression,
      placeholder: "rsp, phys:0x7c00, 07c0:0000, start_kernel",
      onEnter: go,
    });
    const followTitle = "Evaluate the address again at every stop, and go there";
    this.followBox = checkbox("Follow", followTitle, (isOn) => actions.follow(isOn));
    this.spaces = dropdown("Address space", (value) => actions.setSpace(value === "phys" ? "phys" : "lin"));
    const units = dropdown("Numbers", (value) => {
      const chosen = UNITS.find((one) => String(one) === value);
      if (chosen !== undefined) actions.setUnit(chosen);
    });
    units.setChoices(
      UNITS.map((one) => ({ value: String(one), label: one === 1 ? "Bytes" : `${8 * one}-bit words` })),
      String(unit),
    );
    this.backButton = button({ label: "Back", title: "To the place before (Alt+Left)", onClick: actions.back });
    this.forwardButton = button({
      label: "Forward",
      title: "To the place left by Back (Alt+Right)",
      onClick: actions.forward,
    });
    const jump = (place: (space: Space) => Place | "RAM end") => (): void => actions.jump(place(this.space));
    this.middleButton = button({
      label: "",
      onClick: jump((space) => (space === "phys" ? "RAM end" : { space, address: LOWER_END - 1n })),
    });
    this.element = element(
      "div",
      { class: "toolbar" },
      this.field.element,
      button({ label: "Go", title: "Show this address (Enter)", primary: true, onClick: go }),
      this.followBox.element,
      this.spaces.element,
      units.element,
      this.backButton,
      this.forwardButton,
      button({
        label: "0",
        title: "Go to address 0 (Ctrl+Home)",
        onClick: jump((space) => ({ space, address: 0n })),
      }),
      this.middleButton,
      button({
        label: "Top",
        title: "Go to the last address of the space (Ctrl+End)",
        onClick: jump((space) => ({ space, address: spaceEnd(space) - 1n })),
      }),
    );
    this.setFollowing(isFollowing);
    this.setSpace("lin");
    this.setHistory(false, false);
  }

  get expression(): string {
    return this.field.value.trim();
  }

  set expression(text: string) {
    this.field.value = text;
  }

  focus(): void {
    this.field.element.focus();
  }

  setFollowing(isOn: boolean): void {
    this.followBox.checked = isOn;
  }

  setSpace(space: Space): void {
    this.space = space;
    this.spaces.setChoices(SPACES, space);
    const [label, title] =
      space === "phys"
        ? ["RAM end", "Go to the last byte of RAM"]
        : ["Half", "Go to the last canonical address of the lower half, 0x7fffffffffff"];
    this.middleButton.textContent = label;
    this.middleButton.title = title;
  }

  setHistory(canGoBack: boolean, canGoForward: boolean): void {
    this.backButton.toggleAttribute("disabled", !canGoBack);
    this.forwardButton.toggleAttribute("disabled", !canGoForward);
  }
}
