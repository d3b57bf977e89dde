import type { DeviceState } from "../device.ts";
import { capabilitiesPage, configuration, errorRecoveryPage, toc } from "./cd-tables.ts";

/** Sense as key, additional code, qualifier: 0xKCCQQ. */
const Sense = {
  NONE: 0,
  TRAY_OPEN: 0x2_3a_02,
  READ_ERROR: 0x3_11_00,
  UNKNOWN_COMMAND: 0x5_20_00,
  LBA_OUT_OF_RANGE: 0x5_21_00,
  BAD_FIELD: 0x5_24_00,
  NO_SAVED_PAGES: 0x5_39_00,
  REMOVAL_PREVENTED: 0x5_53_02,
  MEDIUM_CHANGED: 0x6_28_00,
  POWER_ON: 0x6_29_00,
} as const;

const Op = {
  TEST_UNIT_READY: 0x00,
  REQUEST_SENSE: 0x03,
  INQUIRY: 0x12,
  START_STOP: 0x1b,
  PREVENT_REMOVAL: 0x1e,
  READ_CAPACITY: 0x25,
  READ_10: 0x28,
  SEEK_10: 0x2b,
  READ_TOC: 0x43,
  GET_CONFIGURATION: 0x46,
  GET_EVENT: 0x4a,
  READ_DISC_INFORMATION: 0x51,
  MODE_SENSE_10: 0x5a,
  READ_12: 0xa8,
  SET_SPEED: 0xbb,
  MECHANISM_STATUS: 0xbd,
  READ_CD: 0xbe,
} as const;

/** Answered even when a unit attention is pending (MMC, SPC-3 5.8). */
const DESPITE_ATTENTION: readonly number[] = [Op.INQUIRY, Op.REQUEST_SENSE, Op.GET_CONFIGURATION, Op.GET_EVENT];
/** These need a medium. */
const NEED_MEDIUM: readonly number[] = [
  Op.TEST_UNIT_READY,
  Op.READ_CAPACITY,
  Op.READ_10,
  Op.READ_12,
  Op.READ_CD,
  Op.SEEK_10,
  Op.READ_TOC,
  Op.READ_DISC_INFORMATION,
];
export const CD_SECTOR = 2048;

/** What a packet leads to. */
export type CdAnswer =
  | { kind: "done" }
  | { kind: "data"; bytes: Uint8Array }
  | { kind: "read"; lba: number; sectors: number }
  /** CHECK CONDITION; the sense tells why. */
  | { kind: "error"; senseKey: number };

const POWER_ON = {
  sense: Sense.NONE as number,
  /** Sense to report before anything else is done. */
  attention: Sense.POWER_ON as number,
  trayOpen: false,
  locked: false,
  /** For GET EVENT STATUS NOTIFICATION: 0 nothing, 2 new medium, 3 medium removed. */
  mediaEvent: 0,
};

/** The SCSI side of a CD-ROM drive (MMC-4, SPC-3): one data track, a tray that opens, no audio, no writing. */
export class ScsiCd {
  readonly #sectors: number;
  #state = { ...POWER_ON };

  /** @param sectors of 2048 bytes on the medium */
  constructor(sectors: number) {
    this.#sectors = sectors;
  }

  reset(): void {
    this.#state = { ...POWER_ON };
  }

