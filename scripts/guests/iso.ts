/** CD images by xorriso. */
import { basename, dirname } from "node:path";
import { tool } from "./tools.ts";

/** Time of making, 2026-01-01, so that images repeat. */
const DATE = "2026010100000000";
/** For xorriso's own commands, and for mkisofs's options. */
export const ISO_DATE = ["-volume_date", "all_file_dates", DATE, "-volume_date", "uuid", DATE];
const ISO_DATE_AS_MKISOFS = [`--set_all_file_dates`, DATE, `--modification-date=${DATE}`];

/** Makes an ISO 9660 image of a directory that boots its `isolinux/isolinux.bin` without emulation. */
export async function isolinuxImage(path: string, label: string, content: string): Promise<void> {
  const boot = ["-b", "isolinux/isolinux.bin", "-c", "isolinux/boot.cat"];
  const manner = ["-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", "-J", "-R", "-V", label];
  const args = ["-as", "mkisofs", ...ISO_DATE_AS_MKISOFS, ...boot, ...manner, "-o", basename(path), content];
  await tool("xorriso", args, { cwd: dirname(path) });
}
