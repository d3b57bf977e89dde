# A boot sector that sets one video mode after the other through the BIOS, draws into the video memory, and waits for a
# key: port 0xE9 gets a P at each picture and an E at the end. The pictures use every plane, bank and attribute.
        .code16
        .globl  start
start:
        cli
        xorw    %ax, %ax
        movw    %ax, %ds
        movw    %ax, %ss
        movw    $0x7c00, %sp
        sti
        cld
        movw    $modes, %si
next_mode:
        movw    (%si), %ax              # mode; how it is drawn is in its bits 12 to 15
        addw    $2, %si
        cmpw    $0xffff, %ax
        je      done
        movw    %ax, %bp
        andw    $0x0fff, %ax
        cmpw    $0x100, %ax
        jae     vbe
        int     $0x10
        jmp     draw
vbe:
        movw    %ax, %bx
        movw    $0x4f02, %ax
        int     $0x10
draw:
        movw    $0x2000, %cx            # no cursor: it blinks by the host's clock
        movb    $0x01, %ah
        int     $0x10
        shrw    $12, %bp
        movw    $0xb800, %ax
        movw    %ax, %es
        xorw    %di, %di
        decw    %bp
        js      text
        jz      cga
        movw    $0xa000, %ax
        movw    %ax, %es
        decw    %bp
        jz      planes
        jmp     banks

text:
        movw    %di, %ax
        shrw    $1, %ax
        movb    %al, %ah
        andb    $0xf0, %al
        cmpb    $0xb0, %al              # there QEMU repeats the eighth dot, which hardware does from 0xc0 on only
        movb    %ah, %al
        jne     1f
        movb    $'#', %al
1:
        andb    $0x7f, %ah              # does not blink
        xorb    $0x07, %ah
        stosw
        cmpw    $4000, %di
        jb      text
        # A frame of characters in whose last column nine dots matter.
        movw    $0x1fcd, %ax
        movw    $80, %cx
        xorw    %di, %di
        rep stosw
        jmp     picture

cga:
        movw    %di, %ax
        shrw    $3, %ax
        xorw    %di, %ax
        stosb
        cmpw    $0x4000, %di
        jb      cga
        jmp     picture

planes:
        movb    $0x01, %bl              # plane
1:      movb    %bl, %ah
        call    map_mask
        xorw    %di, %di
2:      movw    %di, %ax
        shrw    $2, %ax
        mulb    %bl
        stosb
        cmpw    $0xffff, %di
        jne     2b
        shlb    $1, %bl
        cmpb    $0x10, %bl
        jb      1b
        # Over it, a block by write mode 2 with all bits, and one by set/reset and half a bit mask.
        movb    $0x0f, %ah
        call    map_mask
        movw    $0x0205, %ax
        call    graphics_register
        movw    $400, %di
        movw    $300, %cx
        movb    $0x0a, %al
        rep stosb
        movw    $0x0005, %ax
        call    graphics_register
        movw    $0x0c00, %ax            # set/reset: colour 12
        call    graphics_register
        movw    $0x0f01, %ax            # in all planes
        call    graphics_register
        movw    $0x3c08, %ax            # four dots of each byte
        call    graphics_register
        movw    $0x1003, %ax            # or with the latches
        call    graphics_register
        movw    $1600, %di
3:      movb    %es:(%di), %al
        stosb
        cmpw    $3200, %di
        jb      3b
        jmp     picture

banks:
        xorw    %bx, %bx
1:      movw    $0x1ce, %dx             # the display interface's bank
        movw    $5, %ax
        outw    %ax, %dx
        incw    %dx
        movw    %bx, %ax
        outw    %ax, %dx
        xorw    %di, %di
2:      movw    %di, %ax
        shrw    $3, %ax
        addw    %di, %ax
        addw    %bx, %ax
        rolw    %cl, %ax
        stosw
        incw    %cx
        testw   %di, %di
        jnz     2b
        incw    %bx
        cmpw    $20, %bx
        jb      1b

picture:
        movb    $'P', %al
        outb    %al, $0xe9
        xorw    %ax, %ax
        int     $0x16
        jmp     next_mode
done:
        movb    $'E', %al
        outb    %al, $0xe9
        hlt

map_mask:
        movb    $0x02, %al
        movw    $0x3c4, %dx
        outw    %ax, %dx
        ret
graphics_register:
        movw    $0x3ce, %dx
        outw    %ax, %dx
        ret

# Bits 12 to 15: 0 text, 1 CGA, 2 planes, 3 linear.
modes:
        .word   0x0003, 0x1004, 0x1006, 0x200d, 0x200e, 0x2010, 0x2012, 0x3013
        .word   0x3101, 0x3110, 0x3111, 0x3112, 0x3142
        .word   0xffff
        .org    510
        .word   0xaa55
