# The boot loader's first stage: the first 440 bytes of sector 0. The BIOS loads the sector at 0000:7C00 and jumps there
# with the drive's number in DL. All this stage can do in its 440 bytes is to fetch the second one, from the sectors
# behind the MBR, by the BIOS.

        .intel_syntax noprefix
        .code16
        .include "layout.inc"

        .section .text
        .globl  _start
_start:
        ljmp    0, offset normalise     # some BIOSes enter at 07C0:0000
normalise:
        cli
        xor     ax, ax
        mov     ds, ax
        mov     es, ax
        mov     ss, ax
        mov     sp, 0x7c00              # the stack grows down from below this code
        sti
        cld
        mov     drive, dl

        # Are the extended calls there? They read by sector number, beyond cylinder 1023, too.
        mov     ah, 0x41
        mov     bx, 0x55aa
        int     0x13
        jc      no_extensions
        cmp     bx, 0xaa55
        jne     no_extensions

        # Second stage and descriptor lie side by side: one read gets both.
        mov     si, offset packet
        mov     ah, 0x42
        mov     dl, drive
        int     0x13
        jc      cannot_read
        cmp     dword ptr [STAGE2], STAGE2_MAGIC
        jne     no_stage2
        mov     dl, drive
        jmp     STAGE2 + 4

no_extensions:
        mov     si, offset no_extensions_text
        jmp     fail
no_stage2:
        mov     si, offset no_stage2_text
        jmp     fail
cannot_read:
        mov     si, offset cannot_read_text

# Prints the text at SI and leaves the processor halted.
fail:
        lodsb
        test    al, al
        jz      halt
        mov     ah, 0x0e
        mov     bx, 0x0007
        int     0x10
        jmp     fail
halt:
        hlt
        jmp     halt

no_extensions_text:
        .asciz  "Boot loader: this BIOS cannot read by sector number (INT 13h AH=42h)."
no_stage2_text:
        .asciz  "Boot loader: no second stage in the sectors behind the MBR."
cannot_read_text:
        .asciz  "Boot loader: cannot read the second stage."

# Disk address packet of INT 13h AH=42h.
packet:
        .byte   16, 0
        .word   STAGE2_SECTORS + DESCRIPTOR_SECTORS
        .word   STAGE2, 0               # offset, segment
        .quad   STAGE2_LBA

drive:  .byte   0
