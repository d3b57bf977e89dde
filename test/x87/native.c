/* Runs floating-point instructions on this machine's own processor. Cases come on standard input, outcomes go to
 * standard output; both are arrays of the structures below. An instruction finds its memory operand at [rdi]. */
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

struct test_case {
  uint8_t code[8];    /* the instruction, padded with 90 */
  uint8_t state[108]; /* FSAVE image to start from */
  uint32_t eflags;
  uint8_t memory[128];
};
struct outcome {
  uint8_t state[108]; /* FSAVE image afterwards */
  uint32_t eflags;
  uint32_t eax;
  uint32_t signal; /* 0, or the signal that the instruction raised */
  uint8_t memory[128];
};

static sigjmp_buf back;

static void on_signal(int number) { siglongjmp(back, number); }

int main(void) {
  static struct test_case in;
  static struct outcome out;
  static uint8_t memory[128] __attribute__((aligned(16)));
  uint8_t *code = mmap((void *)0x10000000, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (code == MAP_FAILED) {
    perror("mmap");
    return 1;
  }
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGILL, &action, NULL);
  sigaction(SIGFPE, &action, NULL);
  static char buffers[2][1 << 16];
  setvbuf(stdin, buffers[0], _IOFBF, sizeof buffers[0]);
  setvbuf(stdout, buffers[1], _IOFBF, sizeof buffers[1]);
  while (fread(&in, sizeof in, 1, stdin) == 1) {
    memcpy(code, in.code, sizeof in.code);
    code[sizeof in.code] = 0xc3;
    memcpy(memory, in.memory, sizeof memory);
    memset(&out, 0, sizeof out);
    uint64_t flags = 0, rax = 0x5555;
    out.signal = (uint32_t)sigsetjmp(back, 1);
    if (out.signal == 0) {
      __asm__ volatile("frstor %[state]\n\t"
                       "pushq %[start]\n\t"
                       "popfq\n\t"
                       "call *%[code]\n\t"
                       "pushfq\n\t"
                       "popq %[flags]\n\t"
                       "fnsave %[result]\n\t"
                       : [flags] "=&r"(flags), "+a"(rax), [result] "=m"(out.state), "+m"(memory)
                       : [state] "m"(in.state), [start] "r"((uint64_t)in.eflags), [code] "r"(code), "D"(memory)
                       : "cc", "memory");
      out.eflags = (uint32_t)flags;
      out.eax = (uint32_t)rax;
    } else {
      __asm__ volatile("fninit");
    }
    memcpy(out.memory, memory, sizeof memory);
    fwrite(&out, sizeof out, 1, stdout);
  }
  return 0;
}
