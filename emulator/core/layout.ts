/**
 * Where everything lies in the core's `WebAssembly.Memory`, shared by the AssemblyScript core and the
 * TypeScript host. All values are byte addresses in that memory unless said otherwise. See docs/core.md.
 */
export const enum L {
  /** General registers, 8 bytes each: RAX RCX RDX RBX RSP RBP RSI RDI R8…R15. Operands are byte offsets from here. */
  REGS = 0x1000,
  /** Pseudo registers, addressed like general ones: always zero; linear address made by an EA operation; RIP of the running block. */
  REG_ZERO = 0x80,
  REG_TEMP = 0x88,
  REG_BLOCK_RIP = 0x90,

  /** u64: instruction pointer (offset in CS) of the next instruction; exact only while the core is not running. */
  RIP = 0x1100,
  /** i32: instructions that may still be retired before `run` returns. */
  BUDGET = 0x1108,
  /** u32: address of the operation that is executing, set before anything that can fault. */
  CUR_OP = 0x110c,
  /** u64: `icount` = TARGET - BUDGET, instructions retired since power-on. */
  TARGET = 0x1110,
  /** u64: nanoseconds of guest time that passed in HLT; guest time = icount + SKEW, 1 ns an instruction. */
  SKEW = 0x1118,

  /** Lazy flags: kind (enum Cc), and two sign-extended values. */
  CC_OP = 0x1120,
  CC_A = 0x1128,
  CC_R = 0x1130,
  /** i64: second factor, for Cc.IMUL64. */
  CC_B = 0x11a0,
  /** u32: EFLAGS without the six arithmetic flags (bit 1 always set). */
  EFLAGS = 0x1138,
  /** u32: current privilege level, 0 to 3 (3 in virtual-8086 mode). */
  CPL = 0x113c,
  /** u32: what a block depends on beside its bytes and address (enum Key). */
  KEY = 0x1140,
  /** u32: address of the TLB half in force (supervisor, user, supervisor with SMAP lifted). */
  TLB_BASE = 0x1144,
  /** u32: non-zero when the host must look at something before the next instruction (see `attention`). */
  ATTENTION = 0x1148,
  /** u32: 1 while the interrupt controller holds its INTR line high. */
  INTR = 0x114c,
  /** u32: 1 when a non-maskable interrupt waits; NMI_BLOCKED: 1 until the next IRET. */
  NMI = 0x1150,
  NMI_BLOCKED = 0x1154,
  /** u64: interrupts (and debug traps) are held off while icount equals this (after STI, MOV SS, POP SS). */
  SHADOW_ICOUNT = 0x1158,
  /** u64, u64: execution breakpoints are ignored at this icount and RIP. */
  NOBREAK_ICOUNT = 0x1160,
  NOBREAK_RIP = 0x1168,
  /** u32: 1 while halted by HLT; 2 shut down (triple fault). */
  HALTED = 0x1170,
  /** The exception being raised: vector, error code, 1 when it has one. */
  EXC_VECTOR = 0x1174,
  EXC_ERROR = 0x1178,
  EXC_HAS_ERROR = 0x117c,
  /** u32: vector of the exception in delivery, or 0xffffffff (for double and triple faults). */
  DELIVERING = 0x1180,
  /** u32: the operation whose handler is replaced by STOP, or 0, and its own handler number. */
  PATCHED_OP = 0x1184,
  PATCHED_HANDLER = 0x1188,
  /** u32: why `run` returned (enum Exit), and a detail. */
  EXIT = 0x118c,
  EXIT_DETAIL = 0x1190,
  /** u64: the address belonging to EXIT (watchpoint, unemulated instruction). */
  EXIT_ADDRESS = 0x1198,

  CR0 = 0x1200,
  CR2 = 0x1208,
  CR3 = 0x1210,
  CR4 = 0x1218,
  CR8 = 0x1220,
  EFER = 0x1228,
  XCR0 = 0x1230,
  /** DR0…DR7, 8 bytes each (4 and 5 unused). */
  DR = 0x1240,
  /** PDPTE0…3 as loaded with CR3 in PAE mode. */
  PDPTE = 0x1280,

  /** Segment registers, SEG_SIZE bytes each, in the order of the encoding: ES CS SS DS FS GS, then LDTR, TR. */
  SEG = 0x1300,
  SEG_SIZE = 0x20,
  /** In a segment: u64 base, u32 limit (byte granular), u32 attributes as descriptor bits 8…23 (type, S, DPL, P, AVL, L, D/B, G), u16 selector; u32 1 when unusable (null). */
  SEG_BASE = 0,
  SEG_LIMIT = 8,
  SEG_ATTR = 12,
  SEG_SELECTOR = 16,
  SEG_NULL = 20,
  SEG_ES = 0x1300,
  SEG_CS = 0x1320,
  SEG_SS = 0x1340,
  SEG_DS = 0x1360,
  SEG_FS = 0x1380,
  SEG_GS = 0x13a0,
  SEG_LDTR = 0x13c0,
  SEG_TR = 0x13e0,
  /** u64 base, u32 limit. */
  GDTR_BASE = 0x1400,
  GDTR_LIMIT = 0x1408,
  IDTR_BASE = 0x1410,
  IDTR_LIMIT = 0x1418,

  /** Model specific registers that are plain storage, 8 bytes each (enum in assembly/system/msr.ts). */
  MSR = 0x1500,

  /** x87: 8 physical registers R0…R7 of 16 bytes (mantissa u64, then sign and exponent u16), then control words. */
  FPU_REGS = 0x1800,
  FPU_CW = 0x1880,
  FPU_SW = 0x1884,
  /** u32: abridged tag, bit i set when physical register i is in use (as FXSAVE has it). */
  FPU_TAG = 0x1888,
  FPU_OPCODE = 0x188c,
  FPU_IP = 0x1890,
  FPU_DP = 0x1898,
  FPU_CS = 0x18a0,
  FPU_DS = 0x18a4,
  MXCSR = 0x18a8,
  /** XMM0…15, 16 bytes each. */
  XMM = 0x1900,
  /** 64 bytes of scratch for unaligned or split operands. */
  SCRATCH = 0x1a00,

  /**
   * A byte port whose value is known for a while: u32 port (0xffffffff none), u32 value, f64 guest time up to which a read
   * gives it. Any call to a device, and any return of `run`, ends it.
   */
  PORT_HOLD = 0x1a80,
  PORT_HOLD_VALUE = 0x1a84,
  PORT_HOLD_UNTIL = 0x1a88,

  /** u32: 1 when the page that a walk found last is global. */
  WALK_GLOBAL = 0x1a90,
  /** u32: 1 when the jump cache may hold code whose fetch translation has left the TLB. */
  JC_LOOSE = 0x1a94,
  /** u32: the address space to be forgotten next (SPACES). */
  SPACES_NEXT = 0x1a98,
  /** u32: what the debugger waits for beside addresses (bits: 1 << enum Ct). */
  CATCH = 0x1a9c,
  /** u32: 1 while each instruction is noted before it runs; how many were since the host looked. */
  TRACE = 0x1aa0,
  TRACE_COUNT = 0x1aa4,

  /** f64: guest time in nanoseconds, written before each call to the host. */
  NOW = 0x1b00,
  /** u32: and-mask of physical addresses (A20 gate). */
  A20_MASK = 0x1b08,
  /** u32: DR6 bits of debug traps to raise after the running instruction (0 none). */
  PENDING_DB = 0x1b0c,
  /** u32: state of RDRAND's generator, two words. */
  RANDOM = 0x1b10,
  /** u32: 1 while an implicit stack access runs (a non-canonical address is then #SS). */
  STACK_ACCESS = 0x1b1c,
  /** u32: 0, or how a watched byte was accessed by the running instruction (1 read, 2 write). */
  WATCH_HIT = 0x1b20,
  /** u32: 1 when the block arena must be emptied before the next instruction. */
  FLUSH_PENDING = 0x1b24,
  /** u32: end of the blocks in the arena. */
  ARENA_TOP = 0x1b28,
  /** u32: kinds of code that the host wants to hear of before it runs (enum Notify). */
  NOTIFY = 0x1b2c,
  /** u32: kinds of events that the host wants to hear of (bit by enum Ev). */
  EVENTS = 0x1b30,
  /** u32: physical address that the INS under way writes to; 0xffffffff outside INS. */
  INS_PHYS = 0x1b34,
  /** u32: size in pages of RAM that PAGE_MAP maps (for the host). */
  RAM_PAGES = 0x1b18,
  /** u64, then 512 bytes: which linear regions of 1 GiB and of 2 MiB have translations from large pages in the TLB (bit by hash), so that INVLPG drops all of such a page. */
  TLB_GIANT = 0x1b38,
  TLB_LARGE = 0x1c00,
  /** Counters for profiling and benchmarks, u64 each: blocks decoded, TLB fills, slow stores, exceptions. */
  STATS = 0x1b40,
  /** i32: entries into a block until its translation is asked for; 0x7fffffff: never. */
  HOT_THRESHOLD = 0x1b80,
  /** u32: blocks in HOT_QUEUE. */
  HOT_COUNT = 0x1b84,
  /** u32: how often the block arena was emptied: older block addresses mean nothing. */
  GENERATION = 0x1b88,
  /** Physical (kind 0) and linear (kind 1) execution breakpoints: u32 count at 0, then from 16 on 16 bytes each: u64 address, u32 kind, u32 unused. */
  BREAKPOINTS = 0x2000,
  BREAKPOINTS_MAX = 1000,
  /** Watched ranges: u32 count at 0, then from 16 on 32 bytes each: u64 first, u64 last, u32 kind (0 physical, 1 linear), u32 access (1 read, 2 write), u32 how the running instruction touched it, u32 unused. */
  WATCHPOINTS = 0x6000,
  WATCHPOINTS_MAX = 255,
  /** Static data of the AssemblyScript module. */
  STATIC = 0x10000,
  STATIC_END = 0x80000,

  /** TLB: four sets (supervisor, user, supervisor with SMAP lifted, alignment checked: never fast) (TLB_SET bytes each) of TLB_ENTRIES entries of 32 bytes: u64 read tag, u64 write tag, u64 execute tag, u32 addend, u32 physical page address. */
  TLB = 0x100000,
  TLB_ENTRIES = 4096,
  TLB_SET = 0x20000,
  TLB_END = 0x180000,
  /** Jump cache: JC_ENTRIES block addresses by RIP. */
  JC = 0x180000,
  JC_ENTRIES = 16384,
  /** Hash of blocks by physical address, HASH_ENTRIES u32. */
  HASH = 0x1a0000,
  HASH_ENTRIES = 65536,
  /** A block that never matches; what empty jump cache entries point to. */
  NULL_BLOCK = 0x1f0000,
  /** An operation of zeros: stands for no instruction when a fetch faults. */
  NULL_OP = 0x1f0800,
  /** A block of its own for code that must not be cached (limited to a few instructions). */
  SCRATCH_BLOCK = 0x1f1000,
  /**
   * What has been filled since the last flush, so that a flush undoes just that: u32 count + 1 (0: unknown, LOG_MAX + 1
   * and more: too many), then u32 addresses of TLB entries, and of jump cache entries. Those of global pages apart.
   */
  TLB_LOG = 0x200000,
  JC_LOG = 0x210000,
  LOG_MAX = 8192,
  /** Code segments that blocks were decoded for, by hash: u64 base, u32 limit, u32 1 when in use. */
  CODE_SEGMENTS = 0x220000,
  CODE_SEGMENTS_COUNT = 4096,
  /** Addresses of blocks whose translation is asked for. */
  HOT_QUEUE = 0x230000,
  HOT_MAX = 256,
  /** So many are worth a module: the run returns to the host. */
  HOT_BATCH = 24,
  /** First block of each translated region, by its place in the core's function table; 0: none, or its code has changed. */
  REGION_HEADS = 0x240000,
  REGIONS_MAX = 32768,
  /**
   * Stores beside code that hit none (any more), by hash: u32 physical address, u32 size, u32 first block of the page and
   * u32 count of arena flushes at that time; known until the page gets another first block.
   */
  DATA_STORES = 0x300000,
  DATA_STORES_COUNT = 1024,
  /** u8 for each TLB entry: 1 when its page is global. */
  TLB_IS_GLOBAL = 0x304000,
  TLB_GLOBAL_LOG = 0x310000,
  JC_GLOBAL_LOG = 0x320000,
  /** TLB entries put aside for other PCIDs (assembly/tlb.ts). */
  SPACES = 0x330000,
  SPACE_SIZE = 0x6000,
  SPACES_COUNT = 8,
  /** u8 for each vector: 1 when INT n of it is waited for. */
  CATCH_VECTORS = 0x380000,
  /**
   * Registers whose changes the debugger waits for: u32 count at 0, then from 16 on 16 bytes each: u32 address in this
   * memory (0: the flags), u32 size (1, 2, 4, 8), u64 value that counts as unchanged.
   */
  CATCH_STATE = 0x381000,
  CATCH_STATE_MAX = 64,
  /**
   * Instructions noted, TRACE_RECORD bytes each: u64 icount, u64 linear address, u64 RIP, u32 physical address, u32 KEY,
   * u32 CS selector, u32 length, 16 bytes of code.
   */
  TRACE_RECORDS = 0x390000,
  TRACE_RECORD = 64,
  TRACE_MAX = 2048,
  /** Physical page map: u32 for each of the 2^20 pages below 4 GiB: address of the page in this memory | Pm bits; 0: no memory there (device or nothing). */
  PAGE_MAP = 0x400000,
  /** Page information, 16 bytes a physical page: u32 first block with code in it, u32 Pi bits, u64 which 64-byte pieces hold code. */
  PAGE_INFO = 0x1000000,
  /** Decoded blocks. */
  ARENA = 0x2000000,
  ARENA_END = 0x4000000,
  /** Guest memory; physical 0 lies here. ROM images follow behind the RAM. */
  RAM = 0x4000000,
}

