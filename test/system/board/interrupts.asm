; External interrupts by the 8254 and the 8259: when they come in, and where they return to.
%include "protected32.inc"
bits 16
main16:
    ENTER_PROTECTED main
bits 32

ticks: dd 0
; Reports the interrupted place, and keeps further ones away by the mask.
timer:
    push eax
    mov al, 0xff
    out 0x21, al
    mov al, 0x20
    out 0x20, al
    inc dword [ticks]
    TEXT " irq"
    mov eax, [esp + 4]
    sub eax, [cs:try_start]
    call put_hex
    mov eax, [esp + 8]
    call put_hex
    mov eax, [esp + 12]
    and eax, 0x3300
    call put_hex
    pop eax
    iretd

; Lets IRQ 0 through to the controller and waits until it is pending there; interrupts are off.
pend:
    push eax
    mov al, 0xfe
    out 0x21, al
.wait:
    mov al, 0x0a
    out 0x20, al
    in al, 0x20
    test al, 1
    jz .wait
    pop eax
    ret

single:
    push eax
    TEXT " db"
    mov eax, [esp + 4]
    sub eax, [try_start]
    call put_hex
    and dword [esp + 12], ~0x100
    xor eax, eax
    mov dr6, eax
    pop eax
    iretd

main:
    call setup32
    mov eax, 0x28
    mov edx, timer
    mov ecx, 0x8e
    call set_gate
    mov eax, 1
    mov edx, single
    call set_gate
    ; The local APIC passes the 8259's interrupts on.
    mov dword [0xfee000f0], 0x1ff
    mov dword [0xfee00350], 0x700
    ; Controllers: vectors 0x28 and 0x30, all masked.
    mov al, 0x11
    out 0x20, al
    out 0xa0, al
    mov al, 0x28
    out 0x21, al
    mov al, 0x30
    out 0xa1, al
    mov al, 4
    out 0x21, al
    mov al, 2
    out 0xa1, al
    mov al, 1
    out 0x21, al
    out 0xa1, al
    mov al, 0xff
    out 0x21, al
    out 0xa1, al
    ; Timer 0: rate generator, about 10 kHz.
    mov al, 0x34
    out 0x43, al
    mov al, 119
    out 0x40, al
    mov al, 0
    out 0x40, al

    TRY "sti cli"
      call pend
      sti
      cli
      nop
    DONE
    TRY "sti nop"
      call pend
      sti
      nop
      nop
      cli
    DONE
    TRY "sti twice"
      call pend
      sti
      sti
      nop
      cli
    DONE
    TRY "popf"
      call pend
      push 0x202
      popfd
      nop
      cli
    DONE
    TRY "popf then mov ss"
      call pend
      mov ax, ss
      push 0x202
      popfd
      mov ss, ax
      nop
      cli
    DONE
    TRY "mov ss after sti"
      call pend
      mov ax, ss
      sti
      mov ss, ax
      nop
      nop
      cli
    DONE
    TRY "iret"
      call pend
      push 0x202
      push cs
      push .target
      iretd
.target:
      nop
      cli
    DONE
    TRY "sti hlt"
      call pend
      sti
      hlt
      cli
    DONE
    TRY "hlt waits"
      mov al, 0xfe
      out 0x21, al
      sti
      hlt
      nop
      cli
    DONE
    TRY "trap flag and interrupt"
      call pend
      push 0x302
      popfd
      nop
      nop
      cli
    DONE
    TRY "branch"
      call pend
      sti
      jmp .elsewhere
      nop
.elsewhere:
      nop
      cli
    DONE
    TRY "software interrupt first"
      call pend
      sti
      int 0x30
    DONE
    cli
    TRY_USER "into ring 3", 0x3202
      nop
      cli
    DONE_USER
    call pend
    TRY_USER "pending into ring 3", 0x3202
      nop
      cli
    DONE_USER
    TRY "spurious"
      mov al, 0xff
      out 0x21, al
      sti
      nop
      nop
      cli
    DONE
    TEXT "ticks"
    VALUES [ticks]
    FINISH
