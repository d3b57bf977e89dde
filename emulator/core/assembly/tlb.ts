/**
 * What the software TLB and the jump cache hold, and what each kind of flush drops (SDM vol. 3, 4.10). Entries from global
 * pages and others are logged apart, so that a load of CR3 undoes just what was filled since the last one. With PCIDs the
 * entries of an address space that is left are put aside, and put back when it comes again without a flush.
 */
import { L } from "../layout";

// @ts-ignore: decorator
@unmanaged
export class TlbEntry {
  rtag: u64;
  wtag: u64;
  xtag: u64;
  /** Address in this memory = low 32 bits of the linear address + addend. */
  addend: u32;
  /** Physical address of the page. */
  phys: u32;
}

/** In a tag: a valid translation that still has to go the slow way. */
// @ts-ignore: decorator
@inline export const SLOW_TAG: u64 = 1;
// @ts-ignore: decorator
@inline const NO_TAG: u64 = 0xfffffffffffffffe;
/** Set in tags that are none. */
// @ts-ignore: decorator
@inline const NONE: u64 = 2;

/** The entry of the set in force that a linear address falls on. */
// @ts-ignore: decorator
@inline
export function entry(lin: u64): TlbEntry {
  return changetype<TlbEntry>(<usize>load<u32>(L.TLB_BASE) + (<usize>(lin >> 7) & ((L.TLB_ENTRIES - 1) << 5)));
}
// @ts-ignore: decorator
@inline
function clear(e: TlbEntry): void {
  e.rtag = NO_TAG;
  e.wtag = NO_TAG;
  e.xtag = NO_TAG;
}
// @ts-ignore: decorator
@inline
function isEmpty(e: TlbEntry): bool {
  return (e.rtag & e.wtag & e.xtag & NONE) != 0;
}
// @ts-ignore: decorator
@inline
function globalByte(e: TlbEntry): usize {
  return L.TLB_IS_GLOBAL + ((changetype<usize>(e) - L.TLB) >> 5);
}

/** Makes an entry ready for a translation: empties it unless it holds the same one. */
export function takeEntry(e: TlbEntry, page: u64, phys: u32, isGlobal: bool): void {
  const same = (e.rtag & ~SLOW_TAG) == page || (e.wtag & ~SLOW_TAG) == page || (e.xtag & ~SLOW_TAG) == page;
  if (same && e.phys == phys && <bool>load<u8>(globalByte(e)) == isGlobal) return;
  // The jump cache may still know of code there.
  if (!(e.xtag & NONE)) store<u32>(L.JC_LOOSE, 1);
  clear(e);
  e.phys = phys;
  store<u8>(globalByte(e), isGlobal ? 1 : 0);
  note(isGlobal ? L.TLB_GLOBAL_LOG : L.TLB_LOG, changetype<u32>(e));
}
/** Notes that an entry of the jump cache holds code at a linear address, which has just been fetched. */
export function noteJump(slot: u32, lin: u64, crosses: bool): void {
  const e = entry(lin);
  const known = e.xtag == (lin & ~(<u64>4095));
  if (!known) store<u32>(L.JC_LOOSE, 1);
  note(known && !crosses && load<u8>(globalByte(e)) ? L.JC_GLOBAL_LOG : L.JC_LOG, slot);
}

// ---------------------------------------------------------------- logs
// @ts-ignore: decorator
@inline
function note(log: usize, at: u32): void {
  const next = load<u32>(log);
  if (next - 1 >= <u32>L.LOG_MAX) return;
  store<u32>(log + (<usize>next << 2), at);
  store<u32>(log, next + 1);
}
/** Whether a log holds everything that was filled since it was emptied. */
// @ts-ignore: decorator
@inline
function isWhole(log: usize): bool {
  return load<u32>(log) - 1 < <u32>L.LOG_MAX;
}
// @ts-ignore: decorator
@inline
function endOf(log: usize): usize {
  return log + (<usize>load<u32>(log) << 2);
}