/** Values of ATTENTION. */
export const enum At {
  /** `run` must return to the host. */
  HOST = 1,
  /** Interrupts, traps or the mode must be looked at again before the next instruction. */
  RECHECK = 2,
}

/** Kinds of code, as bits of L.NOTIFY. */
export const enum Notify {
  /** User mode. */
  USER = 1,
  /** 64-bit code that starts at a physical multiple of 2 MiB. */
  ALIGNED64 = 2,
  /** 16-bit code at physical 0x7c00, or whose first bytes are a jump and "HdrS" (a kernel's setup code). */
  BOOT16 = 4,
  /** 32-bit code that begins with CLD, paging off: so does a kernel's 32-bit entry. */
  FLAT32 = 8,
}

/** Events that a boot consists of, as told to the host (`env.bootEvent`) with a value. */
export const enum Ev {
  /** MOV CR0, LMSW, CLTS or a task switch changed PE or PG: the new CR0 | the old one << 32. */
  CR0 = 0,
  /** CR3 was loaded: its value. */
  CR3 = 1,
  /** CR4 changed. */
  CR4 = 2,
  /** EFER was written and changed. */
  EFER = 3,
  /** LGDT, LIDT: the base. */
  GDT = 4,
  IDT = 5,
  /** INT n in real or virtual-8086 mode, before it is carried out: the vector. */
  INT = 6,
  /** The mode of the processor (enum Key, without rights) changed: the new KEY. */
  MODE = 7,
}

