# INT 13h: disks by cylinder, head and sector and by sector number (Enhanced Disk Drive specification 3), CDs by sector
# number, and the state of a boot from CD (El Torito).

        .include "bios.inc"
        .include "drives.inc"

        .section .text
        .globl  int13_disk, drive_of, disk_succeeded, disk_failed, bad_command, last_status, cd_boot_state

int13_disk:
        SERVICE
        sti
        test    dl, dl
        jnz     2f
        cmp     byte ptr cs:diskette_sectors, 0
        je      2f
        mov     si, offset diskette_calls
        jmp     1f
2:      call    drive_of                # CS:SI
        jc      no_such_drive
        mov     cs:current, si
        cmp     byte ptr cs:[si + DRIVE_TYPE], TYPE_ATAPI
        mov     si, offset cd_calls
        je      1f
        mov     si, offset disk_calls
1:      call    dispatch
        SERVICE_END

no_such_drive:
        # Only the end of an emulation is asked for without a drive.
        cmp     ah, 0x4b
        je      1f
        mov     al, STATUS_BAD_COMMAND
        call    disk_failed
        SERVICE_END
1:      call    cd_boot_state
        SERVICE_END

disk_calls:
        CASE    0x00, disk_succeeded
        CASE    0x01, last_status
        CASE    0x02, read_chs
        CASE    0x03, write_chs
        CASE    0x04, verify_chs
        CASE    0x08, get_geometry
        CASE    0x09, disk_succeeded
        CASE    0x0c, disk_succeeded
        CASE    0x0d, disk_succeeded
        CASE    0x10, disk_succeeded
        CASE    0x11, disk_succeeded
        CASE    0x15, get_type
        CASE    0x41, extensions
        CASE    0x42, read_lba
        CASE    0x43, write_lba
        CASE    0x44, verify_lba
        CASE    0x47, disk_succeeded
        CASE    0x48, get_parameters
        CASE    0x4b, cd_boot_state
        OTHERWISE bad_command

cd_calls:
        CASE    0x00, disk_succeeded
        CASE    0x01, last_status
        CASE    0x0d, disk_succeeded
        CASE    0x10, disk_succeeded
        CASE    0x11, disk_succeeded
        CASE    0x15, get_type
        CASE    0x41, extensions
        CASE    0x42, cd_read_lba
        CASE    0x44, disk_succeeded
        CASE    0x47, disk_succeeded
        CASE    0x48, get_parameters
        CASE    0x4b, cd_boot_state
        OTHERWISE bad_command

# CS:SI = entry of the drive with number DL; CF when there is none. Keeps the rest.
drive_of:
        mov     si, offset drives
1:      cmp     byte ptr cs:[si + DRIVE_TYPE], 0
        je      2f
        cmp     cs:[si + DRIVE_NUMBER], dl
        je      3f
2:      add     si, DRIVE_SIZE
        cmp     si, offset drives_end
        jb      1b
        stc
        ret
3:      clc
        ret

# How calls end.
disk_succeeded:
        mov     byte ptr [BDA_DISK_STATUS], 0
        mov     byte ptr [bp + F_AH], 0
        CLEAR_CARRY
        ret
bad_command:
        mov     al, STATUS_BAD_COMMAND
disk_failed:
        mov     [BDA_DISK_STATUS], al
        mov     [bp + F_AH], al
        SET_CARRY
        ret

# AH=01h.
last_status:
        mov     al, [BDA_DISK_STATUS]
        mov     [bp + F_AH], al
        CLEAR_CARRY
        test    al, al
        jz      1f
        SET_CARRY
1:      ret

# AH=02h, 03h, 04h: AL sectors at CH, CL, DH from or to ES:BX.
read_chs:
        mov     byte ptr cs:direction, 0
        jmp     1f
write_chs:
        mov     byte ptr cs:direction, 1
        jmp     1f
verify_chs:
        mov     byte ptr cs:direction, 2
