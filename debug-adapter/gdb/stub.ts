/** One gdb: takes its packets in turn and answers them ("Debugging with GDB", appendix E). */
import { modeLabel } from "../registers.ts";
import type { CpuState, StopResult } from "../target.ts";
import type { GdbHost, GdbStop } from "./host.ts";
import { runMonitor } from "./monitor.ts";
import { frame, fromHex, fromLittleEndian, littleEndian, MAX_PACKET, PacketReader, toHex } from "./packets.ts";
import { Points } from "./points.ts";
import { GDB_REGISTERS } from "./registers.ts";
import type { GdbRegister } from "./registers.ts";
import { TARGET_DESCRIPTION } from "./target-description.ts";

/** Bytes of memory that fit into a packet as hexadecimal digits. */
const MAX_MEMORY = MAX_PACKET / 2;
/** Packets that may wait for their turn: gdb sends one at a time. */
const MAX_WAITING = 64;
/** Characters of one `O` packet's text. */
const MAX_CONSOLE = MAX_PACKET / 2 - 1;

/** Errors by the numbers of errno, which is how gdb knows them. */
const EFAULT = "E0e";
const EINVAL = "E16";

/** What every stop reply brings along, so that gdb need not ask: rbp, rsp, rip. */
const EXPEDITED = ["rbp", "rsp", "rip"].map((name) => GDB_REGISTERS.findIndex((one) => one.name === name));

const SUPPORTED = [
  `PacketSize=${MAX_PACKET.toString(16)}`,
  "QStartNoAckMode+",
  "qXfer:features:read+",
  "swbreak+",
  "hwbreak+",
  "vContSupported+",
].join(";");

const NO_WAY_BACK = "E.The machine cannot run backwards.";

/** The other end of the connection. */
export interface GdbLine {
  send(bytes: Uint8Array): void;
  /** Ends the connection behind what was sent. */
  end(): void;
}

type Answer = string | undefined;

export class GdbStub {
  readonly #host: GdbHost;
  readonly #line: GdbLine;
  readonly #points: Points;
  readonly #reader = new PacketReader();
  /** Packets are answered one after the other. */
  #queue: Promise<void> = Promise.resolve();
  #waitingPackets = 0;
  #acknowledges = true;
  #lastSent: Buffer | undefined;
  /** A Ctrl-C waits for its turn. */
  #interrupts = false;
  /** gdb waits for a stop reply. */
  #expectsStop = false;
  #lastStop: StopResult = { reason: "step" };
  /** Memory packets mean guest physical addresses (QEMU's PhyMemMode). */
  #physical = false;
  #closed = false;

  constructor(host: GdbHost, line: GdbLine) {
    this.#host = host;
    this.#line = line;
    this.#points = new Points(host);
  }