  save(): DeviceState {
    return { ...this.#state };
  }

  restore(state: DeviceState): void {
    this.#state = { ...state } as typeof POWER_ON;
  }

  /** A sector that was promised cannot be read. */
  readFailed(): CdAnswer {
    return this.#fail(Sense.READ_ERROR);
  }

  /** @param packet 12 bytes */
  execute(packet: Uint8Array): CdAnswer {
    const op = packet[0] as number;
    const state = this.#state;
    if (state.attention !== Sense.NONE && !DESPITE_ATTENTION.includes(op)) {
      const sense = state.attention;
      state.attention = Sense.NONE;
      return this.#fail(sense);
    }
    if (state.trayOpen && NEED_MEDIUM.includes(op)) return this.#fail(Sense.TRAY_OPEN);
    const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
    const byte = (at: number): number => packet[at] as number;
    const answer = this.#execute(op, view, byte);
    if (op !== Op.REQUEST_SENSE && answer.kind !== "error") state.sense = Sense.NONE;
    return answer;
  }

  #execute(op: number, view: DataView, byte: (at: number) => number): CdAnswer {
    const state = this.#state;
    switch (op) {
      case Op.TEST_UNIT_READY:
      case Op.SET_SPEED:
        return { kind: "done" };
      case Op.REQUEST_SENSE: {
        const sense = state.sense || state.attention;
        state.sense = Sense.NONE;
        if (sense === state.attention) state.attention = Sense.NONE;
        return data(senseData(sense), byte(4));
      }
      case Op.INQUIRY:
        // Vital product data is not there.
        if (byte(1) & 1 || byte(2) !== 0) return this.#fail(Sense.BAD_FIELD);
        return data(inquiry(), byte(4));
      case Op.START_STOP:
        return this.#startStop(byte(4) & 3);
      case Op.PREVENT_REMOVAL:
        state.locked = (byte(4) & 1) !== 0;
        return { kind: "done" };
      case Op.READ_CAPACITY: {
        const answer = new DataView(new ArrayBuffer(8));
        answer.setUint32(0, this.#sectors - 1);
        answer.setUint32(4, CD_SECTOR);
        return { kind: "data", bytes: new Uint8Array(answer.buffer) };
      }
      case Op.READ_10:
        return this.#read(view.getUint32(2), view.getUint16(7));
      case Op.READ_12:
        return this.#read(view.getUint32(2), view.getUint32(6));
      case Op.READ_CD:
        return this.#readCd(view.getUint32(2), view.getUint32(5) & 0xff_ffff, byte(9));
      case Op.SEEK_10:
        if (view.getUint32(2) >= this.#sectors) return this.#fail(Sense.LBA_OUT_OF_RANGE);
        return { kind: "done" };
      case Op.READ_TOC: {
        const format = byte(2) & 15 || byte(9) >> 6;
        const bytes = toc(format, (byte(1) & 2) !== 0, byte(6), this.#sectors);
        return bytes ? data(bytes, view.getUint16(7)) : this.#fail(Sense.BAD_FIELD);
      }
      case Op.GET_CONFIGURATION: {
        const bytes = configuration(byte(1) & 3, view.getUint16(2), this.#sectors, !state.trayOpen);
        return bytes ? data(bytes, view.getUint16(7)) : this.#fail(Sense.BAD_FIELD);
      }
      case Op.GET_EVENT:
        // Asynchronous notification is for hosts that queue commands.
        return byte(1) & 1 ? data(this.#event(byte(4)), view.getUint16(7)) : this.#fail(Sense.BAD_FIELD);
      case Op.READ_DISC_INFORMATION: {
        // Standard disc information only: complete, one session, one track.
        if (byte(1) & 7) return this.#fail(Sense.BAD_FIELD);
        const bytes = new Uint8Array(34);
        bytes.set([0, 32, 0x0e, 1, 1, 1, 1, 0x20]);
        return data(bytes, view.getUint16(7));
      }
      case Op.MODE_SENSE_10:
        return this.#modeSense(byte(2), view.getUint16(7));
      case Op.MECHANISM_STATUS: {
        const bytes = new Uint8Array(8);
        bytes[1] = state.trayOpen ? 0x10 : 0;
        bytes[5] = 1;
        return data(bytes, view.getUint16(8));
      }
      default:
        return this.#fail(Sense.UNKNOWN_COMMAND);
    }
  }

  #fail(sense: number): CdAnswer {
    this.#state.sense = sense;
    return { kind: "error", senseKey: sense >> 16 };
  }

  #read(lba: number, sectors: number): CdAnswer {
    if (lba + sectors > this.#sectors) return this.#fail(Sense.LBA_OUT_OF_RANGE);
    return sectors === 0 ? { kind: "done" } : { kind: "read", lba, sectors };
  }

  /** READ CD: user data of the track's own sector type only, or nothing at all. */
  #readCd(lba: number, sectors: number, what: number): CdAnswer {
    if (what === 0) return { kind: "done" };
    return what === 0x10 ? this.#read(lba, sectors) : this.#fail(Sense.BAD_FIELD);
  }

  #startStop(action: number): CdAnswer {
    const state = this.#state;
    if (action === 2) {
      if (state.locked) return this.#fail(Sense.REMOVAL_PREVENTED);
      if (!state.trayOpen) state.mediaEvent = 3;
      state.trayOpen = true;
    } else if (action === 3 && state.trayOpen) {
      state.trayOpen = false;
      state.attention = Sense.MEDIUM_CHANGED;
      state.mediaEvent = 2;
    } else if (action === 1 && state.trayOpen) {
      return this.#fail(Sense.TRAY_OPEN);
    }
    return { kind: "done" };
  }

  /** The lowest class asked for that is there: media only. */
  #event(classes: number): Uint8Array {
    const state = this.#state;
    const supported = 0x10;
    if (!(classes & supported)) return Uint8Array.of(0, 2, 0x80, supported);
    const event = state.mediaEvent;
    state.mediaEvent = 0;
    return Uint8Array.of(0, 6, 4, supported, event, state.trayOpen ? 1 : 2, 0, 0);
  }

  #modeSense(page: number, allocation: number): CdAnswer {
    const control = page >> 6;
    if (control === 3) return this.#fail(Sense.NO_SAVED_PAGES);
    const { locked } = this.#state;
    const wanted = page & 0x3f;
    const pages: Uint8Array[] = [];
    if (wanted === 0x01 || wanted === 0x3f) pages.push(errorRecoveryPage());
    if (wanted === 0x2a || wanted === 0x3f) pages.push(capabilitiesPage(locked));
    if (pages.length === 0) return this.#fail(Sense.BAD_FIELD);
    // Changeable values: none, by a mask of zeros behind each page's code and length.
    if (control === 1) for (const one of pages) one.fill(0, 2);
    const length = 8 + pages.reduce((sum, one) => sum + one.length, 0);
    const bytes = new Uint8Array(length);
    bytes[0] = (length - 2) >> 8;
    bytes[1] = length - 2;
    bytes[2] = this.#state.trayOpen ? 0x71 : 0x01;
    let at = 8;
    for (const one of pages) {
      bytes.set(one, at);
      at += one.length;
    }
    return data(bytes, allocation);
  }
}

function data(bytes: Uint8Array, allocation: number): CdAnswer {
  const cut = bytes.subarray(0, allocation);
  return cut.length === 0 ? { kind: "done" } : { kind: "data", bytes: cut };
}

/** Fixed format sense data (SPC-3, 4.5.3). */
function senseData(sense: number): Uint8Array {
  const bytes = new Uint8Array(18);
  bytes[0] = 0x70;
  bytes[2] = sense >> 16;
  bytes[7] = 10;
  bytes[12] = sense >> 8;
  bytes[13] = sense;
  return bytes;
}

function inquiry(): Uint8Array {
  const bytes = new Uint8Array(36).fill(0x20, 8);
  // CD drive, removable, ATAPI response format.
  bytes.set([0x05, 0x80, 0x00, 0x21, 31, 0, 0, 0]);
  const text = "BSCOPE  BOOTSCOPE CD-ROM1.0 ";
  for (let i = 0; i < text.length; i++) bytes[8 + i] = text.charCodeAt(i);
  return bytes;
}
