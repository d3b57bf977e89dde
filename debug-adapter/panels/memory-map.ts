/** "bootscope/memoryMap": guest physical memory by owner. Only what is known, each region with where that is known from. */
import { hex } from "../address.ts";
import type { Launch } from "../launch.ts";
import type { MemoryLayer, MemoryMapResponse } from "../protocol.ts";
import type { Target } from "../target.ts";
import type { HandOver } from "./handed-over.ts";
import { deviceRegions } from "./memory-map/devices.ts";
import { firmwareRegions } from "./memory-map/firmware.ts";
import { kernelRegions } from "./memory-map/kernel.ts";
import type { KernelNames } from "./memory-map/kernel.ts";
import { diskRegions, handOverRegions } from "./memory-map/loaded.ts";
import { processorRegions } from "./memory-map/processor.ts";
import { boardRam, e820Regions } from "./memory-map/ram.ts";

export interface MemoryMapServices {
  /** Guest RAM. */
  memoryBytes(): number;
  launched(): Launch | undefined;
  symbols: KernelNames;
  handOver: HandOver;
}

const LAYERS: readonly MemoryLayer[] = ["e820", "firmware", "loader", "handover", "kernel", "processor", "devices"];

export async function memoryMap(target: Target, services: MemoryMapServices): Promise<MemoryMapResponse> {
  const problems: string[] = [];
  const memoryBytes = services.memoryBytes();
  const cpu = await target.cpu();
  const [places, phases, found] = [await target.places(), await target.phases(), await services.handOver.find()];
  if (found === undefined && (places.bootParams ?? places.setup) !== undefined) {
    problems.push("What the loader handed over has been overwritten: E820, command line and initramfs are not known.");
  }
  const e820 = found === undefined ? [] : e820Regions(found, problems);
  const hasFirmware = services.launched()?.config.boot === "full";
  const regions = [
    ...(e820.length > 0 ? e820 : boardRam(memoryBytes)),
    ...(await firmwareRegions(target, hasFirmware)),
    ...(await diskRegions(target, memoryBytes, phases, problems)),
    ...(found === undefined ? [] : await handOverRegions(target, found, places.setup, memoryBytes, problems)),
    ...(await kernelRegions(target, services.symbols, found, places, phases, problems)),
    ...(await processorRegions(target, cpu, problems)),
    ...(await deviceRegions(target, cpu, problems)),
  ];
  regions.sort(
    (a, b) =>
      LAYERS.indexOf(a.layer) - LAYERS.indexOf(b.layer) ||
      Number(a.first - b.first) ||
      // What contains comes before what it contains.
      Number(b.end - a.end),
  );
  return {
    regions: regions.map((region) => ({ ...region, first: hex(region.first), end: hex(region.end) })),
    problems,
  };
}
