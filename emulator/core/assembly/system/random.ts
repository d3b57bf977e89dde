/** RDRAND and RDSEED: a seeded generator (xorshift64*), so that runs repeat. */
import { L } from "../../layout";
import { setArith } from "../flags";
import { Info, Op } from "../op";
import { writeReg } from "./operand";

function next(): u64 {
  let x = load<u64>(L.RANDOM);
  if (!x) x = 0x9e3779b97f4a7c15;
  x ^= x >> 12;
  x ^= x << 25;
  x ^= x >> 27;
  store<u64>(L.RANDOM, x);
  return x * 0x2545f4914f6cdd1d;
}

/** CF=1 (a number was ready), the other arithmetic flags 0. */
export function execRandom(op: Op): void {
  writeReg(op.b, Info.osize(op.imm), next() >> (Info.osize(op.imm) == 3 ? 0 : 32));
  setArith(1);
}
