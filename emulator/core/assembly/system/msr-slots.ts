/** Where the model specific registers lie that are plain storage: M is the place in 8-byte units from L.MSR. */
import { L } from "../../layout";

export const enum M {
  SYSENTER_CS = 0,
  SYSENTER_ESP = 1,
  SYSENTER_EIP = 2,
  STAR = 3,
  LSTAR = 4,
  CSTAR = 5,
  FMASK = 6,
  KERNEL_GS_BASE = 7,
  TSC_AUX = 8,
  /** What WRMSR and the passing of time make of the TSC: TSC = guest time + TSC_OFFSET. */
  TSC_OFFSET = 9,
  PAT = 10,
  MTRR_DEF_TYPE = 11,
  MCG_STATUS = 12,
  MCG_CTL = 13,
  DEBUGCTL = 14,
  SYSCFG = 15,
  HWCR = 16,
  NB_CFG = 17,
  TOP_MEM = 18,
  TOP_MEM2 = 19,
  DE_CFG = 20,
  INT_PENDING = 21,
  MTRR_PHYS = 24,
  MTRR_FIXED = 40,
  MC_BANKS = 52,
  IORR = 68,
}

// @ts-ignore: decorator
@inline
export function slot(m: u32): usize {
  return L.MSR + <usize>m * 8;
}
