import type { DiskImage } from "./disk-image.ts";
import { OverlayDisk } from "./overlay-disk.ts";

/** A range of a composed disk, from byte `at` on; what no range covers is zeros. */
export type DiskSegment =
  | { at: number; bytes: Uint8Array }
  /** `length` bytes of another image from its byte `from` on, read when they are asked for. */
  | { at: number; image: DiskImage; from: number; length: number };

/**
 * A virtual disk of `size` bytes made of ranges, for a loader and the files that it loads. Takes over the images:
 * closing it closes them. Throws RangeError with one sentence when ranges overlap or leave the disk.
 */
export function composedDisk(size: number, segments: readonly DiskSegment[]): DiskImage {
  if (!Number.isSafeInteger(size) || size < 1) {
    throw new RangeError(`A composed disk was given the size ${size}; expected a whole number of bytes, at least 1.`);
  }
  const sorted = [...segments].sort((a, b) => a.at - b.at);
  let end = 0;
  for (const segment of sorted) {
    const length = lengthOf(segment);
    if (!Number.isSafeInteger(segment.at) || !Number.isSafeInteger(length) || segment.at < 0 || length < 0) {
      throw new RangeError(`A range of a composed disk has start ${segment.at}, length ${length}; expected bytes.`);
    }
    if (segment.at < end || segment.at + length > size) {
      throw new RangeError(
        `The range of ${length} bytes at byte ${segment.at} of a composed disk ` +
          (segment.at < end ? `overlaps the one before it, which ends at ${end}.` : `leaves its ${size} bytes.`),
      );
    }
    if ("image" in segment && (segment.from < 0 || segment.from + length > segment.image.bytes)) {
      throw new RangeError(
        `The range at byte ${segment.at} of a composed disk wants bytes ${segment.from} to ${segment.from + length} ` +
          `of an image that has ${segment.image.bytes}.`,
      );
    }
    end = segment.at + length;
  }
  return new OverlayDisk({
    bytes: size,
    read: (offset, into) => readSegments(sorted, offset, into),
    close: () => {
      for (const image of new Set(sorted.flatMap((one) => ("image" in one ? [one.image] : [])))) image.close();
    },
  });
}

function lengthOf(segment: DiskSegment): number {
  return "bytes" in segment ? segment.bytes.length : segment.length;
}

/** First segment that ends behind `offset`. */
function find(segments: readonly DiskSegment[], offset: number): number {
  let [low, high] = [0, segments.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const segment = segments[middle] as DiskSegment;
    if (segment.at + lengthOf(segment) > offset) high = middle;
    else low = middle + 1;
  }
  return low;
}

function readSegments(segments: readonly DiskSegment[], offset: number, into: Uint8Array): void {
  into.fill(0);
  const end = offset + into.length;
  for (let i = find(segments, offset); i < segments.length; i++) {
    const segment = segments[i] as DiskSegment;
    if (segment.at >= end) return;
    const from = Math.max(offset, segment.at);
    const to = Math.min(end, segment.at + lengthOf(segment));
    if (from >= to) continue;
    const target = into.subarray(from - offset, to - offset);
    const inner = from - segment.at;
    if ("bytes" in segment) target.set(segment.bytes.subarray(inner, inner + target.length));
    else segment.image.read(segment.from + inner, target);
  }
}
