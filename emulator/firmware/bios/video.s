# INT 10h: text on the VGA. In graphics modes characters are drawn in mode 12h only.

        .include "bios.inc"

        .section .text
        .globl  int10_video

        .equ    TEXT, 0xb800
        .equ    CRTC, 0x3d4

int10_video:
        SERVICE
        mov     si, offset video_calls
        call    dispatch
        SERVICE_END

video_calls:
        CASE    0x00, video_set_mode
        CASE    0x01, set_cursor_shape
        CASE    0x02, set_cursor
        CASE    0x03, get_cursor
        CASE    0x05, select_page
        CASE    0x06, scroll_up
        CASE    0x07, scroll_down
        CASE    0x08, read_character
        CASE    0x09, write_with_attribute
        CASE    0x0a, write_characters
        CASE    0x0e, teletype
        CASE    0x0f, get_mode
        CASE    0x10, palette
        CASE    0x11, fonts
        CASE    0x12, alternate
        CASE    0x13, write_string
        CASE    0x1a, display_combination
        CASE    0x4f, no_vesa
        OTHERWISE unknown

unknown:
        ret

# AH=4Fh: no VESA extension; AL is not 4Fh then.
no_vesa:
        mov     word ptr [bp + F_EAX], 0x0100
        ret

# AH=01h: shape of the cursor, first line CH (bit 5 hides it) and last line CL, in lines of an 8-line character.
set_cursor_shape:
        mov     [BDA_CURSOR_SHAPE], cx
        mov     ax, cx
        and     ch, 0x3f
        and     cl, 0x1f
        # Scaled to the character's height, unless the lines are beyond 8 already.
        cmp     byte ptr [BDA_CHARACTER_HEIGHT], 16
        jne     2f
        test    ch, 0x20
        jnz     2f
        cmp     cl, 8
        jae     2f
        cmp     ch, 8
        jae     2f
        cmp     cl, 7
        jne     1f
        cmp     ch, 6
        jne     1f
        mov     cx, 0x0d0e              # the usual underline
        jmp     2f
1:      shl     ch, 1
        shl     cl, 1
        inc     cl
2:      mov     dx, CRTC
        mov     al, 0x0a
        mov     ah, ch
        out     dx, ax
        inc     al
        mov     ah, cl
        out     dx, ax
        ret

# AH=02h: row DH and column DL of page BH.
set_cursor:
        call    page_cursor
        mov     [bx], dx
        mov     al, [bp + F_BH]
        cmp     al, [BDA_PAGE]
        jne     1f
        call    show_cursor
1:      ret

# BX = address of the cursor of page BH.
page_cursor:
        movzx   bx, bh
        and     bx, 7
        shl     bx, 1
        add     bx, BDA_CURSOR
        ret

# Moves the picture's cursor to DX (row, column) of the shown page.
show_cursor:
        mov     al, dh
        mul     byte ptr [BDA_COLUMNS]
        xor     dh, dh
        add     ax, dx
        mov     bx, [BDA_PAGE_START]
        shr     bx, 1
        add     bx, ax
        mov     dx, CRTC
        mov     al, 0x0e
        mov     ah, bh
        out     dx, ax
        inc     al
        mov     ah, bl
        out     dx, ax
        ret

# AH=03h: position and shape of the cursor of page BH.
get_cursor:
        call    page_cursor
        mov     ax, [bx]
        mov     [bp + F_EDX], ax
        mov     ax, [BDA_CURSOR_SHAPE]
        mov     [bp + F_ECX], ax
        mov     word ptr [bp + F_EAX], 0
        ret

# AH=05h: shows page AL.
select_page:
        and     al, 7
        mov     [BDA_PAGE], al
        movzx   ax, al
        mul     word ptr [BDA_PAGE_BYTES]
        mov     [BDA_PAGE_START], ax
        shr     ax, 1
        mov     bx, ax
        mov     dx, CRTC
        mov     al, 0x0c
        mov     ah, bh
        out     dx, ax
        inc     al
        mov     ah, bl
        out     dx, ax
        mov     bh, [BDA_PAGE]
        call    page_cursor
        mov     dx, [bx]
        jmp     show_cursor

# AH=06h, 07h: scrolls the window CX … DX (rows and columns) of the shown page up or down by AL rows, all of them for 0.
# New rows are blanks of attribute BH.
scroll_up:
        mov     byte ptr cs:scroll_direction, 0
        jmp     scroll
scroll_down:
        mov     byte ptr cs:scroll_direction, 1
