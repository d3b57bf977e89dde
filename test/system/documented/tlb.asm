; What the TLB keeps, by the manuals (SDM vol. 3, 4.10): translations of global pages live through loads of CR3, those of
; other PCIDs through loads with bit 63 set; each kind of invalidation drops what it must. A processor may always forget
; more: the lines that show a kept translation say what this one does. The report to expect is in tlb.txt.
%include "long64.inc"

; A second set of tables, for another address space.
PML4_B    equ TABLES + 0x7000
; PML4 entry 1 of both: AREA and above.
AREA_PDPT equ TABLES + 0x4000
AREA_PD   equ TABLES + 0x5000
AREA_PT   equ TABLES + 0x6000
AREA      equ 0x0000008000000000
PAGE_A    equ 0x90000               ; holds 0xA at its start, PAGE_B 0xB
PAGE_B    equ 0x91000
G_BIT    equ 0x100
NOFLUSH   equ 1 << 63

%macro MAP 1 ; entry of the page at AREA
    mov rax, %1
    mov [AREA_PT], rax
%endmacro
%macro READ 0 ; what the page at AREA shows
    mov rbx, AREA
    HEX [rbx]
%endmacro
%macro CALL_PAGE 0 ; what the code at AREA + 16 answers
    mov rbx, AREA + 16
    xor eax, eax
    call rbx
    HEX rax
%endmacro
%macro LOAD_CR3 1
    mov rax, %1
    mov cr3, rax
%endmacro
%macro SET_CR4 1
    mov rax, cr4
    or rax, %1
    mov cr4, rax
%endmacro
%macro CLEAR_CR4 1
    mov rax, cr4
    and rax, ~(%1)
    mov cr4, rax
%endmacro
%macro INVPCID 3 ; type, PCID, address
    mov rax, %2
    mov [abs descriptor], rax
    mov rax, %3
    mov [abs descriptor + 8], rax
    mov eax, %1
    invpcid rax, [abs descriptor]
%endmacro
PGE   equ 0x80
PCIDE equ 0x20000

align 16
descriptor: dq 0, 0

