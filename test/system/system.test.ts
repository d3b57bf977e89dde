/** Compares what the programs report with QEMU, line by line. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { assemble, runInCore, runInQemu } from "./guest.ts";

const programs = path.join(import.meta.dirname, "programs");

for (const name of readdirSync(programs).filter((file) => file.endsWith(".asm"))) {
  test(`${path.basename(name, ".asm")} behaves as under QEMU`, async () => {
    const image = await assemble(path.join(programs, name));
    const expected = await runInQemu(image);
    const actual = await runInCore(image);
    assert.notEqual(expected.text, "", "the program reported nothing under QEMU");
    assert.deepEqual(actual.text.split("\n"), expected.text.split("\n"));
    assert.equal(actual.end, expected.end);
  });
}
