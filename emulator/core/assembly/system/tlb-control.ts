/** INVLPG and INVPCID. */
import { L } from "../../layout";
import { raiseGP } from "../fault";
import { isCanonical, ldc } from "../mem";
import { dropSpace, dropSpaces, flushPage, flushSpace, flushTlb } from "../tlb";
import { Op, ea } from "../op";
import { R, cpl, isCode64, isVm86 } from "../state";
import { Cr4 } from "./mode";

export function execInvlpg(op: Op): void {
  if (cpl() != 0) raiseGP(0);
  const lin = ea(op);
  if (isCanonical(lin)) flushPage(lin);
}

/** Types: 0 an address of one PCID, 1 a PCID, 2 everything, 3 everything but global pages (SDM vol. 2, INVPCID). */
export function execInvpcid(op: Op): void {
  if (cpl() != 0 || isVm86()) raiseGP(0);
  const lin = ea(op);
  const type = isCode64() ? R(op.a) : R(op.a) & 0xffffffff;
  const descriptor = ldc<u64>(lin);
  const address = ldc<u64>(isCode64() ? lin + 8 : <u64><u32>(lin + 8));
  if (type > 3 || descriptor >> 12) raiseGP(0);
  if (type < 2 && descriptor && !(load<u64>(L.CR4) & Cr4.PCIDE)) raiseGP(0);
  if (type == 0 && !isCanonical(address)) raiseGP(0);
  const pcid = <u32>descriptor;
  const current = load<u64>(L.CR4) & Cr4.PCIDE ? <u32>load<u64>(L.CR3) & 0xfff : 0;
  if (type == 2) flushTlb();
  else if (type == 3) {
    dropSpaces();
    flushSpace();
  } else if (pcid != current) dropSpace(pcid);
  else if (type == 0) flushPage(address);
  else flushSpace();
}
