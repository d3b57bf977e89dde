/** Page table walks: paging off, 32-bit with PSE, PAE, 4-level (SDM vol. 3, chapter 4). Sets accessed and dirty bits. */
import { L, Vec } from "../layout";
import { raiseError } from "./fault";
import { ldPhys, stPhys } from "./mem";
import { noteGiantPage, noteLargePage } from "./tlb";
import { g64, isLong } from "./state";

/** What an access is; the first four are also the error code's bits. */
export const enum Access {
  PRESENT = 1,
  WRITE = 2,
  USER = 4,
  RESERVED = 8,
  EXEC = 16,
  /** Supervisor access with EFLAGS.AC set: SMAP does not apply. */
  SMAP_LIFTED = 32,
}

const enum Pte {
  P = 1,
  RW = 2,
  US = 4,
  A = 0x20,
  D = 0x40,
  PS = 0x80,
  G = 0x100,
}

const enum Cr4 {
  PSE = 0x10,
  PAE = 0x20,
  PGE = 0x80,
  SMEP = 0x100000,
  SMAP = 0x200000,
}

// @ts-ignore: decorator
@inline const NX: u64 = 0x8000000000000000;
/** Physical addresses have 40 bits (CPUID 80000008h). */
// @ts-ignore: decorator
@inline const ADDRESS: u64 = 0x000000fffffff000;
// @ts-ignore: decorator
@inline const BEYOND: u64 = 0x000fff0000000000;

function pageFault(lin: u64, access: u32, bits: u32): void {
  store<u64>(L.CR2, lin);
  let error = bits | (access & (Access.WRITE | Access.USER));
  const nxe = (g64(L.EFER) & 0x800) != 0 && (g64(L.CR4) & Cr4.PAE) != 0;
  if (access & Access.EXEC && (nxe || g64(L.CR4) & Cr4.SMEP)) error |= Access.EXEC;
  raiseError(Vec.PF, error);
}

/** Whether the combined rights of all levels permit the access; else #PF with P=1. */
function checkRights(lin: u64, access: u32, user: bool, writable: bool, noExec: bool): void {
  let ok = true;
  if (access & Access.USER) {
    if (!user || (access & Access.WRITE && !writable)) ok = false;
  } else {
    if (access & Access.WRITE && !writable && g64(L.CR0) & 0x10000) ok = false;
    if (user) {
      const cr4 = <u32>g64(L.CR4);
      if (access & Access.EXEC) {
        if (cr4 & Cr4.SMEP) ok = false;
      } else if (cr4 & Cr4.SMAP && !(access & Access.SMAP_LIFTED)) ok = false;
    }
  }
  if (access & Access.EXEC && noExec) ok = false;
  if (!ok) pageFault(lin, access, Access.PRESENT);
}

/** Notes whether the entry that maps a page makes it global. */
// @ts-ignore: decorator
@inline
function noteGlobal(leaf: u32): void {
  store<u32>(L.WALK_GLOBAL, leaf & Pte.G && <u32>g64(L.CR4) & Cr4.PGE ? 1 : 0);
}

/** Physical address of `lin` for the access, and in WALK_GLOBAL whether the page is global (not masked by the A20 gate above 4 GiB); raises #PF. */
export function walk(lin: u64, access: u32): u64 {
  if (!(g64(L.CR0) & 0x80000000)) {
    store<u32>(L.WALK_GLOBAL, 0);
    return <u64>(<u32>lin & load<u32>(L.A20_MASK));
  }
  const phys = g64(L.CR4) & Cr4.PAE ? walk64(lin, access) : walk32(lin, access);
  return phys >> 32 ? phys : <u64>(<u32>phys & load<u32>(L.A20_MASK));
}

function walk32(lin: u64, access: u32): u64 {
  const pdeAt = (<u64>(<u32>g64(L.CR3) & 0xfffff000)) + ((lin >> 22) & 1023) * 4;
  const pde = ldPhys<u32>(pdeAt);
  if (!(pde & Pte.P)) pageFault(lin, access, 0);
  if (pde & Pte.PS && g64(L.CR4) & Cr4.PSE) {
    // PSE-36: bits 13 to 20 are address bits 32 to 39, bit 21 is reserved.
    if (pde & 0x200000) pageFault(lin, access, Access.PRESENT | Access.RESERVED);
    checkRights(lin, access, (pde & Pte.US) != 0, (pde & Pte.RW) != 0, false);
    mark32(pdeAt, pde, access & Access.WRITE ? Pte.A | Pte.D : Pte.A);
    noteLargePage(lin);
    noteGlobal(pde);
    return (<u64>((pde >> 13) & 0xff) << 32) | <u64>(pde & 0xffc00000) | (lin & 0x3fffff);
  }
  const pteAt = <u64>(pde & 0xfffff000) + ((lin >> 12) & 1023) * 4;
  const pte = ldPhys<u32>(pteAt);
  if (!(pte & Pte.P)) pageFault(lin, access, 0);
  const both = pde & pte;
  checkRights(lin, access, (both & Pte.US) != 0, (both & Pte.RW) != 0, false);
  mark32(pdeAt, pde, Pte.A);
  mark32(pteAt, pte, access & Access.WRITE ? Pte.A | Pte.D : Pte.A);
  noteGlobal(pte);
  return <u64>(pte & 0xfffff000) | (lin & 4095);
}

