/** Sessions over a socket of this machine: each connection is served by a process of its own. */
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";

/** Machines have hundreds of megabytes each. */
const MAX_SESSIONS = 16;

/**
 * Listens on a port of 127.0.0.1, 0 for any free one; resolves with the port. Rejects with one sentence.
 * @param program path of the adapter that speaks on stdin and stdout
 * @param complain told of connections that cannot be served
 */
export function serveSocket(port: number, program: string, complain: (sentence: string) => void): Promise<number> {
  let sessions = 0;
  const server = createServer((socket) => {
    // The client may be gone at any time.
    socket.on("error", () => undefined);
    if (sessions >= MAX_SESSIONS) {
      complain(`There are ${MAX_SESSIONS} sessions already: one more is refused.`);
      socket.destroy();
      return;
    }
    sessions += 1;
    serve(socket, program, complain, () => (sessions -= 1));
  });
  return new Promise((resolve, reject) => {
    server.on("error", ({ message }) =>
      reject(new Error(`Port ${port} of 127.0.0.1 cannot be listened on: ${message}.`)),
    );
    server.listen(port, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}

/** However a session ends, by a fault of its engine even, the others do not notice. */
function serve(socket: Socket, program: string, complain: (sentence: string) => void, ended: () => void): void {
  const child = spawn(process.execPath, [...process.execArgv, program], { stdio: ["pipe", "pipe", "inherit"] });
  child.on("error", (error) => {
    complain(`A session could not be started: ${error.message}.`);
    socket.destroy();
  });
  child.on("close", () => {
    ended();
    socket.end();
  });
  // Between its end and "close" there is nobody to read.
  child.stdin.on("error", () => undefined);
  socket.on("close", () => child.stdin.end());
  socket.pipe(child.stdin);
  child.stdout.pipe(socket);
}
