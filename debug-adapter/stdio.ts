/** A session on this process's stdin and stdout. */
import type { DebugProtocol } from "@vscode/debugprotocol";
import { framed, MessageReader } from "./framing.ts";
import type { CustomEvents } from "./protocol.ts";
import { BootscopeSession } from "./session.ts";
import type { SessionServices } from "./session.ts";

/** Milliseconds that the last bytes may take to their reader when the session has ended. */
const LAST_WORDS_MS = 2000;

/** Milliseconds that a step is waited for, so that all of it is told at once. */
const STEP_MS = 2;
const STEPS: ReadonlySet<string> = new Set(["stepIn", "next", "stepOut"]);

/**
 * Gathers what is said in one turn of the event loop, and the response to a step with the stop that follows in a moment:
 * the client is woken once, and the machine is at work already.
 */
function gathering(out: NodeJS.WritableStream): (message: object) => void {
  let pending = "";
  let stepping = false;
  const flush = (): void => {
    stepping = false;
    if (pending !== "") out.write(pending);
    pending = "";
  };
  // One timer for all steps: setting one up takes longer than to set it anew.
  const limit = setTimeout(flush, STEP_MS);
  return (message) => {
    if (beginsStep(message)) {
      stepping = true;
      limit.refresh();
    } else if (pending === "" || (stepping && !isRunning(message))) process.nextTick(flush);
    pending += framed(message);
  };
}

function beginsStep(message: object): boolean {
  const { type, command, success } = message as Partial<DebugProtocol.Response>;
  return type === "response" && success === true && command !== undefined && STEPS.has(command);
}

/** The machine has set off: its stop is still to come. */
function isRunning(message: object): boolean {
  const { event, body } = message as { event?: string; body?: unknown };
  return event === "bootscope/state" && (body as CustomEvents["bootscope/state"]).state === "running";
}

export function serveStdio(services: SessionServices): void {
  const session = new BootscopeSession(services);
  const complain = (sentence: string): void => console.error(`bootscope: ${sentence}`);
  const reader = new MessageReader((message) => hear(session, message, complain), complain);
  session.onDidSendMessage(gathering(process.stdout));
  session.on("ended", () => {
    // What has been said is written, and nothing is heard any more: so the process ends by itself, at the latest soon.
    process.stdin.destroy();
    setTimeout(() => process.exit(0), LAST_WORDS_MS).unref();
  });
  // The client is gone: nothing is left to serve.
  process.stdout.on("error", () => process.exit(0));
  process.stdin.on("error", () => void session.quit());
  process.stdin.on("end", () => {
    reader.end();
    void session.quit();
  });
  process.stdin.on("data", (data: Buffer) => reader.push(data));
}

/** Gives a message of the client, which may be anything, to the session. */
function hear(session: BootscopeSession, message: unknown, complain: (sentence: string) => void): void {
  const { type } = (message ?? {}) as { type?: unknown };
  // Nothing is ever asked of the client, so that a response would be one to nothing.
  if (type !== "request") return complain('A message of the client is no request: a "type" of "request" was expected.');
  try {
    session.handleMessage(message as DebugProtocol.Request);
  } catch (error) {
    complain(error instanceof Error ? error.message : String(error));
  }
}
