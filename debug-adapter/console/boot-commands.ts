/** Commands about addresses and about the boot so far: `translate`, `origin`, `phases`, `events`. */
import { describe, hex } from "../address.ts";
import { eventText, originText } from "../boot-events.ts";
import { evaluateAddress } from "../expressions/evaluate.ts";
import { MAX_ORIGINS, originsAt } from "../origins.ts";
import { wirePhases } from "../phases.ts";
import { walkText } from "../walk.ts";
import type { Command } from "./command.ts";

/** Events that are listed at most: the last ones. */
const MAX_EVENTS = 500;

const walker = (name: string, summary: string): Command => ({
  name,
  usage: `${name} ADDRESS`,
  summary,
  async run(_format, rest, services) {
    const at = await evaluateAddress(rest, await services.context());
    if (at.space === "phys") {
      throw new Error(`A linear address was expected, and "${rest}" is physical: there is nothing to translate.`);
    }
    return walkText(await services.target.walk(at.address));
  },
});

export const TRANSLATE = walker("translate", "a linear address to a physical one, by the page tables, entry by entry");
export const WALK = walker("walk", "the same as translate");

export const ORIGIN: Command = {
  name: "origin",
  usage: "origin ADDRESS [BYTES]",
  summary: "which disk blocks the bytes there came from",
  async run(_format, rest, services) {
    const match = /^(.+?)(?:\s+([0-9]{1,8}))?$/s.exec(rest);
    const length = Number(match?.[2] ?? 1);
    if (length < 1 || length > MAX_ORIGINS) {
      throw new Error(`1 to ${MAX_ORIGINS} bytes can be asked for, not ${length}.`);
    }
    const at = await evaluateAddress(match?.[1] ?? "", await services.context());
    const found = await originsAt(services.target, at, length);
    if (found.length === 0) return `${describe(at)} did not come from a disk.`;
    return found
      .map((one) => `phys:${hex(one.physical)}, ${one.bytes} bytes: ${originText(one)}, instruction ${one.icount}`)
      .join("\n");
  },
};

export const PHASES: Command = {
  name: "phases",
  usage: "phases",
  summary: "phases of the boot and when they were reached",
  alone: true,
  async run(_format, _rest, { target }) {
    return wirePhases(await target.phases())
      .map(({ label, icount }) => `${label}: ${icount === undefined ? "not reached" : `instruction ${BigInt(icount)}`}`)
      .join("\n");
  },
};

export const EVENTS: Command = {
  name: "events",
  usage: "events",
  summary: "what has happened in the boot so far",
  alone: true,
  async run(_format, _rest, { target }) {
    const events = await target.bootEvents(0);
    const left = Math.max(0, events.length - MAX_EVENTS);
    const lines = events.slice(left).map((event) => `${event.icount}  ${eventText(event)}`);
    return [...(left > 0 ? [`(${left} earlier events)`] : []), ...lines].join("\n") || "Nothing has happened yet.";
  },
};
