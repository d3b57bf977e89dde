/**
 * What a debugger (or the command line) sees of a machine. Synchronous: a machine runs in slices on the thread
 * that owns it. Addresses and 64-bit values are `bigint` here, outside the hot path.
 */

import type { DeviceState } from "../devices/device.ts";
import type { Drive } from "../disks/disk-image.ts";
import type { CompiledExpression } from "./inspect-expression.ts";

/** Where an address lives: guest physical, or linear (after segmentation, before paging). */
export type Space = "phys" | "lin";

export interface Breakpoint {
  space: Space;
  address: bigint;
}

export interface ConditionalBreakpoint extends Breakpoint {
  /** Stops only where this is not 0, or cannot be evaluated; always unless given. */
  condition?: CompiledExpression;
}

export interface Watchpoint {
  space: Space;
  /** First byte. */
  address: bigint;
  /** Bytes, at least 1. */
  length: number;
  /** "change": written, and some watched byte is another one than before. */
  access: "read" | "write" | "readWrite" | "change";
  /** Stops only where this is not 0, or cannot be evaluated; always unless given. */
  condition?: CompiledExpression;
}

/** What a stop may wait for beside addresses. Ports and registers may be accessed to "read", "write" or both. */
export type Catch = (
  | {
      /** A processor exception, before it is delivered: RIP is at the instruction that faults, nothing of it is done. */
      kind: "exception";
      /** All unless given. */
      vectors?: readonly number[];
    }
  /** An interrupt from the interrupt controllers (or NMI, vector 2): stops at the handler's first instruction. */
  | { kind: "interrupt"; vectors?: readonly number[] }
  /** INT n, INT3, INTO, INT1 in any mode, before it is carried out. */
  | { kind: "softwareInterrupt"; vectors?: readonly number[] }
  /** Before an instruction: HLT; XCHG BX,BX, the "magic" breakpoint of other emulators; SYSCALL or SYSENTER. */
  | { kind: "instruction"; instruction: CaughtInstruction }
  /** Behind an IN, OUT, INS or OUTS that touches one of these ports. */
  | { kind: "port"; first: number; last: number; access: "read" | "write" | "readWrite" }
  /** Behind RDMSR or WRMSR; "change": WRMSR that changed its value. */
  | { kind: "msr"; index: number; access: Watchpoint["access"] }
  /** Behind an instruction that reads or writes a control register: MOV, LMSW, CLTS, XGETBV, XSETBV, a task switch. */
  | { kind: "control"; register: ControlRegister; access: Watchpoint["access"] }
  /** Behind an instruction that changed a register ("rax", "rflags", "ds.selector", "mxcsr"); runs much slower. */
  | { kind: "register"; register: string }
) & {
  /** Stops only where this is not 0, or cannot be evaluated; always unless given. */
  condition?: CompiledExpression;
};
export type CaughtInstruction = "hlt" | "magic" | "syscall";
export const CONTROL_REGISTERS = ["cr0", "cr2", "cr3", "cr4", "cr8", "xcr0"] as const;
export type ControlRegister = (typeof CONTROL_REGISTERS)[number];

/** What was caught. */
export interface Caught {
  kind: Catch["kind"];
  /** Which of the catches set it was, by their place in the list. */
  catches: readonly number[];
  /** Linear address of the instruction that did it (of the interrupted one, for interrupts). */
  at: bigint;
  /** Of exceptions and interrupts. */
  vector?: number;
  /** Error code of an exception that has one. */
  error?: number;
  /** Linear address of a page fault (CR2). */
  address?: bigint;
  port?: number;
  /** Bytes moved through a port. */
  size?: number;
  /** "rax", "cr3", "msr:0xc0000080". */
  register?: string;
  access?: "read" | "write";
  /** What was read from or written to a port or register, and what a register held before. */
  value?: bigint;
  before?: bigint;
}

/** An instruction that was executed, or faulted. */
export interface TracedInstruction {
  /** Instructions retired before it. */
  icount: number;
  linear: bigint;
  physical: number;
  /** Offset in the code segment, and its selector. */
  rip: bigint;
  selector: number;
  bits: 16 | 32 | 64;
  /** At privilege level 3. */
  user: boolean;
  /** As they were when it ran; none where a device answers. */
  bytes: Uint8Array;
  /** It raised an exception and was not retired. */
  faulted: boolean;
}

/** A trace of instructions into a file. */
export interface TraceConfig {
  /** Path; a file of that name is replaced. */
  file: string;
  /** Only instructions that begin in one of these; `length` in bytes. All unless given. */
  ranges?: readonly { space: Space; address: bigint; length: number }[];
  /** Only those of user mode, or of the other privilege levels. */
  ring?: "user" | "kernel";
  /** Lines after which it ends. */
  most?: number;
}

export interface TraceStatus {
  file: string;
  lines: number;
  /** One sentence about what ended it before its time. */
  problem?: string;
}

/**
 * A phase of the boot, recognised from what the machine does (docs/phases.md): the reset vector, the first fetch at
 * 0x7c00, the kernel's real-mode setup code, its 32-bit (or 64-bit) entry, `startup_64` of the decompressed kernel, and
 * the first instruction in ring 3.
 */
