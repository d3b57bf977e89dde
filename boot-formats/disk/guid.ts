/** GUIDs as disks store them (UEFI Specification, appendix A): the first three parts little-endian. */
const ORDER = [3, 2, 1, 0, -1, 5, 4, -1, 7, 6, -1, 8, 9, -1, 10, 11, 12, 13, 14, 15];

/** Sixteen bytes in the usual notation, upper case. */
export function guidText(bytes: Uint8Array): string {
  return ORDER.map((index) => (index < 0 ? "-" : hexByte(bytes[index] ?? 0))).join("");
}

/** UUIDs of file systems: all parts big-endian, lower case, as Linux prints them. */
export function uuidText(bytes: Uint8Array): string {
  const digits = Array.from(bytes.subarray(0, 16), hexByte).join("").toLowerCase();
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

function hexByte(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, "0");
}
