/** Whether a boot can work, as far as that can be told before it starts: files, disks, firmware, and the kernel itself. */
import { FormatError } from "../boot-formats/errors.ts";
import { prepareDirectBoot } from "../emulator/direct-boot/direct-boot.ts";
import { checkPlan, openPlan } from "../emulator/machine/boot-plan.ts";
import type { BootPlan } from "../emulator/machine/boot-plan.ts";

/** Rejects with one sentence. */
export async function checkBoot(plan: BootPlan): Promise<void> {
  await checkPlan(plan);
  if (plan.kernel === undefined || plan.boot === "direct") return;
  // The built-in loader takes what a direct boot would, but for kernels without setup code.
  const { kernel, cmdline, ...rest } = await openPlan({ ...plan, boot: "direct", disks: [], cdroms: [] });
  if (kernel === undefined) return;
  try {
    const { kernelInfo } = prepareDirectBoot({ ...rest, kernel, cmdline: cmdline ?? "" });
    if (kernelInfo.format === "elf") {
      throw new FormatError(
        'an ELF vmlinux has no setup code for a boot loader, so only "boot": "direct" can start it.',
      );
    }
  } catch (error) {
    if (error instanceof FormatError) throw new Error(`Cannot boot "${plan.kernel}": ${error.message}`);
    throw error;
  }
}
