/** The page's side of the messages with its editor. */
import type { FromPage, RequestName, Requests, ToPage } from "./messages.ts";

interface WebviewApi {
  postMessage(message: FromPage): void;
  getState(): unknown;
  setState(state: unknown): void;
}
declare function acquireVsCodeApi(): WebviewApi;

const api = acquireVsCodeApi();
const pending = new Map<number, { resolve: (answer: never) => void; reject: (error: Error) => void }>();
let lastId = 0;

export function send(message: FromPage): void {
  api.postMessage(message);
}

/** Asks the editor; rejects with one sentence. */
export function ask<K extends RequestName>(name: K, args: Requests[K]["arguments"]): Promise<Requests[K]["answer"]> {
  const id = ++lastId;
  return new Promise((resolve, reject) => {
    pending.set(id, { resolve, reject });
    send({ type: "request", id, name, arguments: args } as FromPage);
  });
}

type Listeners = { [K in Exclude<ToPage["type"], "answer" | "failure">]: (message: ToPage & { type: K }) => void };

/** Listens to the editor and tells it that the page is there. */
export function connect(listeners: Listeners): void {
  window.addEventListener("message", (event: MessageEvent<ToPage>) => {
    const message = event.data;
    if (message.type === "answer" || message.type === "failure") {
      const waiting = pending.get(message.id);
      pending.delete(message.id);
      if (message.type === "answer") waiting?.resolve(message.answer as never);
      else waiting?.reject(new Error(message.message));
      return;
    }
    (listeners[message.type] as (message: ToPage) => void)(message);
  });
  send({ type: "ready" });
}

/** What the page remembers while its editor is hidden. */
export function recall<T>(): T | undefined {
  return api.getState() as T | undefined;
}

export function remember<T>(state: T): void {
  api.setState(state);
}
