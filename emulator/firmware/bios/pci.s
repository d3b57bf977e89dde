# PCI: configuration space, assignment of addresses and interrupts on bus 0, and INT 1Ah AH=B1h.

        .include "bios.inc"

        .section .text
        .globl  pci_init, pci_call, pci_each, pci_read

        .equ    ADDRESS, 0xcf8
        .equ    DATA, 0xcfc
        .equ    IO_FIRST, 0xc000        # where ports and memory for devices are given out from
        .equ    MEMORY_FIRST, 0xe0000000
        .equ    MEMORY_END, 0xfec00000
        .equ    VENDOR, 0x00
        .equ    COMMAND, 0x04
        .equ    CLASS, 0x08
        .equ    HEADER_TYPE, 0x0e
        .equ    BAR0, 0x10
        .equ    BAR_END, 0x28
        .equ    INTERRUPT_LINE, 0x3c
        .equ    INTERRUPT_PIN, 0x3d
        .equ    PM_FUNCTION, 0x71138086
        .equ    ISA_BRIDGE, 0x70008086
        .equ    IDE_FUNCTION, 0x70108086

# Selects the configuration register DI of function BX (bus, device and function: 8, 5 and 3 bits). DX = its data port.
# Keeps the rest.
pci_select:
        push    eax
        movzx   eax, bx
        shl     eax, 8
        or      eax, 0x80000000
        mov     dx, di
        and     dl, 0xfc
        mov     al, dl
        mov     dx, ADDRESS
        out     dx, eax
        mov     dx, di
        and     dx, 3
        add     dx, DATA
        pop     eax
        ret

# EAX = register DI of function BX.
pci_read:
        push    dx
        call    pci_select
        in      eax, dx
        pop     dx
        ret
pci_write:
        push    dx
        call    pci_select
        out     dx, eax
        pop     dx
        ret
pci_read_byte:
        push    dx
        call    pci_select
        in      al, dx
        pop     dx
        ret
pci_write_byte:
        push    dx
        call    pci_select
        out     dx, al
        pop     dx
        ret

# Calls CX for each function BX that there is, with EAX = vendor and device.
pci_each:
        xor     bx, bx
1:      mov     di, VENDOR
        call    pci_read
        cmp     ax, 0xffff
        je      2f
        push    bx
        push    cx
        call    cx
        pop     cx
        pop     bx
2:      inc     bl
        test    bl, 7
        jnz     3f
4:      test    bl, bl
        jnz     1b
        ret
        # Functions 1 to 7 only where function 0 says that there are several.
3:      push    bx
        and     bl, 0xf8
        mov     di, HEADER_TYPE
        call    pci_read_byte
        pop     bx
        test    al, 0x80
        jnz     1b
        or      bl, 7
        inc     bl
        jmp     4b

pci_init:
        # PIRQA to PIRQD of the PIIX3 go to the IRQs 10, 10, 11 and 11, which are level-triggered.
        mov     dx, 0x4d1
        mov     al, 0x0c
        out     dx, al
        mov     cx, offset place_function
        jmp     pci_each

# Gives function BX addresses for what its base address registers ask, and an interrupt.
place_function:
        push    eax
        mov     di, BAR0
next_bar:
        call    pci_read
        mov     ecx, eax
        mov     eax, 0xffffffff
        call    pci_write
        call    pci_read
        test    eax, eax
        jz      skip_bar
        test    al, 1
        jnz     io_bar
        and     al, 0xf0
        mov     ecx, eax
        neg     ecx                     # size
        mov     eax, cs:next_memory
        dec     ecx
        add     eax, ecx
        jc      skip_bar
        not     ecx
        and     eax, ecx                # aligned to its size
        neg     ecx
        push    eax
        add     eax, ecx
        jc      1f
        cmp     eax, MEMORY_END
        ja      1f
        mov     cs:next_memory, eax
        pop     eax
        jmp     set_bar
1:      pop     eax
        jmp     skip_bar
io_bar: and     al, 0xfc
        mov     cx, ax
        neg     cx
        mov     ax, cs:next_io
        dec     cx
        add     ax, cx
        jc      skip_bar
        not     cx
        and     ax, cx
        neg     cx
        add     cx, ax
        jc      skip_bar
        mov     cs:next_io, cx
        movzx   eax, ax
set_bar:
        call    pci_write
        jmp     bar_done
skip_bar:
        xor     eax, eax
        call    pci_write
bar_done:
        # The upper half of a 64-bit register stays 0.
        call    pci_read
        and     al, 7
        cmp     al, 4
        jne     2f
        add     di, 4
        xor     eax, eax
        call    pci_write
2:      add     di, 4
        cmp     di, BAR_END
        jb      next_bar

        # An interrupt: pin A of device 1 is PIRQA, and so on round.
        mov     di, INTERRUPT_PIN
        call    pci_read_byte
        test    al, al
        jz      3f
        dec     al
        mov     ah, bl
        shr     ah, 3
        dec     ah
        add     al, ah
        and     al, 3
        movzx   si, al
        mov     al, cs:[pirq_irqs + si]
        mov     di, INTERRUPT_LINE
        call    pci_write_byte
