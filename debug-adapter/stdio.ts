/** A session on this process's stdin and stdout. */
import { Writable } from "node:stream";
import type { DebugProtocol } from "@vscode/debugprotocol";
import { framed, MessageReader } from "./framing.ts";
import { BootscopeSession } from "./session.ts";
import type { SessionServices } from "./session.ts";

/** Milliseconds that the last bytes may take to their reader when the session has ended. */
const LAST_WORDS_MS = 2000;

/**
 * Gathers what is said in one turn of the event loop: the client is woken once for a response and all events that go
 * with it, and the machine is at work already.
 */
function gathering(out: NodeJS.WritableStream): Writable {
  let pending = "";
  const flush = (): void => {
    out.write(pending);
    pending = "";
  };
  return new Writable({
    decodeStrings: false,
    write: (text: string, _encoding, done) => {
      if (pending === "") process.nextTick(flush);
      pending += text;
      done();
    },
  });
}

export function serveStdio(services: SessionServices): void {
  const session = new BootscopeSession(services);
  const out = gathering(process.stdout);
  const complain = (sentence: string): void => console.error(`bootscope: ${sentence}`);
  const reader = new MessageReader((message) => hear(session, message, complain), complain);
  session.onDidSendMessage((message) => out.write(framed(message)));
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
