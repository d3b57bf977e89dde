import assert from "node:assert/strict";
import { test } from "node:test";
import { BootInputError } from "../machine/boot-files.ts";
import { parseCommand } from "./options.ts";
import { SerialSearch } from "./serial-search.ts";

test("a full command line is read", () => {
  const argv =
    "run --kernel k --initrd i --cmdline a=b --memory 256 --boot direct --entry 32 --until icount:5 --timeout 1.5 --json";
  assert.deepEqual(parseCommand(argv.split(" ")), {
    plan: {
      memoryMiB: 256,
      boot: "direct",
      firmware: "builtin",
      kernel: "k",
      initrd: "i",
      cmdline: "a=b",
      entry: "32",
      disks: [],
      cdroms: [],
    },
    until: { kind: "icount", icount: 5n },
    timeout: 1.5,
    json: true,
    screenText: false,
    events: false,
    gdb: undefined,
    marks: [],
  });
});

test("texts to mark, as often as one likes, but none that is empty", () => {
  const command = parseCommand(["run", "--demo", "--mark", "first line", "--mark", "second"]);
  assert.ok(command !== "help");
  assert.deepEqual(command.marks, ["first line", "second"]);
  assert.throws(
    () => parseCommand(["run", "--demo", "--mark", ""]),
    (error: unknown) => error instanceof BootInputError && error.message === "--mark is empty: a text was expected.",
  );
});

test("a port for gdb", () => {
  const command = parseCommand(["run", "--demo", "--gdb", "1234"]);
  assert.ok(command !== "help");
  assert.equal(command.gdb, 1234);
  for (const wrong of ["65536", "-1", "gdb", ""]) {
    assert.throws(() => parseCommand(["run", "--demo", `--gdb=${wrong}`]), BootInputError, wrong);
  }
});

test("drives, firmware and the demo", () => {
  const argv = "run --disk a --disk b --virtio c --cdrom d --persist --demo --firmware seabios --screen-text --events";
  const command = parseCommand(argv.split(" "));
  assert.ok(command !== "help");
  assert.deepEqual(command.plan.disks, [
    { path: "a", bus: "ide", persist: true },
    { path: "b", bus: "ide", persist: true },
    { path: "c", bus: "virtio", persist: true },
  ]);
  assert.deepEqual(command.plan.cdroms, ["d"]);
  assert.equal(command.plan.demo, true);
  assert.equal(command.plan.firmware, "seabios");
  assert.deepEqual([command.screenText, command.events], [true, true]);
});

test("every way to say where to stop", () => {
  const until = (what: string): unknown => {
    const command = parseCommand(["run", "--kernel", "k", "--until", what]);
    return command === "help" ? undefined : command.until;
  };
  assert.deepEqual(until("init"), { kind: "phase", phase: "init" });
  assert.deepEqual(until("serial:login: "), { kind: "serial", text: "login: " });
  assert.deepEqual(until("icount:1470000000"), { kind: "icount", icount: 1_470_000_000n });
  assert.deepEqual(until("int13h:42"), { kind: "event", filter: "int13h:42" });
  assert.deepEqual(until("long-mode"), { kind: "event", filter: "long-mode" });
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
    ["run", "--boot", "direct"],
    ["run", "--kernel", "k", "--boot", "fast"],
    ["run", "--disk"],
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
