/** The stub over a machine made up for the test: what gdb itself does not send, and what nobody should send. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Breakpoint, CpuState, StopResult, Watchpoint } from "../target.ts";
import type { GdbHost } from "./host.ts";
import { frame, littleEndian, PacketReader } from "./packets.ts";
import { GDB_REGISTERS } from "./registers.ts";
import { GdbStub } from "./stub.ts";
import { TARGET_DESCRIPTION } from "./target-description.ts";

/** A boot sector at 07c0:0000, in real mode. */
function bootSector(): CpuState {
  const segment = (selector: number): CpuState["segments"]["cs"] => ({
    selector,
    base: BigInt(selector) * 16n,
    limit: 0xffff,
    attributes: 0x93,
    unusable: false,
  });
  const zero = segment(0);
  const segments = { es: zero, ss: zero, ds: zero, fs: zero, gs: zero, ldtr: zero, tr: zero };
  return {
    mode: "real",
    icount: 7n,
    time: 7n,
    cpl: 0,
    gpr: Array.from({ length: 16 }, (_value, index) => BigInt(index) << 32n),
    rip: 0x10n,
    rflags: 0x46n,
    segments: { ...segments, cs: segment(0x7c0) },
    gdtr: { base: 0n, limit: 0xffff },
    idtr: { base: 0n, limit: 0x3ff },
    cr0: 0x10n,
    cr2: 0n,
    cr3: 0n,
    cr4: 0n,
    cr8: 0n,
    efer: 0n,
    xcr0: 1n,
    dr: [0n, 0n, 0n, 0n, 0n, 0n],
    fpu: {
      cw: 0x37f,
      sw: 0x3000,
      tag: 0b1100_0000,
      opcode: 0,
      ip: 0n,
      dp: 0n,
      st: [
        { mantissa: 1n << 63n, signExponent: 0x3fff },
        { mantissa: 0n, signExponent: 0 },
        ...Array.from({ length: 6 }, () => ({ mantissa: 5n, signExponent: 0 })),
      ],
    },
    mxcsr: 0x1f80,
    xmm: Array.from({ length: 16 }, (_value, index) => new Uint8Array(16).fill(index)),
    msrs: [],
    halted: false,
  };
}

const MEMORY = 0x10000;

/** Until everything that is under way without the outside has been done. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A stub with 64 KiB behind it; `ask` sends a packet and gives the next answer. */
function stub() {
  const cpu = bootSector();
  const memory = new Uint8Array(MEMORY);
  const made = {
    cpu,
    memory,
    running: false,
    breakpoints: [] as readonly Breakpoint[],
    watchpoints: [] as readonly Watchpoint[],
    /** What the stub did to the machine. */
    done: [] as string[],
    sent: [] as string[],
    ended: false,
  };
  const done = (what: string) => () => Promise.resolve(void made.done.push(what));
  const target: GdbHost["target"] = {
    cpu: () => Promise.resolve(structuredClone(cpu)),
    readMemory: (space, address, length) => {
      made.done.push(`read ${space}`);
      const at = address < BigInt(MEMORY) ? Number(address) : MEMORY;
      return Promise.resolve(memory.slice(at, at + length));
    },
    writeMemory: (space, address, bytes) => {
      made.done.push(`write ${space}`);
      const room = Math.max(0, Math.min(bytes.length, MEMORY - Number(address)));
      memory.set(bytes.subarray(0, room), Math.min(MEMORY, Number(address)));
      return Promise.resolve(room);
    },
    writeRegister: (name, value) => done(`${name} = ${value.toString(16)}`)(),
  };
  const host: GdbHost = {
    target,
    get running() {
      return made.running;
    },
    setBreakpoints: (list) => Promise.resolve(void (made.breakpoints = list)),
    setWatchpoints: (list) => Promise.resolve(void (made.watchpoints = list)),
    resume: (how) => {
      made.done.push(how);
      made.running = true;
    },
    interrupt: done("interrupt"),
    detached: () => void made.done.push("detached"),
    kill: done("kill"),
    console: (command) => Promise.resolve(`console: ${command}`),
  };
  let wake: (() => void) | undefined;
  const reader = new PacketReader();
  const heard: string[] = [];
  const one = new GdbStub(host, {
    send: (bytes) => {
      made.sent.push(Buffer.from(bytes).toString("latin1"));
      for (const incoming of reader.feed(bytes)) if (incoming.kind === "packet") heard.push(incoming.data);
      wake?.();
    },
    end: () => {
      made.ended = true;
      wake?.();
    },
  });
  const answer = async (): Promise<string> => {
    while (heard.length === 0 && !made.ended) await new Promise<void>((resolve) => (wake = resolve));
    return heard.shift() ?? "";
  };
  return Object.assign(made, {
    one,
    answer,
    say: (packet: string) => one.receive(frame(packet)),
    ask: (packet: string) => {
      one.receive(frame(packet));
      return answer();
    },
    /** The machine stops, once the stub has done what it was told. */
    stop: async (stop: StopResult) => {
      await turn();
      made.running = false;
      await one.stopped(stop);
      return answer();
    },
  });
}

