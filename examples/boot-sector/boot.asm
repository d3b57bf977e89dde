; A boot sector for beginners, for NASM; boot.s is the same for GNU as. It prints by INT 10h, reads the sector behind it by
; INT 13h, and switches to 32-bit protected mode.
;
;   nasm -f elf32 -g -F dwarf -o boot.o boot.asm
;   ld -m elf_i386 -Ttext=0x7c00 -o boot.elf boot.o        (for the debugger: lines and labels)
;   objcopy -O binary -j .text boot.elf boot.img           (the disk)

        section .text
        bits    16
        global  _start

SECOND_SECTOR equ 0x7e00                ; right behind this one in memory, too

_start:
        ; The BIOS may have come by 0000:7C00 or 07C0:0000: now it is certain.
        jmp     0:begin
begin:
        cli
        xor     ax, ax
        mov     ds, ax
        mov     es, ax
        mov     ss, ax
        mov     sp, 0x7c00              ; the stack grows down from here
        sti
        cld

        mov     si, hello
        call    print

        ; Read one sector: cylinder 0, head 0, sector 2, to ES:BX. DL is the drive that the BIOS booted from.
        mov     ax, 0x0201
        mov     cx, 0x0002
        mov     dh, 0
        mov     bx, SECOND_SECTOR
        int     0x13
        mov     si, disk_error
        jc      stop
        mov     si, SECOND_SECTOR
        call    print

        ; Protected mode. No interrupts any more: the BIOS's handlers are code for real mode.
        cli
        lgdt    [gdt_pointer]
        mov     eax, cr0
        or      eax, 1
        mov     cr0, eax
        jmp     8:protected             ; the far jump loads CS with the 32-bit code segment

stop:   call    print
halt:   hlt
        jmp     halt

; Prints the text at SI, up to a zero.
print:  lodsb
        test    al, al
        jz      .done
        mov     ah, 0x0e                ; teletype
        mov     bx, 0x0007
        int     0x10
        jmp     print
.done:  ret

        bits    32
protected:
        mov     ax, 16                  ; the data segment
        mov     ds, ax
        mov     es, ax
        mov     ss, ax
        mov     esp, 0x7c00

        ; No BIOS here: write to the screen's memory, character and colour, in the last row.
        mov     esi, goodbye
        mov     edi, 0xb8000 + 24 * 80 * 2
        mov     ah, 0x2f                ; white on green
.next:  lodsb
        test    al, al
        jz      .end
        stosw
        jmp     .next
.end:   hlt
        jmp     .end

hello:  db      "Hello from the boot sector", 13, 10, 0
disk_error:
        db      "The disk cannot be read", 13, 10, 0
goodbye:
        db      " Hello from protected mode ", 0

        align   4
gdt:    dq      0                       ; the first one is never used
        dq      0x00cf9b000000ffff      ; 8: code, 0 to 4 GiB, 32 bits
        dq      0x00cf93000000ffff      ; 16: data, 0 to 4 GiB
gdt_end:
gdt_pointer:
        dw      gdt_end - gdt - 1
        dd      gdt

        times   510 - ($ - $$) db 0
        dw      0xaa55                  ; makes it a boot sector

; --- the second sector ------------------------------------------------------------------------------------------------------
        db      "Hello from the second sector", 13, 10, 0
        times   1024 - ($ - $$) db 0
