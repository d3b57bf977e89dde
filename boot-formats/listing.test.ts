/** Listings that are damaged: found by fuzzing. What sound ones are for is in test/dap/listings.test.ts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { FormatError } from "./errors.ts";
import { parseListing } from "./listing.ts";

const nasm = (...lines: readonly string[]): Uint8Array => new TextEncoder().encode(`${lines.join("\n")}\n`);

test("an offset far away is refused instead of filling memory up to it", () => {
  const listing = nasm("     1 00000000 FA                      cli", "     2 7FFFFFF0 F4                      hlt");
  assert.throws(
    () => parseListing(listing),
    new FormatError("Line 2 of the listing makes its sections larger than 16777216 bytes."),
  );
});

test("bytes between lines are not known", () => {
  const { code } = parseListing(
    nasm("     1 00000000 FA                      cli", "     2 00000004 F4                      hlt"),
  );
  assert.deepEqual(code, [
    { address: 0, bytes: Uint8Array.of(0xfa, 0, 0, 0, 0xf4), unknown: Uint8Array.of(0, 1, 1, 1, 0) },
  ]);
});
