; Four-level paging: pages of 4 KiB, 2 MiB and 1 GiB, rights of every level, NX, WP, SMEP, SMAP.
%include "long64.inc"

AREA_PDPT equ TABLES + 0x4000
AREA_PD   equ TABLES + 0x5000
AREA_PT   equ TABLES + 0x6000
PAGE      equ 0x90000
AREA      equ 0x0000008000000000    ; PML4 entry 1
GIANT     equ 0x0000008040000000    ; a page of 1 GiB: AREA_PDPT entry 1
LARGE     equ 0x0000008000200000    ; 2 MiB: AREA_PD entry 1

%macro SET 2 ; address of the entry, entry
    mov rax, %2
    mov [%1], rax
    mov rax, cr3
    mov cr3, rax
%endmacro
%macro SHOW 1-*
    TEXT " entry"
%rep %0
    HEX [%1]
%rotate 1
%endrep
%endmacro
%macro AREA_TO_RBX 0-1 0
    mov rbx, AREA + %1
%endmacro
NX equ 1 << 63

main:
    mov edi, AREA_PDPT
    mov ecx, 0x3000
    xor eax, eax
    rep stosb
    TRY "no pml4 entry"
      AREA_TO_RBX
      mov rax, [rbx]
    DONE
    SET PML4 + 8, AREA_PDPT | 7
    TRY "no pdpt entry"
      AREA_TO_RBX
      mov [rbx], rax
    DONE
    SET AREA_PDPT, AREA_PD | 7
    TRY "no pd entry"
      AREA_TO_RBX 5
      mov rax, [rbx]
    DONE
    SET AREA_PD, AREA_PT | 7
    TRY "no pt entry"
      AREA_TO_RBX
      mov rax, [rbx]
    DONE
    SET AREA_PT, PAGE | 7
    TRY "read"
      AREA_TO_RBX
      mov rax, [rbx]
      SHOW PML4 + 8, AREA_PDPT, AREA_PD, AREA_PT
    DONE
    TRY "write"
      AREA_TO_RBX
      mov [rbx], rax
      SHOW PML4 + 8, AREA_PDPT, AREA_PD, AREA_PT
    DONE
    SET AREA_PT + 8, (PAGE + 0x1000) | 7
    TRY "crossing"
      AREA_TO_RBX
      mov dword [PAGE + 0x1000], 0x11223344
      mov rax, [rbx + 0xffc]
      HEX rax
    DONE
    ; Rights.
    SET AREA_PT, PAGE | 3
    TRY_USER "user reads supervisor"
      AREA_TO_RBX
      mov rax, [rbx]
    DONE_USER
    TRY_USER "user runs supervisor"
      AREA_TO_RBX
      jmp rbx
    DONE_USER
    SET AREA_PT, PAGE | 5
    TRY_USER "user writes read-only"
      AREA_TO_RBX
      mov [rbx], rax
    DONE_USER
    TRY "kernel writes read-only"
      AREA_TO_RBX
      mov [rbx], rax
    DONE
    mov rax, cr0
    btr rax, 16
    mov cr0, rax
    TRY "kernel writes read-only without wp"
      AREA_TO_RBX
      mov [rbx], rax
      SHOW AREA_PT
    DONE
    mov rax, cr0
    bts rax, 16
    mov cr0, rax
    SET AREA_PT, PAGE | 7
    mov byte [PAGE], 0xc3
%macro LEVEL 2
    SET %2, [%2] 
    and qword [%2], ~4
    mov rax, cr3
    mov cr3, rax
    TRY_USER %1
      AREA_TO_RBX
      mov rax, [rbx]
    DONE_USER
    or qword [%2], 4
    and qword [%2], ~2
    mov rax, cr3
    mov cr3, rax
    TRY %1
      AREA_TO_RBX
      mov [rbx], rax
    DONE
    or qword [%2], 2
    bts qword [%2], 63
    mov rax, cr3
    mov cr3, rax
    TRY %1
      AREA_TO_RBX
      mov rax, [rbx]
      call rbx
    DONE
    btr qword [%2], 63
    mov rax, cr3
    mov cr3, rax
