/** A debug session in this process, over a real machine: what its client says and hears. */
import { MessageChannel } from "node:worker_threads";
import type { DebugProtocol } from "@vscode/debugprotocol";
import { machineTarget } from "../../debug-adapter/machine-target.ts";
import type { MachineThread } from "../../debug-adapter/machine-target.ts";
import { BootscopeSession } from "../../debug-adapter/session.ts";
import { checkPlan, openPlan } from "../../emulator/machine/boot-plan.ts";
import { Machine } from "../../emulator/machine/machine.ts";
import { serveMachine } from "../../emulator/machine/worker-server.ts";

export class Session {
  readonly #session: BootscopeSession;
  #seq = 1;
  readonly #responses = new Map<number, (response: DebugProtocol.Response) => void>();
  /** Events that nobody has waited for yet. */
  readonly #events: DebugProtocol.Event[] = [];
  #wake: (() => void) | undefined;

  constructor() {
    const { port1, port2 } = new MessageChannel();
    serveMachine(port2, async (plan, events) => Machine.create(await openPlan(plan), events));
    const thread = Object.assign(port1, {
      terminate: () => {
        port1.close();
        return Promise.resolve();
      },
    }) as unknown as MachineThread;
    this.#session = new BootscopeSession({
      createTarget: (events) => machineTarget(thread, events),
      checkPlan,
      sources: () => [],
      readSymbols: () => Promise.reject(new Error("There are no sources here.")),
    });
    // The standard ending ends the process.
    this.#session.shutdown = () => undefined;
    this.#session.onDidSendMessage((message) => this.#hear(message as DebugProtocol.ProtocolMessage));
  }

  /** The body of a request that must succeed. */
  async ask<Body>(command: string, args: object = {}): Promise<Body> {
    const response = await this.request(command, args);
    if (!response.success) throw new Error(`${command} failed: ${response.message}`);
    return response.body as Body;
  }

  request(command: string, args: object = {}): Promise<DebugProtocol.Response> {
    const request = { seq: this.#seq++, type: "request", command, arguments: args };
    this.#session.handleMessage(request);
    return new Promise((resolve) => this.#responses.set(request.seq, resolve));
  }

  /** The next event of that name that nobody has taken yet; those before it are forgotten. */
  async event<Body>(name: string): Promise<Body> {
    for (;;) {
      const index = this.#events.findIndex(({ event }) => event === name);
      const [found] = index < 0 ? [] : this.#events.splice(0, index + 1).slice(-1);
      if (found !== undefined) return found.body as Body;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** Launches a kernel directly, to stand at its entry; the address for gdb. */
  async launch(kernel: string): Promise<string> {
    await this.ask("initialize", { adapterID: "bootscope" });
    await this.ask("launch", { kernel, boot: "direct", memory: 64, stopOnEntry: true, gdbPort: 0 });
    let address: string | undefined;
    while (address === undefined) {
      const { output } = await this.event<{ output: string }>("output");
      address = /target remote (127\.0\.0\.1:\d+)/.exec(output)?.[1];
    }
    await this.event("initialized");
    await this.ask("configurationDone");
    await this.stopped();
    return address;
  }

  stopped(): Promise<DebugProtocol.StoppedEvent["body"]> {
    return this.event("stopped");
  }

  #hear(message: DebugProtocol.ProtocolMessage): void {
    if (message.type === "response") {
      const response = message as DebugProtocol.Response;
      this.#responses.get(response.request_seq)?.(response);
      this.#responses.delete(response.request_seq);
      return;
    }
    this.#events.push(message as DebugProtocol.Event);
    this.#wake?.();
  }
}
