/**
 * QEMU's table loader script (its hw/acpi/bios-linker-loader.c, and SeaBIOS's src/fw/romfile_loader.h): by it, firmware
 * puts tables from files into memory and makes their pointers and checksums right.
 */
export type LoaderCommand =
  /** Memory for a file: anywhere, or between 0xF0000 and 0xFFFFF, where firmware looks for root pointers. */
  | { kind: "allocate"; file: string; align: number; zone: "high" | "fseg" }
  /** Adds the address of file `source` to the pointer at `offset` of `file`. */
  | { kind: "pointer"; file: string; source: string; offset: number; size: 4 | 8 }
  /** Makes the bytes of a range add up to 0 by the one at `offset`. */
  | { kind: "checksum"; file: string; offset: number; start: number; length: number };

const ENTRY_BYTES = 128;
const NAME_BYTES = 56;
const ALLOCATE = 1;
const ADD_POINTER = 2;
const ADD_CHECKSUM = 3;
const ZONE_HIGH = 1;
const ZONE_FSEG = 2;

/** The script as its file has it. */
export function encodeLoaderScript(commands: readonly LoaderCommand[]): Uint8Array {
  const bytes = new Uint8Array(commands.length * ENTRY_BYTES);
  const view = new DataView(bytes.buffer);
  commands.forEach((command, index) => {
    const at = index * ENTRY_BYTES;
    const put = (offset: number, name: string): void => {
      bytes.set(new TextEncoder().encode(name).subarray(0, NAME_BYTES - 1), at + offset);
    };
    put(4, command.file);
    const rest = at + 4 + NAME_BYTES;
    switch (command.kind) {
      case "allocate":
        view.setUint32(at, ALLOCATE, true);
        view.setUint32(rest, command.align, true);
        view.setUint8(rest + 4, command.zone === "high" ? ZONE_HIGH : ZONE_FSEG);
        break;
      case "pointer":
        view.setUint32(at, ADD_POINTER, true);
        put(4 + NAME_BYTES, command.source);
        view.setUint32(rest + NAME_BYTES, command.offset, true);
        view.setUint8(rest + NAME_BYTES + 4, command.size);
        break;
      case "checksum":
        view.setUint32(at, ADD_CHECKSUM, true);
        view.setUint32(rest, command.offset, true);
        view.setUint32(rest + 4, command.start, true);
        view.setUint32(rest + 8, command.length, true);
    }
  });
  return bytes;
}

/** Does what firmware does by the script, for files at given physical addresses: copies of them as they are then. */
export function linkTables(
  files: ReadonlyMap<string, Uint8Array>,
  commands: readonly LoaderCommand[],
  addresses: ReadonlyMap<string, number>,
): Map<string, Uint8Array> {
  const linked = new Map([...files].map(([name, bytes]) => [name, bytes.slice()]));
  for (const command of commands) {
    const bytes = linked.get(command.file);
    if (!bytes) throw new RangeError(`The table loader script names a file that does not exist: "${command.file}".`);
    if (command.kind === "pointer") {
      const base = addresses.get(command.source);
      if (base === undefined) throw new RangeError(`The table file "${command.source}" has no address.`);
      const view = new DataView(bytes.buffer);
      if (command.size === 4) {
        view.setUint32(command.offset, view.getUint32(command.offset, true) + base, true);
      } else {
        view.setBigUint64(command.offset, view.getBigUint64(command.offset, true) + BigInt(base), true);
      }
    } else if (command.kind === "checksum") {
      const range = bytes.subarray(command.start, command.start + command.length);
      bytes[command.offset]! -= range.reduce((sum, byte) => sum + byte, 0);
    }
  }
  return linked;
}
