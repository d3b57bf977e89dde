/** What a direct boot hands to the machine: bytes in memory, and the processor's state at the kernel's entry. */
import { FormatError } from "../../boot-formats/errors.ts";
import type { Segment } from "../machine/api.ts";

/** Bytes to be put into guest RAM. */
export interface MemoryWrite {
  /** Guest physical address of the first byte. */
  physical: number;
  bytes: Uint8Array;
}

/** The processor when the kernel's first instruction is about to execute. */
export interface CpuSetup {
  /** rax rcx rdx rbx rsp rbp rsi rdi r8…r15 */
  gpr: bigint[];
  rip: bigint;
  rflags: number;
  cr0: bigint;
  cr3: bigint;
  cr4: bigint;
  efer: bigint;
  /** es cs ss ds fs gs ldtr tr: the order of SEGMENT_NAMES. */
  segments: Segment[];
  gdtr: { base: bigint; limit: number };
  idtr: { base: bigint; limit: number };
}

/** A named range of guest physical memory, `end` excluded. */
export interface LayoutRange {
  name: string;
  start: number;
  end: number;
  /** What lies there, one line. */
  what: string;
}

export interface KernelInfo {
  format: "bzImage" | "elf";
  /** How the kernel is entered. */
  entry: "64" | "32";
  /** Physical address of its first instruction. */
  entryAddress: number;
  /** Physical address that the image was loaded at. */
  loadAddress: number;
  /** Boot protocol version of a bzImage, e.g. 0x020f for 2.15. */
  protocol?: number;
  /** The version text of a bzImage. */
  version?: string;
}

export interface DirectBootConfig {
  /** A bzImage or an ELF vmlinux. */
  kernel: Uint8Array;
  initrd?: Uint8Array;
  cmdline: string;
  /** RAM, all of it below 4 GiB: at most 3072. */
  memoryMiB: number;
  /** Entry of a bzImage: the 64-bit one (default) or the 32-bit one. */
  entry?: "64" | "32";
}

export interface DirectBoot {
  writes: MemoryWrite[];
  cpu: CpuSetup;
  /** By address. */
  layout: LayoutRange[];
  kernelInfo: KernelInfo;
}

/** A boot that cannot be: one sentence for the user. */
export class DirectBootError extends FormatError {}
