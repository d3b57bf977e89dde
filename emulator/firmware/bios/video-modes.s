# Video modes of the VGA: register values, palettes, and INT 10h AH=00h.

        .include "bios.inc"

        .section .text
        .globl  video_set_mode, font, font_upper, load_font

        .equ    SEQUENCER, 0x3c4
        .equ    CRTC, 0x3d4
        .equ    GRAPHICS, 0x3ce
        .equ    ATTRIBUTE, 0x3c0
        .equ    MISC_WRITE, 0x3c2
        .equ    STATUS1, 0x3da
        .equ    DAC_MASK, 0x3c6
        .equ    DAC_INDEX, 0x3c8
        .equ    DAC_DATA, 0x3c9
        .equ    VBE_INDEX, 0x1ce

# Layout of a mode's parameters.
        .equ    P_NUMBER, 0
        .equ    P_COLUMNS, 1
        .equ    P_ROWS, 2               # less one
        .equ    P_HEIGHT, 3             # of a character
        .equ    P_PAGE_BYTES, 4
        .equ    P_MISC, 6
        .equ    P_SEQUENCER, 7          # registers 0 to 4
        .equ    P_CRTC, 12              # 0 to 24
        .equ    P_GRAPHICS, 37          # 0 to 8
        .equ    P_ATTRIBUTE, 46         # 0 to 20
        .equ    P_SIZE, 67

# AH=00h: sets mode AL; its bit 7 keeps the memory's content. Unknown modes change nothing.
video_set_mode:
        mov     ah, al
        and     ah, 0x7f
        mov     si, offset modes
1:      cmp     cs:[si + P_NUMBER], ah
        je      2f
        add     si, P_SIZE
        cmp     si, offset modes_end
        jb      1b
        # Modes 0 and 2 are 1 and 3 without colour burst, 7 is shown as 3.
        cmp     ah, 0
        je      3f
        cmp     ah, 2
        je      3f
        cmp     ah, 7
        je      4f
        ret
4:      mov     ah, 2
3:      mov     si, offset modes
        inc     ah
        jmp     1b

2:      # The Bochs extension off, which could have another mode on.
        mov     dx, VBE_INDEX
        push    ax
        mov     ax, 4
        out     dx, ax
        inc     dx
        xor     ax, ax
        out     dx, ax
        # Screen off while the registers change.
        mov     dx, SEQUENCER
        mov     ax, 0x2001
        out     dx, ax
        mov     dx, MISC_WRITE
        mov     al, cs:[si + P_MISC]
        out     dx, al

        # CRTC: registers 0 to 7 are write-protected by bit 7 of register 17.
        mov     dx, CRTC
        mov     ax, 0x0011
        out     dx, ax
        lea     bx, [si + P_CRTC]
        mov     cx, 25
        call    set_indexed
        mov     dx, GRAPHICS
        lea     bx, [si + P_GRAPHICS]
        mov     cx, 9
        call    set_indexed
        mov     dx, SEQUENCER
        lea     bx, [si + P_SEQUENCER]
        mov     cx, 5
        call    set_indexed

        # Attribute controller: reading the status register makes the next write an index.
        mov     dx, STATUS1
        in      al, dx
        mov     dx, ATTRIBUTE
        lea     bx, [si + P_ATTRIBUTE]
        xor     ah, ah
5:      mov     al, ah
        out     dx, al
        mov     al, cs:[bx]
        out     dx, al
        inc     bx
        inc     ah
        cmp     ah, 21
        jb      5b

        call    set_palette
        pop     ax
        push    ax
        test    al, 0x80
        jnz     6f
        call    clear_memory
6:      cmp     byte ptr cs:[si + P_GRAPHICS + 6], 0x0e # text in B8000 … BFFFF
        jne     7f
        call    load_font
7:      pop     ax
        call    note_mode
        # Screen on: bit 5 of the attribute index, and of the sequencer's clocking mode.
        mov     dx, STATUS1
        in      al, dx
        mov     dx, ATTRIBUTE
        mov     al, 0x20
        out     dx, al
        mov     dx, SEQUENCER
        mov     al, 1
        mov     ah, cs:[si + P_SEQUENCER + 1]
        out     dx, ax
        # AL as the standard BIOS returns it.
        mov     byte ptr [bp + F_AL], 0x30
        ret

# Writes CX registers, from index 0 on, of the pair at DX from CS:BX.
set_indexed:
        xor     ax, ax
1:      mov     ah, cs:[bx]
        out     dx, ax
        inc     bx
        inc     al
        loop    1b
        ret

# The colours of the mode at CS:SI: in mode 13h sixteen, a grey scale and three rounds of hues; else EGA's 64, whose number
# is rgbRGB in bits (the small letters a third, the large ones two thirds).
set_palette:
        mov     dx, DAC_MASK
        mov     al, 0xff
        out     dx, al
        mov     dx, DAC_INDEX
        xor     al, al
        out     dx, al
        inc     dx
        cmp     byte ptr cs:[si + P_NUMBER], 0x13
        je      palette_256
        xor     bl, bl