/** What a debugger waits for beside addresses. The first three stop before the instruction (Exit.CATCH); the others are told to the host (`env.caught`). */
export const enum Ct {
  /** INT n, INT3, INTO, INT1 of the vectors in CATCH_VECTORS. */
  INT = 0,
  HLT = 1,
  /** SYSCALL, SYSENTER. */
  SYSCALL = 2,
  /** XCHG BX,BX: an execution breakpoint wherever it stands (blocks are decoded with it). */
  MAGIC = 3,
  /** MOV from and to a control register, LMSW, CLTS, XGETBV, XSETBV, a task switch: its number (XCR0: 16). */
  CR_READ = 4,
  CR_WRITE = 5,
  /** RDMSR, WRMSR: the index. */
  MSR_READ = 6,
  MSR_WRITE = 7,
  /** A debug trap is about to be delivered: vector 1. */
  TRAP = 8,
  /** An NMI is about to be delivered. */
  NMI = 9,
}

/** Counters at L.STATS. */
export const enum Stat {
  BLOCKS = 0,
  TLB_FILLS = 8,
  SLOW_STORES = 16,
  INVALIDATIONS = 24,
  ARENA_FLUSHES = 32,
}

/** Bits of a PAGE_MAP entry. */
export const enum Pm {
  READ = 1,
  WRITE = 2,
}

