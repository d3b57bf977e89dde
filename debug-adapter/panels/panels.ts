/** The custom requests of protocol.ts: what panels ask for beside the standard ones. */
import { hex } from "../address.ts";
import { bytesOf, integerOf, optionalInteger, textOf } from "../arguments.ts";
import type { Arguments } from "../arguments.ts";
import { originText } from "../boot-events.ts";
import { evaluateAddress } from "../expressions/evaluate.ts";
import type { ExpressionContext } from "../expressions/evaluate.ts";
import type { Launch } from "../launch.ts";
import { panelMemory } from "../memory.ts";
import type { Motion } from "../motion.ts";
import { MAX_ORIGINS, originsAt } from "../origins.ts";
import { wirePhases } from "../phases.ts";
import type { CustomRequests } from "../protocol.ts";
import { modeLabel } from "../registers.ts";
import type { Symbols } from "../symbols.ts";
import type { Target } from "../target.ts";
import { walkFlags } from "../walk.ts";
import { toWire } from "../wire.ts";
import { bootParams } from "./boot-params.ts";
import { bootSector } from "./boot-sector.ts";
import { HandOver } from "./handed-over.ts";
import { InitramfsPanel } from "./initramfs.ts";
import { memoryMap } from "./memory-map.ts";
import { PageTables } from "./page-tables.ts";
import { placeOf } from "./place.ts";

/** Characters that one request of serial input may carry. */
const MAX_SERIAL_INPUT = 1 << 16;
/** Bytes of keys that one request may carry. */
const MAX_KEYBOARD_INPUT = 4096;

/** What panels need of the session; the first two throw one sentence. */
export interface PanelHost {
  requireMachine(): void;
  requireStopped(): void;
  context(): Promise<ExpressionContext>;
  motion: Pick<Motion, "runTo" | "runUntil">;
  /** Guest RAM. */
  memoryBytes(): number;
  launched(): Launch | undefined;
  symbols: Symbols;
}

type PanelRoutes = { [C in keyof CustomRequests]: (args: Arguments) => Promise<CustomRequests[C]["body"]> };

export function panelRoutes(target: Target, host: PanelHost): PanelRoutes {
  const handOver = new HandOver(target);
  const initramfs = new InitramfsPanel(target, { ...host, handOver });
  const pageTables = new PageTables(target);
  /** Refuses while the machine runs, as what is read in pieces would not fit together. */
  const standing = async (): Promise<ExpressionContext> => {
    host.requireMachine();
    host.requireStopped();
    return host.context();
  };
  return {
    "bootscope/cpu": async () => {
      host.requireMachine();
      const cpu = await target.cpu();
      return { cpu: toWire(cpu), modeLabel: modeLabel(cpu.mode) };
    },
    "bootscope/walk": async (args) => {
      host.requireMachine();
      const { address, space } = await evaluateAddress(textOf(args, "address"), await host.context());
      if (space === "phys") throw new Error("A page table walk starts from a linear address, not from a physical one.");
      const walk =
        args["root"] === undefined
          ? await target.walk(address)
          : await pageTables.walk(address, args, await host.context());
      return { walk: toWire(walk), flags: walkFlags(walk) };
    },
    "bootscope/pageTables": async (args) => pageTables.overview(args, await standing()),
    "bootscope/pageTableRows": async (args) => pageTables.rows(args, await standing()),
    "bootscope/pageMap": async (args) => pageTables.map(args, await standing()),
    "bootscope/mappings": async (args) => pageTables.mappings(args, await standing()),
    "bootscope/memory": async (args) => {
      host.requireMachine();
      return panelMemory(target, args, await host.context());
    },
    "bootscope/serialInput": async (args) => {
      host.requireMachine();
      const bytes = new TextEncoder().encode(textOf(args, "text"));
      if (bytes.length > MAX_SERIAL_INPUT) throw new Error(`At most ${MAX_SERIAL_INPUT} bytes can be typed at once.`);
      await target.serialInput(optionalInteger(args, "port", 0, 3) ?? 0, bytes);
      return undefined;
    },
    "bootscope/phases": async () => {
      host.requireMachine();
      return { phases: wirePhases(await target.phases()) };
    },
    "bootscope/events": async (args) => {
      host.requireMachine();
      const events = await target.bootEvents(optionalInteger(args, "from", 0, Number.MAX_SAFE_INTEGER) ?? 0);
      const phases = wirePhases(await target.phases());
      return { events: events.map(toWire), phases, icount: hex((await target.cpu()).icount) };
    },
    "bootscope/origins": async (args) => {
      host.requireMachine();
      const at = await evaluateAddress(textOf(args, "address"), await host.context());
      const origins = await originsAt(target, at, integerOf(args, "length", 1, MAX_ORIGINS));
      return { origins: origins.map((origin) => ({ ...toWire(origin), text: originText(origin) })) };
    },
    "bootscope/place": async (args) => {
      host.requireMachine();
      return placeOf(target, host.symbols, host.memoryBytes(), args, await host.context());
    },
    "bootscope/bootSector": async () => {
      host.requireMachine();
      return bootSector(target);
    },
    "bootscope/bootParams": async (args) => {
      host.requireMachine();
      return bootParams(target, host.memoryBytes(), args, await host.context());
    },
    "bootscope/screen": async () => {
      host.requireMachine();
      return { screen: toWire(await target.screen()) };
    },
    "bootscope/keyboardInput": async (args) => {
      host.requireMachine();
      await target.keyboardInput(bytesOf(args, "codes", MAX_KEYBOARD_INPUT));
      return undefined;
    },
    "bootscope/initramfs": async (args) => {
      host.requireStopped();
      return initramfs.list(args);
    },
    "bootscope/initramfsAt": async (args) => {
      host.requireStopped();
      return initramfs.at(args);
    },
    "bootscope/memoryMap": async () => {
      host.requireStopped();
      return memoryMap(target, { ...host, handOver });
    },
    "bootscope/runTo": async (args) => {
      await host.motion.runTo(args);
      return undefined;
    },
    "bootscope/runUntil": async (args) => {
      await host.motion.runUntil(args);
      return undefined;
    },
    "bootscope/mouseInput": async (args) => {
      host.requireMachine();
      const counts = (name: string): number | undefined => optionalInteger(args, name, -0x8000, 0x7fff);
      const buttons = integerOf(args, "buttons", 0, 7);
      await target.mouseInput(counts("dx") ?? 0, counts("dy") ?? 0, counts("wheel") ?? 0, buttons);
      return undefined;
    },
  };
}