export const PHASE_NAMES = ["bios", "bootloader", "setup", "decompressor", "kernel", "init"] as const;
export type PhaseName = (typeof PHASE_NAMES)[number];

export interface Phase {
  name: PhaseName;
  /** Instructions retired before its first one. */
  icount: bigint;
}

/** Guest physical addresses of what a boot of Linux hands over and enters; each from the phase on that shows it. */
export interface BootPlaces {
  /** First instruction of the kernel's real-mode setup code, 0x200 behind where its header counts from. */
  setup?: bigint;
  /** First instruction of the decompressor: the kernel's 32-bit or 64-bit entry. */
  decompressor?: bigint;
  /** startup_64 of the decompressed kernel. */
  kernel?: bigint;
  /** boot_params, as handed to the entry. */
  bootParams?: bigint;
}

/** What a boot event is about. All but the first carry on in any phase. */
export const EVENT_KINDS = [
  "reset",
  "a20",
  "real-mode",
  "protected-mode",
  "paging",
  "long-mode",
  "mode",
  "gdt",
  "idt",
  "cr3",
  "cr4",
  "efer",
  "int",
  "device",
  "disk",
  "screen",
  "triple-fault",
] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

/** Something that happened on the way of a boot; a place in time to look at. */
export interface BootEvent {
  /** Number in the order of recording, from 0. */
  id: number;
  kind: EventKind;
  /** Instructions retired before the one that did it. */
  icount: bigint;
  /** Linear address of that instruction; undefined for what a device does by itself. */
  address?: bigint;
  /** One line for users: "INT 13h AH=42h, drive 80h: extended read". */
  text: string;
  /** For "int": the vector, and AX before it. */
  vector?: number;
  ax?: number;
  /** How often the same thing came right after, and the icount of its last time; 1 unless given. */
  count?: number;
  lastIcount?: bigint;
}

/**
 * Where to stop: a kind of event; "int13h" and the like for BIOS calls, "int13h:42" with AH; "device:ide" for the first use
 * of a device. The machine stops right behind the instruction (for INT: at the handler's first one).
 */
export type EventFilter = string;

/** Whether a text is a filter that some event can match. */
export function isEventFilter(text: string): boolean {
  return (
    EVENT_KINDS.some((kind) => kind === text) ||
    /^int[0-9a-f]{2}h(:[0-9a-f]{2})?$/.test(text) ||
    /^device:.+$/.test(text)
  );
}

/** Whether a filter is one for an event: its kind, "int13h", "int13h:42", "device:ide". */
export function matchesEvent(filter: EventFilter, { kind, text, vector = 0, ax = 0 }: BootEvent): boolean {
  if (filter === kind) return true;
  if (kind === "device") return filter === `device:${text.slice("First use of ".length)}`;
  if (kind !== "int") return false;
  const call = `int${vector.toString(16).padStart(2, "0")}h`;
  return filter === call || filter === `${call}:${(ax >> 8).toString(16).padStart(2, "0")}`;
}

/** Where bytes in guest memory came from. */
export interface DiskOrigin {
  /** Index in `MachineConfig.drives`, its name, and its number for the BIOS (0x80 for the first hard disk). */
  drive: number;
  name: string;
  biosDrive: number;
  /** Sector of the first byte (512 bytes; 2048 on a CD), and the byte in it. */
  lba: number;
  offsetInSector: number;
  sectorSize: number;
  /** Guest physical run of bytes that came from the disk in a row. */
  physical: bigint;
  bytes: number;
  icount: bigint;
  by: "pio" | "dma" | "virtio";
}

/** The picture on the screen. */
export type Screen =
  | {
      kind: "text";
      columns: number;
      rows: number;
      /** Character and attribute of each cell, as in video memory. */
      cells: Uint8Array;
      /** 256 glyphs of 32 bytes; 512 when attribute bit 3 chooses the second half. */
      font: Uint8Array;
      /** Pixels of a cell; 16 or 18 wide when every dot is doubled. */
      cellWidth: number;
      cellHeight: number;
      /** 16 colours, 0xRRGGBB. */
      palette: number[];
      cursor?: { column: number; row: number; start: number; end: number };
      /** Attribute bit 7 blinks; else it is a bright background. */
      blink: boolean;
      /** In cells of 9 (18) dots: the last one of characters 0xC0 to 0xDF repeats the one before; else it is background. */
      lineGraphics: boolean;
    }
  | { kind: "graphics"; width: number; height: number; /** RGBA, 4 bytes a pixel. */ pixels: Uint8Array }
  | { kind: "off" };

/** Why a slice ended. */
export type RunResult =
  | { reason: "budget" }
  | { reason: "breakpoint"; space: Space; address: bigint }
  | {
      reason: "watchpoint";
      /** First watched byte that was touched. */
      address: bigint;
      access: "read" | "write";
      /** Which watchpoints the instruction touched, by their place in the list. */
      watchpoints: readonly number[];
    }
  | { reason: "catch"; caught: Caught }
  /** Stopped right before the first instruction of a phase that `stopAtPhases` names. */
  | { reason: "phase"; phase: Phase }
  /** Stopped right behind the instruction of an event that `stopAtEvents` names. */
  | { reason: "event"; event: BootEvent }
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

