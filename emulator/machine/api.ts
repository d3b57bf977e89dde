/**
 * What a debugger (or the command line) sees of a machine. Synchronous: a machine runs in slices on the thread
 * that owns it. Addresses and 64-bit values are `bigint` here, outside the hot path.
 */

/** Where an address lives: guest physical, or linear (after segmentation, before paging). */
export type Space = "phys" | "lin";

export interface Breakpoint {
  space: Space;
  address: bigint;
}

export interface Watchpoint {
  space: Space;
  /** First byte. */
  address: bigint;
  /** Bytes, at least 1. */
  length: number;
  access: "read" | "write" | "readWrite";
}

/** A phase of the boot, recognised from what the machine does (DESIGN.md, Phases). */
export type PhaseName = "decompressor" | "kernel" | "init";

export interface Phase {
  name: PhaseName;
  /** Instructions retired before its first one. */
  icount: bigint;
}

/** Why a slice ended. */
export type RunResult =
  | { reason: "budget" }
  | { reason: "breakpoint"; space: Space; address: bigint }
  | { reason: "watchpoint"; address: bigint; access: "read" | "write" }
  /** Stopped right before the first instruction of a phase that `stopAtPhases` names. */
  | { reason: "phase"; phase: Phase }
  /** HLT with interrupts off or nothing that could ever wake it but outside input. */
  | { reason: "halted"; wakeable: boolean }
  | { reason: "poweroff" }
  /** The guest asked for a reset (port 0x64, 0xCF9, ACPI); the machine is stopped right behind the request. */
  | { reason: "reboot"; cause: string }
  | { reason: "tripleFault"; detail: string }
  /** The kernel printed a panic on a console we can read. */
  | { reason: "panic"; message: string }
  /** Something that the machine does not emulate: names the instruction and its address. */
  | { reason: "unemulated"; message: string; address: bigint };

export type CpuMode = "real" | "vm86" | "protected16" | "protected32" | "compat16" | "compat32" | "long";

/** One level of a page table walk. */
export interface WalkStep {
  /** "PML4E", "PDPTE", "PDE", "PTE". */
  level: string;
  /** Physical address of the entry. */
  entryAddress: bigint;
  entry: bigint;
  index: number;
}

export interface Walk {
  linear: bigint;
  /** Paging mode in force. */
  paging: "off" | "32-bit" | "PAE" | "4-level";
  steps: WalkStep[];
  /** Physical address, when mapped. */
  physical?: bigint;
  /** Bytes of the page that maps it (4096, 2 MiB, 4 MiB, 1 GiB). */
  pageSize?: number;
  /** Combined rights over all levels. */
  writable?: boolean;
  user?: boolean;
  executable?: boolean;
  /** Why not mapped, e.g. "PDE not present". */
  fault?: string;
}

/** A segment register or LDTR/TR with its hidden part. */
export interface Segment {
  selector: number;
  base: bigint;
  limit: number;
  /** Descriptor bits 8 to 23: type, S, DPL, P, AVL, L, D/B, G. */
  attributes: number;
  unusable: boolean;
}

export const SEGMENT_NAMES = ["es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr"] as const;
export type SegmentName = (typeof SEGMENT_NAMES)[number];

/** Everything shown of the processor, as one plain, structured-cloneable object. */
export interface CpuState {
  mode: CpuMode;
  icount: bigint;
  /** Guest nanoseconds since power-on. */
  time: bigint;
  cpl: number;
  /** rax rcx rdx rbx rsp rbp rsi rdi r8…r15 */
  gpr: bigint[];
  rip: bigint;
  rflags: bigint;
  segments: Record<SegmentName, Segment>;
  gdtr: { base: bigint; limit: number };
  idtr: { base: bigint; limit: number };
  cr0: bigint;
  cr2: bigint;
  cr3: bigint;
  cr4: bigint;
  cr8: bigint;
  efer: bigint;
  xcr0: bigint;
  /** dr0, dr1, dr2, dr3, dr6, dr7 */
  dr: bigint[];
  fpu: {
    cw: number;
    sw: number;
    tag: number;
    opcode: number;
    ip: bigint;
    dp: bigint;
    st: { mantissa: bigint; signExponent: number }[];
  };
  mxcsr: number;
  /** 16 bytes each. */
  xmm: Uint8Array[];
  /** Model specific registers that exist, by name. */
  msrs: { name: string; index: number; value: bigint }[];
  halted: boolean;
}

export interface MachineConfig {
  memoryMiB: number;
  /** A bzImage or an ELF vmlinux. */
  kernel: Uint8Array;
  initrd?: Uint8Array;
  cmdline: string;
  /** Entry of a bzImage: the 64-bit (default) or the 32-bit one. */
  entry?: "64" | "32";
  /** Seed of RDRAND and RDSEED. */
  seed?: number;
  /** Wall time shown by the RTC at power-on, seconds since 1970. Fixed unless given, so that runs repeat. */
  rtcTime?: number;
}

export interface MachineEvents {
  /** Bytes sent by a serial port (0 = COM1) or a debug port ("debug": 0x402, 0xE9). */
  output(source: number | "debug", bytes: Uint8Array): void;
  phase(phase: Phase): void;
}

export interface BootMachine {
  readonly icount: bigint;
  readonly phases: readonly Phase[];
  /** Runs at most that many instructions (or to the end of the guest's patience). HLT jumps to the next timer deadline. */
  run(maxInstructions: number): RunResult;
  /** From within an event: ends the run under way at the next instruction boundary, as if its budget were used up. */
  endRun(): void;
  /** Retires exactly one instruction (one iteration of a REP), ignoring breakpoints at the current one. */
  step(): RunResult;
  /** Breakpoints at the current RIP are passed over by the next `run` or `step`. */
  ignoreBreakpointOnce(): void;
  setBreakpoints(list: readonly Breakpoint[]): void;
  setWatchpoints(list: readonly Watchpoint[]): void;
  stopAtPhases(names: readonly PhaseName[]): void;
  cpu(): CpuState;
  /** Names as in CpuState: "rax", "rip", "rflags", "cr0", "dr7", "efer", "mxcsr", "cs.selector", "ds.base", "gdtr.base", "msr:0xc0000080", "xmm3" … Throws RangeError with one sentence when the hardware could not hold the value. */
  writeRegister(name: string, value: bigint): void;
  /** No side effects on the guest; undefined where there is no memory (devices are not touched). */
  readPhysical(address: bigint, length: number): Uint8Array | undefined;
  /** Number of bytes written (stops at the first byte that is no RAM). */
  writePhysical(address: bigint, bytes: Uint8Array): number;
  /** Walks the page tables without touching accessed or dirty bits. */
  walk(linear: bigint): Walk;
  /** A byte for a serial port's receiver; logged with its icount. */
  serialInput(port: number, bytes: Uint8Array): void;
  /** Hash of registers, memory and devices, 64 hex digits. */
  stateHash(): string;
  /** Guest RAM in bytes. */
  readonly memorySize: number;
}
