/** The 8042 with its keyboard and mouse. */
import { KeyboardController } from "../../../emulator/devices/i8042.ts";
import { hex } from "../../address.ts";
import type { BitField } from "../../flags.ts";
import { counted } from "../tree.ts";
import { fact, folder, inside, numberIn, part, parts, register, standing, truthIn, yesNo } from "./device-items.ts";
import type { DeviceTree } from "./device-items.ts";

const STATUS: readonly BitField[] = [
  { name: "OBF", bit: 0, meaning: "output buffer full" },
  { name: "IBF", bit: 1, meaning: "input buffer full" },
  { name: "SYS", bit: 2, meaning: "system flag" },
  { name: "C/D", bit: 3, meaning: "what was written last", values: { 0: "data", 1: "command" } },
  { name: "INH", bit: 4, meaning: "keyboard not locked" },
  { name: "AUXB", bit: 5, meaning: "the byte is from the mouse" },
  { name: "TO", bit: 6, meaning: "timeout" },
  { name: "PERR", bit: 7, meaning: "parity error" },
];
const CONFIGURATION: readonly BitField[] = [
  { name: "INT", bit: 0, meaning: "keyboard interrupt (IRQ1)" },
  { name: "INT2", bit: 1, meaning: "mouse interrupt (IRQ12)" },
  { name: "SYS", bit: 2, meaning: "system flag" },
  { name: "DIS", bit: 4, meaning: "keyboard off" },
  { name: "DIS2", bit: 5, meaning: "mouse off" },
  { name: "XLATE", bit: 6, meaning: "scan codes translated to set 1" },
];
const LEDS: readonly BitField[] = [
  { name: "Scroll Lock", bit: 0, meaning: "lit" },
  { name: "Num Lock", bit: 1, meaning: "lit" },
  { name: "Caps Lock", bit: 2, meaning: "lit" },
];
const BUTTONS: readonly BitField[] = [
  { name: "left", bit: 0, meaning: "down" },
  { name: "right", bit: 1, meaning: "down" },
  { name: "middle", bit: 2, meaning: "down" },
];

const lengthOf = (value: unknown): number => (Array.isArray(value) ? value.length : 0);

export const KEYBOARD: DeviceTree = {
  title: "8042 keyboard controller",
  items(view) {
    const { state, format } = view;
    const controller = new KeyboardController(standing(view.cpu), {
      keyboardIrq: () => undefined,
      auxIrq: () => undefined,
      setA20: () => undefined,
      a20: () => true,
      reset: () => undefined,
    });
    controller.restore(state);
    const [keyboard, mouse] = [part(state, "keyboard"), part(state, "mouse")];
    const awaits = numberIn(state, "awaits");
    return [
      register(view, "status", controller.readPort(0x64), 2, "port 0x64", STATUS),
      fact("output buffer", hex(numberIn(state, "output"), 2), "port 0x60"),
      register(view, "configuration", numberIn(state, "config"), 2, "command byte", CONFIGURATION),
      fact("output port", hex(numberIn(state, "outputPort"), 2), "without reset and A20"),
      fact("command", awaits === 0 ? "none waits for data" : `${hex(awaits, 2)} waits for data`),
      folder(view, fact("keyboard", truthIn(keyboard, "scanning") ? "scanning" : "off"), [
        fact("scan code set", `${numberIn(keyboard, "scanSet")}`),
        register(inside(view, "keyboard"), "LEDs", numberIn(keyboard, "leds"), 2, "lamps", LEDS),
        fact("typematic", hex(numberIn(keyboard, "typematic"), 2), "rate and delay"),
        fact("keys", `${counted(lengthOf(keyboard["keys"]), format)} bytes wait`),
        fact("answers", `${counted(lengthOf(keyboard["answers"]), format)} bytes wait`),
      ]),
      folder(view, fact("mouse", truthIn(mouse, "enabled") ? "reporting" : "off"), [
        fact("id", hex(numberIn(mouse, "id"), 2), "3 has a wheel"),
        fact("sample rate", counted(numberIn(mouse, "rate"), format), "reports a second"),
        fact("resolution", `${numberIn(mouse, "resolution")}`, "2^n counts a millimetre"),
        yesNo("scaling 2:1", truthIn(mouse, "doubled")),
        yesNo("remote mode", truthIn(mouse, "remote")),
        register(inside(view, "mouse"), "buttons", numberIn(mouse, "pressed"), 2, "buttons", BUTTONS),
        fact("movements", `${counted(parts(mouse, "movements").length, format)} wait`),
      ]),
    ];
  },
};
