/**
 * A boot configuration behind an initrd (kernel Documentation/admin-guide/bootconfig.rst): text, its size, the sum of
 * its bytes, and a magic at the very end of the file.
 */
import type { StreamRange } from "./cpio-scanner.ts";

const MAGIC = "#BOOTCONFIG\n";
const FOOTER_BYTES = 8 + MAGIC.length;
/** XBC_DATA_MAX: the kernel takes no more. */
const MAX_BYTES = 32767;

export interface BootConfig {
  /** Text, size, checksum and magic, within the file. */
  range: StreamRange;
  text: string;
  problem: string | undefined;
}

/** The boot configuration at the end of `bytes`, undefined when there is none. */
export function findBootConfig(bytes: Uint8Array): BootConfig | undefined {
  const footer = bytes.length - FOOTER_BYTES;
  if (footer < 0 || String.fromCharCode(...bytes.subarray(footer + 8)) !== MAGIC) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = view.getUint32(footer, true);
  const start = footer - size;
  if (size > MAX_BYTES || start < 0) {
    const problem = `The boot configuration has ${size} bytes: at most ${Math.min(MAX_BYTES, footer)} were expected.`;
    return { range: { start: footer, end: bytes.length }, text: "", problem };
  }
  const data = bytes.subarray(start, footer);
  const sum = data.reduce((total, byte) => (total + byte) >>> 0, 0);
  const expected = view.getUint32(footer + 4, true);
  const problem =
    sum === expected ? undefined : `The sum of the boot configuration's bytes is ${sum}, ${expected} was announced.`;
  const text = new TextDecoder().decode(data).replace(/\0+$/, "");
  return { range: { start, end: bytes.length }, text, problem };
}