scroll:
        cmp     byte ptr [BDA_MODE], 7
        ja      scroll_done             # graphics
        mov     ah, [BDA_ROWS]
        cmp     dh, ah
        jbe     1f
        mov     dh, ah
1:      mov     ah, [BDA_COLUMNS]
        dec     ah
        cmp     dl, ah
        jbe     2f
        mov     dl, ah
2:      sub     dl, cl
        jb      scroll_done
        inc     dl                      # columns
        sub     dh, ch
        jb      scroll_done
        inc     dh                      # rows
        cmp     al, dh
        ja      3f
        test    al, al
        jnz     4f
3:      mov     al, dh
4:      mov     cs:scroll_rows, al
        mov     ax, TEXT
        mov     es, ax

        # SI and DI: first row of source and destination; a step from row to row is in BP, which is restored at the end.
        push    bp
        mov     al, [BDA_COLUMNS]
        xor     ah, ah
        shl     ax, 1
        mov     bp, ax
        cmp     byte ptr cs:scroll_direction, 0
        je      5f
        add     ch, dh                  # down: from the last row on, upwards
        dec     ch
        neg     bp
5:      mul     ch
        mov     di, ax
        xor     ch, ch
        add     di, cx
        add     di, cx
        add     di, [BDA_PAGE_START]
        mov     al, cs:scroll_rows
        xor     ah, ah
        push    dx
        imul    ax, bp
        pop     dx
        mov     si, di
        add     si, ax
        sub     dh, cs:scroll_rows      # rows that move
        jz      7f
6:      mov     cl, dl
        push    si
        push    di
        rep movs word ptr es:[di], word ptr es:[si]
        pop     di
        pop     si
        add     si, bp
        add     di, bp
        dec     dh
        jnz     6b
7:      mov     ah, bh
        mov     al, ' '
        mov     dh, cs:scroll_rows
8:      mov     cl, dl
        push    di
        rep stosw
        pop     di
        add     di, bp
        dec     dh
        jnz     8b
        pop     bp
scroll_done:
        ret

# DI = offset in ES = the text memory of the cursor of page BH. Keeps all but AX.
cursor_cell:
        push    bx
        movzx   ax, bh
        and     al, 7
        push    dx
        mul     word ptr [BDA_PAGE_BYTES]
        mov     di, ax
        call    page_cursor
        mov     dx, [bx]
        mov     al, dh
        mul     byte ptr [BDA_COLUMNS]
        xor     dh, dh
        add     ax, dx
        shl     ax, 1
        add     di, ax
        mov     ax, TEXT
        mov     es, ax
        pop     dx
        pop     bx
        ret

# AH=08h: character and attribute at the cursor.
read_character:
        call    cursor_cell
        mov     ax, es:[di]
        mov     [bp + F_EAX], ax
        ret

# AH=09h: CX times character AL with attribute BL at the cursor, which stays.
write_with_attribute:
        cmp     byte ptr [BDA_MODE], 0x12
        je      draw_characters
        push    ax
        call    cursor_cell
        pop     ax
        mov     ah, bl
        rep stosw
        ret

# AH=0Ah: the same, keeping the attributes.
write_characters:
        cmp     byte ptr [BDA_MODE], 0x12
        je      draw_characters
        jcxz    2f
        push    ax
        call    cursor_cell
        pop     ax
1:      stosb
        inc     di
        loop    1b
2:      ret

# AH=0Eh: character AL at the cursor of the shown page, which moves on; scrolls at the end of the screen.
teletype:
        mov     bh, [BDA_PAGE]
        mov     ch, bl                  # colour in graphics
        push    bx
        call    page_cursor
        mov     dx, [bx]
        pop     bx
        call    put_character
        push    bx
        call    page_cursor
        mov     [bx], dx
        pop     bx
        jmp     show_cursor

# Writes AL at DX (row, column) of page BH and moves DX. In text the attribute that is there stays. Keeps BH.
put_character:
        cmp     al, 7
        je      3f                      # the bell is silent
        cmp     al, 8
        je      backspace
        cmp     al, 10
        je      line_feed
        cmp     al, 13
        je      carriage_return
        push    bx
        push    ax
        call    page_cursor
        mov     [bx], dx
        pop     ax
        pop     bx
        cmp     byte ptr [BDA_MODE], 0x12
        je      1f
        cmp     byte ptr [BDA_MODE], 7
        ja      2f
        push    ax
        call    cursor_cell
        pop     ax
        mov     es:[di], al
        jmp     2f
