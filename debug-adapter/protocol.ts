/**
 * What the adapter speaks beside the standard Debug Adapter Protocol: the arguments of `launch`, custom requests and
 * custom events. Types only, so that panels in a browser and any other client can share this file.
 *
 * JSON has no 64-bit integers: every `bigint` of the machine travels as a string of hexadecimal digits with `0x`
 * (`BigInt(text)` reads it back), bytes travel as base64, as in the standard `readMemory`.
 */
import type {
  BootEvent,
  CpuState,
  DiskOrigin,
  EventFilter,
  EventKind,
  PhaseName,
  Screen,
  Space,
  Walk,
} from "../emulator/machine/api.ts";

export type { EventKind, PhaseName, Space };

/** A 64-bit value as "0x…". */
export type Hex = string;
/** Bytes as base64. */
export type Base64 = string;

/** A machine type as it travels in JSON. */
export type Wire<T> = T extends bigint
  ? Hex
  : T extends Uint8Array
    ? Base64
    : T extends object
      ? { [K in keyof T]: Wire<T[K]> }
      : T;

export type WireCpu = Wire<CpuState>;
export type WireWalk = Wire<Walk>;
export type WireBootEvent = Wire<BootEvent>;
export type WireOrigin = Wire<DiskOrigin>;
export type WireScreen = Wire<Screen>;

/** A disk image of a launch configuration. */
export interface DiskArgument {
  /** Path of a raw image. */
  file: string;
  /** Write what the guest wrote back to the file at the end; else it is thrown away. */
  persist?: boolean;
  /** Controller that it hangs on; "ide" unless given. */
  bus?: "ide" | "virtio";
}

/** Debug information of the user's own boot code. */
export interface SymbolsArgument {
  /** Path of an ELF file, a System.map, or a listing of NASM or GNU as; its content tells which. */
  file: string;
  /** Added to its addresses to get guest physical ones: a number, or text such as "0x7c00"; 0 unless given. */
  offset?: number | string;
}

/** Arguments of the launch request (and attributes of a launch configuration). */
export interface LaunchArguments {
  /** Path of a bzImage or an ELF vmlinux; not needed with disks, a CD or the demo. */
  kernel?: string;
  /** From the reset vector through firmware and loader (default), or directly into the kernel. */
  boot?: "full" | "direct";
  /** "builtin" (default), "seabios", or the path of a BIOS image. */
  firmware?: string;
  /** Raw disk images. */
  disks?: (string | DiskArgument)[];
  /** ISO images. */
  cdrom?: string | string[];
  /** Boot the built-in demonstration. */
  demo?: boolean;
  symbols?: SymbolsArgument[];
  /** Beginnings of source paths as debug information has them, and what stands for them here. */
  sourceMap?: Record<string, string>;
  /** Path of an initramfs. */
  initrd?: string;
  /** Kernel command line; "console=ttyS0" unless given. */
  cmdline?: string;
  /** Guest memory in MiB; 512 unless given. */
  memory?: number;
  /** Stop before the first instruction. */
  stopOnEntry?: boolean;
  /** Names of phases, and events to stop at: "kernel", "protected-mode", "int13h:42", "device:ide". */
  stopAt?: EventFilter | EventFilter[];
  /** Entry of a bzImage: the 64-bit one (default) or the 32-bit one. */
  entry?: "64" | "32";
  /** Run without breakpoints, phases or stops. */
  noDebug?: boolean;
  /** "skip" (default): handlers of interrupts that come in the middle of a step are run to their end. */
  stepInterrupts?: "skip" | "into";
  /** End the session when the guest powers off (default); when false it stops there to be looked at. */
  endOnPoweroff?: boolean;
  /** Port of 127.0.0.1 on which gdb can connect; 0 for any free one. */
  gdbPort?: number;
}

/** One phase of the boot, in order; `icount` and `time` once it has been reached. */
export interface WirePhase {
  name: PhaseName;
  label: string;
  icount?: Hex;
}

