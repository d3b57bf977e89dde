# What QEMU runs in place of firmware, to put its processor into the state of a direct boot: raw bytes at 0x30000,
# entered in real mode. The test writes the numbers of the boot behind `parameters`.
        .globl  start
start:
        .code16
        cli
        movw    %cs, %ax
        movw    %ax, %ds
        lgdtl   loader_gdtr - start
        movl    $0x11, %eax
        movl    %eax, %cr0
        ljmpl   $0x08, $0x30000 + (protected - start)

        .code32
protected:
        movw    $0x10, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movl    $0x6000, %esp
        # Host bridge: RAM instead of ROM from 0xC0000 to 0xFFFFF (PAM0 to PAM6).
        movl    $0x80000058, %eax
        movl    $0x33333000, %ebx
        call    pci_write
        movl    $0x8000005c, %eax
        movl    $0x33333333, %ebx
        call    pci_write
        # PIIX4: PM registers at 0x600, enabled, in ACPI mode.
        movl    $0x80000b40, %eax
        movl    $0x601, %ebx
        call    pci_write
        movl    $0x80000b80, %eax
        movl    $0x1, %ebx
        call    pci_write
        movw    $0x604, %dx
        movw    $1, %ax
        outw    %ax, %dx
        # The tables, which had to wait elsewhere while there was ROM.
        movl    $0x40000, %esi
        movl    $0xe0000, %edi
        movl    $0x20000 / 4, %ecx
        rep movsl
        movl    $0x30000 + (parameters - start), %ebp
        lgdtl   32(%ebp)
        movl    8(%ebp), %eax
        movl    %eax, %cr4
        movl    12(%ebp), %eax
        movl    %eax, %cr3
        movl    $0xc0000080, %ecx
        movl    16(%ebp), %eax
        xorl    %edx, %edx
        wrmsr
        movl    0(%ebp), %esi
        movl    20(%ebp), %eax
        movl    %eax, %cr0
        movw    $0x18, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movw    %ax, %fs
        movw    %ax, %gs
        xorl    %ebx, %ebx
        xorl    %edi, %edi
        # Entry and selector lie together, as a far pointer.
        movl    4(%ebp), %esp
        movl    %ebp, %eax
        movl    $0, %ebp
        ljmpl   *24(%eax)

pci_write:
        movw    $0xcf8, %dx
        outl    %eax, %dx
        movw    $0xcfc, %dx
        movl    %ebx, %eax
        outl    %eax, %dx
        ret

        .balign 8
loader_gdt:
        .quad   0, 0x00cf9b000000ffff, 0x00cf93000000ffff
loader_gdtr:
        .word   loader_gdtr - loader_gdt - 1
        .long   0x30000 + (loader_gdt - start)

        .balign 16
        # RSI, RSP, CR4, CR3, EFER, CR0, RIP, CS selector, GDT limit and base
parameters:
