import { Command } from "./ata-registers.ts";

/** Settings that disks and CD drives share. */
export interface DriveSettings {
  /** Modes set by SET FEATURES, one bit each: upper bytes of IDENTIFY's words 63 and 88. */
  multiwordMode: number;
  ultraMode: number;
  /** In standby until the medium is used. */
  standby: boolean;
}

export const DEFAULT_SETTINGS: DriveSettings = { multiwordMode: 0, ultraMode: 1 << 5, standby: false };

/** Numbers of the power management commands before ATA-3, from 0x94 on. */
const OLD_NUMBERS = [
  Command.STANDBY_IMMEDIATE,
  Command.IDLE_IMMEDIATE,
  Command.STANDBY,
  Command.IDLE,
  Command.CHECK_POWER,
  Command.SLEEP,
];
const FIRST_OLD_NUMBER = 0x94;

/** The number by which ATA-6 knows a command. */
export function modernNumber(command: number): number {
  return OLD_NUMBERS[command - FIRST_OLD_NUMBER] ?? command;
}

/** Carries out a command of the power management feature set (ATA-6, 6.9); false when it is none of them. */
export function powerCommand(
  regs: { command: number; count: number; asleep: boolean },
  settings: DriveSettings,
): boolean {
  switch (modernNumber(regs.command)) {
    case Command.STANDBY_IMMEDIATE:
    case Command.STANDBY:
      settings.standby = true;
      return true;
    case Command.IDLE_IMMEDIATE:
    case Command.IDLE:
      settings.standby = false;
      return true;
    case Command.CHECK_POWER:
      regs.count = settings.standby ? 0 : 0xff;
      return true;
    case Command.SLEEP:
      regs.asleep = true;
      return true;
    default:
      return false;
  }
}

/** SET FEATURES, subcommand 0x03: the count register's transfer mode; false when there is no such mode. */
export function setTransferMode(value: number, settings: DriveSettings): boolean {
  const mode = value & 7;
  switch (value >> 3) {
    // PIO: the default mode with or without IORDY, or one of 0 to 4.
    case 0:
      return mode <= 1;
    case 1:
      return mode <= 4;
    case 4:
      if (mode > 2) return false;
      settings.multiwordMode = 1 << mode;
      settings.ultraMode = 0;
      return true;
    case 8:
      if (mode > 5) return false;
      settings.ultraMode = 1 << mode;
      settings.multiwordMode = 0;
      return true;
    default:
      return false;
  }
}
