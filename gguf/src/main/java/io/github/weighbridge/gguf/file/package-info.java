/// The GGUF container: its exact grammar, its entries and their raw bytes. Nothing here knows a model family, a policy or the conversion
/// engine, so that a runtime can take this package alone.
///
/// Read from ggml's `gguf.cpp`, `gguf.h` and gguf-py's `gguf_writer.py` as of llama.cpp v0.5.0. A file is
///
///     file        = magic version tensors keys key* tensor* padding data*
///     magic       = 47 47 55 46                        "GGUF", the same bytes in either byte order
///     version     = u32                                2 or 3; 1 had 32-bit counts and is not read
///     tensors     = i64                                number of tensor entries
///     keys        = i64                                number of key entries
///     key         = string type value                  the key is not empty and stands once
///     tensor      = string dimensions i64* ggml offset
///     dimensions  = u32                                at most 4; the i64 that follow have the row length first, 0 of them are a scalar
///     ggml        = i32                                a GgmlType
///     offset      = u64                                from the begin of the data: the sum of the padded sizes of the tensors before
///     padding     = 00*                                up to the alignment, counted from the begin of the file
///     data        = byte* 00*                          the tensor, then zeros up to the alignment, which the last tensor may lack
///
///     string      = u64 byte*                          length, then UTF-8, no terminator
///     type        = i32                                a GgufValueType
///     value       = u8 | i8 | u16 | i16 | u32 | i32 | f32 | bool | string | array | u64 | i64 | f64
///     bool        = u8                                 0 is false, all else true
///     array       = type u64 value*                    element type, count, elements; no arrays of arrays
///
/// The alignment is the key `general.alignment` (u32, a power of two), or 32. Nothing is padded before the data. A file of no tensors may
/// end right after its keys. All numbers have the byte order of the file; in a big-endian file the version read as little-endian has 16 low
/// zero bits. Big-endian files came with version 3; one that says 2 is read alike. The order of dimensions is the reverse of PyTorch's, the
/// bytes of a tensor are the same; here a [shape][io.github.weighbridge.encoding.Shape] has its rows first.
///
/// [io.github.weighbridge.gguf.file.GgufFile] reads one file, [io.github.weighbridge.gguf.file.GgufSet] one file or all shards of a set,
/// [io.github.weighbridge.gguf.file.GgufHeader] plans and writes a header.
@NullMarked
package io.github.weighbridge.gguf.file;

import org.jspecify.annotations.NullMarked;
