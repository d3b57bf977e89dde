/** Drives debug sessions through VS Code's own interface, and waits for what they say. */
import assert from "node:assert/strict";
import * as vscode from "vscode";
import type { CustomEvents, CustomRequests, StateEventBody } from "../../../debug-adapter/protocol.ts";

export function folder(): vscode.WorkspaceFolder {
  const first = vscode.workspace.workspaceFolders?.[0];
  assert.ok(first, "a folder is open");
  return first;
}

/** The configuration of the folder's launch.json, changed by `change`. */
export function configuration(change: Record<string, unknown> = {}): vscode.DebugConfiguration {
  const all = vscode.workspace.getConfiguration("launch", folder()).get<vscode.DebugConfiguration[]>("configurations");
  const first = all?.[0];
  assert.ok(first, "launch.json has a configuration");
  return { ...first, ...change };
}

/** A running session with everything that it said. */
export class Driver implements vscode.Disposable {
  readonly session: vscode.DebugSession;
  /** Everything that came from COM1. */
  serial = "";
  state: StateEventBody = { state: "running" };
  ended = false;
  phases: string[] = [];
  /** Kinds of the boot events told. */
  readonly events = new Set<string>();
  private readonly disposables: vscode.Disposable[];
  private readonly changed = new vscode.EventEmitter<void>();

  private constructor(
    session: vscode.DebugSession,
    early: vscode.DebugSessionCustomEvent[],
    disposables: vscode.Disposable[],
  ) {
    this.session = session;
    this.disposables = [
      ...disposables,
      this.changed,
      vscode.debug.onDidReceiveDebugSessionCustomEvent((event) => this.take(event)),
      vscode.debug.onDidTerminateDebugSession((gone) => {
        if (gone.id !== session.id) return;
        this.ended = true;
        this.changed.fire();
      }),
    ];
    for (const event of early) this.take(event);
  }

  static async start(change: Record<string, unknown> = {}): Promise<Driver> {
    // Events may come before startDebugging resolves.
    const early: vscode.DebugSessionCustomEvent[] = [];
    const listener = vscode.debug.onDidReceiveDebugSessionCustomEvent((event) => early.push(event));
    const started = new Promise<vscode.DebugSession>((resolve) => {
      const once = vscode.debug.onDidStartDebugSession((session) => {
        once.dispose();
        resolve(session);
      });
    });
    assert.equal(await vscode.debug.startDebugging(folder(), configuration(change)), true, "the session starts");
    const session = await started;
    const driver = new Driver(session, early, []);
    listener.dispose();
    return driver;
  }

  private take(event: vscode.DebugSessionCustomEvent): void {
    if (event.session.id !== this.session.id) return;
    switch (event.event as keyof CustomEvents) {
      case "bootscope/output": {
        const body = event.body as CustomEvents["bootscope/output"];
        if (body.source === 0) this.serial += Buffer.from(body.data, "base64").toString("latin1");
        break;
      }
      case "bootscope/state":
        this.state = event.body as StateEventBody;
        break;
      case "bootscope/event":
        for (const { kind } of (event.body as CustomEvents["bootscope/event"]).events) this.events.add(kind);
        break;
      case "bootscope/screen":
      case "bootscope/progress":
        break;
      case "bootscope/phase":
        this.phases.push((event.body as CustomEvents["bootscope/phase"]).phase.name);
        break;
    }
    this.changed.fire();
  }

  /** Resolves when `condition` holds; it is looked at whenever the session says something. */
  async until(what: string, condition: () => boolean): Promise<void> {
    if (condition()) return;
    await new Promise<void>((resolve, reject) => {
      const listener = this.changed.event(() => {
        if (condition()) {
          listener.dispose();
          resolve();
        } else if (this.ended) {
          listener.dispose();
          reject(new Error(`The session ended before ${what}; the console said: ${this.serial.slice(-500)}`));
        }
      });
    });
  }

  stopped(): Promise<void> {
    return this.until("it stopped", () => this.state.state === "stopped");
  }

  /** Sends a request that lets the machine run, and resolves when it has stopped again. */
  async resume(command: "continue" | "next" | "stepIn" | "stepOut"): Promise<void> {
    this.state = { state: "running" };
    await this.session.customRequest(command, { threadId: await this.threadId(), granularity: "instruction" });
    await this.stopped();
  }

  async run(): Promise<void> {
    this.state = { state: "running" };
    await this.session.customRequest("continue", { threadId: await this.threadId() });
  }

  async threadId(): Promise<number> {
    const { threads } = (await this.session.customRequest("threads")) as { threads: { id: number }[] };
    assert.equal(threads.length, 1);
    return threads[0]?.id ?? 0;
  }

  ask<K extends keyof CustomRequests>(
    command: K,
    args?: CustomRequests[K]["arguments"],
  ): Promise<CustomRequests[K]["body"]> {
    return Promise.resolve(this.session.customRequest(command, args));
  }

  async rip(): Promise<bigint> {
    return BigInt((await this.ask("bootscope/cpu")).cpu.rip);
  }

  async stop(): Promise<void> {
    await vscode.debug.stopDebugging(this.session);
    await this.until("it ended", () => this.ended);
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }
}
