import type { Base64 } from "../debug-adapter/protocol.ts";
import type { OutputSource } from "../webview/messages.ts";

/** Base64 characters kept of one source; a chatty guest loses the beginning beyond that. */
const LIMIT = 8 * 1024 * 1024;

/** What the guest sent since the session began, so that a console that opens late shows all of it. */
export class OutputLog {
  private readonly bySource = new Map<OutputSource, { chunks: Base64[]; size: number }>();

  private readonly limit: number;

  constructor(limit = LIMIT) {
    this.limit = limit;
  }

  append(source: OutputSource, data: Base64): void {
    let log = this.bySource.get(source);
    if (log === undefined) this.bySource.set(source, (log = { chunks: [], size: 0 }));
    log.chunks.push(data);
    log.size += data.length;
    let dropped = 0;
    while (log.size > this.limit && dropped < log.chunks.length - 1) {
      log.size -= log.chunks[dropped]?.length ?? 0;
      dropped++;
    }
    if (dropped > 0) log.chunks.splice(0, dropped);
  }

  /** Chunks by source, oldest first. */
  contents(): { source: OutputSource; data: Base64[] }[] {
    return [...this.bySource].map(([source, log]) => ({ source, data: [...log.chunks] }));
  }
}
