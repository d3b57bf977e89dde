/** The panel's side of the messages in ../messages.ts. */
import type { FromPanel, PanelCommand, PanelRequests, SessionState, ToPanel } from "../messages.ts";

interface WebviewApi {
  postMessage(message: FromPanel): void;
  getState(): unknown;
  setState(state: unknown): void;
}
declare function acquireVsCodeApi(): WebviewApi;

const api = acquireVsCodeApi();
const pending = new Map<number, { resolve: (body: never) => void; reject: (error: Error) => void }>();
let lastId = 0;

export function send(message: FromPanel): void {
  api.postMessage(message);
}

/** Asks the debug session; rejects with its message. */
export function request<K extends PanelCommand>(
  command: K,
  ...args: PanelRequests[K]["arguments"] extends undefined ? [] : [PanelRequests[K]["arguments"]]
): Promise<PanelRequests[K]["body"]> {
  const id = ++lastId;
  return new Promise((resolve, reject) => {
    pending.set(id, { resolve, reject });
    send({ type: "request", id, command, arguments: args[0] });
  });
}

type Listeners = { [K in ToPanel["type"]]?: (message: ToPanel & { type: K }) => void };

/** Listens to the extension and tells it that the panel is there. */
export function connect(listeners: Listeners): void {
  window.addEventListener("message", (event: MessageEvent<ToPanel>) => {
    const message = event.data;
    if (message.type === "response" || message.type === "failure") {
      const waiting = pending.get(message.id);
      pending.delete(message.id);
      if (message.type === "response") waiting?.resolve(message.body as never);
      else waiting?.reject(new Error(message.message));
      return;
    }
    (listeners[message.type] as ((message: ToPanel) => void) | undefined)?.(message);
  });
  send({ type: "ready" });
}

/** What a panel remembers while it is hidden; `undefined` the first time. */
export function recall<T>(): T | undefined {
  return api.getState() as T | undefined;
}

export function remember<T>(state: T): void {
  api.setState(state);
}

/** Runs `read` at every stop and behind every edit; a later stop overtakes one that is still being read. */
export function onStop(
  read: (session: SessionState) => Promise<void>,
  other: (session: SessionState) => void,
): (session: SessionState) => void {
  let seen = "";
  return (session) => {
    other(session);
    const key = `${session.id} ${session.stop} ${session.edit}`;
    if (session.state !== "stopped" || key === seen) return;
    seen = key;
    // The machine may run again while we read: the next stop reads anew, so a failure shows nothing.
    read(session).catch((error: unknown) => {
      if (seen === key) reportFailure(error instanceof Error ? error.message : String(error));
    });
  };
}

let failureLine: HTMLElement | undefined;

/** Where {@link reportFailure} writes. */
export function showFailuresIn(line: HTMLElement): void {
  failureLine = line;
}

export function reportFailure(message: string): void {
  if (failureLine !== undefined) failureLine.textContent = message;
}

export function clearFailure(): void {
  reportFailure("");
}