  receive(bytes: Uint8Array): void {
    for (const one of this.#reader.feed(bytes)) {
      switch (one.kind) {
        case "packet":
          if (this.#acknowledges) this.#line.send(Buffer.from("+"));
          this.#enqueue(one.data);
          break;
        case "bad":
          if (this.#acknowledges) this.#line.send(Buffer.from("-"));
          break;
        case "interrupt":
          this.#interrupt();
          break;
        case "nack":
          if (this.#acknowledges && this.#lastSent !== undefined) this.#line.send(this.#lastSent);
          break;
        case "ack":
      }
    }
  }

  /** The machine has stopped, by whomever it was set going. */
  async stopped(stop: StopResult): Promise<void> {
    this.#lastStop = stop;
    if (!this.#expectsStop || this.#closed) return;
    this.#expectsStop = false;
    await this.#sendStop(stop);
  }

  /** The machine is no more. */
  ended(): void {
    if (this.#expectsStop) this.#send("W00");
    this.#close();
  }

  /** Whether the stop is at one of gdb's break- or watchpoints. */
  owns(stop: StopResult, cpu: CpuState): boolean {
    return this.#points.owns(stop, cpu);
  }

  /** The connection is gone: nothing of this gdb stays in the machine. */
  async release(): Promise<void> {
    this.#closed = true;
    this.#expectsStop = false;
    await this.#queue;
    // A machine that is gone holds no breakpoints.
    await this.#points.clear().catch(() => undefined);
  }

  #close(): void {
    this.#closed = true;
    this.#line.end();
  }

  #enqueue(data: string): void {
    if (++this.#waitingPackets > MAX_WAITING) return this.#close();
    this.#queue = this.#queue.then(async () => {
      this.#waitingPackets--;
      if (this.#closed) return;
      const answer = await this.#answer(data);
      if (answer !== undefined) this.#send(answer);
      if (data === "QStartNoAckMode") this.#acknowledges = false;
    });
  }

  /** It may come right behind the packet that lets the machine go. */
  #interrupt(): void {
    if (this.#interrupts) return;
    this.#interrupts = true;
    this.#queue = this.#queue.then(async () => {
      this.#interrupts = false;
      // A machine that is gone has been told of elsewhere.
      if (this.#expectsStop && !this.#closed) await this.#host.interrupt().catch(() => undefined);
    });
  }

  #send(data: string): void {
    if (this.#closed) return;
    this.#lastSent = frame(data);
    this.#line.send(this.#lastSent);
  }

  async #answer(data: string): Promise<Answer> {
    try {
      return await this.#dispatch(data);
    } catch (error) {
      return errorText(error);
    }
  }

  /** "" is the answer to what is not known, as the protocol wants it. */
  async #dispatch(data: string): Promise<Answer> {
    const command = data.charAt(0);
    const rest = data.slice(1);
    switch (command) {
      case "?":
        return this.#whyStopped();
      case "g":
        return this.#readAll();
      case "G":
        return this.#writeAll(rest);
      case "p":
        return this.#readOne(rest);
      case "P":
        return this.#writeOne(rest);
      case "m":
        return this.#readMemory(rest);
      case "M":
      case "X":
        return this.#writeMemory(rest, command === "X");
      case "c":
      case "s":
        return this.#goFrom(command, rest);
      case "C":
      case "S":
        // Signals mean nothing to a machine.
        return this.#goFrom(command.toLowerCase(), /^[0-9a-f]{2};(.*)$/i.exec(rest)?.[1] ?? "");
      case "b":
        return rest === "c" || rest === "s" ? NO_WAY_BACK : "";
      case "Z":
        await this.#points.insert(rest);
        return "OK";
      case "z":
        await this.#points.remove(rest);
        return "OK";
      case "H":
      case "T":
        return threadExists(command === "H" ? rest.slice(1) : rest) ? "OK" : EINVAL;
      case "D":
        return this.#detach();
      case "k":
        await this.#kill();
        return undefined;
      case "v":
        return this.#verbose(data);
      case "q":
      case "Q":
        return this.#query(data);
      default:
        return "";
    }
  }

