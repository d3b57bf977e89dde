import assert from "node:assert/strict";
import { test } from "node:test";
import { KeyboardController } from "./i8042.ts";
import { TestClock } from "./test-clock.ts";

/** What a byte takes on its way from a device. */
const BYTE_NS = 1_000_000;

interface Bench {
  controller: KeyboardController;
  clock: TestClock;
  log: string[];
  data: (value: number) => void;
  command: (value: number) => void;
  /** All bytes that wait, as hex. */
  drain: () => string;
  /** The same with those that come up to `bytes` byte times later, from the first or the second port only. */
  listen: (bytes: number) => string;
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
  const clock = new TestClock();
  const controller = new KeyboardController(clock.queue, {
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
  const drain = (): string => {
    const bytes: string[] = [];
    while (status() & 1) bytes.push(controller.readPort(0x60).toString(16));
    return bytes.join(" ");
  };
  return {
    controller,
    clock,
    log,
    status,
    drain,
    listen: (count) => {
      const heard = [drain()];
      for (let i = 0; i < count; i++) {
        clock.advance(BYTE_NS);
        heard.push(drain());
      }
      return heard.filter((part) => part !== "").join(" ");
    },
    data: (value) => controller.writePort(0x60, 1, value),
    command: (value) => controller.writePort(0x64, 1, value),
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
  const { controller, listen, command, data } = setUp();
  controller.press([0x1c, 0xf0, 0x1c, 0xe0, 0x75]);
  assert.equal(listen(5), "1e 9e e0 48");
  command(0x60);
  data(0x05);
  controller.press([0xf0, 0x1c]);
  assert.equal(listen(2), "f0 1c");
});

test("keys take the time of the line and are not lost, however many wait", () => {
  const { controller, clock, drain, status, log, data } = setUp();
  const typed = Array.from({ length: 100 }, (_, index) => 0x10 + (index % 16));
  controller.press(typed);
  assert.notEqual(drain(), "", "the first one comes at once");
  assert.equal(status() & 1, 0, "the second one does not");
  clock.advance(BYTE_NS - 1);
  assert.equal(status() & 1, 0);
  clock.advance(1);
  assert.equal(status() & 1, 1);
  assert.deepEqual(log, ["irq1", "irq1"]);
  data(0xee);
  let seen = 1 + drain().split(" ").length;
  for (let i = 0; i < 200; i++) {
    clock.advance(BYTE_NS);
    if (status() & 1) seen += drain().split(" ").length;
  }
  assert.equal(seen, 101, "all keys and the echo");
  controller.press(Array<number>(4097).fill(0x1c));
  assert.equal(drain(), "", "a hostile host is bounded");
});

test("nothing is sent while the keyboard is disabled", () => {
  const { controller, drain, command } = setUp();
  command(0xad);
  controller.press([0x1c]);
  assert.equal(drain(), "");
  command(0xae);
  assert.equal(drain(), "1e");
});

test("the keyboard sends set 1 or set 3 itself when it is told to", () => {
  const { controller, listen, data, command } = setUp();
  command(0x60);
  data(0x05);
  const keys = [0x1c, 0xf0, 0x1c, 0xe0, 0x75, 0xe0, 0xf0, 0x75, 0x12, 0xf0, 0x12, 0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77]; // prettier-ignore
  data(0xf0);
  data(0x01);
  assert.equal(listen(0), "fa fa");
  controller.press(keys);
  assert.equal(listen(20), "1e 9e e0 48 e0 c8 2a aa e1 1d 45 e1 9d c5");
  data(0xf0);
  data(0x03);
  listen(0);
  controller.press(keys);
  assert.equal(listen(20), "1c 63 12 f0 12 62", "only Shift tells its release; Pause has a code of its own");
  data(0xf8);
  listen(0);
  controller.press([0x1c, 0xf0, 0x1c, 0xe0, 0x12, 0xe0, 0x7c]);
  assert.equal(listen(20), "1c f0 1c 57", "a fake Shift is none in set 3");
});

test("answers of the keyboard: echo, resend, typematic rate, keys of set 3", () => {
  const { data, drain } = setUp();
  const ask = (...bytes: number[]): string => {
    const answers: string[] = [];
    for (const byte of bytes) {
      data(byte);
      answers.push(drain());
    }
    return answers.join(" / ");
  };
  assert.equal(ask(0xee), "ee");
  assert.equal(ask(0xfe), "ee");
  assert.equal(ask(0xf3, 0x00), "fa / fa");
  assert.equal(ask(0xfc, 0x1c, 0x1d, 0xf4), "fa / fa / fa / fa");
  assert.equal(ask(0x12), "fe");
});

/** Sends bytes to the second port; all that it answers. */
function mouseBench(): Bench & { tell: (...bytes: number[]) => string } {
  const bench = setUp();
  bench.command(0x60);
  bench.data(0x47);
  bench.command(0xa8);
  const tell = (...bytes: number[]): string => {
    const answers: string[] = [];
    for (const byte of bytes) {
      bench.command(0xd4);
      bench.data(byte);
      while (bench.status() & 1) {
        assert.equal(bench.status() & 0x20, 0x20, "from the second port");
        answers.push(bench.controller.readPort(0x60).toString(16));
      }
    }
    return answers.join(" ");
  };
  return { ...bench, tell };
}

test("the mouse resets, tells its state, and becomes one with a wheel", () => {
  const { tell, log, controller, listen } = mouseBench();
  assert.equal(tell(0xff), "fa aa 0");
  assert.deepEqual(log, ["irq12", "irq12", "irq12"]);
  assert.equal(tell(0xe9), "fa 0 2 64");
  assert.equal(tell(0xe8, 0x03, 0xe7), "fa fa fa");
  assert.equal(tell(0xf4), "fa");
  assert.equal(tell(0xe9), "fa 30 3 64");
  controller.move(0, 0, 1, 0);
  assert.equal(listen(5), "8 0 0", "no wheel yet");
  assert.equal(tell(0xf3, 200, 0xf3, 100, 0xf3, 80, 0xf2), "fa fa fa fa fa fa fa 3");
  controller.move(0, 0, -1, 0);
  assert.equal(listen(5), "8 0 0 ff");
  assert.equal(tell(0xf6, 0xf2), "fa fa 3");
  assert.equal(tell(0xff, 0xf2), "fa aa 0 fa 0");
  assert.equal(tell(0xe8, 0x04), "fa fc");
  assert.equal(tell(0x01), "fe");
});

test("the mouse sends movements and buttons in order, in several packets when one is too small", () => {
  const { tell, controller, listen, status } = mouseBench();
  controller.move(5, 5, 0, 0);
  assert.equal(status() & 1, 0, "not before it is enabled");
  tell(0xf4);
  controller.move(3, 4, 0, 1);
  controller.move(1, -2, 0, 1);
  controller.move(0, 0, 0, 0);
  assert.equal(listen(9), "29 3 fc 9 1 2 8 0 0");
  controller.move(-300, 0, 0, 4);
  assert.equal(listen(9), "1c 1 0 1c d3 0");
  tell(0xf5);
  controller.move(1, 1, 0, 0);
  assert.equal(listen(9), "");
});

test("the mouse answers in remote mode, wraps, and repeats itself", () => {
  const { tell, controller, listen } = mouseBench();
  assert.equal(tell(0xf0), "fa");
  controller.move(2, 0, 0, 2);
  assert.equal(listen(5), "", "only when asked");
  assert.equal(tell(0xeb), "fa a 2 0");
  assert.equal(tell(0xfe), "fa a 2 0");
  assert.equal(tell(0xeb), "fa a 0 0");
  assert.equal(tell(0xe9), "fa 41 2 64");
  assert.equal(tell(0xee, 0x12, 0xf4, 0xec), "fa 12 f4 fa");
  assert.equal(tell(0xea), "fa");
});

test("the second port can be switched off, and tested by a loop", () => {
  const { command, data, drain, status, log, controller, clock } = setUp();
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
  data(0xf4);
  assert.equal(drain(), "fa");
  command(0xa7);
  controller.move(1, 1, 0, 0);
  clock.advance(10 * BYTE_NS);
  assert.equal(status() & 1, 0);
  command(0xa8);
  assert.equal(status() & 0x21, 0x21);
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

test("keys and movements that wait survive save and restore, with their time", () => {
  const first = mouseBench();
  first.tell(0xf4);
  first.controller.press([0x1c, 0x1b]);
  first.controller.move(1, 0, 0, 0);
  const second = setUp();
  second.clock.advanceTo(first.clock.now);
  second.controller.restore(first.controller.save());
  second.clock.queue.restore(first.clock.queue.save());
  for (let i = 0; i < 8; i++) {
    assert.equal(second.listen(1), first.listen(1));
  }
  assert.deepEqual(second.controller.save(), first.controller.save());
});
