/** A session on this process's stdin and stdout. */
import { BootscopeSession } from "./session.ts";
import type { SessionServices } from "./session.ts";

export function serveStdio(services: SessionServices): void {
  const session = new BootscopeSession(services);
  // The client is gone: nothing is left to serve.
  process.stdout.on("error", () => process.exit(0));
  process.stdin.on("close", () => process.exit(0));
  session.on("error", (event: { event: string }) => console.error(event.event));
  session.start(process.stdin, process.stdout);
}