// ---------------------------------------------------------------- flushes
/** Drops every translation, of all address spaces. */
export function flushTlb(): void {
  if (isWhole(L.TLB_LOG) && isWhole(L.TLB_GLOBAL_LOG)) {
    clearLogged(L.TLB_LOG);
    clearLogged(L.TLB_GLOBAL_LOG);
  } else memory.fill(L.TLB, 0xff, L.TLB_END - L.TLB);
  store<u32>(L.TLB_LOG, 1);
  store<u32>(L.TLB_GLOBAL_LOG, 1);
  memory.fill(L.TLB_LARGE, 0, 512);
  store<u64>(L.TLB_GIANT, 0);
  memory.fill(L.DATA_STORES, 0, L.DATA_STORES_COUNT << 4);
  dropSpaces();
  flushJumpCache();
}
function clearLogged(log: usize): void {
  const end = endOf(log);
  for (let p = log + 4; p < end; p += 4) clear(changetype<TlbEntry>(load<u32>(p)));
}
/** Drops the translations of the current address space, but for global pages. */
export function flushSpace(): void {
  if (!isWhole(L.TLB_LOG)) {
    memory.fill(L.TLB, 0xff, L.TLB_END - L.TLB);
    store<u32>(L.TLB_GLOBAL_LOG, 1);
    store<u32>(L.JC_LOOSE, 1);
  } else clearLogged(L.TLB_LOG);
  store<u32>(L.TLB_LOG, 1);
  // Code of global pages may still be entered by the jump cache.
  if (isWhole(L.JC_LOG)) {
    forgetLogged(L.JC_LOG);
    store<u32>(L.JC_LOG, 1);
  } else flushJumpCache();
}
/** Drops the translation of `lin` in the current address space: all of its page, whatever the page's size. */
export function flushPage(lin: u64): void {
  if (load<u64>(L.TLB_GIANT) & giantBit(lin)) {
    flushTlb();
    return;
  }
  let first = <usize>(lin >> 12) & (L.TLB_ENTRIES - 1);
  let count: usize = 1;
  if (load<u8>(largeByte(lin)) & largeBit(lin)) {
    // A page of 2 MiB, or of 4 MiB: twice as much does no harm.
    first &= ~1023;
    count = 1024;
  }
  let code = load<u32>(L.JC_LOOSE) != 0 || count > 1;
  for (let set: usize = L.TLB; set < <usize>L.TLB_END; set += L.TLB_SET) {
    const at = set + (first << 5);
    if (!(changetype<TlbEntry>(at).xtag & NONE)) code = true;
    memory.fill(at, 0xff, count << 5);
  }
  if (code) flushJumpCache();
}

// ---- regions that large pages map, as bits by hash: a bit too many costs time only
function giantBit(lin: u64): u64 {
  return <u64>1 << (((lin >> 30) ^ (lin >> 36)) & 63);
}
/** Both halves of a region of 4 MiB share a bit. */
function largeByte(lin: u64): usize {
  return L.TLB_LARGE + (<usize>((lin >> 22) ^ (lin >> 34)) >> 3 & 511);
}
function largeBit(lin: u64): u8 {
  return <u8>((<u32>1) << (<u32>((lin >> 22) ^ (lin >> 34)) & 7));
}
/** The TLB gets a part of a page of 2 or 4 MiB, or of 1 GiB. */
export function noteLargePage(lin: u64): void {
  const at = largeByte(lin);
  store<u8>(at, load<u8>(at) | largeBit(lin));
}
export function noteGiantPage(lin: u64): void {
  store<u64>(L.TLB_GIANT, load<u64>(L.TLB_GIANT) | giantBit(lin));
}

// ---- the jump cache: its entries stand for valid fetch translations
export function flushJumpCache(): void {
  if (isWhole(L.JC_LOG) && isWhole(L.JC_GLOBAL_LOG)) {
    forgetLogged(L.JC_LOG);
    forgetLogged(L.JC_GLOBAL_LOG);
  } else {
    for (let p: usize = L.JC; p < <usize>(L.JC + L.JC_ENTRIES * 4); p += 8) store<u64>(p, <u64>L.NULL_BLOCK | (<u64>L.NULL_BLOCK << 32));
  }
  store<u32>(L.JC_LOG, 1);
  store<u32>(L.JC_GLOBAL_LOG, 1);
  store<u32>(L.JC_LOOSE, 0);
}
function forgetLogged(log: usize): void {
  const end = endOf(log);
  for (let p = log + 4; p < end; p += 4) store<u32>(load<u32>(p), L.NULL_BLOCK);
}

