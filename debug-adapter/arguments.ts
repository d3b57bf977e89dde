/** Checks on the arguments of requests, which come from outside. Each throws one sentence. */

export type Arguments = Readonly<Record<string, unknown>>;

/** The arguments of a request as an object. */
export function argumentsOf(value: unknown): Arguments {
  if (value === undefined || value === null) return {};
  if (typeof value !== "object" || Array.isArray(value))
    throw new Error("The arguments of the request must be an object.");
  return value as Arguments;
}

export function textOf(args: Arguments, name: string): string {
  const value = args[name];
  if (typeof value !== "string") throw new Error(`"${name}" must be a text.`);
  return value;
}

export function optionalText(args: Arguments, name: string): string | undefined {
  return args[name] === undefined ? undefined : textOf(args, name);
}

export function integerOf(args: Arguments, name: string, minimum: number, maximum: number): number {
  const value = args[name];
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < minimum || value > maximum) {
    throw new Error(`"${name}" must be a whole number from ${minimum} to ${maximum}.`);
  }
  return value;
}

export function optionalInteger(args: Arguments, name: string, minimum: number, maximum: number): number | undefined {
  return args[name] === undefined ? undefined : integerOf(args, name, minimum, maximum);
}

export function optionalBoolean(args: Arguments, name: string): boolean | undefined {
  const value = args[name];
  if (value !== undefined && typeof value !== "boolean") throw new Error(`"${name}" must be true or false.`);
  return value;
}

/** A list of objects (breakpoints). */
export function listOf(args: Arguments, name: string, maximum: number): Arguments[] {
  const value = args[name];
  if (!Array.isArray(value)) throw new Error(`"${name}" must be a list.`);
  if (value.length > maximum) throw new Error(`"${name}" has ${value.length} entries; at most ${maximum} are taken.`);
  return value.map(argumentsOf);
}

/** A list of texts. */
export function textsOf(args: Arguments, name: string): string[] {
  const value = args[name];
  if (!Array.isArray(value) || !value.every((one) => typeof one === "string")) {
    throw new Error(`"${name}" must be a list of texts.`);
  }
  return value;
}

/** A list of bytes. */
export function bytesOf(args: Arguments, name: string, maximum: number): number[] {
  const value = args[name];
  const isByte = (one: unknown): one is number =>
    Number.isInteger(one) && (one as number) >= 0 && (one as number) < 256;
  if (!Array.isArray(value) || value.length > maximum || !value.every(isByte)) {
    throw new Error(`"${name}" must be a list of at most ${maximum} numbers from 0 to 255.`);
  }
  return value;
}
