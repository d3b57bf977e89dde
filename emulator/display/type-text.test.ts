import assert from "node:assert/strict";
import { test } from "node:test";
import { keyCodes } from "./key-codes.ts";
import { pressKey, typeText } from "./type-text.ts";

const hex = (codes: readonly number[] | undefined): string =>
  codes?.map((code) => code.toString(16)).join(" ") ?? "none";

test("keys send their make and break codes", () => {
  assert.equal(hex(keyCodes("KeyA")?.make), "1c");
  assert.equal(hex(keyCodes("KeyA")?.break), "f0 1c");
  assert.equal(hex(keyCodes("ArrowUp")?.break), "e0 f0 75");
  assert.equal(hex(keyCodes("PrintScreen")?.make), "e0 12 e0 7c");
  assert.equal(hex(keyCodes("PrintScreen")?.break), "e0 f0 7c e0 f0 12");
  assert.equal(hex(pressKey("Pause")), "e1 14 77 e1 f0 14 f0 77");
  assert.equal(keyCodes("Fn"), undefined);
  assert.throws(() => pressKey("enter"), /"enter" is no key of a PC keyboard/);
});

test("text becomes keys of a US keyboard", () => {
  assert.equal(hex(typeText("a\n")), "1c f0 1c 5a f0 5a");
  assert.equal(hex(typeText("A")), "12 1c f0 1c f0 12");
  assert.equal(hex(typeText("~")), "12 e f0 e f0 12");
  assert.equal(hex(typeText(" ")), "29 f0 29");
  const printable = Array.from({ length: 95 }, (_, index) => String.fromCharCode(0x20 + index)).join("");
  assert.ok(typeText(printable).length > 95 * 3);
  assert.throws(() => typeText("ä"), /no key for "ä"/);
});

test("no two keys send the same", () => {
  const names = ["KeyA", "Numpad7", "Home", "NumpadEnter", "Enter", "Slash", "NumpadDivide", "ShiftLeft", "ShiftRight"];
  assert.equal(new Set(names.map((name) => hex(keyCodes(name)?.make))).size, names.length);
});
