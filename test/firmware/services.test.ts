/** The built-in BIOS's services against SeaBIOS's: the same calls, the same answers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { pressKey, typeText } from "../../emulator/display/type-text.ts";
import { assemble, BUILTIN_BIOS, diskOf, noQemu, runOnMachine, runOnQemu } from "./harness.ts";

// Two cylinders of 16 heads and 63 sectors, and a bit: with none, SeaBIOS has no geometry for a virtio disk.
const SECTORS = 2100;

for (const bus of ["ide", "virtio"] as const) {
  test(`INT 10h to 1Ah answer as SeaBIOS's do, on QEMU and on our machine, ${bus} disk`, { skip: noQemu }, async () => {
    const disk = diskOf(assemble("test/firmware/services.s"), SECTORS);
    const expected = await runOnQemu({ disk, bus });
    assert.match(expected, /\nend .*\r\n$/, "the program came to its end with SeaBIOS");
    assert.ok(expected.split("\n").length > 60);
    assert.equal(await runOnQemu({ disk, bus, bios: BUILTIN_BIOS }), expected);
    const ours = await runOnMachine({ disk, bus });
    assert.equal(ours.output, expected);
    assert.deepEqual(ours.result, { reason: "poweroff" });
  });
}

/** Keys as QEMU's monitor names them, and as `KeyboardEvent.code`, held in this order. */
const KEYS: [qemu: string, held: string[]][] = [
  ["a", ["KeyA"]],
  ["shift-a", ["ShiftLeft", "KeyA"]],
  ["shift_r-q", ["ShiftRight", "KeyQ"]],
  ["ctrl-c", ["ControlLeft", "KeyC"]],
  ["alt-x", ["AltLeft", "KeyX"]],
  ["1", ["Digit1"]],
  ["shift-1", ["ShiftLeft", "Digit1"]],
  ["ctrl-2", ["ControlLeft", "Digit2"]],
  ["alt-equal", ["AltLeft", "Equal"]],
  ["bracket_left", ["BracketLeft"]],
  ["shift-apostrophe", ["ShiftLeft", "Quote"]],
  ["ret", ["Enter"]],
  ["backspace", ["Backspace"]],
  ["ctrl-backspace", ["ControlLeft", "Backspace"]],
  ["tab", ["Tab"]],
  ["shift-tab", ["ShiftLeft", "Tab"]],
  ["spc", ["Space"]],
  ["f1", ["F1"]],
  ["shift-f2", ["ShiftLeft", "F2"]],
  ["ctrl-f3", ["ControlLeft", "F3"]],
  ["alt-f10", ["AltLeft", "F10"]],
  ["f11", ["F11"]],
  ["up", ["ArrowUp"]],
  ["delete", ["Delete"]],
  ["pgdn", ["PageDown"]],
  ["kp_7", ["Numpad7"]],
  ["kp_add", ["NumpadAdd"]],
  ["slash", ["Slash"]],
];

test("keys arrive as SeaBIOS reports them", { skip: noQemu }, async () => {
  const disk = assemble("test/firmware/keys.s");
  // One key after the other: the next one when the last one has been printed.
  const linesOf = (output: string): number => output.split("\n").length - 1;
  const answerer = (): ((output: string) => { monitor: string } | undefined) => {
    let sent = 0;
    return (output) => {
      if (!output.startsWith("!") || linesOf(output) < sent || sent > KEYS.length) return undefined;
      return { monitor: `sendkey ${KEYS[sent++]?.[0] ?? "esc"}\n` };
    };
  };
  const expected = await runOnQemu({ disk, answer: answerer() });
  assert.equal(linesOf(expected), KEYS.length + 1, expected);
  assert.equal(await runOnQemu({ disk, bios: BUILTIN_BIOS, answer: answerer() }), expected);
  let sent = 0;
  const ours = await runOnMachine({
    disk,
    answer: (output, machine) => {
      if (linesOf(output) < sent || sent > KEYS.length) return;
      const held = KEYS[sent++]?.[1] ?? ["Escape"];
      const codes = held.map(pressKey);
      // pressKey gives press and release; held keys are released in the opposite order.
      machine.keyboardInput([...codes.flatMap(pressed), ...codes.reverse().flatMap(released)]);
    },
  });
  assert.equal(ours.output, expected);
});

const pressed = (codes: number[]): number[] => codes.slice(0, codes.indexOf(0xf0) - (codes[0] === 0xe0 ? 1 : 0));
const released = (codes: number[]): number[] => codes.slice(pressed(codes).length);

test("typed text goes through the keyboard buffer", { skip: noQemu }, async () => {
  const text = "Hello, World! (64) ~\x1b";
  const { output } = await runOnMachine({
    disk: assemble("test/firmware/keys.s"),
    answer: (heard, machine) => {
      if (heard === "!") machine.keyboardInput(typeText(text));
    },
  });
  const characters = output
    .slice(1)
    .trim()
    .split("\n")
    .map((line) => String.fromCharCode(parseInt(line.slice(2, 4), 16)));
  assert.equal(characters.join(""), text);
});
