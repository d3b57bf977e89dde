/**
 * System behaviour of the core by small programs: compared with QEMU line by line where QEMU follows the manuals, and
 * with what the manuals say where it does not.
 */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { assemble, runInCore, runInQemu, runOnBoard } from "./guest.ts";

function programsIn(folder: string): { name: string; source: string }[] {
  const place = path.join(import.meta.dirname, folder);
  return readdirSync(place)
    .filter((file) => file.endsWith(".asm"))
    .map((file) => ({ name: path.basename(file, ".asm"), source: path.join(place, file) }));
}

for (const { name, source } of programsIn("programs")) {
  test(`${name}: as under QEMU`, async () => {
    const image = await assemble(source);
    const expected = await runInQemu(image);
    const actual = await runInCore(image);
    assert.ok(expected.text.length > 100, `QEMU reported only "${expected.text}", and ended by ${expected.end}`);
    assert.deepEqual(actual.text.split("\n"), expected.text.split("\n"));
    assert.equal(actual.end, expected.end);
  });
}

for (const { name, source } of programsIn("board")) {
  test(`${name}: as under QEMU`, async () => {
    const image = await assemble(source);
    const expected = await runInQemu(image);
    const actual = await runOnBoard(image);
    assert.ok(expected.text.length > 100, `QEMU reported only "${expected.text}", and ended by ${expected.end}`);
    assert.deepEqual(actual.text.split("\n"), expected.text.split("\n"));
    assert.equal(actual.end, expected.end);
  });
}

for (const { name, source } of programsIn("documented")) {
  test(`${name}: as documented`, async () => {
    const expected = await readFile(source.replace(/\.asm$/, ".txt"), "latin1");
    const actual = await runInCore(await assemble(source));
    assert.deepEqual(actual.text.split("\n"), expected.split("\n"));
    assert.equal(actual.end, "end");
  });
}
