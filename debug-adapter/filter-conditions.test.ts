/** What conditions of filters leave over for the machine to look at. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { PlainCatch } from "./exception-filters.ts";
import { compile } from "./expressions/parser.ts";
import { narrowed } from "./filter-conditions.ts";

const ports: PlainCatch = { kind: "port", first: 0, last: 0xffff, access: "readWrite" };

test("ports that a condition excludes are not caught at all", () => {
  const cases: Record<string, [number, number]> = {
    "$port == 0x3f8": [0x3f8, 0x3f8],
    "0x3f8 == $port && al == 1": [0x3f8, 0x3f8],
    "$port >= 0x1f0 && 0x1f7 >= $port": [0x1f0, 0x1f7],
    "$port > 5 && $port < 9": [6, 8],
    "$port == 0x60 || $port == 0x64": [0x60, 0x64],
    "$port == 0x60 || al == 1": [0, 0xffff],
    "$port & 1": [0, 0xffff],
    "$port != 3": [0, 0xffff],
    "$port == 1 && $port == 2": [0, 0xffff],
  };
  for (const [text, [first, last]] of Object.entries(cases)) {
    assert.deepEqual(narrowed(ports, compile(text)), { ...ports, first, last }, text);
  }
});

test("vectors that a condition excludes are not caught, nor those without the error code that it needs", () => {
  const vectors = (plain: PlainCatch, text: string): readonly number[] | undefined => {
    const one = narrowed(plain, compile(text));
    return "vectors" in one ? one.vectors : undefined;
  };
  assert.deepEqual(vectors({ kind: "interrupt" }, "$vector == 0x20"), [0x20]);
  assert.deepEqual(vectors({ kind: "softwareInterrupt" }, "$vector >= 0x10 && $vector < 0x12"), [0x10, 0x11]);
  assert.deepEqual(vectors({ kind: "softwareInterrupt", vectors: [3] }, "$error == 2"), []);
  assert.equal(vectors({ kind: "softwareInterrupt" }, "ah == 0x42"), undefined);
  assert.deepEqual(vectors({ kind: "exception", vectors: [6] }, "$vector == 7"), [6]);
  assert.deepEqual(vectors({ kind: "exception" }, "$error & 2"), [8, 10, 11, 12, 13, 14, 17]);
  assert.deepEqual(vectors({ kind: "exception" }, "$vector == 6 || $error == 2"), undefined);
  assert.deepEqual(vectors({ kind: "exception" }, "$cpl == 3 && $exception > 12 && $error"), [13, 14, 17]);
});
