# Calls BIOS services and prints what they return on COM1, a line a call, so that two BIOSes can be compared. It uses
# 0000:7C00 … 0000:BFFF, a buffer at 2000:0000 and memory at 2 MiB. The disk behind it has at least 64 sectors.

        .intel_syntax noprefix
        .code16

        .equ    SECTORS, 16             # of this program, with the boot sector
        .equ    BUFFER_SEGMENT, 0x2000
        .equ    CARRY, 0x01
        .equ    ZERO, 0x40
        .equ    NO_FLAGS, 0

        .section .text
        .globl  _start

# A line with the text, the general registers after INT \number, and the flags that the service returns.
        .macro  REPORT number, name, flags=CARRY
        int     \number
        call    show
        .word   \flags
        .asciz  "\name"
        .endm

_start: ljmp    0, offset begin
begin:  cli
        xor     ax, ax
        mov     ds, ax
        mov     es, ax
        mov     ss, ax
        mov     esp, 0x7c00
        sti
        cld
        mov     drive, dl
        # The rest of the program.
        mov     ax, 0x0200 + SECTORS - 1
        mov     bx, 0x7e00
        mov     cx, 0x0002
        mov     dh, 0
        int     0x13
        jc      1f
        jmp     tests
1:      hlt
        jmp     1b
drive:  .byte   0

        .org    510
        .word   0xaa55

# Behind a REPORT: prints its line. The registers stay as the service left them, but SI and DI.
show:   pushf
        mov     saved_ax, ax
        mov     saved_bx, bx
        mov     saved_cx, cx
        mov     saved_dx, dx
        pop     saved_flags
        pop     si                      # flags and text lie behind the call
        lodsw
        and     saved_flags, ax
1:      lodsb
        test    al, al
        jz      2f
        call    put
        jmp     1b
2:      push    si
        mov     si, offset value_names
        mov     di, offset saved_ax
        mov     cx, 5
3:      mov     ax, [di]
        add     di, 2
        call    put_value
        loop    3b
        mov     al, '\r'
        call    put
        mov     al, '\n'
        call    put
        mov     ax, saved_ax
        mov     bx, saved_bx
        mov     cx, saved_cx
        mov     dx, saved_dx
        ret                             # to behind the text

# Prints the name at SI and AX in hexadecimal; SI goes on to the next name.
put_value:
        push    ax
1:      lodsb
        test    al, al
        jz      2f
        call    put
        jmp     1b
2:      pop     ax
        push    cx
        mov     cx, 4
3:      rol     ax, 4
        push    ax
        and     al, 0x0f
        cmp     al, 10
        jb      4f
        add     al, 'a' - '0' - 10
4:      add     al, '0'
        call    put
        pop     ax
        loop    3b
        pop     cx
        ret

# Sends AL.
put:    push    dx
        push    ax
        mov     dx, 0x3fd
1:      in      al, dx
        test    al, 0x20
        jz      1b
        pop     ax
        mov     dx, 0x3f8
        out     dx, al
        pop     dx
        ret

value_names:
        .asciz  " ax="
        .asciz  " bx="
        .asciz  " cx="
        .asciz  " dx="
        .asciz  " flags="

saved_ax:
        .word   0
saved_bx:
        .word   0
saved_cx:
        .word   0
saved_dx:
        .word   0
saved_flags:
        .word   0

# AX = sum of CX words at BUFFER_SEGMENT:0, each weighed by where it is.
checksum:
        push    ds
        push    BUFFER_SEGMENT
        pop     ds
        xor     si, si
        xor     bx, bx
1:      lodsw
        rol     bx, 1
        add     bx, ax
        loop    1b
        pop     ds
        mov     ax, bx
        xor     bx, bx
        xor     dx, dx
        ret

# All registers a service could leave something in.
        .macro  CLEAR_ALL
        xor     bx, bx
        xor     cx, cx
        xor     dx, dx
        .endm

        .include "service-calls.inc"

        .org    SECTORS * 512
