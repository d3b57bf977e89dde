/** The extension's side of the worker thread. */
import { Worker } from "node:worker_threads";
import type { FromWorker, Report, TaskName, Tasks } from "./protocol.ts";

interface Waiting {
  resolve: (result: never) => void;
  reject: (error: Error) => void;
  report: Report | undefined;
}

/** One thread, started with its first task. */
export class TaskWorker {
  private readonly script: string;
  private worker: Worker | undefined;
  private readonly waiting = new Map<number, Waiting>();
  private lastId = 0;

  /** `script` is the bundle of worker.ts. */
  constructor(script: string) {
    this.script = script;
  }

  /** Rejects with one sentence. */
  run<K extends TaskName>(task: K, args: Tasks[K]["arguments"], report?: Report): Promise<Tasks[K]["result"]> {
    const id = ++this.lastId;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject, report });
      this.thread().postMessage({ id, task, arguments: args });
    });
  }

  /** Ends the thread; what it was doing is given up, which is told once it has really ended and writes no more. */
  dispose(): void {
    const { worker } = this;
    const given = [...this.waiting.values()];
    this.waiting.clear();
    this.worker = undefined;
    const tell = (): void => {
      for (const { reject } of given) reject(new Error("Cancelled."));
    };
    if (worker) void worker.terminate().then(tell);
    else tell();
  }

  private thread(): Worker {
    if (this.worker) return this.worker;
    // The extension host's own flags are not for a thread.
    const worker = new Worker(this.script, { execArgv: [] });
    worker.on("message", (message: FromWorker) => this.take(message));
    worker.on("error", (error) => {
      this.worker = undefined;
      this.fail(error);
    });
    this.worker = worker;
    return worker;
  }

  private take(message: FromWorker): void {
    const waiting = this.waiting.get(message.id);
    if (!waiting) return;
    if ("progress" in message) {
      waiting.report?.(message.progress, message.share);
      return;
    }
    this.waiting.delete(message.id);
    if ("error" in message) waiting.reject(new Error(message.error));
    else waiting.resolve(message.result as never);
  }

  private fail(error: Error): void {
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
  }
}
