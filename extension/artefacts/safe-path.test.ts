import assert from "node:assert/strict";
import { test } from "node:test";
import { safeParts, shown } from "./safe-path.ts";

test("plain paths are their names, however they are written", () => {
  assert.deepEqual(safeParts("usr/bin/env"), ["usr", "bin", "env"]);
  assert.deepEqual(safeParts("./bin//sh"), ["bin", "sh"]);
  assert.deepEqual(safeParts("/etc/passwd"), ["etc", "passwd"], "an absolute path lies below the folder");
  assert.deepEqual(safeParts("a\\x2db.service"), ["a\\x2db.service"], "a backslash is a letter on Unix");
  assert.deepEqual(safeParts("."), []);
});

test("paths that climb out, hold zeros or are too long are told in one sentence", () => {
  for (const hostile of ["../x", "a/../../x", "a/..", "..", "a\0b", "x".repeat(300), "a/".repeat(4000)]) {
    const told = safeParts(hostile);
    assert.equal(typeof told, "string", hostile.slice(0, 20));
    assert.match(told as string, /^[^\n\0]+\.$/);
  }
});

test("what Windows takes for devices and streams is refused there", () => {
  for (const hostile of ["C:evil", "a\\..\\..\\b", "con", "nul.txt", "a/b:stream", "trailing.", "a|b"]) {
    assert.equal(typeof safeParts(hostile, "win32"), "string", hostile);
  }
  assert.deepEqual(safeParts("etc/hosts", "win32"), ["etc", "hosts"]);
});

test("control characters and turned directions are spelt out", () => {
  assert.equal(shown("a\u001b[31mb"), "a\\u{1b}[31mb");
  assert.equal(shown("gnp.\u202eexe"), "gnp.\\u{202e}exe");
  assert.equal(shown("x".repeat(200)).length, 101);
});