const numberOf = (name: string): string => GDB_REGISTERS.findIndex((one) => one.name === name).toString(16);

test("a bad packet is asked for again, and an answer that was not understood comes again", async () => {
  const gdb = stub();
  gdb.one.receive(Buffer.from("$qC#00"));
  assert.deepEqual(gdb.sent, ["-"]);
  assert.equal(await gdb.ask("qC"), "QC1");
  gdb.one.receive(Buffer.from("-"));
  assert.equal(await gdb.answer(), "QC1");
});

test("acknowledgements end when gdb asks for it", async () => {
  const gdb = stub();
  assert.equal(await gdb.ask("QStartNoAckMode"), "OK");
  gdb.sent.length = 0;
  assert.equal(await gdb.ask("qC"), "QC1");
  gdb.one.receive(Buffer.from("$qC#00"));
  assert.deepEqual(gdb.sent, [frame("QC1").toString()]);
});

test("what is not known is answered by nothing", async () => {
  const gdb = stub();
  for (const packet of ["vMustReplyEmpty", "qTStatus", "!", "R00", "", "vFile:open", "B7c00,S", "\xff\x00"]) {
    assert.equal(await gdb.ask(packet), "", packet);
  }
});

test("the description is read in parts, and names every register once", async () => {
  const gdb = stub();
  let text = "";
  for (let more = true; more;) {
    const part = await gdb.ask(`qXfer:features:read:target.xml:${text.length.toString(16)},400`);
    text += part.slice(1);
    more = part.startsWith("m");
  }
  assert.equal(text, TARGET_DESCRIPTION);
  const numbers = [...text.matchAll(/regnum="(\d+)"/g)].map((match) => Number(match[1]));
  assert.deepEqual(numbers, [...GDB_REGISTERS.keys()]);
  assert.equal(await gdb.ask("qXfer:features:read:other.xml:0,400"), "E00");
  assert.equal(await gdb.ask("qXfer:features:read:target.xml:0"), "E16");
  assert.equal(await gdb.ask("qXfer:features:read:target.xml:ffffffff,ffffffff"), "l");
});

test("registers are as long in every mode, and RIP is linear", async () => {
  const gdb = stub();
  const real = await gdb.ask("g");
  assert.equal(await gdb.ask(`p${numberOf("rip")}`), littleEndian(0x7c10n, 8));
  assert.equal(await gdb.ask(`p${numberOf("ip_offset")}`), littleEndian(0x10n, 8));
  gdb.cpu.mode = "long";
  assert.equal((await gdb.ask("g")).length, real.length);
  assert.equal(await gdb.ask(`p${numberOf("rip")}`), littleEndian(0x10n, 8));
  assert.equal(await gdb.ask("pffff"), "E16");
  // Two registers in use: 1.0 and 0; the rest empty. The first is physical register 6.
  assert.equal(await gdb.ask(`p${numberOf("ftag")}`), littleEndian(0x4fffn, 4));
});

