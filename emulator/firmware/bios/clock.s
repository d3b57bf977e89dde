# INT 1Ah: ticks since midnight and the real time clock; AH=B1h is PCI's.

        .include "bios.inc"

        .section .text
        .globl  clock_init, int1a_clock

        .equ    SECONDS, 0x00
        .equ    MINUTES, 0x02
        .equ    HOURS, 0x04
        .equ    DAY, 0x07
        .equ    MONTH, 0x08
        .equ    YEAR, 0x09
        .equ    REGISTER_A, 0x0a
        .equ    REGISTER_B, 0x0b
        .equ    CENTURY, 0x32

# The clock in BCD and 24 hours; the ticks since midnight as the clock has it.
clock_init:
        OUTB    0x70, REGISTER_A
        OUTB    0x71, 0x26
        OUTB    0x70, REGISTER_B
        OUTB    0x71, 0x02
        mov     al, 0x0d
        call    cmos_read
        call    wait_update
        mov     al, HOURS
        call    read_binary
        imul    ebx, eax, 60
        mov     al, MINUTES
        call    read_binary
        add     ebx, eax
        imul    ebx, ebx, 60
        mov     al, SECONDS
        call    read_binary
        add     eax, ebx
        # 1193182 / 65536 ticks a second.
        mov     edx, 1193182
        mul     edx
        shrd    eax, edx, 16
        mov     [BDA_TICKS], eax
        ret

# EAX = BCD register AL as a number.
read_binary:
        call    cmos_read
        mov     ah, al
        shr     ah, 4
        and     al, 0x0f
        aad
        movzx   eax, al
        ret

# Waits until the clock is not just being updated.
wait_update:
        push    cx
        mov     cx, 0xffff
1:      mov     al, REGISTER_A
        call    cmos_read
        test    al, 0x80
        loopnz  1b
        pop     cx
        ret

int1a_clock:
        SERVICE
        mov     si, offset clock_calls
        call    dispatch
        SERVICE_END

clock_calls:
        CASE    0x00, get_ticks
        CASE    0x01, set_ticks
        CASE    0x02, get_time
        CASE    0x03, set_time
        CASE    0x04, get_date
        CASE    0x05, set_date
        CASE    0x06, set_alarm
        CASE    0x07, clear_alarm
        CASE    0xb1, pci_call
        OTHERWISE unknown
unknown:
        SET_CARRY
        ret
succeeded:
        mov     byte ptr [bp + F_AH], 0
        CLEAR_CARRY
        ret

# AH=00h: ticks in CX:DX; AL is not 0 when midnight has passed since the last call.
get_ticks:
        pushf
        cli
        mov     eax, [BDA_TICKS]
        mov     bl, [BDA_MIDNIGHT]
        mov     byte ptr [BDA_MIDNIGHT], 0
        popf
        mov     [bp + F_EDX], ax
        shr     eax, 16
        mov     [bp + F_ECX], ax
        mov     [bp + F_AL], bl
        jmp     succeeded

# AH=01h.
set_ticks:
        pushf
        cli
        mov     [BDA_TICKS], dx
        mov     [BDA_TICKS + 2], cx
        mov     byte ptr [BDA_MIDNIGHT], 0
        popf
        jmp     succeeded

# AH=02h: hours, minutes and seconds in CH, CL and DH, BCD; DL = daylight saving.
get_time:
        call    wait_update
        mov     al, HOURS
        call    cmos_read
        mov     [bp + F_CH], al
        mov     al, MINUTES
        call    cmos_read
        mov     [bp + F_CL], al
        mov     al, SECONDS
        call    cmos_read
        mov     [bp + F_DH], al
        mov     al, REGISTER_B
        call    cmos_read
        and     al, 1
        mov     [bp + F_DL], al
        jmp     succeeded

# AH=03h.
set_time:
        call    stop_clock
        mov     al, HOURS
        mov     ah, ch
        call    cmos_write
        mov     al, MINUTES
        mov     ah, cl
        call    cmos_write
        mov     al, SECONDS
        mov     ah, dh
        call    cmos_write
        jmp     start_clock

# AH=04h: century, year, month and day in CH, CL, DH and DL, BCD.
get_date:
        call    wait_update
        mov     al, CENTURY
        call    cmos_read
        mov     [bp + F_CH], al
        mov     al, YEAR
        call    cmos_read
        mov     [bp + F_CL], al
        mov     al, MONTH
        call    cmos_read
        mov     [bp + F_DH], al
        mov     al, DAY
        call    cmos_read
        mov     [bp + F_DL], al
        jmp     succeeded

# AH=05h.
set_date:
        call    stop_clock
        mov     al, CENTURY
        mov     ah, ch
        call    cmos_write
        mov     al, YEAR
        mov     ah, cl
        call    cmos_write
        mov     al, MONTH
        mov     ah, dh
        call    cmos_write
        mov     al, DAY
        mov     ah, dl
        call    cmos_write
start_clock:
        mov     al, REGISTER_B
        call    cmos_read
        mov     ah, al
        and     ah, 0x7f
        mov     al, REGISTER_B
        call    cmos_write
        jmp     succeeded

# Bit 7 of register B holds the clock while it is set.
stop_clock:
        mov     al, REGISTER_B
        call    cmos_read
        mov     ah, al
        or      ah, 0x80
        mov     al, REGISTER_B
cmos_write:
        out     0x70, al
        xchg    al, ah
        out     0x71, al
        ret

# AH=06h: INT 4Ah at CH:CL:DH. Fails when an alarm is set.
set_alarm:
        mov     al, REGISTER_B
        call    cmos_read
        test    al, 0x20
        jnz     unknown
        mov     al, 0x05
        mov     ah, ch
        call    cmos_write
        mov     al, 0x03
        mov     ah, cl
        call    cmos_write
        mov     al, 0x01
        mov     ah, dh
        call    cmos_write
        in      al, 0xa1
        and     al, 0xfe
        out     0xa1, al
        mov     al, REGISTER_B
        call    cmos_read
        mov     ah, al
        or      ah, 0x20
        mov     al, REGISTER_B
        call    cmos_write
        jmp     succeeded

# AH=07h: no alarm.
clear_alarm:
        mov     al, REGISTER_B
        call    cmos_read
        mov     ah, al
        and     ah, 0xdf
        mov     al, REGISTER_B
        call    cmos_write
        jmp     succeeded