export interface CpuResponse {
  cpu: WireCpu;
  /** E.g. "64-bit long mode". */
  modeLabel: string;
}

export interface WalkArguments {
  /** Any address expression (docs/expressions.md): "0xffffffff81000000", "rsp+8", "07c0:0000". */
  address: string;
}

export interface WalkResponse {
  walk: WireWalk;
  /** Beside `walk.steps`: the flags of each entry by name ("P", "RW", "US", "A", "D", "PS", "G", "NX", "PCD", "PWT"). */
  flags: string[][];
}

export interface MemoryArguments {
  /** Any address expression: "phys:0x7c00", "0x7c00", "cs:rip". */
  address: string;
  /** 1 to 65536 bytes. */
  length: number;
  /** Disassemble the bytes, too. */
  disassemble?: boolean;
  /** Code size for that: 16, 32 or 64 bits; what the processor runs in unless given. */
  bits?: 16 | 32 | 64;
}

export interface WireInstruction {
  address: Hex;
  bytes: string;
  text: string;
}

export interface MemoryResponse {
  space: Space;
  /** Where the bytes start. */
  address: Hex;
  /** A run of bytes from there; ends early at the first byte that is not mapped or is no memory. */
  data: Base64;
  /** How many of the bytes asked for could not be read. */
  unreadable: number;
  instructions?: WireInstruction[];
}

export interface SerialInputArguments {
  /** 0 is COM1 (ttyS0). */
  port?: number;
  /** What was typed, as UTF-8 text. */
  text: string;
}

export interface PhasesResponse {
  phases: WirePhase[];
}

export interface EventsArguments {
  /** Id of the first event wanted; 0 (all of them) unless given. */
  from?: number;
}

export interface EventsResponse {
  events: WireBootEvent[];
  phases: WirePhase[];
  /** Instructions retired so far. */
  icount: Hex;
}

export interface OriginsArguments {
  /** Any address expression. */
  address: string;
  /** 1 to 16777216 bytes. */
  length: number;
}

export interface OriginsResponse {
  /** In the order of addresses. */
  origins: (WireOrigin & {
    /** One line: "LBA 0 of drive 80h, disk.img". */
    text: string;
  })[];
}

/** A field of a structure in guest memory. */
export interface WireField {
  /** As the format's own document names it. */
  name: string;
  value: string;
  note?: string;
  /** What is wrong with it: one sentence. */
  problem?: string;
  /** Guest physical address of its first byte. */
  offset: Hex;
  /** Bytes. */
  length: number;
  /** Guest physical address that it holds, where that can be followed. */
  pointsTo?: Hex;
  children?: WireField[];
}

export interface BootSectorOrigin extends WireOrigin {
  /** One line: "LBA 0 of drive 80h, disk.img". */
  text: string;
  /** What the disk holds now from there on; fewer bytes at its end. */
  disk: Base64;
  /** How many of them memory does not hold any more. */
  differ: number;
}

export interface BootSectorResponse {
  /** Guest physical address: 0x7c00. */
  physical: Hex;
  /** 512 bytes, or fewer where memory ends. */
  data: Base64;
  /** What they are, one sentence: "MBR: GRUB 2 (boot.img), 1 partition." */
  summary: string;
  fields: WireField[];
  /** In the order of addresses. */
  origins: BootSectorOrigin[];
}

export interface BootParamsArguments {
  /** Any address expression: look there, whatever it is; else it is found. */
  address?: string;
  /** Search all of guest RAM while none has been handed over; below 1 MiB unless given. */
  everywhere?: boolean;
}

export type BootParamsResponse =
  /** There is none: why, in one sentence. */
  | { none: string }
  | {
      /** Guest physical address. */
      physical: Hex;
      /** How it was found, and what has become of it: one sentence or two. */
      how: string;
      /** 4096 bytes. */
      data: Base64;
      /** Of boot_params, then the command line, the initrd and the list of setup_data behind its pointers. */
      fields: WireField[];
    };

