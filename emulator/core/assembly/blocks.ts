/** The cache of decoded blocks: look-up, creation, and what happens when their bytes change. */
import { L, Key, Notify, Stat } from "../layout";
import { Op, SLOT } from "./op";
import { setRip } from "./state";
import { fill, ldPhys } from "./mem";
import { flushJumpCache, noteJump, slowDownPage } from "./tlb";
import { Access } from "./paging";
import { decodeBlock, fetchLinear } from "./decode";
import { attention, recheck, stopAfterCurrent } from "./control";

// @ts-ignore: decorator
@external("env", "codeNotify")
declare function codeNotify(kind: u32, phys: u32): void;

/** "HdrS", which a kernel's setup header has behind the jump over itself (Linux boot protocol). */
const HDRS: u32 = 0x53726448;
const CLD: u8 = 0xfc;
const PG: u64 = 0x80000000;

/** Header of a block; its operations follow. */
// @ts-ignore: decorator
@unmanaged
export class Block {
  rip: u64;
  /** KEY it was decoded for; Key.DEAD when its bytes have changed. */
  key: u32;
  /** Instructions. */
  n: i32;
  /** Physical address of the first byte. */
  phys: u32;
  /** Next block with the same hash. */
  hashNext: u32;
  /** Next block with code in the first page (bit 0: continue with its nextInPage2). */
  nextInPage: u32;
  /** The same for the second page of a block that crosses into one. */
  nextInPage2: u32;
  /** Physical page that the block's last instruction reaches into, when `crosses`. */
  phys2: u32;
  crosses: u32;
  /** Bytes of code. */
  length: u32;
  /** End of the operations (address in this memory). */
  end: u32;
  /** Entries left before the block is to be translated, or before its translation is entered: 0 and less. */
  heat: i32;
  /** Place in the function table of the region of translated code that it belongs to; 0: none. */
  code: u32;
  /** Number of the block among the entries of its region, or -1. */
  entry: i32;
  /** Next block of the region. */
  nextInRegion: u32;
  // @ts-ignore: decorator
  @inline get ops(): Op {
    return changetype<Op>(changetype<usize>(this) + HEADER);
  }
}
export const HEADER: usize = 64;
/** Room that one block needs at most: 60 instructions with EA operations, and an END. */
const BLOCK_MAX: usize = HEADER + 130 * 2 * SLOT;

// @ts-ignore: decorator
@inline
function cacheSlot(rip: u64): usize {
  return L.JC + (<usize>((<u32>rip ^ <u32>(rip >> 14)) & (L.JC_ENTRIES - 1)) << 2);
}
/** The block at RIP, decoded if need be; raises the fetch's #PF or #GP with RIP as the faulting address. */
// @ts-ignore: decorator
@inline
export function lookup(rip: u64): Block {
  const b = changetype<Block>(load<u32>(cacheSlot(rip)));
  return b.rip == rip && b.key == load<u32>(L.KEY) ? b : find(rip);
}

/** Makes `lookup` find a block at once, until the next flush. */
function remember(rip: u64, block: u32): void {
  const slot = cacheSlot(rip);
  store<u32>(slot, block);
  noteJump(<u32>slot, fetchLinear(rip), changetype<Block>(block).crosses != 0);
}

function hashSlot(phys: u32): usize {
  return L.HASH + (<usize>((phys ^ (phys >> 12)) & (L.HASH_ENTRIES - 1)) << 2);
}

/** From here on a fault belongs to `rip`, with nothing to give back. */
function faultsAt(rip: u64): void {
  setRip(rip);
  store<u64>(L.REGS + L.REG_BLOCK_RIP, rip);
  store<u32>(L.CUR_OP, L.NULL_OP);
}

