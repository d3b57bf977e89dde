import assert from "node:assert/strict";
import { test } from "node:test";
import { createGuest } from "../native/guest.ts";
import { compareLengths } from "./lengths.ts";

for (const [mode, bits] of [
  [0, 16],
  [1, 32],
  [2, 64],
] as const) {
  test(`instruction lengths in ${bits}-bit code are those of iced-x86 over the whole opcode map`, async (context) => {
    const { compared, mismatches } = compareLengths(await createGuest(), mode);
    context.diagnostic(`${compared} encodings compared`);
    const first = mismatches
      .slice(0, 20)
      .map(({ bytes, text, core, iced }) => `${bytes}  ${text}: core ${core}, iced-x86 ${iced}`);
    assert.equal(mismatches.length, 0, `${mismatches.length} lengths differ:\n${first.join("\n")}`);
  });
}
