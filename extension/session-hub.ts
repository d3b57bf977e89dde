/** Follows debug sessions of type `bootscope` and tells the panels about the one that matters: the last one started or chosen. */
import * as vscode from "vscode";
import type { CustomEvents, Hex, WireBootEvent } from "../debug-adapter/protocol.ts";
import type { BootPhase, OutputSource, SessionState } from "../webview/messages.ts";
import { BootLog } from "./boot-log.ts";
import { OutputLog } from "./output-log.ts";

export const DEBUG_TYPE = "bootscope";

/** Requests that change what panels show while the machine stands still. */
const EDITING_COMMANDS = new Set(["setVariable", "setExpression", "writeMemory"]);

interface Followed {
  session: vscode.DebugSession;
  state: SessionState;
  log: OutputLog;
  boot: BootLog;
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
  private readonly phaseEmitter = new vscode.EventEmitter<BootPhase>();
  private readonly eventsEmitter = new vscode.EventEmitter<WireBootEvent[]>();
  private readonly progressEmitter = new vscode.EventEmitter<Hex>();
  private readonly screenEmitter = new vscode.EventEmitter<void>();

  /** The session shown, or its state, changed. */
  readonly onState = this.stateEmitter.event;
  /** The guest of the session shown sent something. */
  readonly onOutput = this.outputEmitter.event;
  /** Another session or another run is shown: panels start over from {@link log} and {@link boot}. */
  readonly onReplay = this.replayEmitter.event;
  /** A phase began in the session shown. */
  readonly onPhase = this.phaseEmitter.event;
  /** Events were recorded in the session shown. */
  readonly onEvents = this.eventsEmitter.event;
  /** The machine of the session shown has retired so many instructions. */
  readonly onProgress = this.progressEmitter.event;
  /** The guest's picture changed in the session shown. */
  readonly onScreen = this.screenEmitter.event;

  constructor() {
    this.disposables.push(
      this.stateEmitter,
      this.outputEmitter,
      this.replayEmitter,
      this.phaseEmitter,
      this.eventsEmitter,
      this.progressEmitter,
      this.screenEmitter,
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

  get boot(): BootLog | undefined {
    return this.current?.boot;
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
      const state: SessionState = { id: session.id, state: "starting", stop: 0, edit: 0 };
      found = { session, state, log: new OutputLog(), boot: new BootLog() };
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
      case "bootscope/phase": {
        const { phase, label } = event.body as CustomEvents["bootscope/phase"];
        const reached = { ...phase, label };
        found.boot.addPhase(reached);
        if (found === this.current) this.phaseEmitter.fire(reached);
        this.update(found, { phase: label });
        break;
      }
      case "bootscope/event": {
        const { events } = event.body as CustomEvents["bootscope/event"];
        found.boot.addEvents(events);
        if (found === this.current) this.eventsEmitter.fire(events);
        break;
      }
      case "bootscope/progress":
        if (found === this.current)
          this.progressEmitter.fire((event.body as CustomEvents["bootscope/progress"]).icount);
        break;
      case "bootscope/screen":
        if (found === this.current) this.screenEmitter.fire();
        break;
      case "bootscope/state":
        this.changed(found, event.body as CustomEvents["bootscope/state"]);
        break;
    }
  }

  private changed(found: Followed, { state, description, icount }: CustomEvents["bootscope/state"]): void {
    const stop = found.state.stop + (state === "stopped" ? 1 : 0);
    const { description: _old, ...rest } = found.state;
    found.state = rest;
    if (state === "starting") {
      // The machine is switched on, perhaps again: what was recorded belongs to the one before.
      const { phase: _phase, icount: _icount, ...fresh } = rest;
      found.state = fresh;
      found.boot = new BootLog();
      if (found === this.current) this.replayEmitter.fire();
    }
    this.update(found, {
      state,
      stop,
      ...(description !== undefined && { description }),
      ...(icount !== undefined && { icount }),
    });
  }

  private update(followed: Followed, change: Partial<SessionState>): void {
    followed.state = { ...followed.state, ...change };
    if (followed === this.current) this.stateEmitter.fire(followed.state);
  }
}