export interface ScreenResponse {
  screen: WireScreen;
}

export interface KeyboardInputArguments {
  /** Bytes of scan code set 2, as a PS/2 keyboard sends them; at most 4096. */
  codes: number[];
}

export interface MouseInputArguments {
  /** Counts, −32768 to 32767; right and down are positive. */
  dx: number;
  dy: number;
  wheel?: number;
  /** Bit 0 left, 1 right, 2 middle. */
  buttons: number;
}

export interface RunToArguments {
  /** Any address expression; the machine stops there whatever stack is in use. */
  address: string;
}

/** What is run to. The machine stops before that for breakpoints and all else that stops it. */
export type RunUntilArguments =
  /** The processor's mode changes: real, protected, long, and the size of code. */
  | { what: "mode" }
  /** So many instructions have been retired since power-on. */
  | { what: "icount"; icount: Hex | number }
  /** So many have been retired from now on. */
  | { what: "instructions"; count: Hex | number };

/** Custom requests: arguments and response body by command. */
export interface CustomRequests {
  "bootscope/cpu": { arguments: undefined; body: CpuResponse };
  "bootscope/walk": { arguments: WalkArguments; body: WalkResponse };
  "bootscope/memory": { arguments: MemoryArguments; body: MemoryResponse };
  "bootscope/serialInput": { arguments: SerialInputArguments; body: undefined };
  "bootscope/phases": { arguments: undefined; body: PhasesResponse };
  "bootscope/events": { arguments: EventsArguments; body: EventsResponse };
  "bootscope/origins": { arguments: OriginsArguments; body: OriginsResponse };
  "bootscope/bootSector": { arguments: undefined; body: BootSectorResponse };
  "bootscope/bootParams": { arguments: BootParamsArguments; body: BootParamsResponse };
  "bootscope/screen": { arguments: undefined; body: ScreenResponse };
  "bootscope/keyboardInput": { arguments: KeyboardInputArguments; body: undefined };
  "bootscope/mouseInput": { arguments: MouseInputArguments; body: undefined };
  "bootscope/runTo": { arguments: RunToArguments; body: undefined };
  "bootscope/runUntil": { arguments: RunUntilArguments; body: undefined };
}

/** Body of "bootscope/output": bytes sent by a serial port (0 is COM1) or by a debug port (0x402, 0xE9). */
export interface OutputEventBody {
  source: number | "debug";
  data: Base64;
}

/** Body of "bootscope/phase". */
export interface PhaseEventBody {
  phase: Wire<{ name: PhaseName; icount: bigint }>;
  label: string;
}

/**
 * Body of "bootscope/state": sent when a machine is about to be switched on ("starting", also behind a restart), and
 * whenever it starts or stops, right before the standard event.
 */
export interface StateEventBody {
  state: "starting" | "running" | "stopped" | "ended";
  /** Why it stopped, one line. */
  description?: string;
  /** Instructions retired, when it stopped. */
  icount?: Hex;
  /** Stopped, and not by a step: a source line of the next instruction is known. */
  hasSource?: true;
}

/** Body of "bootscope/event": boot events in the order of recording; one that was counted on comes again by its id. */
export interface BootEventsBody {
  events: WireBootEvent[];
}

/** Body of "bootscope/progress": how far a running machine is, a few times a second. */
export interface ProgressEventBody {
  /** Instructions retired. */
  icount: Hex;
}

/** Body of "bootscope/screen": the picture is another one now; "bootscope/screen" as a request has it. */
export interface ScreenEventBody {
  changed: true;
}

/** Custom events: body by name. */
export interface CustomEvents {
  "bootscope/output": OutputEventBody;
  "bootscope/phase": PhaseEventBody;
  "bootscope/state": StateEventBody;
  "bootscope/event": BootEventsBody;
  "bootscope/screen": ScreenEventBody;
  "bootscope/progress": ProgressEventBody;
}