1:      call    ega_colour
        inc     bl
        cmp     bl, 64
        jb      1b
        ret

# Writes colour BL (rgbRGB) to the palette.
ega_colour:
        mov     bh, bl
        mov     cx, 3
1:      xor     al, al
        test    bh, 0x04
        jz      2f
        mov     al, 0x2a
2:      test    bh, 0x20
        jz      3f
        add     al, 0x15
3:      out     dx, al
        shl     bh, 1
        loop    1b
        ret

palette_256:
        # Sixteen colours: EGA's 0 to 7 (with brown for 6) and 56 to 63.
        xor     bl, bl
1:      push    bx
        cmp     bl, 6
        jne     2f
        mov     bl, 0x14
2:      cmp     bl, 8
        jb      3f
        add     bl, 56 - 8
3:      call    ega_colour
        pop     bx
        inc     bl
        cmp     bl, 16
        jb      1b
        xor     bx, bx
4:      mov     al, cs:[greys + bx]
        out     dx, al
        out     dx, al
        out     dx, al
        inc     bx
        cmp     bl, 16
        jb      4b
        # Nine wheels of 24 hues: three brightnesses of three saturations. Each has five levels from low to high.
        mov     bx, offset levels
5:      mov     di, offset hues
6:      mov     cx, 3
7:      mov     al, cs:[di]
        push    bx
        xor     ah, ah
        add     bx, ax
        mov     al, cs:[bx]
        pop     bx
        out     dx, al
        inc     di
        loop    7b
        cmp     di, offset hues_end
        jb      6b
        add     bx, 5
        cmp     bx, offset levels_end
        jb      5b
        # The last eight are black.
        mov     cx, 24
        xor     al, al
8:      out     dx, al
        loop    8b
        ret

# Blanks the memory of the mode at CS:SI: blanks in light grey on black in text, else zeros.
clear_memory:
        push    es
        xor     di, di
        mov     ax, 0xb800
        cmp     byte ptr cs:[si + P_GRAPHICS + 6], 0x0e
        mov     cx, 0x4000
        je      1f
        mov     ax, 0xa000
        mov     cx, 0x8000
1:      mov     es, ax
        mov     ax, 0x0720
        je      2f
        xor     ax, ax
2:      rep stosw
        pop     es
        ret

# The font to plane 2, 256 glyphs of 32 bytes each, at character map 0: planes are addressed one by one for that.
load_font:
        pusha
        push    ds
        push    es
        push    cs
        pop     ds
        mov     bx, offset font_access
        call    set_pairs
        mov     ax, 0xa000
        mov     es, ax
        xor     di, di
        mov     si, offset font
        mov     dx, 256
1:      mov     cx, 16 / 2
        rep movsw
        xor     ax, ax
        mov     cx, 16 / 2
        rep stosw
        dec     dx
        jnz     1b
        mov     bx, offset text_access
        call    set_pairs
        pop     es
        pop     ds
        popa
        ret

# Writes index and value pairs from CS:BX: a port's low byte, index, value; a port of 0 ends.
set_pairs:
        mov     dx, 0x0300
1:      mov     dl, cs:[bx]
        test    dl, dl
        jz      2f
        mov     ax, cs:[bx + 1]
        out     dx, ax
        add     bx, 3
        jmp     1b
2:      ret

font_access:
        .byte   0xc4, 0, 1              # sequencer reset
        .byte   0xc4, 2, 4              # write plane 2
        .byte   0xc4, 4, 7              # without odd and even
        .byte   0xc4, 0, 3
        .byte   0xce, 4, 2              # read plane 2
        .byte   0xce, 5, 0
        .byte   0xce, 6, 4              # at A0000 … AFFFF
        .byte   0
text_access:
        .byte   0xc4, 0, 1
        .byte   0xc4, 2, 3
        .byte   0xc4, 4, 2
        .byte   0xc4, 0, 3
        .byte   0xce, 4, 0
        .byte   0xce, 5, 0x10
        .byte   0xce, 6, 0x0e
        .byte   0

# Notes mode AL with the parameters at CS:SI in the BIOS data area.
note_mode:
        and     al, 0x7f
        mov     [BDA_MODE], al
        movzx   ax, byte ptr cs:[si + P_COLUMNS]
        mov     [BDA_COLUMNS], ax
        mov     ax, cs:[si + P_PAGE_BYTES]
        mov     [BDA_PAGE_BYTES], ax
        mov     al, cs:[si + P_ROWS]
        mov     [BDA_ROWS], al
        movzx   ax, byte ptr cs:[si + P_HEIGHT]
        mov     [BDA_CHARACTER_HEIGHT], ax
        mov     word ptr [BDA_PAGE_START], 0
        mov     byte ptr [BDA_PAGE], 0
        mov     word ptr [BDA_CRTC], CRTC
        mov     byte ptr [BDA_VIDEO_CONTROL], 0x60
        mov     byte ptr [BDA_VIDEO_SWITCHES], 0xf9
        mov     byte ptr [BDA_VIDEO_FLAGS], 0x51
        mov     byte ptr [BDA_DISPLAY], 0x08
        mov     word ptr [BDA_CURSOR_SHAPE], 0x0607
        xor     ax, ax
        mov     bx, BDA_CURSOR
