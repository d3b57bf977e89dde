/** FLD1, FLDL2T, FLDL2E, FLDPI, FLDLG2, FLDLN2, FLDZ: rounded as the control word says, without any exception. */
import { BIAS, INTEGER_BIT, rounding, setResult } from "./registers";
import { roundsUp } from "./round";

function loadRounded(exponent: i32, h: u64, l: u64): void {
  setResult(<u32>(BIAS + exponent), h + <u64>roundsUp(0, (h & 1) != 0, l, rounding()));
}

/** The constant of D9 E8+n. */
export function loadConstant(n: u32): void {
  switch (n) {
    case 0: setResult(<u32>BIAS, INTEGER_BIT); break;
    case 1: loadRounded(1, 0xd49a784bcd1b8afe, 0x492bf6ff4dafdb4d); break;
    case 2: loadRounded(0, 0xb8aa3b295c17f0bb, 0xbe87fed0691d3e89); break;
    case 3: loadRounded(1, 0xc90fdaa22168c234, 0xc4c6628b80dc1cd1); break;
    case 4: loadRounded(-2, 0x9a209a84fbcff798, 0x8f8959ac0b7c9178); break;
    case 5: loadRounded(-1, 0xb17217f7d1cf79ab, 0xc9e3b39803f2f6af); break;
    default: setResult(0, 0); break;
  }
}
