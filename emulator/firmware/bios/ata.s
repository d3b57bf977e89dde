# The IDE drives: finding them, and transfers by programmed I/O, polled (ATA/ATAPI-6, T13/1410D).

        .include "bios.inc"
        .include "drives.inc"

        .section .text
        .globl  disks_init, ata_transfer, ata_wait, ata_select, ata_flush, normalise
        .globl  drives, drives_end, virtio_drives, set_geometry, name_disk, print_drive_size

# Registers, from the channel's port on.
        .equ    R_DATA, 0
        .equ    R_COUNT, 2
        .equ    R_LBA_LOW, 3
        .equ    R_LBA_MID, 4
        .equ    R_LBA_HIGH, 5
        .equ    R_DEVICE, 6
        .equ    R_COMMAND, 7            # status when read
        .equ    R_CONTROL, 0x206        # of both old-style channels
        .equ    BSY, 0x80
        .equ    DF, 0x20
        .equ    DRQ, 0x08
        .equ    ERR, 0x01
        .equ    NIEN, 0x02              # no interrupts: this BIOS polls
        .equ    SRST, 0x04

        .equ    READ_SECTORS, 0x20
        .equ    READ_SECTORS_EXT, 0x24
        .equ    WRITE_SECTORS, 0x30
        .equ    WRITE_SECTORS_EXT, 0x34
        .equ    VERIFY_SECTORS, 0x40
        .equ    VERIFY_SECTORS_EXT, 0x42
        .equ    FLUSH_CACHE, 0xe7
        .equ    IDENTIFY, 0xec
        .equ    IDENTIFY_PACKET, 0xa1

disks_init:
        mov     byte ptr cs:next_disk, FIRST_DISK
        mov     byte ptr cs:next_cd, FIRST_CD
        mov     si, offset drives
1:      # A reset of the channel before its first drive makes both show their signatures.
        cmp     byte ptr cs:[si + DRIVE_SELECT], 0xa0
        jne     2f
        mov     dx, cs:[si + DRIVE_PORT]
        add     dx, R_CONTROL
        OUTB    dx, NIEN+SRST
        mov     eax, 6                  # 5 µs
        call    wait_counts
        OUTB    dx, NIEN
        mov     eax, 2387               # 2 ms
        call    wait_counts
2:      call    find_drive
        add     si, DRIVE_SIZE
        cmp     si, offset virtio_drives
        jb      1b
        call    virtio_init
        mov     al, cs:next_disk
        sub     al, FIRST_DISK
        mov     [BDA_DISKS], al
        ret

# Looks for the drive at CS:SI.
find_drive:
        mov     byte ptr cs:[si + DRIVE_TYPE], 0
        mov     dx, cs:[si + DRIVE_PORT]
        add     dx, R_DEVICE
        mov     al, cs:[si + DRIVE_SELECT]
        out     dx, al
        inc     dx
        in      al, dx
        cmp     al, 0xff
        je      no_drive                # nothing drives the bus
        call    ata_wait_bsy
        jc      no_drive
        mov     bl, al
        sub     dx, R_COMMAND - R_LBA_MID
        in      al, dx
        mov     ah, al
        inc     dx
        in      al, dx
        cmp     ax, 0x14eb
        je      packet_drive
        test    ax, ax
        jnz     no_drive
        test    bl, bl                  # a disk is ready after a reset; only packet drives may show 0
        jz      no_drive
        mov     al, IDENTIFY
        call    identify
        jc      no_drive

        # Sectors: words 100 to 103 with 48 bits (bit 10 of word 83), else words 60 and 61.
        mov     eax, [BOOT_SECTOR + 2 * 60]
        xor     edx, edx
        test    word ptr [BOOT_SECTOR + 2 * 83], 1 << 10
        jz      1f
        mov     ecx, [BOOT_SECTOR + 2 * 100]
        or      ecx, [BOOT_SECTOR + 2 * 102]
        jz      1f
        mov     eax, [BOOT_SECTOR + 2 * 100]
        movzx   edx, word ptr [BOOT_SECTOR + 2 * 102]
1:      mov     cs:[si + DRIVE_SECTORS], eax
        mov     cs:[si + DRIVE_SECTORS + 4], edx
        call    set_geometry
        mov     byte ptr cs:[si + DRIVE_TYPE], TYPE_ATA
        call    name_disk
        call    print_model
        jmp     print_drive_size

