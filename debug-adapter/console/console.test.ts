/** The console's commands and the evaluate request on a real machine, which has just entered a kernel of a few bytes. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { MessageChannel } from "node:worker_threads";
import { Machine } from "../../emulator/machine/machine.ts";
import { serveMachine } from "../../emulator/machine/worker-server.ts";
import { BUFFER, CODE, FUNCTION, loopingKernel } from "../../test/dap/tiny-kernel.ts";
import { Evaluate } from "../evaluate.ts";
import { machineTarget } from "../machine-target.ts";
import type { MachineThread } from "../machine-target.ts";
import type { Target } from "../target.ts";
import { Variables } from "../variables/variables.ts";

const MIB = 32;
/** Behind the last byte of RAM. */
const END = MIB * 2 ** 20;
const hex = (value: number): string => `0x${value.toString(16)}`;

interface Session {
  target: Target;
  evaluate: Evaluate;
  /** What the console answers. */
  say(line: string): Promise<string>;
  /** How often something was about to be written. */
  writes: number;
}

async function session(t: TestContext): Promise<Session> {
  const { port1, port2 } = new MessageChannel();
  serveMachine(port2, (_plan, events) =>
    Machine.create({ memoryMiB: MIB, kernel: loopingKernel(), cmdline: "quiet" }, events),
  );
  const quiet = (): void => undefined;
  const thread = Object.assign(port1, { terminate: () => Promise.resolve(port1.close()) }) as unknown as MachineThread;
  const target = machineTarget(thread, {
    output: quiet,
    phase: quiet,
    bootEvents: quiet,
    progress: quiet,
    screenChanged: quiet,
    failed: quiet,
  });
  t.after(() => target.dispose());
  await target.launch({ memoryMiB: MIB, boot: "direct", firmware: "builtin", disks: [], cdroms: [], pace: false });
  const evaluate = new Evaluate(target, new Variables(target), {
    breakpoints: () => ["1  function  phys:0x1  (0 hits)"],
    memoryBytes: () => END,
  });
  const one: Session = {
    target,
    evaluate,
    writes: 0,
    say: async (expression) =>
      (await evaluate.evaluate({ expression, context: "repl" }, () => void one.writes++)).result,
  };
  return one;
}

async function says(one: Session, cases: Record<string, string | RegExp>): Promise<void> {
  for (const [line, expected] of Object.entries(cases)) {
    const said = await one.say(line);
    if (typeof expected === "string") assert.equal(said, expected, line);
    else assert.match(said, expected, line);
  }
}

