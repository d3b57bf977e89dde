/** The Debian installer: its kernel, its 40 MB initrd, and its first screen on the serial console. */
import assert from "node:assert/strict";
import { test } from "node:test";
import xterm from "@xterm/headless";
import { installer } from "../../scripts/guests/guests.ts";
import { Guest } from "./guest.ts";

const ROWS = 25;
/** udev loads drivers of all devices first, and the screen's draws the text console dot by dot. */
const LIMIT = 30_000_000_000;

/** The lines that a terminal shows after that output. */
async function screen(output: string): Promise<string[]> {
  const terminal = new xterm.Terminal({ cols: 80, rows: ROWS, allowProposedApi: true });
  await new Promise<void>((written) => terminal.write(Buffer.from(output, "latin1"), written));
  const { active } = terminal.buffer;
  const lines = Array.from({ length: ROWS }, (_, y) => active.getLine(active.baseY + y)?.translateToString(true) ?? "");
  terminal.dispose();
  return lines;
}

// With less than some 800 MiB the first screen is a warning about low memory.
test("the installer asks for the language", async () => {
  const { kernel, initrd } = await installer();
  const guest = await Guest.boot("installer", { kernel, initrd, memoryMiB: 1024 });
  guest.expect("Select a language", LIMIT);
  // The last thing drawn is the line of keys below the dialogue.
  guest.expect("activates buttons");
  const lines = await screen(guest.output);
  const text = lines.join("\n");
  assert.match(text, /Select a language/, text);
  assert.match(text, /English/, text);
  assert.match(text, /<Tab> moves; <Space> selects; <Enter> activates buttons/, text);
  // Cursor down marks the next language, which redraws both.
  const before = guest.output.length;
  guest.type("\x1b[B");
  while (guest.output.length < before + 20) assert.equal(guest.machine.run(1_000_000).reason, "budget");
});
