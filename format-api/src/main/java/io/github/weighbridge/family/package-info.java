/// Model families as tables: for each weight its role, shape and presence, and for each dialect (Hugging Face, GGUF) its name, its view, and the
/// hyper-parameters' names. One place knows each fact of a family.
@NullMarked
package io.github.weighbridge.family;

import org.jspecify.annotations.NullMarked;
