# The boot loader's second stage: loads a Linux kernel and its initramfs from the sectors that the descriptor names, fills
# in the setup header as the kernel's boot protocol asks (Documentation/arch/x86/boot.rst) and enters the kernel's
# real-mode setup code.

        .intel_syntax noprefix
        .code16
        .include "layout.inc"

# Fields of the setup header, by offset in the kernel's first sector.
        .equ    SETUP_SECTS, 0x1f1
        .equ    BOOT_FLAG, 0x1fe
        .equ    HEADER, 0x202
        .equ    VERSION, 0x206
        .equ    TYPE_OF_LOADER, 0x210
        .equ    LOADFLAGS, 0x211
        .equ    RAMDISK_IMAGE, 0x218
        .equ    RAMDISK_SIZE, 0x21c
        .equ    HEAP_END_PTR, 0x224
        .equ    CMD_LINE_PTR, 0x228
        .equ    INITRD_ADDR_MAX, 0x22c
        .equ    PREF_ADDRESS, 0x258
        .equ    INIT_SIZE, 0x260
        .equ    LOADED_HIGH, 0x01
        .equ    CAN_USE_HEAP, 0x80

        .section .text
        .globl  _start
_start:
        .long   STAGE2_MAGIC

# Entered by the MBR with the drive's number in DL, segments 0 and the stack below 0x7C00.
        mov     drive, dl
        call    serial_init
        mov     si, offset greeting
        call    print

        cmp     dword ptr [D_MAGIC], 0x544f4f42      # "BOOT"
        jne     bad_descriptor
        cmp     dword ptr [D_MAGIC + 4], 0x43534544  # "DESC"
        jne     bad_descriptor

        call    enable_a20
        call    load_setup
        call    load_kernel
        cmp     dword ptr [D_INITRD_BYTES], 0
        je      fill_header
        call    find_memory
        call    place_initrd
        call    load_initrd

# What a loader tells the kernel.
fill_header:
        mov     ax, SETUP_SEGMENT
        mov     es, ax
        mov     byte ptr es:[TYPE_OF_LOADER], 0xff   # a loader without a number of its own
        or      byte ptr es:[LOADFLAGS], CAN_USE_HEAP
        mov     word ptr es:[HEAP_END_PTR], HEAP_END - 0x200
        mov     dword ptr es:[CMD_LINE_PTR], CMDLINE
        mov     eax, initrd_address
        mov     es:[RAMDISK_IMAGE], eax
        mov     eax, [D_INITRD_BYTES]
        mov     es:[RAMDISK_SIZE], eax

        # The command line goes behind the setup code's stack.
        mov     ax, CMDLINE >> 4
        mov     es, ax
        xor     di, di
        mov     si, offset D_CMDLINE
        mov     cx, [D_CMDLINE_BYTES]
        cmp     cx, CMDLINE_MAX
        ja      bad_descriptor
        rep movsb

        mov     si, offset entering
        call    print

# Entry of the setup code: all data segments at its start, CS 0x20 paragraphs behind, a stack, interrupts off.
        cli
        mov     ax, SETUP_SEGMENT
        mov     ds, ax
        mov     es, ax
        mov     fs, ax
        mov     gs, ax
        mov     ss, ax
        mov     sp, HEAP_END
        ljmp    SETUP_SEGMENT + 0x20, 0

# --- the kernel ---------------------------------------------------------------------------------------------------------

