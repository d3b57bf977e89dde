/** Texts of files, which may be hostile, as they can be shown: what has no shape of its own is spelt out. */

/** Control characters, and those that turn the direction of what follows. */
const INVISIBLE = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g;
const LONGEST = 2000;

/** The text with control characters as \xNN or \u{NNNN}; what is very long is cut. */
export function visible(text: string): string {
  const cut = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  return cut.replace(INVISIBLE, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
  });
}

/** "0x1be–0x1cd", one address for one byte, "" for nothing. */
export function rangeText(offset: number, length: number): string {
  if (length === 0) return "";
  const first = `0x${offset.toString(16)}`;
  return length === 1 ? first : `${first}–0x${(offset + length - 1).toString(16)}`;
}