packet_drive:
        mov     al, IDENTIFY_PACKET
        call    identify
        jc      no_drive
        mov     byte ptr cs:[si + DRIVE_TYPE], TYPE_ATAPI
        mov     al, cs:next_cd
        inc     byte ptr cs:next_cd
        call    print_number
        call    print_model
        push    si
        mov     si, offset new_line
        call    print
        pop     si
no_drive:
        ret

# Gives the disk at CS:SI the next number, and prints it.
name_disk:
        mov     al, cs:next_disk
        inc     byte ptr cs:next_disk
# Gives the drive at CS:SI the number AL, and prints it.
print_number:
        mov     cs:[si + DRIVE_NUMBER], al
        push    si
        call    print_hex8
        mov     si, offset drive_text
        call    print
        pop     si
        ret

# Prints the model's name: words with their bytes swapped, without trailing blanks.
print_model:
        push    si
        mov     cx, 40
        mov     bx, BOOT_SECTOR + 2 * 27
2:      mov     di, cx
        dec     di
        xor     di, 1
        cmp     byte ptr [bx + di], ' '
        ja      3f
        loop    2b
        jmp     5f
3:      xor     di, di
4:      mov     si, di
        xor     si, 1
        mov     al, [bx + si]
        call    print_char
        inc     di
        loop    4b
5:      pop     si
        ret

# Prints the size of the disk at CS:SI, and the end of the line.
print_drive_size:
        push    si
        mov     eax, cs:[si + DRIVE_SECTORS]
        mov     edx, cs:[si + DRIVE_SECTORS + 4]
        shrd    eax, edx, 11
        mov     si, offset size_opens
        call    print
        call    print_decimal
        mov     si, offset size_closes
        call    print
        pop     si
        ret

# Command AL (IDENTIFY …) of the drive at CS:SI: its 256 words at BOOT_SECTOR. CF when it fails.
identify:
        mov     dx, cs:[si + DRIVE_PORT]
        add     dx, R_COMMAND
        out     dx, al
        call    ata_wait
        jc      1f
        test    al, DRQ
        stc
        jz      1f
        sub     dx, R_COMMAND
        push    es
        push    ds
        pop     es
        mov     di, BOOT_SECTOR
        mov     cx, 256
        rep insw
        pop     es
        clc
1:      ret

# Cylinders and heads for CHS addresses of a disk of EDX:EAX sectors: 63 sectors a track, and as few heads as keep the
# cylinders within 1024 ("LBA-assisted translation").
set_geometry:
        push    edx
        push    eax
        test    edx, edx
        jnz     4f
        mov     bx, offset head_counts
1:      movzx   ecx, byte ptr cs:[bx]
        imul    ecx, ecx, SECTORS_A_TRACK
        mov     eax, [esp]
        xor     edx, edx
        div     ecx
        cmp     eax, 1024
        jbe     2f
        inc     bx
        cmp     bx, offset head_counts_end
        jb      1b
4:      mov     bx, offset head_counts_end - 1
        mov     eax, 1024
2:      test    eax, eax
        jnz     3f
        inc     ax
3:      mov     cs:[si + DRIVE_CYLINDERS], ax
        mov     al, cs:[bx]
        mov     cs:[si + DRIVE_HEADS], al
        pop     eax
        pop     edx
        ret

# Waits until the drive whose status register is DX is no longer busy: AL = status; CF after some seconds.
ata_wait_bsy:
        push    ecx
        mov     ecx, 0x1000000
1:      in      al, dx
        test    al, BSY
        jz      2f
        addr32 loop 1b
        stc
2:      pop     ecx
        ret

# The same, and CF when it tells of an error.
ata_wait:
        in      al, dx                  # 400 ns: the status may be old
        in      al, dx
        in      al, dx
        in      al, dx
        call    ata_wait_bsy
        jc      1f
        test    al, ERR | DF
        jz      1f
        stc
1:      ret

# Selects the drive at CS:SI; DX = its device register. CF when it stays busy.
ata_select:
        mov     dx, cs:[si + DRIVE_PORT]
        add     dx, R_COMMAND
        call    ata_wait_bsy
        jc      1f
        dec     dx
        mov     al, cs:[si + DRIVE_SELECT]
        out     dx, al
        inc     dx
        in      al, dx
        in      al, dx
        in      al, dx
        call    ata_wait_bsy
        dec     dx
1:      ret

