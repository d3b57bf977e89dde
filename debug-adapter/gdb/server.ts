/** The TCP port on which gdb finds a machine: one gdb at a time, any number one after the other. */
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import type { CpuState, StopResult } from "../target.ts";
import type { GdbHost } from "./host.ts";
import { frame, MAX_PACKET, PacketReader } from "./packets.ts";
import { GdbStub } from "./stub.ts";

const LOOPBACK = "127.0.0.1";
/** Bytes that may wait for a gdb that does not read. */
const MAX_UNREAD = 1 << 22;
const MAX_CONNECTIONS = 16;
/** Bytes before the first packet of somebody who has to wait. */
const MAX_UNHEARD = 2 * MAX_PACKET;
/** Milliseconds that the last bytes to a gdb may take. */
const FAREWELL_MS = 1000;
/** What a second gdb is told, in answer to its first packet. */
const REFUSAL = "E.Another gdb is connected to this machine.";

interface Client {
  stub: GdbStub;
  socket: Socket;
  /** Fulfilled once nothing of it is left in the machine; from `leaving` on that is under way. */
  left: Promise<void>;
  leaving: boolean;
}

export class GdbServer {
  readonly #host: GdbHost;
  readonly #server: Server;
  #current: Client | undefined;
  /** Connected, but not yet heard. */
  readonly #others = new Set<Socket>();

  private constructor(host: GdbHost) {
    this.#host = host;
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /** Listens on the loopback interface; 0 takes any free port. Rejects with one sentence. */
  static async listen(host: GdbHost, port: number): Promise<GdbServer> {
    const server = new GdbServer(host);
    server.#server.listen(port, LOOPBACK);
    try {
      await once(server.#server, "listening");
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      const why = code === "EADDRINUSE" ? "another program uses it" : error instanceof Error ? error.message : code;
      throw new Error(`gdb cannot be waited for on port ${port} of ${LOOPBACK}: ${why}.`, { cause: error });
    }
    // A connection that could not be taken up concerns only who wanted it.
    server.#server.on("error", () => undefined);
    return server;
  }

  /** "127.0.0.1:1234". */
  get address(): string {
    return `${LOOPBACK}:${(this.#server.address() as AddressInfo | null)?.port ?? 0}`;
  }

  get connected(): boolean {
    return this.#current !== undefined;
  }

  /** The machine stands; whoever set it going. */
  stopped(stop: StopResult): void {
    void this.#current?.stub.stopped(stop);
  }

  /** The machine is no more: gdb is told that its program has exited. */
  ended(): void {
    this.#current?.stub.ended();
  }

  /** Whether gdb set the break- or watchpoint at which the machine stopped. */
  owns(stop: StopResult, cpu: CpuState): boolean {
    return this.#current?.stub.owns(stop, cpu) === true;
  }

  async close(): Promise<void> {
    this.ended();
    if (!this.#server.listening) return;
    const closed = new Promise((resolve) => this.#server.once("close", resolve));
    this.#server.close();
    for (const socket of this.#others) socket.destroy();
    await closed;
  }

  /** Who comes while another gdb is there is answered when it speaks: the other one may be about to leave. */
  #accept(socket: Socket): void {
    // A connection that breaks is a gdb that has gone.
    socket.on("error", () => undefined);
    if (this.#current === undefined) return void this.#serve(socket);
    this.#others.add(socket);
    socket.on("close", () => this.#others.delete(socket));
    const reader = new PacketReader();
    let heard = Buffer.alloc(0);
    const listen = (bytes: Buffer): void => {
      heard = Buffer.concat([heard, bytes]);
      if (heard.length > MAX_UNHEARD) socket.destroy();
      // gdb takes what comes before its first packet for noise.
      if (!reader.feed(bytes).some(({ kind }) => kind === "packet")) return;
      socket.off("data", listen);
      socket.pause();
      void this.#decide(socket, heard);
    };
    socket.on("data", listen);
  }

  async #decide(socket: Socket, heard: Buffer): Promise<void> {
    if (this.#current?.leaving === true) await this.#current.left;
    if (socket.destroyed) return;
    if (this.#current === undefined) {
      this.#others.delete(socket);
      this.#serve(socket).receive(heard);
    } else {
      socket.end(Buffer.concat([Buffer.from("+"), frame(REFUSAL)]));
      socket.setTimeout(FAREWELL_MS, () => socket.destroy());
    }
    socket.resume();
  }

  #serve(socket: Socket): GdbStub {
    const stub = new GdbStub(this.#host, {
      send: (bytes) => {
        if (socket.writable) socket.write(bytes);
        if (socket.writableLength > MAX_UNREAD) socket.destroy();
      },
      end: () => {
        client.leaving = true;
        part(socket);
      },
    });
    const left = new Promise((resolve) => socket.once("close", resolve))
      .then(() => {
        client.leaving = true;
        return stub.release();
      })
      .then(() => {
        this.#current = undefined;
      });
    const client: Client = { stub, socket, left, leaving: false };
    this.#current = client;
    socket.on("data", (bytes: Buffer) => stub.receive(bytes));
    return stub;
  }
}

/** Closes a connection behind what was written to it, or without it when the other side does not read. */
function part(socket: Socket): void {
  socket.setTimeout(FAREWELL_MS, () => socket.destroy());
  socket.destroySoon();
}