async function refuses(one: Session, cases: Record<string, RegExp>): Promise<void> {
  for (const [line, expected] of Object.entries(cases)) {
    const said = await one.say(line).then(
      (result) => `answered ${result}`,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    assert.match(said, expected, line);
    assert.match(said, /^[^\n]+\.$/, line);
  }
}

test("memory is examined in gdb's formats", async (t) => {
  const one = await session(t);
  await refuses(one, { xp: /^An address was expected behind "xp"/, "xp/4i": /^An address/ });
  await one.say(`u64 phys[${hex(BUFFER)}] = 'abc'`);
  await one.say(`u64 phys[${hex(BUFFER + 4)}] = 'de"'`);
  await one.say(`u32 phys[${hex(BUFFER + 16)}] = 0x40490fdb`);
  const at = `phys:${hex(BUFFER)}`;
  await says(one, {
    [`x/4xb ${at}`]: `${at}  0x61 0x62 0x63 0x00`,
    x: `phys:${hex(BUFFER + 4)}  0x64 0x65 0x22 0x00`,
    [`x/2xh lin:${hex(BUFFER)}`]: `lin:${hex(BUFFER)}  0x6261 0x0063`,
    [`x ${at}`]: `${at}  0x00636261`,
    [`x/xg ${at}`]: `${at}  0x0022656400636261`,
    [`x/2s ${at}`]: `${at}  "abc"\nphys:${hex(BUFFER + 4)}  "de\\""`,
    [`x/3c ${at}`]: `${at}  'a' 'b' 'c'`,
    [`x/tb ${at}`]: `${at}  01100001`,
    [`x/ob ${at}`]: `${at}  0o141`,
    [`x/dw ${at}`]: `${at}  ${0x636261}`,
    [`x/fw phys:${hex(BUFFER + 16)}`]: /  3\.14159/,
    [`xp/2xb ${hex(BUFFER)}`]: `${at}  0x61 0x62`,
    [`x/2i ${hex(CODE)}`]: /mov rsp, 0x90000\n.*mov eax, 1$/,
    "x/i": /nop$/,
    [`x/17xb ${hex(CODE)}`]: new RegExp(`^lin:${hex(CODE)}  (0x.. ?){16}\\nlin:${hex(CODE + 16)}  0x..$`),
    "print/t 5 + al * 0": new RegExp(`0{61}101$`),
    "print/d u8(0xff)": "-1",
    "print cs": /^0x[0-9a-f]{4}$/,
  });
  assert.match(await one.say(`x/4xb phys:${hex(END - 2)}`), /0x00 0x00\nThere is no memory at phys:0x2000000\.$/);
  await refuses(one, {
    "x/bx4 0": /^The format "\/bx4" is not understood/,
    "x/9999xb 0": /^1 to 1024 units can be shown, not 9999/,
    "x/0x 0": /^1 to 1024/,
    "x/4z 0": /^The format "\/4z" is not understood at "z"/,
    "x/xx 0": /not understood at "x"/,
    "x/fb 0": /4 \(w\) or 8 \(g\) bytes/,
    "xp lin:5": /"lin:5" is a linear address/,
    "x/4xb phys:0x10000000": /There is no memory at phys:0x10000000/,
    "x nowhere": /^Character 1 of "nowhere"/,
    "print/2x 5": /one of x d u o t c a was expected/,
    "info/x gdt": /"info" takes no format/,
  });
});

test("values are shown with type, hexadecimal and decimal, and lead to memory", async (t) => {
  const { evaluate } = await session(t);
  const show = (expression: string, context = "watch") => evaluate.evaluate({ expression, context }, () => undefined);
  assert.deepEqual(await show("rip + 1"), {
    result: `${hex(CODE + 1)} (${CODE + 1})`,
    type: "u64",
    variablesReference: 0,
    memoryReference: hex(CODE + 1),
  });
  assert.deepEqual(await show("i8(0xff)"), { result: "0xff (-1)", type: "i8", variablesReference: 0 });
  assert.deepEqual(await show("phys:0x500 + 1"), {
    result: "phys:0x501",
    type: "physical address",
    variablesReference: 0,
    memoryReference: "phys:0x501",
  });
  assert.deepEqual(await show("rax == 1"), { result: "0x0 (0)", type: "bool", variablesReference: 0 });
  assert.deepEqual(await show('$phase == "kernel" ? $phase : $phase'), {
    result: "kernel (4)",
    type: "phase",
    variablesReference: 0,
  });
  const cr0 = await show("cr0", "hover");
  assert.match(cr0.result, /\bPE\b.*\bPG\b/);
  assert.ok(cr0.variablesReference > 0, "its bits can be looked at");
  await assert.rejects(show("info gdt"), /which "info" is not/, "commands are for the console");
  await assert.rejects(show("rax = 1"), /an operator or the end was expected/);
});

test("what variables are called in expressions has their values", async (t) => {
  const { evaluate, target } = await session(t);
  const variables = new Variables(target);
  let checked = 0;
  const check = async (reference: number): Promise<void> => {
    for (const { name, value, evaluateName, variablesReference } of await variables.variables(reference)) {
      if (evaluateName !== undefined) {
        const { result } = await evaluate.evaluate({ expression: evaluateName, context: "watch" }, () => undefined);
        const shown = BigInt(/^(0x[0-9a-f]+|[0-9]+)/.exec(value)?.[0] ?? -1);
        // What is no number says the same in both places.
        if (result !== value)
          assert.equal(BigInt(/^0x[0-9a-f]+/.exec(result)?.[0] ?? -2), shown, `${name} is ${evaluateName}`);
        checked++;
      }
      if (variablesReference > 0 && !/^[GI][DV]T$/.test(name)) await check(variablesReference);
    }
  };
  for (const { name, variablesReference } of variables.scopes()) {
    if (name !== "Devices") await check(variablesReference);
  }
  assert.ok(checked > 250, `${checked} were checked`);
});

test("registers, fields, MSRs and memory are written", async (t) => {
  const one = await session(t);
  await says(one, {
    "rbx = 0x1122334455667788": /^0x1122334455667788/,
    "bh = 0xff": "0xff (255)",
    "bx = -2": "0xfffe (65534)",
    rbx: /^0x112233445566fffe /,
    "ebx = 5": "0x5 (5)",
    "rbx + 0": "0x5 (5)",
    "rflags.zf = 1": "0x1 (1)",
    "flags.zf": "0x1 (1)",
    "cr4.pge = 1": "0x1 (1)",
    "$xmm3.u32[2] = 7": "0x7 (7)",
    "xmm3.high": "0x7 (7)",
    "msr[0xc0000082] = 0x1000": "0x1000 (4096)",
    "msr.lstar": "0x1000 (4096)",
    "i16 lin[0x10000] = -3": "0xfffd (-3)",
    "u16 phys[0x10000]": "0xfffd (65533)",
    "ds:[0x10002] = 1": /./,
    "r8 = r8 == 0": "0x1 (1)",
  });
  assert.equal(one.writes, 11);
  await refuses(one, {
    "al = 0x100": /^0x100 does not fit into the 8 bits of al/,
    "al = -129": /^-129 does not fit into the 8 bits of al/,
    "flags.zf = 2": /does not fit into the 1 bits/,
    "rax + 1 = 5": /^Character 1 of "rax \+ 1": a register, a field of one, or memory was expected/,
    "u8 phys[0x10000000] = 1": /There is no RAM at phys:0x10000000/,
    "$icount = 1": /no register of that name can be written/,
    "cr0 = 0x80000000": /PG needs PE/,
    "msr[1] = 1": /no such register|no MSR/,
  });
});

test("bytes, texts and values are found", async (t) => {
  const one = await session(t);
  const place = 0x4ffffe;
  await one.say(`u64 phys[${hex(place)}] = 'GRUBboot'`);
  const at = `phys:${hex(place)}`;
  await says(one, {
    'find "GRUBboot"': at,
    "find 47 52 55 42 62 6f 6f 74 in phys:0x400000..0x600000": at,
    "find 4752 ?? 42 62 in phys:0x400000, 2 * 0x100000": at,
    [`find u32 'GRUB' in ${hex(place)}..${hex(place + 4)}`]: `lin:${hex(place)}`,
    [`find u32 'GRUB' in phys:${hex(place)}..${hex(place + 3)}`]: "Not found.",
    [`find 48 c7 c4 in phys:${hex(CODE)},64`]: `phys:${hex(CODE)}`,
    "find 00 in phys:0x800000, 4096": /^(phys:0x[0-9a-f]+\n){100}\(there are more\)$/,
    'find " in " in phys:0x400000, 0x1000': "Not found.",
  });
  await refuses(one, {
    find: /1 to 256 bytes were expected/,
    "find ??": /not all of them/,
    "find 4": /^Character 1 of "4": bytes/,
    "find 47 xx": /^Character 4 of "47 xx"/,
    "find 47 in": /^Character 4/,
    "find 47 in 5": /^Character 2 of "5": a range was expected/,
    "find 47 in 5..5": /an end behind lin:0x5 was expected/,
    "find 47 in phys:0..lin:5": /end in the space in which it starts/,
    "find 47 in phys:0, 0x200000000": /at most 4 GiB/,
    "find u32 nowhere": /^Character 1 of "nowhere"/,
  });
});

test("memory goes to files and comes from them", async (t) => {
  const one = await session(t);
  const folder = await mkdtemp(path.join(tmpdir(), "bootscope-console-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = path.join(folder, "a dump");
  // The kernel's place is the end of this small RAM.
  await one.say(`dump phys:${hex(FUNCTION)}..${hex(FUNCTION + 4)} "${file}"`);
  assert.deepEqual([...(await readFile(file))], [0xff, 0xc0, 0x90, 0xc3]);
  const image = Uint8Array.from({ length: (1 << 20) + 5 }, (_, index) => (index * 7) & 0xff);
  await writeFile(file, image);
  assert.match(
    await one.say(`load "${file}" phys:0x300000`),
    /^1048581 bytes \(0x100005\) of .* loaded at phys:0x300000/,
  );
  const copy = path.join(folder, "copy");
  await one.say(`dump 0x300000..0x400005 ${copy}`);
  assert.deepEqual(new Uint8Array(await readFile(copy)), image);
  await refuses(one, {
    [`dump phys:0..5 relative`]: /absolute path of a file was expected, not "relative"/,
    [`dump phys:${hex(END - 1)}..${hex(END + 1)} ${copy}`]: /There is no memory at phys:0x2000000/,
    [`dump ${copy}`]: /"dump RANGE FILE" was expected/,
    [`dump phys:0..5 ${folder}`]: /could not be written \(EISDIR\)/,
    [`load ${folder}/none 0`]: /none could not be read \(ENOENT\)/,
    [`load ${folder} 0`]: /is no file/,
    [`load ${copy}`]: /"load FILE ADDRESS" was expected/,
    [`load ${copy} phys:${hex(END - 0x80000)}`]:
      /^Only 524288 of 1048581 bytes could be loaded: no memory at phys:0x2000000/,
  });
  assert.deepEqual(new Uint8Array(await readFile(copy)), image, "a dump that is refused leaves the file alone");
});

test("the machine tells what it knows", async (t) => {
  const one = await session(t);
  await says(one, {
    "info registers":
      /^rax .*\n.*\n.*\n.*\nrip 0x0000000001000000 .*lin:0x1000000.*\nrflags .*\nes .*\ncs .*64-bit code/,
    "info cr": /^cr0 .*\bPE\b.*\bPG\b.*\n.*\n.*\ncr4 .*PAE.*\n.*\nefer .*LME LMA/s,
    "info gdt": /^base lin:0x[0-9a-f]+ limit 0x[0-9a-f]+\n.*0x0010  base 0x0 .*64-bit code/s,
    "info ivt": /^at phys:0x0\nAll entries are empty\.$/,
    "info mem": /^0x0000000000000000-0x00000000\w+ -rwx/,
    "info tlb": /^lin:0x0000000000000000-0x\w+ → phys:0x0000000000  \d+ pages of 2 MiB  supervisor rw x/,
    "info tlb 0x100000000": /^Nothing is mapped from lin:0x100000000 on\.$/,
    "info msr": /0xc0000080 {2}EFER {17}0x0000000000000500/,
    "info mtrr": "The MTRRs are off: all memory is uncacheable.",
    "info pic":
      /^master: vectors 0x\w+ to 0x\w+.*\n {2}requested .*\n {2}in service {2}none\n {2}masked .*\n {2}level .*\nslave/,
    "info device": /^pic\nioapic\nlapic\n/,
    "info device pit": /^control: 0\nchannels:\n {2}0:\n {4}mode: 3\n/,
    "info e820": /^boot_params at phys:0x7000\nphys:0x0000000000-0x000009fbff {2}usable RAM\n(.*\n)+.*usable RAM/,
    "info e820 phys:0x7000": /^boot_params at phys:0x7000\n/,
    "info breakpoints": "1  function  phys:0x1  (0 hits)",
    [`translate ${hex(CODE)}`]: new RegExp(`^PML4E.*\\n.*lin:${hex(CODE)} is phys:${hex(CODE)}`, "s"),
    "walk 0x100000000": /is not mapped/,
    phases: /^BIOS: not reached\n(.*\n)*Kernel: instruction 0\n/,
    events: /./,
    [`origin ${hex(CODE)} 16`]: `lin:${hex(CODE)} did not come from a disk.`,
  });
  await one.say("msr[0x200] = 0xc0000000");
  await one.say("msr[0x201] = 0xffc0000800");
  await one.say("msr[0x250] = 0x0606060606060606");
  await one.say("msr[0x2ff] = 0xc06");
  assert.equal(
    await one.say("info mtrr"),
    "elsewhere: write-back\nrange 0: phys:0xc0000000-0xffffffff uncacheable\n" +
      "fixed: phys:0x0-0x7ffff write-back\nfixed: phys:0x80000-0xfffff uncacheable",
  );
  await refuses(one, {
    info: /^One of registers, cr, .* was expected behind "info"\.$/,
    "info nothing": /, not "nothing"\.$/,
    "info gdt 5": /Nothing was expected behind "info gdt"/,
    "info device toaster": /There is no device "toaster": one of pic, /,
    "info e820 phys:0": /no boot_params with a memory map at phys:0x0/,
    "translate phys:5": /A linear address was expected/,
    "phases now": /Nothing was expected behind "phases"/,
    "origin 0 0": /1 to 16777216 bytes/,
    "help me": /There is no command "me": one of x, /,
  });
});

test("help names every command, and each has more to say", async (t) => {
  const one = await session(t);
  const help = await one.say("help");
  for (const name of [
    "x",
    "xp",
    "print",
    "info",
    "translate",
    "find",
    "dump",
    "load",
    "origin",
    "phases",
    "events",
    "help",
  ]) {
    assert.match(help, new RegExp(`^${name}\\b`, "m"));
    assert.match(await one.say(`help ${name}`), new RegExp(`^${name}.*: `));
  }
});

test("what may be typed is offered", async (t) => {
  const { evaluate } = await session(t);
  const offered = (text: string, column = text.length + 1): string[] =>
    evaluate.completions({ text, column }, 1).targets.map(({ label }) => label);
  assert.deepEqual(offered("tra"), ["translate", "trace"]);
  assert.deepEqual(offered("info mt"), ["mtrr"]);
  assert.deepEqual(offered("help fi"), ["find"]);
  assert.ok(offered("info ").includes("gdt"));
  assert.deepEqual(offered("x/4i cs:ri"), ["rip"]);
  assert.ok(offered("x/4i cr0.").includes("cr0.pg"));
  assert.deepEqual(offered("rax + $ph"), ["$phase"]);
  assert.ok(offered("$ra").includes("$rax"));
  assert.deepEqual(offered("msr.lst"), ["msr.lstar"]);
  assert.deepEqual(offered("phases "), []);
  const text = "find u32 eb";
  assert.deepEqual(evaluate.completions({ text, column: text.length + 1 }, 1).targets[0], {
    label: "ebx",
    type: "variable",
    start: 10,
    length: 2,
  });
  assert.deepEqual(offered("tra + 5", 4), ["translate", "trace"], "what stands behind the cursor does not matter");
  assert.throws(() => evaluate.completions({ text: "x" }, 1), /"column" must be a whole number/);
});
