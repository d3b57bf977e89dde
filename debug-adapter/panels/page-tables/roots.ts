/**
 * Which first tables are in use. Linux's page table isolation gives each process two: the kernel's, and for user mode
 * the one 4096 bytes behind it, with all of the user's half but of the kernel only what entering it needs (Linux,
 * Documentation/arch/x86/pti.rst). Nothing says so but the tables themselves.
 */
import type { CpuState } from "../../target.ts";
import { PAGE, pagingOf, type Paging } from "./paging.ts";
import { Tables, type MemoryReader } from "./tables.ts";

export interface Root {
  /** Physical address of the first table. */
  root: number;
  /** "only" without isolation. */
  of: "only" | "kernel" | "user";
  /** CR3 says it. */
  current: boolean;
}

/** Entries of the first table for the lower half of the address space. */
const LOWER_HALF = 256;
const ENTRIES = 512;
/** Presence, rights and address: all but what the processor notes, and the right to execute, which the kernel's lacks. */
const COMPARED = 0x000ffffffffff007n;

export async function rootsInUse(memory: MemoryReader, cpu: CpuState): Promise<Root[]> {
  const paging = pagingOf(cpu);
  if (paging === undefined) return [];
  const only: Root[] = [{ root: paging.root, of: "only", current: true }];
  if (paging.mode !== "4-level") return only;
  const kernel = paging.root - (paging.root % (2 * PAGE));
  const bytes = await memory.readMemory("phys", BigInt(kernel), 2 * PAGE);
  if (bytes.length < 2 * PAGE || !areIsolated(paging, new Uint32Array(bytes.slice().buffer))) return only;
  return [
    { root: kernel, of: "kernel", current: paging.root === kernel },
    { root: kernel + PAGE, of: "user", current: paging.root !== kernel },
  ];
}

/** Whether two first tables in a row are a kernel's and the one it leaves to user mode. */
function areIsolated(paging: Paging, both: Uint32Array): boolean {
  const tables = new Tables(paging);
  const [kernel, user] = [both.subarray(0, PAGE / 4), both.subarray(PAGE / 4)];
  let [shared, kernelOnly] = [0, 0];
  for (let index = 0; index < ENTRIES; index++) {
    if (tables.isPresent(user, index)) {
      // The user's half is all there; what the user's table has of the kernel's half may be tables of its own.
      const same = ((tables.entry(user, index) ^ tables.entry(kernel, index)) & COMPARED) === 0n;
      if (!tables.isPresent(kernel, index) || (index < LOWER_HALF && !same)) return false;
      if (index >= LOWER_HALF && same) shared++;
    } else if (index >= LOWER_HALF && tables.isPresent(kernel, index)) kernelOnly++;
  }
  return shared > 0 && kernelOnly > 0;
}
