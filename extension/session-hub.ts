/** Follows debug sessions of type `bootscope` and tells the panels about the one that matters: the last one started or chosen. */
import * as vscode from "vscode";
import type { CustomEvents } from "../debug-adapter/protocol.ts";
import type { OutputSource, SessionState } from "../webview/messages.ts";
import { OutputLog } from "./output-log.ts";

export const DEBUG_TYPE = "bootscope";

/** Requests that change what panels show while the machine stands still. */
const EDITING_COMMANDS = new Set(["setVariable", "setExpression", "writeMemory"]);

interface Followed {
  session: vscode.DebugSession;
  state: SessionState;
  log: OutputLog;
}

export interface Output {
  source: OutputSource;
  data: string;
}

export class SessionHub implements vscode.Disposable {
  private readonly followed = new Map<string, Followed>();
  private current: Followed | undefined;
  private readonly disposables: vscode.Disposable[] = [];
  private readonly stateEmitter = new vscode.EventEmitter<SessionState>();
  private readonly outputEmitter = new vscode.EventEmitter<Output>();
  private readonly replayEmitter = new vscode.EventEmitter<void>();

  /** The session shown, or its state, changed. */
  readonly onState = this.stateEmitter.event;
  /** The guest of the session shown sent something. */
  readonly onOutput = this.outputEmitter.event;
  /** Another session is shown: consoles start over from {@link log}. */
  readonly onReplay = this.replayEmitter.event;

  constructor() {
    this.disposables.push(
      this.stateEmitter,
      this.outputEmitter,
      this.replayEmitter,
      vscode.debug.onDidStartDebugSession((session) => this.follow(session)),
      vscode.debug.onDidChangeActiveDebugSession((session) => this.show(session)),
      vscode.debug.onDidTerminateDebugSession((session) => this.ended(session)),
      vscode.debug.onDidReceiveDebugSessionCustomEvent((event) => this.receive(event)),
      vscode.debug.registerDebugAdapterTrackerFactory(DEBUG_TYPE, {
        createDebugAdapterTracker: (session) => ({
          onDidSendMessage: (message: { type?: string; command?: string; success?: boolean }) => {
            if (
              message.type === "response" &&
              message.success === true &&
              EDITING_COMMANDS.has(message.command ?? "")
            ) {
              this.edited(session);
            }
          },
        }),
      }),
    );
  }

  get state(): SessionState {
    return this.current?.state ?? { id: "", state: "none", stop: 0, edit: 0 };
  }

  get log(): OutputLog | undefined {
    return this.current?.log;
  }

  /** The session shown, while it lives. */
  get session(): vscode.DebugSession | undefined {
    return this.state.state === "ended" ? undefined : this.current?.session;
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  /** Output may come before VS Code says that the session has started. */
  private follow(session: vscode.DebugSession): Followed | undefined {
    if (session.type !== DEBUG_TYPE) return undefined;
    let found = this.followed.get(session.id);
    if (found === undefined) {
      found = { session, state: { id: session.id, state: "starting", stop: 0, edit: 0 }, log: new OutputLog() };
      this.followed.set(session.id, found);
      this.select(found);
    }
    return found;
  }

  private show(session: vscode.DebugSession | undefined): void {
    const found = session && this.followed.get(session.id);
    if (found !== undefined) this.select(found);
  }

  private select(followed: Followed): void {
    if (this.current === followed) return;
    this.current = followed;
    this.replayEmitter.fire();
    this.stateEmitter.fire(followed.state);
  }

  private ended(session: vscode.DebugSession): void {
    const found = this.followed.get(session.id);
    if (found === undefined) return;
    this.followed.delete(session.id);
    this.update(found, { state: "ended" });
    const left = [...this.followed.values()].at(-1);
    if (this.current === found && left !== undefined) this.select(left);
  }

  private edited(session: vscode.DebugSession): void {
    const found = this.followed.get(session.id);
    if (found !== undefined) this.update(found, { edit: found.state.edit + 1 });
  }

  private receive(event: vscode.DebugSessionCustomEvent): void {
    const found = this.follow(event.session);
    if (found === undefined) return;
    switch (event.event as keyof CustomEvents) {
      case "bootscope/output": {
        const output = event.body as CustomEvents["bootscope/output"];
        found.log.append(output.source, output.data);
        if (found === this.current) this.outputEmitter.fire(output);
        break;
      }
      case "bootscope/phase":
        this.update(found, { phase: (event.body as CustomEvents["bootscope/phase"]).label });
        break;
      case "bootscope/state": {
        const { state, description } = event.body as CustomEvents["bootscope/state"];
        const stop = found.state.stop + (state === "stopped" ? 1 : 0);
        const { description: _old, ...rest } = found.state;
        found.state = rest;
        this.update(found, { state, stop, ...(description !== undefined && { description }) });
        break;
      }
    }
  }

  private update(followed: Followed, change: Partial<SessionState>): void {
    followed.state = { ...followed.state, ...change };
    if (followed === this.current) this.stateEmitter.fire(followed.state);
  }
}
