/**
 * Progress of a request that takes long, and its cancelling. A client that knows progress is told of every request that
 * is not answered after half a second; how far it is, and that it can be cancelled, only of work that says so.
 */

/** Until a request counts as long, and between two reports. */
const LONG_MS = 500;
const REPORT_MS = 250;

const TITLES: Readonly<Record<string, string>> = {
  launch: "Starting the machine",
  restart: "Starting the machine",
  evaluate: "Evaluating",
  setFunctionBreakpoints: "Looking up symbols",
};

/** Ends work that the client does not want any more. The protocol fixes the text. */
export class Cancelled extends Error {
  constructor() {
    super("cancelled");
  }
}

/** Work of many small parts. */
export interface Work {
  /** So much of the total is done. Throws {@link Cancelled} when the rest is not wanted any more. */
  readonly done: (amount: number) => void;
}

/** Begins work on behalf of the request that is being answered; its total is in any unit. */
export type BeginWork = (title: string, total: number) => Work;

interface Job {
  requestId: number;
  progressId: string;
  title: string;
  /** Per cent, once the work has told. */
  percentage: number | undefined;
  /** Somebody asks whether it is cancelled. */
  cancellable: boolean;
  cancelled: boolean;
  /** When the client was told last; undefined: not yet. */
  told: number | undefined;
  timer: NodeJS.Timeout;
}

/** How the client is told. */
export interface ProgressEvents {
  /** Whether the client knows progress events. */
  supported(): boolean;
  event(name: "progressStart" | "progressUpdate" | "progressEnd", body: object): void;
}

export class Progress {
  readonly #events: ProgressEvents;
  /** Requests are answered one after the other. */
  #job: Job | undefined;

  constructor(events: ProgressEvents) {
    this.#events = events;
  }

  /** A request is being answered; one whose work is not wanted any more may be cancelled from the start. */
  begin(requestId: number, command: string, cancelled: boolean): void {
    const job: Job = {
      requestId,
      progressId: `request-${requestId}`,
      title: TITLES[command] ?? "Reading the machine",
      percentage: undefined,
      cancellable: false,
      cancelled,
      told: undefined,
      timer: setTimeout(() => this.#start(job), LONG_MS),
    };
    this.#job = job;
  }

  /** It is about to be answered. */
  end(): void {
    const job = this.#job;
    this.#job = undefined;
    if (job === undefined) return;
    clearTimeout(job.timer);
    if (job.told !== undefined) this.#events.event("progressEnd", { progressId: job.progressId });
  }

  readonly work: BeginWork = (title, total) => {
    const job = this.#job;
    // Work for another debugger beside this session belongs to no request.
    if (job === undefined) return { done: () => undefined };
    job.title = title;
    job.cancellable = true;
    if (job.told !== undefined) {
      // The client has been told of something that cannot be cancelled.
      this.#events.event("progressEnd", { progressId: job.progressId });
      job.progressId += "-work";
      this.#start(job);
    }
    return {
      done: (amount) => {
        if (job.cancelled) throw new Cancelled();
        job.percentage = total > 0 ? Math.min(100, Math.floor((amount / total) * 100)) : 0;
        this.#report(job);
      },
    };
  };

  /** Ends the work of the request being answered, if it is that one. */
  cancel(which: { requestId?: number; progressId?: string }): void {
    const job = this.#job;
    if (job === undefined) return;
    if (job.requestId === which.requestId || job.progressId === which.progressId) job.cancelled = true;
  }

  /** The session is to end: nothing that can be cancelled is wanted any more. */
  cancelAll(): void {
    if (this.#job !== undefined) this.#job.cancelled = true;
  }

  #start(job: Job): void {
    if (!this.#events.supported()) return;
    job.told = Date.now();
    const { progressId, requestId, title, cancellable, percentage } = job;
    const known = percentage === undefined ? {} : { percentage };
    this.#events.event("progressStart", { progressId, title, requestId, cancellable, ...known });
  }

  #report(job: Job): void {
    if (job.told === undefined || Date.now() - job.told < REPORT_MS) return;
    job.told = Date.now();
    this.#events.event("progressUpdate", { progressId: job.progressId, percentage: job.percentage });
  }
}
