/** CPUID: exactly what this processor has, and no more (AMD64 manual vol. 3, appendix E). */
import { L } from "../../layout";
import { R, RAX, RBX, RCX, RDX, W32 } from "../state";
import { Cr4 } from "./mode";

// @ts-ignore: decorator
@external("env", "readApicBase")
declare function readApicBase(): u64;

/** Family 19h, model 01h, stepping 1. */
export const SIGNATURE: u32 = 0x00a00f11;
/** "Bootscope x86-64 processor", padded to 48 bytes with zeros. */
const BRAND: usize = memory.data<u8>([
  0x42, 0x6f, 0x6f, 0x74, 0x73, 0x63, 0x6f, 0x70, 0x65, 0x20, 0x78, 0x38, 0x36, 0x2d, 0x36, 0x34, 0x20, 0x70, 0x72, 0x6f, 0x63, 0x65,
  0x73, 0x73, 0x6f, 0x72, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
]);

/** FPU DE PSE TSC MSR PAE MCE CX8 SEP MTRR PGE MCA CMOV PAT PSE36 CLFSH MMX FXSR SSE SSE2; APIC is added when enabled. */
const FEATURES_EDX: u32 = 0x078bf9fd;
/** SSE3 SSSE3 CX16 PCID SSE4.1 SSE4.2 POPCNT XSAVE RDRAND; OSXSAVE is added from CR4. */
const FEATURES_ECX: u32 = 0x1 | (1 << 9) | (1 << 13) | (1 << 17) | (1 << 19) | (1 << 20) | (1 << 23) | (1 << 26) | (1 << 30);
/** FSGSBASE SMEP ERMS INVPCID RDSEED SMAP. */
const FEATURES7_EBX: u32 = 1 | (1 << 7) | (1 << 9) | (1 << 10) | (1 << 18) | (1 << 20);
/** The shared bits of leaf 1, SYSCALL NX MMXEXT PDPE1GB RDTSCP LM. */
const EXTENDED_EDX: u32 = (FEATURES_EDX & 0x0183f3ff) | (1 << 11) | (1 << 20) | (1 << 22) | (1 << 26) | (1 << 27) | (1 << 29);

function answer(eax: u32, ebx: u32, ecx: u32, edx: u32): void {
  W32(RAX, eax);
  W32(RBX, ebx);
  W32(RCX, ecx);
  W32(RDX, edx);
}

export function execCpuid(): void {
  const leaf = <u32>R(RAX);
  const sub = <u32>R(RCX);
  switch (leaf) {
    case 0:
      answer(13, 0x68747541, 0x444d4163, 0x69746e65);
      return;
    case 1: {
      const apic: u32 = (<u32>readApicBase() >> 2) & 0x200;
      const osxsave: u32 = <u32>load<u64>(L.CR4) & Cr4.OSXSAVE ? 1 << 27 : 0;
      answer(SIGNATURE, 0x00010800, FEATURES_ECX | osxsave, FEATURES_EDX | apic);
      return;
    }
    case 6:
      // The APIC timer runs always.
      answer(4, 0, 0, 0);
      return;
    case 7:
      if (sub == 0) answer(0, FEATURES7_EBX, 0, 0);
      else answer(0, 0, 0, 0);
      return;
    case 13:
      if (sub == 0) answer(3, 576, 576, 0);
      else answer(0, 0, 0, 0);
      return;
    case 0x80000000:
      answer(0x80000021, 0x68747541, 0x444d4163, 0x69746e65);
      return;
    case 0x80000001:
      // LAHF and SAHF in 64-bit mode; LOCK MOV CR0 names CR8.
      answer(SIGNATURE, 0, 0x11, EXTENDED_EDX);
      return;
    case 0x80000002: case 0x80000003: case 0x80000004: {
      const p = BRAND + <usize>(leaf - 0x80000002) * 16;
      answer(load<u32>(p), load<u32>(p, 4), load<u32>(p, 8), load<u32>(p, 12));
      return;
    }
    case 0x80000007:
      // Invariant TSC.
      answer(0, 0, 0, 0x100);
      return;
    case 0x80000008:
      // 40 physical and 48 linear address bits. x87 error pointers are always saved; SSB_NO and BTC_NO: nothing is speculated.
      answer(0x3028, (1 << 2) | (1 << 26) | (1 << 29), 0, 0);
      return;
    case 0x80000021:
      // LFENCE serializes, a null selector clears the base, automatic IBRS, SRSO_NO; ECX: TSA_SQ_NO, TSA_L1_NO.
      answer((1 << 2) | (1 << 6) | (1 << 8) | (1 << 29), 0, 6, 0);
      return;
  }
  answer(0, 0, 0, 0);
}
