# The diskette that El Torito's emulation makes of an image on a CD: INT 13h for drive 00h, read-only.

        .include "bios.inc"
        .include "drives.inc"

        .section .text
        .globl  diskette_calls, diskette_start, diskette_end, diskette_sectors

        .equ    CYLINDERS, 80
        .equ    HEADS, 2
        .equ    STATUS_PROTECTED, 0x03
        .equ    NOTHING, 0xffffffff

diskette_calls:
        CASE    0x00, disk_succeeded
        CASE    0x01, last_status
        CASE    0x02, read_diskette
        CASE    0x03, protected
        CASE    0x04, verify_diskette
        CASE    0x05, protected
        CASE    0x08, diskette_geometry
        CASE    0x0c, disk_succeeded
        CASE    0x15, diskette_type
        CASE    0x16, disk_succeeded    # the medium is still the same
        CASE    0x4b, cd_boot_state
        OTHERWISE bad_command

# Begins the emulation of medium AL (1: 1.2 MB, 2: 1.44 MB, 3: 2.88 MB) from sector EBX of the CD drive at CS:SI.
diskette_start:
        push    di
        movzx   di, al
        mov     al, cs:[sectors_a_track + di - 1]
        mov     cs:diskette_sectors, al
        mov     cs:diskette_cd, si
        mov     cs:diskette_image, ebx
        mov     dword ptr cs:buffered, NOTHING
        or      byte ptr [BDA_EQUIPMENT], 1
        pop     di
        ret

diskette_end:
        mov     byte ptr cs:diskette_sectors, 0
        and     byte ptr [BDA_EQUIPMENT], 0xfe
        ret

protected:
        mov     al, STATUS_PROTECTED
        jmp     disk_failed

# EAX = the sector of 512 bytes at cylinder CH, head DH, sector CL; CF when there is none. Keeps the rest but DI.
sector_number:
        movzx   eax, ch
        cmp     al, CYLINDERS
        cmc
        jc      1f
        cmp     dh, HEADS
        cmc
        jc      1f
        movzx   edi, dh
        shl     ax, 1
        add     ax, di
        movzx   edi, byte ptr cs:diskette_sectors
        imul    ax, di
        movzx   edi, cl
        sub     di, 1                   # sectors count from 1
        jc      1f
        cmp     cl, cs:diskette_sectors
        ja      2f
        add     ax, di
        clc
1:      ret
2:      stc
        ret

verify_diskette:
        call    sector_number
        jc      not_found
        jmp     disk_succeeded

# AH=02h: AL sectors to ES:BX, each out of a quarter of a sector of the CD.
read_diskette:
        call    sector_number
        jc      not_found
        mov     di, bx
        movzx   cx, byte ptr [bp + F_AL]
        jcxz    not_found
        mov     ebx, eax
1:      mov     eax, ebx
        shr     eax, 2
        add     eax, cs:diskette_image
        cmp     eax, cs:buffered
        je      2f
        push    es
        push    di
        push    cx
        push    cs
        pop     es
        mov     di, offset sector_buffer
        mov     cx, 1
        mov     si, cs:diskette_cd
        mov     dword ptr cs:buffered, NOTHING
        call    cd_read
        pop     cx
        pop     di
        pop     es
        jc      failed
        mov     cs:buffered, eax
2:      mov     si, bx
        and     si, 3
        shl     si, 9
        add     si, offset sector_buffer
        call    normalise
        push    cx
        mov     cx, SECTOR / 2
        rep movs word ptr es:[di], word ptr cs:[si]
        pop     cx
        inc     ebx
        loop    1b
        jmp     disk_succeeded
not_found:
        mov     al, STATUS_NOT_FOUND
        jmp     1f
failed: mov     al, STATUS_FAILED
1:      mov     byte ptr [bp + F_AL], 0
        jmp     disk_failed

# AH=08h: drive type 4 (1.44 MB), or as the medium is; highest cylinder, sector and head; one drive; its parameters.
diskette_geometry:
        mov     cl, cs:diskette_sectors
        mov     ch, CYLINDERS - 1
        mov     [bp + F_ECX], cx
        mov     word ptr [bp + F_EDX], (HEADS - 1) << 8 | 1
        mov     word ptr [bp + F_EBX], 4
        mov     word ptr [bp + F_EAX], 0
        mov     word ptr [bp + F_ES], BIOS_SEGMENT
        mov     word ptr [bp + F_EDI], offset diskette_parameters
        jmp     disk_succeeded

# AH=15h: a diskette drive that does not tell of changes.
diskette_type:
        mov     byte ptr [BDA_DISK_STATUS], 0
        mov     byte ptr [bp + F_AH], 1
        CLEAR_CARRY
        ret

# Of 1.2, 1.44 and 2.88 MB.
sectors_a_track:
        .byte   15, 18, 36
# Sectors a track of the emulated diskette; 0 without emulation.
diskette_sectors:
        .byte   0
        .balign 4
diskette_image:
        .long   0
# The CD's sector in the buffer.
buffered:
        .long   NOTHING
diskette_cd:
        .word   0
        .balign 16
sector_buffer:
        .skip   2048