%endmacro
    LEVEL "pml4", PML4 + 8
    LEVEL "pdpt", AREA_PDPT
    LEVEL "pd", AREA_PD
    LEVEL "pt", AREA_PT
    mov byte [PAGE], 0xc3
    TRY "call"
      AREA_TO_RBX
      call rbx
    DONE
    TRY_USER "user fetch not present"
      AREA_TO_RBX 0x5000
      jmp rbx
    DONE_USER
    ; Large pages.
    SET AREA_PD + 8, 0x87
    TRY "2 MiB"
      mov rbx, LARGE
      mov qword [PAGE + 8], 0x12345678
      HEX [rbx + PAGE + 8]
      mov [rbx + PAGE + 16], rax
      SHOW AREA_PD + 8
    DONE
    SET AREA_PDPT + 8, 0x87
    TRY "1 GiB"
      mov rbx, GIANT
      HEX [rbx + PAGE + 8]
      mov [rbx + PAGE + 16], rax
      SHOW AREA_PDPT + 8
    DONE
    SET AREA_PDPT + 8, 0x85
    TRY_USER "1 GiB read-only"
      mov rbx, GIANT
      mov [rbx], rax
    DONE_USER
    SET AREA_PDPT + 8, 0x87 | NX
    TRY "1 GiB nx"
      mov rbx, GIANT + PAGE
      jmp rbx
    DONE
    ; INVLPG drops the whole of a large page.
    mov dword [PAGE + 0x3000], 0x33333333
    mov dword [0x290000 + 0x3000], 0x44444444
    SET AREA_PD + 8, 0x87
    TRY "invlpg 2 MiB"
      mov rbx, LARGE + PAGE
      mov eax, [rbx]
      mov eax, [rbx + 0x3000]
      HEX rax
      mov dword [AREA_PD + 8], 0x200087
      invlpg [rbx + 0x10000]
      mov eax, [rbx + 0x3000]
      HEX rax
    DONE
    SET AREA_PDPT + 8, 0x87
    TRY "invlpg 1 GiB"
      mov rbx, GIANT + PAGE
      mov eax, [rbx + 0x3000]
      HEX rax
      mov qword [AREA_PDPT + 8], 0
      invlpg [rbx + 0x10000000]
      mov eax, [rbx + 0x3000]
    DONE
    ; SMEP and SMAP: the program itself must be the supervisor's.
    xor ebx, ebx
.supervisor:
    and qword [PT + rbx * 8], ~4
    inc ebx
    cmp ebx, 512
    jb .supervisor
    mov rax, cr3
    mov cr3, rax
    mov rax, cr4
    bts rax, 20
    mov cr4, rax
    SET AREA_PT, PAGE | 7
    TRY "smep"
      AREA_TO_RBX
      mov rax, [rbx]
      call rbx
    DONE
    SET AREA_PT, PAGE | 3
    TRY "smep supervisor page"
      AREA_TO_RBX
      call rbx
    DONE
    SET AREA_PT, PAGE | 7
    mov rax, cr4
    bts rax, 21
    mov cr4, rax
    TRY "smap read"
      AREA_TO_RBX
      mov rax, [rbx]
    DONE
    TRY "smap write"
      AREA_TO_RBX
      mov [rbx + 32], rax
    DONE
    TRY "stac"
      AREA_TO_RBX
      stac
      mov rax, [rbx]
      mov [rbx + 32], rax
      clac
      mov rax, [rbx]
    DONE
    TRY "ac by popf"
      AREA_TO_RBX
      push 0x40002
      popfq
      mov rax, [rbx]
      push 2
      popfq
      mov [rbx], rax
    DONE
    TRY "smap with implicit access"
      AREA_TO_RBX
      mov word [PAGE + 64], 0x7ff
      mov qword [PAGE + 66], IDT_AT
      stac
      lidt [rbx + 64]
      clac
      lidt [rbx + 64]
    DONE
    mov rax, cr4
    btr rax, 21
    mov cr4, rax
    TRY "smap off"
      AREA_TO_RBX
      mov rax, [rbx]
    DONE
    TRY "invlpg"
      AREA_TO_RBX
      mov rax, [rbx]
      mov qword [AREA_PT], 0
      invlpg [rbx]
      mov rax, [rbx]
    DONE
    FINISH
