/** High halves of 128-bit products. */
/** High half of the unsigned product. */
export function mulHigh(a: u64, b: u64): u64 {
  const al = <u64><u32>a, ah = a >> 32, bl = <u64><u32>b, bh = b >> 32;
  const t = ah * bl + ((al * bl) >> 32);
  const u = al * bh + <u64><u32>t;
  return ah * bh + (t >> 32) + (u >> 32);
}
/** High half of the signed product. */
export function mulHighSigned(a: i64, b: i64): i64 {
  return <i64>mulHigh(<u64>a, <u64>b) - ((a >> 63) & b) - ((b >> 63) & a);
}
