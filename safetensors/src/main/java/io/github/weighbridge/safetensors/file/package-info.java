/// The safetensors file format by itself: its exact grammar, its entries, its raw bytes. Families, policy and conversion are no concern of
/// this package; a runtime that only wants the tensors of a file or folder takes it alone.
///
/// Grammar, as in `README.md` and `safetensors/src/tensor.rs` of huggingface/safetensors 0.8:
///
/// ```
/// file     = length header data
/// length   = 8 bytes, N as an unsigned 64-bit little-endian integer, N <= 100 000 000
/// header   = N bytes of UTF-8: a JSON object, then any number of white-space bytes (writers pad with 0x20)
/// object   = { [ "__metadata__" : { string : string, ... } ] , name : entry , ... }        in any order
/// entry    = { "dtype" : string, "shape" : [ whole, ... ], "data_offsets" : [ begin, end ] }   in any order
/// data     = the rest of the file: little-endian, rows first, no strides
/// ```
///
/// `begin` and `end` count bytes from the first byte of the data; `end` is exclusive. In the order of their offsets the tensors cover
/// the data without hole or overlap, from its first byte to the end of the file. A shape of no dimensions is one number; a dimension may be 0.
/// The number of elements times the bits of the type must be a whole number of bytes. Nothing is said about alignment: data may begin at any
/// byte, although the reference writer aligns each tensor to its element.
///
/// The reader here refuses all that the reference refuses, and five things more, of which the first two are forbidden by the specification
/// but pass its parser: a first byte other than `{`; a name given twice, at any level; a key in an entry other than the three; null
/// in place of the metadata; a name with a NUL character, which formats that end names with one cannot carry on.
///
/// A checkpoint in several files has `model.safetensors.index.json` beside them:
/// `{"metadata": {"total_size": bytes of all tensors}, "weight_map": {name: file}}`. See
/// [SafetensorsFolder][io.github.weighbridge.safetensors.file.SafetensorsFolder].
///
/// Reading: [SafetensorsFile][io.github.weighbridge.safetensors.file.SafetensorsFile] for a file,
/// [SafetensorsFolder][io.github.weighbridge.safetensors.file.SafetensorsFolder] for a folder. Planning what to write:
/// [SafetensorsLayout][io.github.weighbridge.safetensors.file.SafetensorsLayout] and
/// [SafetensorsShards][io.github.weighbridge.safetensors.file.SafetensorsShards], which give places and header bytes and write nothing.
@NullMarked
package io.github.weighbridge.safetensors.file;

import org.jspecify.annotations.NullMarked;