1:      mov     [bx], ax
        add     bx, 2
        cmp     bx, BDA_CURSOR + 16
        jb      1b
        ret

# --- tables ---------------------------------------------------------------------------------------------------------------

modes:
# 80 × 25 text, 9 × 16 pixels.
        .byte   0x03, 80, 24, 16
        .word   0x1000
        .byte   0x67
        .byte   0x03, 0x00, 0x03, 0x00, 0x02
        .byte   0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e
        .byte   0x00, 0x00, 0x00, 0x00, 0x9c, 0x8e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff
        .byte   0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x0e, 0x00, 0xff
        .byte   0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x14, 0x07, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f
        .byte   0x0c, 0x00, 0x0f, 0x08, 0x00
# 40 × 25 text.
        .byte   0x01, 40, 24, 16
        .word   0x0800
        .byte   0x67
        .byte   0x03, 0x08, 0x03, 0x00, 0x02
        .byte   0x2d, 0x27, 0x28, 0x90, 0x2b, 0xa0, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e
        .byte   0x00, 0x00, 0x00, 0x00, 0x9c, 0x8e, 0x8f, 0x14, 0x1f, 0x96, 0xb9, 0xa3, 0xff
        .byte   0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x0e, 0x00, 0xff
        .byte   0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x14, 0x07, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f
        .byte   0x0c, 0x00, 0x0f, 0x08, 0x00
# 640 × 480, 16 colours.
        .byte   0x12, 80, 29, 16
        .word   0xa000
        .byte   0xe3
        .byte   0x03, 0x01, 0x0f, 0x00, 0x06
        .byte   0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0b, 0x3e, 0x00, 0x40, 0x00, 0x00
        .byte   0x00, 0x00, 0x00, 0x00, 0xea, 0x8c, 0xdf, 0x28, 0x00, 0xe7, 0x04, 0xe3, 0xff
        .byte   0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, 0x0f, 0xff
        .byte   0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x14, 0x07, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f
        .byte   0x01, 0x00, 0x0f, 0x00, 0x00
# 320 × 200, 256 colours.
        .byte   0x13, 40, 24, 8
        .word   0xfa00
        .byte   0x63
        .byte   0x03, 0x01, 0x0f, 0x00, 0x0e
        .byte   0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0x00, 0x41, 0x00, 0x00
        .byte   0x00, 0x00, 0x00, 0x00, 0x9c, 0x8e, 0x8f, 0x28, 0x40, 0x96, 0xb9, 0xa3, 0xff
        .byte   0x00, 0x00, 0x00, 0x00, 0x00, 0x40, 0x05, 0x0f, 0xff
        .byte   0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f
        .byte   0x41, 0x00, 0x0f, 0x00, 0x00
modes_end:

greys:  .byte   0x00, 0x05, 0x08, 0x0b, 0x0e, 0x11, 0x14, 0x18, 0x1c, 0x20, 0x24, 0x28, 0x2d, 0x32, 0x38, 0x3f
levels: .byte   0, 16, 31, 47, 63
        .byte   31, 39, 47, 55, 63
        .byte   45, 49, 54, 58, 63
        .byte   0, 7, 14, 21, 28
        .byte   14, 17, 21, 24, 28
        .byte   20, 22, 24, 26, 28
        .byte   0, 4, 8, 12, 16
        .byte   8, 10, 12, 14, 16
        .byte   11, 12, 13, 15, 16
levels_end:
# Red, green and blue of the wheel, as numbers of levels: from blue over magenta, red, yellow, green and cyan.
hues:   .byte   0, 0, 4,  1, 0, 4,  2, 0, 4,  3, 0, 4,  4, 0, 4,  4, 0, 3,  4, 0, 2,  4, 0, 1
        .byte   4, 0, 0,  4, 1, 0,  4, 2, 0,  4, 3, 0,  4, 4, 0,  3, 4, 0,  2, 4, 0,  1, 4, 0
        .byte   0, 4, 0,  0, 4, 1,  0, 4, 2,  0, 4, 3,  0, 4, 4,  0, 3, 4,  0, 2, 4,  0, 1, 4
hues_end:

# 256 glyphs of 8 × 16 pixels, a byte a row: made from the emulator's own font when the BIOS is built.
font:   .incbin "font.bin"
        .equ    font_upper, font + 128 * 16