test("writing registers turns linear addresses back, and moves the base with a real-mode selector", async () => {
  const gdb = stub();
  assert.equal(await gdb.ask(`P${numberOf("rip")}=${littleEndian(0x7c20n, 8)}`), "OK");
  assert.equal(await gdb.ask(`P${numberOf("ds")}=${littleEndian(0x1234n, 4)}`), "OK");
  assert.deepEqual(gdb.done, ["rip = 20", "ds.selector = 1234", "ds.base = 12340"]);
  assert.match(
    await gdb.ask(`P${numberOf("rip")}=${littleEndian(0x20000n, 8)}`),
    /^E\.The code segment .* does not reach/,
  );
  assert.equal(await gdb.ask(`P${numberOf("rip")}=00`), "E16");
  assert.equal(await gdb.ask(`P${numberOf("ftag")}=${littleEndian(0n, 4)}`), "E.ftag cannot be written.");
  gdb.running = true;
  assert.equal(await gdb.ask(`P0=${"0".repeat(16)}`), "E.The machine is running.");
});

test("an x87 register that is written is in use from there on", async () => {
  const gdb = stub();
  // 2.0 into the one behind the top, which is physical register 7.
  gdb.cpu.fpu.sw = 6 << 11;
  gdb.cpu.fpu.tag = 0x40;
  const two = (0x4000n << 64n) | (1n << 63n);
  assert.equal(await gdb.ask(`P${numberOf("st1")}=${littleEndian(two, 10)}`), "OK");
  assert.deepEqual(gdb.done, ["st1.mantissa = 8000000000000000", "st1.exponent = 4000", "fpu.tag = c0"]);
});

test("writing all registers writes those that differ, RIP at last", async () => {
  const gdb = stub();
  const before = await gdb.ask("g");
  assert.equal(await gdb.ask(`G${before}`), "OK");
  assert.deepEqual(gdb.done, []);
  const at = 16 * 16;
  const changed = `${littleEndian(1n, 8)}${before.slice(16, at)}${littleEndian(0x7c00n, 8)}${before.slice(at + 16)}`;
  assert.equal(await gdb.ask(`G${changed}`), "OK");
  assert.deepEqual(gdb.done, ["rax = 1", "rip = 0"]);
  assert.equal(await gdb.ask(`G${before}00`), "E16");
  assert.equal(await gdb.ask("G"), "E16");
});

test("memory is read and written in both spaces, up to its end", async () => {
  const gdb = stub();
  assert.equal(await gdb.ask("M500,3:55aa7d"), "OK");
  assert.equal(await gdb.ask("X503,2:#}"), "OK");
  assert.equal(await gdb.ask("m500,5"), "55aa7d237d");
  assert.equal(await gdb.ask("mfffe,10"), "0000");
  assert.equal(await gdb.ask("m10000,1"), "E0e");
  assert.equal(await gdb.ask("Mffff,2:0000"), "E0e");
  assert.deepEqual(gdb.done.slice(0, 3), ["write lin", "write lin", "read lin"]);
  assert.equal(await gdb.ask("Qqemu.PhyMemMode:1"), "OK");
  assert.equal(await gdb.ask("m500,1"), "55");
  assert.equal(gdb.done.at(-1), "read phys");
  for (const wrong of ["m", "m500", "mx,1", "M500,2:55", "M500,1:5", "X500,3:ab", "m500,123456789", "M500,1"]) {
    assert.equal(await gdb.ask(wrong), "E16", wrong);
  }
  assert.ok((await gdb.ask("m0,ffffffff")).length <= 0x8000);
});

