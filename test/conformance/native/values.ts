/** Values worth trying: borders of integer and floating-point types more often than chance would have them. */
import { DATA, DATA_SIZE, type Mode } from "./case.ts";
import type { Random } from "./random.ts";

const F32 = [
  0x00000000, 0x80000000, 0x3f800000, 0xbf800000, 0x40000000, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc00001,
  0x7f800001, 0xff8abcde, 0x00000001, 0x807fffff, 0x00800000, 0x7f7fffff, 0x4effffff, 0x4f000000, 0xcf000000,
  0x5f000000, 0x3effffff, 0x3f000000, 0x3fc00000, 0x4b000001, 0x3eaaaaab, 0x40490fdb,
];
const F64 = [
  0x0000000000000000n,
  0x8000000000000000n,
  0x3ff0000000000000n,
  0xbff0000000000000n,
  0x4000000000000000n,
  0x7ff0000000000000n,
  0xfff0000000000000n,
  0x7ff8000000000000n,
  0xfff8000000000001n,
  0x7ff0000000000001n,
  0xfff4000000abcdefn,
  0x0000000000000001n,
  0x800fffffffffffffn,
  0x0010000000000000n,
  0x7fefffffffffffffn,
  0x41dfffffffc00000n,
  0x41e0000000000000n,
  0xc1e0000000000000n,
  0x43e0000000000000n,
  0xc3e0000000000000n,
  0x3fe0000000000000n,
  0x3ff8000000000000n,
  0x4330000000000001n,
  0x47efffffe0000000n,
  0x47effffff0000000n,
  0x36a0000000000000n,
  0x3690000000000000n,
  0x380fffffffffffffn,
  0x3fd5555555555555n,
  0x400921fb54442d18n,
];
const MANTISSAS = [
  0x8000000000000000n,
  0xffffffffffffffffn,
  0x8000000000000001n,
  0xc000000000000000n,
  0xc90fdaa22168c235n,
  0xaaaaaaaaaaaaaaabn,
  0xfffffffffffff800n,
  0xfffffffffffffc00n,
  0xffffff8000000000n,
  0xffffff0000000000n,
];
const EXPONENTS = [
  0x3fff, 0x3ffe, 0x4000, 0x401d, 0x401e, 0x401f, 0x403d, 0x403e, 0x403f, 0x0001, 0x7ffe, 0x3f81, 0x3f6a, 0x407e,
  0x3c01, 0x3bcd, 0x43fe, 0x3fbe,
];

function integerEdge(random: Random): bigint {
  const bits = BigInt(random.pick([1, 7, 8, 15, 16, 31, 32, 63, 64]));
  return BigInt.asUintN(64, (1n << bits) + BigInt(random.below(5)) - 2n);
}

export function f32(random: Random): number {
  const kind = random.below(8);
  if (kind < 3) return random.pick(F32);
  if (kind < 4) return random.u32();
  const exponent = kind < 7 ? 110 + random.below(50) : random.below(256);
  return ((random.u32() & 0x807fffff) | (exponent << 23)) >>> 0;
}

export function f64(random: Random): bigint {
  const kind = random.below(8);
  if (kind < 3) return random.pick(F64);
  if (kind < 4) return random.u64();
  const exponent = kind < 6 ? 990 + random.below(80) : kind < 7 ? 1023 - 160 + random.below(320) : random.below(2048);
  let value = (random.u64() & 0x800fffffffffffffn) | (BigInt(exponent) << 52n);
  if (random.chance(0.4)) value &= ~0x1fffffffn;
  return value;
}

/** An 80-bit value, as mantissa and sign with exponent; every kind of encoding, unsupported ones too. */
export function f80(random: Random): [mantissa: bigint, exponent: number] {
  const sign = random.below(2) << 15;
  const kind = random.below(20);
  const mantissa = random.chance(0.5) ? random.pick(MANTISSAS) : random.u64() | 0x8000000000000000n;
  if (kind === 0) return [0n, sign];
  if (kind === 1) return [0x8000000000000000n, sign | 0x7fff];
  if (kind === 2) return [mantissa, sign | 0x7fff];
  if (kind === 3) return [random.u64() & 0x7fffffffffffffffn, sign];
  if (kind === 4) return [mantissa, sign];
  if (kind === 5 && random.chance(0.4)) return [random.u64(), random.u32() & 0xffff];
  if (kind < 9) return [mantissa, sign | random.pick(EXPONENTS)];
  if (kind < 11) return [mantissa, sign | random.below(0x7fff)];
  return [mantissa, sign | (0x3fff - 35 + random.below(104))];
}

