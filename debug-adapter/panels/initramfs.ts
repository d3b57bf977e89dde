/** "bootscope/initramfs" and "bootscope/initramfsAt": the initramfs where it lies in guest memory. */
import { modeLetters } from "../../boot-formats/initramfs/mode.ts";
import type { InitramfsEntry as Entry, InitramfsSegment as Segment } from "../../boot-formats/initramfs/archive.ts";
import { hex } from "../address.ts";
import { optionalBoolean, optionalInteger, optionalText, textOf } from "../arguments.ts";
import type { Arguments } from "../arguments.ts";
import { evaluateAddress } from "../expressions/evaluate.ts";
import type { ExpressionContext } from "../expressions/evaluate.ts";
import type { Launch } from "../launch.ts";
import type { InitramfsAtResponse, InitramfsEntry, InitramfsResponse, InitramfsSegment } from "../protocol.ts";
import type { Target } from "../target.ts";
import { ramdiskOf } from "./handed-over.ts";
import type { HandOver, Range } from "./handed-over.ts";
import { placeInInitramfs } from "./initramfs/place.ts";
import { touches } from "./initramfs/pages.ts";
import { Reader } from "./initramfs/reading.ts";
import type { Reading } from "./initramfs/reading.ts";

/** Entries of one answer. */
const MAX_ENTRIES = 1000;
/** So long a request waits for what is being read, in ms: then others have their turn, and the client asks again. */
const PATIENCE_MS = 200;
const MAX_FILTER = 4096;

export interface InitramfsServices {
  context(): Promise<ExpressionContext>;
  /** Guest RAM. */
  memoryBytes(): number;
  launched(): Launch | undefined;
  handOver: HandOver;
}

interface Found {
  source: string;
  range?: Range;
}

export class InitramfsPanel {
  readonly #target: Target;
  readonly #services: InitramfsServices;
  #reader: Reader | undefined;
  /** The last reading that came to its end. */
  #last: Reading | undefined;

  constructor(target: Target, services: InitramfsServices) {
    this.#target = target;
    this.#services = services;
  }

  async list(args: Arguments): Promise<InitramfsResponse> {
    const from = optionalInteger(args, "from", 0, Number.MAX_SAFE_INTEGER) ?? 0;
    const count = optionalInteger(args, "count", 0, MAX_ENTRIES) ?? 0;
    const filter = (optionalText(args, "filter") ?? "").slice(0, MAX_FILTER).toLowerCase();
    const again = optionalBoolean(args, "again") === true;
    const none = { problems: [], segments: [], total: 0, from, entries: [] };
    const { source, range } = await this.#find();
    if (range === undefined) return { source, ...none };
    const place = { physical: hex(range.physical), size: range.size };
    const reading = await this.#read(range, again, false);
    if (reading instanceof Reader) {
      // Memory, what it is compared with, and the content, which is not known before: as much again and again.
      const total = Math.max(range.size * 4, reading.done);
      return { place, source, reading: { done: Math.min(reading.done, total), total }, ...none };
    }
    const { index, compared, problems } = reading;
    const shown = [...index.entries.keys()].filter((at) => index.entries[at]!.path.toLowerCase().includes(filter));
    const counts = new Array<number>(index.segments.length).fill(0);
    for (const { segment } of index.entries) counts[segment]! += 1;
    return {
      place,
      source,
      ...(compared === undefined ? {} : { comparison: comparisonOf(compared) }),
      problems,
      segments: index.segments.map((segment, number) => wireSegment(segment, counts[number]!)),
      total: shown.length,
      from,
      entries: shown.slice(from, from + count).map((at) => wireEntry(index.entries[at]!, at, reading)),
    };
  }

