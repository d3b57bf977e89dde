/** The Screen panel: what the guest's VGA adapter shows; keys and, when captured, the mouse go to the guest. */
import "./ui/base.css";
import "./screen.css";
import { screenText } from "../emulator/display/screen-text.ts";
import { keyCodes } from "../emulator/display/key-codes.ts";
import type { Screen } from "../emulator/machine/api.ts";
import type { SessionState } from "./messages.ts";
import { attachKeyboard } from "./screen/keyboard.ts";
import { attachMouse } from "./screen/mouse.ts";
import { attachPicture, screenOf } from "./screen/picture.ts";
import { button } from "./ui/controls.ts";
import { element } from "./ui/dom.ts";
import { clearFailure, connect, reportFailure, request, send } from "./ui/host.ts";
import { statusLine } from "./ui/status.ts";

const CLICK_HINT = "Click the screen to type; Ctrl+Alt releases the keyboard.";
const TYPING_HINT = "Keys go to the guest. Ctrl+Alt releases them.";
const CAPTURED_HINT = "Keys and mouse go to the guest. Ctrl+Alt releases them.";

let state: SessionState["state"] = "none";
let sessionId = "";
let screen: Screen = { kind: "off" };

const canvas = element("canvas", { role: "img" });
const nothing = element("div", { class: "nothing" });
const monitor = element("div", { class: "monitor", tabindex: "0", role: "application" }, canvas, nothing);
const mode = element("span", { class: "mode" });
const hint = element("div", { class: "hint", role: "note" }, CLICK_HINT);
const status = statusLine(undefined, {
  running: "",
  stopped: "Stopped: what you type reaches the guest when it runs on.",
});
const attention = button({
  label: "Ctrl+Alt+Del",
  title: "Press Ctrl+Alt+Del on the guest's keyboard",
  onClick: () => {
    const keys = ["ControlLeft", "AltLeft", "Delete"].map((name) => keyCodes(name));
    typeCodes([...keys.flatMap((key) => key?.make ?? []), ...keys.reverse().flatMap((key) => key?.break ?? [])]);
  },
});
const bar = element(
  "div",
  { class: "toolbar" },
  attention,
  button({
    label: "Capture Mouse",
    title: "Give the mouse to the guest; Ctrl+Alt or Escape takes it back",
    onClick: () => {
      monitor.focus();
      mouse.capture();
    },
  }),
  button({
    label: "Copy Text",
    title: "Copy the text on the screen",
    onClick: () => send({ type: "copy", text: screenText(screen).join("\n") }),
  }),
  mode,
  status.element,
);
document.getElementById("panel")?.append(bar, monitor, hint);

const picture = attachPicture(canvas, monitor);
const mouse = attachMouse(
  monitor,
  (movement) => act(request("bootscope/mouseInput", movement)),
  (_captured, failure) => {
    if (failure !== undefined) reportFailure(failure);
    showHint();
  },
);
attachKeyboard(monitor, {
  send: typeCodes,
  wants: (event) => {
    if (!isAlive() || event.metaKey) return false;
    // At a stop, the debugger's keys are more useful than the guest's.
    return state === "running" || !(/^F\d+$/.test(event.code) || (event.ctrlKey && event.shiftKey));
  },
  release: () => {
    mouse.release();
    attention.focus();
  },
});
monitor.addEventListener("focus", showHint);
monitor.addEventListener("blur", () => {
  mouse.release();
  showHint();
});
new ResizeObserver(() => {
  picture.fit();
  showMode();
}).observe(monitor);

connect({
  session: ({ session }) => {
    const isOther = session.id !== sessionId;
    [state, sessionId] = [session.state, session.id];
    status.show(session);
    picture.animate(state === "running");
    if (isOther || state === "starting") show({ kind: "off" });
    else showMode();
    if (isAlive()) look();
  },
  screen: () => look(),
});
show(screen);

function isAlive(): boolean {
  return state === "running" || state === "stopped";
}

function typeCodes(codes: readonly number[]): void {
  if (isAlive() && codes.length > 0) act(request("bootscope/keyboardInput", { codes: [...codes] }));
}

function act(sent: Promise<unknown>): void {
  sent.then(clearFailure, (error: unknown) => reportFailure(error instanceof Error ? error.message : String(error)));
}

let asking = false;
let askAgain = false;

/** Fetches the picture; changes that come meanwhile cause one further look. */
function look(): void {
  if (asking) {
    askAgain = true;
    return;
  }
  asking = true;
  const asked = sessionId;
  request("bootscope/screen")
    .then(
      (answer) => {
        if (asked === sessionId) show(screenOf(answer.screen));
      },
      (error: unknown) => {
        // A session that is just ending has no picture any more: its last one stays.
        if (isAlive() && asked === sessionId) reportFailure(error instanceof Error ? error.message : String(error));
      },
    )
    .finally(() => {
      asking = false;
      if (!askAgain) return;
      askAgain = false;
      look();
    });
}

function show(next: Screen): void {
  screen = next;
  picture.show(screen);
  showMode();
}

function showMode(): void {
  monitor.classList.toggle("blank", screen.kind === "off");
  nothing.textContent = isAlive() ? "The screen is off." : "No picture.";
  let text = "";
  if (screen.kind === "text") text = `Text ${screen.columns}×${screen.rows}`;
  else if (screen.kind === "graphics") text = "Graphics";
  mode.textContent = text === "" ? "" : `${text} · ${canvas.width}×${canvas.height} · ${picture.scale}`;
  monitor.setAttribute("aria-label", `The guest's screen: ${text === "" ? "off" : text}`);
  canvas.setAttribute("aria-label", screen.kind === "text" ? screenText(screen).join("\n") : text);
}

function showHint(): void {
  const typing = document.activeElement === monitor;
  hint.textContent = mouse.captured ? CAPTURED_HINT : typing ? TYPING_HINT : CLICK_HINT;
}
