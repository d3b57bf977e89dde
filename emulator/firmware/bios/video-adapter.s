# INT 10h: the adapter's palette and fonts, and what it is.

        .include "bios.inc"

        .section .text
        .globl  palette, fonts, alternate, display_combination

# AH=10h: 00h one palette register, 01h border, 02h all, 03h blinking, 10h and 12h DAC registers.
palette:
        mov     dx, 0x3da
        push    ax
        in      al, dx
        pop     ax
        mov     dx, 0x3c0
        cmp     al, 0x00
        je      1f
        cmp     al, 0x01
        je      2f
        cmp     al, 0x02
        je      3f
        cmp     al, 0x03
        je      5f
        cmp     al, 0x10
        je      7f
        cmp     al, 0x12
        je      8f
        ret
2:      mov     bl, 0x11
1:      mov     al, bl
        and     al, 0x1f
        out     dx, al
        mov     al, bh
        out     dx, al
        jmp     6f
3:      mov     di, [bp + F_EDX]
        xor     ah, ah
4:      mov     al, ah
        out     dx, al
        mov     al, es:[di]
        out     dx, al
        inc     di
        inc     ah
        cmp     ah, 16
        jb      4b
        mov     al, 0x11
        out     dx, al
        mov     al, es:[di]
        out     dx, al
        jmp     6f
5:      mov     al, 0x10
        out     dx, al
        inc     dx
        in      al, dx
        dec     dx
        and     al, 0xf7
        shl     bl, 3
        and     bl, 8
        or      al, bl
        out     dx, al
6:      mov     al, 0x20                # picture on again
        out     dx, al
        ret
7:      push    cx
        mov     dx, 0x3c8
        mov     al, bl
        out     dx, al
        inc     dx
        mov     al, [bp + F_DH]
        out     dx, al
        pop     ax
        xchg    al, ah
        out     dx, al
        xchg    al, ah
        out     dx, al
        ret
8:      jcxz    9f
        mov     di, [bp + F_EDX]
        mov     dx, 0x3c8
        mov     al, bl
        out     dx, al
        inc     dx
        mov     si, di
        imul    cx, cx, 3
        rep outs dx, byte ptr es:[si]
9:      ret

# AH=11h: AL = 30h tells of fonts; the calls that load the BIOS's own one do so.
fonts:
        cmp     al, 0x30
        je      1f
        cmp     al, 0x04
        je      2f
        cmp     al, 0x14
        je      2f
        ret
2:      jmp     load_font
1:      mov     word ptr [bp + F_ES], BIOS_SEGMENT
        mov     word ptr [bp + 12], offset font
        movzx   ax, byte ptr [BDA_CHARACTER_HEIGHT]
        mov     [bp + F_ECX], ax
        mov     al, [BDA_ROWS]
        mov     [bp + F_DL], al
        ret

# AH=12h BL=10h: a colour display with 256 KiB.
alternate:
        cmp     bl, 0x10
        je      1f
        cmp     bl, 0x30
        jb      2f
        cmp     bl, 0x36
        ja      2f
        mov     byte ptr [bp + F_AL], 0x12
2:      ret
1:      mov     word ptr [bp + F_EBX], 0x0003
        mov     word ptr [bp + F_ECX], 0x0009
        ret

# AH=1Ah AL=00h: VGA with a colour display.
display_combination:
        test    al, al
        jnz     1f
        mov     word ptr [bp + F_EBX], 0x0008
1:      mov     byte ptr [bp + F_AL], 0x1a
        ret