test("break- and watchpoints are held, told by name, and gone with gdb", async () => {
  const gdb = stub();
  for (const point of ["Z0,7c10,1", "Z0,7c10,1", "Z1,ffffffff81000000,1", "Z2,500,8", "Z3,600,1", "Z4,700,2"]) {
    assert.equal(await gdb.ask(point), "OK");
  }
  assert.deepEqual(gdb.breakpoints, [
    { space: "lin", address: 0x7c10n },
    { space: "lin", address: 0xffffffff81000000n },
  ]);
  assert.deepEqual(
    gdb.watchpoints.map(({ access, length }) => [access, length]),
    [["write", 8], ["read", 1], ["readWrite", 2]], // prettier-ignore
  );
  const told = async (stop: StopResult): Promise<string> => {
    gdb.say("vCont;c:1");
    return (await gdb.stop(stop)).replace(/[0-9a-f]{2}:[0-9a-f]{16};/g, "");
  };
  assert.equal(await told({ reason: "breakpoint", space: "lin", address: 0x7c10n }), "T05thread:1;swbreak:;");
  assert.equal(
    await told({ reason: "watchpoint", address: 0x507n, access: "write", watchpoints: [0] }),
    "T05thread:1;watch:507;",
  );
  assert.equal(
    await told({ reason: "watchpoint", address: 0x600n, access: "read", watchpoints: [0] }),
    "T05thread:1;rwatch:600;",
  );
  assert.equal(
    await told({ reason: "watchpoint", address: 0x701n, access: "write", watchpoints: [0] }),
    "T05thread:1;awatch:701;",
  );
  assert.equal(
    await told({ reason: "watchpoint", address: 0x508n, access: "write", watchpoints: [0] }),
    "T05thread:1;",
    "another's",
  );
  assert.equal(await gdb.ask("z0,7c10,1"), "OK");
  assert.equal(await gdb.ask("z0,7c10,1"), "OK");
  assert.equal(await told({ reason: "breakpoint", space: "lin", address: 0x7c10n }), "T05thread:1;");
  for (const wrong of ["Z5,0,1", "Z0", "Z2,0,0", "Z2,0,ffffffff", "Z2,ffffffffffffffff,8", "Zx,0,1"]) {
    assert.match(await gdb.ask(wrong), /^E\..*expected|^E\..*watched/, wrong);
  }
  await gdb.one.release();
  assert.deepEqual([gdb.breakpoints, gdb.watchpoints], [[], []]);
});

test("there is an end to breakpoints", async () => {
  const gdb = stub();
  for (let at = 0; at < 250; at++) assert.equal(await gdb.ask(`Z0,${at.toString(16)},1`), "OK");
  assert.match(await gdb.ask("Z0,fff,1"), /^E\.At most 250/);
  assert.equal(await gdb.ask("Z2,fff,1"), "OK");
});

test("every way to go on, and why the machine stopped", async () => {
  const gdb = stub();
  assert.equal(await gdb.ask("vCont?"), "vCont;c;C;s;S");
  for (const packet of ["c", "C05", "vCont;c", "vCont;C05:1;c", "s", "S05", "vCont;s:1;c"]) {
    gdb.say(packet);
    assert.match(await gdb.stop({ reason: "step" }), /^T05/, packet);
  }
  assert.deepEqual(gdb.done, [..."cccc"].map(() => "continue").concat([..."sss"].map(() => "step")));
  gdb.say("c7c30");
  assert.match(await gdb.stop({ reason: "pause" }), /^T02/);
  assert.deepEqual(gdb.done.slice(-2), ["rip = 30", "continue"]);
  gdb.say("c");
  assert.equal(
    Buffer.from((await gdb.stop({ reason: "tripleFault", detail: "no IDT" })).slice(1), "hex").toString(),
    "Bootscope: triple fault: no IDT\n",
  );
  assert.match(await gdb.answer(), /^T0b/);
  assert.equal(await gdb.ask("vCont;t"), "E16");
  assert.equal(await gdb.ask("cxyz"), "E16");
});

test("Ctrl-C stops a machine that runs for gdb, and no other", async () => {
  const gdb = stub();
  gdb.one.receive(Uint8Array.of(3));
  await turn();
  assert.deepEqual(gdb.done, []);
  gdb.one.receive(Buffer.concat([frame("c"), Uint8Array.of(3)]));
  await turn();
  assert.deepEqual(gdb.done, ["continue", "interrupt"]);
});

test("gdb that comes to a running machine stops it, and joins one that another debugger let go", async () => {
  const gdb = stub();
  gdb.running = true;
  gdb.say("?");
  assert.match(await gdb.stop({ reason: "pause" }), /^T02/);
  assert.deepEqual(gdb.done, ["interrupt"]);
  gdb.running = true;
  gdb.say("vCont;c");
  assert.match(await gdb.stop({ reason: "step" }), /^T05/);
  assert.deepEqual(gdb.done, ["interrupt"]);
  // A stop that gdb does not wait for must not be sent: it would be taken for the answer to something else.
  void gdb.one.stopped({ reason: "pause" });
  assert.equal(await gdb.ask("qC"), "QC1");
});

test("a machine that ends is a program that exits", async () => {
  const gdb = stub();
  gdb.say("c");
  await turn();
  gdb.one.ended();
  assert.equal(gdb.sent.at(-1), frame("W00").toString());
  assert.ok(gdb.ended);
});