function find(rip: u64): Block {
  faultsAt(rip);
  const lin = fetchLinear(rip);
  const phys = fetchPhys(lin);
  const key = load<u32>(L.KEY);
  let b = load<u32>(hashSlot(phys));
  while (b) {
    const block = changetype<Block>(b);
    if (block.phys == phys && block.rip == rip && block.key == key && (!block.crosses || secondPage(block, lin) == block.phys2)) {
      remember(rip, b);
      return block;
    }
    b = block.hashNext;
  }
  return create(rip, phys);
}

/** Limit of the code segment outside 64-bit mode, where instructions beyond it fault. */
export function codeLimit(): u32 {
  return (load<u32>(L.KEY) & Key.SIZE_MASK) == 2 ? 0 : load<u32>(L.SEG_CS + L.SEG_LIMIT);
}

/** Physical page that a crossing block's end is mapped to now. */
function secondPage(block: Block, lin: u64): u32 {
  return fetchPhys(lin + block.length - 1) & ~4095;
}

/** Physical address of code for a fetch with the rights in force. */
export function fetchPhys(lin: u64): u32 {
  const at = <usize>load<u32>(L.TLB_BASE) + (<usize>(lin >> 7) & ((L.TLB_ENTRIES - 1) << 5));
  if (load<u64>(at + 16) != (lin & ~(<u64>4095))) fill(lin, Access.EXEC);
  return load<u32>(at + 28) | (<u32>lin & 4095);
}

// ---------------------------------------------------------------- translated code
/** Never asks for a translation. */
// @ts-ignore: decorator
@inline const COLD: i32 = 0x7fffffff;

/** Asks the host to translate a block; later when too much is asked for already. The budget may be used up behind it. */
export function requestTranslation(block: Block): void {
  const count = load<u32>(L.HOT_COUNT);
  if (count >= <u32>L.HOT_MAX) {
    block.heat = load<i32>(L.HOT_THRESHOLD);
    return;
  }
  block.heat = COLD;
  store<u32>(L.HOT_QUEUE + (<usize>count << 2), changetype<u32>(block));
  store<u32>(L.HOT_COUNT, count + 1);
  if (count + 1 == <u32>L.HOT_BATCH) attention();
}
/** Takes the translated code from all blocks of a region: some of its guest code has changed, or it is to be made anew. */
export function dropRegion(code: u32): void {
  const head = L.REGION_HEADS + (<usize>code << 2);
  let at = load<u32>(head);
  store<u32>(head, 0);
  while (at) {
    const block = changetype<Block>(at);
    at = block.nextInRegion;
    untranslate(block);
  }
}
function untranslate(block: Block): void {
  block.heat = load<i32>(L.HOT_THRESHOLD);
  block.code = 0;
  block.entry = -1;
  block.nextInRegion = 0;
}
/** The bytes of a block have changed. */
function kill(block: Block): void {
  block.key = Key.DEAD;
  unhash(block);
  if (block.code) dropRegion(block.code);
}

function create(rip: u64, phys: u32): Block {
  const notify = load<u32>(L.NOTIFY);
  if (notify) notifyHost(notify, phys);
  const at = load<u32>(L.ARENA_TOP);
  if (<usize>at + 3 * BLOCK_MAX > <usize>L.ARENA_END) {
    store<u32>(L.FLUSH_PENDING, 1);
    recheck();
    // Running blocks stay valid until the run loop comes round; this one lives in the reserve.
    if (<usize>at + BLOCK_MAX > <usize>L.ARENA_END) return limited(rip, 60);
  }
  const block = changetype<Block>(at);
  decodeBlock(block, rip, 60, true);
  block.phys = phys;
  untranslate(block);
  store<u32>(L.ARENA_TOP, (block.end + 15) & ~15);
  store<u64>(L.STATS + Stat.BLOCKS, load<u64>(L.STATS + Stat.BLOCKS) + 1);
  const hash = hashSlot(phys);
  block.hashNext = load<u32>(hash);
  store<u32>(hash, at);
  claim(phys & ~4095, phys & 4095, block.crosses ? 4096 - (phys & 4095) : block.length, at, 0);
  if (block.crosses) claim(block.phys2, 0, ((phys & 4095) + block.length) & 4095, at, 1);
  remember(rip, at);
  return block;
}