main:
    mov edi, AREA_PDPT
    mov ecx, 0x3000
    xor eax, eax
    rep stosb
    mov qword [PML4 + 8], AREA_PDPT | 7
    mov qword [AREA_PDPT], AREA_PD | 7
    mov qword [AREA_PD], AREA_PT | 7
    mov esi, PML4
    mov edi, PML4_B
    mov ecx, 0x1000
    rep movsb
    mov dword [PAGE_A], 0xA
    mov dword [PAGE_A + 16], 0xc30ab0       ; mov al, 0Ah; ret
    mov dword [PAGE_B], 0xB
    mov dword [PAGE_B + 16], 0xc30bb0
    LOAD_CR3 PML4

    TRY "a plain page, CR3 loaded"
      MAP PAGE_A | 7
      READ
      CALL_PAGE
      MAP PAGE_B | 7
      LOAD_CR3 PML4
      READ
      CALL_PAGE
    DONE
    TRY "G without CR4.PGE"
      MAP PAGE_A | 7 | G_BIT
      LOAD_CR3 PML4
      READ
      CALL_PAGE
      MAP PAGE_B | 7 | G_BIT
      LOAD_CR3 PML4
      READ
      CALL_PAGE
    DONE
    SET_CR4 PGE
    TRY "a global page, CR3 loaded"
      MAP PAGE_A | 7 | G_BIT
      READ
      CALL_PAGE
      MAP PAGE_B | 7 | G_BIT
      LOAD_CR3 PML4
      READ
      CALL_PAGE
    DONE
    TRY "then INVLPG"
      mov rbx, AREA
      invlpg [rbx]
      READ
      CALL_PAGE
    DONE
    TRY "then PGE off and on"
      MAP PAGE_A | 7 | G_BIT
      CLEAR_CR4 PGE
      SET_CR4 PGE
      READ
      CALL_PAGE
    DONE
    TRY "global once, then not"
      MAP PAGE_B | 7
      LOAD_CR3 PML4
      READ                                  ; kept still
      mov rbx, AREA
      invlpg [rbx]
      READ
      CALL_PAGE
      MAP PAGE_A | 7
      LOAD_CR3 PML4
      READ
      CALL_PAGE
    DONE
    TRY "a global page of 2 MiB"
      mov qword [AREA_PD + 8], 0x000187
      mov rbx, AREA + 0x200000 + PAGE_A
      HEX [rbx]
      mov qword [AREA_PD + 8], 0x200187
      mov dword [0x200000 + PAGE_A], 0xC
      LOAD_CR3 PML4
      mov rbx, AREA + 0x200000 + PAGE_A
      HEX [rbx]
      invlpg [rbx + 0x1000]
      HEX [rbx]
    DONE

    ; PCIDs: 0 with the first tables, 1 with the second ones (which show the same area).
    SET_CR4 PCIDE
    TRY "two PCIDs"
      MAP PAGE_A | 7
      LOAD_CR3 PML4
      READ
      CALL_PAGE
      MAP PAGE_B | 7
      LOAD_CR3 PML4_B | 1
      READ
      CALL_PAGE
      LOAD_CR3 PML4 | NOFLUSH               ; as it was before
      READ
      CALL_PAGE
      LOAD_CR3 PML4_B | 1 | NOFLUSH
      READ
      LOAD_CR3 PML4                         ; flushed
      READ
      CALL_PAGE
    DONE
    TRY "INVLPG here leaves the other PCID"
      MAP PAGE_A | 7
      LOAD_CR3 PML4
      READ
      LOAD_CR3 PML4_B | 1
      READ
      MAP PAGE_B | 7
      mov rbx, AREA
      invlpg [rbx]
      READ
      LOAD_CR3 PML4 | NOFLUSH
      READ
    DONE
    TRY "INVPCID of an address elsewhere"
      MAP PAGE_A | 7
      LOAD_CR3 PML4
      READ
      LOAD_CR3 PML4_B | 1
      MAP PAGE_B | 7
      INVPCID 0, 0, AREA
      LOAD_CR3 PML4 | NOFLUSH
      READ
    DONE
    TRY "INVPCID of an address here"
      MAP PAGE_A | 7
      INVPCID 0, 0, AREA
      READ
      CALL_PAGE
    DONE
    TRY "INVPCID of a PCID"
      LOAD_CR3 PML4_B | 1 | NOFLUSH
      MAP PAGE_B | 7
      INVPCID 1, 0, 0
      LOAD_CR3 PML4 | NOFLUSH
      READ
      MAP PAGE_A | 7
      INVPCID 1, 0, 0
      READ
    DONE
    TRY "INVPCID of all but global"
      LOAD_CR3 PML4_B | 1
      READ
      LOAD_CR3 PML4 | NOFLUSH
      MAP PAGE_B | 7
      INVPCID 3, 0, 0
      READ
      LOAD_CR3 PML4_B | 1 | NOFLUSH
      READ
    DONE
    TRY "and of all"
      MAP PAGE_A | 7 | G_BIT
      LOAD_CR3 PML4
      READ
      CALL_PAGE
      MAP PAGE_B | 7 | G_BIT
      INVPCID 3, 0, 0
      READ                                  ; kept
      CALL_PAGE
      LOAD_CR3 PML4_B | 1
      READ                                  ; in every address space
      INVPCID 2, 0, 0
      READ
      LOAD_CR3 PML4 | NOFLUSH
      READ
      CALL_PAGE
    DONE
    TRY "INVLPG of a global page elsewhere"
      MAP PAGE_A | 7 | G_BIT
      mov rbx, AREA
      invlpg [rbx]
      READ
      LOAD_CR3 PML4_B | 1 | NOFLUSH
      MAP PAGE_B | 7 | G_BIT
      mov rbx, AREA
      invlpg [rbx]
      LOAD_CR3 PML4 | NOFLUSH
      READ
    DONE
    ; A page that was written with PCID 0 comes to hold code meanwhile: its writes must be seen.
    TRY "code in a page put aside"
      MAP PAGE_A | 7
      mov rbx, AREA
      invlpg [rbx]
      mov [rbx + 32], rax
      LOAD_CR3 PML4_B | 1
      CALL_PAGE
      LOAD_CR3 PML4 | NOFLUSH
      mov rbx, AREA
      mov byte [rbx + 17], 0xE
      LOAD_CR3 PML4_B | 1 | NOFLUSH
      CALL_PAGE
      mov byte [PAGE_A + 17], 0xA
    DONE
    ; What is refused.
    TRY "bit 63 without PCIDE"
      LOAD_CR3 PML4
      CLEAR_CR4 PCIDE
      LOAD_CR3 PML4 | NOFLUSH
    DONE
    TRY "PCIDE while CR3 has a PCID"
      LOAD_CR3 PML4 | 0x18
      SET_CR4 PCIDE
    DONE
    LOAD_CR3 PML4
    TRY "a PCID without PCIDE"
      INVPCID 1, 1, 0
    DONE
    TRY "type 4"
      INVPCID 4, 0, 0
    DONE
    TRY "reserved bits"
      INVPCID 2, 0x1000, 0
    DONE
    TRY "not canonical"
      INVPCID 0, 0, 0x0000800000000000
    DONE
    TRY_USER "by a user"
      invpcid rax, [abs descriptor]
    DONE_USER
    FINISH
