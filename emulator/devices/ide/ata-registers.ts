/** Registers and their bits as in ATA/ATAPI-6 (T13/1410D), chapter 7. */

/** Command block registers, by offset from the channel's first port. */
export const Reg = {
  DATA: 0,
  /** Error on reading, features on writing. */
  ERROR: 1,
  /** Interrupt reason on a drive that takes packets. */
  COUNT: 2,
  LBA_LOW: 3,
  LBA_MID: 4,
  LBA_HIGH: 5,
  DEVICE: 6,
  /** Status on reading, command on writing. */
  STATUS: 7,
} as const;

export const Status = {
  ERR: 0x01,
  DRQ: 0x08,
  DSC: 0x10,
  DF: 0x20,
  DRDY: 0x40,
  BSY: 0x80,
  READY: 0x50,
} as const;

export const ErrorBit = {
  ABRT: 0x04,
  IDNF: 0x10,
  UNC: 0x40,
} as const;

export const Control = {
  NIEN: 0x02,
  SRST: 0x04,
  HOB: 0x80,
} as const;

export const DeviceBit = {
  /** Drive 1 of the channel. */
  DEV: 0x10,
  LBA: 0x40,
  /** Obsolete bits that read as one. */
  ONES: 0xa0,
} as const;

/** Interrupt reason of the packet feature set, in the count register. */
export const Reason = {
  COMMAND: 1,
  TO_HOST: 2,
} as const;

export const Command = {
  DEVICE_RESET: 0x08,
  READ_SECTORS: 0x20,
  READ_SECTORS_EXT: 0x24,
  READ_DMA_EXT: 0x25,
  READ_NATIVE_MAX_EXT: 0x27,
  READ_MULTIPLE_EXT: 0x29,
  WRITE_SECTORS: 0x30,
  WRITE_SECTORS_EXT: 0x34,
  WRITE_DMA_EXT: 0x35,
  WRITE_MULTIPLE_EXT: 0x39,
  WRITE_DMA_FUA_EXT: 0x3d,
  VERIFY: 0x40,
  VERIFY_EXT: 0x42,
  EXECUTE_DIAGNOSTIC: 0x90,
  INITIALIZE_PARAMETERS: 0x91,
  PACKET: 0xa0,
  IDENTIFY_PACKET: 0xa1,
  READ_MULTIPLE: 0xc4,
  WRITE_MULTIPLE: 0xc5,
  SET_MULTIPLE: 0xc6,
  READ_DMA: 0xc8,
  WRITE_DMA: 0xca,
  WRITE_MULTIPLE_FUA_EXT: 0xce,
  STANDBY_IMMEDIATE: 0xe0,
  IDLE_IMMEDIATE: 0xe1,
  STANDBY: 0xe2,
  IDLE: 0xe3,
  CHECK_POWER: 0xe5,
  SLEEP: 0xe6,
  FLUSH: 0xe7,
  FLUSH_EXT: 0xea,
  IDENTIFY: 0xec,
  SET_FEATURES: 0xef,
  READ_NATIVE_MAX: 0xf8,
} as const;
