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
  /** Physical address of the first table, as an expression; that of CR3 unless given. */
  root?: string;
}

export interface WalkResponse {
  walk: WireWalk;
  /** Beside `walk.steps`: the flags of each entry by name ("P", "RW", "US", "A", "D", "PS", "G", "NX", "PCD", "PWT"). */
  flags: string[][];
}

export interface PageTablesArguments {
  /** Physical address of the first table, as an expression; that of CR3 unless given. */
  root?: string;
}

/** What the page tables below a root map, and how they differ from those at an earlier stop. */
export interface PageTablesResponse {
  paging: WireWalk["paging"];
  /** First tables in use: CR3's, and under page table isolation the kernel's and the one for user mode. */
  roots: { root: Hex; of: "only" | "kernel" | "user"; current: boolean }[];
  /** The root that is told of; absent, like all that follows, when paging is off. */
  root?: Hex;
  totals?: {
    /** Pages by size in bytes, the largest first; only sizes that occur. */
    pages: { size: number; count: number }[];
    /** Bytes mapped in all, for user mode, and both writable and executable. */
    mapped: number;
    user: number;
    writableExecutable: number;
    /** Pages that hold tables, and entries that lead to one. */
    tables: number;
    references: number;
    /** Tables that were not read as there are too many, and those that lie where there is no memory. */
    unread: number;
    outside: number;
  };
  /** The earlier stop that the tables are compared with, and its root; absent when its tables are not known. */
  since?: { icount: Hex; root: Hex };
  /** Entries that are new, gone or changed since. */
  changes?: number;
}

export interface PageTableRowsArguments extends PageTablesArguments {
  /** Any linear address (hexadecimal) that the table covers. */
  linear: Hex;
  /** Tables above it. */
  depth: number;
  /** With `count`: entries from this one on, each by itself; else all, with neighbours folded. */
  first?: number;
  count?: number;
}

/** A run of neighbouring entries of a page table that say the same of what follows in a row, or of one thing. */
export interface PageTableRow {
  /** "absent": not present, but not 0 either. */
  kind: "table" | "page" | "absent";
  /** First linear address, and bytes that each entry covers. */
  linear: Hex;
  span: number;
  depth: number;
  level: string;
  /** First entry, and how many. */
  index: number;
  entries: number;
  /** What the first leads to or maps; the others lead to the "same", or to what follows ("consecutive"). */
  physical?: Hex;
  order: "consecutive" | "same";
  entryAddress: Hex;
  /** Value of the first entry, and its flags by name but for A and D. */
  entry: Hex;
  flags: string[];
  /** Rights of all levels together, as "urwx". */
  rights: string;
  /** Entries with A, and with D. */
  accessed: number;
  dirty: number;
  /** Since the earlier stop; "touched": only A or D differ. */
  change?: "new" | "gone" | "changed" | "touched";
  /** Value of the first entry then, where it differs. */
  before?: Hex;
  /** Of a table: bytes mapped below it, entries that lead to it, and entries below it that are new, gone or changed. */
  mapped?: number;
  references?: number;
  changesBelow?: number;
  /** Of a table: it is also above itself. */
  circular?: true;
}

export interface PageTableRowsResponse {
  /** Empty when there is no such table (any more). */
  rows: PageTableRow[];
}

export interface PageMapArguments extends PageTablesArguments {
  /** First and last linear address, hexadecimal; the whole space unless given. */
  first?: Hex;
  last?: Hex;
  /** 1 to 4096 equal stretches. */
  buckets: number;
}

export interface PageMapResponse {
  first: Hex;
  last: Hex;
  /** By rights ("urwx"): what share of each stretch is mapped so, from 0 to 1. */
  lanes: { rights: string; shares: number[] }[];
}

export interface MappingsArguments extends PageTablesArguments {
  /** Any address expression; a linear one stands for the physical one that it is mapped to. */
  address: string;
  /** First of the mappings wanted, and how many (at most 1000; 100 unless given). */
  from?: number;
  count?: number;
}

