# INT 14h: serial ports. INT 17h: there is no printer.

        .include "bios.inc"

        .section .text
        .globl  serial_ports_init, int14_serial, int17_printer

# Ports that answer, into the BIOS data area and the equipment word.
serial_ports_init:
        mov     si, offset com_ports
        mov     di, BDA_COM
1:      mov     dx, cs:[si]
        add     dx, 7                   # a scratch register
        mov     al, 0x5a
        out     dx, al
        in      al, dx
        cmp     al, 0x5a
        jne     2f
        sub     dx, 7
        mov     [di], dx
        add     di, 2
        add     word ptr [BDA_EQUIPMENT], 1 << 9
2:      add     si, 2
        cmp     si, offset com_ports_end
        jb      1b
        mov     dword ptr [BDA_COM_TIMEOUT], 0x0a0a0a0a
        mov     dword ptr [BDA_LPT_TIMEOUT], 0x14141414
        # Equipment: 80 × 25 colour text, a coprocessor, a mouse port.
        or      word ptr [BDA_EQUIPMENT], 0x0026
        ret

int14_serial:
        SERVICE
        cmp     dx, 4
        jae     3f
        mov     bx, dx
        shl     bx, 1
        mov     dx, [bx + BDA_COM]
        test    dx, dx
        jz      3f
        mov     si, offset serial_calls
        call    dispatch
        SERVICE_END
3:      mov     byte ptr [bp + F_AH], 0x80 # time-out
        SERVICE_END

serial_calls:
        CASE    0x00, serial_set
        CASE    0x01, serial_send
        CASE    0x02, serial_receive
        CASE    0x03, serial_status
        OTHERWISE serial_status

# AH=00h: AL has the rate in bits 5 to 7, else the line's format as the port wants it.
serial_set:
        mov     bl, al
        shr     al, 5
        movzx   si, al
        shl     si, 1
        mov     cx, cs:[divisors + si]
        add     dx, 3
        mov     al, 0x80
        out     dx, al
        sub     dx, 3
        mov     al, cl
        out     dx, al
        inc     dx
        mov     al, ch
        out     dx, al
        add     dx, 2
        mov     al, bl
        and     al, 0x1f
        out     dx, al
        sub     dx, 2
        xor     al, al
        out     dx, al
        dec     dx
serial_status:
        add     dx, 5
        in      al, dx
        mov     [bp + F_AH], al
        inc     dx
        in      al, dx
        mov     [bp + F_AL], al
        ret

# AH=01h: sends AL; bit 7 of AH tells of a time-out.
serial_send:
        mov     bl, al
        mov     ah, 0x20
        call    wait_line
        jz      1f
        sub     dx, 5
        push    ax
        mov     al, bl
        out     dx, al
        pop     ax
1:      mov     [bp + F_AH], al
        ret

# AH=02h: receives AL.
serial_receive:
        mov     ah, 0x01
        call    wait_line
        jz      1f
        sub     dx, 5
        mov     ah, al
        in      al, dx
        mov     [bp + F_AL], al
        mov     al, ah
1:      mov     [bp + F_AH], al
        ret

# Waits for bit AH of the line status of the port at DX: AL = status, bit 7 and ZF set after a while without it.
wait_line:
        add     dx, 5
        mov     ecx, 0x40000
1:      in      al, dx
        test    al, ah
        jnz     2f
        addr32 loop 1b
        or      al, 0x80
        cmp     al, al                  # ZF
        ret
2:      and     al, 0x7f
        or      ah, ah                  # not ZF
        ret

int17_printer:
        SERVICE
        mov     byte ptr [bp + F_AH], 0x01 # time-out
        SERVICE_END

com_ports:
        .word   0x3f8, 0x2f8, 0x3e8, 0x2e8
com_ports_end:
# 115200 divided by 110, 150, 300, 600, 1200, 2400, 4800, 9600 baud.
divisors:
        .word   1047, 768, 384, 192, 96, 48, 24, 12
