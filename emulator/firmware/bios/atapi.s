# CD drives: packet commands by programmed I/O (ATA/ATAPI-6; MMC-3).

        .include "bios.inc"
        .include "drives.inc"

        .section .text
        .globl  cd_read, cd_prepare

        .equ    R_FEATURES, 1
        .equ    R_BYTES_LOW, 4
        .equ    R_COMMAND, 7
        .equ    PACKET, 0xa0
        .equ    DRQ, 0x08
        .equ    RETRIES, 5

# Reads CX sectors of 2048 bytes from EAX of the drive at CS:SI on to ES:DI. CF when it fails. Keeps SI and BP.
cd_read:
        push    bx
        mov     bl, RETRIES
1:      pushad
        push    es
        # READ(10): address and length have their highest byte first.
        call    clear_packet
        bswap   eax
        mov     cs:packet + 2, eax
        xchg    cl, ch
        mov     cs:packet + 7, cx
        mov     byte ptr cs:packet, 0x28
        call    send_packet
        jc      2f
        call    receive
2:      pop     es
        popad
        jnc     3f
        # A drive tells of a changed medium by failing once; asking why takes that away.
        call    request_sense
        dec     bl
        jnz     1b
        stc
3:      pop     bx
        ret

# Makes the drive at CS:SI ready, CF when it has no medium; its capacity goes to DRIVE_SECTORS.
cd_prepare:
        push    bx
        push    es
        push    cs
        pop     es
        mov     bl, RETRIES
1:      call    clear_packet
        mov     byte ptr cs:packet, 0x25 # READ CAPACITY
        call    send_packet
        jc      2f
        mov     di, offset answer
        call    receive
        jnc     3f
2:      call    request_sense
        dec     bl
        jnz     1b
        stc
        jmp     4f
3:      mov     eax, cs:answer
        bswap   eax
        inc     eax
        mov     cs:[si + DRIVE_SECTORS], eax
        mov     dword ptr cs:[si + DRIVE_SECTORS + 4], 0
        clc
4:      pop     es
        pop     bx
        ret

request_sense:
        pushad
        push    es
        push    cs
        pop     es
        call    clear_packet
        mov     byte ptr cs:packet, 0x03
        mov     byte ptr cs:packet + 4, 18
        call    send_packet
        jc      1f
        mov     di, offset answer
        call    receive
1:      pop     es
        popad
        ret

clear_packet:
        mov     dword ptr cs:packet, 0
        mov     dword ptr cs:packet + 4, 0
        mov     dword ptr cs:packet + 8, 0
        ret

# Sends `packet` to the drive at CS:SI; DX = its status register, CF when it does not take it.
send_packet:
        call    ata_select
        jc      1f
        mov     dx, cs:[si + DRIVE_PORT]
        add     dx, R_FEATURES
        xor     al, al
        out     dx, al                  # no DMA
        add     dx, R_BYTES_LOW - R_FEATURES
        out     dx, al
        inc     dx
        mov     al, 2048 >> 8           # bytes at a time
        out     dx, al
        add     dx, 2
        mov     al, PACKET
        out     dx, al
        call    ata_wait
        jc      1f
        test    al, DRQ
        stc
        jz      1f
        push    si
        sub     dx, R_COMMAND
        mov     si, offset packet
        mov     cx, 12 / 2
        rep outs dx, word ptr cs:[si]
        add     dx, R_COMMAND
        pop     si
        clc
1:      ret

# Takes what the drive sends to ES:DI, until it has no more. CF when the command failed.
receive:
        call    ata_wait
        jc      1f
        test    al, DRQ
        jz      1f                      # done (CF is clear)
        sub     dx, R_COMMAND - R_BYTES_LOW
        in      al, dx
        mov     cl, al
        inc     dx
        in      al, dx
        mov     ch, al
        # Segment and an offset below 16, so that a block never wraps.
        push    bx
        mov     ax, di
        shr     ax, 4
        mov     bx, es
        add     ax, bx
        mov     es, ax
        pop     bx
        and     di, 0x0f
        inc     cx
        shr     cx, 1
        sub     dx, R_BYTES_LOW + 1
        rep insw
        add     dx, R_COMMAND
        jmp     receive
1:      ret

        .balign 4
packet: .skip   12
        .balign 4
answer: .skip   20
