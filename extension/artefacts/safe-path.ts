/** Paths of archives as they may be used below a folder of this machine. */

/** What Windows takes for more than a letter of a name. */
const WINDOWS_SPECIAL = /[<>:"|?*\\]|[. ]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;
const MAX_PATH = 4096;
const MAX_NAME = 255;

/**
 * The names on a path, without those that mean nothing ("./bin" and "/bin" are "bin"). A string instead is one sentence
 * about why nothing may be written there.
 */
export function safeParts(path: string, platform: NodeJS.Platform = process.platform): string[] | string {
  if (path.length > MAX_PATH) return `A path of ${path.length} characters is too long: at most ${MAX_PATH} are taken.`;
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) return `The path ${shown(path)} climbs out of the archive ("..").`;
  if (path.includes("\0")) return `The path ${shown(path)} holds a zero byte.`;
  const long = parts.find((part) => new TextEncoder().encode(part).length > MAX_NAME);
  if (long !== undefined) return `The name ${shown(long)} is longer than ${MAX_NAME} bytes.`;
  const special = platform === "win32" ? parts.find((part) => WINDOWS_SPECIAL.test(part)) : undefined;
  if (special !== undefined) return `The name ${shown(special)} cannot be used on Windows.`;
  return parts;
}

/** A name that may be hostile, for messages: control characters spelt out, cut to 100 characters. */
export function shown(text: string): string {
  const cut = text.length > 100 ? `${text.slice(0, 100)}…` : text;
  return cut.replace(
    /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}
