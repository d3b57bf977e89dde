import type { WireBootEvent } from "../debug-adapter/protocol.ts";
import type { BootPhase } from "../webview/messages.ts";

/** Phases and events since the machine was switched on, so that a timeline that opens late shows all of it. */
export class BootLog {
  readonly phases: BootPhase[] = [];
  /** By id: an event that was counted on comes again. The machine bounds their number. */
  private readonly byId = new Map<number, WireBootEvent>();

  addPhase(phase: BootPhase): void {
    this.phases.push(phase);
  }

  addEvents(events: readonly WireBootEvent[]): void {
    for (const event of events) this.byId.set(event.id, event);
  }

  get events(): WireBootEvent[] {
    return [...this.byId.values()];
  }
}
