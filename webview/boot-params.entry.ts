/** The boot_params panel: the zero page that is handed to the kernel, field by field beside its bytes. */
import "./ui/base.css";
import "./boot-params.css";
import type { BootParamsResponse } from "../debug-adapter/protocol.ts";
import { FieldView, type Structure } from "./bytes/field-view.ts";
import { StopHistory } from "./bytes/stop-history.ts";
import { button, textField } from "./ui/controls.ts";
import { element } from "./ui/dom.ts";
import { addressOf, bytesOf } from "./ui/format.ts";
import { clearFailure, connect, onStop, recall, remember, reportFailure, request } from "./ui/host.ts";
import { statusLine } from "./ui/status.ts";

/** Width of the view in pixels from which rows of bytes have sixteen. */
const WIDE_ROWS = 1000;
/** What most people look for comes first. */
const FIRST = ["command line", "initrd", "hdr", "e820_table"];

interface Memory {
  /** Where the user looks; "" for what was handed over. */
  address: string;
}

let memory = recall<Memory>() ?? { address: "" };
let session = { id: "", stop: 0, stopped: false };
const history = new StopHistory<Structure>();

const field = textField({
  label: "Address of boot_params",
  value: memory.address,
  placeholder: "As handed over; or boot_params, phys:0x90000",
  onEnter: (text) => look(text),
});
const go = button({ label: "Go", title: "Decode the 4096 bytes at this address", onClick: () => look(field.value) });
const handedOver = button({
  label: "As Handed Over",
  title: "Decode the boot_params that the kernel was entered with",
  onClick: () => look(""),
});
const everywhere = button({
  label: "Search All Memory",
  title: "Look for a boot_params with a memory map in all of guest memory",
  onClick: () => start(true),
});
const where = element("span", { class: "where", role: "status" });

const view = new FieldView();
view.tree.setAttribute("aria-label", "Fields of boot_params");
view.hex.setAttribute("aria-label", "Bytes of boot_params");
const panes = element("div", { class: "panes", hidden: "" }, view.tree, view.hex);
const content = element("div", { class: "content" }, panes, view.details);
const status = statusLine(content);
document
  .getElementById("panel")
  ?.append(
    status.element,
    element("div", { class: "toolbar" }, field.element, go, handedOver, everywhere, where),
    content,
  );
handedOver.hidden = memory.address === "";
everywhere.hidden = true;

new ResizeObserver(([entry]) => view.setWidth((entry?.contentRect.width ?? 0) < WIDE_ROWS ? 8 : 16)).observe(content);

const show = onStop(
  () => read(false),
  (state) => {
    status.show(state);
    session = { id: state.id, stop: state.stop, stopped: state.state === "stopped" };
  },
);
connect({ session: ({ session: state }) => show(state) });

function look(address: string): void {
  memory = { address: address.trim() };
  remember(memory);
  field.value = memory.address;
  handedOver.hidden = memory.address === "";
  start(false);
}

function start(all: boolean): void {
  if (!session.stopped) reportFailure("The machine must be stopped to look into its memory.");
  else read(all).catch((error: unknown) => reportFailure(error instanceof Error ? error.message : String(error)));
}

async function read(all: boolean): Promise<void> {
  const { id, stop } = session;
  const { address } = memory;
  const answer = await request("bootscope/bootParams", {
    ...(address !== "" && { address }),
    ...(all && { everywhere: true }),
  });
  if (address !== memory.address) return;
  clearFailure();
  await render(answer, id, stop, all);
}

async function render(answer: BootParamsResponse, id: string, stop: number, all: boolean): Promise<void> {
  const isFound = "fields" in answer;
  panes.hidden = !isFound;
  view.details.hidden = !isFound;
  everywhere.hidden = isFound || all;
  if (!isFound) {
    where.textContent = answer.none;
    return;
  }
  const { physical, how, data } = answer;
  where.replaceChildren(element("strong", { class: "mono" }, `phys:${physical}`), ` · ${how}`);
  const rank = (name: string): number => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);
  const fields = [...answer.fields].sort((a, b) => rank(a.name) - rank(b.name));
  const structure: Structure = { base: Number(addressOf(physical)), bytes: bytesOf(data), fields };
  await view.show(structure, history.next(`${id} ${physical}`, stop, structure));
}
