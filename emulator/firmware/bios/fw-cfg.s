# The emulator's configuration device (QEMU's docs/specs/fw_cfg): named files that hold tables made for the board.

        .include "bios.inc"

        .section .text
        .globl  config_present, config_find, config_read

        .equ    SELECTOR, 0x510
        .equ    DATA, 0x511
        .equ    KEY_SIGNATURE, 0x0000
        .equ    KEY_DIRECTORY, 0x0019
        .equ    NAME_BYTES, 56

# CF unless the device is there.
config_present:
        mov     dx, SELECTOR
        mov     ax, KEY_SIGNATURE
        out     dx, ax
        call    read_dword
        cmp     eax, 0x51454d55         # "QEMU", its first letter highest
        je      1f
        stc
1:      ret

# EAX = the next four bytes, the first one highest.
read_dword:
        push    cx
        mov     dx, DATA
        mov     cx, 4
1:      shl     eax, 8
        in      al, dx
        loop    1b
        pop     cx
        ret

# Looks for the file with the name at ES:DI (up to 56 bytes, ended by a zero). ECX = size, BX = key; CF when there is
# none. Keeps the rest.
config_find:
        pushad
        mov     bp, sp
        mov     dx, SELECTOR
        mov     ax, KEY_DIRECTORY
        out     dx, ax
        call    read_dword
        mov     ecx, eax                # files
        jecxz   6f
1:      call    read_dword
        mov     [bp + 24], eax          # ECX of the caller
        call    read_dword
        shr     eax, 16
        mov     [bp + 16], ax           # BX
        # Compare while reading all of the name: AH is 0 as long as both are equal.
        mov     si, di
        mov     bx, NAME_BYTES
        xor     ah, ah
2:      in      al, dx
        cmp     ah, 1
        jae     4f
        cmp     al, es:[si]
        je      3f
        mov     ah, 1                   # differs
        jmp     4f
3:      inc     si
        test    al, al
        jnz     4f
        mov     ah, 2                   # ended, equal
4:      dec     bx
        jnz     2b
        cmp     ah, 1
        jne     5f
        dec     ecx
        jnz     1b
6:      stc
5:      popad
        ret

# Reads the ECX bytes of the file with key BX to the physical address EDI. Keeps all.
config_read:
        pushad
        push    es
        push    0
        pop     es
        mov     dx, SELECTOR
        mov     ax, bx
        out     dx, ax
        mov     dx, DATA
        addr32 rep insb
        pop     es
        popad
        ret
