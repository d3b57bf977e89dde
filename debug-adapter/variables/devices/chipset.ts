/** The 8237A DMA controllers, and what the chipset has beside its devices. */
import { hex } from "../../address.ts";
import type { BitField } from "../../flags.ts";
import { bytesIn, fact, folder, inside, lines, numberIn, parts, register, yesNo } from "./device-items.ts";
import type { DeviceTree } from "./device-items.ts";

const MODE: readonly BitField[] = [
  { name: "transfer", bit: 2, width: 2, meaning: "transfer", values: { 0: "verify", 1: "write", 2: "read" } },
  { name: "auto-initialise", bit: 4, meaning: "starts over at the end" },
  { name: "decrement", bit: 5, meaning: "addresses go down" },
  { name: "mode", bit: 6, width: 2, meaning: "mode", values: { 0: "demand", 1: "single", 2: "block", 3: "cascade" } },
];
/** Page registers by channel (ports 0x81 to 0x8f). */
const PAGES = [7, 3, 1, 2, 15, 11, 9, 10] as const;

export const DMA: DeviceTree = {
  title: "two 8237A DMA controllers",
  items(view) {
    const pages = bytesIn(view.state, "pages");
    return parts(view.state, "controllers").map((chip, index) => {
      const name = `DMA${index + 1}`;
      const within = inside(view, name);
      const channels = [0, 1, 2, 3].map((n) => `channel ${index * 4 + n}`);
      return folder(view, fact(name, `channels ${index * 4} to ${index * 4 + 3}`, index === 0 ? "bytes" : "words"), [
        fact("command", hex(numberIn(chip, "command"), 2)),
        lines(within, "mask", numberIn(chip, "mask"), "masked", channels),
        lines(within, "request", numberIn(chip, "requests"), "requested by software", channels),
        lines(within, "terminal count", numberIn(chip, "terminal"), "count reached", channels),
        ...parts(chip, "channels").map((channel, n) => {
          const title = channels[n] ?? "";
          const page = pages[PAGES[index * 4 + n] ?? 0] ?? 0;
          const address = numberIn(channel, "address");
          return folder(within, fact(title, `${hex(page, 2)}:${hex(address, 4).slice(2)}`), [
            register(inside(within, title), "mode", numberIn(channel, "mode"), 2, "mode", MODE),
            fact("page", hex(page, 2), "address bits from 16 on"),
            fact("address", hex(address, 4), "current address"),
            fact("count", hex(numberIn(channel, "count"), 4), "current count"),
            fact("base address", hex(numberIn(channel, "baseAddress"), 4)),
            fact("base count", hex(numberIn(channel, "baseCount"), 4)),
          ]);
        }),
      ]);
    });
  },
};

export const SYSTEM_CONTROL: DeviceTree = {
  title: "A20 gate and reset control",
  items(view) {
    const apm = bytesIn(view.state, "apm");
    return [
      yesNo("A20", view.state["a20"] === true, "address line 20 reaches memory"),
      fact("reset control", hex(numberIn(view.state, "resetControl"), 2), "port 0xcf9"),
      fact("APM control", hex(apm[0] ?? 0, 2), "port 0xb2"),
      fact("APM status", hex(apm[1] ?? 0, 2), "port 0xb3"),
    ];
  },
};
