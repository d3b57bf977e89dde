/** One run of the built adapter under random requests: what it must hold is checked with each message that it sends. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { DebugProtocol } from "@vscode/debugprotocol";
import { framed, MessageReader } from "../../debug-adapter/framing.ts";
import type { FuzzRequest, Learned } from "./fuzz-requests.ts";

const ADAPTER = fileURLToPath(new URL("../../dist/debug-adapter.js", import.meta.url));
/** Messages kept for the report of a failure, and things learned. */
const KEPT = 40;
/** An answer that takes longer does not come. */
const HANG_MS = 120_000;

/** Behind a good answer to these the machine goes, and stops or ends once. */
const GOES = new Set([
  "configurationDone",
  "continue",
  "next",
  "stepIn",
  "stepOut",
  "goto",
  "restart",
  "restartFrame",
  "bootscope/runTo",
  "bootscope/runUntil",
]);

type Message = DebugProtocol.ProtocolMessage & {
  request_seq?: number;
  command?: string;
  success?: boolean;
  message?: string;
  event?: string;
  body?: unknown;
};

export class FuzzWire {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #open = new Map<number, FuzzRequest>();
  readonly #last: string[] = [];
  #seq = 0;
  #wake: (() => void) | undefined;
  #failure: string | undefined;
  #exited = false;
  /** The machine goes, as far as the client was told. */
  going = false;
  terminated = false;
  answers = { good: 0, refused: 0 };
  readonly learned: Learned = { variables: [], frames: [], references: [], dataIds: [], sent: [] };

  constructor() {
    this.#process = spawn(process.execPath, [ADAPTER], { stdio: "pipe" });
    const wrong = (sentence: string): void => this.#fail(`The adapter's stream: ${sentence}`);
    const reader = new MessageReader((message) => this.#hear(message as Message), wrong);
    this.#process.stdout.on("data", (data: Buffer) => {
      reader.push(data);
      this.#wake?.();
    });
    // What was no message is told, one sentence a time; all else there is a crash.
    this.#process.stderr.on("data", (data: Buffer) => {
      for (const line of data.toString().split("\n")) {
        if (line !== "" && !line.startsWith("bootscope: ")) this.#fail(`stderr: ${data.toString()}`);
      }
    });
    this.#process.stdin.on("error", () => undefined);
    this.#process.on("exit", (code) => {
      this.#exited = true;
      if (code !== 0) this.#fail(`The adapter ended with ${code}`);
      else if (this.#open.size > 0) this.#fail("The adapter ended, and did not answer");
      this.#wake?.();
    });
  }

  send(request: FuzzRequest): void {
    const seq = ++this.#seq;
    this.#open.set(seq, request);
    keep(this.learned.sent, seq);
    const message = { seq, type: "request", ...request };
    this.#note(`→ ${JSON.stringify(message)}`);
    this.#process.stdin.write(framed(message));
  }

  /** Bytes that are no message. */
  sendBytes(bytes: string): void {
    this.#note(`→ ${JSON.stringify(bytes)}`);
    this.#process.stdin.write(bytes);
  }

  /** The client goes. */
  end(): void {
    this.#process.stdin.end();
  }

  /** Waits until all requests are answered. */
  answered(): Promise<void> {
    return this.#until(() => this.#open.size === 0, "no answer");
  }

  /** Waits until the machine has stopped, or all has ended. */
  stopped(): Promise<void> {
    return this.#until(() => !this.going || this.terminated, "no stop");
  }

  exited(): Promise<void> {
    return this.#until(() => this.#exited, "no end of the process");
  }

  kill(): void {
    this.#process.kill("SIGKILL");
  }

  /** MiB of memory that the process holds; undefined where that is not told. */
  async residentMiB(): Promise<number | undefined> {
    const status = await readFile(`/proc/${this.#process.pid}/status`, "utf8").catch(() => "");
    const [, kib] = /^VmRSS:\s+([0-9]+) kB/m.exec(status) ?? [];
    return kib === undefined ? undefined : Number(kib) / 1024;
  }

  async #until(holds: () => boolean, what: string): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const hangs = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        this.#fail(`There is ${what} to ${JSON.stringify([...this.#open])}`);
        resolve();
      }, HANG_MS);
    });
    while (this.#failure === undefined && !holds()) {
      await Promise.race([hangs, new Promise<void>((resolve) => (this.#wake = resolve))]);
      if (this.#exited && !holds()) this.#fail(`The process ended: ${what}`);
    }
    clearTimeout(timer);
    if (this.#failure !== undefined) assert.fail(`${this.#failure}\n${this.#last.join("\n")}`);
  }

  #hear(message: Message): void {
    const text = JSON.stringify(message);
    this.#note(`← ${text.length > 300 ? `${text.slice(0, 300)}…` : text}`);
    if (message.type === "response") this.#response(message);
    else if (message.type === "event") this.#event(message);
    else this.#fail(`What is this? ${text}`);
  }

  #response({ request_seq = -1, command = "", success = false, message, body }: Message): void {
    const request = this.#open.get(request_seq);
    if (request === undefined) return this.#fail(`A second answer to ${request_seq}, or one to nothing`);
    this.#open.delete(request_seq);
    if (command !== request.command) this.#fail(`An answer to "${command}", not to "${request.command}"`);
    this.answers[success ? "good" : "refused"] += 1;
    if (!success) {
      if (!/^\S[^]*$/.test(message ?? "")) this.#fail("A refusal without a reason");
      if (
        /\bundefined\b|\[object |is not a function|Cannot read|is not iterable|Maximum call stack/.test(message ?? "")
      ) {
        this.#fail(`A refusal that tells of a fault: ${message}`);
      }
      return;
    }
    this.#learn(body);
    if (!GOES.has(command)) return;
    if (this.going && command !== "restart") this.#fail(`"${command}" was taken while the machine goes`);
    this.going = true;
  }

  #event({ event, body }: Message): void {
    if (event === "stopped") {
      if (!this.going) this.#fail("A stop of a machine that does not go");
      this.going = false;
    }
    if (event === "terminated") {
      if (this.terminated) this.#fail("A second end");
      this.terminated = true;
      this.going = false;
    }
    this.#learn(body);
  }

  /** Numbers and references, wherever in an answer. */
  #learn(body: unknown, depth = 0): void {
    if (typeof body !== "object" || body === null || depth > 4) return;
    for (const [name, value] of Object.entries(body)) {
      if (name === "variablesReference" && value !== 0) keep(this.learned.variables, value as number);
      else if (name === "memoryReference" || name === "instructionPointerReference")
        keep(this.learned.references, value as string);
      else if (name === "dataId" && value !== null) keep(this.learned.dataIds, value as string);
      else if (name === "stackFrames") for (const { id } of value as { id: number }[]) keep(this.learned.frames, id);
      this.#learn(value, depth + 1);
    }
  }

  #note(line: string): void {
    keep(this.#last, line);
  }

  #fail(why: string): void {
    this.#failure ??= why;
    this.#wake?.();
  }
}

function keep<T>(list: T[], one: T): void {
  list.push(one);
  if (list.length > KEPT) list.shift();
}