1:      call    draw_character
2:      inc     dl
        cmp     dl, [BDA_COLUMNS]
        jb      3f
        xor     dl, dl
line_feed:
        inc     dh
        cmp     dh, [BDA_ROWS]
        jbe     3f
        dec     dh
        # Scroll the whole screen; the new row takes the attribute at the cursor.
        pushad
        mov     byte ptr cs:scroll_direction, 0
        mov     bh, 7
        mov     ax, TEXT
        mov     es, ax
        mov     di, [BDA_PAGE_START]
        cmp     byte ptr [BDA_MODE], 7
        ja      4f
        mov     al, [BDA_ROWS]
        mul     byte ptr [BDA_COLUMNS]
        shl     ax, 1
        add     di, ax
        mov     bh, es:[di + 1]
4:      xor     cx, cx
        mov     dh, [BDA_ROWS]
        mov     dl, [BDA_COLUMNS]
        dec     dl
        mov     al, 1
        call    scroll
        popad
3:      ret
carriage_return:
        xor     dl, dl
        ret
backspace:
        cmp     dl, 1
        adc     dl, 0xff                # not before column 0
        ret

# AH=0Fh: mode, columns, shown page.
get_mode:
        mov     al, [BDA_MODE]
        mov     ah, [BDA_COLUMNS]
        mov     [bp + F_EAX], ax
        mov     al, [BDA_PAGE]
        mov     [bp + F_BH], al
        ret

# AH=13h: CX characters from ES:BP at DX of page BH with attribute BL. AL bit 0 moves the cursor, bit 1: attributes lie
# behind the characters.
write_string:
        cmp     byte ptr [BDA_MODE], 7
        ja      5f
        jcxz    5f
        push    bx
        call    page_cursor
        push    word ptr [bx]
        pop     word ptr cs:string_cursor
        pop     bx
        mov     si, [bp + 12]           # the caller's BP
        mov     ah, al
1:      push    es
        mov     al, es:[si]
        inc     si
        cmp     al, 7
        je      2f
        cmp     al, 8
        je      2f
        cmp     al, 10
        je      2f
        cmp     al, 13
        je      2f
        test    ah, 2
        jz      3f
        mov     bl, es:[si]
        inc     si
3:      push    ax
        push    bx
        call    page_cursor
        mov     [bx], dx
        pop     bx
        call    cursor_cell
        mov     es:[di + 1], bl
        pop     ax
2:      push    ax
        push    cx
        push    si
        call    put_character
        pop     si
        pop     cx
        pop     ax
        pop     es
        loop    1b
        test    ah, 1
        jnz     4f
        mov     dx, cs:string_cursor
4:      push    bx
        call    page_cursor
        mov     [bx], dx
        pop     bx
        cmp     bh, [BDA_PAGE]
        je      show_cursor
5:      ret

# --- characters in mode 12h ---------------------------------------------------------------------------------------------------

# AH=09h, 0Ah in graphics: CX times AL in colour BL.
draw_characters:
        jcxz    2f
        mov     ch, bl
        push    ax
        call    page_cursor
        mov     dx, [bx]
        pop     ax
        mov     bl, cl
        and     bl, 0x7f
        jz      2f
1:      call    draw_character
        inc     dl
        dec     bl
        jnz     1b
2:      ret

# Draws AL at DX (row, column) in colour CH on black, all four planes in write mode 2: the bit mask says which pixels
# take the colour.
draw_character:
        pusha
        mov     bl, al
        mov     ax, 0xa000
        mov     es, ax
        movzx   ax, dh
        imul    di, ax, 80 * 16
        xor     dh, dh
        add     di, dx
        movzx   si, bl
        shl     si, 4
        add     si, offset font
        mov     bh, ch
        mov     dx, 0x3ce
        mov     ax, 0x0205              # write mode 2
        out     dx, ax
        mov     cx, 16
1:      mov     al, 0x08                # bit mask: the glyph's row
        mov     ah, cs:[si]
        out     dx, ax
        mov     al, es:[di]             # latches
        mov     al, bh
        mov     es:[di], al
        mov     al, 0x08
        mov     ah, cs:[si]
        not     ah
        out     dx, ax
        mov     al, es:[di]
        xor     al, al
        mov     es:[di], al
        inc     si
        add     di, 80
        loop    1b
        mov     ax, 0x0005
        out     dx, ax
        mov     ax, 0xff08
        out     dx, ax
        popa
        ret

scroll_direction:
        .byte   0
scroll_rows:
        .byte   0
string_cursor:
        .word   0
