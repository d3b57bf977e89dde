# A boot sector for beginners, for GNU as; boot.asm is the same for NASM. It prints by INT 10h, reads the sector behind it
# by INT 13h, and switches to 32-bit protected mode.
#
#   as --32 -g -o boot.o boot.s
#   ld -m elf_i386 -Ttext=0x7c00 -o boot.elf boot.o        (for the debugger: lines and labels)
#   objcopy -O binary boot.elf boot.img                    (the disk)

        .intel_syntax noprefix
        .code16
        .globl  _start

        .equ    SECOND_SECTOR, 0x7e00   # right behind this one in memory, too

_start:
        # The BIOS may have come by 0000:7C00 or 07C0:0000: now it is certain.
        ljmp    0, offset begin
begin:
        cli
        xor     ax, ax
        mov     ds, ax
        mov     es, ax
        mov     ss, ax
        mov     sp, 0x7c00              # the stack grows down from here
        sti
        cld

        mov     si, offset hello
        call    print

        # Read one sector: cylinder 0, head 0, sector 2, to ES:BX. DL is the drive that the BIOS booted from.
        mov     ax, 0x0201
        mov     cx, 0x0002
        mov     dh, 0
        mov     bx, SECOND_SECTOR
        int     0x13
        mov     si, offset disk_error
        jc      stop
        mov     si, SECOND_SECTOR
        call    print

        # Protected mode. No interrupts any more: the BIOS's handlers are code for real mode.
        cli
        lgdt    gdt_pointer
        mov     eax, cr0
        or      eax, 1
        mov     cr0, eax
        ljmp    8, offset protected     # the far jump loads CS with the 32-bit code segment

stop:   call    print
halt:   hlt
        jmp     halt

# Prints the text at SI, up to a zero.
print:  lodsb
        test    al, al
        jz      1f
        mov     ah, 0x0e                # teletype
        mov     bx, 0x0007
        int     0x10
        jmp     print
1:      ret

        .code32
protected:
        mov     ax, 16                  # the data segment
        mov     ds, ax
        mov     es, ax
        mov     ss, ax
        mov     esp, 0x7c00

        # No BIOS here: write to the screen's memory, character and colour, in the last row.
        mov     esi, offset goodbye
        mov     edi, 0xb8000 + 24 * 80 * 2
        mov     ah, 0x2f                # white on green
2:      lodsb
        test    al, al
        jz      3f
        stosw
        jmp     2b
3:      hlt
        jmp     3b

hello:  .asciz  "Hello from the boot sector\r\n"
disk_error:
        .asciz  "The disk cannot be read\r\n"
goodbye:
        .asciz  " Hello from protected mode "

        .balign 4
gdt:    .quad   0                       # the first one is never used
        .quad   0x00cf9b000000ffff      # 8: code, 0 to 4 GiB, 32 bits
        .quad   0x00cf93000000ffff      # 16: data, 0 to 4 GiB
gdt_end:
gdt_pointer:
        .word   gdt_end - gdt - 1
        .long   gdt

        .org    510
        .word   0xaa55                  # makes it a boot sector

# --- the second sector -----------------------------------------------------------------------------------------------------
        .asciz  "Hello from the second sector\r\n"
        .org    1024
