/** A session on this process's stdin and stdout. */
import { Writable } from "node:stream";
import { BootscopeSession } from "./session.ts";
import type { SessionServices } from "./session.ts";

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
  // The client is gone: nothing is left to serve.
  process.stdout.on("error", () => process.exit(0));
  process.stdin.on("close", () => process.exit(0));
  session.on("error", (event: { event: string }) => console.error(event.event));
  session.start(process.stdin, gathering(process.stdout));
}