# Reads the setup code, the first setup_sects + 1 sectors of the kernel, to SETUP.
load_setup:
        mov     eax, [D_KERNEL_LBA]
        mov     next_lba, eax
        mov     ebx, 2                  # the header crosses into the second one
        mov     ax, SETUP_SEGMENT
        call    read_sectors
        mov     ax, SETUP_SEGMENT
        mov     es, ax
        cmp     word ptr es:[BOOT_FLAG], 0xaa55
        jne     bad_kernel
        cmp     dword ptr es:[HEADER], 0x53726448    # "HdrS"
        jne     bad_kernel
        cmp     word ptr es:[VERSION], 0x0202        # from 2.02 on with cmd_line_ptr
        jb      bad_kernel
        test    byte ptr es:[LOADFLAGS], LOADED_HIGH
        jz      bad_kernel
        movzx   ebx, byte ptr es:[SETUP_SECTS]
        test    bl, bl
        jnz     1f
        mov     bl, 4                   # an old kernel's 0 means 4
1:      cmp     bl, (HEAP_END - 0x2000) / SECTOR
        ja      bad_kernel
        inc     bx                      # with the boot sector
        mov     setup_sectors, ebx
        mov     ax, SETUP_SEGMENT + 2 * SECTOR / 16
        sub     bx, 2
        jnz     read_sectors
        ret

# Reads the protected-mode part, all the rest of the kernel, to 1 MiB.
load_kernel:
        mov     si, offset loading_kernel
        call    print
        mov     eax, [D_KERNEL_BYTES]
        call    print_size
        mov     eax, [D_KERNEL_BYTES]
        call    sectors_of
        sub     eax, setup_sectors
        jbe     bad_kernel
        mov     ebx, eax
        mov     dword ptr destination, KERNEL
        jmp     load_high

# --- the initramfs ------------------------------------------------------------------------------------------------------

# Finds the end of the memory that begins at or below 1 MiB, below 4 GiB: memory_end. INT 15h AX=E820h gives the map.
find_memory:
        xor     ebx, ebx
next_range:
        mov     eax, 0xe820
        mov     edx, 0x534d4150         # "SMAP"
        mov     ecx, 20
        mov     di, offset range
        push    ds
        pop     es
        int     0x15
        jc      ranges_done
        cmp     eax, 0x534d4150
        jne     ranges_done
        cmp     dword ptr range_type, 1 # usable memory
        jne     1f
        cmp     dword ptr range_base + 4, 0
        jne     1f
        mov     eax, range_base
        cmp     eax, KERNEL
        ja      1f
        # Base + length, 4 GiB - 4 KiB when it leaves the low 4 GiB.
        mov     edx, range_length + 4
        add     eax, range_length
        adc     edx, 0
        jz      2f
        mov     eax, 0xfffff000
2:      cmp     eax, memory_end
        jbe     1f
        mov     memory_end, eax
1:      test    ebx, ebx
        jnz     next_range
ranges_done:
        cmp     dword ptr memory_end, KERNEL
        jbe     no_memory
        ret

# initrd_address: the highest page that leaves room for the initramfs within both memory and what the kernel permits.
place_initrd:
        mov     ax, SETUP_SEGMENT
        mov     es, ax
        mov     edx, 0x37ffffff         # what kernels before protocol 2.03 permit
        cmp     word ptr es:[VERSION], 0x0203
        jb      1f
        mov     edx, es:[INITRD_ADDR_MAX]
1:      mov     eax, memory_end
        dec     eax
        cmp     eax, edx
        jbe     2f
        mov     eax, edx
2:      inc     eax
        sub     eax, [D_INITRD_BYTES]
        jb      no_memory
        and     eax, 0xfffff000
        mov     initrd_address, eax

        # The kernel unpacks itself to pref_address … + init_size: the initramfs must lie behind.
        mov     edx, KERNEL
        add     edx, [D_KERNEL_BYTES]
        cmp     word ptr es:[VERSION], 0x020a
        jb      3f
        mov     edx, es:[PREF_ADDRESS]
        add     edx, es:[INIT_SIZE]
3:      cmp     eax, edx
        jb      no_memory
        ret

load_initrd:
        mov     si, offset loading_initrd
        call    print
        mov     eax, [D_INITRD_BYTES]
        call    print_size
        mov     eax, [D_INITRD_LBA]
        mov     next_lba, eax
        mov     eax, initrd_address
        mov     destination, eax
        mov     eax, [D_INITRD_BYTES]
        call    sectors_of
        mov     ebx, eax
        jmp     load_high

