/**
 * The controls of the panels. The only module that knows the library they come from (`@vscode/webview-ui-toolkit`, which
 * is archived), so that it can be exchanged.
 */
import {
  provideVSCodeDesignSystem,
  vsCodeButton,
  vsCodeCheckbox,
  vsCodeDropdown,
  vsCodeOption,
  vsCodeTextField,
  type Button,
  type Checkbox,
  type Dropdown,
  type TextField,
} from "@vscode/webview-ui-toolkit";
import { element } from "./dom.ts";

provideVSCodeDesignSystem().register(
  vsCodeButton(),
  vsCodeCheckbox(),
  vsCodeDropdown(),
  vsCodeOption(),
  vsCodeTextField(),
);

export interface ButtonOptions {
  label: string;
  /** Longer text for the tool tip. */
  title?: string;
  primary?: boolean;
  onClick: () => void;
}

export function button(options: ButtonOptions): HTMLElement {
  const control = element("vscode-button", {
    appearance: options.primary === true ? "primary" : "secondary",
    ...(options.title !== undefined && { title: options.title }),
  }) as Button;
  control.append(options.label);
  control.addEventListener("click", options.onClick);
  return control;
}

export interface TextFieldOptions {
  label: string;
  value: string;
  placeholder?: string;
  /** The user pressed Enter. */
  onEnter: (value: string) => void;
  onEscape?: () => void;
}

export interface TextInput {
  element: HTMLElement;
  value: string;
}

export function textField(options: TextFieldOptions): TextInput {
  const control = element("vscode-text-field", {
    "aria-label": options.label,
    ...(options.placeholder !== undefined && { placeholder: options.placeholder }),
  }) as TextField;
  control.value = options.value;
  // Once in the page, the library calls every field "Text field".
  new MutationObserver(() => {
    if (control.getAttribute("aria-label") !== options.label) control.setAttribute("aria-label", options.label);
  }).observe(control, { attributeFilter: ["aria-label"] });
  control.addEventListener("keydown", (event) => {
    if (event.key === "Enter") options.onEnter(control.value);
    else if (event.key === "Escape") options.onEscape?.();
  });
  return {
    element: control,
    get value() {
      return control.value;
    },
    set value(value) {
      control.value = value;
    },
  };
}

export interface Choice {
  value: string;
  label: string;
}

export interface ChoiceInput {
  element: HTMLElement;
  setChoices(choices: readonly Choice[], selected: string): void;
}

export function dropdown(label: string, onChange: (value: string) => void): ChoiceInput {
  const control = element("vscode-dropdown", { "aria-label": label }) as Dropdown;
  control.addEventListener("change", () => onChange(control.value));
  return {
    element: control,
    setChoices(choices, selected) {
      control.replaceChildren(
        ...choices.map(({ value, label: text }) => {
          const option = element("vscode-option", { value });
          option.append(text);
          if (value === selected) option.setAttribute("selected", "");
          return option;
        }),
      );
      control.value = selected;
    },
  };
}

export interface CheckInput {
  element: HTMLElement;
  checked: boolean;
}

export function checkbox(label: string, title: string, onChange: (isChecked: boolean) => void): CheckInput {
  const control = element("vscode-checkbox", { title }) as Checkbox;
  control.append(label);
  // Its "change" also comes when the program sets it.
  let checked = false;
  control.addEventListener("change", () => {
    if (control.checked === checked) return;
    checked = control.checked;
    onChange(checked);
  });
  return {
    element: control,
    get checked() {
      return checked;
    },
    set checked(value) {
      checked = value;
      control.checked = value;
    },
  };
}
