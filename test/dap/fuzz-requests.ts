/** Random requests from a seed: right ones, ones that are wrong in one place, and nonsense. */
import path from "node:path";
import { BUFFER, CODE, FUNCTION, LOOP } from "./tiny-kernel.ts";

/** Numbers from a seed, the same on each machine (a linear congruential generator with mixed output). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 0 to below `end`. */
  below(end: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    const mixed = Math.imul(this.#state ^ (this.#state >>> 15), 0x2c1b_3c6d) >>> 0;
    return ((mixed ^ (mixed >>> 13)) >>> 0) % end;
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }
}

export interface FuzzRequest {
  command: string;
  arguments?: unknown;
}

/** What answers so far told: numbers and references to ask for further. */
export interface Learned {
  variables: number[];
  frames: number[];
  references: string[];
  dataIds: string[];
  /** Numbers of requests sent lately. */
  sent: number[];
}

const hex = (value: number): string => `0x${value.toString(16)}`;

/** In the protocol, but for moves, ends and what begins a session; and some that it does not have. */
// prettier-ignore
const COMMANDS = [
  "attach", "breakpointLocations", "cancel", "completions", "dataBreakpointInfo", "disassemble", "evaluate",
  "exceptionInfo", "goto", "gotoTargets", "loadedSources", "locations", "modules", "readMemory", "restartFrame",
  "reverseContinue", "scopes", "setBreakpoints", "setDataBreakpoints", "setExceptionBreakpoints", "setExpression",
  "setFunctionBreakpoints", "setInstructionBreakpoints", "setVariable", "source", "stackTrace", "startDebugging",
  "stepBack", "stepInTargets", "terminateThreads", "threads", "variables", "writeMemory", "runInTerminal",
  "bootscope/cpu", "bootscope/walk", "bootscope/pageTables", "bootscope/pageTableRows", "bootscope/pageMap",
  "bootscope/mappings", "bootscope/memory", "bootscope/serialInput", "bootscope/phases",
  "bootscope/events", "bootscope/origins", "bootscope/screen", "bootscope/keyboardInput", "bootscope/mouseInput",
  "bootscope/place", "bootscope/bootSector", "bootscope/bootParams",
  "bootscope/initramfs", "bootscope/initramfsAt", "bootscope/memoryMap",
  "bootscope/nothing", "", "__proto__", "constructor", "toString", "\u0000",
];
const MOVES = ["continue", "next", "stepIn", "stepOut", "pause", "bootscope/runTo", "bootscope/runUntil"];

const EXPRESSIONS = [
  "rax", "rip + 8", "cr0.pe", "phys[0x1000000]", "u32 lin[rsp]", "$icount", "$phase", "al = 1", "rbx = rbx + 1",
  `u8 phys[${hex(BUFFER)}] = 7`, "rip = rip", "rflags", "flags.zf", "xmm3", "st0", "msr[0xc0000080]", "cs:ip", "07c0:0000",
  "x/16xb phys:0x7c00", "x/4i rip", "xp/4xg 0", "info gdt", "info idt", "info tlb", "info mem", "info pic", "info mtrr",
  "info e820", "info registers", "info breakpoints", "walk rip", "translate rip", "origin rip", "phases", "events", "help",
  "help x", 'find 55 aa in 0..0x100000', 'find "abc"', "find u32 0x1234 in phys:0x1000000, 4096", "print/x rax",
  "1 / 0", "((((((((((1))))))))))", "rax rbx", "0x", "info", "find", "dump", "load", "lin[lin[lin[rsp]]]", "cr0 = 0",
  "cr3 = 0x1234000", "efer = 0", "rsp = 0", "-1", "~0", "!", "'", '"', "\\", "…", "x/0b 0", "x/65536xb 0",
]; // prettier-ignore

/** For any member of any arguments. */
const WEIRD: readonly unknown[] = [
  null, true, false, 0, 1, -1, 1.5, 1e300, -1e300, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 53), "", " ", "0", "-1", "0x7c00",
  "phys:0x7c00", "phys:0xffffffffffffffff", "lin:0x10000000000000000", "\u0000", "../..", "__proto__", "ü€😀",
  "a".repeat(5000), "(".repeat(3000), [], {}, [[]], [{}], [null], [1, 2, 3], { __proto__: null }, { length: 5 },
  { breakpoints: [] }, { path: "/" }, Array.from({ length: 300 }, (_, index) => index),
]; // prettier-ignore

