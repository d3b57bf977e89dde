/** The line at the top of a panel that says whether what is shown is current. */
import type { SessionState } from "../messages.ts";
import { element } from "./dom.ts";
import { showFailuresIn } from "./host.ts";

const TEXT: Record<SessionState["state"], string> = {
  none: "No session. Start one with F5.",
  starting: "Starting…",
  running: "Running…",
  stopped: "",
  ended: "Session ended.",
};

export interface StatusLine {
  element: HTMLElement;
  show(session: SessionState): void;
}

/** `dim` is greyed while the machine does not stand still. */
export function statusLine(dim?: HTMLElement, texts: Partial<typeof TEXT> = {}): StatusLine {
  const state = element("span", { class: "state", role: "status" });
  const failure = element("span", { class: "failure", role: "alert" });
  showFailuresIn(failure);
  return {
    element: element("div", { class: "status" }, state, failure),
    show(session) {
      document.body.dataset["state"] = session.state;
      state.textContent = { ...TEXT, ...texts }[session.state];
      dim?.classList.toggle("stale", session.state !== "stopped");
    },
  };
}
