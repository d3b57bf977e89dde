/** Model specific registers that the processor has, in the order they are shown. */
export const MSR_NAMES: readonly (readonly [number, string])[] = [
  [0x10, "TSC"],
  [0x1b, "APIC_BASE"],
  [0x174, "SYSENTER_CS"],
  [0x175, "SYSENTER_ESP"],
  [0x176, "SYSENTER_EIP"],
  [0x277, "PAT"],
  [0x2ff, "MTRR_DEF_TYPE"],
  [0xc0000080, "EFER"],
  [0xc0000081, "STAR"],
  [0xc0000082, "LSTAR"],
  [0xc0000083, "CSTAR"],
  [0xc0000084, "SFMASK"],
  [0xc0000100, "FS_BASE"],
  [0xc0000101, "GS_BASE"],
  [0xc0000102, "KERNEL_GS_BASE"],
  [0xc0000103, "TSC_AUX"],
];