export interface MappingsResponse {
  space: Space;
  /** Absent where a linear address is not mapped. */
  physical?: Hex;
  /** All linear addresses of the physical one. */
  total: number;
  /** Some of them, in their order. */
  mappings: { linear: Hex; pageSize: number; rights: string; entryAddress: Hex }[];
  /** Levels at which the page holds a table: "PDE". */
  tables: string[];
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

export interface PlaceArguments {
  /** Any address expression. */
  address: string;
}

/** What is known of one byte of memory, beside its value. */
export interface PlaceResponse {
  space: Space;
  address: Hex;
  /** Guest physical address; absent where a linear one is not mapped. */
  physical?: Hex;
  /** Why a linear address is not mapped: "PDE not present". */
  fault?: string;
  /** The symbol that it belongs to: "start_kernel+0x10". */
  symbol?: string;
  /** Where the byte came from: "LBA 2048 of drive 80h, disk.img". */
  origin?: string;
  /** Bytes of guest RAM, which begins at physical address 0. */
  ram: Hex;
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

export interface InitramfsArguments {
  /** First of the entries wanted, and how many (at most 1000): none unless given. */
  from?: number;
  count?: number;
  /** Only entries whose path contains this text, in any case of letters. */
  filter?: string;
  /** Read memory anew though the machine has not moved: it has been written to. */
  again?: boolean;
}

export interface InitramfsSegment {
  /** What it is for: "Intel microcode", "initramfs by dracut". */
  name: string;
  /** "gzip", "xz" and so on; undefined for plain archives. */
  compression?: string;
  /** First byte, counted from the beginning of the initramfs. */
  offset: number;
  /** Bytes in memory. */
  size: number;
  /** Bytes of the archives themselves. */
  unpackedSize: number;
  entries: number;
  problem?: string;
}

export interface InitramfsEntry {
  /** Place in the list of all entries. */
  index: number;
  segment: number;
  path: string;
  /** As `ls -l` has it: "-rwxr-xr-x". */
  mode: string;
  /** Bytes of content. */
  size: number;
  uid: number;
  gid: number;
  /** Target of a symbolic link. */
  target?: string;
  /** Guest physical address of the content, where it is not compressed. */
  physical?: Hex;
  /** The bytes at that address are no longer those of the file. */
  overwritten?: true;
  problem?: string;
}

export interface InitramfsResponse {
  /** Where the archive lies; undefined when none was handed over (yet). */
  place?: { physical: Hex; size: number };
  /** Where that is known from, or why nothing is known: one sentence. */
  source: string;
  /** Memory is still being read or decompressed, so much of it is done: ask again for the rest. */
  reading?: { done: number; total: number };
  /** What memory was held against: a file, a disk, or what it held at an earlier stop. Pages have 4096 bytes. */
  comparison?: { text: string; pages: number; differ: number };
  /** One sentence each. */
  problems: string[];
  segments: InitramfsSegment[];
  /** Entries that the filter lets through. */
  total: number;
  from: number;
  entries: InitramfsEntry[];
}

export interface InitramfsAtArguments {
  /** Any address expression. */
  address: string;
}

export interface InitramfsAtResponse {
  physical: Hex;
  /** One or two sentences. */
  text: string;
  segment?: number;
  /** Byte of the segment's data as they lie in memory. */
  offset?: number;
  /** Index of the entry, in a segment that is not compressed. */
  entry?: number;
  /** What of the entry lies there; `offset` then counts within that part. */
  part?: "header" | "name" | "content" | "padding";
}

/** What a region of the memory map is about; one that lies in another's is drawn below it. */
export type MemoryLayer = "e820" | "firmware" | "loader" | "handover" | "kernel" | "processor" | "devices";

export interface MemoryRegion {
  /** Guest physical addresses of the first byte, and behind the last one. */
  first: Hex;
  end: Hex;
  layer: MemoryLayer;
  /** "kernel text", "page tables", "usable RAM". */
  owner: string;
  /** Further words: names, what is in it. */
  detail: string;
  /** What this is known from. */
  source: string;
}

export interface MemoryMapResponse {
  /** By layer, and within it by address. */
  regions: MemoryRegion[];
  /** What could not be told, one sentence each. */
  problems: string[];
}

/** Custom requests: arguments and response body by command. */
export interface CustomRequests {
  "bootscope/cpu": { arguments: undefined; body: CpuResponse };
  "bootscope/walk": { arguments: WalkArguments; body: WalkResponse };
  "bootscope/pageTables": { arguments: PageTablesArguments; body: PageTablesResponse };
  "bootscope/pageTableRows": { arguments: PageTableRowsArguments; body: PageTableRowsResponse };
  "bootscope/pageMap": { arguments: PageMapArguments; body: PageMapResponse };
  "bootscope/mappings": { arguments: MappingsArguments; body: MappingsResponse };
  "bootscope/memory": { arguments: MemoryArguments; body: MemoryResponse };
  "bootscope/serialInput": { arguments: SerialInputArguments; body: undefined };
  "bootscope/phases": { arguments: undefined; body: PhasesResponse };
  "bootscope/events": { arguments: EventsArguments; body: EventsResponse };
  "bootscope/origins": { arguments: OriginsArguments; body: OriginsResponse };
  "bootscope/place": { arguments: PlaceArguments; body: PlaceResponse };
  "bootscope/bootSector": { arguments: undefined; body: BootSectorResponse };
  "bootscope/bootParams": { arguments: BootParamsArguments; body: BootParamsResponse };
  "bootscope/screen": { arguments: undefined; body: ScreenResponse };
  "bootscope/keyboardInput": { arguments: KeyboardInputArguments; body: undefined };
  "bootscope/mouseInput": { arguments: MouseInputArguments; body: undefined };
  "bootscope/initramfs": { arguments: InitramfsArguments; body: InitramfsResponse };
  "bootscope/initramfsAt": { arguments: InitramfsAtArguments; body: InitramfsAtResponse };
  "bootscope/memoryMap": { arguments: undefined; body: MemoryMapResponse };
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
