# An expansion ROM of 512 bytes that says so on the debug port when firmware initialises it. The test makes its sum right.
        .code16
        .globl  start
start:  .byte   0x55, 0xaa, 1
        jmp     init
        .org    0x10
init:   pushw   %cs
        popw    %ds
        movw    $text, %si
        movw    $0x402, %dx
        cld
1:      lodsb
        testb   %al, %al
        jz      2f
        outb    %al, %dx
        jmp     1b
2:      lret
text:   .asciz  "The expansion ROM ran.\n"
        .org    512
