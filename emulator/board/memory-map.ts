/** What lies behind the RAM in the core's memory (`CpuLines.extra`): byte offsets there. */
export const enum Extra {
  /** The firmware's image, at the end of its room, so that its last byte is the last one below 4 GiB. */
  BIOS = 0,
  BIOS_SIZE = 0x100000,
  /** Expansion ROMs behind PCI base address registers. */
  ROMS = BIOS + BIOS_SIZE,
  ROMS_SIZE = 1 << 20,
  /** Memory of the VGA adapter. */
  VRAM = ROMS + ROMS_SIZE,
  VRAM_SIZE = 0x1000000,
  SIZE = VRAM + VRAM_SIZE,
}