test("kill and detach leave no breakpoint behind", async () => {
  for (const [packet, what] of [
    ["k", "kill"],
    ["vKill;1", "kill"],
    ["D", "detached"],
    ["D;1", "detached"],
  ]) {
    // prettier-ignore
    const gdb = stub();
    assert.equal(await gdb.ask("Z0,7c00,1"), "OK");
    gdb.say(packet ?? "");
    await turn();
    assert.ok(gdb.done.includes(what ?? ""), packet);
    assert.deepEqual(gdb.breakpoints, []);
    assert.ok(gdb.ended);
  }
});

test("monitor commands answer in words, and end with OK", async () => {
  const gdb = stub();
  const monitor = async (command: string): Promise<string> => {
    gdb.say(`qRcmd,${Buffer.from(command).toString("hex")}`);
    let text = "";
    for (;;) {
      const part = await gdb.answer();
      if (part === "OK") return Buffer.from(text, "hex").toString();
      assert.match(part, /^O([0-9a-f]{2})+$/);
      text += part.slice(1);
    }
  };
  gdb.memory.set([0x55, 0xaa], 0xfffe);
  assert.match(await monitor("help"), /phys read ADDRESS BYTES/);
  assert.match(
    await monitor("phys  read 0xfffe 4"),
    /^phys:0xfffe {2}55 aa .*U\.\nThere is no memory at phys:0x10000\.\n$/,
  );
  assert.equal(await monitor("phys write 0x500 90eb"), "2 bytes written at phys:0x500.\n");
  assert.equal(gdb.memory[0x501], 0xeb);
  assert.match(await monitor("phys read 0 4097"), /^1 to 4096 bytes can be shown/);
  assert.match(await monitor("phys read here 1"), /^"here" is no address/);
  assert.match(await monitor("phys write 0 9"), /^1 to 4096 bytes, each of two/);
  assert.match(await monitor("phys"), /^Expected/);
  assert.equal(await monitor("icount"), "7\n");
  assert.match(await monitor("where"), /^real mode, ring 0, cs:ip 07c0:0010 is lin:0x7c10/);
  assert.equal(await monitor("phase"), "console: phases\n");
  assert.match(await monitor("reset"), /cannot be reset/);
  assert.equal(await monitor("x/4i cs:rip"), "console: x/4i cs:rip\n");
  assert.equal(await gdb.ask("qRcmd,6"), "E16");
});

/** xorshift32: the same numbers in every run. */
function* random(seed: number): Generator<number, never> {
  for (let x = seed; ;) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    yield x >>> 0;
  }
}

test("whatever is sent, the stub lives and answers what follows", async () => {
  const numbers = random(0x5eed);
  const next = (limit: number): number => numbers.next().value % limit;
  const starts = [
    ..."?gGpPmMXcCsSbZzHTDkvqQ!R",
    "vCont;",
    "qXfer:features:read:",
    "qRcmd,",
    "Z2,",
    "vKill;",
    "Qqemu.PhyMemMode:",
  ];
  let gdb = stub();
  let answered = 0;
  for (let round = 0; round < 2400; round++) {
    const length = next(20) === 0 ? next(70_000) : next(40);
    const characters = next(2) === 0 ? "0123456789abcdef,;:=-" : undefined;
    let data = starts[next(starts.length)] ?? "";
    for (let i = 0; i < length; i++) {
      data += characters === undefined ? String.fromCharCode(next(256)) : (characters[next(characters.length)] ?? "");
    }
    const bytes = next(3) === 0 ? Buffer.from(data, "latin1") : frame(data);
    if (next(10) === 0 && bytes.length > 0) bytes[next(bytes.length)] = next(256);
    gdb.one.receive(bytes);
    if (round % 8 !== 7) continue;
    // A packet that was cut off swallows the beginning of the next.
    gdb.one.receive(Buffer.from("#00"));
    await turn();
    gdb.running = false;
    await gdb.one.stopped({ reason: "pause" });
    if (!gdb.ended) {
      gdb.say("qC");
      while ((await gdb.answer()) !== "QC1" && !gdb.ended);
    }
    if (gdb.ended) gdb = stub();
    else answered++;
  }
  assert.ok(answered > 60, `${answered} of 300 sequences were survived with the connection`);
});
