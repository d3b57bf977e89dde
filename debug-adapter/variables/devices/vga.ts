/** The VGA adapter's registers (IBM's VGA, FreeVGA documentation) and its display interface. */
import type { DeviceState } from "../../../emulator/devices/device.ts";
import { currentMode } from "../../../emulator/devices/vga/mode.ts";
import type { VgaState } from "../../../emulator/devices/vga/state.ts";
import { hex } from "../../address.ts";
import { counted } from "../tree.ts";
import type { Item } from "../tree.ts";
import { bytesIn, fact, folder, numberIn, register, truthIn } from "./device-items.ts";
import type { DeviceTree, DeviceView } from "./device-items.ts";

// prettier-ignore
const CRTC = [
  "horizontal total", "horizontal display end", "horizontal blanking start", "horizontal blanking end",
  "horizontal retrace start", "horizontal retrace end", "vertical total", "overflow", "preset row scan", "maximum scan line",
  "cursor start", "cursor end", "start address high", "start address low", "cursor location high", "cursor location low",
  "vertical retrace start", "vertical retrace end", "vertical display end", "offset", "underline location",
  "vertical blanking start", "vertical blanking end", "mode control", "line compare",
];
const SEQUENCER = ["reset", "clocking mode", "map mask", "character map select", "memory mode"];
// prettier-ignore
const GRAPHICS = [
  "set/reset", "enable set/reset", "colour compare", "data rotate", "read map select", "mode", "miscellaneous",
  "colour don't care", "bit mask",
];
// prettier-ignore
const ATTRIBUTE = [
  ...Array.from({ length: 16 }, (_, n) => `palette ${n}`), "mode control", "overscan colour", "colour plane enable",
  "horizontal panning", "colour select",
];
// prettier-ignore
const VBE = [
  "ID", "XRES", "YRES", "BPP", "ENABLE", "BANK", "VIRT_WIDTH", "VIRT_HEIGHT", "X_OFFSET", "Y_OFFSET", "VIDEO_MEMORY_64K",
];

/** The adapter's own state, out of what it saved. */
function vgaIn(state: DeviceState): VgaState {
  const { vbe } = state;
  if (!(vbe instanceof Uint16Array)) throw new Error('The device\'s state has no words "vbe".');
  return {
    misc: numberIn(state, "misc"),
    featureControl: numberIn(state, "featureControl"),
    crtcIndex: numberIn(state, "crtcIndex"),
    crtc: bytesIn(state, "crtc"),
    sequencerIndex: numberIn(state, "sequencerIndex"),
    sequencer: bytesIn(state, "sequencer"),
    graphicsIndex: numberIn(state, "graphicsIndex"),
    graphics: bytesIn(state, "graphics"),
    attributeIndex: numberIn(state, "attributeIndex"),
    attributeData: truthIn(state, "attributeData"),
    attribute: bytesIn(state, "attribute"),
    dacMask: numberIn(state, "dacMask"),
    dacReadIndex: numberIn(state, "dacReadIndex"),
    dacWriteIndex: numberIn(state, "dacWriteIndex"),
    dacComponent: numberIn(state, "dacComponent"),
    dacMode: numberIn(state, "dacMode"),
    dacHeld: bytesIn(state, "dacHeld"),
    palette: bytesIn(state, "palette"),
    latch: numberIn(state, "latch"),
    vbeIndex: numberIn(state, "vbeIndex"),
    vbe,
    bankOffset: numberIn(state, "bankOffset"),
  };
}

/** A group of registers behind an index register. */
const indexed = (view: DeviceView, name: string, index: number, values: Uint8Array, names: readonly string[]): Item =>
  folder(
    view,
    fact(name, `index ${hex(index, 2)}`, `${names.length} registers`),
    names.map((title, n) => fact(`${hex(n, 2)} ${title}`, hex(values[n] ?? 0, 2))),
  );

function modeText(state: VgaState): string {
  const mode = currentMode(state);
  if (mode.kind === "off") return "off";
  if (mode.kind === "text")
    return `text, ${mode.columns} × ${mode.rows}, cells of ${mode.cellWidth} × ${mode.cellHeight}`;
  return `graphics, ${mode.width} × ${mode.height}, ${mode.depth}`;
}

export const VGA: DeviceTree = {
  title: "VGA adapter with the Bochs display interface",
  items(view) {
    const state = vgaIn(view.state);
    const { palette, vbe } = state;
    const latch = state.latch >>> 0;
    return [
      fact("mode", modeText(state), "what the registers make of the memory"),
      register(view, "miscellaneous output", state.misc, 2, "port 0x3c2", [
        { name: "I/O address", bit: 0, meaning: "CRT controller", values: { 0: "0x3b4", 1: "0x3d4" } },
        { name: "RAM enable", bit: 1, meaning: "the processor reaches the memory" },
        { name: "clock", bit: 2, width: 2, meaning: "dot clock", values: { 0: "25.175 MHz", 1: "28.322 MHz" } },
        { name: "HSYNC", bit: 6, meaning: "negative polarity" },
        { name: "VSYNC", bit: 7, meaning: "negative polarity" },
      ]),
      indexed(view, "CRT controller", state.crtcIndex, state.crtc, CRTC),
      indexed(view, "sequencer", state.sequencerIndex, state.sequencer, SEQUENCER),
      indexed(view, "graphics controller", state.graphicsIndex, state.graphics, GRAPHICS),
      indexed(view, "attribute controller", state.attributeIndex, state.attribute, ATTRIBUTE),
      fact("attribute flip-flop", state.attributeData ? "data" : "index", "what port 0x3c0 takes next"),
      fact("latches", [0, 8, 16, 24].map((shift) => hex((latch >>> shift) & 0xff, 2)).join(" "), "planes 0 to 3"),
      folder(
        view,
        fact("DAC", `mask ${hex(state.dacMask, 2)}`, "256 colours: red, green, blue"),
        Array.from({ length: 256 }, (_, n) =>
          fact(hex(n, 2), Array.from(palette.subarray(n * 3, n * 3 + 3), (one) => hex(one, 2)).join(" ")),
        ),
      ),
      folder(
        view,
        fact("VBE", (vbe[4] ?? 0) & 1 ? "in use" : "off", "Bochs display interface, ports 0x1ce and 0x1cf"),
        VBE.map((name, n) => {
          const value = vbe[n] ?? 0;
          return fact(name, n === 0 || n === 4 ? hex(value, 4) : counted(value, view.format));
        }),
      ),
    ];
  },
};