/** Notes that a page holds code of a block: from now on stores into it are looked at. */
function claim(page: u32, first: u32, length: u32, block: u32, second: u32): void {
  const info = L.PAGE_INFO + ((<usize>page >> 12) << 4);
  const head = load<u32>(info);
  if (second) changetype<Block>(block).nextInPage2 = head;
  else changetype<Block>(block).nextInPage = head;
  if (!head) slowDownPage(page);
  store<u32>(info, block | second);
  let mask: u64 = 0;
  for (let piece = first >> 6; piece <= (first + max<u32>(length, 1) - 1) >> 6; piece++) mask |= <u64>1 << piece;
  store<u64>(info + 8, load<u64>(info + 8) | mask);
}

/** A throw-away block of at most `limit` instructions at RIP. */
export function limited(rip: u64, limit: i32): Block {
  faultsAt(rip);
  const block = changetype<Block>(L.SCRATCH_BLOCK);
  block.phys = fetchPhys(fetchLinear(rip));
  const notify = load<u32>(L.NOTIFY);
  if (notify) notifyHost(notify, block.phys);
  decodeBlock(block, rip, limit, false);
  block.key = Key.DEAD;
  block.heat = COLD;
  return block;
}

/** Tells the host of code that may begin a phase of the boot; it may ask for attention before the code runs. */
function notifyHost(notify: u32, phys: u32): void {
  const key = load<u32>(L.KEY);
  const size = key & Key.SIZE_MASK;
  if (notify & Notify.USER && key & Key.USER) codeNotify(Notify.USER, phys);
  if (notify & Notify.ALIGNED64 && size == 2 && (phys & 0x1fffff) == 0) codeNotify(Notify.ALIGNED64, phys);
  if (notify & Notify.BOOT16 && size == 0) {
    const jump = <u8>ldPhys<u16>(phys) == 0xeb && ldPhys<u32>(phys + 2) == HDRS;
    if (phys == 0x7c00 || jump) codeNotify(Notify.BOOT16, phys);
  }
  if (notify & Notify.FLAT32 && size == 1 && !(load<u64>(L.CR0) & PG) && <u8>ldPhys<u16>(phys) == CLD) {
    codeNotify(Notify.FLAT32, phys);
  }
}

/** A store hit a page that holds code: drops the blocks whose bytes it hit, and no others: stacks and data lie next to code. */
export function codeWritten(phys: u32, size: u32): void {
  const info = L.PAGE_INFO + ((<usize>phys >> 12) << 4);
  const first = (phys & 4095) >> 6;
  const last = ((phys & 4095) + size - 1) >> 6;
  const mask = load<u64>(info + 8);
  let hit = false;
  for (let piece = first; piece <= last && piece < 64; piece++) if ((mask >> piece) & 1) hit = true;
  // The running block may be among the dropped: look its successor up afresh.
  if (hit && dropWritten(info, phys & 4095, (phys & 4095) + size - 1)) stopAfterCurrent();
}

/** Drops the blocks of a page with code in its bytes `first` to `last`; whether there were any. */
function dropWritten(info: usize, first: u32, last: u32): bool {
  let mask: u64 = 0;
  let dropped = false;
  // Where the link to the block at hand is stored.
  let from = info;
  let link = load<u32>(from);
  while (link) {
    const block = changetype<Block>(link & ~1);
    const next = changetype<usize>(block) + (link & 1 ? offsetof<Block>("nextInPage2") : offsetof<Block>("nextInPage"));
    const start: u32 = link & 1 ? 0 : block.phys & 4095;
    const end: u32 = link & 1 ? ((block.phys + block.length) & 4095) - 1 : min<u32>(start + max<u32>(block.length, 1) - 1, 4095);
    const hit = start <= last && end >= first;
    link = load<u32>(next);
    if (block.key != Key.DEAD && !hit) {
      for (let piece = start >> 6; piece <= end >> 6; piece++) mask |= <u64>1 << piece;
      from = next;
      continue;
    }
    if (block.key != Key.DEAD) {
      kill(block);
      dropped = true;
    }
    store<u32>(from, link);
  }
  store<u64>(info + 8, mask);
  if (dropped) store<u64>(L.STATS + Stat.INVALIDATIONS, load<u64>(L.STATS + Stat.INVALIDATIONS) + 1);
  return dropped;
}

