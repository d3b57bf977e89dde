/** Text as the keys that type it on a US keyboard. */
import { keyCodes } from "./key-codes.ts";

/** Pairs of characters: without and with Shift. */
const US_LAYOUT: Record<string, string> = {
  Backquote: "`~", Digit1: "1!", Digit2: "2@", Digit3: "3#", Digit4: "4$", Digit5: "5%", Digit6: "6^", Digit7: "7&",
  Digit8: "8*", Digit9: "9(", Digit0: "0)", Minus: "-_", Equal: "=+", BracketLeft: "[{", BracketRight: "]}",
  Backslash: "\\|", Semicolon: ";:", Quote: "'\"", Comma: ",<", Period: ".>", Slash: "/?", Space: "  ",
}; // prettier-ignore

/** Keys without Shift for control characters. */
const CONTROLS: Record<string, string> = {
  "\n": "Enter",
  "\r": "Enter",
  "\t": "Tab",
  "\b": "Backspace",
  "\x1b": "Escape",
};

interface TypedKey {
  key: string;
  shift: boolean;
}

const KEYS: ReadonlyMap<string, TypedKey> = new Map<string, TypedKey>([
  ...Object.entries(US_LAYOUT).flatMap(([key, [plain = "", shifted = ""]]) => [
    [shifted, { key, shift: true }] as const,
    [plain, { key, shift: false }] as const,
  ]),
  ...[..."abcdefghijklmnopqrstuvwxyz"].flatMap((letter) => {
    const key = `Key${letter.toUpperCase()}`;
    return [[letter, { key, shift: false }] as const, [letter.toUpperCase(), { key, shift: true }] as const];
  }),
  ...Object.entries(CONTROLS).map(([character, key]) => [character, { key, shift: false }] as const),
]);

/** Presses and releases one key, given by its `KeyboardEvent.code`. Throws RangeError for a name that there is no key for. */
export function pressKey(code: string): number[] {
  const codes = keyCodes(code);
  if (!codes)
    throw new RangeError(`"${code}" is no key of a PC keyboard; expected names such as Enter, KeyA or ArrowDown.`);
  return [...codes.make, ...codes.break];
}

/**
 * Scan codes of set 2 that type a text on a US keyboard: letters, digits, punctuation, blanks, new lines, tabs, backspace
 * and escape. Throws RangeError for anything else.
 */
export function typeText(text: string): number[] {
  const shift = keyCodes("ShiftLeft");
  return [...text].flatMap((character) => {
    const found = KEYS.get(character);
    if (!found) {
      throw new RangeError(`A US keyboard has no key for ${JSON.stringify(character)} in the text to type.`);
    }
    const pressed = pressKey(found.key);
    return found.shift ? [...(shift?.make ?? []), ...pressed, ...(shift?.break ?? [])] : pressed;
  });
}