/** Eight bytes of anything: integers, packed singles, a double, packed small integers. */
export function quadword(random: Random): bigint {
  switch (random.below(8)) {
    case 0:
      return random.u64();
    case 1:
      return integerEdge(random);
    case 2:
      return BigInt.asUintN(64, BigInt(random.below(512)) - 256n);
    case 3:
    case 4:
      return (BigInt(f32(random)) << 32n) | BigInt(f32(random));
    case 5:
    case 6:
      return f64(random);
    default: {
      const edges = [0x7f, 0x80, 0xff, 0x00, 0x01, 0x7fff, 0x8000, 0xffff];
      let value = 0n;
      for (let i = 0; i < 4; i++)
        value = (value << 16n) | BigInt(random.chance(0.5) ? random.pick(edges) : random.u32() & 0xffff);
      return value;
    }
  }
}

/** What a general register starts with; more than half point into the data area. */
export function register(random: Random, mode: Mode): bigint {
  const origin = mode === 0 ? 0 : DATA;
  const kind = random.below(10);
  let value: bigint;
  if (kind < 5) value = BigInt(origin + random.below(0x1f00));
  else if (kind < 7) value = BigInt(random.below(64));
  else if (kind < 8) value = BigInt.asUintN(64, BigInt(-random.below(300)));
  else if (kind < 9) value = integerEdge(random);
  else value = random.u64();
  return mode === 2 ? value : value & 0xffffffffn;
}

/** The data area before every case of a batch: numbers of all kinds, 80-bit and decimal ones at multiples of 16. */
export function dataImage(random: Random): Uint8Array {
  const image = new Uint8Array(DATA_SIZE);
  const view = new DataView(image.buffer);
  for (let at = 0; at < DATA_SIZE; at += 16) {
    const kind = random.below(8);
    view.setBigUint64(at, quadword(random), true);
    view.setBigUint64(at + 8, quadword(random), true);
    if (kind === 0) {
      const [mantissa, exponent] = f80(random);
      view.setBigUint64(at, mantissa, true);
      view.setUint16(at + 8, exponent, true);
    } else if (kind === 1) {
      for (let i = 0; i < 9; i++) view.setUint8(at + i, random.below(10) | (random.below(10) << 4));
      view.setUint8(at + 9, random.below(2) << 7);
    } else if (kind === 2) {
      for (let i = 0; i < 16; i++) view.setUint8(at + i, random.pick([0, 1, 0x20, 0x41, 0x61, 0x7a, 0x80, 0xff]));
    }
  }
  return image;
}

/** The FXSAVE image that a case starts with: exceptions mostly masked, no unmasked one pending. */
export function floatingState(random: Random): Uint8Array {
  const fx = new Uint8Array(512);
  const view = new DataView(fx.buffer);
  const masks = random.chance(0.88) ? 0x3f : random.below(64);
  const precision = random.chance(0.7) ? 3 : random.pick([0, 2]);
  view.setUint16(0, 0x40 | masks | (precision << 8) | (random.below(4) << 10), true);
  view.setUint16(2, (random.below(64) & masks) | (random.u32() & 0x7f00), true);
  fx[4] = random.chance(0.3) ? 0xff : random.chance(0.2) ? 0 : random.below(256);
  const mxMasks = random.chance(0.9) ? 0x3f : random.below(64);
  const rounding = random.chance(0.5) ? 0 : random.below(4);
  const flush = random.chance(0.15) ? random.pick([0x8000, 0x40, 0x8040]) : 0;
  view.setUint32(24, (mxMasks << 7) | (rounding << 13) | flush | (random.below(64) & mxMasks), true);
  for (let i = 0; i < 8; i++) {
    const [mantissa, exponent] = f80(random);
    view.setBigUint64(32 + i * 16, mantissa, true);
    view.setUint16(40 + i * 16, exponent, true);
  }
  for (let at = 160; at < 416; at += 8) view.setBigUint64(at, quadword(random), true);
  return fx;
}