/** Bits of a PAGE_INFO entry. */
export const enum Pi {
  /** Written since the last snapshot. */
  DIRTY = 1,
  /** Holds an execution breakpoint. */
  BREAK = 2,
}

/** Bits of KEY: everything besides address and bytes that decoding or fetching depends on. */
export const enum Key {
  /** Code size: 0 16-bit, 1 32-bit, 2 64-bit. */
  SIZE_MASK = 3,
  /** Fetch with user rights. */
  USER = 4,
  /** Stack pointer is 32 bits wide (SS.B), outside 64-bit mode. */
  STACK32 = 8,
  /** Real or virtual-8086 mode: segments have no descriptors. */
  REAL = 16,
  /** Long mode active (compatibility or 64-bit). */
  LONG = 32,
  /** 32-bit code of legacy mode whose DS, ES and SS span 4 GiB from 0, writable: offsets are linear addresses. */
  FLAT = 64,
  /** Outside 64-bit mode: number of the code segment's base and limit in CODE_SEGMENTS. */
  SEGMENT_SHIFT = 8,
  /** A dead block's key; never in force. */
  DEAD = 0x80000000,
}

/** Why `run` returned. */
export const enum Exit {
  /** The budget is used up. */
  BUDGET = 0,
  /** Something needs the host before the next instruction. */
  ATTENTION = 1,
  HALT = 2,
  /** Execution breakpoint before the next instruction. */
  BREAKPOINT = 3,
  /** A watched byte was accessed by the instruction just retired; EXIT_ADDRESS, EXIT_DETAIL (1 read, 2 write). */
  WATCHPOINT = 4,
  /** Triple fault. */
  SHUTDOWN = 5,
  /** An instruction that this core does not emulate; RIP names it, EXIT_DETAIL is its opcode information. */
  UNEMULATED = 6,
  /** Before an instruction that the debugger waits for; EXIT_DETAIL is enum Ct | vector << 8. */
  CATCH = 7,
  /** A register in CATCH_STATE has changed. */
  STATE = 8,
  /** Before an exception is delivered that the debugger waits for (Core.caughtExceptions). */
  EXCEPTION = 9,
}