  async at(args: Arguments): Promise<InitramfsAtResponse> {
    const at = await evaluateAddress(textOf(args, "address"), await this.#services.context());
    const physical = at.space === "phys" ? at.address : (await this.#target.walk(at.address)).physical;
    if (physical === undefined) throw new Error(`lin:${hex(at.address)} is not mapped: it has no physical address.`);
    const { source, range } = await this.#find();
    if (range === undefined) throw new Error(source);
    const end = range.physical + BigInt(range.size);
    if (physical < range.physical || physical >= end) {
      const where = `phys:${hex(range.physical)} to phys:${hex(end - 1n)}`;
      return {
        physical: hex(physical),
        text: `phys:${hex(physical)} lies outside the initramfs, which is at ${where}.`,
      };
    }
    const reading = await this.#read(range, false, true);
    return { physical: hex(physical), ...placeInInitramfs(reading, Number(physical - range.physical)) };
  }

  /** Where the initramfs lies by the fields of the loader; throws one sentence when those cannot be. */
  async #find(): Promise<Found> {
    const found = await this.#services.handOver.find();
    if (found === undefined) {
      return { source: "No loader has handed an initramfs over yet: the kernel has not been entered." };
    }
    const range = ramdiskOf(found);
    if (range === undefined)
      return { source: `There is no initramfs by ramdisk_image and ramdisk_size of ${found.source}.` };
    const { physical, size } = range;
    const memory = this.#services.memoryBytes();
    if (size > memory) {
      throw new Error(
        `The ${found.source} has an initramfs of ${size} bytes at phys:${hex(physical)}, but the machine has only ${memory} bytes of RAM.`,
      );
    }
    return { range, source: `ramdisk_image and ramdisk_size of ${found.source}` };
  }

  /** The reading of this stop, or the reader that is still at it unless it is to be waited for. Rejects with one sentence. */
  #read(range: Range, again: boolean, patient: true): Promise<Reading>;
  #read(range: Range, again: boolean, patient: false): Promise<Reading | Reader>;
  async #read(range: Range, again: boolean, patient: boolean): Promise<Reading | Reader> {
    const { icount } = await this.#target.cpu();
    const isThis = (one: Reading | Reader | undefined): boolean =>
      one?.icount === icount && one.range.physical === range.physical && one.range.size === range.size;
    if (this.#last !== undefined && isThis(this.#last) && !again) return this.#last;
    if (again || !isThis(this.#reader)) {
      this.#reader?.cancel();
      this.#reader = new Reader(range, icount, {
        target: this.#target,
        file: this.#services.launched()?.config.initrd,
        earlier: this.#earlier(range, icount),
      });
    }
    const reader = this.#reader!;
    let timer: NodeJS.Timeout | undefined;
    const outOfPatience = new Promise<Reader>((resolve) => {
      timer = setTimeout(() => resolve(reader), PATIENCE_MS);
    });
    try {
      const reading = await (patient ? reader.finished : Promise.race([reader.finished, outOfPatience]));
      if (reading instanceof Reader) return reading;
      this.#last = reading;
      this.#reader = undefined;
      return reading;
    } catch (error) {
      this.#reader = undefined;
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** The last reading, if it is of this boot and this place. */
  #earlier({ physical, size }: Range, icount: bigint): Reading | undefined {
    const last = this.#last;
    const same = last !== undefined && last.range.physical === physical && last.range.size === size;
    return same && last.icount <= icount ? last : undefined;
  }
}

function comparisonOf({ with: original, pages, differ }: NonNullable<Reading["compared"]>): {
  text: string;
  pages: number;
  differ: number;
} {
  const text =
    differ.size === 0
      ? `Memory is still byte for byte ${original}.`
      : `${differ.size} of ${pages} pages differ from ${original}.`;
  return { text, pages, differ: differ.size };
}

function wireSegment(segment: Segment, entries: number): InitramfsSegment {
  return {
    name: segment.name,
    ...(segment.compression === undefined ? {} : { compression: segment.compression }),
    offset: segment.file.start,
    size: segment.file.end - segment.file.start,
    unpackedSize: segment.unpackedSize,
    entries,
    ...(segment.problem === undefined ? {} : { problem: segment.problem }),
  };
}

function wireEntry(entry: Entry, index: number, { index: { segments }, range, overwritten }: Reading): InitramfsEntry {
  const segment = segments[entry.segment];
  const plain = segment !== undefined && segment.compression === undefined;
  const start = (segment?.file.start ?? 0) + entry.dataRange.start;
  return {
    index,
    segment: entry.segment,
    path: entry.path,
    mode: modeLetters(entry.mode),
    size: entry.dataSize,
    uid: entry.uid,
    gid: entry.gid,
    ...(entry.target === undefined ? {} : { target: entry.target }),
    ...(plain && entry.dataSize > 0 ? { physical: hex(range.physical + BigInt(start)) } : {}),
    ...(plain && touches(overwritten, start, entry.dataSize) ? { overwritten: true as const } : {}),
    ...(entry.problem === undefined ? {} : { problem: entry.problem }),
  };
}
