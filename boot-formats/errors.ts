/** Control characters, and those that turn the direction of what follows. */
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/**
 * Input that is not what it was taken for. The message is one sentence on one line: what, where, what was expected. Names
 * from the input may be in it, so what cannot be seen is spelt out.
 */
export class FormatError extends Error {
  override readonly name: string = "FormatError";

  constructor(message: string, options?: ErrorOptions) {
    super(
      message.replace(UNSEEN, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`),
      options,
    );
  }
}
