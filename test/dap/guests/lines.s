# A kernel in 64-bit code with a function and a loop, for tests that go by source lines.
        .globl _start
_start:
        mov $0x90000, %rsp
        xor %eax, %eax
        mov $3, %ecx
again:
        call add_one
        dec %ecx
        jnz again
        jmp _start

add_one:
        inc %eax
        ret