3:      # Decode ports and memory, be a bus master.
        mov     di, COMMAND
        call    pci_read_byte
        or      al, 7
        call    pci_write_byte
        pop     eax

        cmp     eax, ISA_BRIDGE
        je      isa_bridge
        cmp     eax, PM_FUNCTION
        je      pm_function
        cmp     eax, IDE_FUNCTION
        je      ide_function
        ret

isa_bridge:
        mov     di, 0x60
        mov     eax, 0x0b0b0a0a
        jmp     pci_write

# PIIX4 power management: its registers at port 600h, its SMBus at 700h, IRQ 9.
pm_function:
        mov     di, INTERRUPT_LINE
        mov     al, 9
        call    pci_write_byte
        mov     di, 0x40
        mov     eax, 0x601
        call    pci_write
        mov     di, 0x80
        mov     al, 1
        call    pci_write_byte
        mov     di, 0x90
        mov     eax, 0x701
        call    pci_write
        mov     di, 0xd2
        mov     al, 0x09
        jmp     pci_write_byte

# PIIX3 IDE: both channels at their old ports.
ide_function:
        mov     di, 0x40
        mov     eax, 0x80008000
        jmp     pci_write

pirq_irqs:
        .byte   10, 10, 11, 11

# --- INT 1Ah AH=B1h (PCI BIOS specification 2.1) -----------------------------------------------------------------------------

        .equ    NOT_SUPPORTED, 0x81
        .equ    NOT_FOUND, 0x86
        .equ    BAD_REGISTER, 0x87

pci_call:
        movzx   si, al
        sub     si, 1
        cmp     si, 0x0d
        jae     pci_unsupported
        shl     si, 1
        cmp     al, 0x08
        jb      1f
        # Register accesses: the number must be in range and aligned to its size.
        cmp     di, 0x100
        jae     bad_register
1:      jmp     cs:[pci_calls + si]
pci_calls:
        .word   pci_present, pci_find_device, pci_find_class, pci_unsupported
        .word   pci_unsupported, pci_unsupported, pci_unsupported
        .word   pci_get_byte, pci_get_word, pci_get_dword, pci_set_byte, pci_set_word, pci_set_dword

pci_unsupported:
        mov     al, NOT_SUPPORTED
        jmp     pci_failed
bad_register:
        mov     al, BAD_REGISTER
        jmp     pci_failed
not_found:
        mov     al, NOT_FOUND
pci_failed:
        mov     [bp + F_AH], al
        SET_CARRY
        ret
pci_succeeded:
        mov     byte ptr [bp + F_AH], 0
        CLEAR_CARRY
        ret

pci_present:
        mov     dword ptr [bp + F_EDX], 0x20494350 # "PCI "
        mov     byte ptr [bp + F_AL], 1 # configuration mechanism 1
        mov     word ptr [bp + F_EBX], 0x0210
        mov     byte ptr [bp + F_CL], 0 # last bus
        jmp     pci_succeeded

# The SI-th function whose vendor and device (DX, CX), or class (ECX), fit. What is looked for is in `wanted`.
pci_find_device:
        mov     ax, cx
        shl     eax, 16
        mov     ax, dx
        mov     cs:wanted, eax
        mov     cx, offset compare_device
        jmp     pci_find
pci_find_class:
        shl     ecx, 8
        mov     cs:wanted, ecx
        mov     cx, offset compare_class
pci_find:
        mov     si, [bp + F_ESI]
        mov     word ptr cs:found, 0xffff
        call    pci_each
        mov     ax, cs:found
        cmp     ax, 0xffff
        je      not_found
        mov     [bp + F_EBX], ax
        jmp     pci_succeeded
compare_class:
        mov     di, CLASS
        call    pci_read
        xor     al, al
compare_device:
        cmp     eax, cs:wanted
        jne     1f
        dec     si
        jns     1f
        cmp     word ptr cs:found, 0xffff
        jne     1f
        mov     cs:found, bx
1:      ret

pci_get_byte:
        call    pci_select
        in      al, dx
        mov     [bp + F_CL], al
        jmp     pci_succeeded
pci_get_word:
        test    di, 1
        jnz     bad_register
        call    pci_select
        in      ax, dx
        mov     [bp + F_ECX], ax
        jmp     pci_succeeded
pci_get_dword:
        test    di, 3
        jnz     bad_register
        call    pci_select
        in      eax, dx
        mov     [bp + F_ECX], eax
        jmp     pci_succeeded
pci_set_byte:
        call    pci_select
        mov     al, cl
        out     dx, al
        jmp     pci_succeeded
pci_set_word:
        test    di, 1
        jnz     bad_register
        call    pci_select
        mov     ax, cx
        out     dx, ax
        jmp     pci_succeeded
pci_set_dword:
        test    di, 3
        jnz     bad_register
        call    pci_select
        mov     eax, ecx
        out     dx, eax
        jmp     pci_succeeded

        .balign 4
next_memory:
        .long   MEMORY_FIRST
wanted: .long   0
next_io:
        .word   IO_FIRST
found:  .word   0
