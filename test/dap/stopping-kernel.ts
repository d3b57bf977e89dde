/** A kernel in which every kind of stop comes by, one after the other and for ever; assembled by GNU as. */
import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import type { TestContext } from "node:test";
import { temporaryFolder } from "./fixture.ts";

/** Where it is loaded, physical and linear. */
const BASE = 0x100_0000;
/** A byte, and a buffer of 4096 bytes, that it writes. */
export const COUNTER = 0x7_0000;
export const BUFFER = 0x7_2000;
/** Nothing is mapped there. */
export const UNMAPPED = 0x7f00_0000_1000n;

/** Gates lead to the stubs behind; the link address has zeros in its lower half. */
const gate = (label: string): string => `.word ${label} - _start, 0x10, 0x8e00, ${BASE >>> 16}; .long 0, 0`;

const SOURCE = `
        .globl _start
_start: mov $0x90000, %rsp
        lidt idtr(%rip)
        # The 8259 with its first interrupt at 0x20, and only the timer's let through.
        mov $0x11, %al; out %al, $0x20
        mov $0x20, %al; out %al, $0x21
        mov $4, %al;    out %al, $0x21
        mov $1, %al;    out %al, $0x21
        mov $0xfe, %al; out %al, $0x21
        mov $0xff, %al; out %al, $0xa1
        # System calls.
        mov $0xc0000080, %ecx; rdmsr; or $1, %eax; wrmsr
        mov $0xc0000082, %ecx; lea called(%rip), %rax; xor %edx, %edx; wrmsr
        mov $0xc0000081, %ecx; xor %eax, %eax; mov $0x80010, %edx; wrmsr
turn:   incb ${COUNTER}
        movb $7, ${COUNTER + 1}
        mov ${COUNTER + 1}, %al
        movl $0, ${BUFFER + 4092}
        incl ${BUFFER + 4092}
        mov $0x41, %al; mov $0x3f8, %dx; out %al, %dx
        in $0x61, %al
        mov $0x1234, %r9d
        mov %cr3, %rax; mov %rax, %cr3
        mov %cr0, %rax; xor $0x10000, %rax; mov %rax, %cr0
        mov $0xc0000080, %ecx; rdmsr; wrmsr
divide: xor %ecx, %ecx; xor %edx, %edx; div %ecx
bad:    ud2
fault:  mov $${UNMAPPED}, %rbx; mov %al, (%rbx)
select: mov $0x88, %eax; mov %eax, %ds
break:  int3
soft:   int $0x80
magic:  xchg %bx, %bx
call:   mov $59, %eax; syscall
called: movb $0x30, %al; out %al, $0x43
        mov $0x10, %al; out %al, $0x40; mov $0, %al; out %al, $0x40
        sti
sleep:  hlt
        cli
        jmp turn

skip2:  addq $2, (%rsp); iretq
skipe2: addq $2, 8(%rsp); add $8, %rsp; iretq
timer:  mov $0x20, %al; out %al, $0x20
back:   iretq

        .balign 16
idt:    ${gate("skip2")}
        .skip 2 * 16
        ${gate("back")}
        .skip 2 * 16
        ${gate("skip2")}
        .skip 6 * 16
        ${gate("skipe2")}
        ${gate("skipe2")}
        .skip 17 * 16
        ${gate("timer")}
        .skip 95 * 16
        ${gate("back")}
idtr:   .word . - idt - 1
        .quad idt
`;

export interface StoppingKernel {
  file: string;
  /** Address of a label. */
  at(label: string): number;
}

export async function stoppingKernel(t: TestContext): Promise<StoppingKernel> {
  const folder = await temporaryFolder(t);
  const run = (command: string, ...args: string[]): string =>
    execFileSync(command, args, { cwd: folder, encoding: "utf8" });
  await writeFile(path.join(folder, "kernel.s"), SOURCE);
  run("as", "--64", "-o", "kernel.o", "kernel.s");
  run("ld", `-Ttext=0x${BASE.toString(16)}`, "-z", "noseparate-code", "-o", "vmlinux", "kernel.o");
  const labels = new Map(
    run("nm", "vmlinux")
      .split("\n")
      .map((line) => line.split(" "))
      .map(([address = "", , name = ""]): [string, number] => [name, parseInt(address, 16)]),
  );
  return {
    file: path.join(folder, "vmlinux"),
    at: (label) => {
      const address = labels.get(label);
      if (address === undefined) throw new Error(`The test kernel has no label ${label}.`);
      return address;
    },
  };
}
