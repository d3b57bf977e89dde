import assert from "node:assert/strict";
import { test } from "node:test";
import { KeyboardController } from "./i8042.ts";

interface Bench {
  controller: KeyboardController;
  log: string[];
  data: (value: number) => void;
  command: (value: number) => void;
  /** All bytes that wait, as hex. */
  drain: () => string;
  status: () => number;
}

function setUp(): Bench {
  const log: string[] = [];
  let a20 = true;
  const line = (name: string): ((level: boolean) => void) => {
    let before = false;
    return (level) => {
      if (level && !before) log.push(name);
      before = level;
    };
  };
  const controller = new KeyboardController({
    keyboardIrq: line("irq1"),
    auxIrq: line("irq12"),
    setA20: (enabled) => {
      a20 = enabled;
      log.push(`a20 ${enabled}`);
    },
    a20: () => a20,
    reset: (cause) => log.push(cause),
  });
  const status = (): number => controller.readPort(0x64);
  return {
    controller,
    log,
    status,
    data: (value) => controller.writePort(0x60, 1, value),
    command: (value) => controller.writePort(0x64, 1, value),
    drain: () => {
      const bytes: string[] = [];
      while (status() & 1) bytes.push(controller.readPort(0x60).toString(16));
      return bytes.join(" ");
    },
  };
}

test("self tests and the configuration byte", () => {
  const { command, data, drain } = setUp();
  command(0xaa);
  assert.equal(drain(), "55");
  command(0xab);
  assert.equal(drain(), "0");
  command(0x60);
  data(0x47);
  command(0x20);
  assert.equal(drain(), "47");
  command(0xa7);
  command(0x20);
  assert.equal(drain(), "67");
});

test("the keyboard identifies and resets itself, each byte with its own interrupt", () => {
  const { data, drain, log, command } = setUp();
  command(0x60);
  data(0x05);
  data(0xf2);
  assert.equal(drain(), "fa ab 83");
  assert.deepEqual(log, ["irq1", "irq1", "irq1"]);
  data(0xff);
  assert.equal(drain(), "fa aa");
  data(0xed);
  assert.equal(drain(), "fa");
  data(0x07);
  assert.equal(drain(), "fa");
  data(0xf0);
  assert.equal(drain(), "fa");
  data(0x00);
  assert.equal(drain(), "fa 2");
  data(0x01);
  assert.equal(drain(), "fe");
});

test("scan codes are translated to set 1, with releases", () => {
  const { controller, drain, command, data } = setUp();
  controller.press([0x1c, 0xf0, 0x1c, 0xe0, 0x75]);
  assert.equal(drain(), "1e 9e e0 48");
  command(0x60);
  data(0x05);
  controller.press([0xf0, 0x1c]);
  assert.equal(drain(), "f0 1c");
});

test("nothing is sent while the keyboard is disabled", () => {
  const { controller, drain, command } = setUp();
  command(0xad);
  controller.press([0x1c]);
  assert.equal(drain(), "");
  command(0xae);
  assert.equal(drain(), "1e");
});

test("the second port is there, but nothing is plugged in", () => {
  const { command, data, drain, status, log } = setUp();
  command(0xa9);
  assert.equal(drain(), "0");
  command(0x60);
  data(0x47);
  command(0xd3);
  data(0x5a);
  assert.equal(status() & 0x21, 0x21);
  assert.equal(drain(), "5a");
  assert.deepEqual(log, ["irq1", "irq12"], "one for the test's answer, one for the looped byte");
  command(0xd4);
  data(0xff);
  assert.equal(status() & 0x61, 0x61, "time-out");
  assert.equal(drain(), "fe");
});

test("the output port moves A20 and resets", () => {
  const { command, data, drain, log } = setUp();
  command(0xd1);
  data(0xdd);
  command(0xd0);
  assert.equal(drain(), "cd");
  command(0xd1);
  data(0xdf);
  command(0xd0);
  assert.equal(drain(), "cf");
  command(0xd1);
  data(0xde);
  assert.deepEqual(
    log.filter((entry) => entry !== "irq1"),
    ["a20 false", "a20 true", "a20 true", "keyboard controller output port, bit 0 clear"],
  );
});

test("command 0xFE resets the processor, 0xFF does not", () => {
  const { command, log } = setUp();
  command(0xff);
  assert.deepEqual(log, []);
  command(0xfe);
  assert.deepEqual(log, ["keyboard controller command 0xfe"]);
});

test("state survives save and restore with bytes waiting", () => {
  const first = setUp();
  first.data(0xf2);
  const second = setUp();
  second.controller.restore(first.controller.save());
  assert.equal(second.drain(), "fa ab 41", "0x83 is translated");
});
