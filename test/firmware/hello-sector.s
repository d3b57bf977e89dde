# A boot sector that says where it is, reads the sector behind it by INT 13h and prints what that holds; then waits for ever.
        .code16
        .globl  start
start:  ljmp    $0, $1f
1:      xorw    %ax, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movw    $0x7c00, %sp
        movb    %dl, drive
        movw    $hello, %si
        call    print
        movw    $packet, %si
        movb    drive, %dl
        movb    $0x42, %ah
        int     $0x13
        movw    $failed, %si
        jc      2f
        movw    $second, %si
2:      call    print
3:      sti
        hlt
        jmp     3b

print:  lodsb
        testb   %al, %al
        jz      4f
        movb    $0x0e, %ah
        movw    $7, %bx
        int     $0x10
        jmp     print
4:      ret

drive:  .byte   0
hello:  .asciz  "Hello from 0x7c00.\r\n"
failed: .asciz  "INT 13h failed.\r\n"
# INT 13h AH=42h: one block of the drive's size, the second one of the disk, behind the boot sector.
        .balign 4
packet: .byte   16, 0
        .word   1
        .word   second, 0
        .long   1, 0
        .org    510
        .word   0xaa55
second: .asciz  "This is the second sector.\r\n"
        .org    1024
