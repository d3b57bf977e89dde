# POST: brings the board from reset to where INT 19h can boot. Entered in real mode with the stack below 0x7C00 and FS
# reaching 4 GiB.

        .include "bios.inc"

        .section .text
        .globl  post, diskette_parameters

post:
        mov     al, 0x01
        call    post_code

        # Below 1 MiB: clear IVT, BIOS data area, EBDA.
        xor     ax, ax
        mov     es, ax
        xor     di, di
        mov     cx, 0x600 / 2
        rep stosw
        mov     ax, EBDA_SEGMENT
        mov     es, ax
        xor     di, di
        mov     cx, 0x400 / 2
        xor     ax, ax
        rep stosw
        mov     byte ptr es:[0], 1      # its size in KiB
        mov     word ptr [BDA_EBDA], EBDA_SEGMENT
        mov     word ptr [BDA_MEMORY], 640 - 1

        call    fill_vectors
        mov     al, 0x02
        call    post_code
        call    cpu_init
        call    pic_init
        call    timer_init
        call    enable_a20
        call    size_memory

        mov     al, 0x03
        call    post_code
        call    pci_init
        mov     al, 0x04
        call    post_code
        mov     ax, 0x0003
        int     0x10
        mov     si, offset banner
        call    print
        call    report_memory

        mov     al, 0x05
        call    post_code
        call    keyboard_init
        call    serial_ports_init
        call    clock_init
        sti

        mov     al, 0x06
        call    post_code
        call    tables_init
        call    memory_map_finish

        mov     al, 0x07
        call    post_code
        call    disks_init
        mov     al, 0x08
        call    post_code
        int     0x19
never:
        hlt
        jmp     never

# Shows AL at the diagnostic port.
post_code:
        out     0x80, al
        ret

# All 256 vectors: to `ignore` first, then those with a handler. Vectors 60h to 67h stay free (0) for programs.
fill_vectors:
        push    0
        pop     es
        xor     di, di
        mov     cx, 0x78                # INT 00h … 77h
1:      mov     ax, offset ignore
        stosw
        mov     ax, BIOS_SEGMENT
        stosw
        loop    1b
        mov     di, 0x60 * 4
        mov     cx, 8 * 2
        xor     ax, ax
        rep stosw
        mov     si, offset vectors
2:      movzx   bx, byte ptr cs:[si]
        mov     ax, cs:[si + 1]
        shl     bx, 2
        mov     [bx], ax
        mov     word ptr [bx + 2], BIOS_SEGMENT
        add     si, 3
        cmp     si, offset vectors_end
        jb      2b
        ret

ignore: iret

        .macro  VECTOR number, handler
        .byte   \number
        .word   \handler
        .endm

vectors:
        VECTOR  0x00, exception_00
        VECTOR  0x04, exception_04
        VECTOR  0x06, exception_06
        VECTOR  0x08, irq0_timer
        VECTOR  0x09, irq1_keyboard
        VECTOR  0x0a, irq_master
        VECTOR  0x0b, irq_master
        VECTOR  0x0c, irq_master
        VECTOR  0x0d, irq_master
        VECTOR  0x0e, irq_master
        VECTOR  0x0f, irq_master
        VECTOR  0x10, int10_video
        VECTOR  0x11, int11_equipment
        VECTOR  0x12, int12_memory
        VECTOR  0x13, int13_disk
        VECTOR  0x14, int14_serial
        VECTOR  0x15, int15_system
        VECTOR  0x16, int16_keyboard
        VECTOR  0x17, int17_printer
        VECTOR  0x18, int18_no_boot
        VECTOR  0x19, int19_boot
        VECTOR  0x1a, int1a_clock
        VECTOR  0x1e, diskette_parameters
        VECTOR  0x1f, font_upper
        VECTOR  0x43, font
        VECTOR  0x70, irq8_clock
        VECTOR  0x71, irq_slave
        VECTOR  0x72, irq_slave
        VECTOR  0x73, irq_slave
        VECTOR  0x74, irq_slave
        VECTOR  0x75, irq_slave
        VECTOR  0x76, irq_slave
        VECTOR  0x77, irq_slave
vectors_end:

# Parameters of a 1.44 MB diskette drive: programs look for the table even where there is no such drive.
diskette_parameters:
        .byte   0xaf, 0x02, 0x25, 2, 18, 0x1b, 0xff, 0x6c, 0xf6, 0x0f, 0x08

banner: .asciz  "Bootscope BIOS\r\n\r\n"
