/** Changes to inputs, at random but repeatable. */

export type Random = (below: number) => number;

/** xorshift32 from a seed. */
export function randomOf(seed: number): Random {
  let state = Math.imul(seed, 0x9e37_79b1) | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const BYTES = [0x00, 0x01, 0x30, 0x7f, 0x80, 0xff];
const NUMBERS = [0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];
const MAX_CHANGES = 6;
const MAX_MOVED = 64;
/** Inputs are looked through in pieces of this size for those that hold structures. */
const PIECE = 64;
/** Smaller inputs are all structure. */
const LARGE = 8 * 1024;

/** Places that hold structures: in large images, what is neither empty nor the noise of files. */
function structures(bytes: Uint8Array): [start: number, length: number][] {
  if (bytes.length < LARGE) return [[0, bytes.length]];
  const places: [number, number][] = [];
  for (let at = 0; at + PIECE <= bytes.length; at += PIECE) {
    let zeros = 0;
    for (let index = at; index < at + PIECE; index++) if (bytes[index] === 0) zeros++;
    if (zeros > 3 && zeros < PIECE) places.push([at, PIECE]);
  }
  return places.length > 0 ? places : [[0, bytes.length]];
}

const cache = new WeakMap<Uint8Array, [number, number][]>();

function placesOf(bytes: Uint8Array): [number, number][] {
  let places = cache.get(bytes);
  if (!places) cache.set(bytes, (places = structures(bytes)));
  return places;
}

/** A changed copy of `bytes`; `other` gives pieces. Only what is `resizable` becomes longer or shorter. */
export function mutate(bytes: Uint8Array, other: Uint8Array, resizable: boolean, random: Random): Uint8Array {
  const places = placesOf(bytes);
  let copy = bytes.slice();
  const somewhere = (): number => {
    const [start, length] = places[random(places.length)]!;
    return Math.min(start + random(Math.max(1, length)), Math.max(0, copy.length - 1));
  };
  for (let count = 1 + random(MAX_CHANGES); count > 0 && copy.length > 8; count--) {
    const at = somewhere();
    const view = new DataView(copy.buffer);
    const wide = Math.min(at, copy.length - 4);
    const length = 1 + random(Math.min(MAX_MOVED, copy.length - at));
    switch (random(resizable ? 11 : 8)) {
      case 0:
        copy[at] = random(256);
        break;
      case 1:
        copy[at] = copy[at]! ^ (1 << random(8));
        break;
      case 2:
        copy[at] = BYTES[random(BYTES.length)]!;
        break;
      case 3:
        view.setUint32(wide, NUMBERS[random(NUMBERS.length)]!, random(4) > 0);
        break;
      case 4:
        view.setUint16(wide, view.getUint16(wide, true) + random(9) - 4, true);
        break;
      case 5:
        view.setUint32(wide, view.getUint32(wide, true) + random(65) - 32, true);
        break;
      case 6: {
        const from = somewhere();
        copy.copyWithin(at, from, from + length);
        break;
      }
      case 7: {
        const from = random(Math.max(1, other.length));
        copy.set(other.subarray(from, Math.min(from + length, from + copy.length - at)), at);
        break;
      }
      case 8:
        copy = copy.slice(0, random(copy.length + 1));
        break;
      case 9:
        copy = joined(copy.subarray(0, at), copy.subarray(at + length));
        break;
      default:
        copy = joined(copy.subarray(0, at), copy.subarray(at, at + length), copy.subarray(at));
    }
  }
  return copy;
}

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