1:      mov     si, cs:current
        dec     al
        cmp     al, 128
        jae     bad_command             # 1 to 128 sectors
        # Sector number = (cylinder * heads + head) * sectors a track + sector - 1.
        movzx   edi, cl
        and     di, SECTORS_A_TRACK
        jz      bad_command
        dec     di
        movzx   eax, cl
        shl     ax, 2
        mov     al, ch                  # AH: bits 8 and 9 of the cylinder
        and     ah, 3
        cmp     ax, cs:[si + DRIVE_CYLINDERS]
        jae     chs_not_found
        movzx   ecx, byte ptr cs:[si + DRIVE_HEADS]
        cmp     dh, cl
        jae     chs_not_found
        imul    eax, ecx
        movzx   ecx, dh
        add     eax, ecx
        imul    eax, eax, SECTORS_A_TRACK
        add     eax, edi
        xor     edx, edx
        movzx   cx, byte ptr [bp + F_AL]
        mov     di, bx
        mov     bl, cs:direction
        call    in_range
        jc      chs_not_found
        call    ata_transfer
        jc      chs_failed
        cmp     byte ptr cs:direction, 1
        jne     disk_succeeded
        call    ata_flush
        jmp     disk_succeeded
chs_not_found:
        mov     byte ptr [bp + F_AL], 0
        mov     al, STATUS_NOT_FOUND
        jmp     disk_failed
chs_failed:
        mov     byte ptr [bp + F_AL], 0
        mov     al, STATUS_FAILED
        jmp     disk_failed

# CF unless the CX sectors from EDX:EAX on are on the drive at CS:SI. Keeps all.
in_range:
        push    eax
        push    edx
        movzx   ecx, cx
        add     eax, ecx
        adc     edx, 0
        jc      1f
        # drive's sectors - end
        push    ecx
        mov     ecx, cs:[si + DRIVE_SECTORS]
        sub     ecx, eax
        mov     ecx, cs:[si + DRIVE_SECTORS + 4]
        sbb     ecx, edx
        pop     ecx
1:      pop     edx
        pop     eax
        ret

# AH=08h: highest cylinder, head and sector; number of disks. By tradition the last cylinder is kept for diagnostics.
get_geometry:
        mov     si, cs:current
        mov     ax, cs:[si + DRIVE_CYLINDERS]
        dec     ax
        jz      1f
        dec     ax
1:      mov     [bp + F_CH], al
        shl     ah, 6
        or      ah, SECTORS_A_TRACK
        mov     [bp + F_CL], ah
        mov     al, cs:[si + DRIVE_HEADS]
        dec     al
        mov     [bp + F_DH], al
        mov     al, [BDA_DISKS]
        mov     [bp + F_DL], al
        mov     byte ptr [bp + F_AL], 0
        mov     byte ptr [bp + F_BL], 0
        jmp     disk_succeeded

# AH=15h: a hard disk (AH=3) with its sectors in CX:DX; a CD answers as a removable medium.
get_type:
        mov     si, cs:current
        mov     byte ptr [BDA_DISK_STATUS], 0
        CLEAR_CARRY
        mov     byte ptr [bp + F_AH], 2
        cmp     byte ptr cs:[si + DRIVE_TYPE], TYPE_ATAPI
        je      1f
        movzx   eax, word ptr cs:[si + DRIVE_CYLINDERS]
        movzx   ecx, byte ptr cs:[si + DRIVE_HEADS]
        imul    eax, ecx
        imul    eax, eax, SECTORS_A_TRACK
        mov     [bp + F_EDX], ax
        shr     eax, 16
        mov     [bp + F_ECX], ax
        mov     byte ptr [bp + F_AH], 3
1:      ret

# --- extensions ------------------------------------------------------------------------------------------------------------

# AH=41h: they are there: version 3, disk access by packets and (bit 2) enhanced drive support.
extensions:
        cmp     bx, 0x55aa
        jne     bad_command
        mov     word ptr [bp + F_EBX], 0xaa55
        mov     byte ptr [bp + F_AH], 0x30
        mov     word ptr [bp + F_ECX], 0x0005
        mov     byte ptr [BDA_DISK_STATUS], 0
        CLEAR_CARRY
        ret

