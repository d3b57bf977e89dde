/** The Serial Console panel: a terminal on the guest's serial ports, with everything since the session began. */
import "@xterm/xterm/css/xterm.css";
import "./ui/base.css";
import "./serial.css";
import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";
import type { OutputSource, SessionState } from "./messages.ts";
import { button, dropdown } from "./ui/controls.ts";
import { element } from "./ui/dom.ts";
import { bytesOf } from "./ui/format.ts";
import { clearFailure, connect, reportFailure, request, send } from "./ui/host.ts";
import { statusLine } from "./ui/status.ts";
import { allowTerminalStyles, terminalFont, terminalTheme } from "./ui/terminal-theme.ts";

const SCROLLBACK = 100_000;

allowTerminalStyles();
const sources = new Set<OutputSource>([0]);
let shown: OutputSource = 0;
let state: SessionState["state"] = "none";

const terminal = new Terminal({
  ...terminalFont(),
  theme: terminalTheme(),
  scrollback: SCROLLBACK,
  cursorBlink: false,
  // A guest sends "\r\n" itself; a debug port usually does not.
  convertEol: true,
  screenReaderMode: document.body.classList.contains("vscode-using-screen-reader"),
});
const fit = new FitAddon();
terminal.loadAddon(fit);

const source = dropdown("Output to show", (value) => {
  shown = value === "debug" ? "debug" : Number(value);
  send({ type: "replay" });
});
const status = statusLine(undefined, {
  running: "",
  stopped: "Stopped: what you type reaches the guest when it runs on.",
});
const screen = element("div", { class: "screen" });
const bar = element(
  "div",
  { class: "toolbar" },
  source.element,
  button({ label: "Clear", title: "Clear the screen shown here", onClick: () => terminal.clear() }),
  status.element,
);
document.getElementById("panel")?.append(bar, screen);
terminal.open(screen);
// VS Code's own keys keep working here: debugging, the command palette, and whatever has Ctrl+Shift or Meta.
terminal.attachCustomKeyEventHandler(
  (event) => !(/^F\d+$/.test(event.key) || (event.ctrlKey && event.shiftKey) || event.metaKey),
);
terminal.onData((text) => {
  if (typeof shown !== "number") return;
  if (state !== "running" && state !== "stopped") return;
  clearFailure();
  request("bootscope/serialInput", { port: shown, text }).catch((error: unknown) => {
    reportFailure(error instanceof Error ? error.message : String(error));
  });
});
new ResizeObserver(() => fit.fit()).observe(screen);
new MutationObserver(() => {
  terminal.options = { ...terminalFont(), theme: terminalTheme() };
  fit.fit();
}).observe(document.documentElement, { attributes: true, attributeFilter: ["style"] });

connect({
  session: ({ session }) => {
    state = session.state;
    status.show(session);
    terminal.options.disableStdin = state !== "running" && state !== "stopped";
  },
  replay: ({ outputs }) => {
    sources.clear();
    sources.add(0);
    for (const output of outputs) sources.add(output.source);
    if (!sources.has(shown)) shown = 0;
    offerSources();
    terminal.reset();
    for (const data of outputs.find((output) => output.source === shown)?.data ?? []) terminal.write(bytesOf(data));
  },
  output: ({ source: from, data }) => {
    if (!sources.has(from)) {
      sources.add(from);
      offerSources();
    }
    if (from === shown) terminal.write(bytesOf(data));
  },
});

function offerSources(): void {
  const choices = [...sources].map((key) => ({
    value: String(key),
    label: key === "debug" ? "Debug ports" : `COM${key + 1} (ttyS${key})`,
  }));
  source.setChoices(choices, String(shown));
}