/** Kinds of lazy flags. Sizes are log2 of bytes. CC_A and CC_R are sign-extended from the operand's size. */
export const enum Cc {
  /** CC_R holds the arithmetic flags at their EFLAGS positions. */
  FLAGS = 0,
  /** ZF, SF, PF from CC_R; CF, AF, OF at their EFLAGS positions in CC_A. */
  RESULT = 1,
  /** CC_R = CC_A + b; the lower two bits are the size. */
  ADD = 4,
  /** CC_R = CC_A + b + 1. */
  ADC = 8,
  /** CC_R = CC_A - b. */
  SUB = 12,
  /** CC_R = CC_A - b - 1. */
  SBB = 16,
  /** CC_R is one more, or one less, than before; CC_A is the carry, which stays. */
  INC = 20,
  DEC = 24,
  /** CC_R is CC_A shifted by a count of 1 and more, which stands from bit COUNT_SHIFT on; for SHR CC_A is zero-extended. */
  SHL = 28,
  SHR = 32,
  SAR = 36,
  /** CC_R is the low half of the product CC_A, of 32 bits. */
  IMUL32 = 42,
  /** CC_R = CC_A * CC_B, of 64 bits. */
  IMUL64 = 47,
  COUNT_SHIFT = 8,
}

/** EFLAGS bits. */
export const enum Fl {
  CF = 1,
  PF = 4,
  AF = 0x10,
  ZF = 0x40,
  SF = 0x80,
  TF = 0x100,
  IF = 0x200,
  DF = 0x400,
  OF = 0x800,
  IOPL = 0x3000,
  NT = 0x4000,
  RF = 0x10000,
  VM = 0x20000,
  AC = 0x40000,
  VIF = 0x80000,
  VIP = 0x100000,
  ID = 0x200000,
  ARITH = 0x8d5,
}

/** Exception vectors (Intel SDM vol. 3, 6.3.1). */
export const enum Vec {
  DE = 0,
  DB = 1,
  NMI = 2,
  BP = 3,
  OF = 4,
  BR = 5,
  UD = 6,
  NM = 7,
  DF = 8,
  TS = 10,
  NP = 11,
  SS = 12,
  GP = 13,
  PF = 14,
  MF = 16,
  AC = 17,
  MC = 18,
  XM = 19,
}

/** Offsets in the header of a decoded block (class Block in assembly/blocks.ts), and the size of the header. */
export const enum BlockAt {
  RIP = 0,
  KEY = 8,
  COUNT = 12,
  PHYSICAL = 16,
  CROSSES = 36,
  LENGTH = 40,
  END = 44,
  HEAT = 48,
  CODE = 52,
  ENTRY = 56,
  NEXT_IN_REGION = 60,
  HEADER = 64,
}

/** Offsets in an operation (class Op in assembly/op.ts); the last four in its second slot. */
export const enum OpAt {
  HANDLER = 0,
  A = 2,
  B = 3,
  X = 4,
  SHIFT = 5,
  REMAINING = 6,
  OFFSET = 7,
  DISPLACEMENT = 8,
  IMMEDIATE = 12,
  IMMEDIATE64 = 16,
  TAKEN = 24,
  NOT_TAKEN = 28,
  SLOT = 16,
}
