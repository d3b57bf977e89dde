/** Sends what is typed on an element to the guest's keyboard, as the keys that were pressed. */
import { keyCodes } from "../../emulator/display/key-codes.ts";

export interface KeyboardOptions {
  send(codes: readonly number[]): void;
  /** Whether a key belongs to the guest now; else VS Code gets it. */
  wants(event: KeyboardEvent): boolean;
  /** The user pressed Ctrl+Alt. */
  release(): void;
}

export interface GuestKeyboard {
  /** Lets go of whatever the guest believes to be held down. */
  releaseAll(): void;
}

/** Ctrl and the left Alt, and nothing else: AltGr of other layouts is the right Alt. */
function isRelease(event: KeyboardEvent, held: ReadonlySet<string>): boolean {
  if (event.getModifierState("AltGraph")) return false;
  const control = held.has("ControlLeft") || held.has("ControlRight");
  return (event.code === "AltLeft" && control) || (event.code.startsWith("Control") && held.has("AltLeft"));
}

export function attachKeyboard(target: HTMLElement, options: KeyboardOptions): GuestKeyboard {
  /** Keys that the guest believes to be down. */
  const held = new Set<string>();
  const releaseAll = (): void => {
    const codes = [...held].flatMap((code) => keyCodes(code)?.break ?? []);
    held.clear();
    if (codes.length > 0) options.send(codes);
  };
  target.addEventListener("keydown", (event) => {
    const keys = keyCodes(event.code);
    if (keys === undefined || !options.wants(event)) return;
    // Neither the page nor VS Code may act on it, too.
    event.preventDefault();
    event.stopPropagation();
    if (isRelease(event, held)) {
      releaseAll();
      options.release();
      return;
    }
    if (keys.break.length > 0) held.add(event.code);
    options.send(keys.make);
  });
  target.addEventListener("keyup", (event) => {
    if (!held.delete(event.code)) return;
    event.preventDefault();
    event.stopPropagation();
    options.send(keyCodes(event.code)?.break ?? []);
  });
  target.addEventListener("blur", releaseAll);
  return { releaseAll };
}
