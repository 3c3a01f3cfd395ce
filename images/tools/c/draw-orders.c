/* draw-orders COUNT SEED: that many orders as CSV, the same ones for the same seed, on any machine.
 *
 * Columns: order (from 1), day (1..365), region (0..7), cents (100..99999). The generator is Knuth's MMIX one; of each
 * state the high 32 bits are drawn. */
#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t state;

static uint32_t draw(uint32_t below)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(state >> 32) % below;
}

static uint64_t number(const char *text, const char *name)
{
    char *end;
    errno = 0;
    uintmax_t value = strtoumax(text, &end, 10);
    if (errno || end == text || *end || text[0] == '-') {
        fprintf(stderr, "draw-orders: %s is no %s\n", text, name);
        exit(2);
    }
    return value;
}

int main(int count, char **words)
{
    if (count != 3) {
        fputs("usage: draw-orders COUNT SEED\n", stderr);
        return 2;
    }
    uint64_t orders = number(words[1], "count");
    state = number(words[2], "seed");
    puts("order,day,region,cents");
    for (uint64_t order = 1; order <= orders; order++) {
        uint32_t day = draw(365) + 1, region = draw(8), cents = draw(99900) + 100;
        printf("%" PRIu64 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32 "\n", order, day, region, cents);
    }
    if (fflush(stdout) || ferror(stdout)) {
        perror("draw-orders");
        return 1;
    }
    return 0;
}
