/*
 * Executes instructions on this machine's processor with a given state and writes the state after. Records of RECORD
 * bytes come on standard input and go to standard output in the same layout (records.ts):
 *   0 FXSAVE image, 512 general registers, 640 RFLAGS, 648 vector of the exception + 1 (in: length of the code),
 *   656 code (16 bytes), 672 memory (80 bytes), 752 flags: bit 0: RBX and RDI are offsets into the memory.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#define RECORD 768

static uint8_t record[RECORD] __attribute__((aligned(64)));
static uint8_t memory[128] __attribute__((aligned(64)));
uint64_t registers[16];
uint64_t rflags;
uint64_t savedRsp;
uint8_t fx[512] __attribute__((aligned(64)));
uint8_t *code;
static volatile uint64_t vector;

void enter(void);
void leave(void);
__asm__(
    ".text\n"
    "enter:\n"
    "push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
    "fxrstor64 fx(%rip)\n"
    "pushq rflags(%rip)\n popfq\n"
    "mov %rsp, savedRsp(%rip)\n"
    "mov registers+0(%rip), %rax\n mov registers+8(%rip), %rcx\n mov registers+16(%rip), %rdx\n"
    "mov registers+24(%rip), %rbx\n mov registers+40(%rip), %rbp\n mov registers+48(%rip), %rsi\n"
    "mov registers+56(%rip), %rdi\n mov registers+64(%rip), %r8\n mov registers+72(%rip), %r9\n"
    "mov registers+80(%rip), %r10\n mov registers+88(%rip), %r11\n mov registers+96(%rip), %r12\n"
    "mov registers+104(%rip), %r13\n mov registers+112(%rip), %r14\n mov registers+120(%rip), %r15\n"
    "jmp *code(%rip)\n"
    "leave:\n"
    "mov savedRsp(%rip), %rsp\n"
    "mov %rax, registers+0(%rip)\n mov %rcx, registers+8(%rip)\n mov %rdx, registers+16(%rip)\n"
    "mov %rbx, registers+24(%rip)\n mov %rbp, registers+40(%rip)\n mov %rsi, registers+48(%rip)\n"
    "mov %rdi, registers+56(%rip)\n mov %r8, registers+64(%rip)\n mov %r9, registers+72(%rip)\n"
    "mov %r10, registers+80(%rip)\n mov %r11, registers+88(%rip)\n mov %r12, registers+96(%rip)\n"
    "mov %r13, registers+104(%rip)\n mov %r14, registers+112(%rip)\n mov %r15, registers+120(%rip)\n"
    "pushfq\n popq rflags(%rip)\n"
    "fxsave64 fx(%rip)\n"
    "fninit\n"
    "pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n"
    "ret\n");

static void onSignal(int number, siginfo_t *info, void *context) {
  ucontext_t *u = context;
  (void)number;
  (void)info;
  vector = (uint64_t)u->uc_mcontext.gregs[REG_TRAPNO] + 1;
  u->uc_mcontext.gregs[REG_RIP] = (greg_t)(uintptr_t)leave;
}

int main(void) {
  static uint8_t stack[65536];
  stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
  sigaltstack(&alternate, NULL);
  struct sigaction action = {.sa_sigaction = onSignal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  int signals[] = {SIGILL, SIGFPE, SIGSEGV, SIGBUS, SIGTRAP};
  for (unsigned i = 0; i < 5; i++) sigaction(signals[i], &action, NULL);
  code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (code == MAP_FAILED) return 1;
  while (fread(record, RECORD, 1, stdin) == 1) {
    memcpy(fx, record, 512);
    memcpy(registers, record + 512, 128);
    memcpy(&rflags, record + 640, 8);
    uint64_t length;
    memcpy(&length, record + 648, 8);
    if (length > 15) return 2;
    memcpy(code, record + 656, length);
    /* jmp *0(%rip), then the address */
    memcpy(code + length, "\xff\x25\0\0\0\0", 6);
    void (*back)(void) = leave;
    memcpy(code + length + 6, &back, 8);
    memcpy(memory, record + 672, 80);
    int points = record[752] & 1;
    uint64_t base = (uint64_t)(uintptr_t)memory;
    uint64_t rbx = registers[3] + base;
    uint64_t rdi = registers[7] + base;
    if (points) {
      registers[3] = rbx;
      registers[7] = rdi;
    }
    vector = 0;
    enter();
    if (points && registers[3] == rbx) registers[3] -= base;
    if (points && registers[7] == rdi) registers[7] -= base;
    memcpy(record, fx, 512);
    memcpy(record + 512, registers, 128);
    memcpy(record + 640, &rflags, 8);
    uint64_t v = vector;
    memcpy(record + 648, &v, 8);
    memcpy(record + 672, memory, 80);
    if (fwrite(record, RECORD, 1, stdout) != 1) return 3;
  }
  return 0;
}
