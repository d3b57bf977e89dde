/** A kernel of a few bytes: an ELF file like an extracted vmlinux, so that a whole session runs on code known byte by byte. */

/** Where its code lies (physical, and linear in the identity map that the boot protocol asks for), and where it begins. */
export const CODE = 0x100_0000;
/** The function that the loop calls. */
export const FUNCTION = CODE + 0x40;
/** Eight bytes that the loop fills. */
export const BUFFER = 0x1_0000;
/** Start of the loop. */
export const LOOP = CODE + 0x0d;

// prettier-ignore
const LOOPING = [
  0x48, 0xc7, 0xc4, 0x00, 0x00, 0x09, 0x00, // 00: mov rsp, 0x90000
  0xb8, 0x01, 0x00, 0x00, 0x00,             // 07: mov eax, 1
  0x90,                                     // 0c: nop
  0xe8, 0x2e, 0x00, 0x00, 0x00,             // 0d: call 0x40
  0xbf, 0x00, 0x00, 0x01, 0x00,             // 12: mov edi, 0x10000
  0xb9, 0x08, 0x00, 0x00, 0x00,             // 17: mov ecx, 8
  0xf3, 0xaa,                               // 1c: rep stosb
  0x66, 0xba, 0xf8, 0x03,                   // 1e: mov dx, 0x3f8
  0x50,                                     // 22: push rax
  0xb0, 0x2a,                               // 23: mov al, '*'
  0xee,                                     // 25: out dx, al
  0xb0, 0x0a,                               // 26: mov al, '\n'
  0xee,                                     // 28: out dx, al
  0x58,                                     // 29: pop rax
  0xeb, 0xe1,                               // 2a: jmp 0x0d
];

// prettier-ignore
const COUNTING = [
  0xff, 0xc0, // 40: inc eax
  0x90,       // 42: nop
  0xc3,       // 43: ret
];

/** Calls a function, fills a buffer and prints "*", for ever. */
export const loopingKernel = (): Uint8Array => elf([...LOOPING, ...pad(0x40 - LOOPING.length), ...COUNTING]);

/** Asks for a reset by port 0xCF9. */
// prettier-ignore
export const rebootingKernel = (): Uint8Array => elf([
  0x66, 0xba, 0xf9, 0x0c, // mov dx, 0xcf9
  0xb0, 0x06,             // mov al, 6
  0xee,                   // out dx, al
  0xeb, 0xfe,             // jmp .
]);

/** An exception without an interrupt table. */
// prettier-ignore
export const tripleFaultingKernel = (): Uint8Array => elf([
  0x0f, 0x01, 0x1d, 0x02, 0x00, 0x00, 0x00, // lidt [rip+2]
  0x0f, 0x0b,                               // ud2
  ...pad(10),                               // limit 0, base 0
]);

/** Halts with interrupts off. */
// prettier-ignore
export const haltingKernel = (): Uint8Array => elf([
  0xfa,       // cli
  0xf4,       // hlt
]);

const pad = (count: number): number[] => new Array<number>(count).fill(0);

/** One loadable segment with that code, entered at its first byte. */
function elf(code: readonly number[]): Uint8Array {
  const file = new Uint8Array(0x1000 + code.length);
  const view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true); // ET_EXEC
  view.setUint16(18, 62, true); // EM_X86_64
  view.setUint32(20, 1, true);
  view.setBigUint64(24, BigInt(CODE), true);
  view.setBigUint64(32, 64n, true); // program headers
  view.setUint16(52, 64, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 1, true);
  view.setUint16(58, 64, true);
  view.setUint32(64, 1, true); // PT_LOAD
  view.setUint32(68, 7, true);
  view.setBigUint64(72, 0x1000n, true); // offset
  view.setBigUint64(80, BigInt(CODE), true); // virtual
  view.setBigUint64(88, BigInt(CODE), true); // physical
  view.setBigUint64(96, BigInt(code.length), true);
  view.setBigUint64(104, BigInt(code.length), true);
  view.setBigUint64(112, 0x1000n, true);
  file.set(code, 0x1000);
  return file;
}
