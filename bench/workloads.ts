/** What the emulators are measured with. */
import { grubCloudDisk, grubStockDisk } from "../scripts/guests/grub-disks.ts";
import {
  BUSYBOX_GREETING,
  busyboxInitramfs,
  cloudKernel,
  i686Kernel,
  i686SteadyInitramfs,
  steadyInitramfs,
  stockKernel,
} from "../scripts/guests/guests.ts";
import { STEADY_WORK, steadyMarkers } from "../scripts/guests/steady-root.ts";
import type { EngineName, Guest } from "./engines.ts";

/** A part of a guest's run, which makes a row for every engine. */
interface Segment {
  /** Unique over all workloads. */
  title: string;
  /** Text on the serial port at its start; the start of the process unless given. */
  from?: string;
  to: string;
}

export interface Workload {
  title: string;
  guest(): Promise<Guest>;
  segments: readonly Segment[];
  engines: readonly EngineName[];
}

const TRANSLATORS = ["bootscope", "qemu", "qemu-icount"] as const;

function steady(suffix: string): Segment[] {
  return Object.keys(STEADY_WORK).map((work) => {
    const [from, to] = steadyMarkers(work);
    return { title: `${work}${suffix}`, from, to };
  });
}

/** By the names that `--only` takes. */
export const WORKLOADS: Readonly<Record<string, Workload>> = {
  cloud: {
    title: "Cloud kernel to /init, direct",
    guest: async () => ({
      boot: "direct",
      bits: 64,
      kernel: (await cloudKernel()).vmlinuz,
      initrd: await busyboxInitramfs(),
    }),
    segments: [{ title: "cloud kernel, direct", to: BUSYBOX_GREETING }],
    engines: TRANSLATORS,
  },
  stock: {
    title: "Stock kernel to /init, direct",
    guest: async () => ({
      boot: "direct",
      bits: 64,
      kernel: (await stockKernel()).vmlinuz,
      initrd: await busyboxInitramfs(),
    }),
    segments: [{ title: "stock kernel, direct", to: BUSYBOX_GREETING }],
    engines: TRANSLATORS,
  },
  "disk-cloud": {
    title: "SeaBIOS, GRUB, cloud kernel to /init, from disk",
    guest: async () => ({ boot: "disk", disk: await grubCloudDisk() }),
    segments: [{ title: "cloud kernel, disk", to: BUSYBOX_GREETING }],
    engines: [...TRANSLATORS, "bochs"],
  },
  "disk-stock": {
    title: "SeaBIOS, GRUB, stock kernel to /init, from disk",
    guest: async () => ({ boot: "disk", disk: await grubStockDisk() }),
    segments: [{ title: "stock kernel, disk", to: BUSYBOX_GREETING }],
    engines: [...TRANSLATORS, "bochs"],
  },
  steady: {
    title: "Steady work under the cloud kernel",
    guest: async () => ({
      boot: "direct",
      bits: 64,
      kernel: (await cloudKernel()).vmlinuz,
      initrd: await steadyInitramfs(),
    }),
    segments: steady(""),
    engines: TRANSLATORS,
  },
  i686: {
    title: "32-bit kernel to /init, direct, and steady work under it",
    guest: async () => ({
      boot: "direct",
      bits: 32,
      kernel: (await i686Kernel()).vmlinuz,
      initrd: await i686SteadyInitramfs(),
    }),
    segments: [{ title: "32-bit kernel, direct", to: BUSYBOX_GREETING }, ...steady(", 32-bit")],
    engines: [...TRANSLATORS, "v86"],
  },
};
