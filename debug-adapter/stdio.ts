/** A session on this process's stdin and stdout. */
import { BootscopeSession } from "./session.ts";
import type { CreateTarget } from "./target.ts";

export function serveStdio(createTarget: CreateTarget): void {
  const session = new BootscopeSession(createTarget);
  // The client is gone: nothing is left to serve.
  process.stdout.on("error", () => process.exit(0));
  process.stdin.on("close", () => process.exit(0));
  session.on("error", (event: { event: string }) => console.error(event.event));
  session.start(process.stdin, process.stdout);
}
