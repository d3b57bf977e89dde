/** Answers requests one after the other, in the order in which they came; `cancel` alone overtakes them. */
import type { DebugProtocol } from "@vscode/debugprotocol";
import { argumentsOf, optionalInteger, optionalText } from "./arguments.ts";
import type { Arguments } from "./arguments.ts";
import { Cancelled } from "./progress.ts";
import type { Progress } from "./progress.ts";

export type Handler = (args: Arguments) => Promise<object | void> | object | void;
/** What happens behind a response. */
export type Afterwards = () => Promise<void> | void;

/** Failures of these requests are shown to the user by the client. */
const SHOWN = new Set(["launch", "restart", "continue", "next", "stepIn", "stepOut", "setVariable", "writeMemory"]);

/** These wait for no work that can be cancelled. */
const ENDS = new Set(["disconnect", "terminate"]);

/** Requests that wait for their turn; a client that sends more and never waits gets errors. */
const MAX_WAITING = 10_000;
/** Characters of an error: it may quote what the client sent. */
const MAX_MESSAGE = 2000;

/** What answering needs of the session. */
export interface RequestServices {
  handler(command: string): Handler | undefined;
  send(response: DebugProtocol.Response): void;
  progress: Progress;
}

export class Requests {
  readonly #services: RequestServices;
  #queue: Promise<void> = Promise.resolve();
  readonly #waiting = new Map<number, DebugProtocol.Request>();
  /** Requests to end that wait. */
  #ending = 0;
  #stage: "new" | "initialized" | "closed" = "new";
  /** What the request being answered leads to, once its response is out. */
  afterwards: Afterwards | undefined;

  constructor(services: RequestServices) {
    this.#services = services;
  }

  /** Takes a message that says that it is a request; nothing else of it is certain. Throws when it cannot be answered. */
  receive(request: DebugProtocol.Request): void {
    const { seq, command } = request as { seq: unknown; command: unknown };
    if (!Number.isSafeInteger(seq)) throw new Error('A request of the client has no number ("seq").');
    if (typeof command !== "string") return this.#refuse(request, "The request names no command.");
    if (command === "cancel") return this.#respond(request, () => this.#cancel(argumentsOf(request.arguments)));
    if (this.#waiting.has(request.seq)) return this.#refuse(request, "A request of that number waits already.");
    if (this.#waiting.size >= MAX_WAITING) {
      return this.#refuse(request, `${MAX_WAITING} requests wait already: wait for their responses first.`);
    }
    if (ENDS.has(command)) {
      this.#ending += 1;
      this.#services.progress.cancelAll();
    }
    this.#waiting.set(request.seq, request);
    void this.inTurn(async () => {
      if (this.#waiting.get(request.seq) !== request) return;
      this.#waiting.delete(request.seq);
      if (ENDS.has(command)) this.#ending -= 1;
      await this.#answer(request);
    });
  }

  /** Does something behind the requests that came before. */
  inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#queue.then(work);
    this.#queue = done.catch(() => undefined);
    return done;
  }

  /** The session is over. */
  close(): void {
    this.#stage = "closed";
  }

  async #answer(request: DebugProtocol.Request): Promise<void> {
    const { command, seq } = request;
    const { progress } = this.#services;
    let body: object | void;
    try {
      const handler = this.#handler(command);
      progress.begin(seq, command, this.#ending > 0);
      body = await handler(argumentsOf(request.arguments));
      if (command === "initialize") this.#stage = "initialized";
    } catch (error) {
      this.afterwards = undefined;
      progress.end();
      return this.#refuse(request, error);
    }
    progress.end();
    this.#send(request, { success: true, ...(body === undefined ? {} : { body }) });
    const { afterwards } = this;
    this.afterwards = undefined;
    await afterwards?.();
  }

  #handler(command: string): Handler {
    const handler = this.#services.handler(command);
    if (handler === undefined) throw new Error(`The request "${command}" is not known to this adapter.`);
    if (this.#stage === "closed") throw new Error("The session has ended.");
    if (command === "initialize" && this.#stage !== "new") {
      throw new Error("The session is initialized already: that is done once.");
    }
    if (command !== "initialize" && this.#stage === "new") {
      throw new Error('The session is not initialized yet: the request "initialize" was expected.');
    }
    return handler;
  }

  /** The cancel request. One that names what has been answered already is none the less answered well. */
  #cancel(args: Arguments): void {
    const requestId = optionalInteger(args, "requestId", 0, Number.MAX_SAFE_INTEGER);
    const progressId = optionalText(args, "progressId");
    if (requestId === undefined && progressId === undefined) {
      throw new Error('There is nothing to cancel: a "requestId" or a "progressId" was expected.');
    }
    const waiting = requestId === undefined ? undefined : this.#waiting.get(requestId);
    if (waiting !== undefined) {
      this.#waiting.delete(waiting.seq);
      if (ENDS.has(waiting.command)) this.#ending -= 1;
      this.#refuse(waiting, new Cancelled());
      return;
    }
    this.#services.progress.cancel({
      ...(requestId === undefined ? {} : { requestId }),
      ...(progressId === undefined ? {} : { progressId }),
    });
  }

  #respond(request: DebugProtocol.Request, work: () => void): void {
    try {
      work();
    } catch (error) {
      return this.#refuse(request, error);
    }
    this.#send(request, { success: true });
  }

  #refuse(request: DebugProtocol.Request, error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    const message = text.length <= MAX_MESSAGE ? text : `${text.slice(0, MAX_MESSAGE)}…`;
    const showUser = SHOWN.has(request.command) && !(error instanceof Cancelled);
    const body = { error: { id: 1, format: "{message}", variables: { message }, showUser } };
    this.#send(request, { success: false, message, body });
  }

  #send(request: DebugProtocol.Request, outcome: { success: boolean; message?: string; body?: object }): void {
    const { seq, command } = request;
    const name = typeof command === "string" ? command : "";
    this.#services.send({ type: "response", seq: 0, request_seq: seq, command: name, ...outcome });
  }
}
