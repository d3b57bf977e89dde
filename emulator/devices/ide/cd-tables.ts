/** Tables of a CD-ROM drive with one data track (MMC-4): the table of contents, features, mode pages. */

const LEAD_OUT = 0xaa;
/** Longest CD in sectors: 80 minutes; what is larger is a DVD. */
const LONGEST_CD = 80 * 60 * 75;
const PROFILE_CD = 0x0008;
const PROFILE_DVD = 0x0010;
/** Frames before LBA 0: two seconds. */
const PREGAP = 150;
const FRAMES = 75;
/** Data track, digital copy prohibited: ADR 1, control 4. */
const DATA_TRACK = 0x14;

function address(lba: number, msf: boolean): number[] {
  if (!msf) return [lba >>> 24, (lba >>> 16) & 0xff, (lba >>> 8) & 0xff, lba & 0xff];
  const frames = lba + PREGAP;
  return [0, Math.floor(frames / FRAMES / 60) & 0xff, Math.floor(frames / FRAMES) % 60, frames % FRAMES];
}

function withLength(body: readonly number[]): Uint8Array {
  return Uint8Array.from([body.length >> 8, body.length & 0xff, ...body]);
}

/**
 * Answer to READ TOC/PMA/ATIP; undefined for a format or track that is not there.
 * @param format 0 tracks from `start` on, 1 sessions, 2 the raw table
 * @param sectors of the track, which begins at 0
 */
export function toc(format: number, msf: boolean, start: number, sectors: number): Uint8Array | undefined {
  switch (format) {
    case 0: {
      if (start > 1 && start !== LEAD_OUT) return undefined;
      const first = start <= 1 ? [0, DATA_TRACK, 1, 0, ...address(0, msf)] : [];
      return withLength([1, 1, ...first, 0, DATA_TRACK, LEAD_OUT, 0, ...address(sectors, msf)]);
    }
    case 1:
      return withLength([1, 1, 0, DATA_TRACK, 1, 0, ...address(0, msf)]);
    case 2: {
      // Session, ADR and control, track, point, running time, then the point's own data.
      const point = (number: number, data: readonly number[]): number[] => [1, DATA_TRACK, 0, number, 0, 0, 0, ...data];
      return withLength([
        ...[1, 1],
        ...point(0xa0, [0, 1, 0, 0]),
        ...point(0xa1, [0, 1, 0, 0]),
        ...point(0xa2, address(sectors, true)),
        ...point(1, address(0, true)),
      ]);
    }
    default:
      return undefined;
  }
}

/** A feature descriptor: code, version and flags (persistent 2, current 1), data in whole double words. */
function feature(code: number, flags: number, data: readonly number[]): number[] {
  return [code >> 8, code & 0xff, flags, data.length, ...data];
}

/**
 * Answer to GET CONFIGURATION; undefined for a request type that does not exist.
 * @param request 0 all features, 1 those in force, 2 only `first`
 */
export function configuration(
  request: number,
  first: number,
  sectors: number,
  loaded: boolean,
): Uint8Array | undefined {
  if (request === 3) return undefined;
  const profile = !loaded ? 0 : sectors > LONGEST_CD ? PROFILE_DVD : PROFILE_CD;
  const inForce = (one: number): number => (one === profile ? 1 : 0);
  const cd = inForce(PROFILE_CD);
  const dvd = inForce(PROFILE_DVD);
  const features: (readonly [code: number, descriptor: number[]])[] = [
    [0x00, feature(0x00, 0x03, [0, PROFILE_DVD, dvd, 0, 0, PROFILE_CD, cd, 0])],
    // Core: ATAPI.
    [0x01, feature(0x01, 0x0b, [0, 0, 0, 2, 1, 0, 0, 0])],
    // Removable medium: tray, can eject and lock.
    [0x03, feature(0x03, 0x03, [0x29, 0, 0, 0])],
    [0x10, feature(0x10, loaded ? 1 : 0, [0, 0, 8, 0, 0, 1, 0, 0])],
    [0x1e, feature(0x1e, 0x08 | cd, [0, 0, 0, 0])],
    [0x1f, feature(0x1f, dvd, [])],
  ];
  const chosen = features.filter(([code, descriptor]) =>
    request === 2 ? code === first : code >= first && (request === 0 || ((descriptor[2] as number) & 1) !== 0),
  );
  const body = [0, 0, profile >> 8, profile & 0xff, ...chosen.flatMap(([, descriptor]) => descriptor)];
  return Uint8Array.from([0, 0, body.length >> 8, body.length & 0xff, ...body]);
}

/** Read error recovery, mode page 0x01. */
export function errorRecoveryPage(): Uint8Array {
  return Uint8Array.of(0x01, 6, 0, 5, 0, 0, 0, 0);
}

/** CD capabilities and mechanical status, mode page 0x2A. */
export function capabilitiesPage(locked: boolean): Uint8Array {
  const page = new Uint8Array(22);
  page.set([0x2a, 20]);
  // Reads CD-R, CD-RW, DVD-ROM; mode 2 and several sessions; a tray that can be locked and opened.
  page[2] = 0x0b;
  page[4] = 0x70;
  page[6] = 0x29 | (locked ? 2 : 0);
  // 50 times 176 kB/s, two volume levels, a buffer of 512 KiB, the speed in force.
  page.set([0x22, 0x60, 0, 2, 2, 0, 0x22, 0x60], 8);
  return page;
}
