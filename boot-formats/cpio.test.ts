import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { cpioCharDevice, cpioDirectory, cpioFile, cpioSymlink, readCpio, writeCpio } from "./cpio.ts";
import { FormatError } from "./errors.ts";

const ENTRIES = [
  cpioDirectory("bin"),
  cpioFile("bin/tool", "odd", 0o755),
  cpioSymlink("bin/link", "tool"),
  cpioCharDevice("dev-console", 5, 1),
];

test("what was written is read back, with ranges that point at the data", () => {
  const archive = writeCpio(ENTRIES);
  const { entries, end } = readCpio(archive);
  assert.equal(end, archive.length);
  assert.deepEqual(
    entries.map((e) => [e.path, e.mode.toString(8), new TextDecoder().decode(e.data), e.uid, e.gid]),
    [
      ["bin", "40755", "", 0, 0],
      ["bin/tool", "100755", "odd", 0, 0],
      ["bin/link", "120777", "tool", 0, 0],
      ["dev-console", "20600", "", 0, 0],
    ],
  );
  assert.deepEqual(entries[3]!.rdev, { major: 5, minor: 1 });
  const { start, end: dataEnd } = entries[1]!.dataRange;
  assert.equal(new TextDecoder().decode(archive.subarray(start, dataEnd)), "odd");
});

test("equal entries give equal bytes", () => {
  assert.deepEqual(writeCpio(ENTRIES), writeCpio(ENTRIES.map((entry) => ({ ...entry }))));
});

const cpio = spawnSync("cpio", ["--version"]).error ? "cpio is not installed" : false;
test("GNU cpio lists our archive", { skip: cpio }, () => {
  const { stdout, status } = spawnSync("cpio", ["-itv", "--numeric-uid-gid"], {
    input: writeCpio(ENTRIES),
    encoding: "utf8",
  });
  assert.equal(status, 0);
  assert.match(stdout, /^drwxr-xr-x +2 0 +0 .* bin$/m);
  assert.match(stdout, /^-rwxr-xr-x +1 0 +0 +3 .* bin\/tool$/m);
  assert.match(stdout, /^lrwxrwxrwx .* bin\/link -> tool$/m);
  assert.match(stdout, /^crw------- .* 5, +1 .* dev-console$/m);
});

test("an archive behind another is read from its start", () => {
  const archive = writeCpio(ENTRIES);
  const two = new Uint8Array(archive.length * 2);
  two.set(archive);
  two.set(archive, archive.length);
  assert.equal(readCpio(two, readCpio(two).end).entries.length, ENTRIES.length);
});

test("every truncation is one sentence, never another error", () => {
  const archive = writeCpio(ENTRIES);
  const trailer = readCpio(archive).entries.at(-1).dataRange.end;
  for (let length = 0; length < trailer; length++) {
    assert.throws(() => readCpio(archive.subarray(0, length)), FormatError, `at ${length}`);
  }
});

test("hostile headers are refused", () => {
  const archive = writeCpio(ENTRIES);
  const patched = (at: number, text: string): Uint8Array => {
    const copy = archive.slice();
    copy.set(new TextEncoder().encode(text), at);
    return copy;
  };
  assert.throws(() => readCpio(patched(0, "070707")), /the magic 070701/);
  assert.throws(() => readCpio(patched(6, "nothexad")), /hexadecimal/);
  assert.throws(() => readCpio(patched(6 + 6 * 8, "ffffffff")), /4294967295 bytes reaches beyond/);
  assert.throws(() => readCpio(patched(6 + 11 * 8, "00000000")), /a name of 0 bytes/);
  assert.throws(() => readCpio(patched(6 + 11 * 8, "ffffffff")), /a name of 4294967295 bytes/);
});