/** Makes requests of all kinds; `folder` is where files may be written. */
export class Requests {
  readonly #random: Random;
  readonly #launch: object;
  readonly #folder: string;
  readonly #learned: Learned;

  constructor(random: Random, launch: object, folder: string, learned: Learned) {
    this.#random = random;
    this.#launch = launch;
    this.#folder = folder;
    this.#learned = learned;
  }

  next(): FuzzRequest {
    const random = this.#random;
    const kind = random.below(100);
    if (kind < 14) return this.#spoilt(10, { command: random.of(MOVES), arguments: this.#move() });
    if (kind < 15) return this.#spoilt(30, { command: "restart", arguments: this.#restart() });
    if (kind < 16)
      return { command: random.of(["launch", "initialize", "configurationDone"]), arguments: this.#launch };
    const command = random.of(COMMANDS);
    return this.#spoilt(35, { command, arguments: this.#arguments(command) });
  }

  #move(): object {
    const random = this.#random;
    const granularity = random.of([undefined, "instruction", "line", "statement"]);
    return {
      threadId: 1,
      ...(granularity === undefined ? {} : { granularity }),
      ...(random.chance(30) ? { address: random.of([hex(LOOP), hex(FUNCTION), "rip", "0x10"]) } : {}),
      ...(random.chance(30) ? { what: random.of(["mode", "icount", "instructions"]), icount: "0x100", count: 20 } : {}),
    };
  }