/** General registers in the order of their encoding, which is that of CpuState.gpr. */
// prettier-ignore
export const GPR_NAMES = [
  "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
] as const;

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

/** Images of a firmware. */
export interface Firmware {
  name: string;
  /** Ends at 4 GiB; its last 128 KiB also answer below 1 MiB. A multiple of 64 KiB, up to 1 MiB. */
  bios: Uint8Array;
  /** Expansion ROM of the VGA adapter. */
  vgaRom?: Uint8Array;
  /** Further expansion ROMs for the firmware to run, by fw_cfg ("genroms/…"). */
  optionRoms?: readonly { name: string; bytes: Uint8Array }[];
}

/** A model specific register, by its name in the manuals. */
export interface Msr {
  name: string;
  index: number;
  value: bigint;
}

export interface MachineConfig {
  memoryMiB: number;
  /** What runs from the reset vector on; without it the kernel is booted directly. */
  firmware?: Firmware;
  drives?: readonly Drive[];
  /** A bzImage or an ELF vmlinux; needed for a direct boot, else offered to the firmware (fw_cfg). */
  kernel?: Uint8Array;
  initrd?: Uint8Array;
  cmdline?: string;
  /** Entry of a bzImage: the 64-bit (default) or the 32-bit one. */
  entry?: "64" | "32";
  /** Seed of RDRAND and RDSEED. */
  seed?: number;
  /** Wall time shown by the RTC at power-on, seconds since 1970. Fixed unless given, so that runs repeat. */
  rtcTime?: number;
  /** Entries into a block of guest code until it is translated to WebAssembly; Infinity: never. Changes nothing that can be seen. */
  translateAfter?: number;
}

export interface MachineEvents {
  /** Bytes sent by a serial port (0 = COM1) or a debug port ("debug": 0x402, 0xE9). */
  output(source: number | "debug", bytes: Uint8Array): void;
  phase(phase: Phase): void;
  /** An event was recorded, or the last one counted on. */
  event?(event: BootEvent): void;
}

export interface BootMachine {
  readonly icount: bigint;
  readonly phases: readonly Phase[];
  readonly places: Readonly<BootPlaces>;
  /** Runs at most that many instructions (or to the end of the guest's patience). HLT jumps to the next timer deadline. */
  run(maxInstructions: number): RunResult;
  /** From within an event: ends the run under way at the next instruction boundary, as if its budget were used up. */
  endRun(): void;
  /** Retires exactly one instruction (one iteration of a REP), ignoring breakpoints at the current one. */
  step(): RunResult;
  /** Breakpoints at the current RIP are passed over by the next `run` or `step`. */
  ignoreBreakpointOnce(): void;
  setBreakpoints(list: readonly ConditionalBreakpoint[]): void;
  setWatchpoints(list: readonly Watchpoint[]): void;
  /** Replaces all catches. Conditions may use "$vector", "$error", "$port", "$value" of what is caught. Throws RangeError. */
  setCatches(list: readonly Catch[]): void;
  /** Tells of each instruction until it is called without a listener; the machine is much slower meanwhile. */
  traceInstructions(listener: ((instruction: TracedInstruction) => void) | undefined): void;
  stopAtPhases(names: readonly PhaseName[]): void;
  stopAtEvents(filters: readonly EventFilter[]): void;
  /** What has been recorded, in order; bounded (docs/phases.md). */
  readonly bootEvents: readonly BootEvent[];
  /** Which disk blocks the bytes of a guest physical range came from, in the order of addresses. */
  origins(physical: bigint, length: number): DiskOrigin[];
  /** Bytes that a drive holds now, what the guest wrote included; fewer at its end. Throws RangeError without such a drive. */
  readDrive(drive: number, offset: number, length: number): Uint8Array;
  screen(): Screen;
  /** Keys pressed and released, as scan codes of set 2, as a PS/2 keyboard sends them (0xE0 and 0xF0 prefixes included). */
  keyboardInput(scanCodes: readonly number[]): void;
  /** Movement in counts (right and down are positive) and buttons (bit 0 left, 1 right, 2 middle). */
  mouseInput(dx: number, dy: number, wheel: number, buttons: number): void;
  cpu(): CpuState;
  /** All model specific registers, in the order of their indices; those in `CpuState` are but the most used. */
  msrs(): Msr[];
  /** State of a device as plain data, by its name; undefined when there is none of that name. */
  device(name: string): DeviceState | undefined;
  readonly deviceNames: readonly string[];
  /** Names as in CpuState: "rax", "rip", "rflags", "cr0", "dr7", "efer", "mxcsr", "cs.selector", "ds.base", "gdtr.base", "msr:0xc0000080", "xmm3", "st0.mantissa", "fpu.tag" … Throws RangeError with one sentence when the hardware could not hold the value. */
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
  /** Writes changes back to the drives that persist them, and gives all drives' files free. */
  close(): Promise<void>;
}