  async #verbose(data: string): Promise<Answer> {
    if (data === "vCont?") return "vCont;c;C;s;S";
    if (data.startsWith("vCont;")) {
      const how = /^vCont;([csCS])/.exec(data)?.[1]?.toLowerCase();
      return how === undefined ? EINVAL : this.#go(how);
    }
    if (/^vKill(;|$)/.test(data)) {
      await this.#kill("OK");
      return undefined;
    }
    return "";
  }

  async #query(data: string): Promise<Answer> {
    const [name = "", ...parts] = data.split(/[:;,]/);
    switch (name) {
      case "qSupported":
        return SUPPORTED;
      case "QStartNoAckMode":
        return "OK";
      case "qXfer":
        return parts[0] === "features" && parts[1] === "read" ? description(parts.slice(2)) : "";
      case "qAttached":
        return "1";
      case "qC":
        return "QC1";
      case "qfThreadInfo":
        return "m1";
      case "qsThreadInfo":
        return "l";
      case "qThreadExtraInfo": {
        const { mode } = await this.#host.target.cpu();
        return toHex(Buffer.from(`CPU 0 (${modeLabel(mode)})`));
      }
      case "qRcmd":
        return this.#monitor(parts[0] ?? "");
      case "qqemu.PhyMemMode":
        return this.#physical ? "1" : "0";
      case "Qqemu.PhyMemMode":
        if (parts[0] !== "0" && parts[0] !== "1") return EINVAL;
        this.#physical = parts[0] === "1";
        return "OK";
      case "qqemu.Supported":
        return "PhyMemMode";
      default:
        return "";
    }
  }

  /** gdb begins with this, and expects a machine that stands. */
  async #whyStopped(): Promise<Answer> {
    if (!this.#host.running) {
      await this.#sendStop(this.#lastStop);
      return undefined;
    }
    this.#expectsStop = true;
    await this.#host.interrupt();
    return undefined;
  }

  async #sendStop(stop: StopResult): Promise<void> {
    try {
      const cpu = await this.#host.target.cpu();
      const { signal, reason, text } = this.#points.describe(stop, cpu);
      if (text !== undefined) this.#print(`Bootscope: ${text}\n`);
      this.#send(stopReply({ signal, reason }, cpu));
    } catch (error) {
      this.#send(errorText(error));
    }
  }

  /** Text on gdb's console; only while gdb waits for an answer. */
  #print(text: string): void {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += MAX_CONSOLE) {
      this.#send(`O${toHex(bytes.subarray(at, at + MAX_CONSOLE))}`);
    }
  }

  async #goFrom(how: string, address: string): Promise<Answer> {
    if (address !== "") {
      if (!/^[0-9a-f]{1,16}$/i.test(address)) return EINVAL;
      await this.#write(register("rip"), BigInt(`0x${address}`));
    }
    return this.#go(how);
  }

  /** The answer is the stop reply. A machine that another debugger let go is joined. */
  #go(how: string): Answer {
    this.#expectsStop = true;
    try {
      if (!this.#host.running) this.#host.resume(how === "s" ? "step" : "continue");
      return undefined;
    } catch (error) {
      this.#expectsStop = false;
      throw error;
    }
  }

  async #detach(): Promise<Answer> {
    await this.#points.clear();
    this.#send("OK");
    this.#close();
    this.#host.detached();
    return undefined;
  }

  async #kill(answer?: string): Promise<void> {
    await this.#points.clear();
    if (answer !== undefined) this.#send(answer);
    this.#close();
    await this.#host.kill();
  }

  async #readAll(): Promise<string> {
    const cpu = await this.#host.target.cpu();
    return GDB_REGISTERS.map((one) => valueText(one, cpu)).join("");
  }

  /** Writes what differs; RIP at last, since it is relative to CS. */
  async #writeAll(text: string): Promise<string> {
    const cpu = await this.#host.target.cpu();
    const changes: { one: GdbRegister; value: bigint }[] = [];
    let at = 0;
    for (const one of GDB_REGISTERS) {
      const digits = text.slice(at, (at += one.bits / 4));
      const value = digits.length === one.bits / 4 ? fromLittleEndian(digits) : undefined;
      if (value === undefined) return EINVAL;
      if (digits.toLowerCase() !== valueText(one, cpu)) changes.push({ one, value });
    }
    if (at !== text.length) return EINVAL;
    this.#requireStanding();
    changes.sort((a, b) => Number(a.one.name === "rip") - Number(b.one.name === "rip"));
    for (const { one, value } of changes) await this.#write(one, value);
    return "OK";
  }

  async #readOne(text: string): Promise<string> {
    const one = registerNumbered(text);
    return one === undefined ? EINVAL : valueText(one, await this.#host.target.cpu());
  }

  async #writeOne(text: string): Promise<string> {
    const [number = "", digits = ""] = text.split("=");
    const one = registerNumbered(number);
    const value = fromLittleEndian(digits);
    if (one === undefined || value === undefined || digits.length !== one.bits / 4) return EINVAL;
    this.#requireStanding();
    await this.#write(one, value);
    return "OK";
  }

  async #write(one: GdbRegister, value: bigint): Promise<void> {
    if (one.write === undefined) throw new RangeError(`${one.name} cannot be written.`);
    const cpu = await this.#host.target.cpu();
    for (const [name, content] of one.write(value, cpu)) await this.#host.target.writeRegister(name, content);
  }

  async #readMemory(text: string): Promise<string> {
    const range = rangeOf(text);
    if (range === undefined) return EINVAL;
    const length = Math.min(range.length, MAX_MEMORY);
    const bytes = await this.#host.target.readMemory(this.#space, range.address, length);
    return bytes.length === 0 && length > 0 ? EFAULT : toHex(bytes);
  }

  async #writeMemory(text: string, binary: boolean): Promise<string> {
    const colon = text.indexOf(":");
    const range = rangeOf(text.slice(0, Math.max(0, colon)));
    const content = text.slice(colon + 1);
    const bytes = binary ? Buffer.from(content, "latin1") : fromHex(content);
    if (range === undefined || bytes?.length !== range.length) return EINVAL;
    this.#requireStanding();
    const written = await this.#host.target.writeMemory(this.#space, range.address, bytes);
    return written === bytes.length ? "OK" : EFAULT;
  }

  get #space(): "phys" | "lin" {
    return this.#physical ? "phys" : "lin";
  }

  #requireStanding(): void {
    if (this.#host.running) throw new Error("The machine is running.");
  }

  async #monitor(text: string): Promise<string> {
    const command = fromHex(text);
    if (command === undefined) return EINVAL;
    try {
      this.#print(`${await runMonitor(this.#host, Buffer.from(command).toString().trim())}\n`);
    } catch (error) {
      // The text of an error reply would not be shown.
      this.#print(`${error instanceof Error ? error.message : String(error)}\n`);
    }
    return "OK";
  }
}