  #restart(): object {
    return this.#random.chance(50) ? {} : { arguments: this.#launch };
  }

  /** Right arguments, as far as that can be said without knowing the state. */
  #arguments(command: string): Record<string, unknown> {
    const random = this.#random;
    const learned = this.#learned;
    const address = (): string =>
      random.of([
        hex(CODE),
        hex(LOOP),
        `phys:${hex(FUNCTION)}`,
        `phys:${hex(BUFFER)}`,
        "0x7c00",
        "0xfffffff0",
        "0",
        ...learned.references,
      ]);
    const frame = (): object => (random.chance(50) ? {} : { frameId: random.of([1, 2, 1000, ...learned.frames]) });
    const breakpoint = (): object => ({
      ...(random.chance(20) ? { condition: random.of(EXPRESSIONS) } : {}),
      ...(random.chance(20) ? { hitCondition: random.of(["3", ">= 2", "% 5", "x"]) } : {}),
      ...(random.chance(20) ? { logMessage: "at {rip} {" } : {}),
      ...(random.chance(20) ? { mode: random.of(["linear", "physical", "other"]) } : {}),
    });
    const list = (one: () => object): object[] =>
      Array.from({ length: random.below(4) }, () => ({ ...one(), ...breakpoint() }));
    const text = (): string => random.of(EXPRESSIONS);
    switch (command) {
      case "cancel":
        return random.chance(80)
          ? { requestId: random.of([0, ...learned.sent]) }
          : { progressId: `request-${random.of([0, ...learned.sent])}` };
      case "completions":
        return { text: text(), column: random.below(12), ...frame() };
      case "dataBreakpointInfo":
        return {
          name: random.of([address(), "rax", "cr3"]),
          asAddress: random.chance(70),
          bytes: random.of([1, 2, 4, 8, 4096]),
        };
      case "disassemble":
        return {
          memoryReference: address(),
          instructionOffset: random.below(40) - 20,
          instructionCount: random.below(40),
          resolveSymbols: true,
        };
      case "evaluate":
        return {
          expression: this.#expression(),
          context: random.of(["watch", "repl", "hover", "clipboard", "variables"]),
          ...frame(),
        };
      case "readMemory":
        return {
          memoryReference: address(),
          offset: random.below(64) - 16,
          count: random.of([0, 1, 16, 4096, 70_000]),
        };
      case "writeMemory":
        return {
          memoryReference: `phys:${hex(BUFFER)}`,
          data: random.of(["AAAA", "", "/w==", "AAECAwQFBgc="]),
          allowPartial: random.chance(50),
        };
      case "setVariable":
        return {
          variablesReference: random.of([1, 2, ...learned.variables]),
          name: random.of(["rax", "ZF", "xmm0", "cr2"]),
          value: text(),
        };
      case "setExpression":
        return { expression: random.of(["rax", "bl", `u8 phys[${hex(BUFFER)}]`, text()]), value: text(), ...frame() };
      case "variables":
        return {
          variablesReference: random.of([1, 2, 3, 4, 5, 6, ...learned.variables]),
          ...(random.chance(20) ? { start: 0, count: 3 } : {}),
        };
      case "scopes":
        return { frameId: random.of([1, ...learned.frames]) };
      case "stackTrace":
        return { threadId: 1, startFrame: random.below(3), levels: random.below(30) };
      case "setBreakpoints":
        return {
          source: { path: random.of(["/x.asm", path.join(this.#folder, "a.s")]) },
          breakpoints: list(() => ({ line: random.below(100) })),
        };
      case "breakpointLocations":
        return { source: { path: "/x.asm" }, line: random.below(20) };
      case "setFunctionBreakpoints":
        return { breakpoints: list(() => ({ name: random.of([address(), "start_kernel", "nothing"]) })) };
      case "setInstructionBreakpoints":
        return { breakpoints: list(() => ({ instructionReference: address(), offset: random.below(8) })) };
      case "setDataBreakpoints":
        return {
          breakpoints: list(() => ({
            dataId: random.of(["lin:0x10000+8", "phys:0x10000+1", ...learned.dataIds]),
            accessType: random.of(["read", "write", "readWrite"]),
          })),
        };
      case "setExceptionBreakpoints":
        return {
          filters: random.of([[], ["tripleFault", "panic"], ["phase:init"], ["event:gdt", "event:cr3"], ["nothing"]]),
        };
      case "bootscope/pageTables":
        return random.chance(50) ? {} : { root: address() };
      case "bootscope/pageTableRows":
        return { depth: random.below(4), linear: hex(random.below(2 ** 31)), root: address() };
      case "bootscope/pageMap":
        return { buckets: random.below(600) };
      case "bootscope/mappings":
        return { address: address() };
      case "bootscope/walk":
      case "bootscope/place":
        return { address: address() };
      case "bootscope/bootParams":
        return random.chance(50) ? { address: address() } : { everywhere: random.chance(50) };
      case "bootscope/initramfs":
        return { from: random.below(100), count: random.below(1001), filter: text(), again: random.chance(50) };
      case "bootscope/initramfsAt":
        return { address: random.chance(50) ? address() : `phys:${random.below(1 << 30)}` };
      case "bootscope/memory":
        return { address: address(), length: random.of([1, 64, 512]), disassemble: random.chance(50) };
      case "bootscope/serialInput":
        return { text: text(), port: random.below(4) };
      case "bootscope/origins":
        return { address: address(), length: random.of([1, 4096]) };
      case "bootscope/keyboardInput":
        return { codes: [random.below(256), random.below(256)] };
      case "bootscope/mouseInput":
        return { dx: random.below(20) - 10, dy: 1, buttons: random.below(8) };
      default:
        return { threadId: 1, ...frame(), targetId: random.below(4), source: { path: "/x.asm" }, line: 1 };
    }
  }

  #expression(): string {
    const random = this.#random;
    const file = path.join(this.#folder, "memory.bin");
    const files = [
      `dump phys:${hex(CODE)}, 256 ${file}`,
      `load ${file} phys:${hex(BUFFER)}`,
      `dump 0..8 ${this.#folder}`,
    ];
    const text = random.of([...EXPRESSIONS, ...files]);
    if (random.chance(80)) return text;
    // Something is lost, doubled or put in.
    const at = random.below(text.length + 1);
    const more = random.of(["", "[", ")", "0x", " ", ":", "\n", "=", "%", text]);
    const changed = text.slice(0, at) + more + text.slice(at + random.below(3));
    // Not to any other place of the machine that the test runs on.
    return changed.includes("dump") || changed.includes("load") ? text : changed;
  }

  /** With that chance in a hundred, something of the request is wrong. */
  #spoilt(percent: number, request: FuzzRequest): FuzzRequest {
    const random = this.#random;
    if (!random.chance(percent)) return request;
    const { command } = request;
    if (random.chance(10)) return { command, arguments: random.of(WEIRD) };
    if (random.chance(10)) return { command };
    const args = { ...(request.arguments as Record<string, unknown>) };
    const name = random.of([...Object.keys(args), "threadId", "more"]);
    if (random.chance(30)) delete args[name];
    else args[name] = this.#spoiltValue(args[name]);
    return { command, arguments: args };
  }

  #spoiltValue(value: unknown): unknown {
    const random = this.#random;
    if (Array.isArray(value) && value.length > 0 && random.chance(60)) {
      const copy = [...(value as unknown[])];
      copy[random.below(copy.length)] = random.of(WEIRD);
      return copy;
    }
    if (typeof value === "string" && value.includes(this.#folder)) return value;
    return random.of(WEIRD);
  }
}
