/** Input that is not what it was taken for. The message is one sentence: what, where, what was expected. */
export class FormatError extends Error {
  override readonly name: string = "FormatError";
}
