# Virtio disks over PCI by the legacy interface (virtio 1.0, 4.1.4.8 and 5.2): one request at a time, polled.

        .include "bios.inc"
        .include "drives.inc"

        .section .text
        .globl  virtio_init, virtio_transfer

        .equ    VIRTIO_BLOCK, 0x10011af4 # device and vendor
        .equ    BAR0, 0x10

# Registers in the ports of BAR0.
        .equ    R_GUEST_FEATURES, 4
        .equ    R_QUEUE_PAGE, 8
        .equ    R_QUEUE_SIZE, 12
        .equ    R_QUEUE_SELECT, 14
        .equ    R_QUEUE_NOTIFY, 16
        .equ    R_STATUS, 18
        .equ    R_ISR, 19
        .equ    R_CAPACITY, 20
        .equ    ACKNOWLEDGE, 1
        .equ    DRIVER, 2
        .equ    DRIVER_OK, 4

# A drive's queue and request lie in 16 KiB of the shadow RAM at E0000: descriptors, the available ring behind them, the
# used ring from the next page on, the request in the last page.
        .equ    RINGS, 0xe000           # segments
        .equ    RING_PARAGRAPHS, 0x400
        .equ    QUEUE_MAX, 256          # what fits
        .equ    PAGE, 0x1000
        .equ    USED_INDEX, 2           # in both rings, behind the flags
        .equ    NO_INTERRUPT, 1
        .equ    REQUEST, 0x3f00         # type, reserved, sector (64 bits)
        .equ    REQUEST_BYTES, 16
        .equ    RESULT, 0x3f10
        .equ    NEXT, 1                 # flags of a descriptor
        .equ    DEVICE_WRITES, 2
        .equ    T_IN, 0
        .equ    T_OUT, 1

# Finds the virtio disks: entries behind those of the IDE drives.
virtio_init:
        mov     si, offset virtio_drives
        mov     cx, offset found
        jmp     pci_each

# Function BX, EAX = its device and vendor; SI is the next free entry.
found:  cmp     eax, VIRTIO_BLOCK
        jne     1f
        cmp     si, offset drives_end
        jae     1f
        mov     di, BAR0
        call    pci_read
        test    al, 1
        jz      1f                      # no ports: a modern device only
        and     al, 0xfc
        mov     cs:[si + DRIVE_PORT], ax
        call    start
        jc      1f
        mov     byte ptr cs:[si + DRIVE_TYPE], TYPE_VIRTIO
        call    name_disk
        push    si
        mov     si, offset virtio_text
        call    print
        pop     si
        call    print_drive_size
        add     si, DRIVE_SIZE
1:      ret

# Resets the device of entry CS:SI and gives it its queue. CF when that is too long.
start:  mov     dx, cs:[si + DRIVE_PORT]
        add     dx, R_STATUS
        OUTB    dx, 0
        OUTB    dx, ACKNOWLEDGE
        OUTB    dx, ACKNOWLEDGE+DRIVER
        sub     dx, R_STATUS - R_GUEST_FEATURES
        xor     eax, eax
        out     dx, eax                 # none of its features is needed
        add     dx, R_QUEUE_SELECT - R_GUEST_FEATURES
        out     dx, ax
        sub     dx, R_QUEUE_SELECT - R_QUEUE_SIZE
        in      ax, dx
        dec     ax
        cmp     ax, QUEUE_MAX
        cmc
        jc      1f
        inc     ax
        mov     cs:[si + DRIVE_QUEUE], ax
        call    ring_segment
        push    es
        mov     es, ax
        push    ax
        xor     di, di
        xor     ax, ax
        mov     cx, RING_PARAGRAPHS * 16 / 2
        rep stosw
        # The available ring lies behind the descriptors.
        mov     bx, cs:[si + DRIVE_QUEUE]
        shl     bx, 4
        mov     word ptr es:[bx], NO_INTERRUPT
        pop     ax
        pop     es
        movzx   eax, ax
        shr     eax, 8                  # segment to page
        sub     dx, R_QUEUE_SIZE - R_QUEUE_PAGE
        out     dx, eax
        add     dx, R_STATUS - R_QUEUE_PAGE
        OUTB    dx, ACKNOWLEDGE+DRIVER+DRIVER_OK
        add     dx, R_CAPACITY - R_STATUS
        in      eax, dx
        mov     ecx, eax
        add     dx, 4
        in      eax, dx
        mov     edx, eax
        mov     eax, ecx
        mov     cs:[si + DRIVE_SECTORS], eax
        mov     cs:[si + DRIVE_SECTORS + 4], edx
        call    set_geometry
        clc
