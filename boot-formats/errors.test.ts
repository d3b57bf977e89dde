import assert from "node:assert/strict";
import { test } from "node:test";
import { FormatError } from "./errors.ts";

test("a name from hostile input does not break the line or turn the text around", () => {
  const { message } = new FormatError("The directory /a\n\u202eb\u0000 is found a second time: it was expected once.");
  assert.equal(message, "The directory /a\\u{a}\\u{202e}b\\u{0} is found a second time: it was expected once.");
});