# --- reading ------------------------------------------------------------------------------------------------------------

# EAX = sectors that EAX bytes fill.
sectors_of:
        dec     eax
        shr     eax, 9
        inc     eax
        ret

# Reads EBX sectors from next_lba on to `destination` above 1 MiB, by chunks through a buffer that real mode can reach.
load_high:
        mov     eax, CHUNK_SECTORS
        cmp     ebx, eax
        jae     1f
        mov     eax, ebx
1:      push    ebx
        push    eax
        mov     ebx, eax
        mov     ax, BOUNCE_SEGMENT
        call    read_sectors
        pop     ecx
        push    ecx
        shl     ecx, 7                  # double words
        call    copy_high
        pop     eax
        pop     ebx
        # A dot for each 32 chunks, which is 1 MiB.
        inc     byte ptr chunks
        test    byte ptr chunks, 31
        jnz     2f
        push    ax
        mov     al, '.'
        call    put
        pop     ax
2:      sub     ebx, eax
        jnz     load_high
        mov     si, offset done
        jmp     print

# Reads EBX sectors (at most 127) from next_lba on to AX:0000, and counts next_lba on. Keeps nothing but segments.
read_sectors:
        mov     packet_segment, ax
        mov     packet_count, bx
        mov     eax, next_lba
        mov     packet_lba, eax
        add     eax, ebx
        mov     next_lba, eax
        mov     si, offset packet
        mov     ah, 0x42
        mov     dl, drive
        int     0x13
        jc      cannot_read
        ret

# Copies ECX double words from the buffer to `destination`, and counts that on. Memory above 1 MiB is reached in
# protected mode with flat segments; interrupts stay off as long as there is no IDT for them.
copy_high:
        cli
        lgdt    gdt_pointer
        mov     eax, cr0
        or      al, 1
        mov     cr0, eax
        ljmp    8, offset copy_protected
        .code32
copy_protected:
        mov     ax, 16
        mov     ds, ax
        mov     es, ax
        mov     esi, BOUNCE
        mov     edi, [destination]
        rep movsd
        mov     [destination], edi
        mov     ax, 32                  # back to segments of 64 KiB
        mov     ds, ax
        mov     es, ax
        ljmp    24, offset copy_leave
        .code16
copy_leave:
        mov     eax, cr0
        and     al, 0xfe
        mov     cr0, eax
        ljmp    0, offset copy_real
copy_real:
        xor     ax, ax
        mov     ds, ax
        mov     es, ax
        sti
        ret

# --- A20 ----------------------------------------------------------------------------------------------------------------

# Opens address line 20: by the BIOS, else by system control port A. Without it each odd MiB is the even one below.
enable_a20:
        call    a20_is_open
        jne     1f
        mov     ax, 0x2401
        int     0x15
        call    a20_is_open
        jne     1f
        in      al, 0x92
        or      al, 2
        and     al, 0xfe                # bit 0 would reset the machine
        out     0x92, al
        call    a20_is_open
        je      no_a20
1:      ret

# ZF clear if FFFF:0010 + x (1 MiB + x) is other memory than 0000:x.
a20_is_open:
        mov     ax, 0xffff
        mov     es, ax
        mov     ax, [a20_probe]
        inc     word ptr es:[a20_probe + 0x10]
        cmp     ax, [a20_probe]
        mov     [a20_probe], ax
        jne     1f
        or      al, 1                   # unchanged: other memory
        ret
1:      xor     ax, ax
        ret

# --- text ---------------------------------------------------------------------------------------------------------------

# Sets COM1 to 115200 baud, 8N1.
serial_init:
        mov     dx, 0x3fb
        mov     al, 0x80
        out     dx, al
        mov     dx, 0x3f8
        mov     al, 1
        out     dx, al
        inc     dx
        mov     al, 0
        out     dx, al
        mov     dx, 0x3fb
        mov     al, 3
        out     dx, al
        ret

