/** Builders of SMBIOS structures and their entry point (DMTF DSP0134, version 2.8). */

const ENTRY_BYTES = 31;
const VERSION_MAJOR = 2;
const VERSION_MINOR = 8;
const END_OF_TABLE = 127;

/** A field of a structure: bytes of a number, little endian, or a string by its text. */
export type SmbiosField = readonly [value: number, bytes: 1 | 2 | 4] | string;

/** One structure: the header, the fields, and behind them the strings that the fields name by number (section 6.1.2). */
export function smbiosStructure(type: number, handle: number, ...fields: SmbiosField[]): Uint8Array {
  const body: number[] = [];
  const strings: number[] = [];
  let count = 0;
  for (const field of fields) {
    if (typeof field === "string") {
      if (field === "") {
        body.push(0);
        continue;
      }
      body.push(++count);
      strings.push(...new TextEncoder().encode(field), 0);
    } else {
      const [value, bytes] = field;
      for (let index = 0; index < bytes; index++) body.push(Math.floor(value / 2 ** (8 * index)) & 0xff);
    }
  }
  if (count === 0) strings.push(0);
  return Uint8Array.from([type, body.length + 4, handle & 0xff, handle >> 8, ...body, ...strings, 0]);
}

/** The structures in a row with the mark of their end, and the entry point whose address of them is 0 and not yet summed. */
export function smbiosTables(structures: readonly Uint8Array[]): { tables: Uint8Array; entryPoint: Uint8Array } {
  const all = [...structures, smbiosStructure(END_OF_TABLE, 0x7f00)];
  const tables = new Uint8Array(all.reduce((sum, one) => sum + one.length, 0));
  let at = 0;
  for (const one of all) {
    tables.set(one, at);
    at += one.length;
  }
  const entryPoint = new Uint8Array(ENTRY_BYTES);
  const view = new DataView(entryPoint.buffer);
  entryPoint.set(new TextEncoder().encode("_SM_"), 0);
  view.setUint8(5, ENTRY_BYTES);
  view.setUint8(6, VERSION_MAJOR);
  view.setUint8(7, VERSION_MINOR);
  view.setUint16(8, Math.max(...all.map((one) => one.length)), true);
  entryPoint.set(new TextEncoder().encode("_DMI_"), 16);
  view.setUint16(22, tables.length, true);
  view.setUint16(28, all.length, true);
  view.setUint8(30, (VERSION_MAJOR << 4) | VERSION_MINOR);
  return { tables, entryPoint };
}
