/** FLDENV, FNSTENV, FRSTOR and FNSAVE in their four layouts. SDM vol. 1, 8.1.10. */
import { L } from "../../layout";
import { checkOperand, ldc, stc, probeRead, probeWrite, wrap } from "../mem";
import { isProtected, isVm86 } from "../state";
import { stM, stSe, top, updateSummary, x87TagWord, x87SetTagWord } from "./registers";

/** Bytes of an environment. */
export function environmentSize(wide: bool): u32 {
  return wide ? 28 : 14;
}
/** Bytes of an environment with the eight registers. */
export function saveSize(wide: bool): u32 {
  return environmentSize(wide) + 80;
}

// @ts-ignore: decorator
@inline
function isReal(): bool {
  return !isProtected() || isVm86();
}

function put(lin: u64, v: u32, wide: bool): void {
  if (wide) stc<u32>(wrap(lin), v);
  else stc<u16>(wrap(lin), <u16>v);
}
function get(lin: u64, wide: bool): u32 {
  return wide ? ldc<u32>(wrap(lin)) : <u32>ldc<u16>(wrap(lin));
}

/** The caller has made sure that all of it can be written. */
export function storeEnvironment(lin: u64, wide: bool): void {
  const step: u64 = wide ? 4 : 2;
  // The upper halves of the first three fields read as ones.
  const ones: u32 = wide ? 0xffff0000 : 0;
  put(lin, ones | load<u32>(L.FPU_CW), wide);
  put(lin + step, ones | load<u32>(L.FPU_SW), wide);
  put(lin + 2 * step, ones | x87TagWord(), wide);
  const ip = <u32>load<u64>(L.FPU_IP);
  const dp = <u32>load<u64>(L.FPU_DP);
  const opcode = load<u32>(L.FPU_OPCODE);
  const cs = load<u32>(L.FPU_CS);
  const ds = load<u32>(L.FPU_DS);
  if (isReal()) {
    const ipLin = (cs << 4) + ip;
    const dpLin = (ds << 4) + dp;
    put(lin + 3 * step, wide ? ipLin & 0xffff : ipLin, wide);
    put(lin + 4 * step, wide ? ((ipLin >> 16) << 12) | opcode : (((ipLin >> 16) & 15) << 12) | opcode, wide);
    put(lin + 5 * step, wide ? dpLin & 0xffff : dpLin, wide);
    put(lin + 6 * step, wide ? (dpLin >> 16) << 12 : ((dpLin >> 16) & 15) << 12, wide);
  } else {
    put(lin + 3 * step, ip, wide);
    put(lin + 4 * step, wide ? cs | (opcode << 16) : cs, wide);
    put(lin + 5 * step, dp, wide);
    put(lin + 6 * step, ones | ds, wide);
  }
}

/** The caller has made sure that all of it can be read. */
export function loadEnvironment(lin: u64, wide: bool): void {
  const step: u64 = wide ? 4 : 2;
  const cw = get(lin, wide);
  const sw = get(lin + step, wide);
  const tags = get(lin + 2 * step, wide);
  const word3 = get(lin + 3 * step, wide);
  const word4 = get(lin + 4 * step, wide);
  const word5 = get(lin + 5 * step, wide);
  const word6 = get(lin + 6 * step, wide);
  store<u32>(L.FPU_CW, (cw & 0x1f3f) | 0x40);
  store<u32>(L.FPU_SW, sw & 0x7f7f);
  x87SetTagWord(tags);
  if (isReal()) {
    const high: u32 = wide ? 0xffff : 15;
    store<u64>(L.FPU_IP, <u64>((word3 & 0xffff) | (((word4 >> 12) & high) << 16)));
    store<u64>(L.FPU_DP, <u64>((word5 & 0xffff) | (((word6 >> 12) & high) << 16)));
    store<u32>(L.FPU_CS, 0);
    store<u32>(L.FPU_DS, 0);
    store<u32>(L.FPU_OPCODE, word4 & 0x7ff);
  } else {
    store<u64>(L.FPU_IP, <u64>word3);
    store<u64>(L.FPU_DP, <u64>word5);
    store<u32>(L.FPU_CS, word4 & 0xffff);
    store<u32>(L.FPU_DS, word6 & 0xffff);
    // The short layout has no room for the opcode.
    store<u32>(L.FPU_OPCODE, wide ? (word4 >> 16) & 0x7ff : 0);
  }
  updateSummary();
}

/** Environment and registers, ST(0) first. Registers are moved by words: only the environment's alignment is checked. */
export function storeAll(lin: u64, wide: bool): void {
  checkOperand(lin, saveSize(wide), wide ? 4 : 2);
  probeWrite(lin, saveSize(wide));
  storeEnvironment(lin, wide);
  for (let i: u32 = 0; i < 8; i++) {
    const at = lin + environmentSize(wide) + i * 10;
    const m = stM(i);
    for (let word: u64 = 0; word < 4; word++) stc<u16>(wrap(at + word * 2), <u16>(m >> (word * 16)));
    stc<u16>(wrap(at + 8), <u16>stSe(i));
  }
}
export function loadAll(lin: u64, wide: bool): void {
  checkOperand(lin, saveSize(wide), wide ? 4 : 2);
  probeRead(lin, saveSize(wide));
  loadEnvironment(lin, wide);
  for (let i: u32 = 0; i < 8; i++) {
    const at = lin + environmentSize(wide) + i * 10;
    const physical = L.FPU_REGS + (<usize>((top() + i) & 7) << 4);
    for (let word: usize = 0; word < 4; word++) store<u16>(physical + word * 2, ldc<u16>(wrap(at + word * 2)));
    store<u16>(physical, ldc<u16>(wrap(at + 8)), 8);
  }
}
