/** What the CD images have in common. */

/** For xorriso: a fixed time of making, so that images repeat. */
export const ISO_DATE_ARGUMENTS = [
  "-volume_date",
  "all_file_dates",
  "2026010100000000",
  "-volume_date",
  "uuid",
  "2026010100000000",
];
