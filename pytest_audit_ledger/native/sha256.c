/* SHA-256 (FIPS 180-4, sections 4.1.2, 4.2.2, 5.1.1, 5.3.3 and 6.2). */
#include "sha256.h"

#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#include <immintrin.h>
#define HAS_INSTRUCTIONS 1
#endif

enum { BLOCK = 64 };

static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t turned(uint32_t word, int by)
{
    return word >> by | word << (32 - by);
}

static uint32_t big_endian(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void compress_portably(uint32_t state[8], const unsigned char *text, size_t blocks)
{
    for (; blocks; blocks--, text += BLOCK) {
        uint32_t w[64], s[8];
        memcpy(s, state, sizeof s);
        for (int t = 0; t < 64; t++) {
            if (t < 16) {
                w[t] = big_endian(text + 4 * t);
            } else {
                uint32_t s0 = turned(w[t - 15], 7) ^ turned(w[t - 15], 18) ^ w[t - 15] >> 3;
                uint32_t s1 = turned(w[t - 2], 17) ^ turned(w[t - 2], 19) ^ w[t - 2] >> 10;
                w[t] = w[t - 16] + s0 + w[t - 7] + s1;
            }
            uint32_t sum1 = turned(s[4], 6) ^ turned(s[4], 11) ^ turned(s[4], 25);
            uint32_t choice = (s[4] & s[5]) ^ (~s[4] & s[6]);
            uint32_t one = s[7] + sum1 + choice + K[t] + w[t];
            uint32_t sum0 = turned(s[0], 2) ^ turned(s[0], 13) ^ turned(s[0], 22);
            uint32_t majority = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);
            memmove(s + 1, s, 7 * sizeof *s);
            s[4] += one;
            s[0] = one + sum0 + majority;
        }
        for (int i = 0; i < 8; i++)
            state[i] += s[i];
    }
}

/* What is left to hash of a message, and the state so far; the last blocks have its end and its length. */
typedef struct {
    uint32_t state[8];
    const unsigned char *text;
    size_t blocks, last_blocks;
    unsigned char last[2 * BLOCK];
} Message;

static void compress_two_portably(Message *one, Message *other, size_t blocks)
{
    compress_portably(one->state, one->text, blocks);
    compress_portably(other->state, other->text, blocks);
}

static void (*compress)(uint32_t state[8], const unsigned char *text, size_t blocks) = compress_portably;
static void (*compress_two)(Message *one, Message *other, size_t blocks) = compress_two_portably;

#ifdef HAS_INSTRUCTIONS
#define BY_INSTRUCTIONS __attribute__((target("sha,sse4.1")))

/* One message that is being hashed. The state is kept as the instructions want it: ABEF, CDGH. */
typedef struct {
    __m128i abef, cdgh, abef_before, cdgh_before, w[4];
} Lane;

BY_INSTRUCTIONS static inline void load(Lane *lane, const uint32_t state[8])
{
    __m128i low = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0xb1);
    __m128i high = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(state + 4)), 0x1b);
    lane->abef = _mm_alignr_epi8(low, high, 8);
    lane->cdgh = _mm_blend_epi16(high, low, 0xf0);
}

BY_INSTRUCTIONS static inline void store(const Lane *lane, uint32_t state[8])
{
    __m128i low = _mm_shuffle_epi32(lane->abef, 0x1b), high = _mm_shuffle_epi32(lane->cdgh, 0xb1);
    _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(low, high, 0xf0));
    _mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(high, low, 8));
}

BY_INSTRUCTIONS static inline void begin_block(Lane *lane, const unsigned char *text)
{
    const __m128i order = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    lane->abef_before = lane->abef;
    lane->cdgh_before = lane->cdgh;
    for (int i = 0; i < 4; i++)
        lane->w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(text + 16 * i)), order);
}

/* Four rounds (Intel, "SHA Extensions", 2013). */
BY_INSTRUCTIONS static inline void rounds(Lane *lane, int i)
{
    __m128i *w = lane->w;
    if (i >= 4) {
        __m128i later = _mm_alignr_epi8(w[(i + 3) & 3], w[(i + 2) & 3], 4);
        __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(w[i & 3], w[(i + 1) & 3]), later);
        w[i & 3] = _mm_sha256msg2_epu32(sum, w[(i + 3) & 3]);
    }
    __m128i keyed = _mm_add_epi32(w[i & 3], _mm_loadu_si128((const __m128i *)(K + 4 * i)));
    lane->cdgh = _mm_sha256rnds2_epu32(lane->cdgh, lane->abef, keyed);
    lane->abef = _mm_sha256rnds2_epu32(lane->abef, lane->cdgh, _mm_shuffle_epi32(keyed, 0x0e));
}