# Takes the disk address packet at the caller's DS:SI apart: EDX:EAX = sector, CX = count (1 to 127), ES:DI = buffer,
# SI = drive. CF when it is not right.
take_packet:
        mov     ax, [bp + F_DS]
        mov     es, ax
        cmp     byte ptr es:[si], 0x10
        jb      1f
        movzx   cx, byte ptr es:[si + 2]
        dec     cx
        cmp     cx, 127
        jae     1f
        inc     cx
        mov     eax, es:[si + 8]
        mov     edx, es:[si + 12]
        les     di, es:[si + 4]
        mov     si, cs:current
        clc
        ret
1:      stc
        ret

# The number of sectors that were transferred goes back into the packet: none.
nothing_done:
        mov     al, STATUS_FAILED
none_done:
        push    ds
        mov     ds, [bp + F_DS]
        mov     si, [bp + F_ESI]
        mov     word ptr [si + 2], 0
        pop     ds
        jmp     disk_failed
outside:
        mov     al, STATUS_NOT_FOUND
        jmp     none_done

# AH=42h, 43h, 44h.
read_lba:
        mov     bl, 0
        jmp     1f
write_lba:
        mov     bl, 1
        jmp     1f
verify_lba:
        mov     bl, 2
1:      call    take_packet
        jc      bad_command
        call    in_range
        jc      outside
        mov     cs:direction, bl
        call    ata_transfer
        jc      nothing_done
        cmp     byte ptr cs:direction, 1
        jne     disk_succeeded
        call    ata_flush
        jmp     disk_succeeded

# AH=42h of a CD.
cd_read_lba:
        call    take_packet
        jc      bad_command
        cmp     dword ptr cs:[si + DRIVE_SECTORS], 0
        jne     1f
        call    cd_prepare_quietly
1:      call    in_range
        jc      outside
        call    cd_read
        jc      nothing_done
        jmp     disk_succeeded

cd_prepare_quietly:
        pushad
        call    cd_prepare
        popad
        ret

# AH=48h: what is known of the drive, 26 bytes at DS:SI.
get_parameters:
        mov     di, si
        mov     es, [bp + F_DS]
        cmp     word ptr es:[di], 26
        jb      bad_command
        mov     si, cs:current
        mov     word ptr es:[di], 26
        mov     eax, cs:[si + DRIVE_SECTORS]
        mov     edx, cs:[si + DRIVE_SECTORS + 4]
        mov     es:[di + 16], eax
        mov     es:[di + 20], edx
        cmp     byte ptr cs:[si + DRIVE_TYPE], TYPE_ATAPI
        je      1f
        mov     word ptr es:[di + 2], 0x0002 # cylinders, heads and sectors are valid
        movzx   eax, word ptr cs:[si + DRIVE_CYLINDERS]
        mov     es:[di + 4], eax
        movzx   eax, byte ptr cs:[si + DRIVE_HEADS]
        mov     es:[di + 8], eax
        mov     dword ptr es:[di + 12], SECTORS_A_TRACK
        mov     word ptr es:[di + 24], 512
        jmp     disk_succeeded
1:      mov     word ptr es:[di + 2], 0x0074 # removable, changes seen, lockable, full capacity
        mov     dword ptr es:[di + 4], 0xffffffff
        mov     dword ptr es:[di + 8], 0xffffffff
        mov     dword ptr es:[di + 12], 0xffffffff
        mov     word ptr es:[di + 24], 2048
        jmp     disk_succeeded

# AH=4Bh: AL = 01h tells what was booted from CD (19 bytes at DS:SI), 00h also ends the emulation.
cd_boot_state:
        cmp     byte ptr cs:cd_specification, 0
        je      bad_command
        cmp     byte ptr [bp + F_AL], 1
        ja      bad_command
        je      1f
        call    diskette_end
1:      mov     di, [bp + F_ESI]
        mov     es, [bp + F_DS]
        mov     si, offset cd_specification
        mov     cx, 19
        rep movs byte ptr es:[di], byte ptr cs:[si]
        jmp     disk_succeeded

        .balign 4
# The specification packet of AH=4Bh: its size (0 when no CD was booted), medium (0: no emulation), drive, …
        .globl  cd_specification
cd_specification:
        .skip   20
current:
        .word   0
direction:
        .byte   0
