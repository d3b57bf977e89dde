import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { buildSmbiosFiles } from "./smbios.ts";

const files = buildSmbiosFiles("SeaBIOS", 512 << 20);
const tables = Buffer.from(files.get("etc/smbios/smbios-tables")!);
const anchor = Buffer.from(files.get("etc/smbios/smbios-anchor")!);

/** Structures as software walks them: type, formatted part, strings. */
function* walk(): Iterable<{ type: number; body: Buffer; strings: string[] }> {
  for (let at = 0; at < tables.length;) {
    const type = tables[at]!;
    const length = tables[at + 1]!;
    const end = tables.indexOf("\0\0", at + length, "latin1");
    const text = tables.toString("latin1", at + length, end);
    yield { type, body: tables.subarray(at, at + length), strings: text === "" ? [] : text.split("\0") };
    at = end + 2;
  }
}

test("the structures that a system must have, with the lengths of version 2.8, ended by type 127", () => {
  const found = [...walk()].map(({ type, body }) => [type, body.length]);
  assert.deepEqual(found, [
    [0, 0x18],
    [1, 0x1b],
    [3, 0x16],
    [4, 0x2a],
    [16, 0x17],
    [17, 0x28],
    [19, 0x1f],
    [32, 0x0b],
    [127, 4],
  ]);
});

test("the entry point counts them and leaves address and sums to the firmware", () => {
  const all = [...walk()];
  assert.equal(anchor.toString("latin1", 0, 4) + anchor.toString("latin1", 16, 21), "_SM__DMI_");
  assert.equal(anchor.readUInt16LE(22), tables.length);
  assert.equal(anchor.readUInt16LE(28), all.length);
  assert.equal(anchor.readUInt32LE(24), 0);
});

test("every string number in the first structures names a string", () => {
  const [bios, system] = [...walk()];
  assert.deepEqual(bios!.strings, ["Bootscope", "SeaBIOS"]);
  assert.equal(system!.strings[0], "Bootscope");
  assert.deepEqual([bios!.body[4], bios!.body[5], bios!.body[8]], [1, 2, 0]);
});

test("dmidecode reads them without complaint", (context) => {
  if (spawnSync("dmidecode", ["--version"]).error) {
    context.skip("dmidecode is not installed (Debian package dmidecode)");
    return;
  }
  const directory = mkdtempSync(join(tmpdir(), "bootscope-smbios-"));
  try {
    // A dump is an entry point and, at 32, the structures; its address and sums are as firmware makes them.
    const entry = Buffer.from(anchor);
    entry.writeUInt32LE(32, 24);
    entry[21] = -entry.subarray(16).reduce((sum, byte) => sum + byte, 0);
    entry[4] = -entry.reduce((sum, byte) => sum + byte, 0);
    const file = join(directory, "dump");
    writeFileSync(file, Buffer.concat([entry, Buffer.alloc(32 - entry.length), tables]));
    const output = execFileSync("dmidecode", ["--from-dump", file], { encoding: "utf8" });
    assert.doesNotMatch(output, /<BAD INDEX>|<OUT OF SPEC>|wrong|broken|truncated/i);
    assert.match(output, /Manufacturer: Bootscope/);
    assert.match(output, /Size: 512 MB/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