// ---- pages that come to hold code
/** Takes the fast write tag from every mapping of a physical page that now holds code. */
export function slowDownPage(phys: u32): void {
  if (isWhole(L.TLB_LOG) && isWhole(L.TLB_GLOBAL_LOG)) {
    slowDownLogged(L.TLB_LOG, phys);
    slowDownLogged(L.TLB_GLOBAL_LOG, phys);
  } else {
    for (let p: usize = L.TLB; p < <usize>L.TLB_END; p += 32) slowDown(changetype<TlbEntry>(p), phys);
  }
}
function slowDownLogged(log: usize, phys: u32): void {
  const end = endOf(log);
  for (let p = log + 4; p < end; p += 4) slowDown(changetype<TlbEntry>(load<u32>(p)), phys);
}
// @ts-ignore: decorator
@inline
function slowDown(e: TlbEntry, phys: u32): void {
  if (e.phys == phys && !(e.wtag & NONE)) e.wtag |= SLOW_TAG;
}

// ---------------------------------------------------------------- address spaces put aside (PCIDs)
// A space: u32 PCID, u32 entries, u32 1 when in use, u32 unused; then for each entry u32 its place, u32 unused, and its fields.
const SPACE_HEADER: usize = 16;
const SAVED_BYTES: usize = 40;
const SAVED_MAX: u32 = 600;

/** A load of CR3 goes from one PCID to another (or the same), and keeps what is known of the new one or not. */
export function switchSpace(from: u32, to: u32, keep: bool): void {
  if (from == to) {
    if (!keep) flushSpace();
    return;
  }
  putAside(from);
  flushSpace();
  if (keep) putBack(to);
  else dropSpace(to);
}
/** Drops what is known of an address space that is not the current one. */
export function dropSpace(pcid: u32): void {
  const at = spaceOf(pcid);
  if (at) store<u32>(at, 0, 8);
}
/** Drops what is known of all but the current one. */
export function dropSpaces(): void {
  for (let i: usize = 0; i < <usize>L.SPACES_COUNT; i++) store<u32>(L.SPACES + i * L.SPACE_SIZE, 0, 8);
}
function spaceOf(pcid: u32): usize {
  for (let i: usize = 0; i < <usize>L.SPACES_COUNT; i++) {
    const at: usize = L.SPACES + i * L.SPACE_SIZE;
    if (load<u32>(at, 8) && load<u32>(at) == pcid) return at;
  }
  return 0;
}
/** A place for a space: its own, a free one, or that of another one, in turn. */
function placeFor(pcid: u32): usize {
  const own = spaceOf(pcid);
  if (own) return own;
  for (let i: usize = 0; i < <usize>L.SPACES_COUNT; i++) {
    const at: usize = L.SPACES + i * L.SPACE_SIZE;
    if (!load<u32>(at, 8)) return at;
  }
  const next = load<u32>(L.SPACES_NEXT);
  store<u32>(L.SPACES_NEXT, (next + 1) % <u32>L.SPACES_COUNT);
  return L.SPACES + <usize>next * L.SPACE_SIZE;
}

function putAside(pcid: u32): void {
  const space = placeFor(pcid);
  store<u32>(space, pcid);
  store<u32>(space, isWhole(L.TLB_LOG) ? 1 : 0, 8);
  if (!isWhole(L.TLB_LOG)) return;
  let count: u32 = 0;
  let at = space + SPACE_HEADER;
  const end = endOf(L.TLB_LOG);
  for (let p: usize = L.TLB_LOG + 4; p < end && count < SAVED_MAX; p += 4) {
    const e = changetype<TlbEntry>(load<u32>(p));
    // Its place may have been taken by another one since.
    if (isEmpty(e) || load<u8>(globalByte(e))) continue;
    store<u32>(at, changetype<u32>(e));
    memory.copy(at + 8, changetype<usize>(e), 32);
    clear(e);
    at += SAVED_BYTES;
    count++;
  }
  store<u32>(space, count, 4);
}
function putBack(pcid: u32): void {
  const space = spaceOf(pcid);
  if (!space) return;
  const count = load<u32>(space, 4);
  let at = space + SPACE_HEADER;
  for (let i: u32 = 0; i < count; i++, at += SAVED_BYTES) {
    const e = changetype<TlbEntry>(load<u32>(at));
    // A global page has its place.
    if (!isEmpty(e)) continue;
    memory.copy(changetype<usize>(e), at + 8, 32);
    // Its page may hold code by now.
    if (!(e.wtag & NONE) && load<u32>(L.PAGE_INFO + ((<usize>e.phys >> 12) << 4))) e.wtag |= SLOW_TAG;
    store<u8>(globalByte(e), 0);
    note(L.TLB_LOG, changetype<u32>(e));
  }
  store<u32>(space, 0, 8);
}
