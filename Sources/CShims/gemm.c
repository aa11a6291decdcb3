// Matrix products through oneDNN, one thread a call.
//
// oneDNN compiles a kernel per shape ("primitive"). A primitive carries scratch memory and memory descriptors that one thread
// may use at a time, so each thread keeps its own table; making the same primitive on a second thread is cheap, because oneDNN
// shares the compiled code.

#define _GNU_SOURCE
#include "gemm.h"

#include <dlfcn.h>
#include <dnnl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { TABLE_SIZE = 1024, TABLE_LIMIT = 512 };

typedef struct {
    heal_gemm_shape shape;
    dnnl_primitive_t primitive;
    dnnl_memory_t a, b, c, scratch;
} entry;

typedef struct {
    entry entries[TABLE_SIZE];
    int count;
    void *scratch;
    size_t scratch_size;
    dnnl_stream_t stream;
} thread_table;

static dnnl_engine_t engine;
static pthread_key_t table_key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void forget(thread_table *t) {
    for (int i = 0; i < TABLE_SIZE; i++) {
        entry *e = &t->entries[i];
        if (!e->primitive) continue;
        dnnl_primitive_destroy(e->primitive);
        dnnl_memory_destroy(e->a);
        dnnl_memory_destroy(e->b);
        dnnl_memory_destroy(e->c);
        dnnl_memory_destroy(e->scratch);
    }
    memset(t->entries, 0, sizeof t->entries);
    t->count = 0;
}

static void destroy_table(void *pointer) {
    thread_table *t = pointer;
    forget(t);
    dnnl_stream_destroy(t->stream);
    free(t->scratch);
    free(t);
}

static void start(void) {
    dnnl_engine_create(&engine, dnnl_cpu, 0);
    pthread_key_create(&table_key, destroy_table);
}

static thread_table *this_table(void) {
    pthread_once(&once, start);
    thread_table *t = pthread_getspecific(table_key);
    if (t) return t;
    t = calloc(1, sizeof *t);
    if (!t || !engine || dnnl_stream_create(&t->stream, engine, dnnl_stream_default_flags) != dnnl_success) {
        free(t);
        return NULL;
    }
    pthread_setspecific(table_key, t);
    // oneDNN may be built on OpenMP; the workers are ours, so each of them runs it with one thread.
    void (*set_threads)(int) = (void (*)(int))dlsym(RTLD_DEFAULT, "omp_set_num_threads");
    if (set_threads) set_threads(1);
    return t;
}

static uint64_t hash(const heal_gemm_shape *s) {
    const uint8_t *p = (const uint8_t *)s;
    uint64_t h = 1469598103934665603ull;
    for (size_t i = 0; i < sizeof *s; i += 4) {
        uint32_t w;
        memcpy(&w, p + i, 4);
        h = (h ^ w) * 1099511628211ull;
    }
    return h ^ (h >> 29);
}

static dnnl_data_type_t type_of(int32_t t) { return t == HEAL_BF16 ? dnnl_bf16 : dnnl_f32; }

static dnnl_status_t describe(const heal_gemm_shape *s, dnnl_primitive_desc_t *out, dnnl_memory_desc_t md[3]) {
    dnnl_dims_t ad = {s->m, s->k}, bd = {s->k, s->n}, cd = {s->m, s->n};
    dnnl_dims_t as = {s->transpose_a ? 1 : s->lda, s->transpose_a ? s->lda : 1};
    dnnl_dims_t bs = {s->transpose_b ? 1 : s->ldb, s->transpose_b ? s->ldb : 1};
    dnnl_dims_t cs = {s->ldc, 1};
    dnnl_status_t status;
    if ((status = dnnl_memory_desc_init_by_strides(&md[0], 2, ad, type_of(s->input_type), as))) return status;
    if ((status = dnnl_memory_desc_init_by_strides(&md[1], 2, bd, type_of(s->input_type), bs))) return status;
    if ((status = dnnl_memory_desc_init_by_strides(&md[2], 2, cd, type_of(s->output_type), cs))) return status;
    dnnl_matmul_desc_t op;
    if ((status = dnnl_matmul_desc_init(&op, &md[0], &md[1], NULL, &md[2]))) return status;
    dnnl_primitive_attr_t attr;
    if ((status = dnnl_primitive_attr_create(&attr))) return status;
    dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    if (s->accumulate) {
        dnnl_post_ops_t post;
        dnnl_post_ops_create(&post);
        dnnl_post_ops_append_sum(post, 1.0f);
        dnnl_primitive_attr_set_post_ops(attr, post);
        dnnl_post_ops_destroy(post);
    }
    status = dnnl_primitive_desc_create(out, &op, attr, engine, NULL);
    dnnl_primitive_attr_destroy(attr);
    return status;
}