# Prints the text at SI on screen and serial line.
print:
        lodsb
        test    al, al
        jz      1f
        call    put
        jmp     print
1:      ret

# Prints the character AL. Keeps all but AX.
put:
        pusha
        push    ax
        mov     ah, 0x0e
        mov     bx, 0x0007
        int     0x10
        # The serial line: wait for an empty transmitter, but not for ever.
        mov     cx, 0xffff
        mov     dx, 0x3fd
1:      in      al, dx
        test    al, 0x20
        loopz   1b
        pop     ax
        mov     dx, 0x3f8
        out     dx, al
        popa
        ret

# Prints EAX bytes as " (N KiB) ".
print_size:
        shr     eax, 10
        push    eax
        mov     si, offset size_opens
        call    print
        pop     eax
        mov     ecx, 10
        xor     bx, bx
1:      xor     edx, edx
        div     ecx
        push    dx
        inc     bx
        test    eax, eax
        jnz     1b
2:      pop     ax
        add     al, '0'
        call    put
        dec     bx
        jnz     2b
        mov     si, offset size_closes
        jmp     print

# --- failures -----------------------------------------------------------------------------------------------------------

bad_descriptor:
        mov     si, offset bad_descriptor_text
        jmp     fail
bad_kernel:
        mov     si, offset bad_kernel_text
        jmp     fail
no_memory:
        mov     si, offset no_memory_text
        jmp     fail
no_a20:
        mov     si, offset no_a20_text
        jmp     fail
cannot_read:
        mov     si, offset cannot_read_text
fail:
        push    si
        mov     si, offset failed
        call    print
        pop     si
        call    print
halt:
        hlt
        jmp     halt

greeting:
        .asciz  "Bootscope boot loader\r\n"
loading_kernel:
        .asciz  "Loading the kernel"
loading_initrd:
        .asciz  "Loading the initramfs"
size_opens:
        .asciz  " ("
size_closes:
        .asciz  " KiB) "
done:   .asciz  " done\r\n"
entering:
        .asciz  "Entering the kernel's setup code\r\n"
failed: .asciz  "\r\nBoot loader: "
bad_descriptor_text:
        .asciz  "the descriptor behind this stage is damaged.\r\n"
bad_kernel_text:
        .asciz  "no bzImage of boot protocol 2.02 or later where the descriptor says.\r\n"
no_memory_text:
        .asciz  "not enough memory for kernel and initramfs.\r\n"
no_a20_text:
        .asciz  "cannot open address line A20.\r\n"
cannot_read_text:
        .asciz  "cannot read from the disk.\r\n"

# --- data ---------------------------------------------------------------------------------------------------------------

        .balign 8
# Flat 32-bit code (8) and data (16); code (24) and data (32) of 16 bits with 64 KiB, for the way back to real mode.
gdt:    .quad   0
        .quad   0x00cf9b000000ffff
        .quad   0x00cf93000000ffff
        .quad   0x00009b000000ffff
        .quad   0x000093000000ffff
gdt_end:
gdt_pointer:
        .word   gdt_end - gdt - 1
        .long   gdt

# Disk address packet of INT 13h AH=42h.
        .balign 4
packet: .byte   16, 0
packet_count:
        .word   0
        .word   0                       # offset
packet_segment:
        .word   0
packet_lba:
        .quad   0

# Where a range of the memory map arrives: base, length, type.
range:
range_base:
        .quad   0
range_length:
        .quad   0
range_type:
        .long   0

memory_end:
        .long   0
initrd_address:
        .long   0
destination:
        .long   0
next_lba:
        .long   0
setup_sectors:
        .long   0
a20_probe:
        .word   0
chunks: .byte   0
drive:  .byte   0
