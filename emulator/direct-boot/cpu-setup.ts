/** The processor's state at the entries of the Linux boot protocol (kernel Documentation/arch/x86/boot.rst). */
import type { Segment } from "../machine/api.ts";
import type { CpuSetup, MemoryWrite } from "./types.ts";

/** Where the tables that a boot needs lie: low memory that the kernel takes over once it has read boot_params. */
export const GDT_ADDRESS = 0x500;
export const PAGE_TABLES_ADDRESS = 0x9000;

const PAGE = 4096;
const BOOT_CS = 0x10;
const BOOT_DS = 0x18;

/** Descriptor bits 8 to 23 (SDM vol. 3, 3.4.5). */
const CODE_64 = 0xa09b;
const CODE_32 = 0xc09b;
const DATA_32 = 0xc093;
const BUSY_TSS_32 = 0x008b;
const LDT = 0x0082;

const CR0_PE = 1n << 0n;
const CR0_ET = 1n << 4n;
const CR0_PG = 1n << 31n;
const CR4_PAE = 1n << 5n;
const EFER_LME = 1n << 8n;
const EFER_LMA = 1n << 10n;
/** Bit 1 of RFLAGS is always set; interrupts are off. */
const RFLAGS = 2;

const PRESENT_WRITABLE = 0x03n;
const LARGE_PAGE = 0x80n;

/** A flat descriptor of 4 GiB with these attributes, as it stands in a GDT. */
function flatDescriptor(attributes: number): bigint {
  return 0x000f_0000_0000_ffffn | (BigInt(attributes) << 40n);
}

/** Null, unused, code (__BOOT_CS 0x10), data (__BOOT_DS 0x18). */
export function buildGdt(code: "64" | "32"): MemoryWrite {
  const entries = new BigUint64Array([
    0n,
    0n,
    flatDescriptor(code === "64" ? CODE_64 : CODE_32),
    flatDescriptor(DATA_32),
  ]);
  return { physical: GDT_ADDRESS, bytes: new Uint8Array(entries.buffer) };
}

/** Four-level tables that map the first 4 GiB onto themselves in pages of 2 MiB: PML4, PDPT, four page directories. */
export function buildIdentityPageTables(): MemoryWrite {
  const entries = new BigUint64Array((6 * PAGE) / 8);
  const table = (index: number): bigint => BigInt(PAGE_TABLES_ADDRESS + index * PAGE);
  entries[0] = table(1) | PRESENT_WRITABLE;
  for (let gib = 0; gib < 4; gib++) entries[512 + gib] = table(2 + gib) | PRESENT_WRITABLE;
  for (let page = 0; page < 2048; page++) entries[1024 + page] = (BigInt(page) << 21n) | PRESENT_WRITABLE | LARGE_PAGE;
  return { physical: PAGE_TABLES_ADDRESS, bytes: new Uint8Array(entries.buffer) };
}

/**
 * State at the 64-bit or the 32-bit entry: flat segments, interrupts off, (R|E)SI pointing at boot_params. The 64-bit
 * entry is in long mode on the identity page tables, the 32-bit one in protected mode without paging.
 */
export function cpuAtEntry(mode: "64" | "32", entry: number, bootParams: number, stackTop: number): CpuSetup {
  const long = mode === "64";
  const segment = (selector: number, attributes: number): Segment => ({
    selector,
    base: 0n,
    limit: 0xffff_ffff,
    attributes,
    unusable: false,
  });
  const data = (): Segment => segment(BOOT_DS, DATA_32);
  const gpr = new Array<bigint>(16).fill(0n);
  gpr[4] = BigInt(stackTop);
  gpr[6] = BigInt(bootParams);
  return {
    gpr,
    rip: BigInt(entry),
    rflags: RFLAGS,
    cr0: CR0_PE | CR0_ET | (long ? CR0_PG : 0n),
    cr3: long ? BigInt(PAGE_TABLES_ADDRESS) : 0n,
    cr4: long ? CR4_PAE : 0n,
    efer: long ? EFER_LME | EFER_LMA : 0n,
    segments: [
      data(),
      segment(BOOT_CS, long ? CODE_64 : CODE_32),
      data(),
      data(),
      data(),
      data(),
      { selector: 0, base: 0n, limit: 0, attributes: LDT, unusable: true },
      { selector: 0, base: 0n, limit: 0xffff, attributes: BUSY_TSS_32, unusable: false },
    ],
    gdtr: { base: BigInt(GDT_ADDRESS), limit: 4 * 8 - 1 },
    idtr: { base: 0n, limit: 0 },
  };
}
