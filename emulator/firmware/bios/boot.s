# INT 19h: boots from the first medium that can, in the order that the CMOS tells; INT 18h: none can.

        .include "bios.inc"
        .include "drives.inc"

        .section .text
        .globl  int19_boot, int18_no_boot

        .equ    ORDER_FIRST, 0x3d       # low nibble the first, high nibble the second device
        .equ    ORDER_THIRD, 0x38       # high nibble
        .equ    ORDER_DISK, 2
        .equ    ORDER_CD, 3
        .equ    CD_BUFFER, 0x8000       # sectors of 2048 bytes are looked at here

int19_boot:
        cli
        xor     ax, ax
        mov     ds, ax
        mov     es, ax
        mov     ss, ax
        mov     sp, POST_STACK
        sti
        mov     al, ORDER_FIRST
        call    cmos_read
        mov     bl, al
        mov     al, ORDER_THIRD
        call    cmos_read
        shr     al, 4
        mov     bh, al                  # BX: the devices, first in the lowest nibble
        test    bx, bx
        jnz     next_device
        mov     bx, ORDER_CD << 4 | ORDER_DISK
next_device:
        mov     al, bl
        and     al, 0x0f
        push    bx
        cmp     al, ORDER_DISK
        jne     1f
        call    boot_disk
        jmp     2f
1:      cmp     al, ORDER_CD
        jne     2f
        call    boot_cds
2:      pop     bx
        shr     bx, 4
        jnz     next_device
        int     0x18

int18_no_boot:
        mov     si, offset nothing_text
        call    print
1:      hlt
        jmp     1b

# Boots from sector 0 of the first disk; comes back when there is no boot sector.
boot_disk:
        mov     dl, FIRST_DISK
        call    drive_of
        jc      1f
        mov     si, offset disk_text
        call    print
        mov     ax, 0x0201
        mov     bx, BOOT_SECTOR
        mov     cx, 0x0001
        mov     dx, FIRST_DISK
        int     0x13
        mov     si, offset unreadable_text
        jc      print
        cmp     word ptr [BOOT_SECTOR + 510], 0xaa55
        mov     si, offset no_signature_text
        jne     print
        mov     si, offset boots_text
        call    print
        mov     dx, FIRST_DISK
        # The registers of a boot: only DL means anything.
enter:  xor     ax, ax
        xor     bx, bx
        xor     cx, cx
        xor     si, si
        xor     di, di
        xor     bp, bp
        mov     ds, ax
        mov     es, ax
        mov     sp, POST_STACK
        ljmp    0, BOOT_SECTOR
1:      ret

# Boots from the first CD that El Torito calls bootable.
boot_cds:
        mov     dl, FIRST_CD
1:      call    drive_of
        jc      2f
        push    dx
        call    boot_cd
        pop     dx
        inc     dl
        jmp     1b
2:      ret

# Boots from the CD drive at CS:SI; comes back when it cannot ("El Torito" specification 1.0).
boot_cd:
        push    si
        mov     si, offset cd_text
        call    print
        pop     si
        call    cd_prepare
        mov     ax, offset no_medium_text
        jc      cd_fails
        # Sector 17: the boot record volume descriptor leads to the boot catalog.
        mov     eax, 17
        call    cd_sector
        jc      cd_unreadable
        mov     ax, offset not_bootable_text
        cmp     dword ptr [CD_BUFFER], 0x30444300 # 0, "CD0"
        jne     cd_fails
        cmp     dword ptr [CD_BUFFER + 7], 0x54204c45 # "EL T"
        jne     cd_fails
        mov     eax, [CD_BUFFER + 0x47]
        call    cd_sector
        jc      cd_unreadable
        # Its first entry validates the catalog, the second one is the default.
        mov     ax, offset not_bootable_text
        cmp     byte ptr [CD_BUFFER], 1
        jne     cd_fails
        cmp     word ptr [CD_BUFFER + 0x1e], 0xaa55
        jne     cd_fails
        cmp     byte ptr [CD_BUFFER + 0x20], 0x88
        jne     cd_fails
        mov     ax, offset emulation_text
        mov     bl, [CD_BUFFER + 0x21]
        and     bl, 0x0f                # 0: no emulation; 1 to 3: a diskette; 4: a hard disk
        cmp     bl, 4
        jae     cd_fails

        # For INT 13h AH=4Bh.
        mov     byte ptr cs:cd_specification, 19
        mov     cs:cd_specification + 1, bl
        mov     al, cs:[si + DRIVE_NUMBER]
        test    bl, bl
        jz      4f
        mov     al, bl
        mov     ebx, [CD_BUFFER + 0x28]
        call    diskette_start
        xor     al, al                  # the diskette takes number 00h
4:      mov     cs:cd_specification + 2, al
        mov     byte ptr cs:cd_specification + 3, 0
        mov     eax, [CD_BUFFER + 0x28]
        mov     cs:cd_specification + 4, eax
        mov     dword ptr cs:cd_specification + 8, 0
        mov     bx, [CD_BUFFER + 0x22]  # where to
        test    bx, bx
        jnz     1f
        mov     bx, BOOT_SECTOR >> 4
1:      mov     cs:cd_specification + 12, bx
        mov     cx, [CD_BUFFER + 0x26]  # sectors of 512 bytes
        mov     cs:cd_specification + 14, cx
        test    cx, cx
        jnz     2f
        inc     cx
2:      add     cx, 3
        shr     cx, 2

        # Up to EBDA: what does not fit there is no boot image.
        movzx   edx, bx
        shl     edx, 4
        movzx   ecx, cx
        mov     edi, ecx
        shl     edi, 11
        add     edi, edx
        mov     dx, offset too_large_text
        cmp     edi, EBDA_SEGMENT << 4
        xchg    ax, dx
        ja      cd_fails
        mov     eax, cs:cd_specification + 4
        mov     es, bx
3:      xor     di, di
        push    eax
        push    cx
        mov     cx, 1
        call    cd_read
        pop     cx
        pop     eax
        jc      cd_unreadable
        inc     eax
        mov     dx, es
        add     dx, 2048 / 16
        mov     es, dx
        loop    3b
        push    si
        mov     si, offset boots_text
        call    print
        pop     si
        movzx   dx, byte ptr cs:cd_specification + 2
        cmp     bx, BOOT_SECTOR >> 4
        je      enter                   # 0000:7C00, as most expect, rather than 07C0:0000
        xor     ax, ax
        mov     ds, ax
        mov     es, ax
        mov     sp, POST_STACK
        push    bx
        push    ax
        retf

cd_unreadable:
        mov     ax, offset unreadable_text
cd_fails:
        push    si
        mov     si, ax
        call    print
        pop     si
        push    0
        pop     es
        ret

# Reads sector EAX to CD_BUFFER.
cd_sector:
        mov     di, CD_BUFFER
        mov     cx, 1
        push    0
        pop     es
        jmp     cd_read

disk_text:
        .asciz  "Booting from the hard disk ... "
cd_text:
        .asciz  "Booting from the CD ... "
unreadable_text:
        .asciz  "it cannot be read.\r\n"
no_signature_text:
        .asciz  "it has no boot sector (55 AA).\r\n"
no_medium_text:
        .asciz  "there is none in the drive.\r\n"
not_bootable_text:
        .asciz  "it is not bootable (El Torito).\r\n"
emulation_text:
        .asciz  "it wants a hard disk to be emulated, which this BIOS does not.\r\n"
too_large_text:
        .asciz  "its boot image does not fit below 640 KiB.\r\n"
boots_text:
        .asciz  "\r\n"
nothing_text:
        .asciz  "No bootable device.\r\n"