BY_INSTRUCTIONS static inline void end_block(Lane *lane)
{
    lane->abef = _mm_add_epi32(lane->abef, lane->abef_before);
    lane->cdgh = _mm_add_epi32(lane->cdgh, lane->cdgh_before);
}

BY_INSTRUCTIONS static void compress_by_instructions(uint32_t state[8], const unsigned char *text, size_t blocks)
{
    Lane lane;
    load(&lane, state);
    for (; blocks; blocks--, text += BLOCK) {
        begin_block(&lane, text);
#pragma GCC unroll 16
        for (int i = 0; i < 16; i++)
            rounds(&lane, i);
        end_block(&lane);
    }
    store(&lane, state);
}

/* Two messages in turns: while a round of one waits for its result, one of the other begins. */
BY_INSTRUCTIONS static void compress_two_by_instructions(Message *one, Message *other, size_t blocks)
{
    Lane a, b;
    load(&a, one->state);
    load(&b, other->state);
    for (size_t at = 0; at < blocks * BLOCK; at += BLOCK) {
        begin_block(&a, one->text + at);
        begin_block(&b, other->text + at);
#pragma GCC unroll 16
        for (int i = 0; i < 16; i++) {
            rounds(&a, i);
            rounds(&b, i);
        }
        end_block(&a);
        end_block(&b);
    }
    store(&a, one->state);
    store(&b, other->state);
}

static int has_instructions(void)
{
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSE4_1) || !(c & bit_SSSE3))
        return 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & (1u << 29));
}
#endif

void sha256_choose(void)
{
#ifdef HAS_INSTRUCTIONS
    if (has_instructions()) {
        compress = compress_by_instructions;
        compress_two = compress_two_by_instructions;
    }
#endif
}

static void begin(Message *message, const char *text, size_t size)
{
    static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    size_t rest = size % BLOCK, end = rest < BLOCK - 8 ? BLOCK : 2 * BLOCK;
    memcpy(message->state, start, sizeof start);
    message->text = (const unsigned char *)text;
    message->blocks = size / BLOCK;
    message->last_blocks = end / BLOCK;
    memset(message->last, 0, sizeof message->last);
    memcpy(message->last, text + size - rest, rest);
    message->last[rest] = 0x80;
    for (size_t i = 0; i < 8; i++)
        message->last[end - 1 - i] = (unsigned char)((uint64_t)size * 8 >> 8 * i);
}

static void compress_rest(Message *message, size_t done)
{
    compress(message->state, message->text + done * BLOCK, message->blocks - done);
}

/* Go on with the last blocks. */
static void turn_to_last(Message *message)
{
    message->text = message->last;
    message->blocks = message->last_blocks;
}

static void compress_both(Message *one, Message *other)
{
    size_t common = one->blocks < other->blocks ? one->blocks : other->blocks;
    compress_two(one, other, common);
    compress_rest(one, common);
    compress_rest(other, common);
}

static void write(const Message *message, char bytes[SHA256_BYTES])
{
    for (int i = 0; i < SHA256_BYTES; i++)
        bytes[i] = (char)(message->state[i / 4] >> (24 - 8 * (i % 4)));
}

void sha256_one(const char *text, size_t size, char bytes[SHA256_BYTES])
{
    Message message;
    begin(&message, text, size);
    compress_rest(&message, 0);
    turn_to_last(&message);
    compress_rest(&message, 0);
    write(&message, bytes);
}

void sha256_two(const char *const texts[2], const size_t sizes[2], char *const bytes[2])
{
    Message messages[2];
    for (int at = 0; at < 2; at++)
        begin(&messages[at], texts[at], sizes[at]);
    compress_both(&messages[0], &messages[1]);
    for (int at = 0; at < 2; at++)
        turn_to_last(&messages[at]);
    compress_both(&messages[0], &messages[1]);
    for (int at = 0; at < 2; at++)
        write(&messages[at], bytes[at]);
}
