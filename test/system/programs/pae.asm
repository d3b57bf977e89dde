; PAE paging in 32-bit protected mode: 4 KiB and 2 MiB pages, NX, the page directory pointers.
%include "protected32.inc"
bits 16
main16:
    ENTER_PROTECTED main
bits 32

PDPT    equ TABLES
PD      equ TABLES + 0x1000     ; four of them
PT0     equ TABLES + 0x5000     ; linear 0 to 2 MiB
PT1     equ TABLES + 0x6000     ; linear 2 to 4 MiB, for tests
AREA    equ 0x200000
PAGE    equ 0x90000

%macro SET_PTE 3 ; index in PT1, low, high
    mov dword [PT1 + (%1) * 8], %2
    mov dword [PT1 + (%1) * 8 + 4], %3
    invlpg [AREA + (%1) * 4096]
%endmacro
%macro SHOW 1-*
    TEXT " entry"
%rep %0
    HEX [%1 + 4]
    HEX [%1]
%rotate 1
%endrep
%endmacro
%macro RELOAD 0
    mov eax, cr3
    mov cr3, eax
%endmacro

main:
    call setup32
    mov edi, TABLES
    mov ecx, 0x7000 / 4
    xor eax, eax
    rep stosd
    xor ebx, ebx
    mov eax, PD | 1
.pdpt:
    mov [PDPT + ebx * 8], eax
    add eax, 0x1000
    inc ebx
    cmp ebx, 4
    jb .pdpt
    mov eax, 7
    xor ebx, ebx
.identity:
    mov [PT0 + ebx * 8], eax
    add eax, 0x1000
    inc ebx
    cmp ebx, 512
    jb .identity
    mov dword [PD], PT0 | 7
    mov dword [PD + 8], PT1 | 7
    mov dword [PD + 0x3000 + 511 * 8], 0x00000087   ; the last 2 MiB of 4 GiB
    mov eax, cr4
    or eax, 0x20
    mov cr4, eax
    mov eax, PDPT
    mov cr3, eax
    mov eax, cr0
    or eax, 0x80000000
    mov cr0, eax
    TEXT "on"
    SHOW PD, PD + 8
    call put_line
    TRY "not present"
      mov eax, [AREA]
    DONE
    TRY "high page"
      mov dword [PAGE], 0x600df00d
      HEX [0xffe00000 + PAGE]
      SHOW PD + 0x3000 + 511 * 8
    DONE
    TRY "no directory entry"
      mov [0x40000000], eax
    DONE
    SET_PTE 0, PAGE | 7, 0
    TRY "read write"
      mov eax, [AREA]
      SHOW PT1
      mov [AREA], eax
      SHOW PT1
    DONE
    mov dword [PDPT + 24], 0
    TRY "pointer absent"
      RELOAD
      mov eax, [0xffe00000 + PAGE]
    DONE
    mov dword [PDPT + 24], (PD + 0x3000) | 1
    RELOAD
    ; No-execute.
    mov ecx, 0xc0000080
    rdmsr
    or eax, 0x800
    wrmsr
    mov byte [PAGE], 0xc3
    SET_PTE 0, PAGE | 7, 0
    TRY "execute"
      mov eax, AREA
      call eax
    DONE
    SET_PTE 0, PAGE | 7, 0x80000000
    TRY "execute nx"
      mov eax, AREA
      call eax
    DONE
    TRY "read nx"
      mov eax, [AREA]
      SHOW PT1
    DONE
    TRY_USER "user execute nx"
      mov eax, AREA
      jmp eax
    DONE_USER
    TRY "fetch not present with nxe"
      mov eax, AREA + 0x1000
      jmp eax
    DONE
    mov dword [PD + 12], 0x80000000
    SET_PTE 0, PAGE | 7, 0
    RELOAD
    TRY "execute nx directory"
      mov eax, AREA
      call eax
    DONE
    mov dword [PD + 12], 0
    RELOAD
    ; 2 MiB pages need no CR4.PSE.
    mov dword [PD + 16], 0x000000e7
    RELOAD
    TRY "2 MiB page"
      mov dword [PAGE + 4], 0x01020304
      HEX [0x400000 + PAGE + 4]
      SHOW PD + 16
    DONE
    mov dword [PD + 16], 0x00000083
    RELOAD
    TRY_USER "2 MiB supervisor page"
      mov eax, [0x400000]
    DONE_USER
    mov dword [PD + 16], 0x00000085
    RELOAD
    TRY_USER "2 MiB read-only page"
      mov [0x400000], eax
    DONE_USER
    FINISH