function mark32(at: u64, entry: u32, bits: u32): void {
  if ((entry & bits) != bits) stPhys<u32>(at, entry | bits);
}
function mark64(at: u64, entry: u64, bits: u64): void {
  if ((entry & bits) != bits) stPhys<u64>(at, entry | bits);
}

/** PAE and 4-level paging. */
function walk64(lin: u64, access: u32): u64 {
  const nxe = (g64(L.EFER) & 0x800) != 0;
  const reserved: u64 = BEYOND | (nxe ? 0 : NX);
  let user = true;
  let writable = true;
  let noExec = false;
  let table: u64;
  let pml4At: u64 = 0;
  let pml4e: u64 = 0;
  let pdpteAt: u64 = 0;
  let pdpte: u64;
  const long = isLong();
  if (long) {
    pml4At = (g64(L.CR3) & ADDRESS) + ((lin >> 39) & 511) * 8;
    pml4e = ldPhys<u64>(pml4At);
    if (!(pml4e & Pte.P)) pageFault(lin, access, 0);
    if (pml4e & (reserved | Pte.PS)) pageFault(lin, access, Access.PRESENT | Access.RESERVED);
    user = (pml4e & Pte.US) != 0;
    writable = (pml4e & Pte.RW) != 0;
    noExec = (pml4e & NX) != 0;
    pdpteAt = (pml4e & ADDRESS) + ((lin >> 30) & 511) * 8;
    pdpte = ldPhys<u64>(pdpteAt);
    if (!(pdpte & Pte.P)) pageFault(lin, access, 0);
    if (pdpte & reserved) pageFault(lin, access, Access.PRESENT | Access.RESERVED);
    user = user && (pdpte & Pte.US) != 0;
    writable = writable && (pdpte & Pte.RW) != 0;
    noExec = noExec || (pdpte & NX) != 0;
    if (pdpte & Pte.PS) {
      if (pdpte & 0x3fffe000) pageFault(lin, access, Access.PRESENT | Access.RESERVED);
      checkRights(lin, access, user, writable, noExec);
      mark64(pml4At, pml4e, Pte.A);
      mark64(pdpteAt, pdpte, access & Access.WRITE ? Pte.A | Pte.D : Pte.A);
      noteGiantPage(lin);
      noteGlobal(<u32>pdpte);
      return (pdpte & 0x000000ffc0000000) | (lin & 0x3fffffff);
    }
  } else {
    // The four entries were loaded, and checked, with CR3; they carry no rights.
    pdpte = load<u64>(L.PDPTE + ((<usize>lin >> 30) & 3) * 8);
    if (!(pdpte & Pte.P)) pageFault(lin, access, 0);
  }
  const pdeAt = (pdpte & ADDRESS) + ((lin >> 21) & 511) * 8;
  const pde = ldPhys<u64>(pdeAt);
  if (!(pde & Pte.P)) pageFault(lin, access, 0);
  if (pde & reserved) pageFault(lin, access, Access.PRESENT | Access.RESERVED);
  user = user && (pde & Pte.US) != 0;
  writable = writable && (pde & Pte.RW) != 0;
  noExec = noExec || (pde & NX) != 0;
  if (pde & Pte.PS) {
    if (pde & 0x1fe000) pageFault(lin, access, Access.PRESENT | Access.RESERVED);
    checkRights(lin, access, user, writable, noExec);
    if (long) mark64(pml4At, pml4e, Pte.A);
    if (long) mark64(pdpteAt, pdpte, Pte.A);
    mark64(pdeAt, pde, access & Access.WRITE ? Pte.A | Pte.D : Pte.A);
    noteLargePage(lin);
    noteGlobal(<u32>pde);
    return (pde & 0x000000ffffe00000) | (lin & 0x1fffff);
  }
  table = pde & ADDRESS;
  const pteAt = table + ((lin >> 12) & 511) * 8;
  const pte = ldPhys<u64>(pteAt);
  if (!(pte & Pte.P)) pageFault(lin, access, 0);
  if (pte & reserved) pageFault(lin, access, Access.PRESENT | Access.RESERVED);
  user = user && (pte & Pte.US) != 0;
  writable = writable && (pte & Pte.RW) != 0;
  noExec = noExec || (pte & NX) != 0;
  checkRights(lin, access, user, writable, noExec);
  if (long) mark64(pml4At, pml4e, Pte.A);
  if (long) mark64(pdpteAt, pdpte, Pte.A);
  mark64(pdeAt, pde, Pte.A);
  mark64(pteAt, pte, access & Access.WRITE ? Pte.A | Pte.D : Pte.A);
  noteGlobal(<u32>pte);
  return (pte & ADDRESS) | (lin & 4095);
}
