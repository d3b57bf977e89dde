import type { Core } from "../core/core.ts";
import { L } from "../core/layout.ts";
import type { CpuSetup } from "../direct-boot/types.ts";

/** Puts the processor into the state that a boot protocol asks for. */
export function applySetup(core: Core, setup: CpuSetup): void {
  const { u32, u64 } = core;
  setup.gpr.forEach((value, i) => {
    u64[L.REGS / 8 + i] = value;
  });
  u64[L.RIP / 8] = setup.rip;
  core.exports.setFlags(setup.rflags);
  u64[L.CR0 / 8] = setup.cr0;
  u64[L.CR3 / 8] = setup.cr3;
  u64[L.CR4 / 8] = setup.cr4;
  u64[L.EFER / 8] = setup.efer;
  for (const [i, segment] of setup.segments.entries()) {
    const at = L.SEG + i * L.SEG_SIZE;
    u64[(at + L.SEG_BASE) / 8] = segment.base;
    u32[(at + L.SEG_LIMIT) / 4] = segment.limit;
    u32[(at + L.SEG_ATTR) / 4] = segment.attributes;
    u32[(at + L.SEG_SELECTOR) / 4] = segment.selector;
    u32[(at + L.SEG_NULL) / 4] = segment.unusable ? 1 : 0;
  }
  u64[L.GDTR_BASE / 8] = setup.gdtr.base;
  u32[L.GDTR_LIMIT / 4] = setup.gdtr.limit;
  u64[L.IDTR_BASE / 8] = setup.idtr.base;
  u32[L.IDTR_LIMIT / 4] = setup.idtr.limit;
  core.exports.refreshMode();
  core.exports.flushTlb();
}
