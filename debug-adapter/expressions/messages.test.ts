import assert from "node:assert/strict";
import { test } from "node:test";
import type { MessagePart } from "../../emulator/machine/inspect-message.ts";
import { ExpressionError } from "./errors.ts";
import { writeMessage } from "./evaluate.ts";
import { parseHitCondition, stopsAtHit } from "./hit-condition.ts";
import { compileMessage } from "./messages.ts";
import { testContext } from "./test-machine.ts";

const written = (text: string): Promise<string> => writeMessage(compileMessage(text), testContext());

test("values stand in a message, in the format asked for", async () => {
  const cases = {
    "no value": "no value",
    "AX={ax}": "AX=0x7788",
    "{ax:x} {ax:X} {r9:X}": "7788 7788 99",
    "{al:d} {al:u} {al:b} {dl:04b} {dl:4d}|": "-120 136 10001000 0010    2|",
    "{i8(al)} {i8(al):x} {i8(al):05d}": "-120 88 -0120",
    "{ecx:d} {ecx:o}": "-1 37777777777",
    "{cs:ip} {cs:ip:x} {phys:0x500}": "lin:0x7d00 7d00 phys:0x500",
    "{cs:x}": "7c0",
    "{'A':c}{10:c}": "A\\x0a",
    '{phys:0x508:s} {$phase} {$phase == "bios"}': "HdrS bootloader 0x0",
    "{{{ax:x}}}": "{7788}",
    "{u8 phys[0x999]}!": '{error: Character 1 of "u8 phys[0x999]": there is no memory at phys:0x999.}!',
  };
  for (const [text, expected] of Object.entries(cases)) assert.equal(await written(text), expected, text);
  assert.throws(() => compileMessage('{"}" == $phase}'), /one of "bios".* was expected, not "}"/);
});

test("a compiled message is JSON", async () => {
  const parts = compileMessage("at {cs:ip:x}: {ax:04x}");
  const back = JSON.parse(JSON.stringify(parts)) as MessagePart[];
  assert.equal(await writeMessage(back, testContext()), "at 7d00: 7788");
});

test("messages that cannot be read name the place", () => {
  const cases: Record<string, RegExp> = {
    "a {ax": /^Character 3 .*"}" was expected/,
    "a } b": /^Character 3 .*"{" was expected/,
    "{}": /^Character 1 of "": a value was expected/,
    "{ax +}": /^Character 5 of "ax \+": a value was expected/,
    "{ax:99x}": /^Character 4 .*a width of at most 64 was expected/,
    ["{ax}".repeat(33)]: /at most 32 values were expected/,
    ["a".repeat(5000)]: /at most 4096 characters/,
  };
  for (const [text, expected] of Object.entries(cases)) {
    assert.throws(
      () => compileMessage(text),
      (error: unknown) => {
        assert.ok(error instanceof ExpressionError, text);
        assert.match(error.message, expected, text);
        return true;
      },
    );
  }
});

test("hit conditions choose among the hits", () => {
  const stops = (text: string): number[] =>
    [1, 2, 3, 4, 5, 6].filter((hits) => stopsAtHit(parseHitCondition(text), hits));
  assert.deepEqual(stops("5"), [5, 6]);
  assert.deepEqual(stops(">= 5"), [5, 6]);
  assert.deepEqual(stops(">4"), [5, 6]);
  assert.deepEqual(stops(" == 3 "), [3]);
  assert.deepEqual(stops("= 3"), [3]);
  assert.deepEqual(stops("!= 3"), [1, 2, 4, 5, 6]);
  assert.deepEqual(stops("<= 2"), [1, 2]);
  assert.deepEqual(stops("< 2"), [1]);
  assert.deepEqual(stops("% 2"), [2, 4, 6]);
  for (const text of ["", "x", "% 0", "-1", "5 6", ">=", "1e3"]) {
    assert.throws(() => parseHitCondition(text), ExpressionError, text);
  }
});
