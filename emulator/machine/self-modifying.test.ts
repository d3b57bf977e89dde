import assert from "node:assert/strict";
import { test } from "node:test";
import { Machine } from "./machine.ts";

test("a link between blocks of a page is followed to the code as it is now, not as it was", async () => {
  // 7c00: mov cx, 3 / 7c03: jmp 7c10 / 7c10: mov al, 'x' / out e9h, al / inc byte [7c11] / dec cx / jnz 7c03 / hlt
  const program = new Array<number>(0x1c).fill(0x90);
  program.splice(0, 5, 0xb9, 3, 0, 0xeb, 0x0b);
  program.splice(0x10, 12, 0xb0, 0x78, 0xe6, 0xe9, 0xfe, 0x06, 0x11, 0x7c, 0x49, 0x75, 0xe8, 0xf4);
  let text = "";
  const machine = await Machine.createRaw(
    { memoryMiB: 2, writes: [{ physical: 0x7c00, bytes: Uint8Array.from(program) }] },
    {
      output: (_source, bytes) => {
        text += String.fromCharCode(...bytes);
      },
      phase: () => undefined,
    },
  );
  machine.writeRegister("cs.selector", 0n);
  machine.writeRegister("cs.base", 0n);
  machine.writeRegister("rip", 0x7c00n);
  assert.equal(machine.run(100).reason, "halted");
  assert.equal(text, "xyz");
});