1:      ret

# AX = segment of the rings of the drive at CS:SI.
ring_segment:
        movzx   ax, byte ptr cs:[si + DRIVE_SELECT]
        imul    ax, ax, RING_PARAGRAPHS
        add     ax, RINGS
        ret

# As ata_transfer: CX sectors from EDX:EAX of the disk at CS:SI on; BL = 0 reads to ES:DI, 1 writes from there, 2 has nothing
# to do. CF when it fails. Keeps SI and BP.
virtio_transfer:
        cmp     bl, 2
        je      4f
        push    ds
        push    si
        push    eax
        call    ring_segment
        mov     ds, ax
        pop     dword ptr [REQUEST + 8]
        mov     [REQUEST + 12], edx
        movzx   eax, bl
        mov     [REQUEST], eax          # T_IN or T_OUT
        mov     byte ptr [RESULT], 0xff

        # Three descriptors: the request, the data, the result.
        xor     eax, eax
        mov     ax, ds
        shl     eax, 4
        lea     edx, [eax + REQUEST]
        mov     [0], edx
        mov     dword ptr [8], REQUEST_BYTES
        mov     dword ptr [12], 1 << 16 | NEXT
        add     eax, RESULT
        mov     [32], eax
        mov     dword ptr [40], 1
        mov     dword ptr [44], DEVICE_WRITES
        xor     eax, eax
        mov     ax, es
        shl     eax, 4
        movzx   edi, di
        add     eax, edi
        mov     [16], eax
        movzx   ecx, cx
        shl     ecx, 9
        mov     [24], ecx
        mov     eax, 2 << 16 | NEXT | DEVICE_WRITES
        cmp     bl, T_IN
        je      1f
        and     al, ~DEVICE_WRITES & 0xff
1:      mov     [28], eax

        # Entry of the available ring: descriptor 0, its number by the ring's index.
        mov     di, cs:[si + DRIVE_QUEUE]
        mov     ax, di
        shl     di, 4
        dec     ax
        mov     bx, [di + USED_INDEX]
        and     bx, ax
        shl     bx, 1
        mov     word ptr [di + bx + 4], 0
        inc     word ptr [di + USED_INDEX]
        mov     ax, [di + USED_INDEX]

        # Used ring: the next page behind the available one's end.
        mov     bx, cs:[si + DRIVE_QUEUE]
        shl     bx, 1
        lea     bx, [bx + di + 6 + PAGE - 1]
        and     bx, -PAGE
        mov     dx, cs:[si + DRIVE_PORT]
        add     dx, R_QUEUE_NOTIFY
        push    ax
        xor     ax, ax
        out     dx, ax
        pop     ax
        mov     ecx, 0x10000000
2:      cmp     [bx + USED_INDEX], ax
        je      3f
        dec     ecx
        jnz     2b
3:      add     dx, R_ISR - R_QUEUE_NOTIFY
        in      al, dx                  # takes the interrupt back, if there was one
        cmp     byte ptr [RESULT], 1    # CF when it is 0: done
        cmc
        pop     si
        pop     ds
        ret
4:      clc
        ret

virtio_text:
        .asciz  "virtio disk"
