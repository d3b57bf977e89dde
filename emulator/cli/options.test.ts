import assert from "node:assert/strict";
import { test } from "node:test";
import { BootInputError } from "./boot-files.ts";
import { parseCommand } from "./options.ts";
import { SerialSearch } from "./serial-search.ts";

test("a full command line is read", () => {
  const argv = "run --kernel k --initrd i --cmdline a=b --memory 256 --entry 32 --until icount:5 --timeout 1.5 --json";
  assert.deepEqual(parseCommand(argv.split(" ")), {
    files: { kernel: "k", initrd: "i", cmdline: "a=b", memoryMiB: 256, entry: "32" },
    until: { kind: "icount", icount: 5n },
    timeout: 1.5,
    json: true,
  });
});

test("every way to say where to stop", () => {
  const until = (what: string): unknown => {
    const command = parseCommand(["run", "--kernel", "k", "--until", what]);
    return command === "help" ? undefined : command.until;
  };
  assert.deepEqual(until("init"), { kind: "phase", phase: "init" });
  assert.deepEqual(until("serial:login: "), { kind: "serial", text: "login: " });
  assert.deepEqual(until("icount:1470000000"), { kind: "icount", icount: 1_470_000_000n });
  assert.deepEqual(until("poweroff"), { kind: "poweroff" });
});

test("help is given wherever it is asked for", () => {
  assert.equal(parseCommand(["--help"]), "help");
  assert.equal(parseCommand(["run", "-h"]), "help");
});

test("wrong arguments are refused in one sentence", () => {
  const wrong = [
    [],
    ["boot"],
    ["run"],
    ["run", "x", "--kernel", "k"],
    ["run", "--kernel"],
    ["run", "--kernel", "k", "--bogus"],
    ["run", "--kernel", "k", "--memory", "lots"],
    ["run", "--kernel", "k", "--memory", "-5"],
    ["run", "--kernel", "k", "--timeout", "0"],
    ["run", "--kernel", "k", "--timeout", "1h"],
    ["run", "--kernel", "k", "--until", "shell"],
    ["run", "--kernel", "k", "--until", "icount:x"],
    ["run", "--kernel", "k", "--until", "serial:"],
    ["run", "--kernel", "k", "--entry", "16"],
  ];
  for (const argv of wrong) {
    assert.throws(
      () => parseCommand(argv),
      (error: unknown) => error instanceof BootInputError && /^[^\n]+\.$/.test(error.message),
      argv.join(" "),
    );
  }
});

test("a text is found wherever its bytes are cut", () => {
  const bytes = new TextEncoder().encode("abc login: \u{1f427}> ");
  for (let cut = 0; cut < bytes.length; cut++) {
    const search = new SerialSearch("login: \u{1f427}>");
    const found = [search.feed(bytes.subarray(0, cut)), search.feed(bytes.subarray(cut))];
    assert.equal(found.filter(Boolean).length, 1, `cut at ${cut}`);
  }
  assert.equal(new SerialSearch("aab").feed(new TextEncoder().encode("aaab")), true);
  assert.equal(new SerialSearch("aab").feed(new TextEncoder().encode("aba")), false);
});
