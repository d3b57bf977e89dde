/** Integers of 128 bits for the floating-point unit. A second result word lies in a global. */

/** Lower half of the last `multiply`, `shiftRightJam` or `shiftLeft`. */
export let low: u64 = 0;
/** Remainder of the last `divide`. */
export let remainder: u64 = 0;

/** Upper half of a * b; the lower half is in `low`. */
export function multiply(a: u64, b: u64): u64 {
  const a0 = a & 0xffffffff;
  const a1 = a >> 32;
  const b0 = b & 0xffffffff;
  const b1 = b >> 32;
  const low0 = a0 * b0;
  const cross = a1 * b0 + (low0 >> 32);
  const middle = a0 * b1 + (cross & 0xffffffff);
  low = (middle << 32) | (low0 & 0xffffffff);
  return a1 * b1 + (cross >> 32) + (middle >> 32);
}

/** One 32-bit digit of a quotient (Knuth, algorithm D); `remainder` takes (h:digit) - q * d. Needs h < d, bit 63 of d. */
// @ts-ignore: decorator
@inline
function divideDigit(h: u64, digit: u64, d: u64): u64 {
  const d1 = d >> 32;
  const d0 = d & 0xffffffff;
  let q = h / d1;
  let r = h - q * d1;
  while (q >> 32 != 0 || q * d0 > ((r << 32) | digit)) {
    q--;
    r += d1;
    if (r >> 32 != 0) break;
  }
  remainder = ((h << 32) | digit) - q * d;
  return q;
}

/** Quotient of h:l / d, with the remainder in `remainder`. Needs h < d and bit 63 of d set. */
export function divide(h: u64, l: u64, d: u64): u64 {
  const q1 = divideDigit(h, l >> 32, d);
  const q0 = divideDigit(remainder, l & 0xffffffff, d);
  return (q1 << 32) | q0;
}

/** Upper half of h:l >> count; bits shifted out are or-ed into bit 0 of the lower half. */
export function shiftRightJam(h: u64, l: u64, count: u32): u64 {
  if (count == 0) {
    low = l;
    return h;
  }
  if (count < 64) {
    low = (h << (64 - count)) | (l >> count) | <u64>(l << (64 - count) != 0);
    return h >> count;
  }
  if (count == 64) low = h | <u64>(l != 0);
  else if (count < 128) low = (h >> (count - 64)) | <u64>((h << (128 - count)) != 0 || l != 0);
  else low = <u64>((h | l) != 0);
  return 0;
}

/** Upper half of h:l << count, for count below 128. */
export function shiftLeft(h: u64, l: u64, count: u32): u64 {
  if (count == 0) {
    low = l;
    return h;
  }
  if (count >= 64) {
    low = 0;
    return l << (count - 64);
  }
  low = l << count;
  return (h << count) | (l >> (64 - count));
}