static dnnl_status_t make(thread_table *t, entry *e, const heal_gemm_shape *s) {
    dnnl_primitive_desc_t pd;
    dnnl_memory_desc_t md[3];
    dnnl_status_t status = describe(s, &pd, md);
    if (status) return status;
    status = dnnl_primitive_create(&e->primitive, pd);
    const dnnl_memory_desc_t *smd = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    size_t need = dnnl_memory_desc_get_size(smd);
    if (!status && need > t->scratch_size) {
        free(t->scratch);
        t->scratch_size = 0;
        size_t rounded = (need + 4095) / 4096 * 4096;
        t->scratch = aligned_alloc(4096, rounded);
        if (t->scratch) t->scratch_size = rounded; else status = dnnl_out_of_memory;
    }
    if (!status) status = dnnl_memory_create(&e->a, &md[0], engine, DNNL_MEMORY_NONE);
    if (!status) status = dnnl_memory_create(&e->b, &md[1], engine, DNNL_MEMORY_NONE);
    if (!status) status = dnnl_memory_create(&e->c, &md[2], engine, DNNL_MEMORY_NONE);
    if (!status) status = dnnl_memory_create(&e->scratch, smd, engine, DNNL_MEMORY_NONE);
    dnnl_primitive_desc_destroy(pd);
    if (status) {
        if (e->primitive) dnnl_primitive_destroy(e->primitive);
        memset(e, 0, sizeof *e);
        return status;
    }
    e->shape = *s;
    t->count++;
    return dnnl_success;
}

int heal_gemm(const heal_gemm_shape *shape, const void *a, const void *b, void *c) {
    thread_table *t = this_table();
    if (!t) return dnnl_out_of_memory;
    uint64_t slot = hash(shape) % TABLE_SIZE;
    entry *e = &t->entries[slot];
    while (e->primitive && memcmp(&e->shape, shape, sizeof *shape) != 0) {
        slot = (slot + 1) % TABLE_SIZE;
        e = &t->entries[slot];
    }
    if (!e->primitive) {
        if (t->count >= TABLE_LIMIT) {
            forget(t);
            e = &t->entries[hash(shape) % TABLE_SIZE];
        }
        dnnl_status_t status = make(t, e, shape);
        if (status) return status;
    }
    dnnl_memory_set_data_handle(e->a, (void *)a);
    dnnl_memory_set_data_handle(e->b, (void *)b);
    dnnl_memory_set_data_handle(e->c, c);
    dnnl_memory_set_data_handle(e->scratch, t->scratch);
    dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, e->a}, {DNNL_ARG_WEIGHTS, e->b}, {DNNL_ARG_DST, e->c}, {DNNL_ARG_SCRATCHPAD, e->scratch}};
    return dnnl_primitive_execute(e->primitive, t->stream, 4, args);
}

// What oneDNN would multiply with; NULL where it has nothing.
static const char *implementation(int32_t input_type, dnnl_primitive_desc_t *pd) {
    if (!this_table()) return NULL;
    heal_gemm_shape s = {.m = 64, .n = 64, .k = 64, .lda = 64, .ldb = 64, .ldc = 64, .input_type = input_type, .output_type = HEAL_F32};
    dnnl_memory_desc_t md[3];
    if (describe(&s, pd, md) != dnnl_success) return NULL;
    const char *name = "";
    dnnl_primitive_desc_query(*pd, dnnl_query_impl_info_str, 0, &name);
    return name;
}

int heal_gemm_is_fast(int32_t input_type) {
    dnnl_primitive_desc_t pd;
    const char *name = implementation(input_type, &pd);
    if (!name) return 0;
    const int fast = strstr(name, "ref") == NULL;
    dnnl_primitive_desc_destroy(pd);
    return fast;
}

int heal_gemm_exists(int32_t input_type) {
    dnnl_primitive_desc_t pd;
    if (!implementation(input_type, &pd)) return 0;
    dnnl_primitive_desc_destroy(pd);
    return 1;
}
