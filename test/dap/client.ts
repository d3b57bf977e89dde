/** A small debug client: speaks the protocol with the built adapter over stdio or a socket and keeps what it hears. */
import { spawn } from "node:child_process";
import { Socket } from "node:net";
import { fileURLToPath } from "node:url";
import type { DebugProtocol } from "@vscode/debugprotocol";

const ADAPTER = fileURLToPath(new URL("../../dist/debug-adapter.js", import.meta.url));
const SEPARATOR = "\r\n\r\n";

/** How a client reaches its adapter. */
interface Channel {
  pid: number | undefined;
  write(text: string): void;
  endInput(): void;
  kill(): void;
  /** The exit code; of a socket null. */
  exited: Promise<number | null>;
}

interface Expectation {
  matches(event: DebugProtocol.Event): boolean;
  resolve(event: DebugProtocol.Event): void;
  reject: (error: Error) => void;
}

export class Client {
  readonly #channel: Channel;
  readonly #requests = new Map<number, (response: DebugProtocol.Response) => void>();
  #expectations: Expectation[] = [];
  /** Events that nobody has waited for yet, by their names. */
  readonly #events = new Map<string, DebugProtocol.Event[]>();
  #received: Buffer = Buffer.alloc(0);
  #seq = 1;
  #ended: { code: number | null } | undefined;
  /** Everything said and heard, in order. */
  readonly messages: DebugProtocol.ProtocolMessage[] = [];
  /** What the adapter wrote to stderr: nothing, if all is well. */
  stderr = "";
  readonly exited: Promise<number | null>;

  /** @param adapter path of the adapter's bundle, or a socket that it serves; the built one unless given */
  constructor(adapter: string | Socket = ADAPTER) {
    this.#channel = adapter instanceof Socket ? this.#overSocket(adapter) : this.#overStdio(adapter);
    this.exited = this.#channel.exited;
    void this.exited.then((code) => {
      this.#ended = { code };
      for (const [seq, resolve] of this.#requests) {
        const message = `The adapter ended with ${code}: ${this.stderr}`;
        resolve({ type: "response", seq: 0, request_seq: seq, command: "", success: false, message });
      }
      const error = new Error(`The adapter ended with ${code} before an event: ${this.stderr}`);
      for (const { reject } of this.#expectations) reject(error);
    });
  }

  /** Of the adapter's process. */
  get pid(): number | undefined {
    return this.#channel.pid;
  }

  #overStdio(adapter: string): Channel {
    const child = spawn(process.execPath, [adapter], { stdio: "pipe" });
    child.stdout.on("data", (data: Buffer) => this.#read(data));
    child.stderr.on("data", (data: Buffer) => (this.stderr += data.toString()));
    return {
      pid: child.pid,
      write: (text) => child.stdin.write(text),
      endInput: () => child.stdin.end(),
      kill: () => child.kill(),
      exited: new Promise((resolve) => child.on("exit", resolve)),
    };
  }

  #overSocket(socket: Socket): Channel {
    socket.on("data", (data) => this.#read(data));
    socket.on("error", () => undefined);
    return {
      pid: undefined,
      write: (text) => socket.write(text),
      endInput: () => socket.end(),
      kill: () => socket.destroy(),
      exited: new Promise((resolve) => socket.on("close", () => resolve(null))),
    };
  }

  request(command: string, args?: unknown): Promise<DebugProtocol.Response> {
    const request = { seq: this.#seq++, type: "request", command, arguments: args };
    this.messages.push(request);
    this.sendText(JSON.stringify(request));
    return new Promise((resolve) => this.#requests.set(request.seq, resolve));
  }

  /** The body of a request that must succeed. */
  async ask<Body>(command: string, args?: unknown): Promise<Body> {
    const response = await this.request(command, args);
    if (!response.success) throw new Error(`${command} failed: ${response.message}`);
    return response.body as Body;
  }

  /** The message of a request that must fail. */
  async refused(command: string, args?: unknown): Promise<string> {
    const response = await this.request(command, args);
    if (response.success)
      throw new Error(`${command} should have failed, but answered ${JSON.stringify(response.body)}`);
    return response.message ?? "";
  }

  /** Sends anything, without a header. */
  sendBytes(bytes: string): void {
    this.#channel.write(bytes);
  }

  endInput(): void {
    this.#channel.endInput();
  }

  /** Sends a message's text, which may be wrong. */
  sendText(text: string): void {
    this.#channel.write(`Content-Length: ${Buffer.byteLength(text)}${SEPARATOR}${text}`);
  }

  /** The next event of that name (and content) that nobody has taken yet. */
  event<Body = Record<string, unknown>>(name: string, holds: (body: Body) => boolean = () => true): Promise<Body> {
    const matches = (event: DebugProtocol.Event): boolean => event.event === name && holds(event.body as Body);
    const known = this.#events.get(name) ?? [];
    const index = known.findIndex(matches);
    if (index >= 0) return Promise.resolve(known.splice(index, 1)[0]?.body as Body);
    return new Promise((resolve, reject) => {
      if (this.#ended === undefined)
        this.#expectations.push({ matches, resolve: (event) => resolve(event.body as Body), reject });
      else reject(new Error(`The adapter ended with ${this.#ended.code} before ${name}: ${this.stderr}`));
    });
  }

  /** Initialises, launches, and lets the machine go; `configure` sets breakpoints in between. */
  async launch(args: object, configure: () => Promise<unknown> = () => Promise.resolve()): Promise<void> {
    await this.ask("initialize", { adapterID: "bootscope", clientID: "test" });
    await this.ask("launch", args);
    await this.event("initialized");
    await configure();
    await this.ask("configurationDone");
  }

  stopped(): Promise<DebugProtocol.StoppedEvent["body"]> {
    return this.event("stopped");
  }

  /** Sends a request that makes the machine move, and waits until it stands again. */
  async move(command: string, args: object = {}): Promise<DebugProtocol.StoppedEvent["body"]> {
    await this.ask(command, { threadId: 1, ...args });
    return this.stopped();
  }

  async close(): Promise<void> {
    if (this.#ended === undefined) await this.request("disconnect");
    this.#channel.endInput();
    await this.exited;
  }

  kill(): void {
    this.#channel.kill();
  }

  #read(data: Buffer): void {
    this.#received = Buffer.concat([this.#received, data]);
    for (;;) {
      const header = this.#received.indexOf(SEPARATOR);
      if (header < 0) return;
      const length = Number(/Content-Length: ([0-9]+)/.exec(this.#received.toString("utf8", 0, header))?.[1]);
      const start = header + SEPARATOR.length;
      if (this.#received.length < start + length) return;
      const text = this.#received.toString("utf8", start, start + length);
      this.#received = this.#received.subarray(start + length);
      this.#hear(JSON.parse(text) as DebugProtocol.ProtocolMessage);
    }
  }

  #hear(message: DebugProtocol.ProtocolMessage): void {
    this.messages.push(message);
    if (message.type === "response") {
      const response = message as DebugProtocol.Response;
      this.#requests.get(response.request_seq)?.(response);
      this.#requests.delete(response.request_seq);
      return;
    }
    const event = message as DebugProtocol.Event;
    const expected = this.#expectations.find((one) => one.matches(event));
    if (expected === undefined) {
      const known = this.#events.get(event.event);
      if (known === undefined) this.#events.set(event.event, [event]);
      else known.push(event);
      return;
    }
    this.#expectations = this.#expectations.filter((one) => one !== expected);
    expected.resolve(event);
  }
}