function stopReply({ signal, reason }: GdbStop, cpu: CpuState): string {
  const registers = EXPEDITED.map((number) => {
    const one = GDB_REGISTERS[number];
    return one === undefined ? "" : `${number.toString(16).padStart(2, "0")}:${valueText(one, cpu)};`;
  });
  return `T${signal.toString(16).padStart(2, "0")}thread:1;${reason}${registers.join("")}`;
}

const valueText = (one: GdbRegister, cpu: CpuState): string => littleEndian(one.read(cpu), one.bits / 8);

function registerNumbered(text: string): GdbRegister | undefined {
  return /^[0-9a-f]{1,4}$/i.test(text) ? GDB_REGISTERS[parseInt(text, 16)] : undefined;
}

function register(name: string): GdbRegister {
  const one = GDB_REGISTERS.find((candidate) => candidate.name === name);
  if (one === undefined) throw new RangeError(`There is no register ${name}.`);
  return one;
}

/** "ADDRESS,LENGTH" in hexadecimal digits. */
function rangeOf(text: string): { address: bigint; length: number } | undefined {
  const match = /^([0-9a-f]{1,16}),([0-9a-f]{1,8})$/i.exec(text);
  return match === null ? undefined : { address: BigInt(`0x${match[1]}`), length: parseInt(match[2] ?? "", 16) };
}

/** "target.xml:OFFSET,LENGTH", taken apart: the part of the description that is asked for. */
function description([annex, ...window]: readonly string[]): string {
  if (annex !== "target.xml") return "E00";
  if (window.length !== 2 || !window.every((part) => /^[0-9a-f]{1,8}$/i.test(part))) return EINVAL;
  const [offset = 0, length = 0] = window.map((part) => parseInt(part, 16));
  // Escapes may double what is sent.
  const part = TARGET_DESCRIPTION.slice(offset, offset + Math.min(length, MAX_PACKET / 2 - 1));
  return (offset + part.length < TARGET_DESCRIPTION.length ? "m" : "l") + part;
}

/** There is one thread; 0 stands for any, -1 for all. */
const threadExists = (id: string): boolean => /^(-1|0*[01])$/.test(id);

/** Errors with a text are shown by gdb. */
const errorText = (error: unknown): string => `E.${error instanceof Error ? error.message : String(error)}`;