# Transfers CX (1 to 128) sectors from EDX:EAX of the disk at CS:SI on; BL = 0 reads to ES:DI, 1 writes from there, 2 only
# verifies. CF when it fails. Keeps SI and BP.
ata_transfer:
        cmp     byte ptr cs:[si + DRIVE_TYPE], TYPE_VIRTIO
        je      virtio_transfer
        push    eax
        push    edx
        call    ata_select
        pop     edx
        pop     eax
        jc      failed
        # 28 bits of address are enough for most.
        mov     bh, 0
        test    edx, edx
        jnz     1f
        cmp     eax, 0x0fffff00
        jb      2f
1:      mov     bh, 1
2:      mov     cs:address, eax
        mov     cs:address + 4, edx
        mov     dx, cs:[si + DRIVE_PORT]
        add     dx, R_COUNT
        test    bh, bh
        jz      3f
        # The upper bytes go first into the same registers.
        xor     al, al
        out     dx, al
        inc     dx
        mov     al, cs:address + 3
        out     dx, al
        inc     dx
        mov     al, cs:address + 4
        out     dx, al
        inc     dx
        mov     al, cs:address + 5
        out     dx, al
        sub     dx, R_LBA_HIGH - R_COUNT
3:      mov     al, cl
        out     dx, al
        inc     dx
        mov     al, cs:address
        out     dx, al
        inc     dx
        mov     al, cs:address + 1
        out     dx, al
        inc     dx
        mov     al, cs:address + 2
        out     dx, al
        inc     dx
        xor     al, al
        test    bh, bh
        jnz     4f
        mov     al, cs:address + 3
        and     al, 0x0f
4:      or      al, cs:[si + DRIVE_SELECT]
        or      al, 0x40                # LBA
        out     dx, al
        inc     dx
        # The command, by direction and width.
        push    bx
        movzx   bx, bl
        shl     bx, 1
        pop     ax
        push    ax
        shr     ax, 8
        add     bx, ax
        mov     al, cs:[commands + bx]
        pop     bx
        out     dx, al
        cmp     bl, 1
        je      write_sectors
        ja      ata_wait                # verify: just wait

read_sectors:
        call    ata_wait
        jc      failed
        test    al, DRQ
        jz      failed
        call    normalise
        push    cx
        sub     dx, R_COMMAND
        mov     cx, 256
        rep insw
        add     dx, R_COMMAND
        pop     cx
        loop    read_sectors
        clc
        ret

write_sectors:
        call    ata_wait
        jc      failed
        test    al, DRQ
        jz      failed
        call    normalise
        push    cx
        push    si
        mov     si, di
        sub     dx, R_COMMAND
        mov     cx, 256
        rep outs dx, word ptr es:[si]
        add     dx, R_COMMAND
        mov     di, si
        pop     si
        pop     cx
        loop    write_sectors
        jmp     ata_wait

failed: stc
        ret

# ES:DI as segment and an offset below 16, so that a sector never wraps.
normalise:
        push    ax
        push    bx
        mov     bx, di
        shr     bx, 4
        mov     ax, es
        add     ax, bx
        mov     es, ax
        and     di, 0x0f
        pop     bx
        pop     ax
        ret

# Has the disk at CS:SI write its cache out. (A virtio disk without that feature has none.)
ata_flush:
        cmp     byte ptr cs:[si + DRIVE_TYPE], TYPE_VIRTIO
        je      1f
        call    ata_select
        jc      1f
        inc     dx
        mov     al, FLUSH_CACHE
        out     dx, al
        call    ata_wait
1:      ret

drive_text:
        .asciz  "h: "
size_opens:
        .asciz  " ("
size_closes:
        .asciz  " MiB)\r\n"
new_line:
        .asciz  "\r\n"

commands:
        .byte   READ_SECTORS, READ_SECTORS_EXT, WRITE_SECTORS, WRITE_SECTORS_EXT, VERIFY_SECTORS, VERIFY_SECTORS_EXT
head_counts:
        .byte   16, 32, 64, 128, 255
head_counts_end:

        .balign 4
drives: .byte   0, 0xa0
        .word   0x1f0
        .skip   DRIVE_SIZE - 4
        .byte   0, 0xb0
        .word   0x1f0
        .skip   DRIVE_SIZE - 4
        .byte   0, 0xa0
        .word   0x170
        .skip   DRIVE_SIZE - 4
        .byte   0, 0xb0
        .word   0x170
        .skip   DRIVE_SIZE - 4
virtio_drives:
        .set    rings, 0
        .rept   4
        .byte   0, rings
        .skip   DRIVE_SIZE - 2
        .set    rings, rings + 1
        .endr
drives_end:
address:
        .quad   0
next_disk:
        .byte   0
next_cd:
        .byte   0
