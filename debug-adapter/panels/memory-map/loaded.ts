/** Runs of memory that came from disks, and what the loader has handed over. */
import { hex } from "../../address.ts";
import { originText } from "../../boot-events.ts";
import type { Phase, Target } from "../../target.ts";
import { commandLineOf, ramdiskOf } from "../handed-over.ts";
import type { HandedOver } from "../handed-over.ts";
import type { Region } from "./region.ts";

/** Runs that are shown at most. */
const MAX_RUNS = 2000;
const BOOT_SECTOR = 0x7c00n;
const SETUP_SECTS = 0x1f1;
const SETUP_DATA = 0x250;
const SECTOR = 512n;
const BOOT_PARAMS_BYTES = 4096n;
/** The kernel takes no longer one (COMMAND_LINE_SIZE). */
const COMMAND_LINE_MAX = 2048;
const MAX_NODES = 64;
const NODE_BYTES = 16;

type Memory = Pick<Target, "readMemory">;

/** What disks have filled memory with: until the kernel began by the firmware and the loader, then by the kernel. */
export async function diskRegions(
  target: Pick<Target, "origins">,
  memoryBytes: number,
  phases: readonly Phase[],
  problems: string[],
): Promise<Region[]> {
  const runs = await target.origins(0n, memoryBytes);
  if (runs.length > MAX_RUNS) {
    problems.push(`Disks have filled ${runs.length} runs of memory: the ${MAX_RUNS} largest are shown.`);
  }
  const shown = runs.length > MAX_RUNS ? [...runs].sort((a, b) => b.bytes - a.bytes).slice(0, MAX_RUNS) : runs;
  const kernel = phases.find(({ name }) => name === "kernel")?.icount;
  return shown.map((run): Region => {
    const byKernel = kernel !== undefined && run.icount >= kernel;
    const owner =
      run.physical === BOOT_SECTOR ? "boot sector" : byKernel ? "disk data of the kernel" : "loaded from disk";
    return {
      first: run.physical,
      end: run.physical + BigInt(run.bytes),
      layer: byKernel ? "kernel" : "loader",
      owner,
      detail: originText(run),
      source: `disk transfer at instruction ${run.icount}`,
    };
  });
}

export async function handOverRegions(
  target: Memory,
  found: HandedOver,
  setup: bigint | undefined,
  memoryBytes: number,
  problems: string[],
): Promise<Region[]> {
  const { kind, physical, view, source } = found;
  const made: Region[] = [];
  const add = (first: bigint, bytes: bigint, owner: string, detail: string, from: string): void => {
    if (bytes > 0n) made.push({ first, end: first + bytes, layer: "handover", owner, detail, source: from });
  };
  if (setup !== undefined) {
    const base = setup - SECTOR;
    const sectors = BigInt(view.getUint8(SETUP_SECTS) || 4) + 1n;
    const from = "where its first instruction ran, and setup_sects";
    add(base, sectors * SECTOR, "setup code", `real-mode part of the kernel, ${sectors} sectors`, from);
  }
  if (kind === "boot_params")
    add(physical, BOOT_PARAMS_BYTES, "boot_params", "the zero page", "RSI at the kernel's entry");
  const line = commandLineOf(found);
  if (line !== 0n) {
    const bytes = await target.readMemory("phys", line, COMMAND_LINE_MAX);
    const end = bytes.indexOf(0);
    const text = Buffer.from(bytes.subarray(0, Math.max(0, end))).toString("latin1");
    if (end < 0) problems.push(`The command line at phys:${hex(line)} (cmd_line_ptr of ${source}) has no end.`);
    else add(line, BigInt(end + 1), "command line", text.slice(0, 200), `cmd_line_ptr of ${source}`);
  }
  const ramdisk = ramdiskOf(found);
  if (ramdisk !== undefined && ramdisk.size > memoryBytes) {
    problems.push(
      `The initramfs of ${ramdisk.size} bytes at phys:${hex(ramdisk.physical)} (${source}) is larger than RAM.`,
    );
  } else if (ramdisk !== undefined) {
    add(
      ramdisk.physical,
      BigInt(ramdisk.size),
      "initramfs",
      `${ramdisk.size} bytes as loaded`,
      `ramdisk_image and ramdisk_size of ${source}`,
    );
  }
  if (kind === "boot_params") made.push(...(await setupData(target, found, problems)));
  return made;
}

/** The list of setup_data, which may loop or lead anywhere. */
async function setupData(target: Memory, { view, source }: HandedOver, problems: string[]): Promise<Region[]> {
  const made: Region[] = [];
  const seen = new Set<bigint>();
  for (let at = view.getBigUint64(SETUP_DATA, true); at !== 0n;) {
    const head = await target.readMemory("phys", at, NODE_BYTES);
    if (seen.has(at) || seen.size >= MAX_NODES || head.length < NODE_BYTES) {
      problems.push(`The list of setup_data of ${source} is broken at phys:${hex(at)}.`);
      break;
    }
    seen.add(at);
    const node = new DataView(head.buffer, head.byteOffset, head.byteLength);
    const [type, length] = [node.getUint32(8, true), node.getUint32(12, true)];
    made.push({
      first: at,
      end: at + BigInt(NODE_BYTES + length),
      layer: "handover",
      owner: "setup_data",
      detail: `type ${type}, ${length} bytes`,
      source: `setup_data of ${source}`,
    });
    at = node.getBigUint64(0, true);
  }
  return made;
}