/** Drops all blocks with code in a physical page. */
export function dropPage(page: u32): void {
  const info = L.PAGE_INFO + ((<usize>page >> 12) << 4);
  let link = load<u32>(info);
  store<u64>(L.STATS + Stat.INVALIDATIONS, load<u64>(L.STATS + Stat.INVALIDATIONS) + 1);
  while (link) {
    const block = changetype<Block>(link & ~1);
    const next = link & 1 ? block.nextInPage2 : block.nextInPage;
    if (block.key != Key.DEAD) kill(block);
    link = next;
  }
  store<u32>(info, 0);
  store<u64>(info + 8, 0);
}

/**
 * Drops the blocks with an instruction at an address (of which an execution breakpoint was set or taken away), linear
 * or physical. Not while a block is running.
 */
export function dropCodeAt(address: u64, linear: bool): void {
  const top = load<u32>(L.ARENA_TOP);
  let at: u32 = L.ARENA;
  while (at < top) {
    const block = changetype<Block>(at);
    at = (block.end + 15) & ~15;
    if (block.key != Key.DEAD && holds(block, address, linear)) kill(block);
  }
}
function holds(block: Block, address: u64, linear: bool): bool {
  if (linear) {
    const size64 = (block.key & Key.SIZE_MASK) == 2;
    const start = size64 ? block.rip : <u64><u32>(block.rip + load<u64>(L.CODE_SEGMENTS + (<usize>(block.key >> Key.SEGMENT_SHIFT) << 4)));
    return (size64 ? address - start : <u64><u32>(address - start)) < block.length;
  }
  const first = min<u32>(block.length, 4096 - (block.phys & 4095));
  if (address - block.phys < first) return true;
  return block.crosses != 0 && address - block.phys2 < block.length - first;
}

function unhash(block: Block): void {
  let at = hashSlot(block.phys);
  while (load<u32>(at)) {
    if (load<u32>(at) == changetype<u32>(block)) {
      store<u32>(at, block.hashNext);
      return;
    }
    at = changetype<usize>(load<u32>(at)) + offsetof<Block>("hashNext");
  }
}

/** Empties the cache. Not while a block is running. */
export function flushBlocks(): void {
  const top = load<u32>(L.ARENA_TOP);
  let at: u32 = L.ARENA;
  while (at < top) {
    const block = changetype<Block>(at);
    forget(block.phys);
    if (block.crosses) forget(block.phys2);
    at = (block.end + 15) & ~15;
  }
  store<u32>(L.ARENA_TOP, L.ARENA);
  store<u32>(L.FLUSH_PENDING, 0);
  store<u64>(L.STATS + Stat.ARENA_FLUSHES, load<u64>(L.STATS + Stat.ARENA_FLUSHES) + 1);
  memory.fill(L.HASH, 0, L.HASH_ENTRIES * 4);
  memory.fill(L.REGION_HEADS, 0, L.REGIONS_MAX * 4);
  store<u32>(L.HOT_COUNT, 0);
  store<u32>(L.GENERATION, load<u32>(L.GENERATION) + 1);
  flushJumpCache();
}
function forget(phys: u32): void {
  const info = L.PAGE_INFO + ((<usize>phys >> 12) << 4);
  store<u32>(info, 0);
  store<u64>(info + 8, 0);
}

/** Breakpoints (the debugger's, or DR0 to DR3) changed: blocks are decoded with them. Takes effect behind the running instruction. */
export function debugRegistersChanged(): void {
  store<u32>(L.FLUSH_PENDING, 1);
  recheck();
}
