#include <mpi.h>

// MPI's handles are macros around casts; Swift cannot import such macros.
static inline MPI_Comm heal_mpi_world(void) { return MPI_COMM_WORLD; }

/// The ranks that share this machine's memory with the caller.
static inline int heal_mpi_local_size(void) {
    MPI_Comm local;
    int size = 1;
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &local);
    MPI_Comm_size(local, &size);
    MPI_Comm_free(&local);
    return size;
}

/// Each rank's `count` numbers, in the order of ranks, in `all`.
static inline int heal_mpi_gather(const double *values, int count, double *all) {
    return MPI_Allgather(values, count, MPI_DOUBLE, all, count, MPI_DOUBLE, MPI_COMM_WORLD);
}

static inline int heal_mpi_broadcast(void *bytes, int count) { return MPI_Bcast(bytes, count, MPI_BYTE, 0, MPI_COMM_WORLD); }

/// Begins to replace `values` by their sum over all ranks.
static inline int heal_mpi_start_sum(float *values, int count, MPI_Request *request) {
    return MPI_Iallreduce(MPI_IN_PLACE, values, count, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD, request);
}

/// Lets pending operations advance; those that are finished become null requests.
static inline int heal_mpi_progress(int count, MPI_Request *requests) {
    int done = 0;
    return MPI_Testall(count, requests, &done, MPI_STATUSES_IGNORE);
}

static inline int heal_mpi_wait(int count, MPI_Request *requests) { return MPI_Waitall(count, requests, MPI_STATUSES_IGNORE); }
